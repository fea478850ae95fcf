//! What a folder is made of: languages, sizes, open TODOs, biggest and oldest files.
//!
//! ```text
//! skillhost run repo-scan.scan
//! skillhost run repo-scan.scan dir=src top=5 todos=20
//! ```
//!
//! Promises figures of the folder that the operator names `workspace`, which it sees read-only and does not leave:
//! ignore files are respected, symbolic links not followed. What it did not read is in the result, with the reason. Costs one pass
//! over the files, and stops with what it has when the run's fuel or time nears its end.

mod languages;
mod lines;
mod passed;
mod scan;
mod walk;

pub use passed::{Reason, Skipped};
pub use scan::{Big, Language, Old, Report, Scan, Sizes, Todo};

use std::fmt::Write as _;
use std::path::Path;

use skillhost_sdk::prelude::*;

/// Where the host shows the directory that it calls `workspace`.
const WORKSPACE: &str = "/workspace";
/// Biggest and oldest files at the most: more is a listing.
pub const MAX_TOP: usize = 100;
/// Open TODOs at the most; with texts of full length, a fifth of the output that a run may give.
pub const MAX_TODOS: usize = 1000;
/// Fuel that is kept to make the report, and to read what lies between two looks at the budget.
const FUEL_KEPT: u64 = 150_000_000;
/// Milliseconds that are kept for the same.
const MILLISECONDS_KEPT: u64 = 1000;

/// Why a folder was not looked through. All but the last are for the caller to mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`dir` is `{dir}`: give a folder inside the workspace, without `..` and without a leading `/`")]
    Outside { dir: String },
    #[error("there is no folder `{dir}` in the workspace, or an ignore file leaves it out")]
    NoFolder { dir: String },
    #[error("`top` is {asked}: give {MAX_TOP} at the most")]
    Top { asked: usize },
    #[error("`todos` is {asked}: give {MAX_TODOS} at the most")]
    Todos { asked: usize },
    #[error(
        "{WORKSPACE} cannot be opened: the skill needs the grant `fs.read workspace`, and `dirs:` of the configuration \
         must say which folder that is"
    )]
    NoWorkspace { source: std::io::Error },
}

/// Says what a folder is made of: languages, lines of code, open TODOs, biggest and oldest files.
#[skill(wants("fs.read workspace" = "Reads the files of the workspace to count lines and find open TODOs."))]
pub mod repo_scan {
    use super::*;

    /// Looks through the workspace or a folder in it: languages with lines of code, comments and blank ones, TODO and
    /// FIXME with file and line, biggest and oldest files.
    #[tool(read_only, idempotent, output = Report)]
    pub fn scan(input: Scan) -> Result<Output, ToolError> {
        let report = match crate::scan::scan(Path::new(WORKSPACE), &input, may_go_on) {
            Err(error @ Error::NoWorkspace { .. }) => return Err(error.into()),
            report => report.or_invalid_input()?,
        };
        Ok(Output::new().data(&report)?.text(text(&report)))
    }
}

fn may_go_on() -> bool {
    let left = run::remaining();
    left.fuel > FUEL_KEPT && left.wall_ms > MILLISECONDS_KEPT
}

/// The report for people: languages, then what is noteworthy.
fn text(report: &Report) -> String {
    let total = report.total;
    let mut text =
        format!("{}: {} files, {} bytes, {} lines of code\n", report.dir, total.files, total.bytes, total.code);
    for Language { language, sizes } in &report.languages {
        let Sizes { files, code, comments, blank, .. } = sizes;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "- {language}: {files} files, {code} code, {comments} comments, {blank} blank");
    }
    if report.todos_found > 0 {
        let _ = writeln!(text, "open: {}", report.todos_found);
    }
    for Todo { at, marker, text: what } in &report.todos {
        let _ = writeln!(text, "- {at} {marker} {what}");
    }
    for Skipped { reason, count, examples } in &report.skipped {
        let _ = writeln!(text, "not read, {}: {count} ({})", reason.text(), examples.join(", "));
    }
    text
}

#[cfg(test)]
mod tests;
