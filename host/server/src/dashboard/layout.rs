//! What surrounds every page.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use skillhost_access::Role;

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

    /// Who may go there: the queue of approvals is an administrator's, here as over HTTP.
    fn needs(self) -> Role {
        if self == Self::Approvals { Role::Admin } else { Role::Viewer }
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
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) tenants: String,
    pub(super) csrf: String,
}

impl Page {
    /// A page for the holder of `session`.
    pub(super) fn new(session: &Session, section: Section, title: impl Into<String>) -> Self {
        let identity = &session.identity;
        let reader = Reader {
            name: identity.name.to_string(),
            role: identity.role,
            tenants: identity.tenants.to_string(),
            csrf: session.csrf(),
        };
        Self { title: title.into(), section: Some(section), reader: Some(reader), told: session.told.clone() }
    }

    /// A page for anybody.
    pub(super) fn public(title: impl Into<String>) -> Self {
        Self { title: title.into(), section: None, reader: None, told: None }
    }

    /// The sections that the reader may go to.
    pub(super) fn sections(&self) -> impl Iterator<Item = &'static Section> {
        let role = self.reader.as_ref().map(|reader| reader.role);
        Section::ALL.iter().filter(move |section| role.is_some_and(|role| role >= section.needs()))
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
        self.reader.as_ref().is_some_and(|reader| reader.role >= role)
    }

    pub(super) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}

/// A template as an answer.
pub(super) fn html(template: &impl Template) -> Result<Response, Fault> {
    Ok(Html(template.render().map_err(Fault::internal)?).into_response())
}
