//! A schema of two kilobytes that unfolds into a billion: each definition asks twice for the one before it.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    let definitions: String = (1..=30)
        .map(|n| format!(r##","d{n}":{{"allOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}}"##, n - 1))
        .collect();
    let schema = format!(
        r##"{{"type":"object","$defs":{{"d0":{{"type":"string"}}{definitions}}},"properties":{{"x":{{"$ref":"#/$defs/d30"}}}}}}"##
    );
    manifest("liar-schema-bomb", vec![raw_tool("echo", "Gives back its input.", &schema)])
}

guests::skill!(describe, echo);
