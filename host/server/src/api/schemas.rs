//! What the answers look like, for the description alone: each type stands for what another crate writes as JSON. That they
//! are alike is held by the tests, which compare every answer with its schema.
#![expect(dead_code, reason = "only their schemas are used")]

use serde_json::Value;
use utoipa::ToSchema;

/// A run, as `skillhost run --json` prints it.
#[derive(ToSchema)]
pub(super) struct Run {
    /// Its name, a ULID: runs sort by the time they began
    #[schema(pattern = "^[0-9A-HJKMNP-TV-Z]{26}$")]
    run: String,
    /// The skill that was asked for, also if there is none
    skill: String,
    /// The tool that was asked for, `handle` for a message
    tool: String,
    /// The generation that answered; `null` if it came to none
    #[schema(required, pattern = "^sha256:[0-9a-f]{64}$")]
    digest: Option<String>,
    /// Whose run it is
    tenant: String,
    /// Who asked: `cli`, `http:TOKEN`, `mcp:CLIENT`, `skill:NAME` or `channel:NAME`
    caller: String,
    /// When it was asked for
    #[schema(format = DateTime)]
    started_at: String,
    /// True if the tool gave its output
    ok: bool,
    /// What it gave
    #[schema(required)]
    output: Option<Output>,
    /// Why it gave nothing
    #[schema(required)]
    error: Option<RunError>,
    /// What it used
    usage: Usage,
    /// What it logged; left out if that is nothing
    #[schema(required = false)]
    log: Vec<LogLine>,
    /// Its host calls, the first ones if there were many; left out if there were none
    #[schema(required = false)]
    calls: Vec<HostCall>,
}

/// What a tool gave.
#[derive(ToSchema)]
struct Output {
    /// The structured result
    #[schema(required)]
    data: Option<Value>,
    /// What a person or a model reads
    content: Vec<Content>,
}

/// A piece of content, as the Model Context Protocol writes it.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Content {
    /// Text
    Text { text: String },
    /// A picture, in base64
    Image {
        data: String,
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// A sound, in base64
    Audio {
        data: String,
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
}

/// Why a run gave no output.
#[derive(ToSchema)]
struct RunError {
    /// For a program
    kind: Kind,
    /// For a person
    message: String,
}

/// The kinds of errors of runs.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum Kind {
    ToolError,
    Usage,
    NotFound,
    InvalidInput,
    Denied,
    Fuel,
    Deadline,
    Memory,
    Output,
    HostCalls,
    Trap,
    Overloaded,
    Cancelled,
    Internal,
}

/// What a run used.
#[derive(ToSchema)]
struct Usage {
    fuel: u64,
    wall_us: u64,
    peak_memory_bytes: u64,
    host_calls: u64,
    log_bytes: u64,
    /// Log lines and progress reports over their caps
    dropped: u64,
    llm_input_tokens: u64,
    llm_output_tokens: u64,
}

/// A line that a run logged.
#[derive(ToSchema)]
struct LogLine {
    level: Level,
    /// `run` for `run.log`, else `stdout` or `stderr`
    from: String,
    message: String,
}

/// How urgent a line is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// A host call of a run.
#[derive(ToSchema)]
struct HostCall {
    /// Interface and function, as `blackboard.get`
    call: String,
    /// What of it: the key, channel or tool, cut short
    what: String,
    /// Since the run began
    at_us: u64,
    took_us: u64,
    /// The host's refusal; left out if it was none
    #[schema(nullable = false)]
    error: Option<String>,
}

/// An entry of the drop folder, as `skillhost list --json` prints it.
#[derive(ToSchema)]
pub(super) struct Listed {
    name: String,
    #[schema(required)]
    version: Option<String>,
    state: State,
    #[schema(required)]
    digest: Option<String>,
    /// Its name in the drop folder
    file: String,
    /// Their names
    tools: Vec<String>,
    /// Why it does not serve
    #[schema(required)]
    reason: Option<String>,
    /// The digest of what serves under it
    #[schema(required)]
    serving: Option<String>,
}

/// What became of an entry.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum State {
    Active,
    Pending,
    Rejected,
    Refused,
}

/// A skill, as `skillhost inspect --json` prints it.
#[derive(ToSchema)]
pub(super) struct Inspected {
    name: String,
    #[schema(required)]
    version: Option<String>,
    #[schema(required)]
    description: Option<String>,
    /// `native`, `plain` or `instructions`; `null` if the file was refused and nothing serves
    #[schema(required)]
    kind: Option<String>,
    #[schema(required)]
    digest: Option<String>,
    file: String,
    #[schema(required)]
    size: Option<u64>,
    state: State,
    #[schema(required)]
    reason: Option<String>,
    #[schema(required)]
    serving: Option<String>,
    tools: Vec<Tool>,
    /// Channels that it listens to
    subscriptions: Vec<String>,
    imports: Vec<String>,
    /// What it asks for
    wants: Vec<Want>,
    /// What it holds, `CAPABILITY SCOPE`
    grants: Vec<String>,
    imports_without_asking: Vec<String>,
    asks_without_importing: Vec<String>,
    /// The text of its `SKILL.md`
    #[schema(required)]
    instructions: Option<String>,
}

