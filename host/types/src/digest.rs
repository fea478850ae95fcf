use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a skill's bytes: the identity of a generation. Written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; LENGTH]);

/// Its bytes.
const LENGTH: usize = 32;

/// What it begins with in writing.
const PREFIX: &str = "sha256:";

/// The text of bytes that are ASCII by their making.
fn text(ascii: &[u8]) -> &str {
    str::from_utf8(ascii).unwrap_or_default()
}

/// A text that is not `sha256:` and 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("a digest is `sha256:` and 64 hex digits, not `{0}`")]
pub struct ParseDigestError(String);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of named parts, whatever their order was: a folder's or an archive's files.
    ///
    /// Names and contents are length-prefixed, so that no two different sets give the same bytes.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_unstable();
        let mut hasher = Sha256::new();
        for (name, bytes) in parts {
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        Self(hasher.finalize().into())
    }

    /// The 64 hex digits alone, as file names carry them.
    pub fn hex(&self) -> String {
        text(&self.digits()).to_owned()
    }

    fn digits(&self) -> [u8; 2 * LENGTH] {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        let mut digits = [0; 2 * LENGTH];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        digits
    }

    /// As it is printed, without the heap: every run is written down with one.
    fn printed(&self) -> [u8; PREFIX.len() + 2 * LENGTH] {
        let mut printed = [0; PREFIX.len() + 2 * LENGTH];
        for (to, from) in printed.iter_mut().zip(PREFIX.bytes().chain(self.digits())) {
            *to = from;
        }
        printed
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text(&self.printed()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseDigestError(text.chars().take(80).collect());
        let digits = text.strip_prefix(PREFIX).and_then(|digits| <&[u8; 2 * LENGTH]>::try_from(digits.as_bytes()).ok());
        let mut bytes = [0; LENGTH];
        for (byte, [high, low]) in bytes.iter_mut().zip(digits.ok_or_else(wrong)?.as_chunks().0) {
            let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let (Some(high), Some(low)) = (value(high), value(low)) else { return Err(wrong()) };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text(&self.printed()))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_prints() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:ba78".parse::<Digest>().is_err());
        assert!(format!("sha256:{}", "+1".repeat(32)).parse::<Digest>().is_err());
        assert!(format!("sha256:{}", "ag".repeat(32)).parse::<Digest>().is_err());
        assert!(format!("{digest}0").parse::<Digest>().is_err());
        assert_eq!(digest.to_string().to_uppercase().replace("SHA", "sha").parse::<Digest>().unwrap(), digest);
        assert_eq!(digest.hex(), digest.to_string().replace("sha256:", ""));
        assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{digest}\""));
    }

    #[test]
    fn a_digest_of_parts_covers_names_contents_and_borders_but_not_order() {
        let one = Digest::of_parts([("a", &b"bc"[..]), ("d", b"")]);
        assert_eq!(one, Digest::of_parts([("d", &b""[..]), ("a", b"bc")]));
        assert_ne!(one, Digest::of_parts([("ab", &b"c"[..]), ("d", b"")]));
        assert_ne!(one, Digest::of_parts([("a", &b"bc"[..])]));
    }
}
