//! JSON documents and component-model values, both ways.
//!
//! Contract: every value of a representable type has one JSON form, which [`to_json`] writes and [`from_json`]
//! reads back as the same value; a document that does not fit the type is refused with its place and with what
//! was expected there. A type with resources, futures, streams or error contexts is told apart before
//! anything runs. No component's word is taken for its own size: types are bounded in depth and in
//! the schema that they make, output by the caller's cap, and input by its own length, which the caller
//! bounds, plus a constant for what a document leaves out.
//!
//! Price: reading a type happens once, at absorption. A call then costs one walk over the document and one
//! over the value; a byte of `list<u8>` is a `Val` of its own on the way, some forty bytes.

mod describe;
mod exports;
mod fuzz;
mod input;
mod output;
mod schema;
mod shape;

#[cfg(test)]
mod tests;

pub use exports::{ExportedFunction, exported_functions};
#[doc(hidden)]
pub use fuzz::fuzz_values;
pub use input::{InvalidInput, from_json};
pub use output::{ReturnedError, to_json};
pub use shape::{Signature, Unrepresentable, signature};

/// What JSON lacks of the floats, as strings.
const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

/// The key around the value of an option inside an option: `null` there would mean either.
const SOME: &str = "some";
/// The keys of a result.
const OK: &str = "ok";
const ERR: &str = "err";
