use serde::{Deserialize, Serialize};

/// What one run used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// wasmtime fuel.
    pub fuel: u64,
    /// From the first instruction to the answer, in microseconds.
    pub wall_us: u64,
    /// The most that all linear memories held together, in bytes.
    pub peak_memory_bytes: u64,
    /// Calls to host interfaces.
    pub host_calls: u64,
    /// Log text that was kept, in bytes.
    pub log_bytes: u64,
    /// Log lines and progress reports over their caps.
    pub dropped: u64,
    /// Tokens given to language models.
    pub llm_input_tokens: u64,
    /// Tokens that language models gave.
    pub llm_output_tokens: u64,
}

impl Usage {
    /// The figures in the order of the fields, for where their names would cost more than they.
    pub fn figures(self) -> [u64; 8] {
        let Self {
            fuel,
            wall_us,
            peak_memory_bytes,
            host_calls,
            log_bytes,
            dropped,
            llm_input_tokens,
            llm_output_tokens,
        } = self;
        [fuel, wall_us, peak_memory_bytes, host_calls, log_bytes, dropped, llm_input_tokens, llm_output_tokens]
    }

    /// The usage that these are the [`Self::figures`] of.
    pub fn from_figures(figures: [u64; 8]) -> Self {
        let [fuel, wall_us, peak_memory_bytes, host_calls, log_bytes, dropped, llm_input_tokens, llm_output_tokens] =
            figures;
        Self { fuel, wall_us, peak_memory_bytes, host_calls, log_bytes, dropped, llm_input_tokens, llm_output_tokens }
    }
}
