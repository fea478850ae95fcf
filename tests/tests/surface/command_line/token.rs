//! `token`: made, listed and taken back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use skillhost_tests::{Ran, World};

use crate::{has_fields, is_time};

fn add(world: &World, arguments: &[&str]) -> Ran {
    world.run(&[&["token", "add"], arguments].concat())
}

/// The only line of standard output, which is the token.
#[track_caller]
fn added(world: &World, arguments: &[&str]) -> String {
    let ran = add(world, arguments);
    assert_eq!(ran.code, Some(0), "{ran}");
    let token = ran.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("a line: {ran}"));
    let letters = token.strip_prefix("skh_").unwrap_or_else(|| panic!("the token alone: {ran}"));
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(letters.len() == 43 && letters.bytes().all(is_letter), "{ran}");
    assert!(!ran.stderr.contains(letters), "results go to standard output alone: {ran}");
    token.to_owned()
}

#[track_caller]
fn list(world: &World) -> Vec<Value> {
    let ran = world.run(&["token", "list", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let Value::Array(tokens) = ran.json() else { panic!("no array: {ran}") };
    for token in &tokens {
        has_fields(token, &["name", "role", "tenant", "created_at"], &[]);
        assert!(is_time(&token["created_at"]), "{token}");
    }
    tokens
}

fn names(tokens: &[Value]) -> Vec<&str> {
    tokens.iter().map(|token| token["name"].as_str().unwrap()).collect()
}

#[test]
fn a_token_is_printed_alone_and_listed_without_its_secret() {
    let world = World::new();
    assert_eq!(list(&world), Vec::<Value>::new());
    let ci = added(&world, &["ci", "--role", "caller"]);
    let ops = added(&world, &["ops.2", "--role", "admin", "--tenant", "*"]);
    let eyes = added(&world, &["eyes_1", "--role", "viewer", "--tenant", "team-7"]);
    assert!(ci != ops && ops != eyes && ci != eyes);
    let tokens = list(&world);
    let told: Vec<_> = tokens.iter().map(|token| json!([token["name"], token["role"], token["tenant"]])).collect();
    assert_eq!(
        told,
        [json!(["ci", "caller", "default"]), json!(["ops.2", "admin", "*"]), json!(["eyes_1", "viewer", "team-7"])],
        "the oldest first"
    );
    let for_people = world.run(&["token", "list"]);
    for word in ["ci", "caller", "default", "ops.2", "admin", "*", "eyes_1", "viewer", "team-7"] {
        assert!(for_people.stdout.contains(word), "`{word}`: {for_people}");
    }
    for secret in [&ci, &ops, &eyes] {
        assert!(!for_people.stdout.contains(&secret[4..]), "{for_people}");
    }
}

#[test]
fn only_the_hash_of_a_token_is_kept_and_only_for_its_owner() {
    let world = World::new();
    let token = added(&world, &["ci", "--role", "caller"]);
    let letters = token.as_bytes().strip_prefix(b"skh_").unwrap();
    let mut looked = 0;
    for entry in fs::read_dir(world.data()).unwrap().map(Result::unwrap) {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(letters.len()).any(|part| part == letters), "{}", entry.path().display());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", entry.path().display());
        looked += 1;
    }
    assert!(looked > 0, "the token was kept somewhere");
}

#[test]
fn with_json_a_token_is_one_json_text() {
    let world = World::new();
    let ran = add(&world, &["ci", "--role", "caller", "--json", "-q"]);
    assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran}");
    assert!(ran.json().as_str().is_some_and(|token| token.starts_with("skh_")), "{ran}");
}

#[test]
fn a_token_is_taken_back_once() {
    let world = World::new();
    let first = added(&world, &["ci", "--role", "caller"]);
    added(&world, &["ops", "--role", "admin"]);
    let ran = world.run(&["token", "revoke", "ci"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(names(&list(&world)), ["ops"]);
    for name in ["ci", "nobody", "No Name", ""] {
        let again = world.run(&["token", "revoke", name]);
        assert!(again.code == Some(3) && again.stdout.is_empty(), "{again}");
        assert!(again.stderr.contains("token list"), "the way out: {again}");
    }
    assert_ne!(added(&world, &["ci", "--role", "viewer"]), first, "the name is free again, the token is another");
    let ran = world.run(&["token", "revoke", "ci", "--json"]);
    assert_eq!((ran.code, ran.json()), (Some(0), json!({"revoked": "ci"})), "{ran}");
}

#[test]
fn a_second_token_of_a_name_is_refused_with_the_way_out() {
    let world = World::new();
    added(&world, &["ci", "--role", "viewer"]);
    let ran = add(&world, &["ci", "--role", "admin"]);
    assert!(ran.code == Some(2) && ran.stdout.is_empty(), "{ran}");
    assert!(ran.stderr.contains("skillhost token revoke ci"), "{ran}");
    let tokens = list(&world);
    assert_eq!((tokens.len(), &tokens[0]["role"]), (1, &json!("viewer")), "the first stays as it was");
}

#[test]
fn what_no_token_can_be_is_a_wrong_command_line() {
    let world = World::new();
    let long = "a".repeat(65);
    for arguments in [
        &["ci"] as &[&str],
        &["--role", "admin"],
        &["ci", "--role", "root"],
        &["ci", "--role", "Admin"],
        &["ci", "--role", ""],
        &["ci", "--role", "admin", "--tenant", ""],
        &["ci", "--role", "admin", "--tenant", "Team"],
        &["ci", "--role", "admin", "--tenant", "a*"],
        &["", "--role", "admin"],
        &["CI", "--role", "admin"],
        &["a b", "--role", "admin"],
        &["../ci", "--role", "admin"],
        &[&long, "--role", "admin"],
    ] {
        let ran = add(&world, arguments);
        assert!(ran.code == Some(2) && ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran}");
    }
    assert_eq!(list(&world), Vec::<Value>::new(), "none was made");
    let roles = add(&world, &["ci", "--role", "root"]);
    for role in ["viewer", "caller", "admin"] {
        assert!(roles.stderr.contains(role), "`{role}` is named: {roles}");
    }
    assert_eq!(world.run(&["token"]).code, Some(2));
    assert_eq!(world.run(&["token", "frobnicate"]).code, Some(2));
}

#[test]
fn tokens_are_those_of_the_data_directory() {
    let world = World::new();
    added(&world, &["ci", "--role", "viewer"]);
    let elsewhere = World::new();
    assert_eq!(list(&elsewhere), Vec::<Value>::new());
    assert_eq!(names(&list(&world)), ["ci"]);
}
