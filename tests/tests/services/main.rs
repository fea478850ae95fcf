//! The built program with its services: language models, budgets, the skills that use them.
//!
//! Contract: the models are servers of this process on the loopback address, which say what the test tells them to and keep what
//! they were asked. Nothing outside the machine is reached. Price: a process per call; the tests that need Ollama's own
//! port take turns.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod accounts;
mod agents;
mod bounds;
mod budgets;
mod collector;
mod embedded;
mod hosts;
mod kit;
mod llm;
mod load;
mod models;
mod newcomers;
mod redis;
mod rivals;
mod secrets;
mod skills;
mod traces;
