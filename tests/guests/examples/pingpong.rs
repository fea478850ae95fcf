//! An agent that wakes itself for ever: each message on `ping:*` makes it publish the next one on `ping:x`.
//! It counts under `pingpong:hops`, so that a test sees where the host stopped it.

use guests::bindings::skillhost::skill::blackboard;
use guests::manifest::{echo, manifest, want};
use guests::{Manifest, Message};

fn describe() -> Manifest {
    Manifest {
        subscriptions: vec!["ping:*".into()],
        wants: vec![want("blackboard.publish", "ping:*"), want("blackboard.write", "pingpong:*")],
        ..manifest("pingpong", vec![])
    }
}

fn handle(_message: Message) -> Result<(), String> {
    let hops = blackboard::add("pingpong:hops", 1).map_err(|error| format!("{error:?}"))?;
    blackboard::publish("ping:x", &format!(r#"{{"hop":{hops}}}"#)).map_err(|error| format!("{error:?}"))?;
    Ok(())
}

guests::skill!(describe, echo);
guests::handler!(handle);
