//! Every command, held to the contract: fields, exit codes, where it prints.

mod config;
mod list;
mod log;
mod run;
mod token;
