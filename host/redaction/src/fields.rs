//! Values that stand in text under a name that says they are secrets: `key=value`, `"key": "value"`, headers.
//!
//! Contract: quoted values go whole. Bare ones go where they look like a value and not like code or prose: `password=hunter2`
//! goes; `password: String`, `token = next()` and "the secret: patience" stay.
//! Price: looks at each `=` and `:`, and back from it no further than the longest name. Linear: the end of a quoted value
//! is looked for once for each kind of quote and number of backslashes, which is bounded.

use std::ops::Range;

use memchr::{memchr2_iter, memchr3_iter};

use crate::is_placeholder;
use crate::names::{Kind, MAX_NAME_BYTES, kind, may_end};

/// The backslashes before a quote in JSON inside JSON inside JSON.
const MAX_ESCAPES: usize = 7;
/// Blanks between name, sign and value, as in aligned tables.
const MAX_BLANKS: usize = 16;
/// A bare value of fewer bytes is taken for code (`secret=e`) or prose.
const MIN_BARE_BYTES: usize = 4;
/// Of a bare value, so many decide what it is; without a bound, values that stay would be read again and again.
const DECIDING_BYTES: usize = 256;
/// A bare word of so many bytes is no variable's name.
const MIN_OPAQUE_BYTES: usize = 16;

/// Adds where secrets stand in `text`, ascending. Gives whether there is any name of a secret, with whatever value.
pub(crate) fn find(text: &str, finds: &mut Vec<Range<usize>>) -> bool {
    let (mut done, mut named) = (0, false);
    for at in memchr2_iter(b'=', b':', text.as_bytes()) {
        if at < done {
            continue;
        }
        let Some(name) = Name::before(text.as_bytes(), at) else { continue };
        named = true;
        let Some(part) = value(text, at, &name) else { continue };
        done = part.end;
        finds.push(part);
    }
    named
}

/// The name in front of a sign.
struct Name {
    kind: Kind,
    quoted: bool,
    /// No blank stands between it and the sign.
    tight: bool,
    /// It begins its line, as in YAML and headers.
    begins_line: bool,
    /// It is a member of something, as in code.
    member: bool,
}

impl Name {
    fn before(text: &[u8], at: usize) -> Option<Self> {
        let head = text.get(..at)?.trim_ascii_end();
        let tight = head.len() == at;
        let (head, quoted) = match head {
            [head @ .., b'"' | b'\'' | b'`'] => (trim_end(head, |byte| byte == b'\\', MAX_ESCAPES), true),
            [head @ .., b']'] => (head, false),
            head => (head, false),
        };
        if !may_end(head) {
            return None;
        }
        let rest = trim_end(head, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-', MAX_NAME_BYTES);
        let name = head.get(rest.len()..)?;
        // The letter of the escape of a line break; the flag `--password`.
        let escaped = rest.ends_with(b"\\") && matches!(name, [b'n' | b'r' | b't', ..]);
        let name = name.get(usize::from(escaped)..)?;
        let kind = kind(name.strip_prefix(b"--").unwrap_or(name))?;
        let lead = trim_blanks_end(rest);
        // An item of a list in YAML.
        let lead = lead.strip_suffix(b"-").map_or(lead, trim_blanks_end);
        Some(Self {
            kind,
            quoted,
            tight,
            begins_line: escaped || matches!(lead, [] | [.., b'\n' | b'\r' | b'"' | b'\'' | b'>']),
            member: rest.ends_with(b"."),
        })
    }
}

/// Which part of the value behind the sign at `at` goes.
fn value(text: &str, at: usize, name: &Name) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let (sign, mut start) = (*bytes.get(at)?, at + 1);
    match (sign, bytes.get(start)?) {
        // `a == b`, `a::b`
        (b'=', b'=') | (b':', b':') => return None,
        // `a => b`, `a := b`
        (b'=', b'>') | (b':', b'=') => start += 1,
        _ => {}
    }
    let blanks = bytes.iter().skip(start).take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
    let tight = name.tight && blanks == 0 && sign == b'=';
    start += blanks;
    let escapes = bytes.iter().skip(start).take(MAX_ESCAPES).take_while(|byte| **byte == b'\\').count();
    if let Some(&quote @ (b'"' | b'\'' | b'`')) = bytes.get(start + escapes) {
        if escapes == 0 && !name.quoted && quote == b'"' && is_in_quotes(bytes.get(..at)?) {
            return None;
        }
        start += escapes + 1;
        let end = quoted_end(bytes, start, quote, escapes);
        let part = part(name.kind, text.get(start..end)?)?;
        return Some(start + part.start..start + part.end);
    }
    // Bare values under quoted names are JSON's numbers and booleans.
    if name.quoted {
        return None;
    }
    let part = bare(text.get(start..)?, name, tight)?;
    Some(start + part.start..start + part.end)
}

