//! A page of HTML as Markdown, with its title and links.
//!
//! Promises what a reader would see, links and images with their full addresses, and neither scripts nor styles. Bounded by
//! [`MAX_DEPTH`], [`MAX_LINKS`] and [`MAX_LINK_BYTES`]: what lies deeper or comes later is left out. Costs time and memory in
//! proportion to the page; one that nests thousands deep costs the parser more, up to the run's fuel.

use std::rc::Rc;

use htmd::options::{BulletListMarker, HrStyle, Options};
use htmd::{HtmlToMarkdown, Node};
use markup5ever_rcdom::NodeData;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

/// Elements within elements. People write fewer than fifty; the conversion calls itself for each level, and the stack is small.
const MAX_DEPTH: usize = 256;
/// Links of a page that are listed.
const MAX_LINKS: usize = 500;
/// Bytes of all listed links together, so that they leave room in the output for the page.
const MAX_LINK_BYTES: usize = 64 * 1024;
/// Characters of a title or of a link's text.
const MAX_TEXT: usize = 200;

/// What no reader sees, or sees as a picture.
const UNSEEN: [&str; 11] =
    ["script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "dialog", "select"];

/// A link of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Link {
    /// What it says.
    pub text: String,
    /// Where it leads, in full.
    pub url: String,
}

/// What was made of a page.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) title: Option<String>,
    pub(crate) markdown: String,
    pub(crate) links: Vec<Link>,
}

/// Converts a page that came from `url`.
pub(crate) fn convert(html: &str, url: &Url) -> std::io::Result<Converted> {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        hr_style: HrStyle::Dashes,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder().options(options).skip_tags(vec!["title"]).build();
    let tree = converter.html_to_tree(html)?;
    let mut page = Page { base: url.clone(), title: None, links: vec![], link_bytes: 0 };
    page.prepare(&tree);
    let title = page.title.map(|title| tidy(&title)).filter(|title| !title.is_empty());
    let links = page.links.into_iter().map(|link| Link { text: tidy(&link.text), ..link });
    let links = links.filter(|link| !link.text.is_empty()).collect();
    Ok(Converted { title, markdown: converter.tree_to_markdown(&tree), links })
}

struct Page {
    /// What addresses are relative to.
    base: Url,
    title: Option<String>,
    links: Vec<Link>,
    link_bytes: usize,
}

/// Where a node lies: how deep, and in which link or title.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    link: Option<usize>,
    title: bool,
}

impl Page {
    /// Takes out what is not for readers, makes addresses full, and notes title and links. Without recursion: the depth is
    /// the page's choice.
    fn prepare(&mut self, tree: &Rc<Node>) {
        let mut waiting = vec![(Rc::clone(tree), Place::default())];
        while let Some((node, place)) = waiting.pop() {
            let within = self.visit(&node, place);
            let mut children = node.children.borrow_mut();
            if within.depth > MAX_DEPTH {
                children.clear();
            }
            children.retain(|child| !unseen(child));
            waiting.extend(children.iter().rev().map(|child| (Rc::clone(child), within)));
        }
    }

    /// Looks at one node; gives the place of its children.
    fn visit(&mut self, node: &Node, place: Place) -> Place {
        let mut within = Place { depth: place.depth + 1, ..place };
        match &node.data {
            NodeData::Text { contents } => self.text(&contents.borrow(), place),
            NodeData::Element { name, attrs, .. } => {
                let tag = name.local.as_ref();
                within.title = tag == "title" && self.title.is_none();
                for attribute in attrs.borrow_mut().iter_mut() {
                    match (tag, attribute.name.local.as_ref()) {
                        ("base", "href") => self.base = self.base.join(&attribute.value).unwrap_or(self.base.clone()),
                        ("img", "src") => attribute.value = self.full(&attribute.value).unwrap_or_default().into(),
                        ("a", "href") => {
                            let full = self.full(&attribute.value);
                            within.link = full.as_ref().and_then(|full| self.link(full));
                            attribute.value = full.unwrap_or_default().into();
                        }
                        _ => {}
                    }
                }
                // A link or picture that leads nowhere is its text.
                attrs.borrow_mut().retain(|attribute| {
                    !matches!(attribute.name.local.as_ref(), "href" | "src") || !attribute.value.is_empty()
                });
            }
            _ => {}
        }
        within
    }

    fn text(&mut self, text: &str, place: Place) {
        if place.title {
            self.title.get_or_insert_default().push_str(text);
        }
        if let Some(link) = place.link.and_then(|at| self.links.get_mut(at))
            && link.text.len() < MAX_TEXT * 4
        {
            link.text.push_str(text);
        }
    }

