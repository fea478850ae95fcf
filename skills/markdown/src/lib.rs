//! Turns Markdown into HTML, an outline and a list of links.
//!
//! ```text
//! skillhost run markdown.outline text=@README.md
//! skillhost run markdown.links text=@README.md
//! skillhost run markdown.html text=@README.md
//! ```
//!
//! Promises CommonMark with GitHub's tables, strikethrough, task lists, footnotes, alerts and bare links, HTML that is
//! safe to show unless `allow_html` says otherwise, and the anchors that GitHub gives. Needs no grants; costs time and
//! memory in proportion to the text.

mod events;
mod html;
mod links;
mod outline;
mod safety;

pub use html::{Html, Render};
pub use links::{Link, LinkKind, Links};
pub use outline::{Document, Outline, Section};

use skillhost_sdk::prelude::*;

/// Turns Markdown (CommonMark and GitHub's additions) into HTML, an outline and a list of links.
#[skill]
pub mod markdown {
    use super::*;

    /// Renders Markdown as HTML. Raw HTML is shown as text and script addresses are taken out, unless `allow_html` is set.
    #[tool(read_only, idempotent)]
    pub fn html(input: Render) -> Html {
        crate::html::render(&input)
    }

    /// Lists the headings of a document as a tree, with level, text and GitHub's anchor.
    #[tool(read_only, idempotent, output = Outline)]
    pub fn outline(input: Document) -> Result<Output, ToolError> {
        let outline = crate::outline::outline(&input);
        let listing = match outline.count {
            0 => "The text has no headings.".to_owned(),
            _ => crate::outline::listing(&outline.headings),
        };
        Ok(Output::new().data(&outline)?.text(listing))
    }

    /// Lists the links and images of a document, in order, with text, address, title and how each is written.
    #[tool(read_only, idempotent)]
    pub fn links(input: Document) -> Links {
        crate::links::links(&input)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    const TEXT: &str = "# A `b`\n\nSee [this](x \"t\").\n\n## C\n";

    fn call(tool: &str) -> Output {
        markdown::call(tool, &json!({ "text": TEXT }).to_string()).unwrap()
    }

    #[test]
    fn html_carries_the_anchors_of_the_outline() {
        let html = call("html").value();
        assert!(html["html"].as_str().unwrap().starts_with("<h1 id=\"a-b\">A <code>b</code></h1>"), "{html}");
    }

    #[test]
    fn an_outline_is_a_tree_and_a_listing() {
        let output = call("outline");
        let c = json!({"level": 2, "text": "C", "slug": "c", "children": []});
        let expected = json!({"headings": [{"level": 1, "text": "A b", "slug": "a-b", "children": [c]}], "count": 2});
        assert_eq!(output.value(), expected);
        assert_eq!(output.texts(), "- A b (#a-b)\n  - C (#c)\n");
    }

    #[test]
    fn links_are_listed() {
        let expected = json!({"links": [{"text": "this", "url": "x", "title": "t", "kind": "inline"}]});
        assert_eq!(call("links").value(), expected);
    }

    #[test]
    fn an_input_without_text_is_invalid() {
        for tool in ["html", "outline", "links"] {
            assert!(matches!(markdown::call(tool, "{}"), Err(ToolError::InvalidInput(_))), "{tool}");
        }
    }

    #[test]
    fn the_manifest_asks_for_nothing() {
        let manifest = markdown::manifest();
        let tools: Vec<_> = manifest.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!((tools.as_slice(), manifest.wants.len()), (["html", "outline", "links"].as_slice(), 0));
    }
}
