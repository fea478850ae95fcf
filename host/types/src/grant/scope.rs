use super::{Capability, HttpScope, ScopeFault};
use crate::name::is_name;
use crate::{Glob, is_unseen};

/// Longest scope, in bytes: a URL with a long path fits, and a person can still read it before approving.
pub(super) const LONGEST_SCOPE: usize = 512;

/// What of a capability.
pub(super) enum Scope {
    Glob(Glob),
    Http(HttpScope),
}

impl Scope {
    pub(super) fn parse(capability: Capability, text: &str) -> Result<Self, ScopeFault> {
        if capability == Capability::HttpRequest {
            return text.parse().map(Self::Http);
        }
        check(text)?;
        if text.contains(' ') {
            return Err(ScopeFault::Space);
        }
        let named = matches!(capability, Capability::FsRead | Capability::FsWrite | Capability::SecretsUse);
        if named && !is_name_glob(text) {
            return Err(ScopeFault::Name);
        }
        Ok(Self::Glob(Glob::new(text)))
    }

    pub(super) fn full(capability: Capability) -> Self {
        match capability {
            Capability::HttpRequest => Self::Http(HttpScope::full()),
            _ => Self::Glob(Glob::new("*")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Glob(glob) => glob.as_str(),
            Self::Http(scope) => scope.as_str(),
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(own), Self::Glob(other)) => own.contains(other),
            (Self::Http(own), Self::Http(other)) => own.covers(other),
            _ => false,
        }
    }
}

/// What holds for every scope: its length, and that a reader sees what it says.
pub(super) fn check(text: &str) -> Result<(), ScopeFault> {
    if text.is_empty() || text.len() > LONGEST_SCOPE {
        return Err(ScopeFault::Length(text.len()));
    }
    match text.chars().find(|char| is_unseen(*char) || (char.is_whitespace() && *char != ' ')) {
        Some(char) => Err(ScopeFault::Character(char)),
        None => Ok(()),
    }
}

/// A name, or a glob that can match one.
fn is_name_glob(text: &str) -> bool {
    let wild = |byte: u8| b"*?[]^\\".contains(&byte);
    let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    is_name(text) || (text.bytes().any(wild) && text.bytes().all(|byte| wild(byte) || named(byte)))
}
