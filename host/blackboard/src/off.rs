use async_trait::async_trait;
use skillhost_types::{Glob, Tenant};

use crate::{Backend, Blackboard, BoardError, Health, Key, Message, Selection, Subscription, Ttl};

/// The board of a host that is to have none: every call is unavailable and says why.
#[derive(Debug, Clone, Copy, Default)]
pub struct OffBoard;

fn off<T>() -> Result<T, BoardError> {
    Err(BoardError::Unavailable("the blackboard is switched off (`blackboard.enabled: false`)".into()))
}

#[async_trait]
impl Blackboard for OffBoard {
    async fn get(&self, _: &Tenant, _: &Key) -> Result<Option<String>, BoardError> {
        off()
    }

    async fn set(&self, _: &Tenant, _: &Key, _: String, _: Ttl) -> Result<(), BoardError> {
        off()
    }

    async fn compare_and_swap(
        &self,
        _: &Tenant,
        _: &Key,
        _: Option<&str>,
        _: String,
        _: Ttl,
    ) -> Result<bool, BoardError> {
        off()
    }

    async fn add(&self, _: &Tenant, _: &Key, _: i64) -> Result<i64, BoardError> {
        off()
    }

    async fn delete(&self, _: &Tenant, _: &Key) -> Result<bool, BoardError> {
        off()
    }

    async fn exists(&self, _: &Tenant, _: &Key) -> Result<bool, BoardError> {
        off()
    }

    async fn keys(&self, _: &Tenant, _: &Selection, _: usize) -> Result<Vec<Key>, BoardError> {
        off()
    }

    async fn clear(&self, _: &Tenant, _: &Selection) -> Result<u64, BoardError> {
        off()
    }

    async fn publish(&self, _: &Tenant, _: Message) -> Result<u32, BoardError> {
        off()
    }

    fn subscribe(&self, _: &Tenant, _: Vec<Glob>) -> Result<Subscription, BoardError> {
        off()
    }

    fn health(&self) -> Health {
        Health::well(Backend::Memory)
    }
}
