//! The mapping, held against real components.

mod echo;
mod limits;
mod property;
mod rules;
pub(super) mod testing;
