//! Tokens as a host and its people use them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;
use skillhost_types::Timestamp;

use crate::{AccessError, Role, Tenants, Tokens};

const NOW: Timestamp = Timestamp(1_768_473_000_250);

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn ours() -> Tenants {
    "ours".parse().unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_token_stands_for_its_name_role_and_tenant() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let viewer = tokens.add("ci.nightly_2-a", Role::Viewer, ours(), NOW).unwrap();
    let admin = tokens.add("ops", Role::Admin, Tenants::All, NOW).unwrap();
    let identity = tokens.check(viewer.expose()).unwrap().unwrap();
    assert_eq!((&*identity.name, identity.role, identity.tenants), ("ci.nightly_2-a", Role::Viewer, ours()));
    let identity = tokens.check(admin.expose()).unwrap().unwrap();
    assert_eq!((&*identity.name, identity.role, identity.tenants), ("ops", Role::Admin, Tenants::All));
}

#[test]
fn nothing_else_stands_for_anybody() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let token = tokens.add("ci", Role::Admin, Tenants::All, NOW).unwrap();
    let token = token.expose();
    for at in 0..token.len() {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        let near = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert_eq!(tokens.check(&near).unwrap(), None, "letter {at} is another");
    }
    for bad in ["", "ci", &format!("{token} "), &format!("Bearer {token}"), &token.to_lowercase()] {
        assert_eq!(tokens.check(bad).unwrap(), None, "{bad}");
    }
}

/// Two hashes that begin alike have the same key; the rest of them decides.
#[test]
fn the_whole_hash_decides_and_not_the_key_that_it_was_found_by() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let token = tokens.add("ci", Role::Admin, Tenants::All, NOW).unwrap();
    assert!(tokens.check(token.expose()).unwrap().is_some());
    let mut hash = token.hash();
    hash[31] ^= 1;
    let database = rusqlite::Connection::open(data.path().join("access.db")).unwrap();
    assert_eq!(database.execute("UPDATE tokens SET hash = ?1", (hash,)).unwrap(), 1);
    assert_eq!(tokens.check(token.expose()).unwrap(), None);
}

#[test]
fn a_revoked_token_and_its_sessions_end_at_once_in_every_process() {
    let data = folder();
    let (server, shell) = (Tokens::open(data.path()).unwrap(), Tokens::open(data.path()).unwrap());
    assert!(server.is_empty().unwrap());
    let token = shell.add("ci", Role::Caller, ours(), NOW).unwrap();
    let session = server.check(token.expose()).unwrap().unwrap();
    assert_eq!(server.still(&session).unwrap(), Some(session.clone()));
    assert!(shell.revoke("ci").unwrap());
    assert_eq!(server.check(token.expose()).unwrap(), None);
    assert_eq!(server.still(&session).unwrap(), None);
    assert!(server.is_empty().unwrap());
    assert!(!shell.revoke("ci").unwrap(), "there is nothing left to revoke");

    let another = shell.add("ci", Role::Admin, ours(), NOW).unwrap();
    assert_eq!(server.still(&session).unwrap(), None, "a session is its token's, not its name's");
    assert_eq!(server.check(token.expose()).unwrap(), None);
    assert!(server.check(another.expose()).unwrap().is_some());
}

#[test]
fn a_session_has_the_role_that_its_token_has_now() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let token = tokens.add("ci", Role::Admin, Tenants::All, NOW).unwrap();
    let session = tokens.check(token.expose()).unwrap().unwrap();
    let database = rusqlite::Connection::open(data.path().join("access.db")).unwrap();
    database.execute("UPDATE tokens SET role = 'viewer', tenant = 'ours'", ()).unwrap();
    let now = tokens.still(&session).unwrap().unwrap();
    assert_eq!((now.role, now.tenants), (Role::Viewer, ours()));
}

