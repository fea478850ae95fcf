//! Reads a stranger's bytes without compiling them.

use serde::{Deserialize, Serialize};
use wasmparser::{Chunk, Encoding, Parser, Payload, Validator, WasmFeatures};

/// What a component says of itself before it is compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// What it imports, as written: `skillhost:skill/blackboard@0.1.0`.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The version in its metadata.
    pub version: Option<String>,
    /// The description in its metadata.
    pub description: Option<String>,
}

/// Why bytes are no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// The file is empty.
    #[error("the file is empty; write to another name and rename when it is whole")]
    Empty,
    /// Not WebAssembly at all.
    #[error("this is no WebAssembly file; a skill is a component, built for example with `skillhost build`")]
    Foreign,
    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component; build it for the target `wasm32-wasip2`, or wrap it \
         with `wasm-tools component new`"
    )]
    CoreModule,
    /// It ends too early.
    #[error("the file is truncated after {0} bytes; copy it again")]
    Truncated(u64),
    /// Components inside components.
    #[error("its components are nested more than {NESTING} deep; compose them side by side")]
    TooDeep,
    /// It breaks the rules.
    #[error("this is no valid component: {0}")]
    Invalid(String),
}

/// How deep components may be nested. Composed ones come to three or four; each level costs the validator more than the
/// one before.
const NESTING: usize = 64;

/// Longest text that is taken from metadata, in bytes.
const LONGEST_METADATA: usize = 1 << 10;

/// Reads and validates `bytes`. Costs time in proportion to their length; runs and compiles nothing.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    if bytes.is_empty() {
        return Err(InspectError::Empty);
    }
    if !bytes.starts_with(b"\0asm") && !b"\0asm".starts_with(bytes) {
        return Err(InspectError::Foreign);
    }
    // Parsing comes first: it tells a file that is not all there from one that breaks the rules.
    let inspection = read(bytes)?;
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(bytes)
        .map_err(|error| InspectError::Invalid(error.message().to_owned()))?;
    Ok(inspection)
}

fn read(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let mut found = Inspection::default();
    let mut parser = Parser::new(0);
    let mut outer: Vec<Parser> = Vec::new();
    let mut rest = bytes;
    let invalid = |error: wasmparser::BinaryReaderError| InspectError::Invalid(error.message().to_owned());
    loop {
        // The parser is not told where the file ends, so that it says when it waits for more.
        // One that is nested knows its own end, and is asked for it there.
        let ended = rest.is_empty() && !outer.is_empty();
        let truncated = InspectError::Truncated(bytes.len() as u64);
        let (consumed, payload) = match parser.parse(rest, ended) {
            Ok(Chunk::Parsed { consumed, payload }) => (consumed, payload),
            Ok(Chunk::NeedMoreData(_)) if rest.is_empty() && outer.is_empty() => return Ok(found),
            Ok(Chunk::NeedMoreData(_)) => return Err(truncated),
            Err(_) if ended => return Err(truncated),
            Err(error) => return Err(invalid(error)),
        };
        rest = rest.get(consumed..).unwrap_or_default();
        let outermost = outer.is_empty();
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } if outermost => return Err(InspectError::CoreModule),
            Payload::ComponentImportSection(section) if outermost => {
                for import in section {
                    found.imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if outermost => {
                for export in section {
                    found.exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if outermost => {
                let text = || {
                    let text = str::from_utf8(section.data()).ok()?;
                    (text.len() <= LONGEST_METADATA).then(|| text.to_owned())
                };
                match section.name() {
                    "version" => found.version = text(),
                    "description" => found.description = text(),
                    _ => {}
                }
            }
            Payload::ModuleSection { parser: inner, .. } | Payload::ComponentSection { parser: inner, .. } => {
                if outer.len() >= NESTING {
                    return Err(InspectError::TooDeep);
                }
                outer.push(std::mem::replace(&mut parser, inner));
            }
            Payload::CodeSectionStart { size, .. } => {
                // Function bodies are the validator's; the parser steps over them.
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let Some(after) = rest.get(size..) else {
                    return Err(InspectError::Truncated(bytes.len() as u64));
                };
                parser.skip_section();
                rest = after;
            }
            Payload::End(_) => match outer.pop() {
                Some(parent) => parser = parent,
                None => return Ok(found),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn imports_and_exports_are_those_of_the_outermost_component() {
        let bytes = component(
            r#"(component
                (import "a:b/c@1.0.0" (instance))
                (component (import "inner:x/y" (instance)))
                (core module $m (func (export "f") (result i32) i32.const 1))
                (core instance $i (instantiate $m))
                (func (export "f") (result u32) (canon lift (core func $i "f"))))"#,
        );
        let found = inspect(&bytes).unwrap();
        assert_eq!(found.imports, ["a:b/c@1.0.0"]);
        assert_eq!(found.exports, ["f"]);
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert_eq!(inspect(b""), Err(InspectError::Empty));
        assert_eq!(inspect(b"#!/bin/sh"), Err(InspectError::Foreign));
        assert_eq!(inspect(&component("(module)")), Err(InspectError::CoreModule));
        let mut garbage = component("(component)");
        garbage.extend([0x55; 40]);
        assert!(matches!(inspect(&garbage), Err(InspectError::Invalid(_) | InspectError::Truncated(_))));
    }

    #[test]
    fn a_file_may_end_with_a_nested_component_or_module() {
        for text in
            ["(component (component))", "(component (core module (func)))", "(component (component (component)))"]
        {
            assert!(inspect(&component(text)).is_ok(), "{text}");
        }
    }

    #[test]
    fn components_nested_without_end_are_refused_before_they_are_validated() {
        // As text it would be as deep for the assembler.
        let mut bytes = component("(component)");
        for _ in 0..2_000 {
            let mut outer = component("(component)");
            outer.push(4);
            let mut length = bytes.len();
            while length >= 0x80 {
                outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            outer.push(u8::try_from(length).unwrap());
            outer.extend(bytes);
            bytes = outer;
        }
        assert_eq!(inspect(&bytes), Err(InspectError::TooDeep));
    }

    #[test]
    fn a_file_cut_anywhere_is_never_taken_for_whole() {
        let bytes = component(
            r#"(component
                (core module (func (export "f") (result i32) i32.const 1) (memory 1) (data (i32.const 0) "abc"))
                (core instance (instantiate 0))
                (alias core export 0 "f" (core func))
                (func (export "f") (result u32) (canon lift (core func 0))))"#,
        );
        for length in 0..bytes.len() {
            match inspect(&bytes[..length]) {
                Err(InspectError::Truncated(_) | InspectError::Empty) => {}
                // Cut between two sections it is a smaller component, one that exports nothing.
                Ok(found) => assert!(found.exports.is_empty(), "{length}"),
                Err(error) => panic!("{length}: {error}"),
            }
        }
    }
}
