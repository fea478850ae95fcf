//! `run`: one tool, once, in this process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use skillhost_lifecycle::{FileState, Host, Options, Passing, Progress, ProgressSink, RunRequest};
use skillhost_types::{ByteSize, Caller, Content, ErrorKind, Level, LimitsPatch, Output, RunRecord};

use crate::args::{Common, Run};
use crate::fail::Fail;
use crate::{input, print, runs, session};

/// Whole steps of a progress bar, which cannot be part full: per cent.
const STEPS: u64 = 100;

/// What is meant by `SKILL[.TOOL]`.
#[derive(Debug, PartialEq)]
enum Target {
    Skill { skill: String, tool: Option<String> },
    File { path: PathBuf, tool: Option<String> },
}

impl Target {
    fn parse(text: &str) -> Self {
        let tool = |rest: &str| rest.strip_prefix('.').filter(|tool| !tool.is_empty()).map(str::to_owned);
        for suffix in [".wasm", ".skill"] {
            // After a path, the tool follows the suffix: `./x.wasm.count`.
            if let Some((stem, rest)) = text.rsplit_once(suffix)
                && (rest.is_empty() || rest.starts_with('.'))
            {
                return Self::File { path: PathBuf::from(format!("{stem}{suffix}")), tool: tool(rest) };
            }
        }
        if text.contains('/') {
            return Self::File { path: PathBuf::from(text), tool: None };
        }
        let (skill, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        Self::Skill { skill: skill.to_owned(), tool: tool(rest) }
    }
}

pub(crate) async fn run(common: &Common, run: &Run) -> Result<ExitCode, Fail> {
    match once(common, run).await {
        // Whoever reads JSON gets it also of what did not come to run.
        Err(fail) if common.json => {
            print::json(&fail.as_record(run));
            Ok(ExitCode::from(fail.exit_code()))
        }
        other => other,
    }
}

async fn once(common: &Common, run: &Run) -> Result<ExitCode, Fail> {
    let mut config = session::config(common)?;
    // The pool must have room for what this run may take.
    if let Some(memory) = run.memory {
        config.limits.memory = ByteSize(config.limits.memory.0.max(memory.0));
    }
    let to = match Target::parse(&run.target) {
        Target::Skill { skill, .. } => Some(skill),
        Target::File { .. } => None,
    };
    let host = session::open_with(
        common,
        Options { passing: Passing { to, grants: run.grant.clone() }, ..Options::new(config) },
    )
    .await?;
    let record = record(&host, common, run).await;
    host.close().await;
    let record = record?;
    if common.json {
        print::json(&*record);
    } else {
        show(common, &record);
    }
    Ok(ExitCode::from(record.error.as_ref().map_or(0, |error| error.kind.exit_code())))
}

async fn record(host: &Host, common: &Common, run: &Run) -> Result<Arc<RunRecord>, Fail> {
    let (skill, tool) = match Target::parse(&run.target) {
        Target::Skill { skill, tool } => {
            host.absorb_folder().await?;
            (skill, tool)
        }
        Target::File { path, tool } => {
            if !path.exists() {
                return Err(Fail::not_found(format!("there is no file {}", path.display())));
            }
            let entry = host.absorb_file(&path).await;
            let reason = entry.reason.unwrap_or_default();
            match entry.state {
                FileState::Active => {}
                FileState::Refused => {
                    return Err(Fail::not_found(format!("{} was refused: {reason}", path.display())));
                }
                FileState::Pending | FileState::Rejected => {
                    return Err(Fail::new(ErrorKind::Denied, format!("{} {reason}", path.display())));
                }
            }
            (entry.name, tool)
        }
    };
    let generation = host.skill(&skill);
    let schema = generation.as_ref().and_then(|generation| {
        let named = tool.as_deref().and_then(|tool| generation.tool(tool));
        named.or(generation.tools.first()).map(|tool| tool.input_schema())
    });
    let input = input::input(run.input.as_deref(), &run.fields, schema)?;
    let bar = Bar::new(common);
    let request = RunRequest {
        skill,
        tool,
        input,
        caller: Caller::Cli,
        tenant: run.tenant.clone(),
        limits: LimitsPatch { fuel: run.fuel, timeout: run.timeout, memory: run.memory, ..LimitsPatch::default() },
        progress: bar.as_ref().map(Bar::sink),
        cancel: None,
    };
    let record = host.run(request).await;
    if let Some(bar) = bar {
        bar.0.finish_and_clear();
    }
    Ok(record)
}

/// What the tool says of its progress.
struct Bar(ProgressBar);

impl Bar {
    fn new(common: &Common) -> Option<Self> {
        (print::is_attended() && !common.quiet).then(|| Self(ProgressBar::hidden()))
    }

