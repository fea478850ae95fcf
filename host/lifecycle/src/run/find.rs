//! Which generation a run is of.

use std::sync::Arc;

use skillhost_types::{ErrorKind, RunError, shown};

use crate::generation::Generation;
use crate::registry::{FileState, Registry};

impl Registry {
    /// The generation that serves `skill`, and which of its tools is meant.
    pub(crate) fn find(&self, skill: &str, tool: Option<&str>) -> Result<(Arc<Generation>, usize), RunError> {
        let not_found = |message: String| Err(RunError::new(ErrorKind::NotFound, message));
        let Some(generation) = self.skill(skill) else {
            return match self.not_serving(skill) {
                Some(entry) => {
                    let reason = entry.reason.as_deref().unwrap_or("see `skillhost list`");
                    match entry.state {
                        FileState::Pending | FileState::Rejected => {
                            Err(RunError::new(ErrorKind::Denied, format!("`{skill}` {reason}")))
                        }
                        _ => not_found(format!("`{skill}` was refused: {reason}")),
                    }
                }
                None => {
                    not_found(format!("there is no skill `{}`; `skillhost list` shows what there is", shown(skill)))
                }
            };
        };
        let names = || generation.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ");
        let index = match (tool, &*generation.tools) {
            (_, []) => return not_found(format!("`{skill}` has no tools")),
            (None, [_]) => 0,
            (None, _) => {
                return Err(RunError::new(
                    ErrorKind::Usage,
                    format!("`{skill}` has several tools; name one of {}: `{skill}.TOOL`", names()),
                ));
            }
            (Some(tool), tools) => match tools.iter().position(|own| own.name.as_str() == tool) {
                Some(index) => index,
                None => return not_found(format!("`{skill}` has no tool `{}`; it has {}", shown(tool), names())),
            },
        };
        Ok((generation.clone(), index))
    }
}
