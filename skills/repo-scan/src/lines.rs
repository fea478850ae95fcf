//! Lines of code, of comments and blank ones in one file, and the open ends that its comments name.
//!
//! Promises that every line is counted once: as code if anything on it stands outside of comments, else as comment if
//! one touches it, else as blank. It reads tokens, not grammar: a language's rarer strings may be taken for what they are
//! not. Costs one pass over the bytes and no copy of them.

use memchr::memmem;

use crate::languages::{Language, Quote};

/// Words that mark an open end. `TODO` as in code that is to come, `FIXME` as in code that is wrong.
const MARKERS: [&str; 2] = ["TODO", "FIXME"];
/// Characters of an open end's text that are kept: what fits on a line of a report.
const MAX_TEXT: usize = 160;

/// Lines by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) code: u64,
    pub(crate) comments: u64,
    pub(crate) blank: u64,
}

/// An open end in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) marker: &'static str,
    pub(crate) text: String,
}

/// Where the reader is at the start of a line.
enum State {
    Code,
    /// Until `close`; `depth` counts comments that stand within each other.
    Comment {
        open: &'static str,
        close: &'static str,
        depth: usize,
    },
    Quoted(Quote),
}

/// Reads a file.
pub(crate) fn read(bytes: &[u8], language: &'static Language) -> (Lines, Vec<Mark>) {
    let mut reader = Reader { language, openers: openers(language), state: State::Code };
    let (mut lines, mut marks) = (Lines::default(), vec![]);
    for (number, line) in (1..).zip(split(bytes)) {
        let seen = reader.line(line.trim_ascii());
        match seen {
            Seen { code: true, .. } => lines.code += 1,
            Seen { comment: Some(_), .. } => lines.comments += 1,
            Seen { .. } => lines.blank += 1,
        }
        marks.extend(seen.comment.and_then(|comment| mark(comment, number)));
    }
    (lines, marks)
}

/// Lines without their ends; what follows the last end is a line only if there is something.
fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ended = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    (!bytes.is_empty()).then(|| ended.split(|byte| *byte == b'\n')).into_iter().flatten()
}

/// What is on one line: code, and the rest of the line from its first comment on.
#[derive(Default)]
struct Seen<'a> {
    code: bool,
    comment: Option<&'a [u8]>,
}

struct Reader {
    language: &'static Language,
    openers: Bytes,
    state: State,
}

/// A set of bytes.
struct Bytes([bool; 256]);

impl Bytes {
    fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|member| *member)
    }
}

/// The bytes that comments and strings begin with: what lies between them costs a look at each byte and no more.
fn openers(language: &Language) -> Bytes {
    let blocks = language.block.iter().map(|(open, _)| *open);
    let quotes = language.quotes.iter().map(|quote| quote.open);
    let mut bytes = Bytes([false; 256]);
    for open in language.line.iter().copied().chain(blocks).chain(quotes) {
        if let Some(place) = open.bytes().next().and_then(|first| bytes.0.get_mut(usize::from(first))) {
            *place = true;
        }
    }
    bytes
}

impl Reader {
    fn line<'a>(&mut self, line: &'a [u8]) -> Seen<'a> {
        let mut seen = Seen::default();
        let mut rest = line;
        while !rest.is_empty() {
            let here = rest;
            rest = match self.state {
                State::Code => self.code(here, &mut seen),
                State::Comment { open, close, depth } => {
                    seen.comment.get_or_insert(here);
                    self.comment(here, open, close, depth)
                }
                State::Quoted(quote) => {
                    seen.code = true;
                    self.quoted(here, quote)
                }
            };
        }
        if matches!(self.state, State::Quoted(quote) if !quote.spans) {
            self.state = State::Code;
        }
        seen
    }

    /// Reads up to what changes the state; gives what is left.
    fn code<'a>(&mut self, here: &'a [u8], seen: &mut Seen<'a>) -> &'a [u8] {
        let plain = here.iter().position(|byte| self.openers.has(*byte)).unwrap_or(here.len());
        if plain > 0 {
            seen.code |= !before(here, plain).trim_ascii_start().is_empty();
            return after(here, plain);
        }
        // Blocks first: Lua's begin as its line comments do.
        if let Some((open, close)) = self.language.block.iter().find(|(open, _)| here.starts_with(open.as_bytes())) {
            seen.comment.get_or_insert(here);
            self.state = State::Comment { open, close, depth: 1 };
            return after(here, open.len());
        }
        if self.language.line.iter().any(|open| here.starts_with(open.as_bytes())) {
            seen.comment.get_or_insert(here);
            return &[];
        }
        if let Some(quote) = self.language.quotes.iter().find(|quote| here.starts_with(quote.open.as_bytes())) {
            seen.code = true;
            self.state = State::Quoted(*quote);
            return after(here, quote.open.len());
        }
        seen.code |= here.first().is_some_and(|byte| !byte.is_ascii_whitespace());
        after(here, 1)
    }

    fn comment<'a>(&mut self, here: &'a [u8], open: &'static str, close: &'static str, depth: usize) -> &'a [u8] {
        if here.starts_with(close.as_bytes()) {
            self.state = if depth > 1 { State::Comment { open, close, depth: depth - 1 } } else { State::Code };
            return after(here, close.len());
        }
        if self.language.nests && here.starts_with(open.as_bytes()) {
            self.state = State::Comment { open, close, depth: depth + 1 };
            return after(here, open.len());
        }
        let (close, open) = (close.bytes().next(), open.bytes().next());
        let next = after(here, 1);
        after(next, next.iter().position(|byte| Some(*byte) == close || Some(*byte) == open).unwrap_or(next.len()))
    }

    fn quoted<'a>(&mut self, here: &'a [u8], quote: Quote) -> &'a [u8] {
        if quote.close.is_empty() {
            // Takes the meaning from just one byte: a backslash outside of strings.
            self.state = State::Code;
            return after(here, 1);
        }
        if quote.escapes && here.first() == Some(&b'\\') {
            return after(here, 2);
        }
        if here.starts_with(quote.close.as_bytes()) {
            self.state = State::Code;
            return after(here, quote.close.len());
        }
        let close = quote.close.bytes().next();
        let next = after(here, 1);
        after(next, next.iter().position(|byte| Some(*byte) == close || *byte == b'\\').unwrap_or(next.len()))
    }
}

