//! What is shown, against what came.

/// Stands for anything: within a line for a part of it, alone for any number of lines.
const ANYTHING: &str = "…";

/// Does `output` fit what the page shows?
pub(crate) fn fits(shown: &str, output: &str) -> bool {
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let output: Vec<&str> = output.lines().map(str::trim_end).collect();
    lines_fit(&shown, &output)
}

fn lines_fit(shown: &[&str], output: &[&str]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((&ANYTHING, rest)) => (0..=output.len()).any(|skipped| lines_fit(rest, &output[skipped..])),
        Some((line, rest)) => {
            output.split_first().is_some_and(|(found, others)| line_fits(line, found) && lines_fit(rest, others))
        }
    }
}

fn line_fits(shown: &str, found: &str) -> bool {
    let Some((before, after)) = shown.split_once(ANYTHING) else { return shown == found };
    let Some(found) = found.strip_prefix(before) else { return false };
    let places = found.char_indices().map(|(place, _)| place).chain([found.len()]);
    places.into_iter().any(|place| line_fits(after, &found[place..]))
}

#[test]
fn what_is_left_out_may_be_anything_and_the_rest_is_held_to() {
    for (shown, output) in
        [("a\n", "a \n"), ("a…c\n", "abbc\n"), ("…\n", ""), ("a\n…\nc\n", "a\nb\nb\nc\n"), ("a …", "a b\n")]
    {
        assert!(fits(shown, output), "{shown:?} {output:?}");
    }
    for (shown, output) in [("a\n", "b\n"), ("a\n", "a\nb\n"), ("a…c\n", "ab\n"), ("a\n…\nc\n", "a\n"), ("", "a\n")]
    {
        assert!(!fits(shown, output), "{shown:?} {output:?}");
    }
}
