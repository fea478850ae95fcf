//! TextRank: the weighted PageRank of Mihalcea & Tarau, "TextRank: Bringing Order into Texts" (EMNLP 2004), on an
//! undirected graph.
//!
//! Promises a finite score of at least `1 - DAMPING` for every node, the same on every machine. Costs at most
//! [`MAX_ROUNDS`] passes over the edges.

/// The part of a node's score that its neighbours give; the paper's value.
pub const DAMPING: f64 = 0.85;
/// The scores stand when none changes by more than this in a round; the paper's value.
pub const THRESHOLD: f64 = 1e-4;
/// Graphs of text settle within 20 to 40 rounds; the bound is for those that do not.
pub const MAX_ROUNDS: usize = 100;

/// An undirected graph with weighted edges.
#[derive(Debug)]
pub struct Graph {
    neighbours: Vec<Vec<(usize, f64)>>,
}

impl Graph {
    /// A graph of `nodes` nodes without edges.
    pub fn new(nodes: usize) -> Self {
        Self { neighbours: vec![Vec::new(); nodes] }
    }

    /// Joins two different nodes; each pair at most once, with a positive weight. Anything else is left out.
    pub fn join(&mut self, a: usize, b: usize, weight: f64) {
        if a == b || !(weight.is_finite() && weight > 0.0) || a.max(b) >= self.neighbours.len() {
            return;
        }
        for (from, to) in [(a, b), (b, a)] {
            if let Some(list) = self.neighbours.get_mut(from) {
                list.push((to, weight));
            }
        }
    }

    /// The score of every node.
    pub fn scores(&self) -> Vec<f64> {
        let totals: Vec<f64> = self.neighbours.iter().map(|list| list.iter().map(|(_, weight)| weight).sum()).collect();
        let mut scores = vec![1.0; self.neighbours.len()];
        for _ in 0..MAX_ROUNDS {
            let mut next = vec![1.0 - DAMPING; scores.len()];
            for ((list, total), score) in self.neighbours.iter().zip(&totals).zip(&scores) {
                for (to, weight) in list {
                    if let Some(target) = next.get_mut(*to) {
                        *target += DAMPING * weight / total * score;
                    }
                }
            }
            let change = scores.iter().zip(&next).map(|(old, new)| (old - new).abs()).fold(0.0, f64::max);
            scores = next;
            if change <= THRESHOLD {
                break;
            }
        }
        scores
    }
}

/// Rounded to four places: what the threshold leaves significant.
pub fn rounded(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn the_middle_of_a_star_scores_what_the_equations_give() {
        let mut graph = Graph::new(4);
        for leaf in 1..4 {
            graph.join(0, leaf, 2.5);
        }
        // c = 0.15 + 0.85 * 3 * l and l = 0.15 + 0.85 * c / 3, solved by hand.
        let centre = (0.15 + 0.85 * 3.0 * 0.15) / (1.0 - 0.85 * 0.85);
        let scores = graph.scores();
        assert!((scores[0] - centre).abs() < 1e-3, "{scores:?}");
        assert!((scores[1] - (0.15 + 0.85 * centre / 3.0)).abs() < 1e-3, "{scores:?}");
    }

    #[test]
    fn the_heavier_edge_gives_more() {
        let mut graph = Graph::new(3);
        graph.join(0, 1, 3.0);
        graph.join(0, 2, 1.0);
        let scores = graph.scores();
        assert!(scores[1] > scores[2]);
    }

    #[test]
    fn a_lone_node_keeps_the_undamped_rest() {
        assert_eq!(Graph::new(1).scores(), [1.0 - DAMPING]);
        assert_eq!(Graph::new(0).scores(), Vec::<f64>::new());
    }

    #[test]
    fn edges_that_make_no_sense_are_left_out() {
        let mut graph = Graph::new(2);
        graph.join(0, 0, 1.0);
        graph.join(0, 7, 1.0);
        graph.join(0, 1, f64::NAN);
        graph.join(0, 1, 0.0);
        assert_eq!(graph.scores(), [1.0 - DAMPING; 2]);
    }
}
