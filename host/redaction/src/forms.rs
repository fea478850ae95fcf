//! The ways in which one value may be written down.
//!
//! Contract: every encoding that [`forms`] lists is found wherever it stands, base64 also in the middle of a longer text.
//! Not listed are encodings that a guest invents (reversed, split, encrypted): who has a value in its hands can always hide it,
//! which is why skills never get one.
//! Price: about fifteen forms, some six bytes each for one of the value; paid when the configuration is read.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Fewer characters from the middle of a base64 text would be found in others by chance.
const MIN_BASE64_CORE: usize = 6;

/// What encoders of URLs leave as it is besides letters and digits: RFC 3986's unreserved characters, `encodeURIComponent`,
/// `encodeURI`, forms, and what the URL standard leaves in a query.
const UNESCAPED: [&str; 5] = ["-._~", "-._~!'()*", "-._~!'()*;/?:@&=+$,#", "-._*", "-._~!'()*;/?:@&=+$,%[]\\^`{|}"];

/// How encoders of HTML write `"` and `'`.
const HTML_QUOTES: [(&str, &str); 5] =
    [("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&quot;", "&apos;"), ("&#34;", "&#39;"), ("\"", "'")];

/// All forms of a value, each once.
pub(crate) fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([value.as_bytes().to_vec()]);
    let mut add = |form: String| forms.insert(form.into_bytes());
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        add(engine.encode(value));
    }
    for before in 0..3 {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let core = base64_core(&engine, value, before);
            if core.len() >= MIN_BASE64_CORE {
                add(core);
            }
        }
    }
    add(value.bytes().map(|byte| format!("{byte:02x}")).collect());
    add(value.bytes().map(|byte| format!("{byte:02X}")).collect());
    for lower in [false, true] {
        for unescaped in UNESCAPED {
            add(percent(value, Some(unescaped), lower));
        }
        add(percent(value, None, lower));
    }
    add(percent(value, Some("-._* "), false).replace(' ', "+"));
    for (ascii, html, slash) in
        [(false, false, false), (false, false, true), (true, false, false), (true, true, false), (false, true, false)]
    {
        let once = json(value, ascii, html, slash);
        add(json(&once, false, false, false));
        add(once);
    }
    for (double, single) in HTML_QUOTES {
        let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        add(text.replace('"', double).replace('\'', single));
    }
    forms
}

/// The characters of a base64 text that depend on `value` alone when `before` bytes (modulo three) stand in front of it.
fn base64_core(engine: &impl base64::Engine, value: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(value.as_bytes());
    // A character holds six bits: the first to come after those of the bytes in front, and only those that are whole.
    let first = (before * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    engine.encode(bytes).get(first..whole).unwrap_or_default().to_owned()
}

/// Percent-encoded but for letters, digits and `unescaped`; without these, every byte.
fn percent(value: &str, unescaped: Option<&str>, lower: bool) -> String {
    let stays = |byte: u8| unescaped.is_some_and(|set| byte.is_ascii_alphanumeric() || set.as_bytes().contains(&byte));
    let encode = |byte: u8| match (stays(byte), lower) {
        (true, _) => char::from(byte).to_string(),
        (false, true) => format!("%{byte:02x}"),
        (false, false) => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

/// The inside of a JSON string; `ascii` escapes all else, `html` what HTML knows (as Go does), `slash` the slash (as PHP does).
fn json(value: &str, ascii: bool, html: bool, slash: bool) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let mut text = String::with_capacity(inside.len());
    for char in inside.chars() {
        if (ascii && !char.is_ascii()) || (html && matches!(char, '<' | '>' | '&')) {
            text.extend(char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else if slash && char == '/' {
            text.push_str("\\/");
        } else {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) -> bool {
        forms(value).contains(form.as_bytes())
    }

    #[test]
    fn a_value_is_known_in_every_usual_encoding() {
        let value = "p@ss w\"rd/é<1>";
        for form in [
            "p@ss w\"rd/é<1>",
            "cEBzcyB3InJkL8OpPDE+",
            "cEBzcyB3InJkL8OpPDE-",
            "7040737320772272642fc3a93c313e",
            "7040737320772272642FC3A93C313E",
            "p%40ss%20w%22rd%2F%C3%A9%3C1%3E",
            "p%40ss%20w%22rd%2f%c3%a9%3c1%3e",
            "p%40ss+w%22rd%2F%C3%A9%3C1%3E",
            "p@ss%20w%22rd/%C3%A9%3C1%3E",
            "%70%40%73%73%20%77%22%72%64%2F%C3%A9%3C%31%3E",
            "p@ss w\\\"rd/é<1>",
            "p@ss w\\\"rd\\/é<1>",
            "p@ss w\\\"rd/\\u00e9<1>",
            "p@ss w\\\"rd/é\\u003c1\\u003e",
            "p@ss w\\\\\\\"rd/é<1>",
            "p@ss w&quot;rd/é&lt;1&gt;",
            "p@ss w&#34;rd/é&lt;1&gt;",
            "p@ss w\"rd/é&lt;1&gt;",
        ] {
            assert!(has(value, form), "{form}");
        }
    }

    #[test]
    fn base64_of_short_values_is_sought_whole_only() {
        let short: Vec<_> = forms("abcd").into_iter().map(|form| String::from_utf8_lossy(&form).into_owned()).collect();
        assert_eq!(short, ["%61%62%63%64", "61626364", "YWJjZA", "YWJjZA==", "abcd"]);
    }
}
