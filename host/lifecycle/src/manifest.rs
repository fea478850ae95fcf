//! interim
use skillhost_capabilities::{Hint, Manifest};
use skillhost_types::{SkillName, ToolName, Want};
use crate::schema::Schema;
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ManifestError(String);
pub(crate) struct DescribedTool { pub(crate) name: ToolName, pub(crate) description: String, pub(crate) input: Schema, pub(crate) output: Option<Schema>, pub(crate) hints: Vec<Hint> }
pub(crate) struct Described { pub(crate) name: SkillName, pub(crate) version: semver::Version, pub(crate) description: String, pub(crate) tools: Vec<DescribedTool>, pub(crate) subscriptions: Vec<String>, pub(crate) wants: Vec<Want> }
impl Described {
    pub(crate) fn plain(name: SkillName, version: Option<&str>, description: Option<&str>) -> Self {
        Self { name, version: version.and_then(|v| v.parse().ok()).unwrap_or(semver::Version::new(0, 0, 0)), description: description.unwrap_or_default().to_owned(), tools: vec![], subscriptions: vec![], wants: vec![] }
    }
}
pub(crate) fn check(m: Manifest, _: bool) -> Result<Described, ManifestError> {
    let e = |e: &dyn std::fmt::Display| ManifestError(e.to_string());
    Ok(Described {
        name: SkillName::new(&m.name).map_err(|x| e(&x))?,
        version: m.version.parse().map_err(|x| e(&x))?,
        description: m.description,
        tools: m.tools.into_iter().map(|t| Ok(DescribedTool { name: ToolName::new(&t.name).map_err(|x| e(&x))?, description: t.description, input: Schema::compile(&t.input_schema).map_err(|x| e(&x))?, output: t.output_schema.map(|s| Schema::compile(&s)).transpose().map_err(|x| e(&x))?, hints: t.hints })).collect::<Result<_, ManifestError>>()?,
        subscriptions: m.subscriptions, wants: m.wants,
    })
}
