//! Budgets, and the double-entry ledger behind them.
//!
//! Contract: what is reserved and used of a budget never exceeds it, however many tasks and processes spend at once; only a
//! call that costs more, or takes longer, than was reserved for it can go over, and then that is on record. Entries are never changed or
//! taken away, an entry that was answered for survives a power cut, and the same posting sent twice is posted once. A
//! reservation whose holder died counts until it expires and no longer.
//!
//! Every entry moves one amount from the account that it credits to the one that it debits, so all debits less all credits
//! are zero whatever is posted:
//!
//! | debit | credit | reads |
//! |---|---|---|
//! | `tenant:T` | `provider:P`, for runs `host` | the tenant consumed what the provider, or the host, gave |
//! | `skill:S` | `skills` | the same amount, put down to the skill |
//! | `agent:A` | `agents` | the same amount, put down to the agent, if one ran |
//!
//! The second and third have counterparts of their own, so that a provider's balance is what it gave, once.
//!
//! Price, measured on two busy cores: 0.1 ms for a reservation that a budget applies to, 0.3 ms for a settlement, most of it
//! whole pages that go to the write-ahead log, and for either a sync of the disk, shared by all that wait at the same time; a
//! reservation that no budget applies to costs nothing, the tokens that remain 10 µs. What runs use is added up in memory, 40 ns
//! a run, and posted when the host says so: a kill may lose what gathered since, which is never tokens or money. Balances are kept
//! in the same transaction as the entries and therefore not counted anew when the ledger is opened; [`Ledger::recount`]
//! does that, in a pass over everything at 6 µs an entry.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail loudly"
    )
)]

mod budget;
mod change;
mod error;
mod ledger;
mod meter;
mod posting;
mod recount;
mod schema;
mod spender;
mod standing;
#[cfg(test)]
mod tests;
mod unit;
mod usd;
mod window;

pub use budget::{Budget, BudgetError};
pub use change::Posted;
pub use error::{Exhausted, LedgerError};
pub use ledger::{Entry, Ledger};
pub use meter::{Meter, Metered};
pub use recount::{Difference, Recount};
pub use spender::{Cost, Hold, Spender};
pub use standing::Standing;
pub use unit::Unit;
pub use usd::{ParseUsdError, Usd};
pub use window::Window;
