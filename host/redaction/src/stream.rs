//! Known secrets in bytes that come in pieces.
//!
//! Contract: what is given out, put together, is what [`crate::Redactor::known_bytes`] makes of the whole, however it was cut.
//! Price: one step of the automaton for each byte; held back are at most the bytes of the longest form less one.

use std::fmt;
use std::mem;
use std::sync::Arc;

use aho_corasick::automaton::StateID;

use crate::known::Known;

/// Takes known secrets out of bytes that come in pieces, also across their borders.
pub struct Stream(Option<Search>);

struct Search {
    known: Arc<Known>,
    state: StateID,
    held: Vec<u8>,
    /// In `held`: ascending and apart from each other.
    finds: Vec<Find>,
    found: bool,
}

/// A find, or several that overlap.
#[derive(Clone, Copy)]
struct Find {
    start: usize,
    end: usize,
    form: usize,
    /// Whether its placeholder is out already, and only its last bytes are still to be left out.
    told: bool,
}

impl Stream {
    pub(crate) fn new(known: Option<Arc<Known>>) -> Self {
        Self(known.map(|known| Search {
            state: known.start(),
            known,
            held: Vec::new(),
            finds: Vec::new(),
            found: false,
        }))
    }

    /// Takes the next piece and gives what can be given out of all so far.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        match &mut self.0 {
            Some(search) => {
                search.look(piece);
                search.give(search.held.len().saturating_sub(search.known.longest().saturating_sub(1)))
            }
            None => piece.to_vec(),
        }
    }

    /// Whether anything was found so far, given out or not.
    pub(crate) fn has_found(&self) -> bool {
        self.0.as_ref().is_some_and(|search| search.found)
    }

    /// Gives the rest.
    pub fn finish(self) -> Vec<u8> {
        self.0.map_or_else(Vec::new, |mut search| search.give(search.held.len()))
    }
}

impl Search {
    fn look(&mut self, piece: &[u8]) {
        for &byte in piece {
            self.held.push(byte);
            let Some((length, form)) = self.known.step(&mut self.state, byte) else { continue };
            let end = self.held.len();
            let mut find = Find { start: end.saturating_sub(length), end, form, told: false };
            while let Some(last) = self.finds.pop_if(|last| last.end > find.start) {
                if last.told || last.start < find.start {
                    find = Find { end, ..last };
                }
            }
            self.finds.push(find);
            self.found = true;
        }
    }

    /// Gives the first `bytes` that are held: no find to come can begin before them.
    fn give(&mut self, bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes);
        let mut done = 0;
        for find in mem::take(&mut self.finds) {
            if find.start < bytes && !find.told {
                out.extend_from_slice(self.held.get(done..find.start).unwrap_or_default());
                out.extend_from_slice(self.known.placeholder(find.form).as_bytes());
            }
            if find.start < bytes {
                done = find.end;
            }
            if find.end > bytes {
                let start = find.start.saturating_sub(bytes);
                self.finds.push(Find { start, end: find.end - bytes, told: find.told || find.start < bytes, ..find });
            }
        }
        out.extend_from_slice(self.held.get(done..bytes).unwrap_or_default());
        self.held.drain(..bytes);
        out
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.as_ref().map_or(0, |search| search.held.len());
        f.debug_struct("Stream").field("held", &held).finish_non_exhaustive()
    }
}