/// A tool of a skill.
#[derive(ToSchema)]
struct Tool {
    name: String,
    description: String,
    /// A JSON Schema
    #[schema(value_type = Object)]
    input_schema: Value,
    /// A JSON Schema
    #[schema(required, value_type = Option<Object>)]
    output_schema: Option<Value>,
    hints: Vec<Hint>,
}

/// What callers may assume of a tool.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum Hint {
    ReadOnly,
    Destructive,
    Idempotent,
    OpenWorld,
}

/// What a skill asks for.
#[derive(ToSchema)]
struct Want {
    capability: String,
    scope: String,
    reason: String,
}

/// What waits for a person, as `skillhost approvals --json` prints it.
#[derive(ToSchema)]
pub(super) struct Approval {
    id: String,
    skill: String,
    version: String,
    digest: String,
    file: String,
    size: u64,
    state: Decided,
    #[schema(format = DateTime)]
    proposed_at: String,
    #[schema(required, format = DateTime)]
    decided_at: Option<String>,
    /// `http:TOKEN` or `cli:ACCOUNT`
    #[schema(required)]
    decided_by: Option<String>,
    wants: Vec<Want>,
    /// What of the wants nobody has decided on
    new: Vec<String>,
    granted: Vec<String>,
    imports: Vec<String>,
    /// The digest of what served when it was proposed
    #[schema(required)]
    serving: Option<String>,
    #[schema(required)]
    reason: Option<String>,
}

/// Where an approval stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Decided {
    Proposed,
    Approved,
    Rejected,
    Expired,
    Superseded,
    Applied,
    Failed,
}

/// An event, as `skillhost events --json` prints it.
#[derive(ToSchema)]
pub(super) struct Event {
    /// Its position in the log
    seq: u64,
    #[schema(format = DateTime)]
    at: String,
    /// `tool.completed`
    kind: String,
    /// The skill, the agent or the part of the host that wrote it
    source: String,
    #[schema(required)]
    run: Option<String>,
    data: Value,
}

/// An agent, as `skillhost agents --json` prints it.
#[derive(ToSchema)]
pub(super) struct Agent {
    name: String,
    skill: String,
    tenant: String,
    /// `healthy`, `failing`, `waiting` for its skill, or `gone` with messages left behind
    status: String,
    #[schema(required)]
    reason: Option<String>,
    subscribe: Vec<String>,
    deliver: String,
    tags: Vec<String>,
    /// Messages that it has not had yet
    waiting: u64,
    handled: u64,
    failed: u64,
    /// Messages that it was given up on
    parked: u64,
    /// Messages that it had no room for
    missed: u64,
    /// Failures in a row
    failures: u64,
    #[schema(required)]
    last_error: Option<String>,
    /// When it is woken next
    #[schema(required, format = DateTime)]
    next_at: Option<String>,
}

/// How far one limit of a budget is used, as `skillhost budget --json` prints it.
#[derive(ToSchema)]
pub(super) struct Budget {
    /// `tenant:default`, or `tenant:default,skill:summarize`
    scope: String,
    unit: Unit,
    window: Window,
    limit: u64,
    used: u64,
    reserved: u64,
}

/// What a budget counts by.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Window {
    Run,
    Day,
    Month,
}

/// What an amount counts.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Unit {
    LlmTokens,
    UsdMicros,
    Fuel,
    WallUs,
    Bytes,
}

/// An entry of the ledger.
#[derive(ToSchema)]
pub(super) struct LedgerEntry {
    id: u64,
    #[schema(format = DateTime)]
    at: String,
    /// The account that got it
    debit: String,
    /// The account that it came from
    credit: String,
    amount: u64,
    unit: Unit,
    #[schema(required)]
    run: Option<String>,
    memo: String,
}

/// How the host fares.
#[derive(ToSchema)]
pub(super) struct Health {
    status: Overall,
    /// By name: `blackboard`, `events`, `skills`, …
    #[schema(value_type = std::collections::BTreeMap<String, Part>)]
    parts: Value,
}

/// How all parts fare together.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Overall {
    Ok,
    Degraded,
}

/// How a part fares.
#[derive(ToSchema)]
pub(super) struct Part {
    status: PartStatus,
    /// What keeps it, where there is a choice
    #[schema(nullable = false)]
    backend: Option<String>,
    /// Why it is not all well
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// How a part fares, in a word.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum PartStatus {
    Ok,
    Degraded,
    Starting,
    Unavailable,
}
