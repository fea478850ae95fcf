#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::num::{NonZeroU32, NonZeroUsize};

use proptest::prelude::*;

use super::*;

type Changes = Arc<Mutex<Vec<(BreakerState, BreakerState)>>>;

fn breaker(window: usize, min_calls: usize, probes: u32) -> (Arc<Breaker>, Changes) {
    let config = BreakerConfig {
        window: NonZeroUsize::new(window).unwrap(),
        min_calls: NonZeroUsize::new(min_calls).unwrap(),
        failure_rate: 0.5,
        open: Duration::from_secs(30),
        open_max: Duration::from_secs(100),
        probes: NonZeroU32::new(probes).unwrap(),
    };
    let changes = Changes::default();
    let seen = Arc::clone(&changes);
    let on_change: OnChange = Box::new(move |from, to| seen.lock().unwrap().push((from, to)));
    (Arc::new(Breaker::new(config, Duration::from_secs(5), on_change)), changes)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fail(breaker: &Arc<Breaker>, times: usize, now: u64) {
    for _ in 0..times {
        breaker.admit(at(now)).unwrap().record(false, at(now));
    }
}

#[test]
fn it_opens_at_the_share_and_not_before_enough_calls() {
    let (breaker, _) = breaker(20, 5, 1);
    fail(&breaker, 4, 0);
    assert_eq!(breaker.state().0, BreakerState::Closed);
    for _ in 0..6 {
        breaker.admit(at(0)).unwrap().record(true, at(0));
    }
    fail(&breaker, 1, 0);
    assert_eq!(breaker.state().0, BreakerState::Closed);
    fail(&breaker, 1, 0);
    assert_eq!(breaker.state(), (BreakerState::Open, 1));
    assert_eq!(breaker.admit(at(10)).err(), Some(at(20)));
}

#[test]
fn one_probe_at_a_time_takes_it_back_or_doubles_the_time_up_to_the_most() {
    let (breaker, changes) = breaker(20, 5, 1);
    fail(&breaker, 5, 0);
    let mut now = 0;
    for wait in [30, 60, 100, 100] {
        assert_eq!(breaker.admit(at(now + wait - 1)).err(), Some(at(1)));
        now += wait;
        let probe = breaker.admit(at(now)).unwrap();
        assert!(breaker.admit(at(now)).is_err());
        probe.record(false, at(now));
    }
    breaker.admit(at(now + 100)).unwrap().record(true, at(now + 100));
    assert_eq!(breaker.state().0, BreakerState::Closed);
    // It begins anew.
    fail(&breaker, 5, now + 100);
    assert_eq!(breaker.admit(at(now + 100)).err(), Some(at(30)));
    use BreakerState::*;
    let mut expected = vec![(Closed, Open)];
    expected.extend([(Open, HalfOpen), (HalfOpen, Open)].repeat(4));
    expected.extend([(Open, HalfOpen), (HalfOpen, Closed), (Closed, Open)]);
    assert_eq!(*changes.lock().unwrap(), expected);
}

#[test]
fn a_hung_probe_counts_as_failed_and_a_dropped_one_gives_its_place_back() {
    let (breaker, _) = breaker(20, 5, 1);
    fail(&breaker, 5, 0);
    let hung = breaker.admit(at(30)).unwrap();
    assert_eq!(breaker.admit(at(34)).err(), Some(at(1)));
    assert_eq!(breaker.admit(at(35)).err(), Some(at(60)));
    // Too late to count.
    hung.record(true, at(36));
    assert_eq!(breaker.state().0, BreakerState::Open);

    drop(breaker.admit(at(95)).unwrap());
    breaker.admit(at(95)).unwrap().record(true, at(95));
    assert_eq!(breaker.state().0, BreakerState::Closed);
}

#[test]
fn a_probe_that_answers_closes_it_before_its_answer_ends() {
    let (breaker, _) = breaker(20, 5, 1);
    fail(&breaker, 5, 0);
    let mut probe = breaker.admit(at(30)).unwrap();
    probe.answering(at(31));
    assert_eq!(breaker.state().0, BreakerState::Closed);
    probe.record(false, at(32));
    assert_eq!(breaker.state().0, BreakerState::Closed);
    fail(&breaker, 4, 33);
    assert_eq!(breaker.state().0, BreakerState::Open, "the cut answer was the fifth failure");
}

#[test]
fn a_probe_counts_once_however_it_goes_on() {
    let (breaker, _) = breaker(4, 2, 2);
    fail(&breaker, 2, 0);
    let mut probe = breaker.admit(at(30)).unwrap();
    probe.answering(at(30));
    probe.record(true, at(31));
    assert_eq!(breaker.state().0, BreakerState::HalfOpen);
    let mut probe = breaker.admit(at(31)).unwrap();
    probe.answering(at(31));
    assert_eq!(breaker.state().0, BreakerState::Closed);
}

#[test]
fn as_many_probes_as_configured_pass_at_once() {
    let (breaker, _) = breaker(4, 2, 3);
    fail(&breaker, 2, 0);
    let probes: Vec<_> = (0..3).map(|_| breaker.admit(at(30)).unwrap()).collect();
    assert!(breaker.admit(at(30)).is_err());
    for probe in probes {
        assert_eq!(breaker.state().0, BreakerState::HalfOpen);
        probe.record(true, at(31));
    }
    assert_eq!(breaker.state().0, BreakerState::Closed);
}

proptest! {
    /// Whatever happens, one who waits long enough and then succeeds has it closed: it never sticks.
    #[test]
    fn it_never_sticks(steps in prop::collection::vec((0_u64..40, 0_u8..4), 0..200)) {
        let (breaker, _) = breaker(5, 3, 2);
        let (mut now, mut held) = (0, Vec::new());
        for (wait, step) in steps {
            now += wait;
            match (step, breaker.admit(at(now))) {
                (0, Ok(pass)) => pass.record(true, at(now)),
                (1, Ok(pass)) => pass.record(false, at(now)),
                (2, Ok(pass)) => held.push(pass),
                _ => {}
            }
        }
        for _ in 0..4 {
            now += 100;
            if let Ok(pass) = breaker.admit(at(now)) {
                pass.record(true, at(now));
            }
        }
        prop_assert_eq!(breaker.state().0, BreakerState::Closed);
    }
}
