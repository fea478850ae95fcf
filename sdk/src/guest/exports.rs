//! The component's exports. Two worlds of one export each, because a skill without a handler must not export one.

use std::marker::PhantomData;

use crate::manifest::{Agent, Skill};
use crate::{Content, Message, Output, ToolError};

#[doc(hidden)]
pub mod skill_bindings {
    //! `skillhost:skill/skill`, generated from the contract.
    #![allow(
        missing_docs,
        unsafe_code,
        unreachable_pub,
        clippy::all,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::panic,
        clippy::expect_used,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package skillhost:sdk; world skill-export { export skillhost:skill/skill@0.1.0; }",
        world: "skillhost:sdk/skill-export",
        pub_export_macro: true,
        export_macro_name: "export_skill",
        generate_all,
    });
}

#[doc(hidden)]
pub mod handler_bindings {
    //! `skillhost:skill/handler`, generated from the contract.
    #![allow(
        missing_docs,
        unsafe_code,
        unreachable_pub,
        clippy::all,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::panic,
        clippy::expect_used,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package skillhost:sdk; world handler-export { export skillhost:skill/handler@0.1.0; }",
        world: "skillhost:sdk/handler-export",
        pub_export_macro: true,
        export_macro_name: "export_handler",
        generate_all,
    });
}

pub use handler_bindings::export_handler;
pub use skill_bindings::export_skill;

use handler_bindings::exports::skillhost::skill::handler;
use skill_bindings::exports::skillhost::skill::skill;

/// A [`Skill`] as the contract's `skill` interface.
pub struct ExportedSkill<S>(PhantomData<S>);

impl<S: Skill> skill::Guest for ExportedSkill<S> {
    fn describe() -> skill::Manifest {
        let manifest = S::manifest();
        let wants = manifest.wants.into_iter().map(|want| skill::Want {
            capability: want.capability,
            scope: want.scope,
            reason: want.reason,
        });
        skill::Manifest {
            name: manifest.name,
            version: manifest.version,
            description: manifest.description,
            tools: manifest.tools.into_iter().map(tool).collect(),
            subscriptions: manifest.subscriptions,
            wants: wants.collect(),
        }
    }

    fn call(tool: String, input: String) -> Result<skill::Output, skill::ToolError> {
        S::call(&tool, &input).map(output).map_err(|error| match error {
            ToolError::InvalidInput(text) => skill::ToolError::InvalidInput(text),
            ToolError::Failed(text) => skill::ToolError::Failed(text),
            ToolError::Transient(text) => skill::ToolError::Transient(text),
        })
    }
}

/// An [`Agent`] as the contract's `handler` interface.
pub struct ExportedHandler<S>(PhantomData<S>);

impl<S: Agent> handler::Guest for ExportedHandler<S> {
    fn handle(message: handler::Message) -> Result<(), String> {
        let handler::Message { id, channel, payload, source, published_at } = message;
        S::handle(Message { id, channel, payload, source, published_at })
    }
}

fn tool(tool: crate::Tool) -> skill::Tool {
    let mut hints = skill::ToolHints::empty();
    hints.set(skill::ToolHints::READ_ONLY, tool.hints.read_only);
    hints.set(skill::ToolHints::DESTRUCTIVE, tool.hints.destructive);
    hints.set(skill::ToolHints::IDEMPOTENT, tool.hints.idempotent);
    hints.set(skill::ToolHints::OPEN_WORLD, tool.hints.open_world);
    skill::Tool {
        name: tool.name,
        description: tool.description,
        input_schema: tool.input_schema,
        output_schema: tool.output_schema,
        hints,
    }
}

fn output(output: Output) -> skill::Output {
    let content = output.content.into_iter().map(|content| match content {
        Content::Text(text) => skill::Content::Text(text),
        Content::Image(blob) => skill::Content::Image(skill::Blob { mime_type: blob.mime_type, bytes: blob.bytes }),
        Content::Audio(blob) => skill::Content::Audio(skill::Blob { mime_type: blob.mime_type, bytes: blob.bytes }),
    });
    skill::Output { data: output.data, content: content.collect() }
}
