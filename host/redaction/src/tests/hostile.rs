use std::time::{Duration, Instant};

use super::*;

/// The best of a few runs, so that others on the machine do not count.
fn time(redactor: &Redactor, text: &str) -> Duration {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(redactor.text(text));
        std::hint::black_box(redactor.json_text(text));
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn hostile_text_takes_time_in_proportion_to_its_length() {
    let redactor = knowing(&[("a", "aaaaaaaaab"), ("b", "EXAMPLE-value")]);
    for unit in [
        "eyJ",
        "eyJaaaaaaaa.",
        "eyJaaaaaaaa.eyJaaaaaaaa",
        "sk-",
        "sk-proj-",
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "SG.",
        "SK0",
        "://",
        "://a:",
        "://a:b@",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "Bearer ",
        "password=",
        "password=\"",
        "token=\"",
        "token=\\\"",
        "token='\\\\\\",
        "\"",
        "\\",
        "{",
        "[",
        "\"a\":",
        "=",
        ":",
        "token ",
        "_-",
        "Cookie: ",
        "Authorization: Digest ",
        "secret:\t",
        "a",
        "aaaaaaaaab",
        "token=`",
        "xox",
        "AKIA",
        "password: a\"",
    ] {
        let (short, long) = (unit.repeat(20_000 / unit.len()), unit.repeat(320_000 / unit.len()));
        let (short, long) = (time(&redactor, &short), time(&redactor, &long));
        // Sixteen times as long; quadratic would be 256 times.
        assert!(long < short * 80 + Duration::from_millis(20), "{unit:?}: {short:?}, then {long:?}");
    }
}

#[test]
fn quotes_behind_ever_more_backslashes_take_time_in_proportion() {
    let redactor = Redactor::default();
    let text = |n: usize| (0..n).map(|i| format!("token={}\"", "\\".repeat(i))).collect::<String>();
    let (short, long) = (text(200), text(800));
    let (short, long) = (time(&redactor, &short), time(&redactor, &long));
    assert!(long < short * 80 + Duration::from_millis(20), "{short:?}, then {long:?}");
}
