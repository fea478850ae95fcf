//! Budgets and the ledger.
