//! A plain component that uses the blackboard: it has no `describe`, so its imports are what it asks for.

#[allow(missing_docs, reason = "generated; the words are in the WIT")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../wit", "wit"], world: "guests:plain/plain-board", generate_all });
}

use bindings::skillhost::skill::{blackboard, run};

struct Board;

impl bindings::Guest for Board {
    fn remember(key: String, value: String) -> Result<(), String> {
        run::log(run::Level::Info, "remembers");
        blackboard::set(&key, &value, None).map_err(|error| format!("{error:?}"))
    }
    fn recall(key: String) -> Result<Option<String>, String> {
        blackboard::get(&key).map_err(|error| format!("{error:?}"))
    }
}

bindings::export!(Board with_types_in bindings);
