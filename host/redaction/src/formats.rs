//! The formats that vendors publish for their keys, and others that show by their beginning what they are.
//!
//! Contract: finds what begins as a vendor's keys do, stands apart from the word in front and is as long as they are.
//! Sources: the vendors' documentation of their prefixes, by the names of the rules of gitleaks where it has one.
//! Price: one vectorized search for all beginnings; a pattern runs only where its beginning stands. Linear: a pattern stops
//! at the end of a word, and a word is tried at its first byte only.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;
use regex::Regex;

/// Beginnings, each of three bytes or more so that the search stays quick, and the pattern of the whole. Its group, where
/// it has one, is what goes.
const RULES: [(&[&str], &str); 21] = [
    // aws-access-token
    (&["AKIA", "ASIA", "ABIA", "ACCA"], r"[A-Z]{4}[A-Z0-9]{16}(?-u:\b)"),
    // github-pat, github-oauth, github-app-token, github-refresh-token, github-fine-grained-pat
    (&["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], "gh[pousr]_[A-Za-z0-9_]{30,}"),
    (&["github_pat_"], "github_pat_[A-Za-z0-9_]{36,}"),
    // gitlab-pat, and its other tokens
    (&["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"], "gl[a-z]+-[A-Za-z0-9_.-]{20,}"),
    // slack-bot-token, slack-user-token and others
    (&["xox"], "xox[a-z][.-][A-Za-z0-9%.-]{10,}"),
    (&["xapp-"], "xapp-[0-9]-[A-Za-z0-9-]{10,}"),
    // stripe-access-token
    (&["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"], "[a-z]+_(?:live_|test_)?[A-Za-z0-9+/]{10,}"),
    // gcp-api-key
    (&["AIza"], "AIza[A-Za-z0-9_-]{35,}"),
    // openai-api-key, anthropic-api-key; not every word with hyphens that begins so
    (&["sk-"], r"sk-(?:(?:proj|svcacct|admin|ant|or|lf|None)-[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{20,}(?:-[A-Za-z0-9_-]+)?)"),
    // huggingface-access-token, huggingface-organization-api-token
    (&["hf_", "api_org_"], "(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    // npm-access-token
    (&["npm_"], "npm_[A-Za-z0-9]{36,}"),
    // pypi-upload-token
    (&["pypi-AgEI"], "pypi-AgEI[A-Za-z0-9_-]{30,}"),
    // sendgrid-api-token
    (&["SG."], r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    // jwt: header and payload are JSON objects in base64, and so begin alike
    (&["eyJ"], r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"),
    // digitalocean-pat, digitalocean-access-token, digitalocean-refresh-token
    (&["dop_v1_", "doo_v1_", "dor_v1_"], r"do[por]_v1_[a-f0-9]{64}(?-u:\b)"),
    // databricks-api-token
    (&["dapi"], r"dapi[a-f0-9]{32}(?:-[0-9])?(?-u:\b)"),
    // Groq, Replicate, xAI
    (&["gsk_", "r8_", "xai-"], "(?:gsk_|r8_|xai-)[A-Za-z0-9]{36,}"),
    // age-secret-key
    (&["AGE-SECRET-KEY-"], "AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{50,}"),
    // A password in a URL; `\/` is how some write JSON. The last `@` ends it, as for those who read URLs.
    (&["://", ":\\/\\/"], r#":(?://|\\/\\/)[^\x00-\x20/?#"'<>`\\:@]*:([^\x00-\x20/?#"'<>`\\]+)@"#),
    (&["Bearer ", "bearer ", "BEARER "], "[Bb](?:earer|EARER) +([A-Za-z0-9._~+/=-]{20,})"),
    // private-key: the rest is found by `key_block`
    (&[KEY_BLOCK], "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"),
];

const KEY_BLOCK: &str = "-----BEGIN ";

/// twilio-api-key. Apart from the rest: two letters, or sixteen beginnings of three, would slow the search for all.
const TWILIO: (&str, &str) = ("SK", r"SK[0-9a-f]{32}(?-u:\b)");

struct Formats {
    beginnings: AhoCorasick,
    twilio: (memmem::Finder<'static>, Regex),
    /// By pattern of `beginnings`.
    rules: Vec<usize>,
    patterns: Vec<Regex>,
}

/// `None` only if a pattern of [`RULES`] were none, which a test rules out.
static FORMATS: LazyLock<Option<Formats>> = LazyLock::new(|| {
    let beginnings = RULES.iter().flat_map(|(beginnings, _)| beginnings.iter());
    let rules = RULES.iter().enumerate().flat_map(|(rule, (beginnings, _))| beginnings.iter().map(move |_| rule));
    let pattern = |pattern: &str| Regex::new(&format!("^(?:{pattern})"));
    Some(Formats {
        twilio: (memmem::Finder::new(TWILIO.0), pattern(TWILIO.1).ok()?),
        beginnings: AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(beginnings).ok()?,
        rules: rules.collect(),
        patterns: RULES.iter().map(|(_, whole)| pattern(whole)).collect::<Result<_, _>>().ok()?,
    })
});

/// Adds where credentials stand in `text`.
pub(crate) fn find(text: &str, finds: &mut Vec<Range<usize>>) {
    let Some(formats) = &*FORMATS else { return };
    let mut done = 0;
    for beginning in formats.beginnings.find_iter(text) {
        let rule = formats.rules.get(beginning.pattern().as_usize());
        let Some(pattern) = rule.and_then(|rule| formats.patterns.get(*rule)) else { continue };
        if beginning.start() >= done
            && let Some(find) = find_at(text, beginning.start(), pattern)
        {
            done = find.end;
            finds.push(find);
        }
    }
    let (beginning, pattern) = &formats.twilio;
    finds.extend(beginning.find_iter(text.as_bytes()).filter_map(|start| find_at(text, start, pattern)));
}

fn find_at(text: &str, start: usize, pattern: &Regex) -> Option<Range<usize>> {
    if !stands_apart(text.as_bytes(), start) {
        return None;
    }
    let rest = text.get(start..)?;
    let captures = pattern.captures(rest)?;
    let part = captures.get(1).or(captures.get(0))?;
    let end = if rest.starts_with(KEY_BLOCK) { key_block(rest) } else { part.end() };
    (!crate::is_placeholder(part.as_str())).then_some(start + part.start()..start + end)
}

/// Where the block of a private key ends that `text` begins with; with the text if its last line is missing, as in what was cut off.
fn key_block(text: &str) -> usize {
    const END: &str = "-----END ";
    let Some(end) = memmem::find(text.as_bytes(), END.as_bytes()).map(|at| at + END.len()) else { return text.len() };
    let rest = text.get(end..).unwrap_or_default();
    memmem::find(rest.as_bytes(), b"-----").map_or(text.len(), |at| end + at + b"-----".len())
}

/// Whether no word goes over into what begins at `start`. The letter of an escape (`\n`, `%3D`) is none.
fn stands_apart(text: &[u8], start: usize) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match text.get(..start) {
        Some([.., b'\\', b'n' | b'r' | b't']) => true,
        Some([.., b'%', high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        Some([.., before]) => !is_word(*before) || text.get(start).is_some_and(|first| !first.is_ascii_alphanumeric()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert!(FORMATS.is_some());
    }

    #[test]
    fn beginnings_are_few_and_long_enough_for_the_vectorized_search() {
        let beginnings: Vec<_> = RULES.iter().flat_map(|(beginnings, _)| beginnings.iter()).collect();
        assert!(beginnings.len() <= 64, "{}", beginnings.len());
        assert!(beginnings.iter().all(|beginning| beginning.len() >= 3));
    }

    #[test]
    fn a_key_block_that_was_cut_off_goes_to_the_end() {
        let mut finds = Vec::new();
        find("a -----BEGIN EXAMPLE PRIVATE KEY-----\nEXAMPLE\nEXAM", &mut finds);
        assert_eq!(finds, vec![Range { start: 2, end: 50 }]);
    }

    #[test]
    fn the_letter_of_an_escape_is_no_word_in_front() {
        for before in ["\\n", "%3D", "=", "\"", " "] {
            let text = format!("{before}AKIAIOSFODNN7EXAMPLE");
            let mut finds = Vec::new();
            find(&text, &mut finds);
            assert_eq!(finds, vec![Range { start: before.len(), end: text.len() }], "{before}");
        }
    }
}
