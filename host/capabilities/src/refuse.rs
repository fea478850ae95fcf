//! Interfaces without a service behind them: every function answers with an error value.
//!
//! The functions are made from the component's own types, so an interface needs no code here to be refused.
//! A function that cannot say no in its type (it returns no `result`) traps.

use skillhost_engine::Stop;
use skillhost_types::Capability;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{LinkerInstance, ResourceType, Type, Val};
use wasmtime::{Engine, StoreContextMut, bail};

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
                let refusal = refusal.clone();
                linker.func_new(name, move |mut store: StoreContextMut<'_, State>, ty, _, results| {
                    store.data_mut().count_host_call()?;
                    match (refusal.value(&ty), results) {
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

/// Which case of `host-error` to answer with, and its text.
#[derive(Clone)]
pub(crate) struct Refusal {
    pub(crate) case: &'static str,
    pub(crate) text: String,
}

impl Refusal {
    /// No grant of any of these.
    pub(crate) fn denied(needs: &[Capability]) -> Self {
        let list: Vec<_> = needs.iter().map(|capability| capability.as_str()).collect();
        Self { case: "denied", text: format!("the skill holds no grant of {}", list.join(", ")) }
    }

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
