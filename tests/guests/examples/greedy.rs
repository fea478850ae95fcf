//! The tools of `hostile`, asking for everything there is: what a person has to decide on, and what grants cut down.

use guests::manifest::{manifest, want};
use guests::{Manifest, tools};

/// Each capability at its widest scope.
const EVERYTHING: [(&str, &str); 11] = [
    ("blackboard.read", "*"),
    ("blackboard.write", "*"),
    ("blackboard.publish", "*"),
    ("events.append", "skill.*"),
    ("events.read", "*"),
    ("llm.complete", "*"),
    ("llm.embed", "*"),
    ("skills.call", "*"),
    ("fs.read", "workspace"),
    ("fs.write", "workspace"),
    ("secrets.use", "github"),
];

fn describe() -> Manifest {
    let wants = EVERYTHING.iter().map(|(capability, scope)| want(capability, scope)).collect();
    Manifest { wants, ..manifest("greedy", tools::all()) }
}

guests::skill!(describe, tools::call);
