//! How a command fails: a message and an exit code.

use skillhost_types::{Caller, ErrorKind, RunError, RunId, RunRecord, Source as _, System, Usage};

use crate::args::Run;
use crate::print;

/// Why a command ended without its result.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fail {
    kind: ErrorKind,
    message: String,
}

impl Fail {
    pub(crate) fn new(kind: ErrorKind, message: impl std::fmt::Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub(crate) fn not_found(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    pub(crate) fn failed(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::ToolError, message)
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The outcome of a run that came to nothing.
    pub(crate) fn as_record(&self, run: &Run) -> RunRecord {
        let (skill, tool) = run.target.split_once('.').unwrap_or((&run.target, ""));
        // A path is no name of a skill; it is shown as it was given.
        let (skill, tool) = if crate::run::is_path(&run.target) { (run.target.as_str(), "") } else { (skill, tool) };
        RunRecord {
            run: RunId::new(&System),
            skill: skill.into(),
            tool: tool.into(),
            digest: None,
            tenant: run.tenant.clone(),
            caller: Caller::Cli,
            started_at: System.now(),
            ok: false,
            output: None,
            error: Some(RunError::new(self.kind, self.message.clone())),
            usage: Usage::default(),
            log: Vec::new(),
            calls: Vec::new(),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    pub(crate) fn print(&self) {
        print::error(&self.message);
    }
}
