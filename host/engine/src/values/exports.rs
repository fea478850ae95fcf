//! The functions that a component exports, each with a tool name of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use super::shape::{Budget, Signature, Unrepresentable};

/// A function that a component exports, by itself or in an interface.
#[derive(Debug)]
pub struct ExportedFunction {
    /// What it is called as a tool, once in the component; for a function that cannot be one, its own name.
    pub tool_name: String,
    /// The interface that it is in, as exported: `example:units/convert@0.1.0`.
    pub interface: Option<Arc<str>>,
    /// Its name.
    pub function: String,
    /// Where it is in every instance of the component.
    pub index: ComponentExportIndex,
    /// What it takes and gives, or why it cannot be a tool.
    pub signature: Result<Signature, Unrepresentable>,
}

/// All functions that `component` exports, in its order. Functions in instances inside of instances, which WIT
/// cannot express, are left out.
///
/// A tool is named as its function; where one name would stand for two, those in interfaces get the interface's
/// name in front, and if that does not tell them apart the package's, its namespace's, and its version behind.
pub fn exported_functions(engine: &Engine, component: &Component) -> Vec<ExportedFunction> {
    let mut finder = Finder { component, budget: Budget::for_component(), found: Vec::new() };
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => finder.add(None, name, &ty),
            ComponentItem::ComponentInstance(instance) => {
                let Some(index) = component.get_export_index(None, name) else { continue };
                let interface = (Arc::from(name), index);
                for (function, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = item.ty {
                        finder.add(Some(&interface), function, &ty);
                    }
                }
            }
            _ => {}
        }
    }
    tell_apart(&mut finder.found);
    finder.found
}

struct Finder<'a> {
    component: &'a Component,
    budget: Budget,
    found: Vec<ExportedFunction>,
}

impl Finder<'_> {
    fn add(&mut self, interface: Option<&(Arc<str>, ComponentExportIndex)>, function: &str, ty: &ComponentFunc) {
        let Some(index) = self.component.get_export_index(interface.map(|(_, index)| index), function) else { return };
        let interface = interface.map(|(name, _)| name.clone());
        // `[method]blob.read` and its like.
        let signature = if function.starts_with('[') {
            Err(Unrepresentable::OfResource)
        } else {
            self.budget.signature(function.len() + interface.as_deref().map_or(0, str::len), ty)
        };
        let (tool_name, function) = (function.to_owned(), function.to_owned());
        self.found.push(ExportedFunction { tool_name, interface, function, index, signature });
    }
}

/// How many parts of an interface's name may go into a tool's.
const PARTS: usize = 4;

/// Gives each function that can be a tool a name of its own.
fn tell_apart(functions: &mut [ExportedFunction]) {
    let mut tools: Vec<_> = functions.iter_mut().filter(|function| function.signature.is_ok()).collect();
    for parts in 1..=PARTS {
        let mut uses: HashMap<String, usize> = HashMap::new();
        for tool in &tools {
            *uses.entry(tool.tool_name.clone()).or_default() += 1;
        }
        for tool in &mut tools {
            let shared = uses.get(&tool.tool_name).is_some_and(|uses| *uses > 1);
            if let Some(interface) = tool.interface.as_deref().filter(|_| shared) {
                tool.tool_name = qualified(interface, &tool.function, parts);
            }
        }
    }
    // Left are names that are made of the same words: the function `a-b`, and `b` of a nameless package's
    // interface `a`. Functions outside of interfaces keep theirs.
    tools.sort_by_key(|tool| tool.interface.is_some());
    let mut taken: HashSet<String> = HashSet::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for tool in tools {
        if taken.insert(tool.tool_name.clone()) {
            continue;
        }
        let number = numbers.entry(tool.tool_name.clone()).or_insert(1);
        tool.tool_name = loop {
            *number += 1;
            let name = format!("{}-{number}", tool.tool_name);
            if taken.insert(name.clone()) {
                break name;
            }
        };
    }
}

