//! Random interleavings of several spenders, compared with a ledger that keeps everything in a list. A failure prints its seed
//! and leaves it in `proptest-regressions`, to be tried first from then on.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::{Posted, Unit, Window, budget};

#[derive(Debug, Clone)]
enum Step {
    Reserve { who: Index, cost: Cost, expires: Duration },
    Settle { hold: Index, actual: Option<Cost> },
    Release { hold: Index },
    Pass(Duration),
}

struct Held {
    hold: Hold,
    cost: Cost,
    expires_at: Timestamp,
    open: bool,
    settled: Option<Cost>,
}

/// What the ledger is compared with.
#[derive(Default)]
struct Model {
    holds: Vec<Held>,
    spent: Vec<(Spender, Cost, Timestamp)>,
}

const FIRST: &str = "2026-11-29T20:00:00Z";
const NEXT_MONTH: &str = "2026-12-01T00:00:00Z";

impl Model {
    /// Used and reserved of a limit, in the window of `now`.
    fn taken(&self, budget: &Budget, limit: budget::Limit, run: RunId, now: Timestamp) -> (u64, u64) {
        let period = |at: Timestamp| match limit.window {
            Window::Month => u64::from(at >= time(NEXT_MONTH)),
            _ => at.0 / 86_400_000,
        };
        let mine = |who: &Spender| budget.applies_to(who) && (limit.window != Window::Run || who.run == run);
        let amount = |cost: Cost| if limit.unit == Unit::UsdMicros { cost.usd_micros } else { cost.llm_tokens };
        let now_or_run = |at| limit.window == Window::Run || period(at) == period(now);
        let used =
            self.spent.iter().filter(|(who, _, at)| mine(who) && now_or_run(*at)).map(|(_, cost, _)| amount(*cost));
        let held = self.holds.iter().filter(|held| held.open && held.expires_at > now && mine(&held.hold.spender));
        (used.sum(), held.map(|held| amount(held.cost)).sum())
    }

    fn has_room(&self, budgets: &[Budget], who: &Spender, cost: Cost, now: Timestamp) -> bool {
        budgets.iter().filter(|budget| budget.applies_to(who)).all(|budget| {
            budget.limits.iter().all(|limit| {
                let asked = if limit.unit == Unit::UsdMicros { cost.usd_micros } else { cost.llm_tokens };
                let (used, reserved) = self.taken(budget, *limit, who.run, now);
                asked == 0 || used + reserved + asked <= limit.most
            })
        })
    }
}

fn budgets() -> Vec<Budget> {
    [
        r#"{"tenant":"a","llm_tokens":{"day":300,"month":500}}"#,
        r#"{"tenant":"b","skill":"s","llm_tokens":{"day":120},"usd":{"day":0.000200}}"#,
        r#"{"skill":"s","usd":{"month":0.000400}}"#,
        r#"{"agent":"timmy","llm_tokens":{"run":60},"usd":{"run":0.000100}}"#,
    ]
    .map(budget)
    .into()
}

fn spenders() -> Vec<Spender> {
    let run = |at: &str| RunId::new(&*Clock::at(at));
    let (old, new, late) = (run(FIRST), run("2026-11-30T01:00:00Z"), run("2026-12-01T01:00:00Z"));
    [
        ("a", "s", None, old),
        ("a", "t", Some("timmy"), old),
        ("b", "s", Some("timmy"), new),
        ("b", "s", None, late),
        ("b", "t", Some("other"), new),
    ]
    .map(|(tenant, skill, agent, run)| Spender { run, ..spender(tenant, skill, agent) })
    .into()
}

fn cost() -> impl Strategy<Value = Cost> {
    (0..50_u64, 0..80_u64).prop_map(|(llm_tokens, usd_micros)| Cost { llm_tokens, usd_micros })
}

