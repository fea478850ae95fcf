//! Who may call: tokens, what each may do, and whose world it sees.
//!
//! Contract: a token's text leaves this crate once, when it is made; what is kept is its SHA-256. Making and revoking one
//! survive a power cut before anybody hears of it, and every process that checks tokens of the same data directory goes by
//! them from its next check on: nothing is remembered in between. What does not have a token's form is turned away before
//! anything is hashed or read. Hashes are compared in constant time, and neither [`Token`] nor [`Identity`] shows a secret
//! when it is printed for debugging.
//!
//! SHA-256 and no slow hash such as argon2: slowness protects what people think up and others can guess. A token is 258
//! random bits, which nobody guesses however fast a guess is. A slow hash would only cost tens of milliseconds and megabytes
//! per request, and give strangers a way to spend them.
//!
//! Price, measured on two busy cores: 4 µs for a check, one read by primary key; 2.5 µs where there is no such token, 30 ns for
//! what is none by its form. Adding, revoking and [`Tokens::first`] cost a synced transaction, 5 ms on a slow disk.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")
)]

mod error;
mod file;
mod role;
mod tenants;
#[cfg(test)]
mod tests;
mod token;
mod tokens;

pub use error::AccessError;
pub use role::{ParseRoleError, Role};
pub use tenants::{ParseTenantsError, Tenants};
pub use token::Token;
pub use tokens::{Identity, TokenInfo, Tokens};
