//! The words that every part of skillhost shares, as types.
//!
//! Contract: a value of these types is valid; text becomes one of them once, at the edge. Nothing here
//! does I/O; time, randomness and identifiers come from a [`Source`] that the caller passes in.
//! Price: names and output are reference counted, so that a run clones them without copying.

mod digest;
mod fuzz;
mod glob;
mod grant;
mod limits;
mod name;
mod outcome;
mod record;
mod source;
mod text;
mod units;
mod usage;
mod want;

pub use digest::{Digest, ParseDigestError};
#[doc(hidden)]
pub use fuzz::fuzz_grants;
pub use glob::Glob;
pub use grant::{Capability, Grant, GrantError, GrantRule, Grants, HttpScope, HttpTarget, Scheme, ScopeFault};
pub use limits::{Limits, LimitsPatch};
pub use name::{NameError, SkillName, Tenant, ToolName};
pub use outcome::{Content, ErrorKind, Output, RunError};
pub use record::{Caller, HostCallRecord, Level, LogLine, RunId, RunRecord};
pub use source::{Source, System, Timestamp};
pub use text::{is_unseen, shown};
pub use units::{ByteSize, ParseUnitError, parse_duration};
pub use usage::Usage;
pub use want::Want;
