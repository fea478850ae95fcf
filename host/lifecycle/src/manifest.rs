//! What a skill says of itself, believed only as far as it can be checked.
//!
//! Contract: a [`Described`] holds names that are names, texts that hide nothing, schemas that are cheap to check
//! and wants of capabilities that there are, each in bounded number and length. Anything else refuses the file and
//! says what to change. Price: compiling the schemas, once per absorption.

mod fuzz;
mod limits;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use skillhost_capabilities::{Hint, Manifest, ManifestTool};
use skillhost_types::{Grant, GrantError, NameError, SkillName, ToolName, Want};

pub use self::fuzz::fuzz_manifest;

use crate::package::{Shown, is_deceptive};
use crate::schema::{Schema, SchemaError};

/// Why what a skill says is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("its name: {0}")]
    Name(NameError),
    #[error("its version `{0}` is no semantic version; write it as 1.2.3")]
    Version(Shown),
    #[error("{place} has {length} characters; the limit is {limit}")]
    TooLong { place: String, length: usize, limit: usize },
    #[error("{0} holds a character that hides or turns text: `{1}`; remove it")]
    Deceptive(String, Shown),
    #[error("it has {count} {what}; the limit is {limit}")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("it has neither tools nor subscriptions; give it at least one")]
    Nothing,
    #[error("the name of a tool: {0}")]
    ToolName(NameError),
    #[error("it has two tools `{0}`; name them apart")]
    SameTool(ToolName),
    #[error("the {which} schema of its tool `{tool}`: {error}")]
    Schema { which: &'static str, tool: ToolName, error: SchemaError },
    #[error("the patterns in its schemas take more than {} MiB once compiled; use fewer or simpler ones", limits::PATTERNS >> 20)]
    Patterns,
    #[error(
        "it subscribes to channels and exports no handler; export `skillhost:skill/handler`, or subscribe to nothing"
    )]
    NoHandler,
    #[error("{0} is empty or holds a space or an unprintable character; write one pattern")]
    Pattern(String),
    #[error("it wants what cannot be: {0}")]
    Want(GrantError),
}

/// What a skill is, checked.
pub(crate) struct Described {
    pub(crate) name: SkillName,
    pub(crate) version: semver::Version,
    pub(crate) description: String,
    pub(crate) tools: Vec<DescribedTool>,
    pub(crate) subscriptions: Vec<String>,
    pub(crate) wants: Vec<Want>,
}

/// One tool, checked.
pub(crate) struct DescribedTool {
    pub(crate) name: ToolName,
    pub(crate) description: String,
    pub(crate) input: Schema,
    pub(crate) output: Option<Schema>,
    pub(crate) hints: Vec<Hint>,
}

impl Described {
    /// A plain component: its name is its file's, and what its metadata says is a remark, dropped where it is none.
    pub(crate) fn plain(name: SkillName, version: Option<&str>, description: Option<&str>) -> Self {
        let version = version.filter(|version| version.len() <= limits::VERSION).and_then(|text| text.parse().ok());
        let description = description.filter(|text| check_text(String::new, text, limits::DESCRIPTION).is_ok());
        Self {
            name,
            version: version.unwrap_or(semver::Version::new(0, 0, 0)),
            description: description.unwrap_or_default().to_owned(),
            tools: Vec::new(),
            subscriptions: Vec::new(),
            wants: Vec::new(),
        }
    }
}

/// Checks what a native skill says. `handles`: it exports a handler.
pub(crate) fn check(manifest: Manifest, handles: bool) -> Result<Described, ManifestError> {
    let Manifest { name, version, description, tools, subscriptions, wants } = manifest;
    let name = SkillName::new(&name).map_err(ManifestError::Name)?;
    let version = Some(version.as_str())
        .filter(|version| version.len() <= limits::VERSION)
        .and_then(|version| version.parse().ok())
        .ok_or_else(|| ManifestError::Version(Shown::new(&version)))?;
    check_text(|| "its description".into(), &description, limits::DESCRIPTION)?;
    if tools.is_empty() && subscriptions.is_empty() {
        return Err(ManifestError::Nothing);
    }
    check_subscriptions(&subscriptions, handles)?;
    check_wants(&wants)?;
    Ok(Described { name, version, description, tools: check_tools(tools)?, subscriptions, wants })
}