    /// The address in full, if it leads to another page: no scripts, no data, no place in this page.
    fn full(&self, address: &str) -> Option<String> {
        let address = address.trim();
        if address.is_empty() || address.starts_with('#') {
            return None;
        }
        let full = self.base.join(address).ok()?;
        matches!(full.scheme(), "http" | "https" | "mailto").then(|| full.to_string())
    }

    /// Notes a link, if there is room.
    fn link(&mut self, full: &str) -> Option<usize> {
        let bytes = self.link_bytes + full.len() + MAX_TEXT;
        if self.links.len() == MAX_LINKS || bytes > MAX_LINK_BYTES {
            return None;
        }
        self.link_bytes = bytes;
        self.links.push(Link { text: String::new(), url: full.to_owned() });
        Some(self.links.len() - 1)
    }
}

fn unseen(node: &Node) -> bool {
    matches!(&node.data, NodeData::Element { name, .. } if UNSEEN.contains(&name.local.as_ref()))
}

/// One line, without control characters.
fn tidy(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    fn page(html: &str) -> Converted {
        convert(html, &Url::parse("https://example.com/a/b?c#d").unwrap()).unwrap()
    }

    #[test]
    fn a_page_becomes_markdown_with_its_title_and_links() {
        let page = page(
            "<!doctype html><html><head><title> A\n page </title><style>p{}</style></head><body><h1>Tea</h1>\
             <p>Three <em>minutes</em>, says <a href=\"/tea\">the <b>book</b></a>.</p><ul><li>one<li>two</ul>\
             <script>alert(1)</script></body></html>",
        );
        assert_eq!(page.title.as_deref(), Some("A page"));
        let expected = "# Tea\n\nThree *minutes*, says [the **book**](https://example.com/tea).\n\n- one\n- two";
        assert_eq!(page.markdown, expected);
        assert_eq!(page.links, [Link { text: "the book".into(), url: "https://example.com/tea".into() }]);
    }

    #[test]
    fn addresses_are_in_full_and_follow_the_base_of_the_page() {
        let markdown = |html| page(html).markdown;
        assert_eq!(markdown("<a href=c>x</a>"), "[x](https://example.com/a/c)");
        assert_eq!(markdown("<a href='?e=1&amp;f'>x</a>"), "[x](https://example.com/a/b?e=1&f)");
        assert_eq!(markdown("<a href=//other.org>x</a>"), "[x](https://other.org/)");
        assert_eq!(markdown("<base href=/z/><img src=c.png alt=y>"), "![y](https://example.com/z/c.png)");
    }

    #[test]
    fn what_leads_nowhere_is_its_text() {
        for address in ["#top", "", "javascript:alert(1)", "data:text/html,x", "https://[bad", "file:///etc/passwd"] {
            let page = page(&format!("<a href=\"{address}\">x</a>"));
            assert_eq!((page.markdown.as_str(), page.links.len()), ("x", 0), "{address}");
        }
        assert_eq!(page("<img src='data:image/png;base64,AAAA' alt=x>").markdown, "");
    }

    #[test]
    fn what_no_reader_sees_is_left_out() {
        let html =
            "<svg><title>icon</title></svg><title>T</title><noscript>n</noscript><p>x<!-- c --><template>t</template>";
        let page = page(html);
        assert_eq!((page.title.as_deref(), page.markdown.as_str()), (Some("T"), "x"));
    }

    #[test]
    fn text_that_looks_like_markdown_stays_text() {
        assert_eq!(page("<p>2 * 3 * 4 and [x](y)</p>").markdown, "2 \\* 3 \\* 4 and \\[x\\](y)");
        assert_eq!(page("<title>a * b</title>").title.as_deref(), Some("a * b"));
    }

    #[test]
    fn a_page_that_is_too_deep_is_cut_there() {
        let deep = page(&format!("<p>top</p>{}bottom", "<div>".repeat(1000)));
        assert_eq!(deep.markdown, "top");
        let nested = page(&"<a href=x>y<object>".repeat(300));
        assert!(nested.markdown.starts_with("[y](https://example.com/a/x)"), "{}", nested.markdown);
    }

    #[test]
    fn links_are_bounded_in_number_and_size() {
        let room = MAX_LINK_BYTES / ("https://example.com/a/x".len() + MAX_TEXT);
        assert_eq!(page(&"<a href=x>y</a>".repeat(1000)).links.len(), room);
        let long = format!("<a href=/{}>y</a>", "x".repeat(MAX_LINK_BYTES));
        assert_eq!(page(&format!("{long}<a href=x>z</a>")).links[0].text, "z");
        let wordy = page(&format!("<a href=x>{}</a>", "é ".repeat(5000)));
        assert_eq!(wordy.links[0].text.chars().count(), MAX_TEXT);
    }
}