#[test]
fn a_second_token_of_a_name_is_refused_and_the_first_stays() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let first = tokens.add("ci", Role::Viewer, ours(), NOW).unwrap();
    let error = tokens.add("ci", Role::Admin, Tenants::All, NOW).unwrap_err();
    assert!(matches!(&error, AccessError::Taken { name } if name == "ci"));
    assert!(error.to_string().contains("token revoke ci"), "{error}");
    assert_eq!(tokens.check(first.expose()).unwrap().unwrap().role, Role::Viewer);
    assert_eq!(tokens.list().unwrap().len(), 1);
}

#[test]
fn a_name_is_short_and_plain() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    for bad in ["", "CI", "a b", "ä", "a/b", "a\u{1b}[31m", &"a".repeat(65)] {
        let error = tokens.add(bad, Role::Viewer, ours(), NOW).unwrap_err();
        assert!(matches!(error, AccessError::Name { .. }), "{bad}: {error}");
        assert!(error.to_string().is_ascii(), "{error}");
    }
    assert!(tokens.is_empty().unwrap());
    tokens.add(&"a".repeat(64), Role::Viewer, ours(), NOW).unwrap();
}

#[test]
fn the_list_tells_all_but_the_secret_oldest_first() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    assert_eq!(tokens.list().unwrap(), []);
    tokens.add("b", Role::Caller, ours(), Timestamp(NOW.0 + 1)).unwrap();
    tokens.add("z", Role::Admin, Tenants::All, NOW).unwrap();
    tokens.add("a", Role::Viewer, Tenants::One("default".parse().unwrap()), Timestamp(NOW.0 + 1)).unwrap();
    assert_eq!(
        serde_json::to_value(tokens.list().unwrap()).unwrap(),
        json!([
            { "name": "z", "role": "admin", "tenant": "*", "created_at": "2026-01-15T10:30:00.250Z" },
            { "name": "a", "role": "viewer", "tenant": "default", "created_at": "2026-01-15T10:30:00.251Z" },
            { "name": "b", "role": "caller", "tenant": "ours", "created_at": "2026-01-15T10:30:00.251Z" },
        ])
    );
}

#[test]
fn what_is_kept_and_shown_holds_no_token() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let token = tokens.add("ci", Role::Admin, Tenants::All, NOW).unwrap();
    let identity = tokens.check(token.expose()).unwrap().unwrap();
    let letters = &token.expose()[4..];
    let shown = format!("{token:?} {identity:?} {tokens:?} {:?}", tokens.list().unwrap());
    assert!(!shown.contains(letters), "{shown}");
    assert!(shown.contains("\"ci\"") && shown.contains("Admin"), "{shown}");
    let mut files = 0;
    for entry in fs::read_dir(data.path()).unwrap().map(Result::unwrap) {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(letters.len()).any(|part| part == letters.as_bytes()), "{}", entry.path().display());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", entry.path().display());
        files += 1;
    }
    assert!(files > 0, "the database at least");
}

#[test]
fn the_first_token_is_the_administrators_and_lies_in_a_file_of_its_owner() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let token = tokens.first(data.path(), NOW).unwrap().unwrap();
    let file = data.path().join("token");
    assert_eq!(text(&file), format!("{}\n", token.expose()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let identity = tokens.check(token.expose()).unwrap().unwrap();
    assert_eq!((&*identity.name, identity.role, identity.tenants), ("admin", Role::Admin, Tenants::All));

    assert!(tokens.first(data.path(), NOW).unwrap().is_none(), "there is one");
    assert_eq!(text(&file), format!("{}\n", token.expose()), "and it stays");
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains(".token-")), "no draft is left: {left:?}");
}

#[test]
fn whoever_has_a_token_needs_no_first_one() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    tokens.add("mine", Role::Viewer, ours(), NOW).unwrap();
    assert!(tokens.first(data.path(), NOW).unwrap().is_none());
    assert!(!data.path().join("token").exists());
}

