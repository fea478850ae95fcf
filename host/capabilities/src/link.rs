//! Which of a component's imports the host knows, and what is linked for them.

use skillhost_engine::{Engine, link_wasi};
use skillhost_types::{Capability, Grants};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::call::Interface;
use crate::context::State;
use crate::refuse;
use crate::{blackboard, event_log, keyvalue, llm, run, skills, standard};

/// The contract's package and version.
const PACKAGE: &str = "skillhost:skill/";
const VERSION: &str = "@0.1.0";

/// The contract's interfaces that a component may import.
const INTERFACES: [&str; 6] = ["types", "run", "blackboard", "event-log", "llm", "skills"];

/// Interfaces of other hosts that this one has as well, each in the version that is in use.
const STANDARD: [&str; 5] = [
    "wasi:keyvalue/store@0.2.0-draft2",
    "wasi:keyvalue/atomics@0.2.0-draft2",
    "wasi:config/store@0.2.0-rc.1",
    "wasi:logging/logging@0.1.0-draft",
    "wasi:logging/logging",
];

/// What WASI 0.2 is made of here.
const WASI: [&str; 7] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:http/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// Does the host know the import `name`?
pub fn is_known(name: &str) -> bool {
    if let Some(interface) = own(name) {
        return INTERFACES.contains(&interface);
    }
    if STANDARD.contains(&name) {
        return true;
    }
    let version = name.rsplit_once('@').map(|(_, version)| version);
    WASI.iter().any(|package| name.starts_with(package)) && version.is_some_and(|version| version.starts_with("0.2."))
}

fn own(import: &str) -> Option<&str> {
    import.strip_prefix(PACKAGE)?.strip_suffix(VERSION)
}

/// The name of an interface that is linked here: one of the contract's without its package, or a standard one without its version.
fn linked_here(import: &str) -> Option<&str> {
    let standard = || STANDARD.contains(&import).then(|| import.split('@').next().unwrap_or(import));
    own(import).or_else(standard)
}

/// The capabilities of which one at the least must be held for the interface `name` to be more than refusals.
fn needed(name: &str) -> &'static [Capability] {
    use Capability::*;
    match name {
        "blackboard" => &[BlackboardRead, BlackboardWrite, BlackboardPublish],
        "wasi:keyvalue/store" | "wasi:keyvalue/atomics" => &[BlackboardRead, BlackboardWrite],
        "event-log" => &[EventsAppend, EventsRead],
        "llm" => &[LlmComplete, LlmEmbed],
        "skills" => &[SkillsCall],
        _ => &[],
    }
}

/// The linkers that all generations start from.
pub struct Links {
    engine: Engine,
    /// WASI and nothing else.
    wasi: Linker<State>,
}

impl Links {
    /// Makes them. Done once per host.
    pub fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut wasi = Linker::new(engine.wasmtime());
        link_wasi(&mut wasi)?;
        Ok(Self { engine: engine.clone(), wasi })
    }

    /// Links `component` for serving: what it imports, and nothing that it does not. Behind an interface that it holds no
    /// grant of there are refusals only.
    pub fn serving(&self, component: &Component, grants: &Grants) -> wasmtime::Result<InstancePre<State>> {
        let mut linker = self.wasi.clone();
        let engine = self.engine.wasmtime();
        for (import, item) in component.component_type().imports(engine) {
            let (Some(name), ComponentItem::ComponentInstance(wanted)) = (linked_here(import), item.ty) else {
                continue;
            };
            let mut root = linker.root();
            let mut instance = root.instance(import)?;
            let needs = needed(name);
            if !needs.is_empty() && !needs.iter().any(|capability| grants.of(*capability).next().is_some()) {
                refuse::link(engine, &mut instance, &wanted, needs)?;
                continue;
            }
            match name {
                "run" => run::link(&mut instance)?,
                "blackboard" => blackboard::link(&mut Interface { instance, name: "blackboard" })?,
                "event-log" => event_log::link(&mut Interface { instance, name: "event-log" })?,
                "skills" => skills::link(&mut Interface { instance, name: "skills" })?,
                "llm" => llm::link(&mut instance)?,
                "wasi:keyvalue/store" => keyvalue::link_store(&mut instance)?,
                "wasi:keyvalue/atomics" => keyvalue::link_atomics(&mut instance)?,
                "wasi:config/store" => standard::link_config(&mut instance)?,
                "wasi:logging/logging" => standard::link_logging(&mut instance)?,
                // `types` holds no functions.
                _ => {}
            }
        }
        linker.instantiate_pre(component)
    }

    /// Links `component` for `describe`: WASI is there, the host's own interfaces trap.
    pub fn describing(&self, component: &Component) -> wasmtime::Result<InstancePre<State>> {
        let mut linker = self.wasi.clone();
        let engine = self.engine.wasmtime();
        for (import, item) in component.component_type().imports(engine) {
            if let (Some(_), ComponentItem::ComponentInstance(wanted)) = (linked_here(import), item.ty) {
                refuse::link_trapping(engine, &mut linker.root().instance(import)?, &wanted)?;
            }
        }
        linker.instantiate_pre(component)
    }
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn imports_of_other_worlds_and_other_versions_are_unknown() {
        for known in
            ["skillhost:skill/run@0.1.0", "wasi:cli/environment@0.2.6", "wasi:http/types@0.2.0", "wasi:logging/logging"]
        {
            assert!(is_known(known), "{known}");
        }
        for unknown in [
            "skillhost:skill/root@0.1.0",
            "skillhost:skill/run@0.2.0",
            "skillhost:skill/run",
            "wasi:cli/environment@0.3.0",
            "wasi:nn/graph@0.2.0",
            "wasi:keyvalue/store@0.3.0",
            "evil:world/thing",
        ] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }
}
