//! Sentences of a block, by Unicode's rules (UAX #29), with abbreviations put together again. One linear pass.

use unicode_segmentation::UnicodeSegmentation as _;

/// Abbreviations after which a sentence goes on even before a capital letter, in lower case.
const ABBREVIATIONS: &[&str] = &[
    "al.", "approx.", "bzw.", "ca.", "cf.", "ch.", "dr.", "e.g.", "ed.", "eds.", "eq.", "fig.", "figs.", "i.e.", "jr.",
    "mr.", "mrs.", "ms.", "no.", "nr.", "p.", "pp.", "prof.", "resp.", "sec.", "sr.", "st.", "vol.", "vs.", "z.b.",
];

/// The sentences of `text`, trimmed, in order.
pub fn sentences(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for piece in text.unicode_sentences() {
        match found.last_mut() {
            Some(last) if is_open(last) => last.push_str(piece),
            _ => found.push(piece.to_owned()),
        }
    }
    for sentence in &mut found {
        *sentence = sentence.trim().to_owned();
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Whether what was read so far ends in the middle of a sentence.
fn is_open(text: &str) -> bool {
    let Some(word) = text.split_whitespace().next_back() else { return true };
    let word = word.trim_start_matches(['(', '[', '“', '"', '‘', '\'']);
    let initial = {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.as_str() == "."
    };
    // "I." ends a sentence far more often than it is somebody's initial.
    (initial && word != "I.") || ABBREVIATIONS.binary_search(&word.to_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_are_sorted_as_the_search_in_them_needs() {
        assert!(ABBREVIATIONS.is_sorted());
    }

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        assert_eq!(
            sentences("Version 1.5 is out. Is it any good? Ask Dr. Miller (e.g. Tuesday)! „Ja.“ Gut."),
            ["Version 1.5 is out.", "Is it any good?", "Ask Dr. Miller (e.g. Tuesday)!", "„Ja.“", "Gut."]
        );
    }

    #[test]
    fn initials_do_not_end_a_sentence() {
        assert_eq!(sentences("It is by J. R. Miller. So am I. Good."), ["It is by J. R. Miller.", "So am I.", "Good."]);
    }

    #[test]
    fn other_scripts_have_sentences_too() {
        assert_eq!(sentences("これは文です。次の文です。"), ["これは文です。", "次の文です。"]);
    }
}