/// `function` with as many `parts` of its interface's name as told: the interface, the package, the
/// namespace, the version.
fn qualified(interface: &str, function: &str, parts: usize) -> String {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    let words: Vec<_> = name.split([':', '/']).collect();
    let before = words.len().saturating_sub(parts.min(PARTS - 1));
    let mut name = words.get(before..).unwrap_or_default().join("-");
    name.push('-');
    name.push_str(function);
    if parts == PARTS && !version.is_empty() {
        name.push_str("-v");
        name.extend(version.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::testing::{dummy, engine};

    /// The tool names of the world `w` in `wit`, in order of export, and what is no tool.
    fn names(wit: &str) -> (Vec<String>, Vec<String>) {
        let engine = engine();
        let component = dummy(&engine, wit);
        let (tools, others): (Vec<_>, Vec<_>) =
            exported_functions(&engine, &component).into_iter().partition(|function| function.signature.is_ok());
        let name = |function: ExportedFunction| function.tool_name;
        (tools.into_iter().map(name).collect(), others.into_iter().map(name).collect())
    }

    #[test]
    fn a_tool_is_named_as_its_function() {
        let engine = engine();
        let component = dummy(
            &engine,
            "package example:units@0.1.0; interface convert { to-metric: func(); }
             world w { export count: func(); export convert; export inline: interface { parse: func(); } }",
        );
        let found = exported_functions(&engine, &component);
        let mut found: Vec<_> =
            found.iter().map(|f| (f.tool_name.as_str(), f.interface.as_deref(), f.function.as_str())).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("count", None, "count"),
                ("parse", Some("inline"), "parse"),
                ("to-metric", Some("example:units/convert@0.1.0"), "to-metric"),
            ]
        );
    }

    #[test]
    fn where_one_name_would_stand_for_two_the_interface_goes_in_front() {
        let (mut tools, _) = names(
            "package example:units; interface a { f: func(); g: func(); } interface b { f: func(); h: func(); }
             world w { export h: func(); export a; export b; }",
        );
        tools.sort();
        assert_eq!(tools, ["a-f", "b-f", "b-h", "g", "h"]);
    }

    #[test]
    fn names_that_are_still_shared_take_the_package_the_namespace_and_the_version() {
        let (mut tools, _) = names(
            "package test:main;
             world w { export one:p/a; export one:q/a; export two:q/a; export v:v/v@1.0.0; export v:v/v@2.0.0-rc.1; }
             package one:p { interface a { f: func(); } }
             package one:q { interface a { f: func(); } }
             package two:q { interface a { f: func(); } }
             package v:v@1.0.0 { interface v { v: func(); } }
             package v:v@2.0.0-rc.1 { interface v { v: func(); } }",
        );
        tools.sort();
        assert_eq!(tools, ["one-q-a-f", "p-a-f", "two-q-a-f", "v-v-v-v-v1-0-0", "v-v-v-v-v2-0-0-rc-1"]);
    }

    #[test]
    fn names_of_the_same_words_are_numbered() {
        let (mut tools, _) = names(
            "package test:main;
             world w {
                export a-b: func();
                export b: func();
                export a: interface { b: func(); }
             }",
        );
        tools.sort();
        assert_eq!(tools, ["a-b", "a-b-2", "b"]);
    }

    #[test]
    fn what_cannot_be_a_tool_is_told_and_takes_no_name() {
        let (mut tools, mut others) = names(
            "package test:main;
             interface a {
                resource blob { constructor(); read: func() -> u8; make: static func(); }
                open: func() -> blob;
                size: func() -> u8;
             }
             interface b { open: func(); }
             world w { export a; export b; }",
        );
        tools.sort();
        others.sort();
        assert_eq!(tools, ["open", "size"]);
        assert_eq!(others, ["[constructor]blob", "[method]blob.read", "[static]blob.make", "open"]);
    }

    #[test]
    fn the_schemas_of_a_component_are_bounded_together() {
        let fields: Vec<_> = (0..900).map(|place| format!("m{place}: u8")).collect();
        let functions: String = (0..100).map(|place| format!("g{place}: func(it: r);")).collect();
        let (tools, others) = names(&format!(
            "package test:main; interface a {{ record r {{ {} }} {functions} }} world w {{ export a; }}",
            fields.join(", ")
        ));
        assert!(!tools.is_empty() && !others.is_empty(), "{} and {}", tools.len(), others.len());
    }
}
