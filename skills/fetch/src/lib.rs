//! A web page as Markdown, with its title and links.
//!
//! ```text
//! skillhost run fetch.page url=https://example.com/
//! ```
//!
//! Promises the page at the end of at most five redirects, each of which the host checks; other text comes as it is, and what
//! is no text is refused. Bounded by [`MAX_BODY`] bytes that are read and [`MAX_MARKDOWN`] bytes that are given, and the
//! result says where it was cut. Costs the transfer, and fuel in proportion to the page.

mod follow;
mod html;
mod text;
#[cfg(target_family = "wasm")]
mod wasi;

pub use html::Link;

use skillhost_sdk::prelude::*;

use follow::{Error, Transport};
use html::Converted;
use text::{Kind, Media};

/// Bytes of a page that are read: 30 times what an article takes, and what the default fuel suffices for.
pub const MAX_BODY: usize = 1024 * 1024;
/// Bytes of Markdown or text that are given: twice in an output, for programs and for people, and still within the default
/// limit when every line end is escaped.
pub const MAX_MARKDOWN: usize = 128 * 1024;

/// The address of a page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// In full, such as `https://example.com/page`.
    pub url: String,
}

/// A page that was fetched.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fetched {
    /// What the page calls itself.
    pub title: Option<String>,
    /// Where it was found, after redirects.
    pub url: String,
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// The page as Markdown; other text as it is.
    pub markdown: String,
    /// The links of a page, in their order.
    pub links: Vec<Link>,
    /// Set where the page was too long to be given whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Fetches a web page and gives it as Markdown with its title and links.
#[skill(wants("http.request GET https://*/*" = "Fetches the pages that it is asked for; it sends nothing but their addresses."))]
pub mod fetch {
    use super::*;

    /// Fetches a page: HTML becomes Markdown with title and links, other text stays as it is. Follows up to five redirects.
    #[tool(read_only, idempotent, open_world, output = Fetched)]
    pub fn page(input: Address) -> Result<Output, ToolError> {
        let fetched = crate::page(&Host, &input.url)?;
        let text = fetched.title.iter().map(|title| format!("# {title}\n\n")).collect::<String>() + &fetched.markdown;
        Ok(Output::new().data(&fetched)?.text(match &fetched.note {
            Some(note) => format!("{text}\n\n({note})"),
            None => text,
        }))
    }
}

#[cfg(target_family = "wasm")]
use wasi::Host;

/// Outside of a component nobody sends requests: as if nothing were granted.
#[cfg(not(target_family = "wasm"))]
struct Host;

#[cfg(not(target_family = "wasm"))]
impl Transport for Host {
    fn get(&self, _: &url::Url) -> Result<follow::Response, follow::Refusal> {
        Err(follow::Refusal::Denied)
    }
}

fn page(transport: &impl Transport, url: &str) -> Result<Fetched, ToolError> {
    let url = follow::address(url).or_invalid_input()?;
    let (url, response) = follow::follow(transport, url).map_err(tool_error)?;
    let media = Media::parse(response.content_type.as_deref().unwrap_or_default());
    let Some(kind) = media.kind(&response.body) else {
        let media = if media.name.is_empty() { "binary".to_owned() } else { media.name };
        return Err(tool_error(Error::NotText { url: url.to_string(), media }));
    };
    let text = media.decode(&response.body, kind);
    let converted = match kind {
        Kind::Html => html::convert(&text, &url)?,
        Kind::Plain => Converted { markdown: text, ..Converted::default() },
    };
    let mut markdown = fit_to_print(converted.markdown);
    let too_long = cut(&mut markdown);
    let note = match (response.cut, too_long) {
        (_, true) => Some(format!("only the first {} KiB are given", MAX_MARKDOWN / 1024)),
        (true, false) => Some(format!("only the first {} KiB of the page were read", MAX_BODY / 1024)),
        (false, false) => None,
    };
    let Converted { title, links, .. } = converted;
    Ok(Fetched { title, url: url.to_string(), status: response.status, markdown, links, note })
}

fn tool_error(error: Error) -> ToolError {
    if error.is_passing() { ToolError::transient(error) } else { ToolError::failed(error) }
}

/// A page's control characters would act on a terminal, and grow sixfold in JSON.
fn fit_to_print(text: String) -> String {
    let unfit = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if text.contains(unfit) { text.replace(unfit, "") } else { text }
}