/// Whether a quote would be the end of a string, as in `"password: "`, and not the begin of a value.
fn is_in_quotes(before: &[u8]) -> bool {
    let line = before.iter().rev().take(DECIDING_BYTES).take_while(|byte| **byte != b'\n');
    line.filter(|byte| **byte == b'"').count() % 2 == 1
}

/// Which part of a whole value goes. `None`: nothing.
pub(crate) fn part(kind: Kind, value: &str) -> Option<Range<usize>> {
    let start = if kind == Kind::Authorization { scheme(value).map_or(0, |(end, _)| end) } else { 0 };
    let secret = value.get(start..)?;
    let goes = match kind {
        Kind::Secret | Kind::Header | Kind::Authorization => true,
        Kind::Token => looks_like_token(secret),
        Kind::Cookie => secret.contains('='),
    };
    (goes && !is_no_secret(secret)).then_some(start..value.len())
}

/// Empty, hidden already, or the name of a variable to be filled in.
fn is_no_secret(value: &str) -> bool {
    let value = value.trim();
    is_placeholder(value)
        || value.chars().all(|char| matches!(char, '*' | '•'))
        || (value.starts_with("${") && value.find('}') == Some(value.len().saturating_sub(1)))
}

fn looks_like_token(value: &str) -> bool {
    value.len() >= MIN_OPAQUE_BYTES
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.+/=~:%".contains(&byte))
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Where the credentials begin behind the scheme, and whether they are a list up to the end of the line.
fn scheme(value: &str) -> Option<(usize, bool)> {
    const ONE: [&str; 8] = ["bearer", "basic", "token", "apikey", "negotiate", "ntlm", "bot", "key"];
    const LIST: [&str; 4] = ["digest", "aws4-hmac-sha256", "hawk", "signature"];
    let (word, rest) = value.split_once(' ')?;
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    let list = is(&LIST);
    (list || is(&ONE)).then(|| (value.len() - rest.trim_start_matches(' ').len(), list))
}

/// Where the value in quotes ends, or its line.
fn quoted_end(text: &[u8], start: usize, quote: u8, escapes: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    for at in memchr3_iter(quote, b'\n', b'\r', rest) {
        let before = rest.get(..at).unwrap_or_default();
        let backslashes = at - trim_end(before, |byte| byte == b'\\', before.len()).len();
        let ends = if escapes == 0 { backslashes % 2 == 0 } else { backslashes <= escapes };
        if rest.get(at) != Some(&quote) || ends {
            return start + at - if escapes == 0 { 0 } else { backslashes };
        }
    }
    text.len()
}

/// Which part of what follows goes, if it is a value without quotes. Its first bytes decide, so that the rest is read once.
fn bare(rest: &str, name: &Name, tight: bool) -> Option<Range<usize>> {
    let first = rest.get(..rest.floor_char_boundary(DECIDING_BYTES))?;
    let (start, ends) = bare_start(first, name, tight)?;
    let value = first.get(start..)?;
    if value.starts_with('$') || is_no_secret(value.split(|char| u8::try_from(char).is_ok_and(ends)).next()?) {
        return None;
    }
    Some(start..start + run(rest.get(start..)?, ends))
}

/// Whether a byte ends a value.
type Ends = fn(u8) -> bool;

/// Where it begins, and which bytes end it.
fn bare_start(rest: &str, name: &Name, tight: bool) -> Option<(usize, Ends)> {
    let end = run(rest, ends_bare);
    let word = rest.get(..end)?;
    let goes = match name.kind {
        Kind::Cookie => {
            let pairs = rest.get(..run(rest, ends_header))?;
            return (!name.member && pairs.contains('=')).then_some((0, ends_header));
        }
        Kind::Authorization => match scheme(rest) {
            Some((start, true)) => {
                let list = rest.get(start..start + run(rest.get(start..)?, ends_header))?;
                return list.contains('=').then_some((start, ends_header));
            }
            Some((start, false)) => {
                let end = start + run(rest.get(start..)?, ends_bare);
                return (ends_line(rest, end) || is_mixed(rest.get(start..end)?)).then_some((start, ends_bare));
            }
            None => !is_path(word) && (is_mixed(word) || end >= MIN_OPAQUE_BYTES),
        },
        Kind::Header => ends_line(rest, end) || is_mixed(word),
        Kind::Token => looks_like_token(word) && !is_code(rest, end, name, tight),
        Kind::Secret => end >= MIN_BARE_BYTES && !is_code(rest, end, name, tight) && is_value(rest, end, name, tight),
    };
    (goes && end > 0).then_some((0, ends_bare))
}

/// How many bytes come before the first that ends it.
fn run(text: &str, ends: Ends) -> usize {
    text.bytes().take_while(|byte| !ends(*byte)).count()
}

fn is_code(rest: &str, end: usize, name: &Name, tight: bool) -> bool {
    let value = rest.get(..end).unwrap_or_default();
    let called = matches!(rest.as_bytes().get(end), Some(b'(' | b'[' | b'<' | b'{'));
    let path = is_path(value) && (!tight || name.member || !is_mixed(value));
    called || path || value.contains("::") || value.starts_with("sha256:")
}

fn is_value(rest: &str, end: usize, name: &Name, tight: bool) -> bool {
    const WORDS: [&str; 28] = [
        "null",
        "true",
        "false",
        "none",
        "undefined",
        "void",
        "this",
        "self",
        "string",
        "text",
        "bool",
        "boolean",
        "number",
        "integer",
        "bytes",
        "object",
        "usize",
        "u128",
        "i128",
        "required",
        "optional",
        "missing",
        "invalid",
        "expired",
        "empty",
        "unset",
        "unknown",
        "incorrect",
    ];
    let value = rest.get(..end).unwrap_or_default();
    if WORDS.iter().any(|word| word.eq_ignore_ascii_case(value)) {
        return false;
    }
    let is_type = value.starts_with(|char: char| char.is_ascii_uppercase())
        && value.contains(|char: char| char.is_ascii_lowercase());
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let last = ends_line(rest, end);
    if is_mixed(value) {
        return tight || last || letters;
    }
    tight || (name.tight && name.begins_line && last && !is_type)
}

/// More than letters and what joins words.
fn is_mixed(value: &str) -> bool {
    value.bytes().any(|byte| !(byte.is_ascii_alphabetic() || b"_-.$".contains(&byte)))
}

/// Members of code: names with dots in between, none as long as a key.
fn is_path(value: &str) -> bool {
    let is_name = |part: &str| {
        part.len() <= MIN_OPAQUE_BYTES + 4
            && part.starts_with(|char: char| char.is_ascii_alphabetic() || matches!(char, '_' | '$'))
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
    };
    value.contains('.') && value.split('.').all(is_name)
}

/// Whether nothing follows in the line, or in the quotes that the whole stands in.
fn ends_line(rest: &str, end: usize) -> bool {
    let rest = rest.as_bytes().get(end..).unwrap_or_default();
    let blanks = rest.iter().take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
    end > 0 && matches!(rest.get(blanks), None | Some(b'\n' | b'\r' | b'\\' | b'"' | b'\'' | b'`'))
}

fn ends_bare(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`&;<>(){}[]|\\,".contains(&byte)
}

fn ends_header(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'\\')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_blanks_end(text: &[u8]) -> &[u8] {
    trim_end(text, is_blank, MAX_BLANKS)
}

/// Without the last bytes that are so, at most `most` of them.
fn trim_end(text: &[u8], is: impl Fn(u8) -> bool, most: usize) -> &[u8] {
    let trimmed = text.iter().rev().take(most).take_while(|byte| is(**byte)).count();
    text.get(..text.len() - trimmed).unwrap_or_default()
}
