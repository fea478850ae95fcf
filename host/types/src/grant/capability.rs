use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{GrantError, shown};

macro_rules! capabilities {
    ($count:literal: $($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that a skill can do only when it was granted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Capability {
            $($(#[$doc])* $variant,)*
        }

        impl Capability {
            /// All that there are.
            pub const ALL: [Self; $count] = [$(Self::$variant,)*];

            /// The names of [`ALL`](Self::ALL), in its order.
            pub const NAMES: [&'static str; $count] = [$($name,)*];

            /// The name: `blackboard.read`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl FromStr for Capability {
            type Err = GrantError;

            fn from_str(text: &str) -> Result<Self, GrantError> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(GrantError::Capability(shown(text))),
                }
            }
        }
    };
}

capabilities! {
    13:
    /// Read keys of the blackboard; the scope is a glob over keys.
    BlackboardRead = "blackboard.read",
    /// Write and delete keys of the blackboard; the scope is a glob over keys.
    BlackboardWrite = "blackboard.write",
    /// Publish to channels; the scope is a glob over channels.
    BlackboardPublish = "blackboard.publish",
    /// Get what is published to channels; the scope is a glob over channels.
    BlackboardSubscribe = "blackboard.subscribe",
    /// Append events; the scope is a glob over kinds.
    EventsAppend = "events.append",
    /// Read events; the scope is a glob over kinds.
    EventsRead = "events.read",
    /// Ask a language model; the scope is a glob over models.
    LlmComplete = "llm.complete",
    /// Get embeddings of a model; the scope is a glob over models.
    LlmEmbed = "llm.embed",
    /// Call tools of other skills; the scope is a glob over `skill.tool`.
    SkillsCall = "skills.call",
    /// Send HTTP requests; the scope is an [`HttpScope`](super::HttpScope).
    HttpRequest = "http.request",
    /// Read a configured directory; the scope is its name, or a glob over names.
    FsRead = "fs.read",
    /// Change a configured directory; the scope is its name, or a glob over names.
    FsWrite = "fs.write",
    /// Have a secret put into its requests; the scope is its name, or a glob over names.
    SecretsUse = "secrets.use",
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
