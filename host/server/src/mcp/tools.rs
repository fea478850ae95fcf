//! Tools as the protocol lists them.
//!
//! Contract: in the order of their names, whoever asks, a page at a time; schemas are the skill's own, but for what the client's
//! era cannot take. Price: a copy of every schema per list.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{JsonObject, ListToolsResult, Tool, ToolAnnotations};
use serde_json::{Value, json};
use skillhost_lifecycle::{Generation, Hint, Host};

use super::page;

/// Between a skill's name and its tool's. Neither holds an underscore.
const BETWEEN: &str = "__";

/// Which rules a client goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// 2025-11-25 and before: structured content is an object.
    Sessions,
    /// 2026-07-28: it is any JSON.
    Stateless,
}

/// Skill and tool out of a name; none if it can be no tool's.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    name.split_once(BETWEEN)
}

/// One page of all tools that serve.
pub(super) fn list(host: &Host, era: Era, cursor: Option<&str>) -> Result<ListToolsResult, ErrorData> {
    let mut all: Vec<Tool> = host
        .entries()
        .iter()
        .filter_map(|entry| entry.serving.as_ref())
        .flat_map(|generation| generation.tools.iter().map(|tool| listed(generation, tool, era)))
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let (tools, next_cursor) = page(all, cursor, |tool| &tool.name)?;
    Ok(ListToolsResult { next_cursor, ..ListToolsResult::with_all_items(tools) })
}

/// The tool called `name`.
pub(super) fn get(host: &Host, name: &str) -> Option<Tool> {
    let (skill, tool) = split(name)?;
    let generation = host.skill(skill)?;
    generation.tool(tool).map(|tool| listed(&generation, tool, Era::Stateless))
}

fn listed(generation: &Generation, tool: &skillhost_lifecycle::Tool, era: Era) -> Tool {
    let name = format!("{}{BETWEEN}{}", generation.name, tool.name);
    let description = (!tool.description.is_empty()).then(|| Cow::Owned(tool.description.clone()));
    let mut listed = Tool::new_with_raw(name, description, Arc::new(input_schema(tool.input_schema())));
    listed.output_schema = tool.output_schema().and_then(|schema| output_schema(schema, era)).map(Arc::new);
    listed.annotations = annotations(&tool.hints);
    listed
}

/// The protocol asks for an object that says it is one.
fn input_schema(schema: &Value) -> JsonObject {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    schema.entry("type").or_insert_with(|| json!("object"));
    schema
}

/// None where what it describes cannot be sent to clients of `era`.
fn output_schema(schema: &Value, era: Era) -> Option<JsonObject> {
    let schema = schema.as_object()?;
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    (era == Era::Stateless || is_object).then(|| schema.clone())
}

/// A hint that is not given says nothing, so nothing is said; a tool that only reads destroys nothing.
fn annotations(hints: &[Hint]) -> Option<ToolAnnotations> {
    let has = |hint| hints.contains(&hint).then_some(true);
    let read_only = has(Hint::ReadOnly);
    (!hints.is_empty()).then(|| {
        ToolAnnotations::from_raw(
            None,
            read_only,
            has(Hint::Destructive).or(read_only.map(|_| false)),
            has(Hint::Idempotent),
            has(Hint::OpenWorld),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_at_its_first_two_underscores() {
        assert_eq!(split("text-kit__count"), Some(("text-kit", "count")));
        assert_eq!(split("count"), None);
        assert_eq!(split("a__b__c"), Some(("a", "b__c")));
    }

    #[test]
    fn an_output_that_is_no_object_is_described_only_to_clients_that_take_it() {
        let text = json!({"type": "string"});
        assert_eq!(output_schema(&text, Era::Sessions), None);
        assert!(output_schema(&text, Era::Stateless).is_some());
        assert!(output_schema(&json!({"type": "object"}), Era::Sessions).is_some());
    }

    #[test]
    fn a_hint_that_is_not_given_is_not_made_up() {
        assert_eq!(annotations(&[]), None);
        let hints = annotations(&[Hint::ReadOnly, Hint::OpenWorld]).unwrap();
        assert_eq!((hints.read_only_hint, hints.destructive_hint), (Some(true), Some(false)));
        assert_eq!((hints.idempotent_hint, hints.open_world_hint), (None, Some(true)));
    }

    #[test]
    fn pages_follow_each_other_to_the_end_and_hold_everything_once() {
        let all: Vec<String> = (0..super::super::PAGE * 2 + 1).map(|index| format!("{index:05}")).collect();
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
        loop {
            let (page, next) = page(all.clone(), cursor.as_deref(), String::as_str).unwrap();
            seen.extend(page);
            pages += 1;
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!((seen, pages), (all.clone(), 3));
        assert!(page(all, Some("nowhere"), String::as_str).is_err());
    }
}