/// Cuts at a character within [`MAX_MARKDOWN`]; says whether it had to.
fn cut(text: &mut String) -> bool {
    let too_long = text.len() > MAX_MARKDOWN;
    text.truncate(text.floor_char_boundary(MAX_MARKDOWN));
    too_long
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;
    use crate::follow::{Refusal, Response};
    use url::Url;

    struct Answer(Response);

    impl Transport for Answer {
        fn get(&self, _: &Url) -> Result<Response, Refusal> {
            Ok(self.0.clone())
        }
    }

    fn answer(media: &str, body: impl Into<Vec<u8>>) -> Answer {
        let content_type = (!media.is_empty()).then(|| media.to_owned());
        Answer(Response { status: 200, content_type, body: body.into(), ..Response::default() })
    }

    fn page(answer: &Answer) -> Result<Fetched, ToolError> {
        crate::page(answer, "https://example.com/a")
    }

    #[test]
    fn a_page_comes_as_markdown_with_title_and_links() {
        let body = b"<title>Caf\xe9</title><h1>Tea</h1><a href=b>more</a>";
        let page = page(&answer("text/html; charset=iso-8859-1", body)).unwrap();
        assert_eq!(
            (page.title.as_deref(), page.url.as_str(), page.status),
            (Some("Café"), "https://example.com/a", 200)
        );
        assert_eq!(page.markdown, "# Tea\n\n[more](https://example.com/b)");
        assert_eq!((page.links.len(), page.note), (1, None));
    }

    #[test]
    fn other_text_comes_as_it_is() {
        let page = page(&answer("application/json", "{\"a\": \"<b>\"}")).unwrap();
        assert_eq!((page.markdown.as_str(), page.title, page.links.len()), ("{\"a\": \"<b>\"}", None, 0));
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_media_type() {
        for (media, named) in [("image/png", "`image/png`"), ("", "`binary`")] {
            let error = page(&answer(media, b"\x89PNG\0")).unwrap_err();
            assert!(matches!(&error, ToolError::Failed(why) if why.contains(named)), "{error}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        let long = page(&answer("text/plain", "é".repeat(MAX_MARKDOWN))).unwrap();
        assert_eq!((long.markdown.len(), long.markdown.chars().count()), (MAX_MARKDOWN, MAX_MARKDOWN / 2));
        assert_eq!(long.note.as_deref(), Some("only the first 128 KiB are given"));
        let mut cut = answer("text/plain", "x");
        cut.0.cut = true;
        assert_eq!(page(&cut).unwrap().note.as_deref(), Some("only the first 1024 KiB of the page were read"));
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(page(&answer("text/plain", "a\u{1b}[31m\tb\r\nc")).unwrap().markdown, "a[31m\tb\nc");
    }

    #[test]
    fn the_largest_page_fits_into_an_output() {
        let links: String = (0..5000).map(|number| format!("<a href=/{number}>\"{number}\"</a><br>")).collect();
        let page = page(&answer("text/html", links + &"\"<br>".repeat(100_000))).unwrap();
        let text = page.markdown.clone();
        let output = Output::new().data(&page).unwrap().text(text);
        let bytes = output.value().to_string().len() + json!(output.texts()).to_string().len();
        assert!(bytes < 1024 * 1024, "{bytes}");
    }

    #[test]
    fn errors_are_of_the_kind_that_a_caller_can_act_on() {
        let call = |url: &str| fetch::call("page", &json!({ "url": url }).to_string());
        assert!(matches!(call("example.com"), Err(ToolError::InvalidInput(_))));
        let denied = call("https://example.com/a").unwrap_err();
        assert!(denied.message().contains("`http.request GET https://example.com/*`"), "{denied}");
        let busy = page(&Answer(Response { status: 503, ..Response::default() })).unwrap_err();
        assert!(matches!(busy, ToolError::Transient(_)), "{busy}");
    }

    #[test]
    fn the_manifest_asks_to_get_pages_and_nothing_else() {
        let manifest = fetch::manifest();
        assert_eq!(manifest.name, "fetch");
        let wants: Vec<_> = manifest.wants.iter().map(|want| (want.capability.as_str(), want.scope.as_str())).collect();
        assert_eq!(wants, [("http.request", "GET https://*/*")]);
    }
}
