//! Which addresses may stand in HTML that is shown to people.
//!
//! An address is safe if it has no scheme or one of a short list, so that nothing runs when it is followed. Schemes are
//! read as browsers read them: without white space and control characters, in any case.

/// Schemes of links. What is not here, `javascript:` and `data:` above all, is taken out.
const SCHEMES: &[&str] = &["http", "https", "mailto", "tel", "ftp", "irc", "xmpp"];
/// Images may also carry their own bytes, where the format cannot hold a script (SVG can).
const IMAGE_DATA: &[&str] = &["data:image/png", "data:image/gif", "data:image/jpeg", "data:image/webp"];

/// Where an address stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a link.
    Link,
    /// In an image.
    Image,
}

/// Whether `url` may stand there.
pub(crate) fn is_safe(url: &str, place: Place) -> bool {
    let seen: String =
        url.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect::<String>().to_ascii_lowercase();
    let before_path = seen.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((scheme, _)) = before_path.split_once(':') else { return true };
    SCHEMES.contains(&scheme) || place == Place::Image && IMAGE_DATA.iter().any(|start| seen.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_web_and_of_the_document_are_safe() {
        for url in ["https://example.org", "HTTP://x", "mailto:a@b.example", "../a.md", "#part", "a/b:c", "?q=a:b", ""]
        {
            assert!(is_safe(url, Place::Link), "{url}");
        }
        assert!(is_safe("data:image/png;base64,AAAA", Place::Image));
    }

    #[test]
    fn addresses_that_run_something_are_not() {
        for url in
            ["javascript:alert(1)", " JaVa\tScript:x", "\u{1}javascript:x", "data:text/html,x", "vbscript:x", "file:x"]
        {
            assert!(!is_safe(url, Place::Link), "{url}");
        }
        assert!(!is_safe("data:image/svg+xml,<svg/>", Place::Image));
        assert!(!is_safe("data:image/png;base64,AAAA", Place::Link));
    }
}
