//! Says no, in each of the three ways, honestly.

use guests::manifest::{Input, manifest, tool, unknown};
use guests::{Answer, Manifest, ToolError};

fn describe() -> Manifest {
    let message = [("message", "string")];
    manifest(
        "errors",
        vec![
            tool("invalid-input", "Answers `invalid-input`.", &message),
            tool("failed", "Answers `failed`.", &message),
            tool("transient", "Answers `transient`.", &message),
        ],
    )
}

fn call(tool: &str, input: String) -> Answer {
    let message = Input::read(&input).string("message", "as asked").to_string();
    match tool {
        "invalid-input" => Err(ToolError::InvalidInput(message)),
        "failed" => Err(ToolError::Failed(message)),
        "transient" => Err(ToolError::Transient(message)),
        _ => unknown(tool),
    }
}

guests::skill!(describe, call);
