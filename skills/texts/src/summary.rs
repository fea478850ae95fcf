//! The sentences that say most about a text, chosen by TextRank over the sentence graph (Mihalcea & Tarau 2004, §4).
//!
//! Promises sentences of the text itself, word by word, in the order of the text. The graph grows with the square of
//! the sentences, so at most [`MAX_RANKED`] are ranked, spread evenly over a longer text; the result says so.

use schemars::JsonSchema;
use serde::Serialize;

use crate::prose::{self, Block, Kind};
use crate::rank::{self, Graph};
use crate::sentences::sentences;
use crate::words::{Vocabulary, WordId};

/// Sentences in the graph: 400 make 80,000 pairs, some tens of millions of instructions.
pub const MAX_RANKED: usize = 400;
/// A sentence with fewer content words says too little to stand alone.
const MIN_WORDS: usize = 3;

/// The most telling sentences of a text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// The chosen sentences, in the order of the text.
    pub summary: String,
    /// The same one by one.
    pub sentences: Vec<Chosen>,
    /// Sentences in the text.
    pub total: usize,
    /// Sentences that were ranked: of a long text a sample, and no fragments.
    pub ranked: usize,
    /// Set where the text was too long to rank every sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One sentence of a summary.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Chosen {
    /// The sentence.
    pub text: String,
    /// Its TextRank score; 1 is average.
    pub score: f64,
    /// Its place among the sentences of the text, from 0.
    pub position: usize,
}

struct Candidate {
    position: usize,
    text: String,
    /// Distinct content words, sorted.
    words: Vec<WordId>,
}

/// The `sentences` that say most about a text, plain or Markdown; fewer where it has fewer. None: it has no prose.
pub fn summarize(text: &str, sentences: usize) -> Option<Summary> {
    let prose = prose::read(text);
    let all = all_sentences(&prose.blocks);
    let total = all.len();
    let candidates = candidates(all);
    let eligible = candidates.len();
    let candidates = spread(candidates, MAX_RANKED);
    let note = (candidates.len() < eligible).then(|| {
        format!("{MAX_RANKED} of {eligible} sentences were ranked, spread evenly over the text; summarize its parts for more")
    });

    let mut scored: Vec<(f64, &Candidate)> = scores(&candidates).into_iter().zip(&candidates).collect();
    let ranked = scored.len();
    // A stable sort: of equals, the earlier sentence wins.
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.truncate(sentences);
    scored.sort_by_key(|(_, candidate)| candidate.position);

    let chosen: Vec<Chosen> = scored
        .into_iter()
        .map(|(score, it)| Chosen { text: it.text.clone(), score: rank::rounded(score), position: it.position })
        .collect();
    if chosen.is_empty() {
        return None;
    }
    let summary = chosen.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ");
    Some(Summary { summary, sentences: chosen, total, ranked, note: note.or(prose.note) })
}

/// The sentences of the body; those of the headings where there is nothing else.
fn all_sentences(blocks: &[Block]) -> Vec<String> {
    let of = |kind| blocks.iter().filter(move |block| block.kind == kind).flat_map(|block| sentences(&block.text));
    let body: Vec<_> = of(Kind::Body).collect();
    if body.is_empty() { of(Kind::Heading).collect() } else { body }
}

/// What may stand in a summary: no repetitions, and no fragments unless all are.
fn candidates(sentences: Vec<String>) -> Vec<Candidate> {
    let vocabulary = Vocabulary::of(sentences.iter().map(String::as_str));
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for (position, text) in sentences.into_iter().enumerate() {
        let mut words: Vec<WordId> = vocabulary.sequence(&text).into_iter().flatten().collect();
        words.sort_unstable();
        words.dedup();
        if seen.insert(text.to_lowercase()) {
            found.push(Candidate { position, text, words });
        }
    }
    if found.iter().any(stands_alone) {
        found.retain(stands_alone);
    }
    found
}

/// Whether a reader understands the sentence without what comes before or after it.
fn stands_alone(candidate: &Candidate) -> bool {
    candidate.words.len() >= MIN_WORDS && !candidate.text.ends_with(':')
}

/// At most `max` of `items`, at even distances, the first among them.
fn spread<T>(items: Vec<T>, max: usize) -> Vec<T> {
    let count = items.len();
    if count <= max {
        return items;
    }
    // Item i is kept where it enters the next of `max` equal parts.
    items.into_iter().enumerate().filter(|(i, _)| (i * max) % count < max).map(|(_, item)| item).collect()
}

