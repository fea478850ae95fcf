//! What is absorbed and what waits, as every surface shows it: `list --json`, `inspect --json`, `approvals --json` and HTTP.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::authority::Approval;
use crate::generation::Generation;
use crate::registry::Entry;

impl Entry {
    /// An entry as `list --json` prints it.
    pub fn listed(&self) -> Value {
        json!({
            "name": self.name,
            "version": self.version,
            "state": self.state.as_str(),
            "digest": self.digest,
            "file": self.file,
            "tools": self.tools(),
            "reason": self.reason,
            "serving": self.serving.as_ref().map(|serving| serving.digest),
        })
    }

    /// An entry as `inspect --json` prints it. What a refused file itself says is not known; the fields about it
    /// are those of what serves in its place, or empty.
    pub fn inspected(&self) -> Value {
        let shown = self.own();
        let tools: Vec<Value> = shown
            .into_iter()
            .flat_map(|shown| shown.tools.iter())
            .map(|tool| {
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.input_schema(),
                    "output_schema": tool.output_schema(),
                    "hints": tool.hints,
                })
            })
            .collect();
        json!({
            "name": self.name,
            "version": self.version,
            "description": shown.map(|shown| &shown.description),
            "kind": shown.map(|shown| shown.kind.as_str()),
            "digest": self.digest,
            "file": self.file,
            "size": shown.map(|shown| shown.size),
            "state": self.state.as_str(),
            "reason": self.reason,
            "serving": self.serving.as_ref().map(|serving| serving.digest),
            "tools": tools,
            "subscriptions": shown.map(|shown| shown.subscriptions.clone()).unwrap_or_default(),
            "imports": shown.map(|shown| shown.imports.clone()).unwrap_or_default(),
            "wants": shown.map(|shown| shown.wants.clone()).unwrap_or_default(),
            "grants": shown.map(grants).unwrap_or_default(),
            "imports_without_asking": shown.map(|shown| shown.imports_without_asking()).unwrap_or_default(),
            "asks_without_importing": shown.map(|shown| shown.asks_without_importing()).unwrap_or_default(),
            "instructions": shown.and_then(|shown| shown.instructions.as_deref()),
        })
    }

    /// The names of its tools.
    fn tools(&self) -> Vec<&str> {
        self.own().into_iter().flat_map(|own| own.tools.iter()).map(|tool| tool.name.as_str()).collect()
    }
}

impl Approval {
    /// An approval as `approvals --json` prints it.
    pub fn listed(&self) -> Value {
        json!({
            "id": self.id,
            "skill": self.skill,
            "version": self.version,
            "digest": self.digest,
            "file": self.file,
            "size": self.size,
            "state": self.state.as_str(),
            "proposed_at": self.proposed_at.to_string(),
            "decided_at": self.decided_at.map(|at| at.to_string()),
            "decided_by": self.decided_by,
            "wants": self.wants,
            "new": self.new,
            "granted": self.granted,
            "imports": self.imports,
            "serving": self.serving,
            "reason": self.reason,
        })
    }
}

fn grants(generation: &Arc<Generation>) -> Vec<String> {
    generation.grants().iter().map(ToString::to_string).collect()
}
