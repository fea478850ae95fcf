use redis::aio::MultiplexedConnection;
use skillhost_types::Tenant;

use super::RedisBoard;
use crate::limits::{STEPS, too_costly};
use crate::{BoardError, Key, Selection};

/// Keys that one step of a scan looks at: under a millisecond of the server's time, for which everybody else waits.
const SCANNED: usize = 1_000;

/// The way through the keys that are meant: each once or more often, as `SCAN` gives them.
pub(super) struct Walk<'a> {
    board: &'a RedisBoard,
    tenant: &'a Tenant,
    meant: &'a Selection,
    connection: MultiplexedConnection,
    pattern: String,
    /// None at the end.
    cursor: Option<u64>,
    steps: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(board: &'a RedisBoard, tenant: &'a Tenant, meant: &'a Selection) -> Result<Self, BoardError> {
        let pattern = board.names.pattern(tenant, meant.pattern.as_str());
        Ok(Self { board, tenant, meant, connection: board.link.connection()?, pattern, cursor: Some(0), steps: STEPS })
    }

    /// The next keys, perhaps none; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Key>>, BoardError> {
        let Some(cursor) = self.cursor else { return Ok(None) };
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(SCANNED).arg("TYPE").arg("string");
        let (next, names): (u64, Vec<Vec<u8>>) =
            scan.query_async(&mut self.connection).await.map_err(|error| self.board.failed("", &error))?;
        self.cursor = Some(next).filter(|next| *next != 0);
        let mut batch = Vec::new();
        for key in names.iter().filter_map(|name| self.board.names.key(self.tenant, name)) {
            match self.meant.holds(key.as_str(), &mut self.steps) {
                Some(true) => batch.push(key),
                Some(false) => {}
                None => return Err(too_costly(self.meant)),
            }
        }
        Ok(Some(batch))
    }
}
