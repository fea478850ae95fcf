//! Tools whose input schemas say a lot, for the checks of a host and of its command line. Every tool gives back its
//! input.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    manifest(
        "schemas",
        vec![
            raw_tool(
                "typed",
                "One parameter of each type.",
                r#"{"type":"object","properties":{"text":{"type":"string","minLength":1},"count":{"type":"integer","minimum":0,
                "maximum":10},"share":{"type":"number"},"yes":{"type":"boolean"},"words":{"type":"array","items":{"type":"string"}},
                "nested":{"type":"object","properties":{"list":{"type":"array","items":{"type":"integer"}}}},"any":{}},
                "additionalProperties":false}"#,
            ),
            raw_tool(
                "required",
                "Needs a name of three letters.",
                r#"{"type":"object","properties":{"name":{"type":"string","pattern":"^[a-z]{3}$"}},"required":["name"]}"#,
            ),
            raw_tool(
                "tree",
                "Takes a tree: a schema that refers to itself, as it may.",
                r##"{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}}}}"##,
            ),
        ],
    )
}

guests::skill!(describe, echo);
