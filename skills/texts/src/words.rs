//! Words that carry meaning: lower-case, without function words, a plural counted as its singular where both occur.
//!
//! Word limits are those of Unicode (UAX #29), so any script works; the stop words are English. Costs one pass and one
//! entry per distinct word.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation as _;

/// English function words, and the fragments that word segmentation leaves of contractions and abbreviations.
static STOP_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("stop-words.txt").split_whitespace().collect());

/// The number of a distinct word in a [`Vocabulary`].
pub type WordId = usize;

/// The distinct content words of a text.
#[derive(Debug, Default)]
pub struct Vocabulary {
    ids: HashMap<String, WordId>,
    words: Vec<String>,
}

impl Vocabulary {
    /// The words of `texts`, each with its number.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut vocabulary = Self::default();
        for word in texts.into_iter().flat_map(content_words).flatten() {
            if !vocabulary.ids.contains_key(&word) {
                vocabulary.ids.insert(word.clone(), vocabulary.words.len());
                vocabulary.words.push(word);
            }
        }
        vocabulary
    }

    /// Content words of `text` by number; `None` stands where something else was, so neighbours stay neighbours.
    pub fn sequence(&self, text: &str) -> Vec<Option<WordId>> {
        content_words(text).map(|word| word.and_then(|word| self.id(&word))).collect()
    }

    /// The word of that number.
    pub fn word(&self, id: WordId) -> Option<&str> {
        self.words.get(id).map(String::as_str)
    }

    /// How many words have numbers.
    pub fn count(&self) -> usize {
        self.words.len()
    }

    fn id(&self, word: &str) -> Option<WordId> {
        singulars(word).find_map(|singular| self.ids.get(singular.as_str())).or_else(|| self.ids.get(word)).copied()
    }
}

/// The words of `text` in lower case; `None` for one that carries no meaning of its own.
fn content_words(text: &str) -> impl Iterator<Item = Option<String>> {
    text.unicode_words().map(|word| {
        let lower = word.to_lowercase().replace('’', "'");
        let lower = lower.strip_suffix("'s").map(str::to_owned).unwrap_or(lower);
        is_content(&lower).then_some(lower)
    })
}

fn is_content(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    // A lone ASCII letter is a list mark or a variable; a lone ideograph is a word.
    letters > 0 && !(word.is_ascii() && letters < 2) && !STOP_WORDS.contains(word)
}

/// What `word` may be the plural of, likelier first; it counts only where the text has it too.
fn singulars(word: &str) -> impl Iterator<Item = String> {
    let y = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let es = word.strip_suffix("es").filter(|stem| stem.len() > 2).map(str::to_owned);
    let s = word.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with('s')).map(str::to_owned);
    [y, s, es].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_words_numbers_and_lone_letters_carry_no_meaning() {
        let found: Vec<_> = content_words("The host’s 42 skills: x, 東 and don’t").collect();
        let expected = [None, Some("host"), None, Some("skills"), None, Some("東"), None, None];
        assert_eq!(found, expected.map(|word| word.map(str::to_owned)));
    }

    #[test]
    fn a_plural_counts_as_its_singular_only_where_both_occur() {
        let vocabulary = Vocabulary::of(["skill skills policies policy boxes box glass news"]);
        let ids = vocabulary.sequence("skills skill policies policy boxes box");
        assert!(ids.chunks(2).all(|pair| pair.first() == pair.last()), "{ids:?}");
        let lone = vocabulary.sequence("news glass");
        assert_eq!(lone.iter().flatten().filter_map(|id| vocabulary.word(*id)).collect::<Vec<_>>(), ["news", "glass"]);
    }
}
