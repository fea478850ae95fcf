//! Every link and image of a document, in the order of the text. Linear in the text.

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};
use schemars::JsonSchema;
use serde::Serialize;

use crate::events::events;
use crate::outline::Document;

/// The links of a document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Links {
    /// In the order of the text.
    pub links: Vec<Link>,
}

/// A link or an image.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Link {
    /// Its text without markup; of an image, the alternative text.
    pub text: String,
    /// Where it leads, as written.
    pub url: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it is written.
    pub kind: LinkKind,
}

/// How a link is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// `[text](url)`
    Inline,
    /// `[text][name]`, `[name][]` or `[name]`
    Reference,
    /// `<url>`, or an address on its own
    Autolink,
    /// `![text](url)`, also by reference
    Image,
}

/// Finds the links of a document.
pub(crate) fn links(input: &Document) -> Links {
    let mut links: Vec<Link> = Vec::new();
    // Places in `links` of those that are open; an image may stand in a link, and its text is that of both.
    let mut open: Vec<usize> = Vec::new();
    for event in events(&input.text) {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, .. }) => {
                open.push(links.len());
                links.push(link(kind(link_type), address(link_type, &dest_url), &title));
            }
            Event::Start(Tag::Image { dest_url, title, .. }) => {
                open.push(links.len());
                links.push(link(LinkKind::Image, dest_url.into_string(), &title));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => _ = open.pop(),
            Event::Text(piece) | Event::Code(piece) => add(&mut links, &open, &piece),
            Event::SoftBreak | Event::HardBreak => add(&mut links, &open, " "),
            _ => {}
        }
    }
    Links { links }
}

fn link(kind: LinkKind, url: String, title: &str) -> Link {
    Link { text: String::new(), url, title: (!title.is_empty()).then(|| title.to_owned()), kind }
}

fn add(links: &mut [Link], open: &[usize], piece: &str) {
    for place in open {
        if let Some(link) = links.get_mut(*place) {
            link.text.push_str(piece);
        }
    }
}

fn kind(link_type: LinkType) -> LinkKind {
    match link_type {
        LinkType::Inline | LinkType::WikiLink { .. } => LinkKind::Inline,
        LinkType::Autolink | LinkType::Email => LinkKind::Autolink,
        LinkType::Reference
        | LinkType::ReferenceUnknown
        | LinkType::Collapsed
        | LinkType::CollapsedUnknown
        | LinkType::Shortcut
        | LinkType::ShortcutUnknown => LinkKind::Reference,
    }
}

fn address(link_type: LinkType, url: &str) -> String {
    if link_type == LinkType::Email { format!("mailto:{url}") } else { url.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_link_is_found() {
        let text = "[a *b*](x \"t\") [c][r] [r] <https://d.example> https://e.example/f f@g.example\n\n[r]: /ref 'R'\n";
        let found: Vec<_> = links(&Document { text: text.into() }).links;
        let of = |text: &str, url: &str, title: Option<&str>, kind| Link {
            text: text.into(),
            url: url.into(),
            title: title.map(str::to_owned),
            kind,
        };
        assert_eq!(
            found,
            [
                of("a b", "x", Some("t"), LinkKind::Inline),
                of("c", "/ref", Some("R"), LinkKind::Reference),
                of("r", "/ref", Some("R"), LinkKind::Reference),
                of("https://d.example", "https://d.example", None, LinkKind::Autolink),
                of("https://e.example/f", "https://e.example/f", None, LinkKind::Autolink),
                of("f@g.example", "mailto:f@g.example", None, LinkKind::Autolink),
            ]
        );
    }

    #[test]
    fn an_image_in_a_link_counts_as_both() {
        let found = links(&Document { text: "[![badge `1`](b.svg)](ci)".into() }).links;
        let seen: Vec<_> = found.iter().map(|link| (link.text.as_str(), link.url.as_str(), link.kind)).collect();
        assert_eq!(seen, [("badge 1", "ci", LinkKind::Inline), ("badge 1", "b.svg", LinkKind::Image)]);
    }

    #[test]
    fn what_leads_nowhere_is_no_link() {
        assert_eq!(links(&Document { text: "[nowhere] `[a](b)`".into() }).links, []);
    }
}
