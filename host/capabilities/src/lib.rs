//! What skills can reach: a module per WIT interface.
//!
//! Contract: a guest reaches a service only through [`call`]'s one wrapper, which counts the call, bounds its
//! time, turns every refusal into a value and writes the call down. An interface without a service behind it
//! is linked as refusals. Nothing here decides who may run; that is the lifecycle's.
//!
//! Price: a host call costs about a microsecond beside the service's own time; a run that makes none pays
//! for two reference counts.

mod blackboard;
mod call;
mod context;
mod event_log;
mod http;
mod keyvalue;
mod link;
mod llm;
mod refuse;
mod run;
mod skill;
mod skills;
mod spending;
mod standard;
mod wire;

pub use call::ChannelRates;
pub use context::{Context, Progress, ProgressSink, RunInfo, Services, SkillInfo, State};
pub use link::{Links, is_known};
pub use skill::{
    CallSkill, DescribeSkill, HandleMessage, Hint, Indices, Manifest, ManifestTool, RawOutput, SkillError,
};
pub use skills::{CallSkills, NestedCall, NestedError};