fn before(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

fn after(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}

/// The first open end that a comment names: a marker that is a word of its own, and not in quotes, as where it is
/// spoken about.
fn mark(comment: &[u8], line: u64) -> Option<Mark> {
    // Most comments name none, and are not looked at as text.
    if !MARKERS.iter().any(|marker| memmem::find(comment, marker.as_bytes()).is_some()) {
        return None;
    }
    let text = String::from_utf8_lossy(comment);
    let word =
        |character: Option<char>| character.is_some_and(|it| it.is_alphanumeric() || matches!(it, '_' | '`' | '"'));
    let found = MARKERS.iter().filter_map(|marker| {
        let (at, _) = text.match_indices(marker).find(|(at, _)| {
            let (before, rest) = text.split_at(*at);
            !word(before.chars().next_back()) && !word(rest.chars().nth(marker.len()))
        })?;
        Some((at, *marker))
    });
    let (at, marker) = found.min()?;
    let rest = text.split_at(at).1.trim_start_matches(marker).trim_start_matches(':');
    Some(Mark { line, marker, text: tidy(rest) })
}

/// Without the comment's end and without control characters, which a file may hold and a report must not.
fn tidy(text: &str) -> String {
    let text = text.trim().trim_end_matches("*/").trim_end_matches("-->").trim_end();
    text.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;
    use crate::languages;

    fn count(file: &str, text: &str) -> (u64, u64, u64) {
        let (lines, _) = read(text.as_bytes(), languages::of(file, text.as_bytes()).unwrap());
        (lines.code, lines.comments, lines.blank)
    }

    fn marks(file: &str, text: &str) -> Vec<(u64, &'static str, String)> {
        let (_, marks) = read(text.as_bytes(), languages::of(file, text.as_bytes()).unwrap());
        marks.into_iter().map(|mark| (mark.line, mark.marker, mark.text)).collect()
    }

    #[test]
    fn lines_are_code_comments_or_blank() {
        assert_eq!(count("a.rs", ""), (0, 0, 0));
        assert_eq!(count("a.rs", "\n"), (0, 0, 1));
        assert_eq!(count("a.rs", "//! Doc\n\nfn a() {} // code\n  /* b\n c */\n/* d */ let e;"), (2, 3, 1));
        assert_eq!(count("a.py", "# one\nx = '#'\r\n\r\n\"\"\"\n# text\n\"\"\"\n"), (4, 1, 1));
    }

    #[test]
    fn what_stands_in_strings_is_no_comment() {
        for (file, text) in [
            ("a.rs", "let a = \"/*\";\nlet b = 1;"),
            ("a.rs", "let a = '\"';\nlet b = '\\'';\nlet c = \"//\";"),
            ("a.rs", "let a = r#\"/* \" \"#;\nlet b = r\"\\\";\nlet c = 1;"),
            ("a.rs", "let a = \"one\n// two\";"),
            ("a.rs", "fn a<'a>(b: &'a str) {}\nlet c = 1;"),
            ("a.js", "a = `/*\n//`;\nb = '//';"),
            ("a.sh", "echo \\# '# '\necho \"# \""),
            ("a.c", "char a = '\"';\nint b;"),
        ] {
            let (_, comments, _) = count(file, text);
            assert_eq!(comments, 0, "{file}: {text}");
        }
    }

    #[test]
    fn comments_stand_within_each_other_where_the_language_says_so() {
        let text = "/* a /* b */\nc */\nd\n";
        assert_eq!(count("a.rs", text), (1, 2, 0));
        assert_eq!(count("a.c", text), (2, 1, 0));
        assert_eq!(count("a.lua", "--[[ a\nb ]]\n-- c\nd()\n"), (1, 3, 0));
    }

    #[test]
    fn an_open_string_ends_with_its_line_where_it_must() {
        assert_eq!(count("a.c", "it's = 1\n// b\n"), (1, 1, 0));
    }

    #[test]
    fn open_ends_are_words_of_comments() {
        let text = "// TODO: one\nlet todo = \"TODO two\"; // FIXME(me): three\n// TODOS, aTODO, TODO_LIST, `TODO`\n/* a\n   TODO  b */\n";
        let expected = [(1, "TODO", "one"), (2, "FIXME", "(me): three"), (5, "TODO", "b")];
        let expected = expected.map(|(line, marker, text)| (line, marker, text.to_owned()));
        assert_eq!(marks("a.rs", text), expected);
    }

    #[test]
    fn the_text_of_an_open_end_is_short_and_fit_to_print() {
        let found = marks("a.rs", &format!("// TODO \u{1b}[31m{}\n", "é".repeat(500)));
        assert_eq!(found[0].2.chars().count(), MAX_TEXT);
        assert!(!found[0].2.contains('\u{1b}'));
        let (_, found) = read(b"// TODO \xff\xfe", languages::of("a.rs", b"").unwrap());
        assert_eq!(found[0].text, "\u{fffd}\u{fffd}");
    }
}
