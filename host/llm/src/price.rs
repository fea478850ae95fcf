//! What tokens cost, in whole micro-dollars.
//!
//! Contract: prices are US dollars per million tokens in the configuration and whole micro-dollars per million tokens
//! inside; no sum is a float, and a cost is rounded up. Price: one multiplication.

use serde::{Deserialize, Deserializer, Serialize};

/// Micro-dollars in a dollar, and tokens in a million.
const MILLION: u128 = 1_000_000;

/// Highest price, in dollars per million tokens: a slip of the pen is not a price.
const HIGHEST: f64 = 1_000_000.0;

/// Micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct UsdPerMillion(pub u64);

impl<'de> Deserialize<'de> for UsdPerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        if !(0.0..=HIGHEST).contains(&dollars) {
            return Err(serde::de::Error::custom("a price is in US dollars per million tokens, from 0 to 1000000"));
        }
        // Exact: a double holds 1e12 with three digits to spare.
        Ok(Self((dollars * 1e6).round() as u64))
    }
}

/// What a model costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// For what is sent.
    pub input: UsdPerMillion,
    /// For what comes back.
    pub output: UsdPerMillion,
}

impl Price {
    /// The cost in micro-dollars, rounded up.
    pub fn of(&self, input_tokens: u64, output_tokens: u64) -> u64 {
        let sum =
            u128::from(self.input.0) * u128::from(input_tokens) + u128::from(self.output.0) * u128::from(output_tokens);
        u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_price_in_dollars_is_exact_in_micro_dollars_and_rounds_up() {
        let price: Price = serde_json::from_str(r#"{"input":0.15,"output":0.6}"#).unwrap();
        assert_eq!(price, Price { input: UsdPerMillion(150_000), output: UsdPerMillion(600_000) });
        assert_eq!(price.of(1_000_000, 1_000_000), 750_000);
        assert_eq!(price.of(1, 0), 1);
        assert_eq!(price.of(0, 0), 0);
        for wrong in [r#"{"input":-1}"#, r#"{"input":1e9}"#, r#"{"outptu":1}"#] {
            assert!(serde_json::from_str::<Price>(wrong).is_err(), "{wrong}");
        }
    }
}
