//! The event log, the polling way.

use skillhost_events::{self as events, Event, LONGEST_KIND, Page};
use skillhost_types::Glob;

use super::extract::{Part, Query, bad};
use super::schemas;
use crate::access::Viewer;
use crate::log::REACH;
use crate::problem::Problem;
use crate::shared::State;

/// Most kinds that one asks for at once. There are some thirty, and globs.
const KINDS: usize = 32;

/// Which kinds; none: all.
fn kinds(query: &Query) -> Result<Vec<Glob>, Problem> {
    let kinds = query.all("kind").flat_map(|kinds| kinds.split(',')).filter(|kind| !kind.is_empty());
    let kinds: Vec<_> = kinds.map(Glob::new).collect();
    if kinds.len() > KINDS || kinds.iter().any(|kind| kind.as_str().len() > LONGEST_KIND) {
        return Err(bad(format!("`kind` names at most {KINDS} kinds of at most {LONGEST_KIND} bytes")));
    }
    Ok(kinds)
}

/// Events of the token's tenant, in the order of the log
///
/// The objects of `skillhost events --json`. Without `after` the last ones; with it those that follow on it. A token of one
/// tenant also sees what the host does with skills. A look takes in a part of the log: `Link` says where the same one goes on,
/// also if nothing was found.
#[utoipa::path(get, path = "/api/events", operation_id = "listEvents", tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "Only after this position"),
        ("before" = Option<u64>, Query, description = "Only before this position"),
        ("kind" = Option<Vec<String>>, Query, description = "Only kinds that one of these globs matches; `*` crosses dots. \
            Several are given by commas or by several `kind`s"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "So many at the most; 100 if nothing is said"),
    ),
    responses(
        (status = 200, description = "The events", body = Vec<schemas::Event>, headers(
            ("Link" = Option<String>, description = "The address to go on with, as `<…>; rel=\"next\"`, where there may be more"))),
        (status = 400, description = "The query cannot be read"),
        (status = 503, description = "The host is starting or stopping, or too many read the log at once"),
    ))]
pub(super) async fn list(shared: State, Viewer(identity): Viewer, query: Query) -> Result<Part<Event>, Problem> {
    let query = query.of(&["after", "before", "kind", "limit"])?;
    let (after, before) = (query.position("after")?, query.position("before")?);
    let viewer = identity.tenants.only().cloned();
    let asked =
        events::Query { kinds: kinds(&query)?, viewer, after, before, limit: query.limit()?, ..Default::default() };
    let page = shared.app()?.log.read(move |log| match after {
        Some(_) => log.read_page(&asked, REACH),
        None => log.last_page(&asked, REACH),
    });
    let Page { found, next } = page.await?;
    Ok(Part::new(found, &query, if after.is_some() { "after" } else { "before" }, next))
}
