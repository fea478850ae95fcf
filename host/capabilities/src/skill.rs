//! What a skill exports: `skill.describe`, `skill.call` and `handler.handle`.

use serde::{Deserialize, Serialize};
use skillhost_engine::{Guest, RunState, Stop};
use skillhost_types::{Content, Want};
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, TypedFunc};

use crate::context::Context;
use crate::wire;

const SKILL: &str = "skillhost:skill/skill@0.1.0";
const HANDLER: &str = "skillhost:skill/handler@0.1.0";

/// Where a native skill's exports are.
#[derive(Clone, Copy)]
pub struct Indices {
    describe: ComponentExportIndex,
    call: ComponentExportIndex,
    handle: Option<ComponentExportIndex>,
}

impl Indices {
    /// Finds them; none if the component is no native skill.
    pub fn find(component: &Component) -> Option<Self> {
        let within = |interface: &str, function: &str| {
            let interface = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&interface), function)
        };
        Some(Self {
            describe: within(SKILL, "describe")?,
            call: within(SKILL, "call")?,
            handle: within(HANDLER, "handle"),
        })
    }

    /// Does it handle messages?
    pub fn handles(&self) -> bool {
        self.handle.is_some()
    }
}

/// What a skill says of itself, unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the contract's `skill.manifest`, field by field")]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: String,
    pub tools: Vec<ManifestTool>,
    pub subscriptions: Vec<String>,
    pub wants: Vec<Want>,
}

/// What a skill says of one tool, unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the contract's `skill.tool`, field by field")]
pub struct ManifestTool {
    pub name: String,
    pub description: String,
    pub input_schema: String,
    pub output_schema: Option<String>,
    pub hints: Vec<Hint>,
}

/// What callers may assume of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the contract's `skill.tool-hints`")]
pub enum Hint {
    ReadOnly,
    Destructive,
    Idempotent,
    OpenWorld,
}

/// Asks a skill what it is.
pub struct DescribeSkill(pub Indices);

impl Guest<Context> for DescribeSkill {
    type Output = Manifest;

    async fn call(self, store: &mut Store<RunState<Context>>, instance: &Instance) -> wasmtime::Result<Manifest> {
        let other = |error: wasmtime::Error| {
            Stop::Trap(format!(
                "its exports of `skillhost:skill/skill` or `handler` are of other types than the contract's: {error:#}"
            ))
        };
        let describe =
            instance.get_typed_func::<(), (wire::Manifest,)>(&mut *store, &self.0.describe).map_err(other)?;
        // Found out now, not at the first call.
        typed_call(store, instance, &self.0.call).map_err(other)?;
        if let Some(handle) = &self.0.handle {
            typed_handle(store, instance, handle).map_err(other)?;
        }
        let (manifest,) = describe.call_async(store, ()).await?;
        Ok(manifest.into())
    }
}

/// Why a tool gave no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillError {
    /// The input makes no sense to the tool.
    InvalidInput(String),
    /// The tool failed, for good or for now.
    Failed(String),
}

/// Runs one tool on one input.
pub struct CallSkill<'a> {
    /// The skill's exports.
    pub indices: Indices,
    /// The tool.
    pub tool: &'a str,
    /// The input, JSON.
    pub input: &'a str,
}

/// A tool's output as it came: `data` is not yet known to be JSON.
pub struct RawOutput {
    /// The structured result.
    pub data: Option<String>,
    /// What a person or a model reads.
    pub content: Vec<Content>,
}

impl Guest<Context> for CallSkill<'_> {
    type Output = Result<RawOutput, SkillError>;

    async fn call(self, store: &mut Store<RunState<Context>>, instance: &Instance) -> wasmtime::Result<Self::Output> {
        let call = typed_call(store, instance, &self.indices.call)?;
        let (result,) = call.call_async(&mut *store, (self.tool, self.input)).await?;
        let cap = store.data().output_limit();
        match result {
            Ok(output) => {
                let output = RawOutput::from(output);
                if output.bytes() > cap { Err(Stop::Output.into()) } else { Ok(Ok(output)) }
            }
            Err(error) => {
                let error = SkillError::from(error);
                if error.text().len() as u64 > cap { Err(Stop::Output.into()) } else { Ok(Err(error)) }
            }
        }
    }
}

