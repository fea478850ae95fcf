//! Interfaces without a service behind them: every function answers with an error value.
//!
//! The functions are made from the component's own types, so an interface needs no code here to be refused.
//! A function that cannot say no in its type (it returns no `result`) traps.

use skillhost_engine::Stop;
use skillhost_types::Capability;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{LinkerInstance, ResourceType, Type, Val};
use wasmtime::{Engine, StoreContextMut, bail};

use crate::call::needed;
use crate::context::State;

struct Refused;

/// Links everything in `instance` so that calling it ends the run.
pub(crate) fn link_trapping(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, State>,
    instance: &ComponentInstance,
) -> wasmtime::Result<()> {
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let what = name.to_owned();
                linker.func_new(name, move |_: StoreContextMut<'_, State>, _, _, _| {
                    Err(Stop::Trap(format!("it called the host's `{what}`, which is not there yet")).into())
                })?;
            }
            ComponentItem::Resource(_) => {
                linker.resource(name, ResourceType::host::<Refused>(), |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Links everything in `instance` as refusals.
pub(crate) fn link(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, State>,
    instance: &ComponentInstance,
    refusal: &Refusal,
) -> wasmtime::Result<()> {
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let (refusal, function) = (refusal.clone(), name.to_owned());
                linker.func_new(name, move |mut store: StoreContextMut<'_, State>, ty, params, results| {
                    store.data_mut().count_host_call()?;
                    match (refusal.about(&function, params).value(&ty), results) {
                        (Some(value), [result]) => *result = value,
                        _ => bail!("this function is refused and has no way to say so"),
                    }
                    Ok(())
                })?;
            }
            ComponentItem::Resource(_) => {
                linker.resource(name, ResourceType::host::<Refused>(), |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Why every function of an interface refuses.
#[derive(Clone)]
pub(crate) enum Refusal {
    /// The skill holds no grant of any of these.
    Denied(&'static [Capability]),
    /// There is nothing behind it.
    Unavailable(&'static str),
}

/// Which case of `host-error` to answer with, and its text.
struct Answer {
    case: &'static str,
    text: String,
}

impl Refusal {
    /// The answer to a call: the grant that would allow it, named as the one wrapper of what is granted names it.
    fn about(&self, function: &str, params: &[Val]) -> Answer {
        let needs = match self {
            Self::Unavailable(text) => return Answer { case: "unavailable", text: (*text).to_owned() },
            Self::Denied(needs) => needs,
        };
        let capability = needs.iter().find(|capability| of_use(**capability, function)).or(needs.first());
        let mut names = params.iter().filter_map(|param| match param {
            Val::String(text) => Some(text.as_str()),
            _ => None,
        });
        let subject = match (capability, names.next(), names.next()) {
            (Some(Capability::SkillsCall), Some(skill), Some(tool)) => format!("{skill}.{tool}"),
            (_, Some(subject), _) => subject.to_owned(),
            (_, None, _) => String::new(),
        };
        let text = capability.map_or_else(String::new, |capability| needed(*capability, &subject));
        Answer { case: "denied", text }
    }
}

/// Is `capability` what the contract's `function` takes?
fn of_use(capability: Capability, function: &str) -> bool {
    match capability {
        Capability::BlackboardRead => matches!(function, "get" | "exists" | "keys"),
        Capability::BlackboardWrite => matches!(function, "set" | "compare-and-swap" | "add" | "delete" | "clear"),
        Capability::BlackboardPublish => function == "publish",
        Capability::EventsAppend => function == "append",
        Capability::EventsRead => function == "read",
        Capability::LlmEmbed => function == "embed",
        _ => false,
    }
}

impl Answer {
    /// The value that says no in the function's own type.
    fn value(&self, function: &ComponentFunc) -> Option<Val> {
        let Type::Result(result) = function.results().next()? else {
            return None;
        };
        let error = match result.err() {
            Some(ty) => Some(Box::new(self.error(&ty)?)),
            None => None,
        };
        Some(Val::Result(Err(error)))
    }

    /// The text in `host-error` itself or in the case that wraps it, as `call-error` does.
    fn error(&self, ty: &Type) -> Option<Val> {
        let Type::Variant(variant) = ty else {
            return None;
        };
        for case in variant.cases() {
            match case.ty {
                // The word that standard interfaces have for it.
                None if case.name == "access-denied" && self.case == "denied" => {
                    return Some(Val::Variant(case.name.to_owned(), None));
                }
                Some(Type::String) if case.name == self.case => {
                    let text = Val::String(self.text.clone());
                    return Some(Val::Variant(case.name.to_owned(), Some(Box::new(text))));
                }
                Some(inner @ Type::Variant(_)) => {
                    if let Some(inner) = self.error(&inner) {
                        return Some(Val::Variant(case.name.to_owned(), Some(Box::new(inner))));
                    }
                }
                _ => {}
            }
        }
        None
    }
}
