//! The running prose of a text that may be Markdown: what a person would read aloud.
//!
//! Promises: blocks in reading order, one line each, free of markup. Code blocks, tables, raw HTML, images and front
//! matter are left out; link texts stay and their addresses go. Costs one linear pass; of a longer text the first
//! [`MAX_PROSE`] bytes of prose are read, and the result says so.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Bytes of prose that are read: some 45,000 words, a book of 130 pages. Finding sentences and words takes up to 2,500
/// instructions a byte, so that this is what a run's default fuel suffices for.
pub const MAX_PROSE: usize = 256 * 1024;

/// What a block is, so that headings need not compete with sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A heading of any level.
    Heading,
    /// A paragraph or list item.
    Body,
}

/// A piece of prose that no sentence crosses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Whether it heads others.
    pub kind: Kind,
    /// One line, never without a letter or digit.
    pub text: String,
}

/// The prose of a text.
#[derive(Debug, Default)]
pub struct Prose {
    /// In reading order.
    pub blocks: Vec<Block>,
    /// Says that there was more, if there was.
    pub note: Option<String>,
}

/// Reads `text`.
pub fn read(text: &str) -> Prose {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let mut collector = Collector { left: MAX_PROSE, ..Collector::default() };
    for event in Parser::new_ext(text, options) {
        collector.take(event);
        if collector.cut {
            break;
        }
    }
    collector.flush(Kind::Body);
    let note = collector.cut.then(|| format!("only the first {} KiB of prose were read", MAX_PROSE / 1024));
    Prose { blocks: collector.blocks, note }
}

#[derive(Default)]
struct Collector {
    blocks: Vec<Block>,
    line: String,
    /// How many open elements hide their content.
    hidden: usize,
    /// Bytes that may still be read.
    left: usize,
    /// Whether there were more.
    cut: bool,
}

impl Collector {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) if hides(&tag) => {
                self.flush(Kind::Body);
                self.hidden += 1;
            }
            // An image stands inside a sentence, which goes on after it.
            Event::Start(Tag::Image { .. }) => self.hidden += 1,
            Event::End(TagEnd::Image | TagEnd::Table | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_)) => {
                self.hidden = self.hidden.saturating_sub(1);
            }
            // An indented block hid nothing, so this saturates there.
            Event::End(TagEnd::CodeBlock) => {
                self.hidden = self.hidden.saturating_sub(1);
                self.flush(Kind::Body);
            }
            Event::Text(text) | Event::Code(text) if self.hidden == 0 => self.add(&text),
            Event::SoftBreak | Event::HardBreak if self.hidden == 0 => self.line.push(' '),
            Event::End(TagEnd::Heading(_)) => self.flush(Kind::Heading),
            Event::Start(
                Tag::Item
                | Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::List(_)
                | Tag::BlockQuote(_)
                | Tag::CodeBlock(_),
            )
            | Event::End(TagEnd::Paragraph | TagEnd::Item) => self.flush(Kind::Body),
            _ => {}
        }
    }

    fn add(&mut self, text: &str) {
        let end = text.floor_char_boundary(self.left);
        self.cut = end < text.len();
        self.left -= end;
        self.line.push_str(text.get(..end).unwrap_or_default());
    }

    fn flush(&mut self, kind: Kind) {
        let line = std::mem::take(&mut self.line);
        // Nobody reads an address aloud.
        let words = line.split_whitespace().filter(|word| !word.contains("://"));
        let text = words.collect::<Vec<_>>().join(" ");
        if text.chars().any(char::is_alphanumeric) {
            self.blocks.push(Block { kind, text });
        }
    }
}

/// Elements whose content is no prose. Indented blocks stay: outside Markdown they are indented text.
fn hides(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::CodeBlock(CodeBlockKind::Fenced(_)) | Tag::Table(_) | Tag::HtmlBlock | Tag::MetadataBlock(_))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    fn texts(markdown: &str) -> Vec<String> {
        read(markdown).blocks.into_iter().map(|block| block.text).collect()
    }

    #[test]
    fn markup_goes_and_words_stay() {
        assert_eq!(
            texts("# The *title*\n\nSee [the docs](https://example.org) and `cargo`,\nor **ask**.\n\n- one\n- two\n"),
            ["The title", "See the docs and cargo, or ask.", "one", "two"]
        );
    }

    #[test]
    fn code_tables_html_images_and_front_matter_are_left_out() {
        let text = "---\ntitle: x\n---\n\nBefore ![badge](b.svg) after.\n\n```rust\nfn main() {}\n```\n\n\
                    | a | b |\n|---|---|\n| c | d |\n\n<div>raw</div>\n\nThe end.\n";
        assert_eq!(texts(text), ["Before after.", "The end."]);
    }

    #[test]
    fn bare_addresses_are_left_out() {
        assert_eq!(texts("More at https://example.org/a today."), ["More at today."]);
    }

    #[test]
    fn headings_are_told_apart_from_body() {
        let found = read("Title\n=====\n\nBody.\n").blocks;
        assert_eq!((found[0].kind, found[1].kind), (Kind::Heading, Kind::Body));
    }

    #[test]
    fn indented_plain_text_is_kept() {
        assert_eq!(texts("    An indented opening.\n\nThe rest."), ["An indented opening.", "The rest."]);
    }

    #[test]
    fn a_longer_text_is_cut_between_characters_and_the_result_says_so() {
        let found = read(&"é".repeat(MAX_PROSE));
        assert_eq!(found.blocks[0].text.len(), MAX_PROSE);
        assert!(found.note.is_some_and(|note| note.contains("256 KiB")));
        let odd = read(&format!("a{}", "é".repeat(MAX_PROSE)));
        assert_eq!(odd.blocks[0].text.len(), MAX_PROSE - 1);
        assert_eq!(read(&"a".repeat(MAX_PROSE)).note, None);
    }

    #[test]
    fn text_without_letters_or_digits_has_no_blocks() {
        assert_eq!(texts("\n***\n\n---\n  \n…\n"), Vec::<String>::new());
    }
}
