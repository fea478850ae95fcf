//! From the text of a filter to something that runs: parsing and compiling, with errors that point at their place.
//!
//! Promises the language of jaq 3 with its standard library, `input` and `inputs`; `include` and `import` are refused,
//! for there are no files. Costs about a millisecond, most of it for the standard library's definitions.

use std::fmt::Write as _;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Filter, Lut, compile};
use jaq_json::Val;
use jaq_std::input::{HasInputs, Inputs};

use crate::Error;

/// Characters of the filter that an error quotes.
const QUOTED: usize = 20;

/// What a running filter reaches besides its input.
#[derive(Clone)]
pub(crate) struct Data<'a> {
    pub(crate) lut: &'a Lut<Kind>,
    pub(crate) inputs: Inputs<'a, Val>,
}

/// The kind of [`Data`], with its lifetime left open.
pub(crate) struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

impl<'a> HasLut<'a, Kind> for Data<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

impl<'a> HasInputs<'a, Val> for Data<'a> {
    fn inputs(&self) -> Inputs<'a, Val> {
        self.inputs
    }
}

/// Compiles `code`, in which the variables `names` (with their `$`) are bound.
pub(crate) fn compile(code: &str, names: &[String]) -> Result<Filter<Kind>, Error> {
    // It is part of the skill, so that a mistake in it fails the tests; without it, `@csv` is undefined.
    let tables = load::parse(include_str!("tables.jq"), |parser| parser.defs()).unwrap_or_default();
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(tables);
    let functions = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_std::input::funs().into_vec().into_iter().map(jaq_core::native::run))
        .chain(jaq_json::funs());

    let arena = Arena::default();
    let modules = Loader::new(definitions).load(&arena, File { code, path: () }).map_err(|errors| {
        Error::Filter(joined(errors.iter().flat_map(|(file, error)| load_errors(file.code, error))))
    })?;
    Compiler::default()
        .with_funs(functions)
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| {
            Error::Filter(joined(
                errors.iter().flat_map(|(file, found)| found.iter().map(|error| undefined(file.code, error))),
            ))
        })
}

fn joined(messages: impl Iterator<Item = String>) -> String {
    messages.collect::<Vec<_>>().join("; ")
}

fn load_errors(code: &str, error: &load::Error<&str>) -> Vec<String> {
    match error {
        load::Error::Io(found) => {
            found.iter().map(|(path, _)| format!("module `{path}` cannot be loaded: a filter has no files")).collect()
        }
        load::Error::Lex(found) => {
            found.iter().map(|(expected, found)| expected_but(code, expected.as_str(), found)).collect()
        }
        load::Error::Parse(found) => {
            found.iter().map(|(expected, found)| expected_but(code, expected.as_str(), found)).collect()
        }
    }
}

fn expected_but(code: &str, expected: &str, found: &str) -> String {
    let quoted: String = found.chars().take(QUOTED).collect();
    let mut message = format!("expected {expected}");
    // Writing to a string cannot fail.
    let _ = if quoted.is_empty() {
        write!(message, " at the end")
    } else {
        write!(message, " at character {}, found `{quoted}`", place(code, found))
    };
    message
}

fn undefined(code: &str, (name, kind): &compile::Error<&str>) -> String {
    let at = place(code, name);
    match kind {
        compile::Undefined::Filter(0) => format!("undefined filter `{name}` at character {at}"),
        compile::Undefined::Filter(arity) => format!("undefined filter `{name}/{arity}` at character {at}"),
        compile::Undefined::Var => format!("undefined variable `{name}` at character {at}; name it in `args`"),
        kind => format!("undefined {} `{name}` at character {at}", kind.as_str()),
    }
}

/// The place of `part` in `code`, in characters from 1.
fn place(code: &str, part: &str) -> usize {
    let start = load::span(code, part).start;
    code.get(..start).map_or(0, |before| before.chars().count()) + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn refusal(code: &str) -> String {
        compile(code, &[]).err().unwrap().to_string()
    }

    #[test]
    fn a_syntax_error_names_its_place() {
        assert_eq!(refusal("\"é\" | ] 1"), "filter: expected token at character 7, found `] 1`");
        assert_eq!(refusal("if . then 1"), "filter: expected else or end at the end");
        assert_eq!(refusal(".a | (.b"), "filter: expected closing parenthesis at the end");
    }

    #[test]
    fn an_unknown_name_is_named() {
        assert_eq!(refusal(". | nosuch"), "filter: undefined filter `nosuch` at character 5");
        assert_eq!(refusal("nosuch(1)"), "filter: undefined filter `nosuch/1` at character 1");
        assert_eq!(refusal("$x"), "filter: undefined variable `$x` at character 1; name it in `args`");
    }

    #[test]
    fn modules_are_refused() {
        assert_eq!(refusal("include \"m\"; f"), "filter: module `m` cannot be loaded: a filter has no files");
    }

    #[test]
    fn the_whole_standard_library_compiles() {
        let code = "[inputs], input, (now | todate), test(\"a\"), @base64, @csv, @tsv, @sh, @html, @uri, @json, @text, group_by(.), (limit(1; repeat(.))), \
                    walk(.), splits(\"a\"), to_entries, ascii_downcase, sqrt, ltrimstr(\"a\"), getpath([]), env";
        assert!(compile(code, &[]).is_ok());
    }
}
