//! Describes two tools and knows only one of them when called.

use guests::manifest::{manifest, raw_data, tool, unknown};
use guests::{Answer, Manifest};

fn describe() -> Manifest {
    manifest(
        "liar-unknown-tool",
        vec![tool("echo", "Gives back its input.", &[]), tool("ghost", "Described, and not there.", &[])],
    )
}

fn call(tool: &str, input: String) -> Answer {
    match tool {
        "echo" => raw_data(input),
        _ => unknown(tool),
    }
}

guests::skill!(describe, call);
