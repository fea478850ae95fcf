use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

#[test]
fn a_value_that_is_too_short_is_refused_by_name() {
    for (value, bytes) in [("", 0), ("abc", 3), (" abc\n", 3)] {
        let error = Redactor::new([("pin".to_owned(), SecretString::from(value))]).unwrap_err();
        assert_eq!(error, RedactionError::TooShort { name: "pin".to_owned(), bytes });
        assert!(error.to_string().contains("`pin`") && error.to_string().contains("would be redacted"), "{error}");
    }
    let long = SecretString::from("x".repeat(MAX_SECRET_BYTES + 1));
    assert!(matches!(Redactor::new([("k".to_owned(), long)]), Err(RedactionError::TooLong { .. })));
    let value = || SecretString::from("EXAMPLE");
    assert!(matches!(Redactor::new([("a\"b".to_owned(), value())]), Err(RedactionError::Name { .. })));
}

#[test]
fn a_value_goes_from_credentials_of_basic_authentication() {
    let redactor = knowing(&[("db", "EXAMPLE-password")]);
    for user in ["a", "ab", "abc", "user", "a-longer-user"] {
        let basic = STANDARD.encode(format!("{user}:EXAMPLE-password"));
        let out = redactor.known(&basic);
        let left = out.replace("[redacted:db]", "");
        assert!(out.contains("[redacted:db]") && left.len() <= user.len() * 4 / 3 + 8, "{out}");
    }
}

#[test]
fn finds_that_overlap_become_one_with_the_name_of_the_first() {
    let redactor = knowing(&[("a", "abcdef"), ("b", "defghi"), ("c", "abcdefg"), ("in", "bcde")]);
    assert_eq!(redactor.known("-abcdefghi-"), "-[redacted:c]-");
    assert_eq!(redactor.known("-defghi-abcdef-"), "-[redacted:b]-[redacted:a]-");
    assert_eq!(redactor.known("abcdefabcdef"), "[redacted:a][redacted:a]");
    assert_eq!(redactor.known_bytes(b"\xff\x00bcde\xff"), &b"\xff\x00[redacted:in]\xff"[..]);
}

#[test]
fn a_value_in_a_file_counts_without_its_last_line_break() {
    assert_eq!(knowing(&[("k", "EXAMPLE\n")]).known("an EXAMPLE."), "an [redacted:k].");
}

#[test]
fn known_values_only_are_taken_where_a_guest_reads() {
    let redactor = knowing(&[("k", "correcthorse")]);
    let text = "password=EXAMPLE Authorization: Bearer x";
    assert!(matches!(redactor.known(text), Cow::Borrowed(_)));
}

#[test]
fn no_debug_shows_a_secret() {
    let redactor = knowing(&[("k", "EXAMPLE-value")]);
    let mut stream = redactor.stream();
    stream.push(b"EXAMPLE-val");
    let shown = format!("{redactor:?} {stream:?}");
    assert!(!shown.contains("EXAMPLE"), "{shown}");
}

#[test]
fn a_stream_holds_back_less_than_the_longest_form() {
    let redactor = knowing(&[("k", "EXAMPLE-value")]);
    let longest = redactor.known.as_ref().unwrap().longest();
    let mut stream = redactor.stream();
    let given: usize = (0..500).map(|_| stream.push(b"abc").len()).sum();
    assert_eq!(given, 1500 - (longest - 1));
    assert_eq!(stream.finish().len(), longest - 1);
    let mut free = Redactor::default().stream();
    assert_eq!(free.push(b"abc"), b"abc");
}

/// A value in one of the forms that anyone would try.
fn written(value: &str, form: usize, before: &str, after: &str) -> String {
    let within = format!("{before}{value}{after}");
    match form {
        0 => value.to_owned(),
        1 => STANDARD.encode(&within),
        2 => URL_SAFE.encode(&within),
        3 => STANDARD_NO_PAD.encode(&within),
        4 => URL_SAFE_NO_PAD.encode(&within),
        5 => value.bytes().map(|byte| format!("{byte:02x}")).collect(),
        6 => value.bytes().map(|byte| format!("{byte:02X}")).collect(),
        7 => value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        _ => value
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            })
            .collect(),
    }
}

/// What of a form does not depend on what stands around the value.
fn core(value: &str, form: usize, before: &str, after: &str) -> String {
    let all = written(value, form, before, after);
    if !(1..=4).contains(&form) {
        return all;
    }
    let (first, end) = ((before.len() * 8).div_ceil(6), (before.len() + value.len()) * 8 / 6);
    all[first..end].to_owned()
}

fn pieces(text: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(text.len());
    let mut start = 0;
    cuts.into_iter().map(|cut| text[std::mem::replace(&mut start, cut)..cut].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_secret_in_any_form_never_survives(
        value in "[!-~é]{8,40}",
        form in 0..9_usize,
        (before, after) in ("[ -~]{0,5}", "[ -~]{0,5}"),
        (left, right) in ("[ -~é\\n]{0,60}", "[ -~é\\n]{0,60}"),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let redactor = knowing(&[("k", &value), ("other", "another-EXAMPLE")]);
        let text = format!("{left}{}{right}", written(&value, form, &before, &after));
        let core = core(&value, form, &before, &after);
        let known = redactor.known(&text);
        prop_assert!(!known.contains(&core), "{known}");
        prop_assert!(known.contains("[redacted:k]"), "{known}");
        let out = redactor.text(&text);
        prop_assert!(!out.contains(&core), "{out}");
        let document = serde_json::json!({ "field": text }).to_string();
        let out = redactor.json_text(&document);
        let out: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert!(!out["field"].as_str().unwrap().contains(&core), "{out}");

        let mut stream = redactor.stream();
        let mut given: Vec<u8> = pieces(text.as_bytes(), &cuts).iter().flat_map(|piece| stream.push(piece)).collect();
        given.extend(stream.finish());
        prop_assert_eq!(String::from_utf8(given).unwrap(), known);
    }

    #[test]
    fn streams_of_values_that_overlap_give_what_the_whole_gives(
        values in proptest::collection::vec("[ab]{4,6}", 1..4),
        text in "[abc]{0,60}",
        cuts in proptest::collection::vec(any::<usize>(), 0..30),
    ) {
        let names = ["x", "y", "z"];
        let secrets: Vec<_> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
        let redactor = knowing(&secrets);
        let whole = redactor.known(&text);
        for value in &values {
            prop_assert!(!whole.contains(value.as_str()), "{whole}");
        }
        let mut stream = redactor.stream();
        let mut given: Vec<u8> = pieces(text.as_bytes(), &cuts).iter().flat_map(|piece| stream.push(piece)).collect();
        given.extend(stream.finish());
        prop_assert_eq!(String::from_utf8(given).unwrap(), whole);
    }

    #[test]
    fn text_without_finds_comes_back_borrowed(text in "[ -<>-~é\\n]{0,200}") {
        // Without `=` and `:` nothing is assigned, and the formats do not come about by chance.
        let text = text.replace(':', " ");
        let redactor = knowing(&[("k", "EXAMPLE-value")]);
        prop_assert!(matches!(redactor.text(&text), Cow::Borrowed(_)), "{}", redactor.text(&text));
        prop_assert!(matches!(redactor.known(&text), Cow::Borrowed(_)));
    }
}
