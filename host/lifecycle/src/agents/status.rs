use serde::{Deserialize, Serialize};

/// How an agent fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentStatus {
    /// Its last message was handled, or it has had none.
    Healthy,
    /// It failed on the last one.
    Failing,
    /// It is configured, and its skill does not take messages.
    Waiting,
    /// It is not there any more and has left messages behind.
    Gone,
}

impl AgentStatus {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Failing, Self::Waiting, Self::Gone];

    /// That of one that lives and has failed so often since it last did not.
    pub(crate) fn after(failures: u64) -> Self {
        if failures == 0 { Self::Healthy } else { Self::Failing }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Failing => "failing",
            Self::Waiting => "waiting",
            Self::Gone => "gone",
        }
    }
}
