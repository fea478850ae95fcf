//! Converts, reads and prints quantities with units: an ordinary component with a WIT of its own and no word of
//! skillhost in it. Dropped into the folder it becomes a skill as it is: each function a tool, each parameter a field.
//!
//! ```text
//! skillhost run units.convert --input '{"quantity":{"value":26.2,"unit":"miles"},"to":"km"}'
//! skillhost run units.parse text="-40°F"
//! skillhost run units.size-in-bytes text=64MiB
//! ```
//!
//! Promises results to 14 significant digits in `convert`, and exact ones in `counts`. Imports nothing and keeps
//! nothing; every call costs at most one walk over the list of units.

mod bindings;
mod catalogue;
mod conversion;
mod print;
mod read;
mod size;
mod span;

use bindings::exports::example::units::convert::{
    ConversionError, Dimension, FormatOptions, Guest as Convert, Quantity, Row, Systems, UnitInfo,
};
use bindings::exports::example::units::counts::{Base, Guest as Counts, Span};

/// The component.
struct Units;

impl Convert for Units {
    fn convert(quantity: Quantity, to: String) -> Result<Quantity, ConversionError> {
        conversion::convert(&quantity, &to)
    }

    fn parse(text: String) -> Result<Quantity, String> {
        read::quantity(&text)
    }

    fn format(quantity: Quantity, options: Option<FormatOptions>) -> Result<String, ConversionError> {
        conversion::format(&quantity, options)
    }

    fn table(quantity: Quantity, within: Systems, options: Option<FormatOptions>) -> Result<Vec<Row>, ConversionError> {
        conversion::table(&quantity, within, options)
    }

    fn units(dimension: Option<Dimension>, within: Systems) -> Vec<UnitInfo> {
        catalogue::units(dimension, within).map(catalogue::Unit::info).collect()
    }
}

impl Counts for Units {
    fn human_size(bytes: u64, base: Base) -> (f64, String) {
        size::human(bytes, base)
    }

    fn size_in_bytes(text: String) -> Result<u64, String> {
        size::parse(&text)
    }

    fn split_seconds(seconds: i64) -> Span {
        span::split(seconds)
    }

    fn span_in_seconds(text: String) -> Result<i64, String> {
        span::parse(&text)
    }
}
