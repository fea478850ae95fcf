//! Markdown to HTML that is safe to show: raw HTML is shown as text and addresses that run something lose their target,
//! and the result counts both. Linear in the text.

use pulldown_cmark::{CowStr, Event, Tag, TagEnd, html};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events::events;
use crate::outline::headings;
use crate::safety::{Place, is_safe};

/// What to render.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Render {
    /// The Markdown.
    pub text: String,
    /// Lets raw HTML through as it stands: only for text that you trust, since it may hold scripts.
    #[serde(default)]
    pub allow_html: bool,
}

/// The rendered document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Html {
    /// HTML for a document's body. Headings have the ids that `outline` names.
    pub html: String,
    /// Pieces of raw HTML that are shown as text.
    pub escaped: usize,
    /// Links and images whose address was taken out.
    pub disarmed: usize,
}

/// Renders Markdown.
pub(crate) fn render(input: &Render) -> Html {
    let mut events = events(&input.text);
    let mut ids = headings(&events).into_iter().map(|heading| heading.slug);
    let (mut escaped, mut disarmed) = (0, 0);
    for event in &mut events {
        match event {
            Event::Start(Tag::Heading { id, .. }) => *id = ids.next().map(CowStr::from),
            Event::Start(Tag::Link { dest_url, .. }) => disarmed += usize::from(disarm(dest_url, Place::Link)),
            Event::Start(Tag::Image { dest_url, .. }) => disarmed += usize::from(disarm(dest_url, Place::Image)),
            Event::Html(raw) | Event::InlineHtml(raw) if !input.allow_html => {
                escaped += 1;
                *event = Event::Text(std::mem::replace(raw, CowStr::from("")));
            }
            // Shown as text, a block of HTML is a paragraph.
            Event::Start(Tag::HtmlBlock) if !input.allow_html => *event = Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) if !input.allow_html => *event = Event::End(TagEnd::Paragraph),
            _ => {}
        }
    }
    let mut html = String::with_capacity(input.text.len() * 2);
    html::push_html(&mut html, events.into_iter());
    Html { html, escaped, disarmed }
}

/// Takes an unsafe address out; true if it was one.
fn disarm(url: &mut CowStr<'_>, place: Place) -> bool {
    let unsafe_url = !is_safe(url, place);
    if unsafe_url {
        *url = CowStr::from("");
    }
    unsafe_url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(&Render { text: text.to_owned(), allow_html: false }).html
    }

    #[test]
    fn github_flavour_is_rendered() {
        let found =
            html("| a | b |\n|---|:-:|\n| ~~c~~ | d |\n\n- [x] done\n- [ ] open\n\nNote[^1].\n\n[^1]: The note.\n");
        for part in
            ["<table>", "<td style=\"text-align: center\">d</td>", "<del>c</del>", "checkbox", "footnote-definition"]
        {
            assert!(found.contains(part), "{part} in {found}");
        }
    }

    #[test]
    fn headings_carry_the_ids_of_the_outline() {
        assert_eq!(html("# Same\n\n# Same\n"), "<h1 id=\"same\">Same</h1>\n<h1 id=\"same-1\">Same</h1>\n");
    }

    #[test]
    fn bare_addresses_become_links() {
        assert_eq!(
            html("https://example.org/?a=1&b=2"),
            "<p><a href=\"https://example.org/?a=1&amp;b=2\">https://example.org/?a=1&amp;b=2</a></p>\n"
        );
    }

    #[test]
    fn raw_html_is_shown_as_text_unless_it_is_allowed() {
        let text = "<script>alert(1)</script>\n\nHi <b onclick=x>you</b>";
        let found = render(&Render { text: text.to_owned(), allow_html: false });
        assert!(!found.html.contains("<script") && !found.html.contains("<b"), "{found:?}");
        assert!(found.html.contains("&lt;script&gt;"), "{found:?}");
        assert_eq!(found.escaped, 3);
        let trusted = render(&Render { text: text.to_owned(), allow_html: true });
        assert!(trusted.html.contains("<script>alert(1)</script>") && trusted.escaped == 0);
    }

    #[test]
    fn addresses_that_run_something_lose_their_target() {
        let found = render(&Render {
            text: "[a](javascript:x) ![b](data:text/html,x) <javascript:y> [c](ok)\n\n[d]\n\n[d]: javascript:z".into(),
            allow_html: false,
        });
        assert!(!found.html.contains("=\"javascript") && !found.html.contains("data:text"), "{found:?}");
        assert_eq!(found.disarmed, 4);
        assert!(found.html.contains("<a href=\"ok\">c</a>"));
    }

    #[test]
    fn attributes_cannot_be_broken_out_of() {
        let found = html("![a\" onerror=\"x](b \"t\\\" onload=\\\"y\")");
        assert!(!found.contains("\" on"), "{found}");
    }

    #[test]
    fn empty_text_is_empty_html() {
        assert_eq!(html(""), "");
    }
}
