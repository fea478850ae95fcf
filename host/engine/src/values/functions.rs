//! The functions that a plain component exports, and their names as tools.

use std::collections::HashMap;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use super::{Signature, Unrepresentable};

/// A function of a component, by the name of its tool.
pub struct ExportedFunction {
    /// The tool's name: the function's, or `interface-function` where one name would stand for two.
    pub tool_name: String,
    /// The interface that it belongs to, as exported.
    pub interface: Option<String>,
    /// Where it is.
    pub index: ComponentExportIndex,
    /// Its type, if JSON can say it.
    pub signature: Result<Signature, Unrepresentable>,
}

/// All exported functions, also those inside exported interfaces.
pub fn exported_functions(engine: &wasmtime::Engine, component: &Component) -> Vec<ExportedFunction> {
    let mut found = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(function) => {
                if let Some(index) = component.get_export_index(None, name) {
                    found.push(Found { name: name.to_owned(), interface: None, index, function });
                }
            }
            ComponentItem::ComponentInstance(instance) => {
                let Some(parent) = component.get_export_index(None, name) else { continue };
                for (function_name, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(function) = item.ty
                        && let Some(index) = component.get_export_index(Some(&parent), function_name)
                    {
                        let interface = Some(name.to_owned());
                        found.push(Found { name: function_name.to_owned(), interface, index, function });
                    }
                }
            }
            _ => {}
        }
    }
    named(found)
}

struct Found {
    name: String,
    interface: Option<String>,
    index: ComponentExportIndex,
    function: ComponentFunc,
}

fn named(found: Vec<Found>) -> Vec<ExportedFunction> {
    // The short name, then with its interface, then with its package too: the first that is no one else's.
    let names: Vec<[String; 3]> = found.iter().map(|one| candidates(&one.name, one.interface.as_deref())).collect();
    let mut counts = [const { None }; 3].map(|_: Option<()>| HashMap::<String, usize>::new());
    for candidates in &names {
        for (count, name) in counts.iter_mut().zip(candidates) {
            *count.entry(name.clone()).or_default() += 1;
        }
    }
    found
        .into_iter()
        .zip(names)
        .map(|(one, candidates)| {
            let alone = candidates.iter().zip(&counts).find(|(name, count)| count.get(*name) == Some(&1));
            let tool_name = alone.map_or_else(|| candidates.join("-"), |(name, _)| name.clone());
            ExportedFunction {
                tool_name,
                interface: one.interface,
                index: one.index,
                // A method, constructor or static function belongs to a resource.
                signature: if one.name.contains('[') {
                    Err(Unrepresentable { place: one.name, what: "a function of a resource" })
                } else {
                    Signature::new(&one.function)
                },
            }
        })
        .collect()
}

fn candidates(function: &str, interface: Option<&str>) -> [String; 3] {
    let Some(interface) = interface else {
        return [function.to_owned(), function.to_owned(), function.to_owned()];
    };
    // `package:name/interface@1.0.0`
    let path = interface.split('@').next().unwrap_or(interface);
    let (package, plain) = path.rsplit_once('/').unwrap_or(("", path));
    let package = package.replace([':', '/'], "-");
    [function.to_owned(), format!("{plain}-{function}"), format!("{package}-{plain}-{function}")]
}
