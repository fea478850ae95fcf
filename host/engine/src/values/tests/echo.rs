//! Values through components that are written down here, types and all.

use serde_json::{Value, json};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};

use crate::values::{exported_functions, from_json, to_json};

/// Gives scalars back as they are, and strings and lists as the pointer and length that it got.
const ECHO: &str = r#"(component
    (core module $m
        (memory (export "memory") 2)
        (global $free (mut i32) (i32.const 16))
        (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
            (global.set $free (i32.add (local.get $at) (local.get $size)))
            (local.get $at))
        (func (export "i32") (param i32) (result i32) local.get 0)
        (func (export "i64") (param i64) (result i64) local.get 0)
        (func (export "f32") (param f32) (result f32) local.get 0)
        (func (export "f64") (param f64) (result f64) local.get 0)
        (func (export "pointer") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (local.get 0))
            (i32.store (i32.const 4) (local.get 1))
            (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (alias core export $i "pointer" (core func $pointer))
    (func (export "bool") (param "v" bool) (result bool) (canon lift (core func $i "i32")))
    (func (export "s8") (param "v" s8) (result s8) (canon lift (core func $i "i32")))
    (func (export "u32") (param "v" u32) (result u32) (canon lift (core func $i "i32")))
    (func (export "s64") (param "v" s64) (result s64) (canon lift (core func $i "i64")))
    (func (export "u64") (param "v" u64) (result u64) (canon lift (core func $i "i64")))
    (func (export "f32") (param "v" f32) (result f32) (canon lift (core func $i "f32")))
    (func (export "f64") (param "v" f64) (result f64) (canon lift (core func $i "f64")))
    (func (export "char") (param "v" char) (result char) (canon lift (core func $i "i32")))
    (func (export "string") (param "v" string) (result string)
        (canon lift (core func $pointer) (memory $memory) (realloc $realloc)))
    (func (export "bytes") (param "v" (list u8)) (result (list u8))
        (canon lift (core func $pointer) (memory $memory) (realloc $realloc)))
    (func (export "numbers") (param "v" (list s64)) (result (list s64))
        (canon lift (core func $pointer) (memory $memory) (realloc $realloc)))
    (func (export "names") (param "v" (list (option string))) (result (list (option string)))
        (canon lift (core func $pointer) (memory $memory) (realloc $realloc)))
)"#;

/// Calls the function `name` with `value` and gives what it gives, as text: numbers that are equal may be
/// written differently, and 0 equals -0.
fn echo(name: &str, value: &Value) -> String {
    let engine = Engine::default();
    let component = Component::new(&engine, wat::parse_str(ECHO).unwrap()).unwrap();
    let exported = exported_functions(&engine, &component);
    let function = exported.iter().find(|function| function.tool_name == name).unwrap();
    let signature = function.signature.as_ref().unwrap();
    let params = from_json(signature, &json!({"v": value})).unwrap();

    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
    let mut results = vec![Val::Bool(false); signature.result_count()];
    instance.get_func(&mut store, function.index).unwrap().call(&mut store, &params, &mut results).unwrap();
    to_json(signature, &results, u64::MAX).unwrap().to_string()
}

#[test]
fn values_at_the_edges_come_back_from_a_component_as_they_went_in() {
    for (name, value) in [
        ("bool", json!(true)),
        ("s8", json!(-128)),
        ("u32", json!(u32::MAX)),
        ("s64", json!(i64::MIN)),
        ("u64", json!(u64::MAX)),
        ("u64", json!(9_007_199_254_740_993_u64)),
        ("f32", json!(0.1)),
        ("f32", json!(-0.0)),
        ("f32", json!("NaN")),
        ("f64", json!(5e-324)),
        ("f64", json!(-0.0)),
        ("f64", json!("-Infinity")),
        ("char", json!("\u{10ffff}")),
        ("string", json!("zero \0, quote \", \u{1f980}")),
        ("bytes", json!("AP+A")),
        ("bytes", json!("")),
        ("numbers", json!([i64::MAX, 0, -1])),
        ("numbers", json!([])),
        ("names", json!(["a", null, ""])),
    ] {
        assert_eq!(echo(name, &value), value.to_string(), "{name}");
    }
}
