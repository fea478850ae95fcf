//! What a run spends on language models: within its budgets, and written down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skillhost_ledger::{Budget, Cost, Hold, Ledger, LedgerError, Spender};
use skillhost_llm::{Account, Charge, Hold as Held, NotReserved, Spent};
use tokio_util::task::TaskTracker;

use crate::context::RunInfo;

/// How much longer than its call a reservation lasts: what a settlement may take on a slow disk.
const MARGIN: Duration = Duration::from_secs(60);

/// Tokens of one run.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) input: AtomicU64,
    pub(crate) output: AtomicU64,
    /// Settlements on their way to disk. The guest does not wait for them, whoever hears of the run's outcome does.
    pub(crate) settling: TaskTracker,
}

impl Tokens {
    /// Comes back when what was spent so far is on disk.
    pub(crate) async fn settled(&self) {
        self.settling.close();
        self.settling.wait().await;
        self.settling.reopen();
    }
}

/// One run's access to its budgets.
pub(crate) struct Purse {
    pub(crate) ledger: Ledger,
    pub(crate) budgets: Arc<Vec<Budget>>,
    pub(crate) info: Arc<RunInfo>,
    pub(crate) tokens: Arc<Tokens>,
    /// The longest that the call may take.
    pub(crate) patience: Duration,
}

/// Who a run spends as.
pub(crate) fn spender(info: &RunInfo) -> Spender {
    Spender { tenant: info.tenant.clone(), skill: info.skill.name.clone(), agent: info.agent.clone(), run: info.root }
}

#[async_trait::async_trait]
impl Account for Purse {
    async fn reserve(&self, charge: &Charge) -> Result<Box<dyn Held>, NotReserved> {
        let tokens = charge.input_tokens.saturating_add(charge.output_tokens);
        let cost = Cost { llm_tokens: tokens, usd_micros: charge.micros };
        let own = spender(&self.info);
        if !charge.priced && self.budgets.iter().any(|budget| budget.limits_money() && budget.applies_to(&own)) {
            return Err(NotReserved::Spent(format!(
                "nobody knows what {provider}/{model} costs, and a budget of money applies; give its price under `llm.prices`",
                provider = charge.provider,
                model = charge.model
            )));
        }
        let expires = self.patience + MARGIN;
        if !self.budgets.is_empty() {
            // What the run's calls before this one did not use is free again.
            self.tokens.settled().await;
        }
        match self.ledger.reserve(&own, cost, &self.budgets, expires).await {
            Ok(hold) => Ok(Box::new(Reserved {
                hold,
                ledger: self.ledger.clone(),
                tokens: self.tokens.clone(),
                provider: charge.provider.clone(),
                model: charge.model.clone(),
            })),
            Err(error @ LedgerError::Exhausted(_)) => Err(NotReserved::Spent(error.to_string())),
            Err(error) => Err(NotReserved::Closed(error.to_string())),
        }
    }
}

struct Reserved {
    hold: Hold,
    ledger: Ledger,
    tokens: Arc<Tokens>,
    provider: String,
    model: String,
}

#[async_trait::async_trait]
impl Held for Reserved {
    async fn settle(self: Box<Self>, spent: Spent) {
        self.tokens.input.fetch_add(spent.input_tokens, Ordering::Relaxed);
        self.tokens.output.fetch_add(spent.output_tokens, Ordering::Relaxed);
        let Self { hold, ledger, tokens, provider, model } = *self;
        let cost =
            Cost { llm_tokens: spent.input_tokens.saturating_add(spent.output_tokens), usd_micros: spent.micros };
        tokens.settling.spawn(async move {
            let ended = if cost == Cost::default() {
                ledger.release(&hold).await
            } else {
                ledger.settle(&hold, cost, &provider, &model).await.map(drop)
            };
            if let Err(error) = ended {
                // The reservation stands until it expires, so the budget errs on the safe side.
                tracing::error!(provider, %error, "what a call cost was not written");
            }
        });
    }
}
