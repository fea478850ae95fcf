//! A schema whose patterns take for ever on the right text, or a lot of memory to compile.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    manifest(
        "liar-schema-regex",
        vec![raw_tool(
            "echo",
            "Give `text` thirty times `a`, then `!`.",
            r#"{"type":"object","properties":{"text":{"type":"string","pattern":"^(?=(a+)+$)(a|aa)+$"},"big":{"pattern":"((a{1000}){1000}){1000}"}}}"#,
        )],
    )
}

guests::skill!(describe, echo);
