//! The log of one run: what `run.log` says and what the guest prints.

use std::sync::{Arc, Mutex, PoisonError};

use skillhost_types::{Level, LogLine};

/// Lines of one run that are kept: an empty one takes no text, but memory.
const LINES: usize = 10_000;

/// Longest line that is kept, in bytes; a longer one is cut. A line is for reading.
const LONGEST_LINE: usize = 4 << 10;

/// The run's log under its cap. Lines over the cap are dropped and counted.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    kept: Vec<LogLine>,
    bytes: u64,
    limit: u64,
    dropped: u64,
    /// What was printed since the last line break, for each of the two streams.
    partial: [Vec<u8>; 2],
}

/// The guest's standard streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Printed {
    Stdout,
    Stderr,
}

impl Log {
    /// A log that keeps `limit` bytes of text.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Mutex::new(Lines { limit, ..Lines::default() })))
    }

    /// Adds a line.
    pub fn line(&self, level: Level, message: &str) {
        self.with(|lines| lines.add(level, "run", message));
    }

    pub(crate) fn print(&self, stream: Printed, bytes: &[u8]) {
        self.with(|lines| lines.print(stream, bytes));
    }

    /// Counts something else that was over a cap of its own.
    pub fn count_dropped(&self) {
        self.with(|lines| lines.dropped += 1);
    }

    /// The kept lines, their bytes and the count of those dropped.
    pub(crate) fn take(&self) -> (Vec<LogLine>, u64, u64) {
        self.with(|lines| {
            for stream in [Printed::Stdout, Printed::Stderr] {
                lines.flush(stream);
            }
            (std::mem::take(&mut lines.kept), lines.bytes, lines.dropped)
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Lines) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lines {
    fn add(&mut self, level: Level, from: &str, message: &str) {
        let message = message.get(..message.floor_char_boundary(LONGEST_LINE)).unwrap_or(message);
        let bytes = self.bytes.saturating_add(message.len() as u64);
        if bytes > self.limit || self.kept.len() >= LINES {
            self.dropped += 1;
            return;
        }
        self.bytes = bytes;
        self.kept.push(LogLine { level, from: from.to_owned(), message: message.to_owned() });
    }

    fn print(&mut self, stream: Printed, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        if let Some(first) = pieces.next() {
            self.append(stream, first);
        }
        for piece in pieces {
            self.flush(stream);
            self.append(stream, piece);
        }
    }

    fn append(&mut self, stream: Printed, piece: &[u8]) {
        let partial = self.partial(stream);
        let room = LONGEST_LINE.saturating_sub(partial.len());
        partial.extend(piece.iter().take(room));
    }

    fn flush(&mut self, stream: Printed) {
        let line = std::mem::take(self.partial(stream));
        if !line.is_empty() {
            let (level, from) = match stream {
                Printed::Stdout => (Level::Info, "stdout"),
                Printed::Stderr => (Level::Warn, "stderr"),
            };
            self.add(level, from, &String::from_utf8_lossy(&line));
        }
    }

    fn partial(&mut self, stream: Printed) -> &mut Vec<u8> {
        let [stdout, stderr] = &mut self.partial;
        match stream {
            Printed::Stdout => stdout,
            Printed::Stderr => stderr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_bytes_become_lines_and_what_is_over_the_cap_is_counted() {
        let log = Log::new(12);
        log.print(Printed::Stdout, b"one\ntw");
        log.print(Printed::Stderr, b"oops");
        log.print(Printed::Stdout, b"o\n");
        log.line(Level::Info, "too long a line");
        let (lines, bytes, dropped) = log.take();
        let texts: Vec<_> = lines.iter().map(|line| (line.from.as_str(), line.message.as_str())).collect();
        assert_eq!(texts, [("stdout", "one"), ("stdout", "two"), ("stderr", "oops")]);
        assert_eq!((bytes, dropped), (10, 1));
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_than_a_line() {
        let log = Log::new(1 << 20);
        for _ in 0..100 {
            log.print(Printed::Stdout, &[b'x'; 1 << 16]);
        }
        assert_eq!(log.take().1, LONGEST_LINE as u64);
    }
}
