//! What runs use: fuel, time and bytes.
//!
//! Contract: everything that is added is posted once by the flushes after it, also if one of them fails in between. What
//! was added since the last flush is lost if the process is killed. Price: an addition takes two lookups in small tables and
//! four atomic additions, 40 ns in all; the first of a tenant's skill also memory, which is kept. A flush is one posting, up to
//! nine rows, for each tenant, skill and agent that ran since the last one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use skillhost_types::{SkillName, Tenant};
use tokio::sync::Mutex;

use crate::posting::Posting;
use crate::{Ledger, LedgerError, Unit};

/// What a run used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metered {
    /// wasmtime fuel.
    pub fuel: u64,
    /// In microseconds.
    pub wall_us: u64,
    /// What it was given and what it gave.
    pub bytes: u64,
}

/// Adds up what runs use, for the ledger.
pub struct Meter {
    ledger: Ledger,
    tenants: RwLock<HashMap<Tenant, HashMap<SkillName, Vec<Counters>>>>,
    /// Postings that a failed flush left. They keep their keys, so that one that did arrive is not posted twice.
    left: Mutex<Vec<Posting>>,
}

struct Counters {
    agent: Option<Arc<str>>,
    runs: AtomicU64,
    fuel: AtomicU64,
    wall_us: AtomicU64,
    bytes: AtomicU64,
}

impl Meter {
    /// A meter at zero.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger, tenants: RwLock::default(), left: Mutex::default() }
    }

    /// Adds what one run used.
    pub fn add(&self, tenant: &Tenant, skill: &SkillName, agent: Option<&str>, used: Metered) {
        let known = {
            let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
            let counters =
                tenants.get(tenant).and_then(|skills| skills.get(skill)).and_then(|agents| find(agents, agent));
            counters.map(|counters| counters.add(used)).is_some()
        };
        if !known {
            let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
            let agents = tenants.entry(tenant.clone()).or_default().entry(skill.clone()).or_default();
            // Another thread may have come first.
            match find(agents, agent) {
                Some(counters) => counters.add(used),
                None => agents.push(Counters::new(agent, used)),
            }
        }
    }

    /// Posts what was added since the last flush. To be called every second or so, and before the ledger is closed.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        let mut left = self.left.lock().await;
        if !left.is_empty() {
            self.ledger.post(left.clone()).await?;
        }
        *left = self.take();
        if !left.is_empty() {
            self.ledger.post(left.clone()).await?;
            left.clear();
        }
        Ok(())
    }

    fn take(&self) -> Vec<Posting> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let mut postings = Vec::new();
        for (tenant, skills) in &*tenants {
            for (skill, agents) in skills {
                postings.extend(agents.iter().filter_map(|counters| {
                    let runs = counters.runs.swap(0, Ordering::Acquire);
                    let amount = |unit, counter: &AtomicU64| (unit, counter.swap(0, Ordering::Relaxed));
                    (runs > 0).then(|| Posting {
                        key: self.ledger.name(),
                        tenant: tenant.clone(),
                        skill: skill.clone(),
                        agent: counters.agent.clone(),
                        run: None,
                        source: "host".to_owned(),
                        memo: format!("{runs} runs"),
                        amounts: vec![
                            amount(Unit::Fuel, &counters.fuel),
                            amount(Unit::WallUs, &counters.wall_us),
                            amount(Unit::Bytes, &counters.bytes),
                        ],
                    })
                }));
            }
        }
        postings
    }
}

fn find<'a>(agents: &'a [Counters], agent: Option<&str>) -> Option<&'a Counters> {
    agents.iter().find(|counters| counters.agent.as_deref() == agent)
}

impl Counters {
    fn new(agent: Option<&str>, Metered { fuel, wall_us, bytes }: Metered) -> Self {
        Self {
            agent: agent.map(Arc::from),
            runs: AtomicU64::new(1),
            fuel: AtomicU64::new(fuel),
            wall_us: AtomicU64::new(wall_us),
            bytes: AtomicU64::new(bytes),
        }
    }

    /// The count of runs comes last: a flush that sees it finds the rest, or leaves it for the next one.
    fn add(&self, Metered { fuel, wall_us, bytes }: Metered) {
        self.fuel.fetch_add(fuel, Ordering::Relaxed);
        self.wall_us.fetch_add(wall_us, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Release);
    }
}
