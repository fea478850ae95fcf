//! What surrounds every page.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use skillhost_access::{Identity, Role};

use super::assets;
use super::fault::Fault;
use super::session::Session;

/// What there is to go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Skills,
    Approvals,
    Activity,
    Events,
    Runs,
    Agents,
    Models,
    Ledger,
    Settings,
}

impl Section {
    const ALL: [Self; 10] = [
        Self::Overview,
        Self::Skills,
        Self::Approvals,
        Self::Activity,
        Self::Events,
        Self::Runs,
        Self::Agents,
        Self::Models,
        Self::Ledger,
        Self::Settings,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Skills => "Skills",
            Self::Approvals => "Approvals",
            Self::Activity => "Activity",
            Self::Events => "Events",
            Self::Runs => "Runs",
            Self::Agents => "Agents",
            Self::Models => "Models",
            Self::Ledger => "Ledger",
            Self::Settings => "Settings",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Skills => "/skills",
            Self::Approvals => "/approvals",
            Self::Activity => "/activity",
            Self::Events => "/events",
            Self::Runs => "/runs",
            Self::Agents => "/agents",
            Self::Models => "/models",
            Self::Ledger => "/ledger",
            Self::Settings => "/settings",
        }
    }

    /// May `identity` go there? The queue of approvals is an administrator's, and the settings are for those who see all tenants.
    fn is_for(self, identity: &Identity) -> bool {
        match self {
            Self::Approvals => identity.role >= Role::Admin,
            Self::Settings => identity.tenants.only().is_none(),
            _ => true,
        }
    }
}

/// What a page says of itself and to whom.
pub(super) struct Page {
    pub(super) title: String,
    /// Which of the sections it belongs to.
    pub(super) section: Option<Section>,
    /// Nobody: the page is one that anybody sees.
    pub(super) reader: Option<Reader>,
    /// What came of what the reader did last.
    pub(super) told: Option<String>,
}

/// Whoever looks at a page.
pub(super) struct Reader {
    pub(super) identity: Identity,
    pub(super) csrf: String,
}

impl Page {
    /// A page for the holder of `session`.
    pub(super) fn new(session: &Session, section: Section, title: impl Into<String>) -> Self {
        let reader = Reader { identity: session.identity.clone(), csrf: session.csrf() };
        Self { title: title.into(), section: Some(section), reader: Some(reader), told: session.told.clone() }
    }

    /// A page for anybody.
    pub(super) fn public(title: impl Into<String>) -> Self {
        Self { title: title.into(), section: None, reader: None, told: None }
    }

    /// The sections that the reader may go to.
    pub(super) fn sections(&self) -> impl Iterator<Item = &'static Section> {
        let reader = self.reader.as_ref();
        Section::ALL.iter().filter(move |section| reader.is_some_and(|reader| section.is_for(&reader.identity)))
    }

    pub(super) fn is_in(&self, section: &Section) -> bool {
        self.section == Some(*section)
    }

    /// What every form of the page sends with it.
    pub(super) fn csrf(&self) -> &str {
        self.reader.as_ref().map_or("", |reader| &reader.csrf)
    }

    /// May the reader do what takes `role`?
    pub(super) fn may(&self, role: Role) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.identity.role >= role)
    }

    pub(super) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}

/// A template as an answer.
pub(super) fn html(template: &impl Template) -> Result<Response, Fault> {
    Ok(Html(template.render().map_err(Fault::internal)?).into_response())
}