fn step() -> impl Strategy<Value = Step> {
    let hours = |most: u64| (0..most * 3_600).prop_map(Duration::from_secs);
    let any = any::<Index>;
    prop_oneof![
        5 => (any(), cost(), hours(6)).prop_map(|(who, cost, expires)| Step::Reserve { who, cost, expires }),
        // Most calls cost what was put aside for them.
        3 => any().prop_map(|hold| Step::Settle { hold, actual: None }),
        1 => (any(), cost()).prop_map(|(hold, actual)| Step::Settle { hold, actual: Some(actual) }),
        1 => any().prop_map(|hold| Step::Release { hold }),
        1 => hours(8).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_interleaving_of_spenders_is_as_if_it_were_kept_in_a_list(steps in vec(step(), 1..60)) {
        let (desk, budgets, spenders) = (Desk::new(), budgets(), spenders());
        let mut model = Model::default();
        desk.clock.set(FIRST);
        for step in steps {
            let now = desk.clock.now();
            match step {
                Step::Reserve { who, cost, expires } => {
                    let who = who.get(&spenders);
                    let room = model.has_room(&budgets, who, cost, now);
                    match desk.runtime.block_on(desk.ledger.reserve(who, cost, &budgets, expires)) {
                        Ok(hold) => {
                            prop_assert!(room, "{hold:?} of {cost:?} is over a budget");
                            let expires_at = Timestamp(now.0 + u64::try_from(expires.as_millis()).unwrap());
                            model.holds.push(Held { hold, cost, expires_at, open: true, settled: None });
                        }
                        Err(LedgerError::Exhausted(refusal)) => prop_assert!(!room, "{refusal}"),
                        Err(error) => panic!("{error}"),
                    }
                }
                Step::Settle { hold, actual } if !model.holds.is_empty() => {
                    let held = hold.get(&model.holds);
                    let at = hold.index(model.holds.len());
                    let actual = actual.unwrap_or(held.cost);
                    let outcome = desk.runtime.block_on(desk.ledger.settle(&held.hold, actual, "p", ""));
                    match held.settled {
                        None => {
                            prop_assert_eq!(outcome.unwrap(), Posted::Now);
                            model.spent.push((held.hold.spender.clone(), actual, now));
                            model.holds[at].settled = Some(actual);
                            model.holds[at].open = false;
                        }
                        Some(before) if before == actual => prop_assert_eq!(outcome.unwrap(), Posted::Before),
                        Some(_) => {
                            let conflict = matches!(outcome, Err(LedgerError::Conflict { .. }));
                            prop_assert!(conflict, "{:?}", outcome);
                        }
                    }
                }
                Step::Release { hold } if !model.holds.is_empty() => {
                    let at = hold.index(model.holds.len());
                    desk.runtime.block_on(desk.ledger.release(&model.holds[at].hold)).unwrap();
                    model.holds[at].open = false;
                }
                Step::Pass(time) => desk.clock.pass(time),
                Step::Settle { .. } | Step::Release { .. } => {}
            }
            let now = desk.clock.now();
            let mut standings = desk.ledger.status(&budgets).unwrap().into_iter();
            for budget in &budgets {
                for limit in &budget.limits {
                    let standing = standings.next().unwrap();
                    if limit.window == Window::Run {
                        // Or later: some of these runs have names of tomorrow.
                        let today = |run: &RunId| run.started_at().0 / 86_400_000 >= now.0 / 86_400_000;
                        let runs = spenders.iter().map(|spender| spender.run).filter(today);
                        let largest = runs.map(|run| model.taken(budget, *limit, run, now)).map(|(used, reserved)| used + reserved);
                        prop_assert_eq!(standing.used + standing.reserved, largest.max().unwrap_or_default());
                    } else {
                        let taken = model.taken(budget, *limit, spenders[0].run, now);
                        prop_assert_eq!((standing.used, standing.reserved), taken, "{:?}", standing);
                    }
                }
            }
            for spender in &spenders {
                let mine = budgets.iter().filter(|budget| budget.applies_to(spender));
                let limits = mine.flat_map(|budget| budget.limits.iter().map(move |limit| (budget, *limit)));
                let left = limits.filter(|(_, limit)| limit.unit == Unit::LlmTokens).map(|(budget, limit)| {
                    let (used, reserved) = model.taken(budget, limit, spender.run, now);
                    limit.most.saturating_sub(used + reserved)
                });
                prop_assert_eq!(desk.ledger.remaining(spender, &budgets).unwrap(), left.min());
            }
        }
    }
}