fn scores(candidates: &[Candidate]) -> Vec<f64> {
    let mut graph = Graph::new(candidates.len());
    for (i, a) in candidates.iter().enumerate() {
        for (j, b) in candidates.iter().enumerate().skip(i + 1) {
            graph.join(i, j, similarity(&a.words, &b.words));
        }
    }
    graph.scores()
}

/// Shared words, measured against the length of both sentences (equation in §4.1 of the paper).
fn similarity(a: &[WordId], b: &[WordId]) -> f64 {
    let length = (a.len() as f64).ln() + (b.len() as f64).ln();
    if length > 0.0 { shared(a, b) as f64 / length } else { 0.0 }
}

/// How many elements two sorted lists have in common.
fn shared(a: &[WordId], b: &[WordId]) -> usize {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut count = 0;
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => _ = a.next(),
            std::cmp::Ordering::Greater => _ = b.next(),
            std::cmp::Ordering::Equal => {
                count += 1;
                a.next();
                b.next();
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    const BEES: &str = "# Bees\n\nBeekeeping fills many quiet weekends. The weather was mild on \
        Tuesday morning. A bee colony needs its queen, since only the queen of the colony lays eggs. Trains were late. \
        When a queen dies, the colony raises a new queen from the eggs she left.\n\n```\nqueen colony eggs bees queen\n```\n";

    #[test]
    fn the_sentences_that_share_most_are_kept_in_the_order_of_the_text() {
        let found = summarize(BEES, 2).unwrap();
        let positions: Vec<_> = found.sentences.iter().map(|sentence| sentence.position).collect();
        assert_eq!(positions, [2, 4], "{found:?}");
        assert!(found.summary.starts_with("A bee colony needs its queen"));
        assert_eq!((found.total, found.note), (5, None));
    }

    #[test]
    fn code_and_headings_are_never_quoted() {
        let found = summarize(BEES, 50).unwrap();
        assert!(!found.summary.contains("queen colony eggs bees"), "{found:?}");
        assert!(!found.summary.contains("# Bees"));
    }

    #[test]
    fn a_text_without_words_has_no_summary() {
        for text in ["", "  \n ", "```\nonly code\n```", "***"] {
            assert!(summarize(text, 3).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_sentence_that_announces_the_next_is_not_kept() {
        let found = summarize(
            "The host loads every skill as shown below:\n\nSkills are loaded by the host. A host has many skills.",
            3,
        );
        assert!(found.unwrap().sentences.iter().all(|sentence| !sentence.text.ends_with(':')));
    }

    #[test]
    fn a_short_text_is_its_own_summary() {
        assert_eq!(summarize("Just this.", 3).unwrap().summary, "Just this.");
        assert_eq!(summarize("# Only a heading", 3).unwrap().summary, "Only a heading");
    }

    #[test]
    fn a_repeated_sentence_is_kept_once() {
        let found = summarize(
            "The queen lays the eggs daily. The queen lays the eggs daily. Bees guard the eggs of the queen.",
            3,
        );
        assert_eq!(found.unwrap().sentences.len(), 2);
    }

    #[test]
    fn a_huge_text_is_sampled_and_the_result_says_so() {
        let text: String = (0..5_000).map(|i| format!("Sentence number{i} speaks about subject{}. ", i % 97)).collect();
        let found = summarize(&text, 3).unwrap();
        assert_eq!((found.total, found.ranked), (5_000, MAX_RANKED));
        assert!(found.note.unwrap().contains("400 of 5000"));
    }

    #[test]
    fn a_spread_keeps_the_first_and_reaches_the_end() {
        assert_eq!(spread((0..10).collect(), 4), [0, 3, 5, 8]);
        assert_eq!(spread((0..3).collect(), 4), [0, 1, 2]);
        for count in [401, 777, 5_000] {
            assert_eq!(spread((0..count).collect(), MAX_RANKED).len(), MAX_RANKED);
        }
    }

    #[test]
    fn other_scripts_are_summarised_too() {
        let text = "Пчёлы живут в большой семье. Погода была мягкой. Матка семьи откладывает яйца для семьи. Пчёлы кормят матку.";
        assert_eq!(summarize(text, 1).unwrap().sentences.len(), 1);
    }
}
