//! A token's text and its hash.
//!
//! Contract: a new token is 258 bits of the system's randomness, never fewer and never another source's. Its text is not printed
//! for debugging. Price: one SHA-256 of 47 bytes, and nothing for what has not a token's form.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::AccessError;

/// What every token begins with, so that people and scanners for leaked secrets know one when they see it.
const PREFIX: &str = "skh_";

/// Random letters of a token. At six bits each they are 258 bits: not fewer than the hash that is kept of them.
const LETTERS: usize = 43;

/// The letters: those of base64url, which need no escaping in a header, a shell or an address's fragment.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A token that was just made. It is shown to whoever is to have it and then forgotten: there is no way to see it again.
pub struct Token {
    text: String,
}

/// What is kept of a token.
pub(crate) type Hash = [u8; 32];

impl Token {
    /// A token that nobody has seen.
    pub(crate) fn new() -> Result<Self, AccessError> {
        let mut random = [0; LETTERS];
        getrandom::fill(&mut random).map_err(AccessError::Random)?;
        // 64 letters divide the 256 values of a byte evenly, so all are equally likely.
        let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().map(char::from);
        Ok(Self { text: PREFIX.chars().chain(random.into_iter().filter_map(letter)).collect() })
    }

    /// The text, a secret: for its owner's eyes, never for a log.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn hash(&self) -> Hash {
        Sha256::digest(&self.text).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

/// The hash of what somebody presents as a token; none if it cannot be one.
pub(crate) fn hash(presented: &str) -> Option<Hash> {
    let letters = presented.strip_prefix(PREFIX)?;
    let is_token =
        letters.len() == LETTERS && letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_token.then(|| Sha256::digest(presented).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tokens_are_alike_and_each_has_the_form() {
        let tokens: Vec<Token> = (0..1_000).map(|_| Token::new().unwrap()).collect();
        let texts: std::collections::HashSet<_> = tokens.iter().map(Token::expose).collect();
        assert_eq!(texts.len(), tokens.len());
        for token in &tokens {
            assert_eq!(hash(token.expose()), Some(token.hash()), "{}", token.expose());
        }
        let used: std::collections::HashSet<_> = texts.iter().flat_map(|text| text[PREFIX.len()..].bytes()).collect();
        assert_eq!(used.len(), ALPHABET.len(), "43,000 letters leave none of 64 out");
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_not_hashed() {
        let token = Token::new().unwrap().text;
        let wrong = |text: &str| assert_eq!(hash(text), None, "{text:?}");
        wrong("");
        wrong(PREFIX);
        wrong(&token[..token.len() - 1]);
        wrong(&format!("{token}A"));
        wrong(&format!("{token}="));
        wrong(&format!(" {}", &token[1..]));
        wrong(&token.replace(PREFIX, "SKH_"));
        wrong(&token.replace(PREFIX, "sk__"));
        for last in ['+', '/', '=', '.', ' ', '\n', '\0', '\u{7f}'] {
            wrong(&format!("{}{last}", &token[..token.len() - 1]));
        }
        wrong(&format!("{}ä", &token[..token.len() - 2]));
        wrong(&"A".repeat(1 << 20));
    }

    #[test]
    fn a_token_is_not_shown_by_debugging() {
        let token = Token::new().unwrap();
        let shown = format!("{token:?} {token:#?}");
        assert!(!shown.contains(PREFIX) && !shown.contains(&token.expose()[PREFIX.len()..]), "{shown}");
    }
}
