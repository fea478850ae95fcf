//! Which agents there are to be: the configuration's, and one of its own name for every other skill that hears channels.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use skillhost_types::{SkillName, Tenant};

use crate::config::{AgentConfig, Config, CronTimes, Deliver, Restart};
use crate::generation::Generation;
use crate::registry::Registry;

/// How an agent is to live.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) agent: SkillName,
    pub(crate) skill: SkillName,
    pub(crate) tenant: Tenant,
    pub(crate) channels: Vec<String>,
    pub(crate) deliver: Deliver,
    pub(crate) tags: Vec<String>,
    pub(crate) clock: Option<Clock>,
    pub(crate) concurrency: usize,
    pub(crate) retry: Retry,
}

/// When the clock wakes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clock {
    Every(Duration),
    Cron(Box<CronTimes>),
}

/// How a message that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retry {
    /// How often it is handed over in all.
    pub(crate) attempts: u32,
    pub(crate) backoff: Duration,
}

/// The longest that a message waits for its next attempt: the ones behind it on its channel wait as well.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

impl Retry {
    /// How long to wait after so many attempts; none: there is no other.
    pub(crate) fn after(self, attempts: u32) -> Option<Duration> {
        let doubled = self.backoff.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        (attempts < self.attempts).then(|| doubled.min(LONGEST_BACKOFF))
    }
}

/// What is to become of an agent of the configuration.
pub(crate) enum Planned {
    Lives(Box<Plan>),
    /// It cannot live yet, for this reason.
    Waits(String),
}

/// All agents, by their names.
pub(crate) fn plan(registry: &Registry, config: &Config) -> BTreeMap<SkillName, Planned> {
    let configured = config.agents.iter().map(|(name, agent)| (name.clone(), of_section(name, agent, registry)));
    let with_section: HashSet<&SkillName> = config.agents.values().map(|agent| &agent.skill).collect();
    let own = registry.skills().filter(|skill| !with_section.contains(&skill.name));
    let own = own.filter(|skill| !config.agents.contains_key(&skill.name)).filter_map(|skill| {
        let channels = hears(skill).filter(|channels| !channels.is_empty())?;
        Some((
            skill.name.clone(),
            Planned::Lives(Box::new(Plan::new(&skill.name, &AgentConfig::of(&skill.name), channels))),
        ))
    });
    own.chain(configured).collect()
}

fn hears(skill: &Generation) -> Option<Vec<String>> {
    skill.handler().map(|_| skill.channels())
}

fn of_section(name: &SkillName, agent: &AgentConfig, registry: &Registry) -> Planned {
    let Some(skill) = registry.skill(agent.skill.as_str()) else {
        return Planned::Waits(match registry.not_serving(agent.skill.as_str()) {
            Some(entry) => format!("`{}` {}", agent.skill, entry.reason.as_deref().unwrap_or("does not serve")),
            None => format!("there is no skill `{}`", agent.skill),
        });
    };
    match hears(skill) {
        Some(own) => Planned::Lives(Box::new(Plan::new(name, agent, own))),
        None => Planned::Waits(format!("`{}` exports no handler, so no message can wake it", agent.skill)),
    }
}

impl Plan {
    /// The agent `name` of section `agent`, whose skill hears the channels `own` by itself.
    fn new(name: &SkillName, agent: &AgentConfig, own: Vec<String>) -> Self {
        Self {
            agent: name.clone(),
            skill: agent.skill.clone(),
            tenant: agent.tenant.clone(),
            channels: agent.subscribe.clone().unwrap_or(own),
            deliver: agent.deliver,
            tags: agent.tags.clone(),
            clock: match (&agent.cron, agent.every) {
                (Some(cron), _) => Some(Clock::Cron(Box::new(cron.clone()))),
                (None, every) => every.map(Clock::Every),
            },
            concurrency: usize::try_from(agent.concurrency).unwrap_or(1),
            retry: Retry {
                attempts: match agent.restart {
                    Restart::OnFailure => agent.attempts,
                    Restart::Never => 1,
                },
                backoff: agent.backoff,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_waits_twice_as_long_up_to_a_bound() {
        let retry = Retry { attempts: 40, backoff: Duration::from_secs(1) };
        let seconds = |attempts| retry.after(attempts).map(|wait| wait.as_secs());
        assert_eq!([1, 2, 3, 9].map(seconds), [Some(1), Some(2), Some(4), Some(256)]);
        assert_eq!([10, 39, 40, 41].map(seconds), [Some(300), Some(300), None, None]);
    }
}
