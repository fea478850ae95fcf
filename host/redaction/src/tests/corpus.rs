use super::*;

const KEEP: &str = include_str!("../../corpus/keep.txt");
const REDACT: &str = include_str!("../../corpus/redact.txt");

/// `{TEXT*N}` is TEXT over and over, N characters long.
fn expand(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, inside, after)) = fill(rest) {
        let (text, length) = inside;
        out.push_str(before);
        out.extend(text.chars().cycle().take(length));
        rest = after;
    }
    out + rest
}

fn fill(text: &str) -> Option<(&str, (&str, usize), &str)> {
    text.match_indices('{').find_map(|(open, _)| {
        let (inside, after) = text[open + 1..].split_once('}')?;
        let (fill, length) = inside.split_once('*')?;
        Some((&text[..open], (fill, length.parse().ok()?), after))
    })
}

fn redact() -> impl Iterator<Item = (String, String)> {
    REDACT.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (before, after) = line.split_once('\t').unwrap_or_else(|| panic!("no tab: {line}"));
        (expand(before), after.to_owned())
    })
}

#[test]
fn what_must_stay_comes_back_borrowed() {
    let redactor = knowing(&[("example", "a-value-that-is-not-there")]);
    let mut changed = Vec::new();
    for line in KEEP.lines() {
        for (way, out) in [("text", redactor.text(line)), ("json", redactor.json_text(line))] {
            if let Cow::Owned(out) = out {
                changed.push(format!("{way}: {line}\n  became {out}"));
            }
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    assert!(matches!(redactor.text(KEEP), Cow::Borrowed(_)), "{}", redactor.text(KEEP));
}

#[test]
fn what_must_stay_stays_inside_a_json_string() {
    let redactor = Redactor::default();
    for line in KEEP.lines() {
        let document = serde_json::json!({ "line": line }).to_string();
        assert!(matches!(redactor.json_text(&document), Cow::Borrowed(_)), "{}", redactor.json_text(&document));
    }
}

#[test]
fn what_must_go_goes_and_the_rest_stays() {
    let mut wrong = Vec::new();
    for (before, after) in redact() {
        let out = Redactor::default().text(&before).into_owned();
        if out != after {
            wrong.push(format!("{before}\n  became {out}\n  not    {after}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_must_go_goes_from_inside_a_json_string_too() {
    for (before, after) in redact() {
        let document = serde_json::json!([{ "line": before }, before]).to_string();
        let out: serde_json::Value = serde_json::from_str(&Redactor::default().json_text(&document)).unwrap();
        assert_eq!(out, serde_json::json!([{ "line": after }, after]), "{before}");
    }
}

#[test]
fn text_that_is_redacted_stays_so() {
    for (before, _) in redact() {
        let once = Redactor::default().text(&before).into_owned();
        assert_eq!(Redactor::default().text(&once), once);
    }
}

#[test]
fn a_private_key_goes_with_all_its_lines() {
    let key =
        format!("-----BEGIN EXAMPLE PRIVATE KEY-----\n{}\n-----END EXAMPLE PRIVATE KEY-----\n", "EXAMPLE\n".repeat(20));
    assert_eq!(Redactor::default().text(&format!("a\n{key}b")), "a\n[redacted]\nb");
}
