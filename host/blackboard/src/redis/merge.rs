use std::time::{Duration, Instant};

use super::{RedisBoard, millis};
use crate::memory::Drained;

/// Keys that are written at once when a board comes back from memory.
const MERGED: usize = 500;

impl RedisBoard {
    /// Writes values of which the server does not have the keys, for so `long` at the most. Gives those that it did not
    /// take, or perhaps not.
    pub(crate) async fn merge(&self, mut values: Vec<Drained>, long: Duration) -> Vec<Drained> {
        let (begun, mut left) = (Instant::now(), Vec::new());
        while !values.is_empty() && begun.elapsed() < long {
            let batch = values.split_off(values.len().saturating_sub(MERGED));
            let mut pipeline = redis::pipe();
            for Drained { tenant, key, text, lives } in &batch {
                let command = pipeline.cmd("SET").arg(self.names.of(tenant, key.as_str())).arg(text).arg("NX");
                if let Some(lives) = lives {
                    command.arg("PX").arg(millis(*lives).max(1));
                }
            }
            let Ok(mut connection) = self.link.connection() else {
                left.extend(batch);
                break;
            };
            let taken = pipeline.query_async::<Vec<Option<String>>>(&mut connection).await.unwrap_or_default();
            let taken = taken.into_iter().chain(std::iter::repeat(None));
            left.extend(batch.into_iter().zip(taken).filter(|(_, taken)| taken.is_none()).map(|(value, _)| value));
        }
        left.extend(values);
        left
    }
}
