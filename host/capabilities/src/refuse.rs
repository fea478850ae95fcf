//! Interfaces that a skill holds no grant of: every function answers with an error value.
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

/// Links everything in `instance` as refusals, for want of a grant of one of the capabilities `needs`.
pub(crate) fn link(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, State>,
    instance: &ComponentInstance,
    needs: &'static [Capability],
) -> wasmtime::Result<()> {
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let function = name.to_owned();
                linker.func_new(name, move |mut store: StoreContextMut<'_, State>, ty, params, results| {
                    store.data_mut().count_host_call()?;
                    match (denied(&refusal(needs, &function, params), &ty), results) {
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

/// The answer to a call: the grant that would allow it, named as the one wrapper of what is granted names it.
fn refusal(needs: &[Capability], function: &str, params: &[Val]) -> String {
    let capability = needs.iter().find(|capability| of_use(**capability, function)).or(needs.first());
    let mut names = params.iter().filter_map(name);
    let subject = match (capability, names.next(), names.next()) {
        (Some(Capability::SkillsCall), Some(skill), Some(tool)) => format!("{skill}.{tool}"),
        (_, Some(subject), _) => subject.to_owned(),
        (_, None, _) => String::new(),
    };
    capability.map_or_else(String::new, |capability| needed(*capability, &subject))
}

/// What a parameter says that the call is about: a text, or the model of a request.
fn name(param: &Val) -> Option<&str> {
    match param {
        Val::String(text) => Some(text),
        Val::Option(Some(inner)) => name(inner),
        Val::Record(fields) => fields.iter().find(|(field, _)| field == "model").and_then(|(_, model)| name(model)),
        _ => None,
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

/// The value that says no in the function's own type.
fn denied(text: &str, function: &ComponentFunc) -> Option<Val> {
    let Type::Result(result) = function.results().next()? else {
        return None;
    };
    let error = match result.err() {
        Some(ty) => Some(Box::new(error(text, &ty)?)),
        None => None,
    };
    Some(Val::Result(Err(error)))
}

/// The text in `host-error` itself or in the case that wraps it, as `call-error` does.
fn error(text: &str, ty: &Type) -> Option<Val> {
    let Type::Variant(variant) = ty else {
        return None;
    };
    for case in variant.cases() {
        match case.ty {
            // The word that standard interfaces have for it.
            None if case.name == "access-denied" => {
                return Some(Val::Variant(case.name.to_owned(), None));
            }
            Some(Type::String) if case.name == "denied" => {
                let text = Val::String(text.to_owned());
                return Some(Val::Variant(case.name.to_owned(), Some(Box::new(text))));
            }
            Some(inner @ Type::Variant(_)) => {
                if let Some(inner) = error(text, &inner) {
                    return Some(Val::Variant(case.name.to_owned(), Some(Box::new(inner))));
                }
            }
            _ => {}
        }
    }
    None
}
