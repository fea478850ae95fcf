//! The contract's types as they cross to and from a guest.

use skillhost_blackboard::BoardError;
use wasmtime::component::{ComponentType, Lift, Lower};

/// `types.host-error`: why the host refused or could not serve a call.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum HostError {
    #[component(name = "denied")]
    Denied(String),
    #[component(name = "limit")]
    Limit(String),
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "unavailable")]
    Unavailable(String),
}

impl HostError {
    /// The kind, in the contract's word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Limit(_) => "limit",
            Self::Invalid(_) => "invalid",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// For the record of the call: the kind and the text.
    pub(crate) fn describe(&self) -> String {
        let (Self::Denied(text) | Self::Limit(text) | Self::Invalid(text) | Self::Unavailable(text)) = self;
        format!("{}: {text}", self.kind())
    }
}

impl From<BoardError> for HostError {
    fn from(error: BoardError) -> Self {
        let text = error.to_string();
        match error {
            BoardError::Invalid(_) => Self::Invalid(text),
            BoardError::Limit(_) => Self::Limit(text),
            BoardError::Unavailable(_) => Self::Unavailable(text),
        }
    }
}

/// `skills.call-error`.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum CallError {
    #[component(name = "host")]
    Host(HostError),
    #[component(name = "tool")]
    Tool(String),
}

/// `run.context`.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
pub(crate) struct RunContext {
    #[component(name = "run-id")]
    pub(crate) run_id: String,
    pub(crate) skill: String,
    pub(crate) tenant: String,
    pub(crate) agent: Option<String>,
    pub(crate) caller: String,
    pub(crate) deadline: u64,
}

/// `run.budget`.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Budget {
    pub(crate) fuel: u64,
    #[component(name = "wall-ms")]
    pub(crate) wall_ms: u64,
    #[component(name = "memory-bytes")]
    pub(crate) memory_bytes: u64,
    #[component(name = "host-calls")]
    pub(crate) host_calls: u64,
    #[component(name = "llm-tokens")]
    pub(crate) llm_tokens: u64,
}

/// `run.level`.
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make them")]
pub(crate) enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

/// `event-log.event`.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) run: Option<String>,
    pub(crate) data: String,
}

/// `event-log.query`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Query {
    pub(crate) kinds: Vec<String>,
    pub(crate) source: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) after: Option<u64>,
    pub(crate) limit: u32,
}

/// `skill.blob`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Blob {
    #[component(name = "mime-type")]
    pub(crate) mime_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// `skill.content`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Content {
    #[component(name = "text")]
    Text(String),
    #[component(name = "image")]
    Image(Blob),
    #[component(name = "audio")]
    Audio(Blob),
}

/// `skill.output`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Output {
    pub(crate) data: Option<String>,
    pub(crate) content: Vec<Content>,
}

/// `skill.tool-error`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum ToolError {
    #[component(name = "invalid-input")]
    InvalidInput(String),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "transient")]
    Transient(String),
}

wasmtime::component::flags! {
    ToolHints {
        #[component(name = "read-only")]
        const READ_ONLY;
        #[component(name = "destructive")]
        const DESTRUCTIVE;
        #[component(name = "idempotent")]
        const IDEMPOTENT;
        #[component(name = "open-world")]
        const OPEN_WORLD;
    }
}

/// `skill.want`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Want {
    pub(crate) capability: String,
    pub(crate) scope: String,
    pub(crate) reason: String,
}

/// `skill.tool`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: String,
    #[component(name = "input-schema")]
    pub(crate) input_schema: String,
    #[component(name = "output-schema")]
    pub(crate) output_schema: Option<String>,
    pub(crate) hints: ToolHints,
}

/// `skill.manifest`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) tools: Vec<Tool>,
    pub(crate) subscriptions: Vec<String>,
    pub(crate) wants: Vec<Want>,
}

/// `handler.message`.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) channel: String,
    pub(crate) payload: String,
    pub(crate) source: Option<String>,
    #[component(name = "published-at")]
    pub(crate) published_at: u64,
}
