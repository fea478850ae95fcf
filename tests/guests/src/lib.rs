//! What all guests share: bindings of the two exported interfaces, and the shortest way to make a component of a
//! manifest and a `call`.
//!
//! Promises nothing about behaviour: a guest is free to lie, to trap and to loop. Nothing here checks, caps or retries;
//! that is the host's part, and what the tests look at.

pub mod board;
pub mod manifest;
pub mod slots;
pub mod tools;

/// Bindings of the world `tool-skill`: everything that the host offers, and the export `skill`.
#[allow(missing_docs, reason = "generated; the words are in the WIT")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "tool-skill",
        pub_export_macro: true,
        default_bindings_module: "guests::bindings",
    });
}

/// Bindings of the export `handler` alone, so that a guest takes it in addition and the rest keeps one set of types.
#[allow(missing_docs, reason = "generated; the words are in the WIT")]
pub mod handler {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package guests:handler;
            world handler-only { export skillhost:skill/handler@0.1.0; }
        ",
        world: "guests:handler/handler-only",
        pub_export_macro: true,
        generate_all,
        export_macro_name: "export_handler",
        default_bindings_module: "guests::handler",
    });
}

pub use bindings::exports::skillhost::skill::skill::{
    Blob, Content, Manifest, Output, Tool, ToolError, ToolHints, Want,
};
pub use handler::exports::skillhost::skill::handler::Message;

/// What every tool gives.
pub type Answer = Result<Output, ToolError>;

/// Exports a skill made of two functions: `fn() -> Manifest` and `fn(&str, String) -> Answer`.
#[macro_export]
macro_rules! skill {
    ($describe:expr, $call:expr) => {
        struct Component;
        impl $crate::bindings::exports::skillhost::skill::skill::Guest for Component {
            fn describe() -> $crate::Manifest {
                $describe()
            }
            fn call(tool: String, input: String) -> $crate::Answer {
                $call(tool.as_str(), input)
            }
        }
        $crate::bindings::export!(Component with_types_in $crate::bindings);
    };
}

/// Exports a handler made of one function: `fn(Message) -> Result<(), String>`. Goes beside `skill!`.
#[macro_export]
macro_rules! handler {
    ($handle:expr) => {
        impl $crate::handler::exports::skillhost::skill::handler::Guest for Component {
            fn handle(message: $crate::Message) -> Result<(), String> {
                $handle(message)
            }
        }
        $crate::handler::export_handler!(Component with_types_in $crate::handler);
    };
}
