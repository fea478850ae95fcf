//! How hard a text is to read, by the usual formulas for English. One linear pass.
//!
//! Flesch 1948 (reading ease), Kincaid et al. 1975 (grade), Gunning 1952 (fog index). Syllables are counted by
//! spelling, which is off by one for about one word in twenty; other languages get figures without meaning.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use texts::prose;
use texts::sentences::sentences;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::Error;

/// From this many syllables on a word counts as complex for the fog index.
const COMPLEX: usize = 3;

/// A text to be measured.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The text, plain or Markdown, in English.
    pub text: String,
}

/// Figures of a text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Readability {
    /// Flesch reading ease: 100 is very easy, 60 plain English, below 30 hard. May leave 0 to 100.
    pub flesch_reading_ease: f64,
    /// Flesch-Kincaid grade: years of school that the text asks for.
    pub flesch_kincaid_grade: f64,
    /// Gunning fog index: years of school that the text asks for.
    pub gunning_fog: f64,
    /// Words with at least one letter.
    pub words: usize,
    /// Sentences; a heading or list item is one.
    pub sentences: usize,
    /// Syllables of all words.
    pub syllables: usize,
    /// Words of three syllables or more, without names and without the endings -es, -ed, -ing.
    pub complex_words: usize,
    /// The reading ease in words.
    pub level: Level,
    /// Set where the text was too long to be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Flesch's names for his scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the scale")]
pub enum Level {
    VeryEasy,
    Easy,
    FairlyEasy,
    Standard,
    FairlyDifficult,
    Difficult,
    VeryDifficult,
}

impl Level {
    fn of(ease: f64) -> Self {
        match ease {
            90.0.. => Self::VeryEasy,
            80.0.. => Self::Easy,
            70.0.. => Self::FairlyEasy,
            60.0.. => Self::Standard,
            50.0.. => Self::FairlyDifficult,
            30.0.. => Self::Difficult,
            _ => Self::VeryDifficult,
        }
    }

    /// As a person says it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::VeryEasy => "very easy",
            Self::Easy => "easy",
            Self::FairlyEasy => "fairly easy",
            Self::Standard => "plain English",
            Self::FairlyDifficult => "fairly difficult",
            Self::Difficult => "difficult",
            Self::VeryDifficult => "very difficult",
        }
    }
}

/// Measures a text.
pub(crate) fn readability(input: &Measure) -> Result<Readability, Error> {
    let prose = prose::read(&input.text);
    let sentences: Vec<String> = prose.blocks.iter().flat_map(|block| sentences(&block.text)).collect();
    let (mut words, mut syllables, mut complex) = (0, 0, 0);
    // A text has few different words.
    let mut known: HashMap<&str, (usize, bool)> = HashMap::new();
    for sentence in &sentences {
        let of_letters = |word: &&str| word.chars().any(char::is_alphabetic);
        for (place, word) in sentence.unicode_words().filter(of_letters).enumerate() {
            let (count, is_long) = *known.entry(word).or_insert_with(|| (syllables_of(word), is_complex(word)));
            words += 1;
            syllables += count;
            let name = place > 0 && word.starts_with(char::is_uppercase);
            complex += usize::from(is_long && !name);
        }
    }
    if words == 0 {
        return Err(Error::Empty);
    }
    let per_sentence = words as f64 / sentences.len() as f64;
    let per_word = syllables as f64 / words as f64;
    let ease = rounded(206.835 - 1.015 * per_sentence - 84.6 * per_word);
    Ok(Readability {
        flesch_reading_ease: ease,
        flesch_kincaid_grade: rounded(0.39 * per_sentence + 11.8 * per_word - 15.59),
        gunning_fog: rounded(0.4 * (per_sentence + 100.0 * complex as f64 / words as f64)),
        words,
        sentences: sentences.len(),
        syllables,
        complex_words: complex,
        level: Level::of(ease),
        note: prose.note,
    })
}

/// One place after the point: more would pretend a precision that counting by spelling lacks.
fn rounded(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn is_complex(word: &str) -> bool {
    let lower = word.to_lowercase();
    let stem = ["ing", "es", "ed"].iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
    syllables_of(stem) >= COMPLEX
}

/// Syllables by spelling: groups of vowels, without a silent e, with the commonest breaks inside a group.
fn syllables_of(word: &str) -> usize {
    let lower = word.to_lowercase();
    let stem = lower.strip_suffix("'s").or_else(|| lower.strip_suffix("’s")).unwrap_or(&lower);
    let chars: Vec<char> = stem.chars().filter(|c| c.is_alphabetic()).collect();
    let groups = chars.chunk_by(|a, b| is_vowel(*a) == is_vowel(*b));
    let spoken = groups.filter(|group| group.first().is_some_and(|c| is_vowel(*c))).count() + breaks(&chars);
    spoken.saturating_sub(usize::from(silent_ending(&chars))).max(1)
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'œ') || ('à'..='ÿ').contains(&c) && !"çðñþ÷".contains(c)
}

