//! Prints what text costs that holds nothing to redact: `cargo run --release -p skillhost-redaction --example price`.

use std::borrow::Cow;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use skillhost_redaction::Redactor;

const ROUNDS: u32 = 100_000;
const PROSE: &str = "2026-11-21T12:00:00Z INFO run finished skill=textkit tool=count outcome=ok ms=12 and a line of prose that tells what \
    was done with the file, in which order, and what came of it in the end: nothing to worry about";
const JSON: &str = "{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"skill\":\"textkit\",\"tool\":\"count\",\"outcome\":\"ok\",\"usage\":{\
    \"fuel\":123456,\"llm_input_tokens\":0,\"llm_output_tokens\":0,\"wall_us\":412,\"memory_peak\":131072},\
    \"input\":{\"text\":\"some words to count\"},\"output\":{\"words\":4,\"chars\":19},\"caller\":\"cli\",\"tenant\":\"default\"}";

fn main() -> Result<(), Box<dyn Error>> {
    for secrets in [0, 1, 5, 20] {
        let name = |n| (format!("s{n}"), SecretString::from(format!("{n}EXAMPLE/{n}-value-{n}")));
        let redactor = Redactor::new((0..secrets).map(name))?;
        for (what, text) in [("prose", PROSE), ("json", JSON)] {
            let known = measure(text, |text| redactor.known(text))?;
            let whole = measure(text, |text| redactor.text(text))?;
            let document = measure(text, |text| redactor.json_text(text))?;
            println!(
                "{secrets} secrets, {what} of {} bytes: known {known:?}, text {whole:?}, json_text {document:?}",
                text.len()
            );
        }
    }
    Ok(())
}

/// The mean of many rounds.
fn measure<'a>(text: &'a str, run: impl Fn(&'a str) -> Cow<'a, str>) -> Result<Duration, &'static str> {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        if let Cow::Owned(_) = run(black_box(text)) {
            return Err("nothing is to be redacted in the texts that are measured");
        }
    }
    Ok(start.elapsed() / ROUNDS)
}
