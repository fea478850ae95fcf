use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Millionths of a dollar in a dollar.
const MICROS: u64 = 1_000_000;

/// Decimal places of a dollar that can be said.
const PLACES: usize = 6;

/// Digits before the decimal point. With [`PLACES`] that makes 15, as many as pass unchanged through the floating-point
/// numbers that parsers of YAML and JSON make of decimals.
const DIGITS: usize = 9;

/// An amount of money: whole millionths of a US dollar, never rounded. In configuration a decimal such as `1.50`, as a
/// number or as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd {
    micros: u64,
}

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no amount in USD: write a decimal such as 1.50, not negative, with at most {PLACES} places and {DIGITS} digits before them"
)]
pub struct ParseUsdError(String);

impl Usd {
    /// So many millionths of a dollar.
    pub fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// In millionths of a dollar.
    pub fn micros(self) -> u64 {
        self.micros
    }
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    fn from_str(text: &str) -> Result<Self, ParseUsdError> {
        let wrong = || ParseUsdError(text.chars().take(DIGITS + PLACES + 2).flat_map(char::escape_default).collect());
        let (whole, places) = match text.split_once('.') {
            Some((_, "")) => return Err(wrong()),
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > DIGITS || places.len() > PLACES || !digits(whole) || !digits(places) {
            return Err(wrong());
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        Ok(Self { micros: number(whole)? * MICROS + number(&format!("{places:0<PLACES$}"))? })
    }
}

impl fmt::Display for Usd {
    /// With two places at the least.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:0PLACES$}", self.micros % MICROS);
        write!(f, "{}.{:0<2} USD", self.micros / MICROS, places.trim_end_matches('0'))
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decimal;

        impl Visitor<'_> for Decimal {
            type Value = Usd;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount in USD, such as 1.50")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Usd, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Usd, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Usd, E> {
                self.visit_str(&number.to_string())
            }

            /// The shortest decimal that reads as this number is, within 15 digits, the one that was written.
            fn visit_f64<E: Error>(self, number: f64) -> Result<Usd, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_becomes_whole_millionths_without_rounding() {
        for (text, micros) in [
            ("0.000001", 1),
            ("1.5", 1_500_000),
            ("1.50", 1_500_000),
            ("20", 20_000_000),
            ("1e3", 1_000_000_000),
            ("1e-6", 1),
            ("0.1", 100_000),
            ("0.29", 290_000),
            ("4.35", 4_350_000),
            ("0", 0),
            ("123456789.654321", 123_456_789_654_321),
            ("999999999.999999", 999_999_999_999_999),
        ] {
            assert_eq!(serde_json::from_str::<Usd>(text).unwrap().micros(), micros, "{text}");
        }
        assert_eq!(serde_json::from_str::<Usd>("\"1.50\"").unwrap().micros(), 1_500_000);
    }

    #[test]
    fn every_amount_that_can_be_written_survives_a_floating_point_parser() {
        proptest::proptest!(|(micros in 0..1_000_000_000_000_000_u64)| {
            let text = format!("{}.{:06}", micros / MICROS, micros % MICROS);
            assert_eq!(serde_json::from_str::<Usd>(&text).unwrap().micros(), micros);
            assert_eq!(text.parse::<Usd>().unwrap().micros(), micros);
        });
    }

    #[test]
    fn what_is_negative_too_fine_or_absurd_is_refused() {
        for text in ["-1", "-0.5", "0.0000001", "1.1234567", "1000000000", "1e12", "1e300", "true", "null", "[]"] {
            assert!(serde_json::from_str::<Usd>(text).is_err(), "{text}");
        }
        for text in ["", ".", "1.", ".5", "+1", "1,5", "1.5.5", "1e3", "$1", " 1", "٣"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_amount_is_shown_in_dollars() {
        for (micros, text) in [(1_500_000, "1.50 USD"), (1, "0.000001 USD"), (0, "0.00 USD"), (20_000_000, "20.00 USD")]
        {
            assert_eq!(Usd::from_micros(micros).to_string(), text);
        }
    }
}
