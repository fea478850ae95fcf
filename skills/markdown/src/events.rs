//! The one reading of Markdown that all tools share: CommonMark with GitHub's tables, strikethrough, task lists,
//! footnotes, alerts and bare links. Linear in the text.

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

/// The events of `text`, where an address that stands bare in prose is a link as well.
pub(crate) fn events(text: &str) -> Vec<Event<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM;
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]);
    let mut events = Vec::new();
    // How many open elements have text that is no prose.
    let mut literal = 0_usize;
    for event in TextMergeStream::new(Parser::new_ext(text, options)) {
        match &event {
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => literal += 1,
            Event::End(TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock) => literal = literal.saturating_sub(1),
            Event::Text(text) if literal == 0 && has_link(&finder, text) => {
                linked(&finder, text, &mut events);
                continue;
            }
            _ => {}
        }
        events.push(event);
    }
    events
}

fn has_link(finder: &LinkFinder, text: &str) -> bool {
    finder.links(text).any(|link| link_type(&link).is_some())
}

/// GitHub links what begins with `http://` or `https://`, and mail addresses.
fn link_type(link: &linkify::Link<'_>) -> Option<LinkType> {
    let web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    match link.kind() {
        LinkKind::Email => Some(LinkType::Email),
        LinkKind::Url if web(link.as_str()) => Some(LinkType::Autolink),
        _ => None,
    }
}

fn linked(finder: &LinkFinder, text: &str, events: &mut Vec<Event<'_>>) {
    for span in finder.spans(text) {
        let words = || Event::Text(CowStr::from(span.as_str().to_owned()));
        let link = finder.links(span.as_str()).next().and_then(|link| link_type(&link));
        let Some(link_type) = link.filter(|_| span.kind().is_some()) else {
            events.push(words());
            continue;
        };
        let dest_url = CowStr::from(span.as_str().to_owned());
        events.push(Event::Start(Tag::Link { link_type, dest_url, title: CowStr::from(""), id: CowStr::from("") }));
        events.push(words());
        events.push(Event::End(TagEnd::Link));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Vec<String> {
        let link = |event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        };
        events(text).into_iter().filter_map(link).collect()
    }

    #[test]
    fn a_bare_address_is_a_link_without_the_punctuation_around_it() {
        assert_eq!(
            urls("See (https://example.org/a_b_c?x=1&y=2), or ask ada@example.org."),
            ["https://example.org/a_b_c?x=1&y=2", "ada@example.org"]
        );
    }

    #[test]
    fn addresses_in_code_and_links_are_left_alone() {
        assert_eq!(urls("`https://a.example`\n\n    https://b.example\n\n[https://c.example](d)"), ["d"]);
    }

    #[test]
    fn other_schemes_are_words() {
        assert_eq!(urls("javascript://x.example file://y"), Vec::<String>::new());
    }
}
