//! One look through a folder: what it is made of.
//!
//! Promises figures of what was read, and a list of what was not. A file of more than [`MAX_FILE_BYTES`] counts by its size
//! alone; the scan ends early, and says so, when the run's budget nears its end. Costs one file in memory at a time
//! and the names of all.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::passed::{Passed, Reason, Skipped};
use crate::walk::{Found, files};
use crate::{Error, MAX_TODOS, MAX_TOP, languages, lines};

/// Bytes of a file whose lines are counted. Longer ones are made by programs, and would eat the run's fuel.
const MAX_FILE_BYTES: u64 = 512 * 1024;
/// A NUL byte this early makes a file binary, as it does for Git.
const BINARY_WITHIN: usize = 8000;
/// Bytes that are read between two looks at the budget: a look is a host call. The worst text takes 180 units of fuel a byte,
/// so that two looks are less than 100 million apart.
const BYTES_BETWEEN_LOOKS: u64 = MAX_FILE_BYTES;
/// Files that are opened between two looks at the budget.
const FILES_BETWEEN_LOOKS: u64 = 128;

/// A folder and how much to say of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// A folder inside the workspace, such as `src`.
    #[serde(default = "default_dir")]
    pub dir: String,
    /// How many of the biggest and of the oldest files to name.
    #[serde(default = "default_top")]
    #[schemars(range(min = 0, max = MAX_TOP))]
    pub top: usize,
    /// How many open TODOs to list; all are counted.
    #[serde(default = "default_todos")]
    #[schemars(range(min = 0, max = MAX_TODOS))]
    pub todos: usize,
}

fn default_dir() -> String {
    ".".to_owned()
}

fn default_top() -> usize {
    10
}

fn default_todos() -> usize {
    50
}

/// What a folder is made of.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The folder.
    pub dir: String,
    /// Files and their bytes, the lines of those whose language is known.
    pub total: Sizes,
    /// By lines of code, most first.
    pub languages: Vec<Language>,
    /// Files of no known language, and those that are no text.
    pub other: Sizes,
    /// TODO and FIXME in comments, by file and line.
    pub todos: Vec<Todo>,
    /// How many there are altogether.
    pub todos_found: u64,
    /// Biggest first.
    pub biggest: Vec<Big>,
    /// Longest unchanged first.
    pub oldest: Vec<Old>,
    /// What was passed over, and why. What ignore files leave out is not counted.
    pub skipped: Vec<Skipped>,
}

/// Figures of some files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sizes {
    /// How many files.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// Lines with code.
    pub code: u64,
    /// Lines with comments alone.
    pub comments: u64,
    /// Lines with nothing.
    pub blank: u64,
}

/// The files of one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Language {
    /// Its name.
    pub language: String,
    /// Its figures.
    #[serde(flatten)]
    pub sizes: Sizes,
}

/// An open end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Todo {
    /// `file:line`, from the workspace.
    pub at: String,
    /// `TODO` or `FIXME`.
    pub marker: String,
    /// What follows it on the line.
    pub text: String,
}

/// A file by its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Big {
    /// From the workspace.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

/// A file by its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Old {
    /// From the workspace.
    pub file: String,
    /// When it was last changed, RFC 3339 in UTC.
    pub modified: String,
}

