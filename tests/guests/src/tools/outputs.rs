//! Answers that break a rule: too large, too deep, no JSON, no UTF-8, made to fool a terminal or a reader.

use crate::bindings::skillhost::skill::{event_log, run};
use crate::manifest::{Input, failed, raw_data, text, tool};
use crate::{Answer, Blob, Content, Output, Tool};

/// Clears the screen, sets the title, colours by an 8-bit CSI, rings, goes back over what was written, hides the order of
/// letters (bidirectional override and isolate), joins by a zero-width space, and ends a C string.
pub const CONTROL_CHARACTERS: &str =
    "safe\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{8}\r\n\u{202e}gpj.exe\u{2066}\u{200b}\u{0}\u{7f}end";

pub(super) fn tools() -> Vec<Tool> {
    let bytes = ("bytes", "integer");
    vec![
        tool("echo", "Gives back its input: the healthy call.", &[]),
        tool("huge-output", "An answer of that many bytes.", &[bytes, ("as", "string")]),
        tool("deep-json-output", "Arrays within arrays.", &[("depth", "integer"), ("as", "string")]),
        tool("not-json-output", "Structured output that is no JSON.", &[("text", "string")]),
        tool("not-utf8-output", "Text that is no UTF-8.", &[("as", "string")]),
        tool(
            "amplified-output",
            "Many parts that are all the same place in memory.",
            &[("bytes", "integer"), ("times", "integer")],
        ),
        tool("empty-output", "Neither data nor content.", &[]),
        tool("all-content", "Text, an image, audio and data in one answer.", &[]),
        tool("control-characters", "Characters that fool a terminal.", &[("as", "string")]),
    ]
}

pub(super) fn call(tool: &str, input: &Input) -> Option<Answer> {
    let kind = input.string("as", "");
    let answer = match tool {
        "huge-output" => huge(kind, usize::try_from(input.number("bytes", 2 << 20)).unwrap_or(usize::MAX)),
        "deep-json-output" => {
            let depth = usize::try_from(input.number("depth", 100_000)).unwrap_or(usize::MAX);
            match kind {
                "object" => raw_data(format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))),
                _ => raw_data(format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
            }
        }
        "not-json-output" => raw_data(input.string("text", "{\"open\": ").into()),
        "not-utf8-output" => not_utf8(kind),
        "amplified-output" => {
            let size = usize::try_from(input.number("bytes", 1 << 20)).unwrap_or(usize::MAX);
            let parts = amplify(&"a".repeat(size), input.number("times", 1_000));
            Ok(Output { data: None, content: parts.into_iter().map(Content::Text).collect() })
        }
        "empty-output" => Ok(Output { data: None, content: vec![] }),
        "all-content" => Ok(Output {
            data: Some(r#"{"kinds":3}"#.into()),
            content: vec![
                Content::Text("three kinds of content".into()),
                Content::Image(Blob { mime_type: "image/png".into(), bytes: b"\x89PNG\r\n\x1a\n".to_vec() }),
                Content::Audio(Blob { mime_type: "audio/wav".into(), bytes: b"RIFF".to_vec() }),
            ],
        }),
        "control-characters" => control_characters(kind),
        _ => return None,
    };
    Some(answer)
}

fn huge(kind: &str, bytes: usize) -> Answer {
    match kind {
        "data" => raw_data(format!("\"{}\"", "d".repeat(bytes))),
        "error" => failed("e".repeat(bytes)),
        "blob" => {
            let blob = Blob { mime_type: "image/png".into(), bytes: vec![0; bytes] };
            Ok(Output { data: None, content: vec![Content::Image(blob)] })
        }
        "mime-type" => {
            let blob = Blob { mime_type: "m".repeat(bytes), bytes: vec![] };
            Ok(Output { data: None, content: vec![Content::Image(blob)] })
        }
        // Many small parts, each harmless.
        "list" => Ok(Output { data: None, content: (0..bytes).map(|_| Content::Text("t".into())).collect() }),
        _ => text("t".repeat(bytes)),
    }
}

/// The same text so many times at the price of one: a small guest makes a gigabyte for a host that copies.
pub fn amplify(text: &str, times: u64) -> Vec<String> {
    let kept = text.to_string().leak();
    // SAFETY: none. The strings share their bytes, and each believes that it owns them. What is freed twice after the
    // host has read the answer is the guest's own heap, whose instance is at its end.
    (0..times).map(|_| unsafe { String::from_raw_parts(kept.as_mut_ptr(), kept.len(), kept.len()) }).collect()
}

fn not_utf8(kind: &str) -> Answer {
    // SAFETY: none. The string breaks Rust's own rule so that the host sees bytes that a string may not hold; nothing
    // here looks into it.
    let broken = unsafe { String::from_utf8_unchecked(vec![b'"', 0xff, 0xfe, b'"']) };
    match kind {
        "data" => raw_data(broken),
        "log" => {
            run::log(run::Level::Info, &broken);
            text("logged")
        }
        _ => text(broken),
    }
}

fn control_characters(kind: &str) -> Answer {
    let document = serde_json::json!({ "text": CONTROL_CHARACTERS }).to_string();
    match kind {
        "data" => raw_data(document),
        "error" => failed(CONTROL_CHARACTERS),
        "log" => {
            run::log(run::Level::Warn, CONTROL_CHARACTERS);
            text("logged")
        }
        "stdout" => {
            println!("{CONTROL_CHARACTERS}");
            text("printed")
        }
        "progress" => {
            run::progress(1.0, Some(2.0), CONTROL_CHARACTERS);
            text("reported")
        }
        "event" => match event_log::append("skill.control", &document) {
            Ok(_) => text("appended"),
            Err(error) => failed(crate::board::refusal(&error).to_string()),
        },
        _ => text(CONTROL_CHARACTERS),
    }
}
