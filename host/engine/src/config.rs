//! The one place where wasmtime is configured. Each number has its reason beside it.

use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Guest stack, in bytes. wasmtime's default is 512 KiB; interpreters inside components (Python,
/// JavaScript) recurse deeper than that.
const WASM_STACK: usize = 1 << 20;

/// Fiber stack, in bytes: the guest's stack and as much again for host functions that it calls.
const FIBER_STACK: usize = 2 * WASM_STACK;

/// Memory of an idle slot that is wiped in place and not given back, in bytes: most tools touch less, and
/// giving pages back costs a system call and page faults on the next run.
const KEEP_RESIDENT: usize = 2 << 20;

/// The same for a fiber stack, in bytes: the depth that ordinary calls reach.
const STACK_KEEP_RESIDENT: usize = 64 << 10;

/// Linear memories in one component. Interpreters have one, composed components a few.
const MEMORIES_PER_COMPONENT: u32 = 8;

/// Tables in one component: Python's shared libraries bring about twenty.
const TABLES_PER_COMPONENT: u32 = 64;

/// Core instances in one component: Python's shared libraries and adapters come to about fifty.
const CORE_INSTANCES_PER_COMPONENT: u32 = 128;

/// Elements of one table. CPython's function table has about ten thousand.
pub(crate) const TABLE_ELEMENTS: usize = 40_000;

/// Metadata of one component or core instance, in bytes: tables and globals of an interpreter fit.
const INSTANCE_METADATA: usize = 2 << 20;

/// Runs per place: a run that calls another skill keeps its place while the other runs, eight deep.
const NESTED: u32 = 8;

/// Tables and core instances per run. Ordinary components need two or three; a run of an interpreter borrows
/// from its neighbours.
const SLOTS_PER_RUN: u32 = 4;

/// How much one host may run at once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Runs at once.
    pub concurrency: u32,
    /// The largest linear memory that any skill's limits allow, in bytes.
    pub largest_memory: u64,
}

/// wasmtime refused its configuration, or the machine cannot reserve the pool.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine does not start: {0:#}; lower `limits.concurrency` if address space is short")]
pub struct EngineError(wasmtime::Error);

/// The engine that all generations share.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
}

/// What the pool holds for runs at this moment; all zero between runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolUsage {
    /// Component instances.
    pub components: u64,
    /// Core instances.
    pub core_instances: u64,
    /// Linear memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
    /// Fiber stacks.
    pub stacks: u64,
}

impl Engine {
    /// An engine with an instance pool, for running.
    pub fn new(settings: &Settings) -> Result<Self, EngineError> {
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
        Self::from_config(&config)
    }

    /// An engine that only compiles: the same machine code, but no address space reserved for a pool, so
    /// that the compiling process can live under a memory limit.
    pub(crate) fn for_compiling() -> Result<Self, EngineError> {
        Self::from_config(&config())
    }

    fn from_config(config: &Config) -> Result<Self, EngineError> {
        wasmtime::Engine::new(config).map(|inner| Self { inner }).map_err(EngineError)
    }

    /// wasmtime's own engine.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    /// Names this engine's machine code: what another wasmtime, setting or processor made is not loaded.
    pub fn compatibility(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    /// What the pool holds for runs at this moment.
    pub fn pool_usage(&self) -> PoolUsage {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.inner
            .pooling_allocator_metrics()
            .map(|pool| PoolUsage {
                components: pool.component_instances(),
                core_instances: pool.core_instances(),
                memories: wide(pool.memories()),
                tables: wide(pool.tables()),
                stacks: wide(pool.stacks()),
            })
            .unwrap_or_default()
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        // Fuel bounds and measures; it also yields to the executor, so that timeouts are seen. Epochs
        // beside it would double the price of calls and add nothing.
        .consume_fuel(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        // The contract's WIT is synchronous; without the machinery for concurrent guests a store is
        // cheaper to make.
        .concurrency_support(false)
        // Copy-on-write images: instantiating maps a component's initial memory and copies nothing.
        .memory_init_cow(true)
        // Wasmtime walks guest frames by itself; the system's unwinder never needs to.
        .native_unwind_info(false);
    config
}

fn pool(settings: &Settings) -> PoolingAllocationConfig {
    let places = settings.concurrency.max(1);
    // One more place than admission gives: `describe` runs beside it.
    let runs = places.saturating_add(1).saturating_mul(NESTED);
    let slots = runs.saturating_mul(SLOTS_PER_RUN);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(runs)
        .total_stacks(runs)
        .total_core_instances(slots.max(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(runs.max(MEMORIES_PER_COMPONENT))
        .total_tables(slots.max(TABLES_PER_COMPONENT))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .max_component_instance_size(INSTANCE_METADATA)
        .max_core_instance_size(INSTANCE_METADATA)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(usize::try_from(settings.largest_memory).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT)
        .max_unused_warm_slots(warm_slots().min(places))
        // Wipes just the pages that were written, where the kernel can tell which.
        .pagemap_scan(pagemap_scan());
    pool
}

/// Slots that lie idle and keep their memory for the component that they last ran: some for each processor, so that
/// skills that take turns find theirs. More would hold memory of generations that are gone.
fn warm_slots() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors).unwrap_or(u32::MAX).saturating_mul(4)
}

/// `PAGEMAP_SCAN` cannot tell a swapped-out page from an untouched one, so it is left off where swap is on.
fn pagemap_scan() -> Enabled {
    let swapless = std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1);
    if swapless { Enabled::Auto } else { Enabled::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiling_engine_makes_the_running_engine_takes() {
        let running = Engine::new(&Settings { concurrency: 2, largest_memory: 64 << 20 }).unwrap();
        let compiling = Engine::for_compiling().unwrap();
        assert_eq!(running.compatibility(), compiling.compatibility());
    }
}