/// Places where two vowels side by side are two syllables: rad-io, med-ia, sc-ience, vid-eo, cre-ate.
fn breaks(chars: &[char]) -> usize {
    // Two letters before the pair and two after it tell apart na-tion and rad-io.
    let margin = [' '; 2];
    let padded: Vec<char> = margin.iter().chain(chars).chain(&margin).copied().collect();
    padded.windows(6).filter(|window| is_break(window)).count()
}

fn is_break(window: &[char]) -> bool {
    match window {
        [_, before, 'i', 'o', ..] => !"cgstx".contains(*before),
        [_, 'r', 'i', 'a', 'g', _] => false,
        [_, before, 'i', 'a', ..] => !"ct".contains(*before),
        [_, 'p', 'e', 'o', 'p', _] => false,
        [_, before, 'e', 'o', ..] => *before != 'g',
        [_, _, 'i', 'u', ..]
        | [_, _, 'i', 'e', 'n', 'c']
        | [_, _, 'i', 'e', 't', _]
        | ['c', 'r', 'e', 'a', 't', _]
        | [_, _, 'u', 'o', 'u', _]
        | [_, 'd' | 't', 'u', 'a', 'l', _] => true,
        _ => false,
    }
}

/// Whether the word ends in an e that is not spoken: make, makes, walked; not little, boxes, wanted.
fn silent_ending(chars: &[char]) -> bool {
    match chars {
        [.., before, 'l', 'e'] | [.., before, 'l', 'e', 's'] if !is_vowel(*before) => false,
        [.., before, 'e'] => !is_vowel(*before),
        [.., before, 'e', 's'] => {
            !is_vowel(*before) && !"sxzcg".contains(*before) && !chars.ends_with(&['h', 'e', 's'])
        }
        [.., before, 'e', 'd'] => !is_vowel(*before) && !"td".contains(*before),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn measure(text: &str) -> Result<Readability, Error> {
        readability(&Measure { text: text.to_owned() })
    }

    #[test]
    fn syllables_are_those_of_the_dictionary() {
        let words = [
            ("the", 1),
            ("make", 1),
            ("makes", 1),
            ("walked", 1),
            ("wanted", 2),
            ("little", 2),
            ("boxes", 2),
            ("reading", 2),
            ("media", 3),
            ("radio", 3),
            ("nation", 2),
            ("science", 2),
            ("created", 3),
            ("component", 3),
            ("readability", 5),
            ("capability", 5),
            ("queue", 1),
            ("naïve", 1),
            ("host's", 1),
            ("table", 2),
            ("churches", 2),
            ("agree", 2),
            ("people", 2),
            ("actual", 3),
            ("rhythm", 1),
            ("x", 1),
        ];
        let wrong: Vec<_> = words.iter().filter(|(word, count)| syllables_of(word) != *count).collect();
        assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|(w, c)| (w, c, syllables_of(w))).collect::<Vec<_>>());
    }

    #[test]
    fn the_figures_are_those_of_the_formulas() {
        // 6 words of one syllable each in one sentence.
        let found = measure("The cat sat on the mat.").unwrap();
        assert_eq!((found.words, found.sentences, found.syllables, found.complex_words), (6, 1, 6, 0));
        assert_eq!((found.flesch_reading_ease, found.flesch_kincaid_grade, found.gunning_fog), (116.1, -1.4, 2.4));
        assert_eq!(found.level, Level::VeryEasy);
    }

    #[test]
    fn names_and_endings_do_not_make_a_word_complex() {
        let found = measure("We visited Alexandria; beautiful libraries.").unwrap();
        // beautiful, libraries (librari); neither visited nor the name.
        assert_eq!(found.complex_words, 2);
    }

    #[test]
    fn markup_code_and_numbers_are_not_counted() {
        let found =
            measure("# Cats\n\nThey **purr** 24 [hours](https://example.org/of/every/day).\n\n```\ncode here\n```")
                .unwrap();
        assert_eq!((found.words, found.sentences), (4, 2));
    }

    #[test]
    fn a_text_without_words_is_refused() {
        assert!(matches!(measure("1 2 3"), Err(Error::Empty)));
    }
}
