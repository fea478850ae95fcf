use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use skillhost_types::{SkillName, Tenant};

use crate::{Spender, Unit, Usd, Window};

/// What may be spent, and by whom. In configuration:
/// `{ tenant: T, skill: S, agent: A, llm_tokens: { run: N, day: N, month: N }, usd: { day: 1.50 } }`, with one of the three
/// names and one limit at the least. It applies to who goes by all the names that it gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Budget {
    pub(crate) who: Who,
    pub(crate) limits: Vec<Limit>,
}

/// Whom a budget is for: each name that is given must be the spender's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) tenant: Option<Tenant>,
    pub(crate) skill: Option<SkillName>,
    pub(crate) agent: Option<Arc<str>>,
}

/// At most so much of a unit in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) unit: Unit,
    pub(crate) window: Window,
    pub(crate) most: u64,
}

/// Why a budget is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// It is for nobody.
    #[error("a budget is for somebody: give it a `tenant`, a `skill` or an `agent`")]
    Nobody,
    /// It limits nothing.
    #[error(
        "a budget limits something: give it `llm_tokens` or `usd`, per `run`, `day` or `month`, as in `usd: {{ day: 1.50 }}`"
    )]
    Nothing,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    tenant: Option<Tenant>,
    skill: Option<SkillName>,
    agent: Option<Arc<str>>,
    llm_tokens: Windows<u64>,
    usd: Windows<Usd>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Windows<T> {
    run: Option<T>,
    day: Option<T>,
    month: Option<T>,
}

impl TryFrom<Fields> for Budget {
    type Error = BudgetError;

    fn try_from(fields: Fields) -> Result<Self, BudgetError> {
        let Fields { tenant, skill, agent, llm_tokens, usd } = fields;
        let agent = agent.filter(|agent| !agent.is_empty());
        let who = Who { tenant, skill, agent };
        if who.names().next().is_none() {
            return Err(BudgetError::Nobody);
        }
        let limits: Vec<_> =
            llm_tokens.limits(Unit::LlmTokens, |most| most).chain(usd.limits(Unit::UsdMicros, Usd::micros)).collect();
        if limits.is_empty() { Err(BudgetError::Nothing) } else { Ok(Self { who, limits }) }
    }
}

impl<T> Windows<T> {
    fn limits(self, unit: Unit, number: impl Fn(T) -> u64) -> impl Iterator<Item = Limit> {
        [(Window::Run, self.run), (Window::Day, self.day), (Window::Month, self.month)]
            .into_iter()
            .filter_map(move |(window, most)| Some(Limit { unit, window, most: number(most?) }))
    }
}

impl Budget {
    /// Is it for this spender?
    pub fn applies_to(&self, spender: &Spender) -> bool {
        let Who { tenant, skill, agent } = &self.who;
        tenant.as_ref().is_none_or(|tenant| *tenant == spender.tenant)
            && skill.as_ref().is_none_or(|skill| *skill == spender.skill)
            && agent.as_ref().is_none_or(|agent| spender.agent.as_ref() == Some(agent))
    }

    /// Does it limit money? Such a budget holds only where the price of what is spent is known.
    pub fn limits_money(&self) -> bool {
        self.limits.iter().any(|limit| limit.unit == Unit::UsdMicros)
    }
}

impl Who {
    fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let tenant = self.tenant.as_ref().map(|name| ("tenant", name.as_str()));
        let skill = self.skill.as_ref().map(|name| ("skill", name.as_str()));
        let agent = self.agent.as_ref().map(|name| ("agent", name.as_ref()));
        [tenant, skill, agent].into_iter().flatten()
    }
}

impl fmt::Display for Who {
    /// `tenant:default`, or `tenant:default,skill:summarize`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (kind, name)) in self.names().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{kind}:{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(text: &str) -> Result<Budget, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_budget_holds_every_limit_that_it_names() {
        let budget =
            budget(r#"{"tenant":"a","skill":"b","llm_tokens":{"run":5},"usd":{"day":1.50,"month":20}}"#).unwrap();
        assert_eq!(budget.who.to_string(), "tenant:a,skill:b");
        assert_eq!(
            budget.limits,
            [
                Limit { unit: Unit::LlmTokens, window: Window::Run, most: 5 },
                Limit { unit: Unit::UsdMicros, window: Window::Day, most: 1_500_000 },
                Limit { unit: Unit::UsdMicros, window: Window::Month, most: 20_000_000 },
            ]
        );
    }

    #[test]
    fn a_budget_limits_money_if_any_of_its_limits_does() {
        for (text, expected) in [
            (r#"{"tenant":"a","usd":{"month":20}}"#, true),
            (r#"{"tenant":"a","llm_tokens":{"day":5},"usd":{"run":0}}"#, true),
            (r#"{"tenant":"a","llm_tokens":{"day":5}}"#, false),
        ] {
            assert_eq!(budget(text).unwrap().limits_money(), expected, "{text}");
        }
    }

    #[test]
    fn a_budget_for_nobody_or_of_nothing_or_with_an_unknown_key_is_refused_with_its_reason() {
        for (text, reason) in [
            (r#"{"llm_tokens":{"day":1}}"#, "for somebody"),
            (r#"{"agent":"","llm_tokens":{"day":1}}"#, "for somebody"),
            (r#"{"tenant":"a"}"#, "limits something"),
            (r#"{"tenant":"a","usd":{}}"#, "limits something"),
            (r#"{"tenant":"a","usd":{"week":1}}"#, "week"),
            (r#"{"tenant":"a","tokens":{"day":1}}"#, "tokens"),
            (r#"{"tenant":"a","llm_tokens":{"day":-1}}"#, "-1"),
            (r#"{"tenant":"a","usd":{"day":"much"}}"#, "much"),
            (r#"{"tenant":"A","usd":{"day":1}}"#, "tenant"),
        ] {
            let error = budget(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
