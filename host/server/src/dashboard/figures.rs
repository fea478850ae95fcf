//! The last hour in four small charts, of everything or of one skill.

use askama::Template;

use super::chart::{self, Svg};
use super::filters::{duration, thousands};
use crate::stats::{LastHour, Minute};

/// A figure with its chart.
struct Figure {
    title: &'static str,
    /// The figure itself.
    amount: String,
    /// What of.
    of: String,
    chart: Svg,
}

/// The last hour.
#[derive(Template)]
#[template(path = "figures.html")]
pub(super) struct Figures {
    figures: [Figure; 4],
}

impl Figures {
    pub(super) fn of(LastHour { minutes, whole }: &LastHour) -> Self {
        let values = |of: fn(&Minute) -> u64| minutes.iter().map(|minute| of(minute) as f64).collect::<Vec<_>>();
        let most = |of: fn(&Minute) -> u64| minutes.iter().map(of).max().unwrap_or_default();
        let Minute { runs, failed, tokens, p50_us, p99_us, .. } = *whole;
        let (share, half, most_of) = if runs == 0 {
            ("none".to_owned(), "–".to_owned(), "nothing ran".to_owned())
        } else {
            let share = format!("{:.1}\u{a0}%", failed as f64 / runs as f64 * 100.0);
            (share, duration(p50_us), format!("median; 99\u{a0}% took {} or less", duration(p99_us)))
        };
        let said = |what: &str, most: String| format!("{what} in each of the last 60 minutes, at most {most}");
        Self {
            figures: [
                Figure {
                    title: "Runs",
                    amount: thousands(runs),
                    of: format!("in an hour, at most {} a minute", thousands(most(|minute| minute.runs))),
                    chart: chart::bars(
                        &values(|minute| minute.runs),
                        &said("Runs", thousands(most(|minute| minute.runs))),
                    ),
                },
                Figure {
                    title: "Failed",
                    amount: thousands(failed),
                    of: share,
                    chart: chart::bars(
                        &values(|minute| minute.failed),
                        &said("Failed runs", thousands(most(|minute| minute.failed))),
                    ),
                },
                Figure {
                    title: "Latency",
                    amount: half,
                    of: most_of,
                    chart: chart::sparkline(
                        &values(|minute| minute.p99_us),
                        &said("Time that 99 % of the runs took at most", duration(most(|minute| minute.p99_us))),
                    ),
                },
                Figure {
                    title: "Model tokens",
                    amount: thousands(tokens),
                    of: "to and from language models".to_owned(),
                    chart: chart::sparkline(
                        &values(|minute| minute.tokens),
                        &said("Tokens", thousands(most(|minute| minute.tokens))),
                    ),
                },
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use skillhost_types::Timestamp;

    use super::*;

    fn minute(runs: u64, failed: u64) -> Minute {
        Minute { at: Timestamp(0), runs, failed, p50_us: runs * 100, p99_us: runs * 900, fuel: 0, tokens: 0 }
    }

    #[test]
    fn figures_are_those_of_the_whole_hour() {
        let hour = LastHour { minutes: vec![minute(7, 0), minute(3, 1), minute(0, 0)], whole: minute(10, 1) };
        let text = Figures::of(&hour).render().unwrap();
        assert!(text.contains("10") && text.contains("10.0\u{a0}%"), "{text}");
        assert!(text.contains("1 ms") && text.contains("99\u{a0}% took 9 ms or less"), "{text}");
    }

    #[test]
    fn an_hour_without_runs_is_told_as_such() {
        for minutes in [vec![], vec![minute(0, 0)]] {
            let text = Figures::of(&LastHour { minutes, whole: minute(0, 0) }).render().unwrap();
            assert!(text.contains("nothing ran") && !text.contains("NaN"), "{text}");
        }
    }
}
