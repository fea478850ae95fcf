//! An honest agent: keeps every message of `notes:*` on the blackboard, as it came, under
//! `recorder:N` from 1 on, and the count under `recorder:count`.

use guests::bindings::skillhost::skill::blackboard;
use guests::manifest::{echo, manifest, tool, want};
use guests::{Manifest, Message};
use serde_json::json;

fn describe() -> Manifest {
    Manifest {
        subscriptions: vec!["notes:*".into()],
        wants: vec![want("blackboard.write", "recorder:*")],
        ..manifest("recorder", vec![tool("echo", "Gives back its input.", &[])])
    }
}

fn handle(message: Message) -> Result<(), String> {
    let number = blackboard::add("recorder:count", 1).map_err(|error| format!("{error:?}"))?;
    let note = json!({
        "id": message.id, "channel": message.channel, "payload": message.payload, "source": message.source,
        "published_at": message.published_at,
    });
    blackboard::set(&format!("recorder:{number}"), &note.to_string(), None).map_err(|error| format!("{error:?}"))
}

guests::skill!(describe, echo);
guests::handler!(handle);
