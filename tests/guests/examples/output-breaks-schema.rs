//! Declares what it gives, and gives something else.

use guests::manifest::{manifest, raw_data, text, tool, unknown};
use guests::{Answer, Manifest, Tool};

fn promised(name: &str, description: &str) -> Tool {
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
    Tool { output_schema: Some(schema.into()), ..tool(name, description, &[]) }
}

fn describe() -> Manifest {
    manifest(
        "output-breaks-schema",
        vec![
            promised("fits", "Gives the number that it promises."),
            promised("breaks", "Gives a string where it promises a number."),
            promised("no-data", "Promises data and gives only text."),
            promised("not-json", "Promises data and gives no JSON."),
        ],
    )
}

fn call(tool: &str, _input: String) -> Answer {
    match tool {
        "fits" => raw_data(r#"{"n":1}"#.into()),
        "breaks" => raw_data(r#"{"n":"one"}"#.into()),
        "no-data" => text("no data"),
        "not-json" => raw_data("{n:1}".into()),
        _ => unknown(tool),
    }
}

guests::skill!(describe, call);
