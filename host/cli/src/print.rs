//! Text for people. What a guest says is a stranger's: on a terminal its control characters are escaped.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use console::{Color, Term, style};
use serde_json::json;
use skillhost_types::{Source as _, System};

/// Between two columns.
const GAP: &str = "  ";

/// A column is not cut below this, in characters: less says nothing.
const NARROWEST: usize = 16;

/// Whether lines beside the results are JSON.
static TELLS_IN_JSON: OnceLock<()> = OnceLock::new();

/// Why results could not be written, the first time.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// A line of results.
pub(crate) fn line(text: &str) {
    let safe = if io::stdout().is_terminal() { escaped(text) } else { Cow::Borrowed(text) };
    raw(&safe);
}

/// A line that is already safe, such as JSON of our own making.
pub(crate) fn raw(text: &str) {
    match writeln!(io::stdout(), "{text}") {
        // A reader that went away, as `head` does, is no error of ours.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => drop(LOST.set(error)),
        _ => {}
    }
}

/// Were all results written? Says so if not.
pub(crate) fn all_written() -> bool {
    if let Err(error) = io::stdout().flush()
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        drop(LOST.set(error));
    }
    match LOST.get() {
        None => true,
        Some(reason) => {
            error(&format!("the result could not be written to standard output: {reason}"));
            false
        }
    }
}

/// A line beside the results.
pub(crate) fn note(text: &str) {
    if TELLS_IN_JSON.get().is_some() {
        return told_in_json("INFO", text);
    }
    drop(writeln!(io::stderr(), "{}", escaped(text)));
}

/// From now on, lines beside the results are JSON objects, as those of the log are.
pub(crate) fn tell_in_json() {
    // Said once.
    let _ = TELLS_IN_JSON.set(());
}

fn told_in_json(level: &str, text: &str) {
    let at = System.now().to_string();
    let told = json!({"timestamp": at, "level": level, "target": "skillhost", "fields": {"message": text}});
    drop(writeln!(io::stderr(), "{}", json_escaped(&told.to_string())));
}

/// An error.
pub(crate) fn error(text: &str) {
    if TELLS_IN_JSON.get().is_some() {
        return told_in_json("ERROR", text);
    }
    let mark = style("error:").red().bold().for_stderr();
    drop(writeln!(io::stderr(), "{mark} {}", escaped(text)));
}

/// One JSON document on one line.
pub(crate) fn json<T: serde::Serialize>(value: &T) {
    match serde_json::to_string(value) {
        // JSON escapes C0 itself; the others of a stranger's text are escaped the JSON way too.
        Ok(text) => raw(&json_escaped(&text)),
        Err(error) => self::error(&format!("the result cannot be written as JSON: {error}")),
    }
}

/// Rows under a header, in columns. On a terminal the widest column is cut so that a row is a line. `colour` says in which
/// colour the cell of a column is shown.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>], colour: impl Fn(usize, &str) -> Option<Color>) {
    let rows: Vec<Vec<Cow<'_, str>>> =
        rows.iter().map(|row| row.iter().map(|cell| on_a_line(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| console::measure_text_width(cell));
        cells.chain(header.get(column).map(|title| title.len())).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> = (0..header.len()).map(width).collect();
    fit(&mut widths);
    // Escaped first and coloured then: a stranger's colours are text.
    let joined = |cells: &[Cow<'_, str>], colour: &dyn Fn(usize, &str) -> Option<Color>| {
        let last = cells.len().saturating_sub(1);
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let cell = console::truncate_str(cell, *width, "…");
            let gap = if column == last { 0 } else { width.saturating_sub(console::measure_text_width(&cell)) };
            let shown = match colour(column, &cell) {
                Some(colour) => style(&cell).fg(colour).to_string(),
                None => cell.to_string(),
            };
            format!("{shown}{}", " ".repeat(gap))
        });
        padded.collect::<Vec<_>>().join(GAP)
    };
    let header: Vec<_> = header.iter().map(|title| Cow::Borrowed(*title)).collect();
    raw(&style(joined(&header, &|_, _| None)).bold().to_string());
    for row in &rows {
        raw(&joined(row, &colour));
    }
}

/// Narrows the widest column until a row fits the terminal, if there is one and as far as it helps.
fn fit(widths: &mut [usize]) {
    let term = Term::stdout();
    if !term.is_term() {
        return;
    }
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let total: usize = widths.iter().sum::<usize>() + gaps;
    let over = total.saturating_sub(usize::from(term.size().1));
    if let Some(widest) = widths.iter_mut().max() {
        *widest = widest.saturating_sub(over).max(NARROWEST);
    }
}

/// Is there somebody to watch a progress bar?
pub(crate) fn is_attended() -> bool {
    Term::stderr().is_term()
}

/// `text` with everything escaped that would move a cursor, ring, recolour or reorder.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    without_controls(text, |char, safe| safe.extend(char.escape_unicode()))
}

fn json_escaped(text: &str) -> Cow<'_, str> {
    without_controls(text, |char, safe| {
        for unit in char.encode_utf16(&mut [0; 2]) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// `text` with what `escape` makes of each character that is not plain.
fn without_controls(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_plain(char) { safe.push(char) } else { escape(char, &mut safe) }
    }
    Cow::Owned(safe)
}

/// The same on one line: a name or a reason must not look like a line of ours.
pub(crate) fn on_a_line(text: &str) -> Cow<'_, str> {
    match escaped(text) {
        text if text.contains(['\n', '\t']) => Cow::Owned(text.replace('\n', "\\n").replace('\t', "\\t")),
        text => text,
    }
}

fn is_plain(char: char) -> bool {
    match char {
        '\n' | '\t' => true,
        // Marks that reorder text, with which a line can be made to read as another.
        '\u{61c}'
        | '\u{200b}'
        | '\u{200c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' => false,
        _ => !char.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_escaped() {
        assert_eq!(escaped("a\u{1b}[31mb\u{202e}c\r\u{7}"), r"a\u{1b}[31mb\u{202e}c\u{d}\u{7}");
        assert_eq!(escaped("grün\n\tok"), "grün\n\tok");
        assert_eq!(json_escaped("\"\u{9b}\u{202e}\""), r#""\u009b\u202e""#);
    }
}
