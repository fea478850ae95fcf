//! What the example skills that work on texts share: reading prose, picking out of it, and asking a model about it.
//!
//! Promises that no function fails for what a text contains; where a text is too long, a named limit stands and the result
//! says that it was reached. Only [`model`] calls the host.

pub mod model;
pub mod prompt;
pub mod prose;
pub mod rank;
pub mod sentences;
pub mod summary;
pub mod words;
