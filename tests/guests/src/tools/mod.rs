//! The attacks, one tool each, and the honest tools beside them.
//!
//! Two components carry the same set: `hostile`, which asks only for what every skill gets, and `greedy`, which asks
//! for everything. What must come of each call is in `index.md`.

use crate::board;
use crate::manifest::{Input, raw_data, unknown};
use crate::{Answer, Tool};

mod floods;
mod loops;
mod memory;
mod outputs;
mod world;

pub use outputs::{CONTROL_CHARACTERS, amplify};

/// Every tool, described.
pub fn all() -> Vec<Tool> {
    [loops::tools(), memory::tools(), floods::tools(), outputs::tools(), world::tools(), board::tools()].concat()
}

/// Runs one of them.
pub fn call(tool: &str, document: String) -> Answer {
    // Word by word, before anything parses it: the healthy call must give back just what came.
    if tool == "echo" {
        return raw_data(document);
    }
    let input = Input::read(&document);
    [loops::call, memory::call, floods::call, outputs::call, world::call, board::call]
        .iter()
        .find_map(|group| group(tool, &input))
        .unwrap_or_else(|| unknown(tool))
}
