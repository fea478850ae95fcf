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

#[test]
#[ignore = "a measurement, to be read: cargo test --release -- --ignored --nocapture prints it"]
fn the_price_of_text_without_finds() {
    let text = "2026-11-21T12:00:00Z INFO run finished skill=textkit tool=count outcome=ok ms=12 and a line of prose that tells what \
                was done with the file, in which order, and what came of it in the end: nothing to worry about";
    let json = "{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"skill\":\"textkit\",\"tool\":\"count\",\"outcome\":\"ok\",\"usage\":{\"fuel\":123456,\
                \"llm_input_tokens\":0,\"llm_output_tokens\":0,\"wall_us\":412,\"memory_peak\":131072},\"input\":{\"text\":\"some words to count\"},\
                \"output\":{\"words\":4,\"chars\":19},\"caller\":\"cli\",\"tenant\":\"default\"}";
    for secrets in [0, 1, 5, 20] {
        let all: Vec<_> =
            (0..secrets).map(|n| (format!("s{n}"), SecretString::from(format!("{n}EXAMPLE/{n}-value-{n}")))).collect();
        let redactor = Redactor::new(all).unwrap();
        for (what, text) in [("prose", text), ("json", json)] {
            let rounds = 100_000;
            let measure = |run: &dyn Fn(&str) -> bool| {
                let start = Instant::now();
                for _ in 0..rounds {
                    assert!(run(std::hint::black_box(text)));
                }
                start.elapsed() / rounds
            };
            let known = measure(&|text| matches!(redactor.known(text), Cow::Borrowed(_)));
            let whole = measure(&|text| matches!(redactor.text(text), Cow::Borrowed(_)));
            let document = measure(&|text| matches!(redactor.json_text(text), Cow::Borrowed(_)));
            eprintln!(
                "{secrets} secrets, {what} of {} bytes: known {known:?}, text {whole:?}, json_text {document:?}",
                text.len()
            );
        }
    }
}
