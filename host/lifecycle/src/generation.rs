//! One absorbed file, ready to serve.

use std::sync::Arc;

use serde_json::{Map, Value};
use skillhost_capabilities::{Hint, Indices, SkillInfo, State};
use skillhost_engine::Environment;
use skillhost_engine::values::Signature;
use skillhost_types::{Capability, Digest, Grant, Grants, Limits, SkillName, ToolName, Want};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use crate::front_matter;
use crate::schema::Schema;

/// One absorbed file of a skill. Immutable; runs hold it while they last, so an old one drains by itself.
#[derive(Clone)]
pub struct Generation {
    /// The skill that it is a generation of.
    pub name: SkillName,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Which kind of skill.
    pub kind: Kind,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The entry of the drop folder that it came from.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its tools, in the order in which it gives them.
    pub tools: Arc<[Tool]>,
    /// Channel patterns that it wants messages of.
    pub subscriptions: Vec<String>,
    /// What it asks for.
    pub wants: Vec<Want>,
    /// What its component imports.
    pub imports: Vec<String>,
    /// The text of `SKILL.md`, if it came with one.
    pub instructions: Option<String>,
    /// The limits of its runs.
    pub limits: Limits,
    pub(crate) shared: Arc<SkillInfo>,
    pub(crate) shared_name: Arc<str>,
    pub(crate) code: Option<Code>,
    pub(crate) environment: Arc<Environment>,
}

/// What a skill is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It exports the contract's `skill`.
    Native,
    /// It exports something else; its functions are its tools.
    Plain,
    /// Text without tools.
    Instructions,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Plain => "plain",
            Self::Instructions => "instructions",
        }
    }
}

/// The component, and how it is linked.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) component: Component,
    /// With the interfaces that it holds a grant of, and refusals for the others.
    pub(crate) linked: InstancePre<State>,
    /// None for a plain component.
    pub(crate) native: Option<Indices>,
}

/// A callable function of a skill.
pub struct Tool {
    /// Its name.
    pub name: ToolName,
    /// What it does.
    pub description: String,
    /// What callers may assume of it.
    pub hints: Vec<Hint>,
    pub(crate) entry: ToolEntry,
    pub(crate) shared_name: Arc<str>,
}

/// How a tool is called.
pub(crate) enum ToolEntry {
    Native { input: Schema, output: Option<Schema> },
    Plain { function: ComponentExportIndex, signature: Signature, input: Value, output: Option<Value> },
}

impl Tool {
    /// The JSON Schema of its input.
    pub fn input_schema(&self) -> &Value {
        match &self.entry {
            ToolEntry::Native { input, .. } => input.document(),
            ToolEntry::Plain { input, .. } => input,
        }
    }

    /// The JSON Schema of its structured output, if it says one.
    pub fn output_schema(&self) -> Option<&Value> {
        match &self.entry {
            ToolEntry::Native { output, .. } => output.as_ref().map(Schema::document),
            ToolEntry::Plain { output, .. } => output.as_ref(),
        }
    }
}

impl Generation {
    /// What it holds of what it asks for.
    pub fn grants(&self) -> &Grants {
        &self.shared.grants
    }

    /// All that the front matter of its `SKILL.md` says; none if it came without one.
    pub fn front_matter(&self) -> Option<Map<String, Value>> {
        front_matter::all(self.instructions.as_deref()?)
    }

    /// The tool called `name`.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name.as_str() == name)
    }

    /// The capabilities behind its imports that it does not ask for.
    pub fn imports_without_asking(&self) -> Vec<String> {
        let asked = |capability: Capability| self.wants.iter().any(|want| want.capability == capability.as_str());
        // One want out of an interface's several says that it is meant to be used.
        let unasked = |import: &&String| {
            let behind = capabilities_of(import);
            // Every component that was built with a standard library imports that one.
            let ordinary = import.starts_with("wasi:filesystem/");
            !ordinary && !behind.is_empty() && !behind.iter().any(|capability| asked(*capability))
        };
        self.imports.iter().filter(unasked).cloned().collect()
    }

    /// The wants that none of its imports could use.
    pub fn asks_without_importing(&self) -> Vec<String> {
        let usable = |capability: &str| {
            capability
                .parse()
                .is_ok_and(|capability| capability == Capability::BlackboardSubscribe || self.imports_for(capability))
        };
        let unusable = self.wants.iter().filter(|want| !usable(&want.capability));
        unusable.map(|want| format!("{} {}", want.capability, want.scope)).collect()
    }

    /// Does it import anything that `capability` is of use for?
    pub(crate) fn imports_for(&self, capability: Capability) -> bool {
        self.imports.iter().any(|import| capabilities_of(import).contains(&capability))
    }

    /// The patterns of the channels that it may hear: what it subscribes to, as far as it holds that.
    pub(crate) fn channels(&self) -> Vec<String> {
        let wanted = self.subscriptions.iter();
        let wanted: Grants =
            wanted.filter_map(|pattern| Grant::new(Capability::BlackboardSubscribe, pattern).ok()).collect();
        Grants::effective(&wanted, self.grants()).iter().map(|grant| grant.scope().to_owned()).collect()
    }

    /// Does it take messages?
    pub(crate) fn handler(&self) -> Option<(&Code, Indices)> {
        let code = self.code.as_ref()?;
        let indices = code.native.filter(Indices::handles)?;
        Some((code, indices))
    }
}

/// The capabilities that an import is of use for.
pub(crate) fn capabilities_of(import: &str) -> &'static [Capability] {
    use Capability::*;
    let name = import.split('@').next().unwrap_or(import);
    match name {
        "skillhost:skill/blackboard" => &[BlackboardRead, BlackboardWrite, BlackboardPublish],
        "wasi:keyvalue/store" | "wasi:keyvalue/batch" | "wasi:keyvalue/atomics" => &[BlackboardRead, BlackboardWrite],
        "skillhost:skill/event-log" => &[EventsAppend, EventsRead],
        "skillhost:skill/llm" => &[LlmComplete, LlmEmbed],
        "skillhost:skill/skills" => &[SkillsCall],
        "wasi:http/outgoing-handler" => &[HttpRequest, SecretsUse],
        "wasi:filesystem/preopens" => &[FsRead, FsWrite],
        _ => &[],
    }
}
