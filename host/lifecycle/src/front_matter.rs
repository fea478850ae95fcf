//! The front matter of a `SKILL.md`: what a skill is called and what it is for.
//!
//! Contract: the name is a skill's name, the description is one line of honest characters; everything else that
//! the Agent Skills specification or anybody else puts there is let be. Price: 16 KiB of YAML at most, without
//! anchors, aliases and merge keys, which is how YAML grows.

use serde::Deserialize;
use serde_json::{Map, Value};
use skillhost_types::{NameError, SkillName};

use crate::package::{Card, DESCRIPTION, FRONT_MATTER, Shown, is_deceptive};

/// How deep values may nest. Those of the specification nest once (`metadata`).
const DEPTH: usize = 8;

/// Values, keys included. The specification has six keys.
const NODES: usize = 1_000;

/// The line before and after the front matter.
const FENCE: &str = "---";

/// Why the front matter says neither name nor description.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontMatterError {
    #[error("`SKILL.md` has no front matter; begin it with the lines `---`, `name: …`, `description: …`, `---`")]
    Missing,
    #[error("the front matter of `SKILL.md` does not end within {} KiB; put a line `---` after it", FRONT_MATTER / 1024)]
    Unclosed,
    #[error(
        "the front matter of `SKILL.md` is no plain YAML: {0}; put values with `:`, `#` or `*` in quotes, and use \
         no anchors"
    )]
    Yaml(Shown),
    #[error("the front matter of `SKILL.md` has no `{0}`; add a line `{0}: …`")]
    Lacks(&'static str),
    #[error("`name` in the front matter of `SKILL.md`: {0}")]
    Name(NameError),
    #[error("`description` in the front matter of `SKILL.md` has {0} characters; shorten it to {DESCRIPTION}")]
    DescriptionTooLong(usize),
    #[error(
        "`description` in the front matter of `SKILL.md` holds a character that hides or turns text: `{0}`; remove it"
    )]
    DescriptionDeceptive(Shown),
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

/// Reads the front matter at the start of `text`.
pub(crate) fn parse(text: &str) -> Result<Card, FrontMatterError> {
    let fields = fields(front_matter(text)?)?;
    let name = fields.name.filter(|name| !name.is_empty()).ok_or(FrontMatterError::Lacks("name"))?;
    let name = SkillName::new(&name).map_err(FrontMatterError::Name)?;
    let description = description(&fields.description.unwrap_or_default())?;
    Ok(Card { name, description })
}

/// All that the author wrote in the front matter of `text`, as JSON; none if it is no plain YAML.
pub(crate) fn all(text: &str) -> Option<Map<String, Value>> {
    serde_saphyr::from_str_with_options(front_matter(text).ok()?, options()).ok()
}

/// The YAML with the line before it, so that the YAML's line numbers are the file's.
fn front_matter(text: &str) -> Result<&str, FrontMatterError> {
    // Some editors put a byte order mark before everything.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut end = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match (index, line.trim_end() == FENCE) {
            (0, false) => return Err(FrontMatterError::Missing),
            (1.., true) => return text.get(..end).ok_or(FrontMatterError::Unclosed),
            _ => end += line.len(),
        }
        if end > FRONT_MATTER {
            break;
        }
    }
    Err(if end == 0 { FrontMatterError::Missing } else { FrontMatterError::Unclosed })
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_nodes: NODES,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
        },
        emit_comments: false,
        with_snippet: false,
    }
}

fn fields(yaml: &str) -> Result<Fields, FrontMatterError> {
    // An empty document is no mapping, but what is wrong with it is that the name is missing.
    serde_saphyr::from_str_with_options::<Option<Fields>>(yaml, options())
        .map(|fields| fields.unwrap_or(Fields { name: None, description: None }))
        .map_err(|error| FrontMatterError::Yaml(Shown::new(&error.to_string())))
}

