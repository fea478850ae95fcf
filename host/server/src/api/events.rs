//! The event log, the polling way.

use axum::Json;
use skillhost_events::Event;
use skillhost_feed::may_see;
use skillhost_types::Glob;

use super::extract::{self, Query, bad};
use super::schemas;
use crate::access::Viewer;
use crate::problem::Problem;
use crate::shared::State;

/// Most kinds that one asks for at once. There are some thirty, and globs.
const KINDS: usize = 32;

/// Longest glob of kinds, in bytes: twice the longest kind.
const LONGEST_KIND: usize = 128;

/// Which events.
#[derive(Default)]
struct Asked {
    after: Option<u64>,
    kinds: Vec<Glob>,
    limit: Option<usize>,
}

impl Asked {
    fn read(query: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, value) in query {
            let number = |value: &str| bad(format!("`{name}` is a number, not `{}`", super::skills::shown(value)));
            match name.as_str() {
                "after" => asked.after = Some(value.parse().map_err(|_| number(&value))?),
                "limit" => asked.limit = Some(value.parse().map_err(|_| number(&value))?),
                "kind" => asked.kinds.extend(value.split(',').filter(|kind| !kind.is_empty()).map(Glob::new)),
                other => {
                    let other = super::skills::shown(other);
                    return Err(bad(format!("`{other}` is nothing to ask by; there are `after`, `kind` and `limit`")));
                }
            }
        }
        if asked.kinds.len() > KINDS || asked.kinds.iter().any(|kind| kind.as_str().len() > LONGEST_KIND) {
            return Err(bad(format!("`kind` names at most {KINDS} kinds of at most {LONGEST_KIND} bytes")));
        }
        Ok(asked)
    }
}

/// Events of the token's tenant, in the order of the log
///
/// The objects of `skillhost events --json`. Without `after` the last ones; with it those that follow on it. A token of one
/// tenant also sees what the host does with skills.
#[utoipa::path(get, path = "/api/events", operation_id = "listEvents", tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "Only after this position"),
        ("kind" = Option<Vec<String>>, Query, description = "Only kinds that one of these globs matches; `*` crosses dots. \
            Several are given by commas or by several `kind`s"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "So many at the most; 100 if nothing is said"),
    ),
    responses(
        (status = 200, description = "The events", body = Vec<schemas::Event>),
        (status = 400, description = "The query cannot be read"),
    ))]
pub(super) async fn list(
    shared: State,
    Viewer(identity): Viewer,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Vec<Event>>, Problem> {
    let Asked { after, kinds, limit } = Asked::read(query)?;
    let limit = extract::page(limit)?;
    let host = shared.app()?.host.clone();
    let events = super::blocking(move || {
        let of_kind = |event: &Event| kinds.is_empty() || kinds.iter().any(|kind| kind.matches(&event.kind));
        let wanted =
            |event: &Event| of_kind(event) && may_see(&event.kind, event.tenant.as_ref(), identity.tenants.only());
        match after {
            Some(after) => host.events().read_where(after, limit, wanted),
            None => host.events().last_where(limit, wanted),
        }
    });
    Ok(Json(events.await?))
}