fn check_tools(tools: Vec<ManifestTool>) -> Result<Vec<DescribedTool>, ManifestError> {
    check_count("tools", tools.len(), limits::TOOLS)?;
    let mut names = HashSet::new();
    let mut patterns = 0_usize;
    let mut checked = Vec::with_capacity(tools.len());
    for tool in tools {
        let name = ToolName::new(&tool.name).map_err(ManifestError::ToolName)?;
        if !names.insert(name.clone()) {
            return Err(ManifestError::SameTool(name));
        }
        check_text(|| format!("the description of its tool `{name}`"), &tool.description, limits::DESCRIPTION)?;
        check_count("hints on one tool", tool.hints.len(), limits::HINTS)?;
        let wrong = |which| {
            let tool = name.clone();
            move |error| ManifestError::Schema { which, tool, error }
        };
        let input = Schema::compile_input(&tool.input_schema).map_err(wrong("input"))?;
        let output = tool.output_schema.as_deref().map(Schema::compile).transpose().map_err(wrong("output"))?;
        patterns += input.pattern_bytes() + output.as_ref().map_or(0, Schema::pattern_bytes);
        if patterns > limits::PATTERNS {
            return Err(ManifestError::Patterns);
        }
        checked.push(DescribedTool { name, description: tool.description, input, output, hints: tool.hints });
    }
    Ok(checked)
}

fn check_subscriptions(subscriptions: &[String], handles: bool) -> Result<(), ManifestError> {
    check_count("subscriptions", subscriptions.len(), limits::SUBSCRIPTIONS)?;
    if !subscriptions.is_empty() && !handles {
        return Err(ManifestError::NoHandler);
    }
    subscriptions.iter().try_for_each(|pattern| {
        check_pattern(|| format!("its subscription `{}`", Shown::new(pattern)), pattern, |char| char == ' ')
    })
}

fn check_wants(wants: &[Want]) -> Result<(), ManifestError> {
    check_count("wants", wants.len(), limits::WANTS)?;
    for want in wants {
        Grant::try_from(want).map_err(ManifestError::Want)?;
        check_text(|| format!("the reason of its want `{}`", want.capability), &want.reason, limits::REASON)?;
    }
    Ok(())
}

fn check_count(what: &'static str, count: usize, limit: usize) -> Result<(), ManifestError> {
    if count > limit { Err(ManifestError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn check_pattern(
    place: impl Fn() -> String,
    pattern: &str,
    forbidden: impl Fn(char) -> bool,
) -> Result<(), ManifestError> {
    let length = pattern.chars().count();
    if length > limits::PATTERN {
        return Err(ManifestError::TooLong { place: place(), length, limit: limits::PATTERN });
    }
    let wrong = |char: char| is_deceptive(char) || (char.is_whitespace() && char != ' ') || forbidden(char);
    if pattern.trim().is_empty() || pattern.chars().any(wrong) { Err(ManifestError::Pattern(place())) } else { Ok(()) }
}

/// Texts have lines and tabs, and nothing else that does not print.
fn check_text(place: impl Fn() -> String, text: &str, limit: usize) -> Result<(), ManifestError> {
    let length = text.chars().count();
    if length > limit {
        return Err(ManifestError::TooLong { place: place(), length, limit });
    }
    match text.chars().find(|char| is_deceptive(*char) && !matches!(char, '\n' | '\t')) {
        Some(char) => Err(ManifestError::Deceptive(place(), Shown::new(&char.to_string()))),
        None => Ok(()),
    }
}
