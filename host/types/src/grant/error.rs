use super::scope::LONGEST_SCOPE;
use super::{Capability, LONGEST_SHOWN};

/// A text that is no grant, no rule for grants or no capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Not two parts.
    #[error("`{0}` is no grant: write a capability, a space and a scope, such as `blackboard.read agent:*`")]
    Form(String),
    /// No capability has this name.
    #[error("there is no capability `{0}`; there are {all}", all = Capability::NAMES.join(", "))]
    Capability(String),
    /// The capability cannot have this scope.
    #[error("`{scope}` is no scope of `{capability}`: {fault}")]
    Scope {
        /// What it was to be a scope of, or a wildcard that stands for several.
        capability: String,
        /// The scope as given, escaped and cut.
        scope: String,
        /// What is wrong with it.
        fault: ScopeFault,
    },
}

impl GrantError {
    pub(super) fn scope(capability: &str, scope: &str, fault: ScopeFault) -> Self {
        Self::Scope { capability: capability.to_owned(), scope: shown(scope), fault }
    }
}

/// What is wrong with a scope, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    /// Empty or too long.
    #[error("it has {0} bytes, and must have 1 to {LONGEST_SCOPE}; `*` stands for everything")]
    Length(usize),
    /// Something that does not print, or changes how its neighbours look.
    #[error(
        "it holds {}, which does not print; write only characters that a reader can see, and `?` or `*` for others",
        .0.escape_unicode()
    )]
    Character(char),
    /// A space where none may be.
    #[error("it holds a space; only a request's method is followed by one, and `?` matches one")]
    Space,
    /// Not a name, nor a glob of names.
    #[error(
        "it must be a name of a-z, 0-9 and `-` that begins with a letter, as in `workspace`, or a glob over such names"
    )]
    Name,
    /// Not `[METHOD ]scheme://host[:port][/path]`.
    #[error(
        "write `[METHOD ]scheme://host[:port][/path]`, such as `GET https://api.example.com/v1/*`, or `*` for everything"
    )]
    Url,
    /// Not a method.
    #[error("`{0}` is no method: write it in capitals, as in `GET`, or leave it out for any")]
    Method(String),
    /// Another scheme.
    #[error("`{0}` is no scheme for requests: write `https` or `http`")]
    Scheme(String),
    /// A user's name before the host.
    #[error("it names a user before `@`; write the host alone, and give credentials as a secret")]
    UserInfo,
    /// Not a host.
    #[error("`{0}` is no host: write a name, `*.` before a name, `*`, an IPv4 address or an IPv6 address in brackets")]
    Host(String),
    /// A host in a form that is not the canonical one.
    #[error("its host is another form of `{0}`; write that")]
    HostForm(String),
    /// Not a port.
    #[error("`{0}` is no port: write 1 to 65535, `*` for any, or leave it out for the scheme's own")]
    Port(String),
    /// A query in a pattern.
    #[error("it has a `?`, but scopes end with the path, whatever the query; leave it out")]
    Query,
    /// A fragment in a pattern.
    #[error("it has a `#`, but no fragment is ever sent; leave it out")]
    Fragment,
    /// A path that no canonical path can match, or one that servers read in several ways.
    #[error(
        "its path must be canonical: percent-encoded ASCII without `.` and `..` as segments, without `\\`, `%2e`, `%2f` \
         and `%5c`"
    )]
    Path,
}

/// A given text, fit to be printed.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect()
}
