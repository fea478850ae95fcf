//! Many processes on one ledger, some of which are killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

/// Tells a copy of this test that it is one of the processes, and in which folder the ledger is.
const FOLDER: &str = "SKILLHOST_LEDGER_TEST_FOLDER";

/// Tells it to reserve something before the barrier and to do no more.
const HOLD: &str = "SKILLHOST_LEDGER_TEST_HOLD";

/// The time of all of them, so that no midnight comes between.
const NOON: &str = "2026-11-21T12:00:00Z";

const PROCESSES: usize = 24;

/// Processes that are killed in the middle of a call.
const HOLDERS: usize = 4;

/// Processes that are killed with these, wherever they are.
const VICTIMS: usize = 8;

const LIMIT: u64 = 20_000;

/// The largest call, in tokens.
const LARGEST: u64 = 97;

fn all() -> [Budget; 1] {
    [budget(&format!(r#"{{"tenant":"default","llm_tokens":{{"day":{LIMIT}}}}}"#))]
}

#[test]
fn processes_that_spend_one_budget_at_once_never_exceed_it_and_the_dead_hold_nothing_for_ever() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return spend(folder.as_ref());
    }
    let folder = tempfile::tempdir().unwrap();
    let (barrier, open) = std::io::pipe().unwrap();
    let start = |number: usize| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = std::thread::current().name().unwrap().to_owned();
        command.args([&name, "--exact", "--nocapture"]).env(FOLDER, folder.path());
        if number < HOLDERS {
            command.env(HOLD, "1");
        }
        command.stdin(barrier.try_clone().unwrap()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Process { child, out }
    };
    let mut processes: Vec<_> = (0..PROCESSES).map(start).collect();
    processes.iter_mut().for_each(|process| process.until("ready"));
    drop(open);

    let ledger = Ledger::open(folder.path(), Clock::at(NOON)).unwrap();
    let mut victims: Vec<_> = processes.drain(..VICTIMS).collect();
    let mut used = 0;
    // Watched all the time, until all who will end by themselves have.
    while processes.iter_mut().any(Process::runs) {
        let standing = ledger.status(&all()).unwrap().remove(0);
        assert!(standing.used + standing.reserved <= LIMIT, "{standing:?}");
        assert!(standing.used >= used, "{standing:?}: was {used}");
        used = standing.used;
        let next = (VICTIMS - victims.len() + 1) as u64;
        if used > LIMIT * next / (VICTIMS as u64 + 2)
            && let Some(victim) = victims.pop()
        {
            drop(victim);
        }
    }
    // On a machine so busy that this process came too seldom to kill them before.
    drop(victims);
    for process in &mut processes {
        assert!(process.child.wait().unwrap().success());
    }

    // Each stopped when not one token was left, and settled what it had put aside.
    let standing = ledger.status(&all()).unwrap().remove(0);
    assert_eq!(standing.used + standing.reserved, LIMIT, "{standing:?}");
    assert!(standing.reserved >= HOLDERS as u64 * LARGEST, "{standing:?}");
    let recount = ledger.recount().unwrap();
    assert!(recount.is_even(), "{recount:?}");
    let posted = |account: &str| -> u64 {
        ledger.entries(Some(account), None, usize::MAX).unwrap().iter().map(|entry| entry.amount).sum()
    };
    assert_eq!((posted("tenant:default"), posted("provider:ollama")), (standing.used, standing.used));

    let clock = Clock::at(NOON);
    clock.pass(LONG);
    let late = Ledger::open(folder.path(), clock).unwrap();
    assert_eq!(late.status(&all()).unwrap().remove(0).reserved, 0);
    let reserve = |cost| runtime().block_on(late.reserve(&spender("default", "s", None), cost, &all(), LONG));
    reserve(tokens(standing.reserved)).unwrap();
    assert_eq!(reservations(folder.path()), 1, "what the dead held is swept");
    exhausted(reserve(tokens(1)));
}

/// What each process does: smaller and smaller calls, until not even one of a single token is allowed.
fn spend(folder: &Path) {
    let ledger = Ledger::open(folder, Clock::at(NOON)).unwrap();
    let (runtime, who) = (runtime(), spender("default", "s", Some("timmy")));
    if std::env::var_os(HOLD).is_some() {
        let _hold = runtime.block_on(ledger.reserve(&who, tokens(LARGEST), &all(), LONG)).unwrap();
        println!("ready");
        // It will be killed; if the test is itself, it ends some day.
        return std::thread::sleep(LONG);
    }
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let mut size = LARGEST;
    loop {
        match runtime.block_on(ledger.reserve(&who, tokens(size), &all(), LONG)) {
            Ok(hold) => {
                runtime.block_on(ledger.settle(&hold, tokens(size), "ollama", "")).unwrap();
            }
            Err(LedgerError::Exhausted(_)) if size == 1 => return,
            Err(LedgerError::Exhausted(_)) => size = size.div_ceil(2),
            Err(error) => panic!("{error}"),
        }
    }
}

struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Process {
    /// Waits until it says `word`.
    fn until(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended without saying `{word}`");
        }
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    /// As `kill -9` does.
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