    fn sink(&self) -> ProgressSink {
        let bar = self.0.clone();
        Arc::new(move |Progress { done, total, message }| {
            if bar.is_hidden() {
                bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                bar.set_style(
                    ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}")
                        .unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
            }
            let part = total.filter(|total| *total > 0.0).map_or(0.0, |total| (done / total).clamp(0.0, 1.0));
            bar.set_length(STEPS);
            bar.set_position((part * STEPS as f64).round() as u64);
            bar.set_message(print::escaped(&message).into_owned());
        })
    }
}

fn show(common: &Common, record: &RunRecord) {
    for line in &record.log {
        if common.verbose > 0 || (line.level >= Level::Warn && !common.quiet) {
            print::note(&format!("{}: {}", level(line.level), line.message));
        }
    }
    if let Some(output) = &record.output {
        show_output(output);
    }
    if let Some(error) = &record.error {
        print::error(&format!("{}: {}", error.kind, error.message));
        if error.kind == ErrorKind::InvalidInput && !common.quiet {
            print::note(&format!("`skillhost inspect {}` shows what its tools take", record.skill));
        }
    }
    if common.verbose > 0 {
        print::note(&format!("run {} used {}", record.run, runs::used(record.usage)));
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// What a person reads of an output: its texts, or else its data.
pub(crate) fn text_of(output: &Output) -> String {
    let texts = output.content.iter().filter_map(|content| match content {
        Content::Text { text } => Some(text.as_str()),
        Content::Image { .. } | Content::Audio { .. } => None,
    });
    let texts: Vec<_> = texts.collect();
    match &output.data {
        Some(serde_json::Value::String(text)) if texts.is_empty() => text.clone(),
        Some(data) if texts.is_empty() => format!("{data:#}"),
        _ => texts.join("\n"),
    }
}

/// Prints an output; pictures and sounds are only mentioned.
pub(crate) fn show_output(output: &Output) {
    for content in &output.content {
        if let Content::Image { data, mime_type } | Content::Audio { data, mime_type } = content {
            print::note(&format!("[{mime_type}, {} bytes; `--json` has it]", data.len()));
        }
    }
    let text = text_of(output);
    if !text.is_empty() {
        print::line(&text);
    }
}

/// Does `text` name a file rather than a skill? A folder is written with a slash, as `./hello`.
pub(crate) fn is_path(text: &str) -> bool {
    matches!(Target::parse(text), Target::File { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_skill_or_a_path_with_a_tool_behind_it() {
        let skill = |skill: &str, tool: Option<&str>| Target::Skill { skill: skill.into(), tool: tool.map(Into::into) };
        let file = |path: &str, tool: Option<&str>| Target::File { path: path.into(), tool: tool.map(Into::into) };
        for (text, target) in [
            ("jq", skill("jq", None)),
            ("textkit.summarize", skill("textkit", Some("summarize"))),
            ("./x.wasm", file("./x.wasm", None)),
            ("x.wasm.count", file("x.wasm", Some("count"))),
            ("a/b.wasm/x.wasm.y", file("a/b.wasm/x.wasm", Some("y"))),
            ("pack.skill.go", file("pack.skill", Some("go"))),
            ("folder/skill", file("folder/skill", None)),
        ] {
            assert_eq!(Target::parse(text), target, "{text}");
        }
    }
}
