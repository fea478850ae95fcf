use super::scope::Scope;
use super::{Capability, Grant, HttpScope, HttpTarget};

/// The grants that somebody holds: each once, found by capability.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// In the order of text, so that those of one capability lie side by side.
    sorted: Vec<Grant>,
}

impl Grants {
    /// May `subject`, such as a key, a model, `skill.tool` or a directory's name, be used with `capability`?
    /// Never for `http.request`, whose subject is a [target](Self::allows_http).
    pub fn allows(&self, capability: Capability, subject: &str) -> bool {
        self.of(capability).any(|grant| match &*grant.scope {
            Scope::Glob(glob) => glob.matches(subject),
            Scope::Http(_) => false,
        })
    }

    /// The first scope that lets a request through, if one does.
    pub fn allows_http(&self, target: &HttpTarget<'_>) -> Option<&HttpScope> {
        self.of(Capability::HttpRequest).find_map(|grant| match &*grant.scope {
            Scope::Http(scope) => Some(scope).filter(|scope| scope.allows(target)),
            Scope::Glob(_) => None,
        })
    }

    /// Does one of them cover `grant`?
    pub fn covers(&self, grant: &Grant) -> bool {
        self.of(grant.capability()).any(|own| own.covers(grant))
    }

    /// All, in the order of their text.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.sorted.iter()
    }

    /// Those of one capability, in the order of their text.
    pub fn of(&self, capability: Capability) -> impl Iterator<Item = &Grant> {
        let name = capability.as_str();
        let start = self.sorted.partition_point(|grant| grant.capability().as_str() < name);
        self.sorted.iter().skip(start).take_while(move |grant| grant.capability() == capability)
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// What is held of `wants` when `given` was given: a want that one given grant covers, as it was asked; a given
    /// grant that lies within a want, as it was given. Where two merely overlap nothing is held, as no one pattern
    /// states what they share.
    pub fn effective(wants: &Self, given: &Self) -> Self {
        let asked = wants.iter().filter(|want| given.covers(want));
        let narrower = given.iter().filter(|grant| wants.covers(grant));
        asked.chain(narrower).cloned().collect()
    }
}

impl FromIterator<Grant> for Grants {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let mut sorted: Vec<Grant> = grants.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self { sorted }
    }
}
