//! What `wit/units.wit` says, as Rust types and traits.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::unreachable,
    unused_macros,
    reason = "generated: the canonical ABI is crossed with raw pointers"
)]

#[cfg(target_family = "wasm")]
use crate::Units;

wit_bindgen::generate!({
    path: "wit",
    world: "units",
    additional_derives: [PartialEq],
});

// Only a component has these exports; on other targets their names would be no symbols.
#[cfg(target_family = "wasm")]
export!(Units with_types_in self);
