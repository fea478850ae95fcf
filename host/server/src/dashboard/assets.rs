//! Scripts and styles.
//!
//! Contract: they are part of the program and are named with their hash, so that a browser asks for each once per version.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, StatusCode};
use skillhost_types::Digest;

use crate::problem::Problem;

/// Hexadecimal digits of a hash that tell versions apart.
const TAG: usize = 16;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    tag: String,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        asset_of("style.css", CSS, include_bytes!("../../assets/style.css")),
        asset_of("page.js", SCRIPT, include_bytes!("../../assets/page.js")),
        asset_of("live.js", SCRIPT, include_bytes!("../../assets/live.js")),
        asset_of("htmx.min.js", SCRIPT, include_bytes!("../../assets/htmx.min.js")),
        asset_of("icon.svg", ICON, include_bytes!("../../assets/icon.svg")),
    ]
});

fn asset_of(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let tag = Digest::of(bytes).hex().chars().take(TAG).collect();
    Asset { name, media_type, bytes, tag }
}

/// Where a page finds `name`.
pub(super) fn url(name: &str) -> String {
    let tag = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.tag);
    format!("/assets/{name}?v={tag}")
}

/// `GET /assets/NAME?v=HASH`
pub(super) async fn asset(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Problem::not_found("there is no such file").into_response();
    };
    let tag = format!("\"{}\"", asset.tag);
    let named = query.and_then(|query| query.strip_prefix("v=").map(|version| version == asset.tag)) == Some(true);
    let caching = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let head = [(ETAG, tag.as_str()), (CACHE_CONTROL, caching), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(CONTENT_TYPE, asset.media_type)], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_kept_for_ever_under_the_name_of_its_version_only() {
        for asset in &*ASSETS {
            let path = || Path(asset.name.to_owned());
            let caching = |response: &Response| response.headers()[CACHE_CONTROL].to_str().unwrap().to_owned();
            let version = url(asset.name).split_once('?').map(|(_, query)| query.to_owned());
            let response = super::asset(path(), RawQuery(version), HeaderMap::new()).await;
            assert!(caching(&response).contains("immutable"), "{}", asset.name);
            let other = super::asset(path(), RawQuery(Some("v=0".into())), HeaderMap::new()).await;
            assert_eq!(caching(&other), "no-cache");
            let tag = other.headers()[ETAG].clone();
            let again = super::asset(path(), RawQuery(None), HeaderMap::from_iter([(IF_NONE_MATCH, tag)])).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        }
    }
}