#[test]
fn what_lay_in_the_place_of_the_first_token_is_replaced_and_never_written_to() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let file = data.path().join("token");
    let elsewhere = data.path().join("elsewhere");
    fs::write(&elsewhere, "untouched").unwrap();
    symlink(&elsewhere, &file).unwrap();
    let first = tokens.first(data.path(), NOW).unwrap().unwrap();
    assert_eq!(text(&elsewhere), "untouched");
    assert!(fs::symlink_metadata(&file).unwrap().is_file(), "the link is gone");
    assert_eq!(text(&file).trim_end(), first.expose());

    assert!(tokens.revoke("admin").unwrap());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let reader = fs::File::open(&file).unwrap();
    let second = tokens.first(data.path(), NOW).unwrap().unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap().trim_end(), first.expose(), "who had it open has the old one");
    assert_eq!(text(&file).trim_end(), second.expose());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_first_token_that_nobody_could_read_is_none() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let file = data.path().join("token");
    fs::create_dir(&file).unwrap();
    let error = tokens.first(data.path(), NOW).unwrap_err();
    assert!(matches!(&error, AccessError::File { path, .. } if *path == file), "{error}");
    assert!(tokens.is_empty().unwrap());
    fs::remove_dir(&file).unwrap();
    let token = tokens.first(data.path(), NOW).unwrap().unwrap();
    assert_eq!(text(&file).trim_end(), token.expose(), "the next start makes it");
}

#[test]
fn of_two_that_start_at_once_one_makes_the_first_token() {
    for _ in 0..20 {
        let data = folder();
        let starts: Vec<_> = (0..4).map(|_| Tokens::open(data.path()).unwrap()).collect();
        let barrier = Barrier::new(starts.len());
        let start = |tokens: &Tokens| {
            barrier.wait();
            tokens.first(data.path(), NOW).unwrap()
        };
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = starts.iter().map(|tokens| scope.spawn(|| start(tokens))).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        let [token] = &made[..] else { panic!("{} tokens", made.len()) };
        assert_eq!(text(&data.path().join("token")).trim_end(), token.expose());
        assert!(starts[0].check(token.expose()).unwrap().is_some());
        assert_eq!(starts[0].list().unwrap().len(), 1);
    }
}

#[test]
fn a_role_that_this_program_does_not_know_lets_nobody_in() {
    let data = folder();
    let tokens = Tokens::open(data.path()).unwrap();
    let token = tokens.add("ci", Role::Viewer, ours(), NOW).unwrap();
    let database = rusqlite::Connection::open(data.path().join("access.db")).unwrap();
    database.execute_batch("PRAGMA ignore_check_constraints = on; UPDATE tokens SET role = 'root'").unwrap();
    assert!(matches!(tokens.check(token.expose()), Err(AccessError::Store(_))));
}

/// Others' processes take tokens back as well; whatever is kept of earlier checks must not outlive that.
#[test]
fn a_token_that_another_process_takes_back_is_good_for_nothing_a_millisecond_later() {
    let data = folder();
    let (tokens, others) = (Tokens::open(data.path()).unwrap(), Tokens::open(data.path()).unwrap());
    let kept = tokens.add("kept", Role::Caller, ours(), NOW).unwrap();
    // From checks right behind a write to those for which what was read is at hand.
    for (round, wait) in [0, 1, 5, 20, 2_100, 0, 2_050].into_iter().enumerate() {
        let token = others.add("ci", Role::Caller, ours(), NOW).unwrap();
        let until = Instant::now() + Duration::from_millis(wait);
        while {
            assert!(tokens.check(token.expose()).unwrap().is_some(), "round {round}");
            assert!(tokens.check(kept.expose()).unwrap().is_some(), "round {round}");
            Instant::now() < until
        } {}
        assert!(others.revoke("ci").unwrap());
        let revoked = Instant::now();
        while revoked.elapsed() < Duration::from_millis(1) {
            // Who asks all the time gets no more time than others.
            assert!(tokens.check(kept.expose()).unwrap().is_some(), "round {round}");
        }
        assert_eq!(tokens.check(token.expose()).unwrap(), None, "round {round}");
        assert!(tokens.check(kept.expose()).unwrap().is_some(), "round {round}");
    }
}
