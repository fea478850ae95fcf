//! The Prometheus text format, version 0.0.4.
//!
//! Contract: what is written here parses: each family has its two lines once, ahead of its samples, and label values are
//! escaped. No crate's recorder is in its place because the figures are other parts' own, histograms included, and are
//! only read when somebody asks.

use std::fmt::{Display, Write as _};

/// The media type.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family's figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They only rise.
    Counter,
    /// They go up and down.
    Gauge,
    /// Counts below bounds.
    Histogram,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A name and its value.
pub(super) type Label<'a> = (&'static str, &'a str);

/// A document that is being written.
#[derive(Default)]
pub(super) struct Text(String);

/// A family that is being written.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
    /// What is ahead of its first figure: a family without figures is none.
    head: Option<(Kind, &'static str)>,
}

impl Text {
    /// Begins a family. `name` and `help` are of this program, so they need no escaping.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        Family { text: &mut self.0, name, head: Some((kind, help)) }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Writes one figure.
    pub(super) fn sample(&mut self, labels: &[Label<'_>], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Writes one histogram of times: `counts` are of those in each bucket alone, `bounds_us` their upper bounds; `count` is of
    /// all, over the last bound too.
    pub(super) fn times(&mut self, labels: &[Label<'_>], bounds_us: &[u64], counts: &[u64], sum_us: u64, count: u64) {
        let mut below = 0;
        for (bound, own) in bounds_us.iter().zip(counts) {
            below += own;
            self.line("_bucket", labels, Some(&seconds(*bound).to_string()), below);
        }
        self.line("_bucket", labels, Some("+Inf"), count);
        self.line("_sum", labels, None, seconds(sum_us));
        self.line("_count", labels, None, count);
    }

    fn line(&mut self, suffix: &str, labels: &[Label<'_>], bound: Option<&str>, value: impl Display) {
        let (text, name) = (&mut *self.text, self.name);
        if let Some((kind, help)) = self.head.take() {
            // Writing to a string does not fail, here and below.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        }
        text.push_str(name);
        text.push_str(suffix);
        let mut open = '{';
        for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            text.push(open);
            open = ',';
            text.push_str(name);
            text.push_str("=\"");
            for char in value.chars() {
                match char {
                    '\\' => text.push_str(r"\\"),
                    '"' => text.push_str(r#"\""#),
                    '\n' => text.push_str(r"\n"),
                    char => text.push(char),
                }
            }
            text.push('"');
        }
        if open == ',' {
            text.push('}');
        }
        // A text takes all.
        let _ = writeln!(text, " {value}");
    }
}

/// Prometheus counts times in seconds.
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
