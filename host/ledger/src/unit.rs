use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;

use crate::Usd;

/// The most that one posting takes of a unit; what claims to be more is taken for this. A thousand times what one call or
/// one second can use, and so little that nine thousand of them still add up in 64 bits.
const MOST: u64 = 1_000_000_000_000_000;

/// What an amount counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens given to language models and by them.
    LlmTokens,
    /// Millionths of a US dollar.
    UsdMicros,
    /// wasmtime fuel of runs.
    Fuel,
    /// Time of runs, in microseconds.
    WallUs,
    /// What runs were given and gave, in bytes.
    Bytes,
}

impl Unit {
    pub(crate) const ALL: [Self; 5] = [Self::LlmTokens, Self::UsdMicros, Self::Fuel, Self::WallUs, Self::Bytes];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LlmTokens => "llm_tokens",
            Self::UsdMicros => "usd_micros",
            Self::Fuel => "fuel",
            Self::WallUs => "wall_us",
            Self::Bytes => "bytes",
        }
    }

    /// An amount as a person reads it.
    pub(crate) fn show(self, amount: u64) -> String {
        match self {
            Self::UsdMicros => Usd::from_micros(amount).to_string(),
            _ => format!("{amount} {self}"),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ToSql for Unit {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for Unit {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        Self::ALL.into_iter().find(|unit| unit.as_str() == text).ok_or(FromSqlError::InvalidType)
    }
}

/// The amount as it is stored.
pub(crate) fn stored(amount: u64) -> i64 {
    i64::try_from(amount.min(MOST)).unwrap_or(i64::MAX)
}

/// The amount that is stored so. Nothing negative is.
pub(crate) fn read(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