/// YAML's block texts break lines; a description is shown on one.
fn description(text: &str) -> Result<String, FrontMatterError> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return Err(FrontMatterError::Lacks("description"));
    }
    let length = line.chars().count();
    if length > DESCRIPTION {
        return Err(FrontMatterError::DescriptionTooLong(length));
    }
    match line.chars().find(|char| is_deceptive(*char)) {
        Some(char) => Err(FrontMatterError::DescriptionDeceptive(Shown::new(&char.to_string()))),
        None => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(front_matter: &str) -> Result<Card, FrontMatterError> {
        parse(&format!("---\n{front_matter}\n---\n# Text\n"))
    }

    #[test]
    fn name_and_description_are_read_and_all_other_keys_are_let_be() {
        let card = card(
            "name: text-kit # short\ndescription: \"Counts: words, letters\"\nlicense: MIT\ncompatibility: any\n\
             metadata:\n  author: me\n  tags: [a, b]\nallowed-tools: Read, Write\nx-own: {deep: [1, 2]}",
        )
        .unwrap();
        assert_eq!((card.name.as_str(), card.description.as_str()), ("text-kit", "Counts: words, letters"));
    }

    #[test]
    fn a_description_over_several_lines_becomes_one() {
        for block in ["|", ">", ">-"] {
            let card = card(&format!("name: a\ndescription: {block}\n  One\n  two.\n\n  Three.")).unwrap();
            assert_eq!(card.description, "One two. Three.", "{block}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
        let card = parse("\u{feff}---\r\nname: a\r\ndescription: b\r\n---\r\ntext").unwrap();
        assert_eq!((card.name.as_str(), card.description.as_str()), ("a", "b"));
        assert!(parse("---\nname: a\ndescription: b\n---").is_ok());
    }

    #[test]
    fn a_missing_or_open_front_matter_says_what_to_write() {
        for text in ["", "# Title\n", "\n---\nname: a\n---\n", "name: a\n---\n", "----\n---\n"] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, FrontMatterError::Missing), "{text:?}: {error}");
        }
        assert!(matches!(parse("---\nname: a\n"), Err(FrontMatterError::Unclosed)));
        assert!(matches!(parse("---"), Err(FrontMatterError::Unclosed)));
        let long = format!("---\nname: a\ndescription: b\nx: {}\n---\n", "y".repeat(FRONT_MATTER));
        assert!(matches!(parse(&long), Err(FrontMatterError::Unclosed)));
    }

    #[test]
    fn name_and_description_are_required() {
        for text in ["", "# nothing", "description: b", "name:\ndescription: b", "name: ''\ndescription: b"] {
            assert!(matches!(card(text), Err(FrontMatterError::Lacks("name"))), "{text:?}: {:?}", card(text));
        }
        for text in ["name: a", "name: a\ndescription:", "name: a\ndescription: '  '"] {
            assert!(matches!(card(text), Err(FrontMatterError::Lacks("description"))), "{text:?}: {:?}", card(text));
        }
    }

    #[test]
    fn a_name_that_is_none_is_shown_escaped() {
        for name in ["My Skill", "-a", "\"a\\u202e\"", "42"] {
            let error = card(&format!("name: {name}\ndescription: b")).unwrap_err();
            assert!(matches!(error, FrontMatterError::Name(_)), "{name}: {error:?}");
            assert!(!error.to_string().contains('\u{202e}'), "{error}");
        }
    }

    #[test]
    fn a_description_is_bounded_in_characters_and_holds_no_deceptive_ones() {
        let described = |text: &str| card(&format!("name: a\ndescription: \"{text}\""));
        assert_eq!(described(&"ü".repeat(DESCRIPTION)).unwrap().description.chars().count(), DESCRIPTION);
        assert!(matches!(described(&"ü".repeat(DESCRIPTION + 1)), Err(FrontMatterError::DescriptionTooLong(1_025))));
        for escape in ["\\e[31m", "\\0", "\\u202e", "\\u2067", "\\x7f"] {
            let error = described(&format!("good {escape} bad")).unwrap_err();
            assert!(matches!(error, FrontMatterError::DescriptionDeceptive(_)), "{escape}: {error:?}");
            assert!(error.to_string().chars().all(|char| !is_deceptive(char)), "{error}");
        }
    }

    #[test]
    fn broken_yaml_is_refused_with_its_line_in_the_file() {
        let error = card("name: a\ndescription: Use when: always").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("quotes"), "{error}");
        for text in ["name: [a]\ndescription: b", "- a\n- b", "name: a\nname: b\ndescription: c", "text"] {
            assert!(matches!(card(text), Err(FrontMatterError::Yaml(_))), "{text}");
        }
    }

    #[test]
    fn yaml_that_grows_or_nests_without_end_is_refused() {
        let fields = "name: a\ndescription: b\n";
        let bomb = format!("{fields}x: &x [1, 1]\ny: &y [*x, *x]\nz: [*y, *y]");
        let merged = format!("{fields}<<: {{x: 1}}");
        let deep = format!("{fields}x: {}{}", "[".repeat(2_000), "]".repeat(2_000));
        let indented: String = (0..150).map(|level| format!("{}x:\n", " ".repeat(level))).collect();
        let wide = format!("{fields}x: [{}]", "1,".repeat(2_000));
        for text in [bomb, merged, deep, format!("{fields}{indented}"), wide] {
            let error = card(&text).expect_err(&text);
            assert!(matches!(error, FrontMatterError::Yaml(_)), "{}: {error:?}", &text[..60.min(text.len())]);
            assert!(error.to_string().len() < 600, "{error}");
        }
    }
}
