#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use crate::Resolve;

/// A resolver that gives one prepared answer after the other.
pub(crate) struct Answers {
    left: Mutex<std::collections::VecDeque<Vec<IpAddr>>>,
    silent: bool,
}

impl Answers {
    pub(crate) fn new(answers: &[&[&str]]) -> Self {
        let read = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Self { left: Mutex::new(answers.iter().map(read).collect()), silent: false }
    }

    pub(crate) fn never() -> Self {
        Self { left: Mutex::default(), silent: true }
    }
}

#[async_trait::async_trait]
impl Resolve for Answers {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        self.left.lock().unwrap().pop_front().ok_or_else(|| io::Error::other("no such name"))
    }
}
