//! Ten thousand tools whose descriptions are all the same megabyte: ten gigabytes for a host that copies before it counts.

use guests::manifest::{echo, manifest, tool};
use guests::tools::amplify;
use guests::{Manifest, Tool};

fn describe() -> Manifest {
    let descriptions = amplify(&"d".repeat(1 << 20), 10_000);
    let tools = descriptions.into_iter().enumerate();
    let tools = tools.map(|(n, description)| Tool { description, ..tool(&format!("t{n}"), "", &[]) });
    manifest("liar-amplified", tools.collect())
}

guests::skill!(describe, echo);
