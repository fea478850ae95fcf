//! What a call may cost, whoever asks and whoever answers.

use std::time::Duration;

/// Messages of a request: more than any conversation that fits a model.
pub(crate) const MAX_MESSAGES: usize = 1_024;

/// All texts of a request together, in bytes: over a million tokens, more than the models of today take.
pub(crate) const MAX_REQUEST: usize = 4 << 20;

/// Stop sequences of a request, and bytes of each. Providers take 4 or 5; the rest they refuse themselves.
pub(crate) const MAX_STOPS: usize = 16;
/// See [`MAX_STOPS`].
pub(crate) const MAX_STOP: usize = 256;

/// Longest model name, in bytes: those of local models are file names.
pub(crate) const MAX_MODEL: usize = 256;

/// Longest output schema, in bytes: as the host's own schemas.
pub(crate) const MAX_SCHEMA: usize = 64 << 10;

/// Most tokens that a request may ask for.
pub(crate) const MAX_OUTPUT_TOKENS: u32 = 1 << 20;

/// Tokens of an answer where the request says nothing. It is always sent, so that what is reserved is also the limit.
pub(crate) const DEFAULT_OUTPUT_TOKENS: u32 = 4_096;

/// Inputs of one embedding call: the answer to so many still fits [`MAX_EMBEDDING`].
pub(crate) const MAX_INPUTS: usize = 256;

/// Bytes of text that are held to be one token. English has about four, other languages three and fewer; an estimate
/// that is a little high keeps budgets.
pub(crate) const BYTES_PER_TOKEN: u64 = 3;

/// Tokens around each message: role and separators.
pub(crate) const TOKENS_PER_MESSAGE: u64 = 8;

/// How often the estimate of what was sent, and of the text that came back, a provider's count may be; or what was
/// reserved, if that is more. A tokenizer that knows nothing of a language takes a token per byte, which is three
/// times the estimate; who counts more than four times counts wrong, and no budget pays for that.
pub(crate) const BELIEF: u64 = 4;

/// Tokens of input that a provider may count beyond that: what it puts in front of a conversation by itself.
pub(crate) const UNSEEN_TOKENS: u64 = 4_096;

/// Bytes of text per token that was asked for, and beyond, after which an answer is ended: its provider does not keep
/// to `max_tokens`. Lines of dashes come to a dozen bytes a token, a single token has up to a few hundred.
pub(crate) const MAX_BYTES_PER_TOKEN: u64 = 16;
/// See [`MAX_BYTES_PER_TOKEN`].
pub(crate) const BYTES_BEYOND: u64 = 1_024;

/// Longest text of an answer, in bytes.
pub(crate) const MAX_TEXT: usize = 4 << 20;

/// Longest answer on the wire, in bytes: each piece comes in some hundred bytes of JSON.
pub(crate) const MAX_WIRE: usize = 64 << 20;

/// Longest single piece on the wire, in bytes; also an answer that comes whole.
pub(crate) const MAX_FRAME: usize = 8 << 20;

/// Longest answer to an embedding call, in bytes: [`MAX_INPUTS`] vectors of 3,072 numbers with 13 characters.
pub(crate) const MAX_EMBEDDING: usize = 16 << 20;

/// Longest body of a refusal and of a list of models that is read, in bytes.
pub(crate) const MAX_REFUSAL: usize = 64 << 10;
/// See [`MAX_REFUSAL`].
pub(crate) const MAX_TAGS: usize = 1 << 20;

/// Longest excerpt of what a provider says, in characters, in errors.
pub(crate) const MAX_EXCERPT: usize = 200;

/// So many characters of a key in a row are not told, wherever a provider says them: fewer are a common beginning, such
/// as `sk-proj`, and too few to guess the rest.
pub(crate) const KEY_RUN: usize = 8;

/// How long the body of a refusal is waited for: the status alone says what to do.
pub(crate) const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Tries of one candidate beyond the first.
pub(crate) const RETRIES: u32 = 1;

/// Rounds through a cascade beyond the first: only if a candidate that was left alone can be asked again within
/// [`PATIENCE`].
pub(crate) const ROUNDS: u32 = 1;

/// Wait before the second try, halved at random so that callers do not come back together.
pub(crate) const BACKOFF: Duration = Duration::from_millis(200);

/// Longest `Retry-After` that is waited for while another candidate is left, and longest wait for the next round.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a provider that said `429` without `Retry-After` is left alone once the tries are used up.
pub(crate) const REST: Duration = Duration::from_secs(1);

/// Longest `Retry-After` that is believed.
pub(crate) const MAX_REST: Duration = Duration::from_secs(3_600);

/// Silence for which a provider is at fault even if it was the caller whose time was up: shorter deadlines say nothing
/// about it.
pub(crate) const FAIR_WAIT: Duration = Duration::from_secs(10);

/// How long a list of installed models is good.
pub(crate) const INSTALLED_FOR: Duration = Duration::from_secs(10);

/// How long the list of installed models may take: it is a local look-up.
pub(crate) const TAGS_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an idle connection is kept.
pub(crate) const IDLE: Duration = Duration::from_secs(60);

/// Weight of the newest latency in the moving average.
pub(crate) const EMA_WEIGHT: f64 = 0.2;

/// Largest latency that the histogram tells apart, in microseconds: an hour.
pub(crate) const MAX_LATENCY_US: u64 = 3_600_000_000;

/// Calls at once per provider where the configuration says nothing: what a local server batches well and no public one
/// minds.
pub(crate) const CONCURRENCY: usize = 8;
