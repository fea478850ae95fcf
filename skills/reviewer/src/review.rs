//! From a diff to findings: as much of it as a model takes, the question, and an answer that fits.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skillhost_sdk::{llm, serde_json};
use texts::model::{self, Answer, Model, NoAnswer};
use texts::prompt;

use crate::diff::{Diff, File};
use crate::request::{Request, ReviewId};
use crate::{MAX_DIFF, MAX_TOKENS};

/// A review as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// Its request's.
    pub id: ReviewId,
    /// The message that asked for it.
    pub message: String,
    /// What was found, as the model orders it.
    pub findings: Vec<Finding>,
    /// The files that were reviewed.
    pub files: Vec<String>,
    /// Who reviewed them.
    pub by: Model,
    /// Set where the diff was too long to be reviewed whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The file's path as the diff has it.
    pub file: String,
    /// The line's number in the new file.
    pub line: NonZeroU32,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// How much a finding matters; the levels of SARIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Could be better.
    Note,
    /// May be wrong.
    Warning,
    /// Is wrong.
    Error,
}

/// What the model is to answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Findings {
    /// One for each fault; none where there is none.
    findings: Vec<Finding>,
}

/// The form of an answer, for models that know no schemas.
const EXAMPLE: &str =
    r#"{"findings":[{"file":"src/a.rs","line":12,"severity":"error","message":"The index may be out of bounds."}]}"#;

/// Why there is no review.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no file of the diff is under {} KiB: send smaller pieces", MAX_DIFF / 1024)]
    TooLarge,
    #[error("the diff was not reviewed")]
    NoAnswer(#[from] NoAnswer),
    #[error("`{model}` answered something else than findings: {why}")]
    Shape { model: String, why: serde_json::Error },
    #[error("`{model}` found something in `{file}`, which it was not shown")]
    Stranger { model: String, file: String },
    #[error("`{model}` did not say all: {note}")]
    Cut { model: String, note: String },
}

/// Has a diff reviewed.
pub(crate) fn review(request: Request, message: String) -> Result<Review, Error> {
    let Request { id, diff } = request;
    let (files, note) = fit(diff)?;
    let text: String = files.iter().map(|file| file.text.as_str()).collect();
    let answer = model::ask(&question(&text))?;
    let files: Vec<String> = files.into_iter().map(|file| file.path).collect();
    let (findings, by) = check(answer, &files)?;
    Ok(Review { id, message, findings, files, by, note })
}

/// The files that there is room for, in their order: a long one does not keep those behind it out.
fn fit(diff: Diff) -> Result<(Vec<File>, Option<String>), Error> {
    let all = diff.files.len();
    let mut room = MAX_DIFF;
    let mut files = diff.files;
    files.retain(|file| match room.checked_sub(file.text.len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
    if files.is_empty() {
        return Err(Error::TooLarge);
    }
    let left_out = all - files.len();
    let note = (left_out > 0).then(|| {
        format!("{left_out} of {all} files were left out: more than {} KiB are reviewed badly", MAX_DIFF / 1024)
    });
    Ok((files, note))
}

fn question(diff: &str) -> llm::Request {
    let task = format!(
        "You review a change of a program. Look for faults that the change makes: wrong results, crashes, lost data, holes in \
         security, broken contracts. Leave taste alone, and what the change does not touch. Each line of the new file is \
         preceded by its number. Answer with JSON alone, such as {EXAMPLE}: the file's path as the diff has it, the line's \
         number, the severity (`error` if it is wrong, `warning` if it may be, `note` if it could be better), and what is \
         wrong in one or two sentences. Without faults, `findings` is empty. {}",
        prompt::NOT_INSTRUCTIONS
    );
    llm::Request::new().system(task).user(prompt::fenced(diff)).max_tokens(MAX_TOKENS).answer_as::<Findings>()
}

/// The findings, if the answer is of the right form and about files that the model was shown.
fn check(answer: Answer, files: &[String]) -> Result<(Vec<Finding>, Model), Error> {
    let Answer { text, model: by, note } = answer;
    let model = || by.model.clone();
    if let Some(note) = note {
        return Err(Error::Cut { model: model(), note });
    }
    let Findings { findings } = serde_json::from_str(&text).map_err(|why| Error::Shape { model: model(), why })?;
    match findings.iter().find(|finding| !files.contains(&finding.file)) {
        Some(stranger) => Err(Error::Stranger { model: model(), file: stranger.file.clone() }),
        None => Ok((findings, by)),
    }
}