/// Looks through a folder under `root`, as long as `may_go_on` says so.
pub(crate) fn scan(root: &Path, input: &Scan, may_go_on: impl Fn() -> bool) -> Result<Report, Error> {
    if input.top > MAX_TOP {
        return Err(Error::Top { asked: input.top });
    }
    if input.todos > MAX_TODOS {
        return Err(Error::Todos { asked: input.todos });
    }
    let folder = input.dir.parse()?;
    let mut passed = Passed::default();
    let mut found = files(root, &folder, &may_go_on, &mut passed)?;
    let mut tally = Tally { most_todos: input.todos, ..Tally::default() };
    let (mut files, mut bytes) = (0, 0);
    for (seen, file) in found.iter().enumerate() {
        if files >= FILES_BETWEEN_LOOKS || bytes + file.bytes.min(MAX_FILE_BYTES) > BYTES_BETWEEN_LOOKS {
            (files, bytes) = (0, 0);
            if !may_go_on() {
                passed.add(Reason::BudgetSpent, &file.name);
                found.truncate(seen);
                break;
            }
        }
        files += 1;
        bytes += tally.take(file, &mut passed);
    }
    let total = tally.total();
    Ok(Report {
        dir: folder.name(),
        total,
        languages: tally.languages(),
        other: tally.other,
        todos: tally.todos,
        todos_found: tally.todos_found,
        biggest: biggest(&mut found, input.top),
        oldest: oldest(&mut found, input.top),
        skipped: passed.list(),
    })
}

#[derive(Default)]
struct Tally {
    languages: BTreeMap<&'static str, Sizes>,
    other: Sizes,
    todos: Vec<Todo>,
    todos_found: u64,
    most_todos: usize,
}

impl Tally {
    /// Counts a file; gives the bytes that were read of it.
    fn take(&mut self, file: &Found, passed: &mut Passed) -> u64 {
        let sizes = Sizes { files: 1, bytes: file.bytes, ..Sizes::default() };
        let base = file.name.rsplit('/').next().unwrap_or(&file.name);
        let text = if file.bytes > MAX_FILE_BYTES {
            // Files without text are long more often than not, and nobody misses their lines.
            if languages::of(base, &[]).is_some() {
                passed.add(Reason::TooLong, &file.name);
            }
            vec![]
        } else {
            read(&file.path).unwrap_or_else(|_| {
                passed.add(Reason::Unreadable, &file.name);
                vec![]
            })
        };
        let binary = text.iter().take(BINARY_WITHIN).any(|byte| *byte == 0);
        let Some(language) = languages::of(base, &text).filter(|_| !binary) else {
            self.other.add(sizes);
            return text.len() as u64;
        };
        let (lines, marks) = lines::read(&text, language);
        let sizes = Sizes { code: lines.code, comments: lines.comments, blank: lines.blank, ..sizes };
        self.languages.entry(language.name).or_default().add(sizes);
        self.todos_found += marks.len() as u64;
        let room = self.most_todos - self.todos.len();
        self.todos.extend(marks.into_iter().take(room).map(|mark| Todo {
            at: format!("{}:{}", file.name, mark.line),
            marker: mark.marker.to_owned(),
            text: mark.text,
        }));
        text.len() as u64
    }

    fn total(&self) -> Sizes {
        let mut total = self.other;
        self.languages.values().for_each(|sizes| total.add(*sizes));
        total
    }

    fn languages(&self) -> Vec<Language> {
        let named = |(name, sizes): (&&str, &Sizes)| Language { language: (*name).to_owned(), sizes: *sizes };
        let mut languages: Vec<_> = self.languages.iter().map(named).collect();
        languages.sort_by_key(|language| Reverse((language.sizes.code, language.sizes.bytes)));
        languages
    }
}

impl Sizes {
    fn add(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
        self.code += more.code;
        self.comments += more.comments;
        self.blank += more.blank;
    }
}

/// A file may have grown since it was listed: no more is read than may be.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![];
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn biggest(found: &mut [Found], top: usize) -> Vec<Big> {
    found.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    found.iter().take(top).map(|file| Big { file: file.name.clone(), bytes: file.bytes }).collect()
}

fn oldest(found: &mut [Found], top: usize) -> Vec<Old> {
    found.sort_by(|a, b| a.modified.cmp(&b.modified).then_with(|| a.name.cmp(&b.name)));
    let dated = found.iter().filter_map(|file| {
        // A time that the format cannot hold, such as year 10000, is as good as none.
        let modified = OffsetDateTime::from(file.modified?).replace_nanosecond(0).ok()?.format(&Rfc3339).ok()?;
        Some(Old { file: file.name.clone(), modified })
    });
    dated.take(top).collect()
}
