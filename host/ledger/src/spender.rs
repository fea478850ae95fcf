use std::sync::Arc;

use skillhost_types::{RunId, SkillName, Tenant};

/// Who spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spender {
    /// Whose run it is.
    pub tenant: Tenant,
    /// The skill that asks.
    pub skill: SkillName,
    /// The agent that it runs as, if any.
    pub agent: Option<Arc<str>>,
    /// The run that all this is for: of runs that call each other, the first.
    pub run: RunId,
}

/// What a completion costs, or may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Tokens given to the model and by it.
    pub llm_tokens: u64,
    /// Money, in millionths of a US dollar.
    pub usd_micros: u64,
}

/// What is put aside for one call of a provider, until it is settled or released or expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its name, and the key under which it is settled once.
    pub(crate) id: Arc<str>,
    /// Who holds it.
    pub(crate) spender: Spender,
}
