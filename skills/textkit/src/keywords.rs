//! The words and phrases that a text turns around, by TextRank over the graph of neighbouring words (Mihalcea &
//! Tarau 2004, §3).
//!
//! Promises words of the text in lower case, best first. Costs time and memory in proportion to the prose that is read.

use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use texts::prose;
use texts::rank::{self, Graph};
use texts::sentences::sentences;
use texts::words::{Vocabulary, WordId};

use crate::{Error, MAX_KEYWORDS};

/// A phrase in a text of this many words must come twice to be one; shorter texts rarely repeat themselves.
const SHORT_TEXT: usize = 200;
/// Words of a phrase at the most.
const MAX_PHRASE: usize = 3;
/// A phrase stands for its words if each of them is in it at least every third time.
const SHARE: usize = 3;

/// A text and how many keywords to find.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindKeywords {
    /// The text, plain or Markdown.
    pub text: String,
    /// How many keywords to give at the most.
    #[serde(default = "default_count")]
    #[schemars(range(min = 1, max = MAX_KEYWORDS))]
    pub count: usize,
}

fn default_count() -> usize {
    10
}

/// The keywords of a text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Keywords {
    /// Best first.
    pub keywords: Vec<Keyword>,
    /// Set where the text was too long to be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One keyword.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Keyword {
    /// A word, or a phrase of two or three.
    pub text: String,
    /// TextRank score; a phrase has that of its best word. 1 is an average word.
    pub score: f64,
    /// How often it occurs.
    pub count: usize,
}

/// Finds the keywords of a text.
pub(crate) fn keywords(input: &FindKeywords) -> Result<Keywords, Error> {
    if !(1..=MAX_KEYWORDS).contains(&input.count) {
        return Err(Error::Keywords { asked: input.count });
    }
    let prose = prose::read(&input.text);
    let sentences: Vec<String> = prose.blocks.iter().flat_map(|block| sentences(&block.text)).collect();
    let vocabulary = Vocabulary::of(sentences.iter().map(String::as_str));
    let read: Vec<_> = sentences.iter().map(|sentence| vocabulary.sequence(sentence)).collect();
    let scores = graph(&vocabulary, &read).scores();
    let score = |id: WordId| scores.get(id).copied().unwrap_or_default();

    let mut counts: HashMap<WordId, usize> = HashMap::new();
    for id in read.iter().flatten().flatten() {
        *counts.entry(*id).or_default() += 1;
    }
    let mut best: Vec<WordId> = counts.keys().copied().collect();
    // By number among equals, so that the earlier word wins.
    best.sort_by(|a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
    best.truncate(input.count);
    let best: HashSet<WordId> = best.into_iter().collect();

    let short = counts.values().sum::<usize>() < SHORT_TEXT;
    let mut found = phrases(&read, &best);
    found.retain(|words, count| {
        let commonest = words.iter().filter_map(|id| counts.get(id)).max().copied().unwrap_or_default();
        *count >= if short { 1 } else { 2 } && *count * SHARE >= commonest
    });
    let within: HashSet<WordId> = found.keys().flatten().copied().collect();
    found.extend(best.difference(&within).map(|id| (vec![*id], counts.get(id).copied().unwrap_or_default())));

    let mut found: Vec<(f64, Vec<WordId>, usize)> = found
        .into_iter()
        .map(|(words, count)| (words.iter().map(|id| score(*id)).fold(0.0, f64::max), words, count))
        .collect();
    found.sort_by(|(a, x, _), (b, y, _)| b.total_cmp(a).then_with(|| x.cmp(y)));
    found.truncate(input.count);
    if found.is_empty() {
        return Err(Error::Empty);
    }
    let keywords = found
        .into_iter()
        .map(|(score, words, count)| Keyword {
            text: words.iter().filter_map(|id| vocabulary.word(*id)).collect::<Vec<_>>().join(" "),
            score: rank::rounded(score),
            count,
        })
        .collect();
    Ok(Keywords { keywords, note: prose.note })
}

/// Content words are neighbours when only words without meaning stand between them, within one sentence.
fn graph(vocabulary: &Vocabulary, sentences: &[Vec<Option<WordId>>]) -> Graph {
    let mut pairs: BTreeMap<(WordId, WordId), f64> = BTreeMap::new();
    for sentence in sentences {
        let words = || sentence.iter().flatten().copied();
        for (a, b) in words().zip(words().skip(1)) {
            *pairs.entry((a.min(b), a.max(b))).or_default() += 1.0;
        }
    }
    let mut graph = Graph::new(vocabulary.count());
    for ((a, b), weight) in pairs {
        graph.join(a, b, weight);
    }
    graph
}

/// Runs of the best words side by side, with their counts.
fn phrases(sentences: &[Vec<Option<WordId>>], best: &HashSet<WordId>) -> BTreeMap<Vec<WordId>, usize> {
    let mut found: BTreeMap<Vec<WordId>, usize> = BTreeMap::new();
    for sentence in sentences {
        for run in sentence.split(|word| word.is_none_or(|id| !best.contains(&id))) {
            if (2..=MAX_PHRASE).contains(&run.len()) {
                *found.entry(run.iter().flatten().copied().collect()).or_default() += 1;
            }
        }
    }
    found.retain(|words, _| words.first() != words.last());
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    fn find(text: &str, count: usize) -> Result<Keywords, Error> {
        keywords(&FindKeywords { text: text.to_owned(), count })
    }

    #[test]
    fn the_words_that_a_text_turns_around_come_first() {
        let text =
            "The host loads skills. A skill has tools. The host calls the tools of a skill. Every skill is a file.";
        let found = find(text, 3).unwrap();
        assert_eq!(found.keywords[0].text, "skill", "{found:?}");
        assert_eq!(found.keywords[0].count, 4);
        assert!(found.keywords.is_sorted_by(|a, b| a.score >= b.score));
    }

    #[test]
    fn neighbours_among_the_best_become_a_phrase() {
        let text = "Linear equations are solved. Systems of linear equations need a solver. We solve linear equations.";
        let found = find(text, 4).unwrap();
        assert_eq!(found.keywords[0].text, "linear equations", "{found:?}");
        assert!(found.keywords.iter().all(|keyword| keyword.text != "linear"));
    }

    #[test]
    fn a_common_word_keeps_its_own_place() {
        let text = "Parser errors hurt. A parser reads. The parser stops. One parser waits. That parser sleeps.";
        assert_eq!(find(text, 3).unwrap().keywords[0].text, "parser");
    }

    #[test]
    fn a_text_without_words_is_refused() {
        assert!(matches!(find("", 5), Err(Error::Empty)));
        assert!(matches!(find("the of and 1 2 3", 5), Err(Error::Empty)));
    }

    #[test]
    fn the_count_has_limits() {
        assert!(matches!(find("words", 0), Err(Error::Keywords { asked: 0 })));
        assert!(matches!(find("words", MAX_KEYWORDS + 1), Err(Error::Keywords { .. })));
    }

    #[test]
    fn a_text_over_the_limit_is_cut_and_the_result_says_so() {
        let found = find(&"lorem ipsum dolor. ".repeat(prose::MAX_PROSE / 10), 2).unwrap();
        assert!(found.note.is_some());
        assert_eq!(find("lorem ipsum", 2).unwrap().note, None);
    }
}
