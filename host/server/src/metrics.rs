//! `/metrics`, as Prometheus reads them.
//!
//! Contract: labels have few values, whatever happens: two hundred skills and `_other`, the outcomes, the configured
//! providers, the routes. No tenant, run, key, path or token is among them. A token of one tenant gets the same figures, which
//! are the whole host's, but not by skill: who runs what is not for everybody. Counts of runs are what the event log
//! gained since the start, other processes' runs on the data directory included. Price: some reads and a few milliseconds,
//! when somebody asks.

mod figures;
mod process;
mod render;
mod text;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

use self::figures::Figures;
use crate::access::Viewer;
use crate::problem::Problem;
use crate::shared::State;

type Metrics = ([(HeaderName, HeaderValue); 1], String);

pub(crate) async fn metrics(shared: State, Viewer(identity): Viewer) -> Result<Metrics, Problem> {
    let figures = Figures::read(shared.app()?, &shared).await;
    let text = render::render(&figures, identity.tenants.only().is_none());
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE))], text))
}

#[cfg(test)]
mod tests;
