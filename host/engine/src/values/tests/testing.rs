//! Real components around WIT types, for the tests of this folder.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, Linker, Val};
use wasmtime::{Config, Engine, Store};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use crate::values::{Signature, Unrepresentable, signature};

/// An engine that takes what the component model is about to have, too.
pub(crate) fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_component_model_map(true).wasm_component_model_fixed_length_lists(true);
    Engine::new(&config).unwrap()
}

/// A component of the world `w` in `wit`; without a core module one that traps in every function.
fn encode(wit: &str, core: Option<&str>) -> Vec<u8> {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let package = resolve.push_str("test.wit", wit).unwrap_or_else(|error| panic!("{error:#}\n{wit}"));
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut module = match core {
        Some(text) => wat::parse_str(text).unwrap(),
        None => dummy_module(&resolve, world, ManglingAndAbi::Standard32),
    };
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap_or_else(|error| panic!("{error:#}\n{wit}"))
}

/// A component of the world `w` in `wit` that traps in every function.
pub(crate) fn dummy(engine: &Engine, wit: &str) -> Component {
    Component::new(engine, encode(wit, None)).unwrap()
}

/// The type of `f: func…`, which may use `types`.
pub(crate) fn try_signature(types: &str, func: &str) -> Result<Signature, Unrepresentable> {
    let engine = engine();
    let component = dummy(
        &engine,
        &format!("package test:types; interface api {{ {types} f: func{func}; }} world w {{ export api; }}"),
    );
    let api = component.get_export_index(None, "test:types/api").unwrap();
    let (ComponentItem::ComponentFunc(ty), _) = component.get_export(Some(&api), "f").unwrap() else { panic!() };
    signature(&ty)
}

/// The same, where it can be a tool.
pub(crate) fn signature_of(types: &str, func: &str) -> Signature {
    try_signature(types, func).unwrap()
}

/// A component that gives back what it gets, of whatever type.
pub(crate) struct Echo {
    engine: Engine,
    component: Component,
    function: ComponentExportIndex,
    pub(crate) signature: Signature,
}

impl Echo {
    /// `types` declare what the type `ty` needs.
    ///
    /// The parameter is a tuple of the value and of more numbers than are passed in registers, and so is the
    /// result: the canonical ABI passes both as pointers to the same layout, and the code is one instruction.
    pub(crate) fn new(engine: &Engine, types: &str, ty: &str) -> Self {
        let wit = format!(
            "package test:types; interface api {{ {types}
                type padded = tuple<{ty}, {padding}>;
                echo: func(it: padded) -> padded; }}
             world w {{ export api; }}",
            padding = ["u64"; 16].join(", "),
        );
        let core = r#"(module
            (memory (export "memory") 1)
            (global $free (mut i32) (i32.const 8))
            (func (export "cabi_realloc") (param $old i32) (param i32) (param $align i32) (param $size i32) (result i32)
                (local $at i32)
                (if (local.get $old) (then unreachable))
                (local.set $at (i32.and
                    (i32.sub (i32.add (global.get $free) (local.get $align)) (i32.const 1))
                    (i32.sub (i32.const 0) (local.get $align))))
                (global.set $free (i32.add (local.get $at) (local.get $size)))
                (drop (memory.grow (i32.shr_u (local.get $size) (i32.const 16))))
                (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
                    (then (drop (memory.grow (i32.const 1)))))
                (local.get $at))
            (func (export "test:types/api#echo") (param i32) (result i32) (local.get 0)))"#;
        let component = Component::new(engine, encode(&wit, Some(core))).unwrap();
        let api = component.get_export_index(None, "test:types/api").unwrap();
        let (item, function) = component.get_export(Some(&api), "echo").unwrap();
        let ComponentItem::ComponentFunc(ty) = item else { panic!("{item:?}") };
        Self { engine: engine.clone(), component, function, signature: signature(&ty).unwrap() }
    }

    /// Sends `params` through the component.
    pub(crate) fn call(&self, params: &[Val]) -> Vec<Val> {
        let mut store = Store::new(&self.engine, ());
        let instance = Linker::new(&self.engine).instantiate(&mut store, &self.component).unwrap();
        let function = instance.get_func(&mut store, self.function).unwrap();
        let mut results = vec![Val::Bool(false); self.signature.result_count()];
        function.call(&mut store, params, &mut results).unwrap();
        results
    }
}
