//! The bytes of an answer as text.
//!
//! Promises text, in the encoding that the byte order mark, the header or the page's own head names, in this order; else
//! UTF-8 if it fits, else windows-1252, as browsers do. What is no text is refused by its media type, or by a NUL byte
//! where none was given.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into a page its head may name the encoding (WHATWG HTML, "prescan a byte stream").
const PRESCAN: usize = 1024;

/// What kind of text an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A page.
    Html,
    /// Any other text, which stays as it is.
    Plain,
}

/// `Content-Type`, decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Media {
    /// In lower case; empty if there was none.
    pub(crate) name: String,
    charset: Option<String>,
}

impl Media {
    pub(crate) fn parse(header: &str) -> Self {
        let mut parts = header.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
        });
        Self { name, charset }
    }

    /// The kind of text, if it is any.
    pub(crate) fn kind(&self, bytes: &[u8]) -> Option<Kind> {
        let name = self.name.as_str();
        match name {
            "text/html" | "application/xhtml+xml" => Some(Kind::Html),
            "" if bytes.contains(&0) => None,
            "" if bytes.trim_ascii_start().starts_with(b"<") => Some(Kind::Html),
            "" => Some(Kind::Plain),
            _ => is_text(name).then_some(Kind::Plain),
        }
    }

    /// The text, and never an error: what does not fit the encoding becomes U+FFFD.
    pub(crate) fn decode(&self, bytes: &[u8], kind: Kind) -> String {
        let named = |label: &str| Encoding::for_label(label.as_bytes());
        let header = self.charset.as_deref().and_then(named);
        let encoding = header.or_else(|| (kind == Kind::Html).then(|| head_charset(bytes)).flatten());
        encoding.unwrap_or_else(|| likely(bytes)).decode(bytes).0.into_owned()
    }
}

fn is_text(name: &str) -> bool {
    const TEXT: [&str; 9] =
        ["json", "xml", "javascript", "ecmascript", "yaml", "x-yaml", "toml", "x-ndjson", "graphql"];
    match name.split_once('/') {
        Some(("text", _)) => true,
        Some(("application", kind)) => TEXT.contains(&kind) || kind.ends_with("+json") || kind.ends_with("+xml"),
        Some(("image", kind)) => kind == "svg+xml",
        _ => false,
    }
}

/// What the page's own head says: `<meta charset=…>`, or the same inside `content`.
fn head_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..PRESCAN).unwrap_or(bytes)).to_ascii_lowercase();
    let (_, rest) = head.split_once("<meta")?;
    let (_, rest) = rest.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'']).split(['"', '\'', '>', ' ', ';', '/']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// A text that was cut within a character is still UTF-8.
fn likely(bytes: &[u8]) -> &'static Encoding {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &str, bytes: &[u8]) -> Option<String> {
        let media = Media::parse(header);
        media.kind(bytes).map(|kind| media.decode(bytes, kind))
    }

    #[test]
    fn the_encoding_is_the_one_that_is_named_or_fits() {
        for (header, bytes, expected) in [
            ("text/plain; charset=utf-8", "é".as_bytes(), "é"),
            ("Text/Plain;Charset=\"ISO-8859-1\"", b"\xe9", "é"),
            ("text/plain; charset=shift_jis", b"\x93\xfa", "日"),
            ("text/plain; charset=nonsense", b"\xe9 ", "é "),
            ("text/plain", "é".as_bytes(), "é"),
            ("text/plain", b"caf\xe9 ", "café "),
            ("text/plain", b"caf\xc3", "caf\u{fffd}"),
            ("text/plain; charset=latin1", b"\xef\xbb\xbf\xc3\xa9", "é"),
            ("text/html", b"<meta charset=\"windows-1251\">\xc4", "<meta charset=\"windows-1251\">Д"),
            ("text/plain", b"<meta charset=windows-1251>\xc4 ", "<meta charset=windows-1251>Ä "),
        ] {
            assert_eq!(text(header, bytes).as_deref(), Some(expected), "{header} {bytes:?}");
        }
    }

    #[test]
    fn what_is_no_text_has_no_kind() {
        for header in ["image/png", "application/octet-stream", "application/pdf", "video/mp4", "nonsense"] {
            assert_eq!(Media::parse(header).kind(b"x"), None, "{header}");
        }
        assert_eq!(Media::default().kind(b"PK\0"), None);
    }

    #[test]
    fn pages_are_told_from_other_text() {
        for (header, bytes, kind) in [
            ("text/html; charset=utf-8", "", Kind::Html),
            ("application/xhtml+xml", "", Kind::Html),
            ("", "\n<!doctype html>", Kind::Html),
            ("", "hello", Kind::Plain),
            ("application/ld+json", "{}", Kind::Plain),
            ("text/markdown", "<b>", Kind::Plain),
        ] {
            assert_eq!(Media::parse(header).kind(bytes.as_bytes()), Some(kind), "{header} {bytes}");
        }
    }
}
