//! From annotated functions to a manifest and a dispatch.

use serde_json::{Value, json};
use skillhost_sdk::prelude::*;

/// Measures and names shapes.
///
/// A second paragraph.
#[skill(
    wants("http.request GET https://shapes.example/*" = "Looks names up.", "fs.read workspace" = "Reads drawings."),
)]
mod shapes {
    use super::*;

    /// A shape of one of two kinds.
    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "kebab-case")]
    pub enum Shape {
        /// Equal sides.
        Square { side: f64 },
        /// Unequal sides.
        Rectangle { sides: Vec<Side> },
    }

    #[derive(Deserialize, JsonSchema)]
    pub struct Side {
        /// In metres.
        pub length: f64,
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Area {
        pub square_metres: f64,
    }

    /// The area of a shape.
    #[tool(read_only, idempotent)]
    pub fn area_of(shape: &Shape) -> Area {
        Area {
            square_metres: match shape {
                Shape::Square { side } => side * side,
                Shape::Rectangle { sides } => sides.iter().map(|side| side.length).product(),
            },
        }
    }

    /// Forgets all shapes.
    #[tool(destructive, open_world, name = "forget")]
    fn forget_everything() {}

    /// Whether there are shapes.
    #[skillhost_sdk::tool]
    pub fn r#any() -> Result<bool, std::num::ParseIntError> {
        Ok("1".parse::<u8>()? > 0)
    }
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn refused(tool: &str, input: &str) -> String {
    match shapes::call(tool, input) {
        Err(ToolError::InvalidInput(why)) => why,
        other => panic!("{tool} {input} gave {other:?}"),
    }
}

#[test]
fn name_version_and_description_come_from_cargo_and_the_doc_comment() {
    let manifest = shapes::manifest();
    assert_eq!(manifest.name, "skillhost-sdk");
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.description, "Measures and names shapes.\n\nA second paragraph.");
}

#[test]
fn tools_are_named_described_and_hinted_as_written() {
    let manifest = shapes::manifest();
    let names: Vec<&str> = manifest.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["area-of", "forget", "any"]);
    let (area, forget) = (&manifest.tools[0], &manifest.tools[1]);
    assert_eq!(area.description, "The area of a shape.");
    assert!(area.hints.read_only && area.hints.idempotent && !area.hints.destructive && !area.hints.open_world);
    assert!(forget.hints.destructive && forget.hints.open_world && !forget.hints.read_only && !forget.hints.idempotent);
}

#[test]
fn a_wants_scope_may_hold_spaces() {
    let wants = shapes::manifest().wants;
    let said: Vec<_> = wants.iter().map(|want| (&*want.capability, &*want.scope, &*want.reason)).collect();
    let meant = [
        ("http.request", "GET https://shapes.example/*", "Looks names up."),
        ("fs.read", "workspace", "Reads drawings."),
    ];
    assert_eq!(said, meant);
}

#[test]
fn an_input_schema_is_an_object_at_its_root_and_stands_alone() {
    let manifest = shapes::manifest();
    let area = schema(&manifest.tools[0].input_schema);
    assert_eq!(area["type"], "object");
    assert_eq!(area["description"], "A shape of one of two kinds.");
    assert_eq!(area["oneOf"].as_array().unwrap().len(), 2);
    assert_eq!(area["$defs"]["Side"]["properties"]["length"]["description"], "In metres.");
    assert_eq!(area.get("title"), None, "the Rust name of a type is no business of callers");
    assert_eq!(schema(&manifest.tools[1].input_schema), json!({"type": "object"}));
}

#[test]
fn an_output_schema_is_given_for_data_only() {
    let manifest = shapes::manifest();
    let area = schema(manifest.tools[0].output_schema.as_deref().unwrap());
    assert_eq!(area["required"], json!(["square_metres"]));
    assert_eq!(manifest.tools[1].output_schema, None);
    assert_eq!(schema(manifest.tools[2].output_schema.as_deref().unwrap())["type"], "boolean");
}

#[test]
fn a_call_reads_json_and_gives_json() {
    let square = shapes::call("area-of", r#"{"kind": "square", "side": 3}"#).unwrap();
    assert_eq!(square.data.as_deref(), Some(r#"{"square_metres":9.0}"#));
    assert_eq!(square.content, []);
    assert_eq!(shapes::call("forget", r#"{"ignored": 1}"#).unwrap(), Output::new());
    assert_eq!(shapes::call("any", "{}").unwrap().value(), json!(true));
}

#[test]
fn an_input_that_does_not_decode_is_named_by_its_path() {
    let why = refused("area-of", r#"{"kind": "rectangle", "sides": [{"length": 1}, {"length": "two"}]}"#);
    assert!(why.contains("string \"two\""), "{why}");
    assert!(refused("area-of", r#"{"kind": "circle"}"#).contains("circle"));
    assert!(refused("area-of", r#"{"kind": "square", "side": 3} {}"#).contains("trailing"));
    assert!(refused("area-of", "").contains("EOF"));
    assert!(refused("forget", "[]").contains("map"));
}

#[test]
fn an_unknown_tool_is_answered_with_the_known_ones() {
    assert_eq!(refused("area", "{}"), "there is no tool `area`: this skill has `area-of`, `forget`, `any`");
}
