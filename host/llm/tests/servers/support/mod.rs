//! Providers that misbehave on cue, and a host that watches and pays.

#![allow(dead_code, reason = "each test uses a part of this")]

pub(crate) mod host;
pub(crate) mod server;
pub(crate) mod speech;

pub(crate) use host::*;
pub(crate) use server::*;
pub(crate) use speech::*;
