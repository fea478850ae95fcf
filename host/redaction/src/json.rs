//! JSON, as values and as text.
//!
//! Contract: strings and keys are redacted as text, the strings of key-like fields whole, and a number whose digits are
//! a known secret becomes a string. In a document as text all other bytes stay as they are: numbers, order, blanks.
//! Price: a document that cannot hold a secret costs what its text costs; others are read twice.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::names::{Kind, kind};
use crate::{PLACEHOLDER, Redactor, fields};

/// What a string goes by.
pub(crate) fn string<'a>(redactor: &Redactor, field: Option<Kind>, text: &'a str) -> Cow<'a, str> {
    let Some(part) = field.and_then(|kind| fields::part(kind, text)) else { return redactor.text(text) };
    // A known secret keeps its name.
    let (before, secret) = text.split_at_checked(part.start).unwrap_or(("", text));
    let known = redactor.known(secret);
    let placeholder = if crate::is_placeholder(&known) { &*known } else { PLACEHOLDER };
    Cow::Owned(format!("{}{placeholder}", redactor.text(before)))
}

pub(crate) fn value(redactor: &Redactor, field: Option<Kind>, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(redacted) = string(redactor, field, text) {
                *text = redacted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| self::value(redactor, field, item)),
        Value::Object(fields) => object(redactor, fields),
        Value::Number(number) => {
            if let Cow::Owned(redacted) = redactor.known(&number.to_string()) {
                *value = Value::String(redacted);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn object(redactor: &Redactor, fields: &mut Map<String, Value>) {
    for (name, item) in fields.iter_mut() {
        value(redactor, kind(name.as_bytes()), item);
    }
    if fields.keys().any(|name| matches!(redactor.text(name), Cow::Owned(_))) {
        let all = std::mem::take(fields);
        fields.extend(all.into_iter().map(|(name, item)| (redactor.text(&name).into_owned(), item)));
    }
}

pub(crate) fn document<'a>(redactor: &Redactor, document: &'a str) -> Cow<'a, str> {
    // Without escapes, what stands in the document is what its strings mean.
    if !document.contains('\\') && redactor.is_plain(document) {
        return Cow::Borrowed(document);
    }
    if serde_json::from_str::<IgnoredAny>(document).is_err() {
        return redactor.text(document);
    }
    let mut out = String::new();
    let mut copied = 0;
    let mut tokens = Tokens { document, at: 0 };
    let mut field = None;
    // What held around each object and array that is open.
    let mut around = Vec::new();
    while let Some((start, token)) = tokens.next() {
        let redacted = match token {
            Token::Object => {
                around.push(field.take());
                continue;
            }
            // Its items go by its own name.
            Token::Array => {
                around.push(field);
                continue;
            }
            Token::Close => {
                field = around.pop().flatten();
                continue;
            }
            Token::Key(text) => {
                let Ok(name) = serde_json::from_str::<Cow<'_, str>>(text) else { continue };
                field = kind(name.as_bytes());
                owned(redactor.text(&name))
            }
            Token::String(text) => {
                let Ok(value) = serde_json::from_str::<Cow<'_, str>>(text) else { continue };
                owned(string(redactor, field, &value))
            }
            Token::Number(text) => owned(redactor.known(text)),
        };
        if let Some(redacted) = redacted {
            out.push_str(document.get(copied..start).unwrap_or_default());
            out.push_str(&Value::String(redacted).to_string());
            copied = tokens.at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(document);
    }
    out.push_str(document.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

fn owned(text: Cow<'_, str>) -> Option<String> {
    match text {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(_) => None,
    }
}

/// What matters of a document that is known to be a valid one.
struct Tokens<'a> {
    document: &'a str,
    at: usize,
}

enum Token<'a> {
    /// An object begins.
    Object,
    /// An array begins.
    Array,
    /// Either ends.
    Close,
    /// With its quotes.
    Key(&'a str),
    /// With its quotes.
    String(&'a str),
    Number(&'a str),
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let rest = self.document.as_bytes().get(start..)?;
            self.at += 1;
            match rest.first()? {
                b'{' => return Some((start, Token::Object)),
                b'[' => return Some((start, Token::Array)),
                b'}' | b']' => return Some((start, Token::Close)),
                b'"' => {
                    self.at = start + string_len(rest);
                    let text = self.document.get(start..self.at)?;
                    let mut behind = self.document.as_bytes().iter().skip(self.at);
                    let is_key = behind.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                    return Some((start, if is_key { Token::Key(text) } else { Token::String(text) }));
                }
                b'-' | b'0'..=b'9' => {
                    let is_number = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    self.at = start + rest.iter().take_while(is_number).count();
                    return Some((start, Token::Number(self.document.get(start..self.at)?)));
                }
                _ => {}
            }
        }
    }
}

/// How long the string is that `text` begins with, with its quotes.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        if text.get(at + found) == Some(&b'"') {
            return at + found + 1;
        }
        at += found + 2;
    }
    text.len()
}