/// Hands a message to a skill.
pub struct HandleMessage<'a> {
    /// The skill's exports.
    pub indices: Indices,
    /// The message.
    pub message: &'a skillhost_blackboard::Message,
}

impl Guest<Context> for HandleMessage<'_> {
    type Output = Result<(), String>;

    async fn call(self, store: &mut Store<RunState<Context>>, instance: &Instance) -> wasmtime::Result<Self::Output> {
        let Some(handle) = self.indices.handle else {
            return Err(Stop::Internal("a message came for a skill without a handler".into()).into());
        };
        let handle = typed_handle(store, instance, &handle)?;
        let message = wire::Message {
            id: self.message.id.clone(),
            channel: self.message.channel.as_str().to_owned(),
            payload: self.message.payload.to_string(),
            source: self.message.source.as_deref().map(str::to_owned),
            published_at: self.message.published_at.0,
        };
        let (result,) = handle.call_async(&mut *store, (message,)).await?;
        let cap = store.data().output_limit();
        match result {
            Err(text) if text.len() as u64 > cap => Err(Stop::Output.into()),
            result => Ok(result),
        }
    }
}

impl RawOutput {
    fn bytes(&self) -> u64 {
        let content = self.content.iter().map(|content| match content {
            Content::Text { text } => text.len(),
            Content::Image { data, mime_type } | Content::Audio { data, mime_type } => data.len() + mime_type.len(),
        });
        (self.data.as_ref().map_or(0, String::len) + content.sum::<usize>()) as u64
    }
}

impl From<wire::Output> for RawOutput {
    fn from(output: wire::Output) -> Self {
        let content = output.content.into_iter().map(|content| match content {
            wire::Content::Text(text) => Content::Text { text },
            wire::Content::Image(blob) => Content::Image { data: blob.bytes, mime_type: blob.mime_type },
            wire::Content::Audio(blob) => Content::Audio { data: blob.bytes, mime_type: blob.mime_type },
        });
        Self { data: output.data, content: content.collect() }
    }
}

impl From<wire::ToolError> for SkillError {
    fn from(error: wire::ToolError) -> Self {
        match error {
            wire::ToolError::InvalidInput(text) => Self::InvalidInput(text),
            wire::ToolError::Failed(text) => Self::Failed(text),
            wire::ToolError::Transient(text) => Self::Failed(format!("for now: {text}")),
        }
    }
}

impl SkillError {
    fn text(&self) -> &str {
        match self {
            Self::InvalidInput(text) | Self::Failed(text) => text,
        }
    }
}

type TypedCall<'a> = TypedFunc<(&'a str, &'a str), (Result<wire::Output, wire::ToolError>,)>;
type TypedHandle = TypedFunc<(wire::Message,), (Result<(), String>,)>;

fn typed_call<'a>(
    store: &mut Store<RunState<Context>>,
    instance: &Instance,
    call: &ComponentExportIndex,
) -> wasmtime::Result<TypedCall<'a>> {
    instance.get_typed_func(store, call)
}

fn typed_handle(
    store: &mut Store<RunState<Context>>,
    instance: &Instance,
    handle: &ComponentExportIndex,
) -> wasmtime::Result<TypedHandle> {
    instance.get_typed_func(store, handle)
}

impl From<wire::Manifest> for Manifest {
    fn from(manifest: wire::Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            description: manifest.description,
            tools: manifest.tools.into_iter().map(ManifestTool::from).collect(),
            subscriptions: manifest.subscriptions,
            wants: manifest
                .wants
                .into_iter()
                .map(|want| Want { capability: want.capability, scope: want.scope, reason: want.reason })
                .collect(),
        }
    }
}

impl From<wire::Tool> for ManifestTool {
    fn from(tool: wire::Tool) -> Self {
        let hints = [
            (wire::ToolHints::READ_ONLY, Hint::ReadOnly),
            (wire::ToolHints::DESTRUCTIVE, Hint::Destructive),
            (wire::ToolHints::IDEMPOTENT, Hint::Idempotent),
            (wire::ToolHints::OPEN_WORLD, Hint::OpenWorld),
        ];
        Self {
            name: tool.name,
            description: tool.description,
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
            hints: hints.into_iter().filter(|(flag, _)| tool.hints & *flag == *flag).map(|(_, hint)| hint).collect(),
        }
    }
}
