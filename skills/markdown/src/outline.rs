//! The headings of a document as a tree, with the anchors that GitHub gives them. Linear in the text.

use std::collections::HashMap;

use pulldown_cmark::{Event, Tag, TagEnd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::events::events;

/// A Markdown document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The Markdown.
    pub text: String,
}

/// The headings of a document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outline {
    /// The headings at the top, each with those below it.
    pub headings: Vec<Section>,
    /// How many headings there are at all levels.
    pub count: usize,
}

/// A heading and the headings below it.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section {
    /// 1 to 6.
    pub level: u8,
    /// The heading without markup.
    pub text: String,
    /// The anchor, as in `README.md#the-anchor`.
    pub slug: String,
    /// Headings of lower rank up to the next of this rank.
    pub children: Vec<Section>,
}

/// One heading, before the tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) level: u8,
    pub(crate) text: String,
    pub(crate) slug: String,
}

/// Outlines a document.
pub(crate) fn outline(input: &Document) -> Outline {
    let found = headings(&events(&input.text));
    let count = found.len();
    let mut rest = found.into_iter().peekable();
    Outline { headings: sections(&mut rest, 0), count }
}

/// The outline as an indented list, for people.
pub(crate) fn listing(sections: &[Section]) -> String {
    let mut lines = String::new();
    for section in sections {
        let indent = "  ".repeat(usize::from(section.level.saturating_sub(1)));
        lines.push_str(&format!("{indent}- {} (#{})\n", section.text, section.slug));
        lines.push_str(&listing(&section.children));
    }
    lines
}

/// The sections below rank `above`. Nests 6 deep at the most, as headings do.
fn sections(rest: &mut std::iter::Peekable<std::vec::IntoIter<Heading>>, above: u8) -> Vec<Section> {
    let mut found = Vec::new();
    while let Some(heading) = rest.next_if(|heading| heading.level > above) {
        let children = sections(rest, heading.level);
        found.push(Section { level: heading.level, text: heading.text, slug: heading.slug, children });
    }
    found
}

/// All headings, in order.
pub(crate) fn headings(events: &[Event<'_>]) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut slugs = Slugs::default();
    let mut open: Option<(u8, String)> = None;
    let mut images = 0_usize;
    for event in events {
        match (event, &mut open) {
            (Event::Start(Tag::Heading { level, .. }), _) => open = Some((*level as u8, String::new())),
            (Event::End(TagEnd::Heading(_)), _) => {
                if let Some((level, text)) = open.take() {
                    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    found.push(Heading { level, slug: slugs.of(&text), text });
                }
            }
            // The text of an image is no text of its heading.
            (Event::Start(Tag::Image { .. }), _) => images += 1,
            (Event::End(TagEnd::Image), _) => images = images.saturating_sub(1),
            (Event::Text(piece) | Event::Code(piece), Some((_, text))) if images == 0 => text.push_str(piece),
            (Event::SoftBreak | Event::HardBreak, Some((_, text))) => text.push(' '),
            _ => {}
        }
    }
    found
}

/// Anchors of one document: GitHub numbers those that would come twice.
#[derive(Debug, Default)]
struct Slugs {
    taken: HashMap<String, usize>,
}

impl Slugs {
    fn of(&mut self, text: &str) -> String {
        let plain: String =
            text.to_lowercase().chars().filter(|c| is_kept(*c)).map(|c| if c == ' ' { '-' } else { c }).collect();
        let mut number = self.taken.get(&plain).copied().unwrap_or_default();
        let mut slug = plain.clone();
        while self.taken.contains_key(&slug) {
            number += 1;
            slug = format!("{plain}-{number}");
        }
        self.taken.insert(plain, number);
        self.taken.entry(slug.clone()).or_default();
        slug
    }
}

/// GitHub keeps letters, marks, decimal digits, connectors such as `_`, hyphens and spaces.
fn is_kept(c: char) -> bool {
    matches!(c, ' ' | '-')
        || matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
        || matches!(c.general_category(), GeneralCategory::DecimalNumber | GeneralCategory::ConnectorPunctuation)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    fn of(text: &str) -> Outline {
        outline(&Document { text: text.to_owned() })
    }

    fn slugs(texts: &[&str]) -> Vec<String> {
        let mut slugs = Slugs::default();
        texts.iter().map(|text| slugs.of(text)).collect()
    }

    #[test]
    fn headings_nest_by_level() {
        let found = of("# A\n\n## B\n\n#### C\n\n## D\n\n# E\n");
        assert_eq!(found.count, 5);
        let shape = |section: &Section| (section.text.clone(), section.level, section.children.len());
        assert_eq!(found.headings.iter().map(shape).collect::<Vec<_>>(), [("A".into(), 1, 2), ("E".into(), 1, 0)]);
        assert_eq!(found.headings[0].children[0].children[0].level, 4);
    }

    #[test]
    fn a_document_may_begin_low() {
        let found = of("### A\n\n# B\n");
        assert_eq!(found.headings.iter().map(|section| section.level).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn markup_and_images_are_no_text() {
        let found = of("## The `run` *tool* ![badge](b.svg) [link](x)\n");
        assert_eq!(
            (found.headings[0].text.as_str(), found.headings[0].slug.as_str()),
            ("The run tool link", "the-run-tool-link")
        );
    }

    #[test]
    fn anchors_are_those_of_github() {
        assert_eq!(
            slugs(&["What's new? (v1.2)", "C++ & C#", "snake_case-kebab", "Größe 東京", "🎉 Party", "a — b"]),
            ["whats-new-v12", "c--c", "snake_case-kebab", "größe-東京", "-party", "a--b"]
        );
    }

    #[test]
    fn anchors_that_come_twice_are_numbered() {
        assert_eq!(slugs(&["A", "A", "A 1", "A", "A-1"]), ["a", "a-1", "a-1-1", "a-2", "a-1-2"]);
    }

    #[test]
    fn the_listing_is_indented() {
        assert_eq!(listing(&of("# A\n\n## B\n").headings), "- A (#a)\n  - B (#b)\n");
        assert_eq!(listing(&of("no headings").headings), "");
    }
}
