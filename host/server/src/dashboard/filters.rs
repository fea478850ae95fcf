//! How things read on a page.
//!
//! Contract: what a stranger wrote is shown as it is, with control characters and marks of direction made visible, and cut where
//! it is long. Markup is taken care of by the templates, which escape everything but what is [`Safe`] by its making.

#![expect(unreachable_pub, reason = "the macro's own methods are public")]

use std::fmt::{Display, Write as _};

use askama::filters::{Escaper as _, Html, Safe};
use askama::{Result, Values};
use skillhost_types::{Timestamp, is_unseen};

/// Longest text in a line, in characters: a few lines of a narrow table.
const LINE: usize = 400;

/// Longest text in a block of its own, in characters: what a person scrolls through, not what a browser chokes on.
const BLOCK: usize = 50_000;

/// Hexadecimal digits by which people tell digests apart.
const DIGEST: usize = 12;

/// A stranger's text in a line.
#[askama::filter_fn]
pub(super) fn text(text: impl Display, _: &dyn Values) -> Result<String> {
    Ok(line(&text.to_string()))
}

/// The same, with what stands between backticks set as code.
#[askama::filter_fn]
pub(super) fn prose(text: impl Display, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(quoted(&line(&text.to_string()))?))
}

/// A stranger's text in a block that keeps its lines.
#[askama::filter_fn]
pub(super) fn block(text: impl Display, _: &dyn Values) -> Result<String> {
    Ok(cut(&text.to_string(), BLOCK, |char| char == '\n' || char == '\t'))
}

/// The first digits of a digest.
#[askama::filter_fn]
pub(super) fn digest(digest: impl Display, _: &dyn Values) -> Result<String> {
    let text = digest.to_string();
    Ok(text.strip_prefix("sha256:").unwrap_or(&text).chars().take(DIGEST).collect())
}

/// A moment, in UTC.
#[askama::filter_fn]
pub(super) fn when(at: &Timestamp, _: &dyn Values) -> Result<Safe<String>> {
    // RFC 3339 of a fixed width: nothing in it needs escaping.
    let full = at.to_string();
    let (date, time) = full.split_at_checked(10).unwrap_or((&full, ""));
    let time = time.get(1..9).unwrap_or_default();
    Ok(Safe(format!("<time datetime=\"{full}\" title=\"{full}\">{date} {time}</time>")))
}

/// A number with its thousands apart.
#[askama::filter_fn]
pub(super) fn count(number: impl Display, _: &dyn Values) -> Result<String> {
    Ok(grouped(&number.to_string()))
}

/// So many of something: `1 host call`, `2 host calls`.
#[askama::filter_fn]
pub(super) fn of(number: impl Display, _: &dyn Values, one: &str) -> Result<String> {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    Ok(format!("{} {one}{ending}", grouped(&number)))
}

/// A number of bytes, with a unit.
#[askama::filter_fn]
pub(super) fn bytes(bytes: &u64, _: &dyn Values) -> Result<String> {
    Ok(size(*bytes))
}

/// A number of microseconds, with a unit.
#[askama::filter_fn]
pub(super) fn micros(micros: &u64, _: &dyn Values) -> Result<String> {
    Ok(duration(*micros))
}

/// A number of bytes, with a unit.
pub(super) fn size(bytes: u64) -> String {
    scaled(bytes, 1_024, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// A number of microseconds, with a unit.
pub(super) fn duration(micros: u64) -> String {
    match micros {
        long if long >= 60_000_000 => format!("{} min {} s", long / 60_000_000, long / 1_000_000 % 60),
        short => scaled(short, 1_000, &["µs", "ms", "s"]),
    }
}

/// A stranger's text in a line, for where it becomes part of another.
pub(super) fn line(text: &str) -> String {
    cut(text, LINE, |_| false)
}

/// `text` as HTML, with what stands between backticks as code.
fn quoted(text: &str) -> Result<String> {
    let (mut html, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, (code, after))) =
        rest.split_once('`').and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
    {
        Html.write_escaped_str(&mut html, before)?;
        html.push_str("<code>");
        Html.write_escaped_str(&mut html, code)?;
        html.push_str("</code>");
        rest = after;
    }
    Html.write_escaped_str(&mut html, rest)?;
    Ok(html)
}

/// With everything unseen but `kept` made visible, and no longer than `longest`.
fn cut(text: &str, longest: usize, kept: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len().min(longest));
    let mut chars = text.chars();
    for char in chars.by_ref().take(longest) {
        match char {
            char if kept(char) => shown.push(char),
            '\n' | '\t' => shown.push(' '),
            char if is_unseen(char) => shown.extend(char.escape_unicode()),
            char => shown.push(char),
        }
    }
    let left = chars.count();
    if left > 0 {
        // Writing to a text does not fail.
        let _ = write!(shown, "… ({} more characters)", thousands(left as u64));
    }
    shown
}

pub(super) fn thousands(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A narrow space that does not break.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// With three digits that count.
fn scaled(number: u64, step: u64, units: &[&str]) -> String {
    let mut scaled = number as f64;
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if scaled < step as f64 || units.peek().is_none() {
            let digits = match scaled {
                whole if whole.fract() == 0.0 || whole >= 100.0 => 0,
                tens if tens >= 10.0 => 1,
                _ => 2,
            };
            return format!("{scaled:.digits$} {unit}");
        }
        scaled /= step as f64;
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unseen_is_made_visible_and_lines_are_kept_in_blocks_only() {
        assert_eq!(line("a\u{202e}b\u{1b}[31m\u{200b}\nc"), r"a\u{202e}b\u{1b}[31m\u{200b} c");
        assert_eq!(cut("a\nb\r", BLOCK, |char| char == '\n'), "a\nb\\u{d}");
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_else_is_markup() {
        let shown = |text: &str| quoted(text).unwrap();
        assert_eq!(shown("run `a<b>` & `c`"), "run <code>a&#60;b&#62;</code> &#38; <code>c</code>");
        assert_eq!(shown("a `b` ` <i>"), "a <code>b</code> ` &#60;i&#62;");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let shown = line(&"ä".repeat(LINE + 1_234));
        assert!(shown.ends_with("ä… (1\u{202f}234 more characters)"), "{shown}");
        assert_eq!(line(&"ä".repeat(LINE)), "ä".repeat(LINE));
    }

    #[test]
    fn numbers_are_short_and_have_units() {
        let bytes = |bytes| scaled(bytes, 1_024, &["B", "KiB", "MiB"]);
        assert_eq!((bytes(12), bytes(1_536), bytes(64 << 20)), ("12 B".into(), "1.50 KiB".into(), "64 MiB".into()));
        assert_eq!(bytes(5 << 30), "5120 MiB");
        assert_eq!((thousands(7), thousands(1_234_567)), ("7".into(), "1\u{202f}234\u{202f}567".into()));
    }
}
