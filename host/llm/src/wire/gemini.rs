//! Gemini's `generateContent`: <https://ai.google.dev/api/generate-content>.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delta, Vectors, decode, nonsense, put, temperature};
use crate::Finish;
use crate::fault::{ErrorKind, Fault, excerpt, refusal};
use crate::request::{Prepared, Role};

pub(super) fn chat(request: &Prepared<'_>) -> Value {
    let part = |text: &str| json!({"text": text});
    let said = request.messages.iter().filter(|message| message.role != Role::System);
    let contents: Vec<Value> = said
        .map(|message| {
            let role = if message.role == Role::Assistant { "model" } else { "user" };
            json!({"role": role, "parts": [part(&message.content)]})
        })
        .collect();
    let instructions = request.messages.iter().filter(|message| message.role == Role::System);
    let system: Vec<Value> = instructions.map(|message| part(&message.content)).collect();
    let mut generation = json!({"maxOutputTokens": request.max_tokens});
    put(&mut generation, "temperature", temperature(request));
    put(&mut generation, "stopSequences", (!request.stop.is_empty()).then(|| request.stop.to_vec()));
    if let Some((schema, _)) = &request.schema {
        put(&mut generation, "responseMimeType", Some("application/json"));
        put(&mut generation, "responseJsonSchema", Some(schema.clone()));
    }
    let mut body = json!({"contents": contents, "generationConfig": generation});
    put(&mut body, "systemInstruction", (!system.is_empty()).then(|| json!({"parts": system})));
    body
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    usage_metadata: Option<Counts>,
    prompt_feedback: Option<Feedback>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Content,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

pub(super) fn delta(frame: &[u8]) -> Result<Delta, Fault> {
    let chunk: Chunk = decode(frame)?;
    if chunk.error.is_some() {
        return Err(refusal(None, frame, None));
    }
    if let Some(reason) = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason) {
        return Err(Fault::new(ErrorKind::ContentPolicy, format!("the request was blocked: {}", excerpt(&reason))));
    }
    if chunk.candidates.is_none() && chunk.usage_metadata.is_none() {
        return Err(nonsense(&"no `candidates`"));
    }
    let mut delta = Delta::default();
    if let Some(usage) = chunk.usage_metadata {
        delta.input_tokens = usage.prompt_token_count;
        // What was thought is charged and counted apart.
        delta.output_tokens = usage
            .candidates_token_count
            .or(usage.thoughts_token_count.map(|_| 0))
            .map(|tokens| tokens.saturating_add(usage.thoughts_token_count.unwrap_or(0)));
    }
    if let Some(candidate) = chunk.candidates.unwrap_or_default().into_iter().next() {
        for part in candidate.content.parts {
            match part.text {
                Some(_) if part.thought => delta.thinking = true,
                Some(text) => delta.text.push_str(&text),
                None => {}
            }
        }
        delta.finish = candidate.finish_reason.map(|reason| match reason.as_str() {
            "STOP" => Finish::Stop,
            "MAX_TOKENS" => Finish::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => Finish::Filtered,
            _ => Finish::Other,
        });
    }
    Ok(delta)
}

pub(super) fn embed(model: &str, inputs: &[String]) -> Value {
    let model = format!("models/{model}");
    let requests: Vec<Value> =
        inputs.iter().map(|text| json!({"model": model, "content": {"parts": [{"text": text}]}})).collect();
    json!({"requests": requests})
}

pub(super) fn vectors(body: &[u8]) -> Result<Vectors, Fault> {
    #[derive(Deserialize)]
    struct Embedded {
        embeddings: Vec<Vector>,
    }
    #[derive(Deserialize)]
    struct Vector {
        values: Vec<f32>,
    }
    let answer: Embedded = decode(body)?;
    Ok(Vectors { vectors: answer.embeddings.into_iter().map(|vector| vector.values).collect(), input_tokens: None })
}
