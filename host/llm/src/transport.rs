//! HTTP, and answers read piece by piece under bounds.
//!
//! Contract: one POST, no redirect, no proxy, no retry. What comes back is bounded in each piece and as a whole while
//! it is read, and each wait ends with a [`Clock`]. Price: a copy of each piece into a buffer that is reused.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use skillhost_types::Source;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::ConfigError;
use crate::clock::Clock;
use crate::fault::{ErrorKind, Fault, refusal};
use crate::limits::{IDLE, MAX_FRAME, MAX_REFUSAL, MAX_WIRE, REFUSAL_TIMEOUT};

/// A request on the wire.
pub(crate) struct Call {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A client for all providers that have the same time to connect; `own` authorities are trusted besides the public
/// ones.
pub(crate) fn client(connect: Duration, own: &[CertificateDer<'static>]) -> Result<Client, ConfigError> {
    let wrong = |error: &dyn std::fmt::Display| ConfigError::Client(error.to_string());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in own {
        roots.add(root.clone()).map_err(|error| wrong(&error))?;
    }
    let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| wrong(&error))
}

/// How pieces are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A piece per line.
    Lines,
    /// Server-sent events; an answer that begins as JSON is one piece, from a server that does not stream.
    Events,
    /// One piece.
    Whole,
}

/// An answer on its way.
pub(crate) struct Answer {
    response: Response,
    framing: Framing,
    buffer: Vec<u8>,
    /// What of the buffer was given out, and what was searched for an end.
    given: usize,
    searched: usize,
    /// The data of the event so far.
    event: Vec<u8>,
    read: usize,
    ended: bool,
}

/// Sends; gives the answer if it is a success.
pub(crate) async fn send(
    client: &Client,
    call: Call,
    framing: Framing,
    source: &dyn Source,
    clock: &Clock,
) -> Result<Answer, Fault> {
    let request = client.post(call.url).headers(call.headers).header(CONTENT_TYPE, "application/json").body(call.body);
    let response = timeout_at(clock.next(false), request.send())
        .await
        .map_err(|_| clock.expired(clock.started, false))?
        .map_err(|error| failed(&error, false))?;
    accept(response, framing, source, clock).await
}

/// Asks for something small, such as a list of models.
pub(crate) async fn get(
    client: &Client,
    url: Url,
    source: &dyn Source,
    clock: &Clock,
    most: usize,
) -> Result<Vec<u8>, Fault> {
    let response = timeout_at(clock.next(false), client.get(url).send())
        .await
        .map_err(|_| clock.expired(clock.started, false))?
        .map_err(|error| failed(&error, false))?;
    accept(response, Framing::Whole, source, clock).await?.all(clock, most).await
}

async fn accept(response: Response, framing: Framing, source: &dyn Source, clock: &Clock) -> Result<Answer, Fault> {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if status.is_success() && kind.starts_with("text/html") {
        return Err(Fault::new(ErrorKind::Nonsense, "the answer is a web page; check the provider's `url`"));
    }
    let retry_after = retry_after(response.headers(), source);
    let answer = Answer {
        response,
        framing,
        buffer: Vec::new(),
        given: 0,
        searched: 0,
        event: Vec::new(),
        read: 0,
        ended: false,
    };
    if status.as_u16() == 200 {
        return Ok(answer);
    }
    // A refusal whose body does not come is still one.
    let mut body = Vec::new();
    if !status.is_redirection() {
        let clock = Clock::within(REFUSAL_TIMEOUT, clock.deadline);
        body = answer.all(&clock, MAX_REFUSAL).await.unwrap_or_default();
    }
    Err(refusal(Some(status.as_u16()), &body, retry_after))
}

impl Answer {
    /// The next piece; none at the end of the answer.
    pub(crate) async fn frame(&mut self, clock: &Clock, speaking: bool) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            if let Some(frame) = self.take() {
                return Ok(Some(frame));
            }
            if self.ended {
                return Ok(None);
            }
            self.fill(clock, speaking, MAX_WIRE).await?;
            if self.buffer.len() - self.given + self.event.len() > MAX_FRAME {
                return Err(Fault::new(
                    ErrorKind::TooLarge,
                    format!("a piece of the answer is over {MAX_FRAME} bytes"),
                ));
            }
        }
    }

    /// Everything.
    pub(crate) async fn all(mut self, clock: &Clock, most: usize) -> Result<Vec<u8>, Fault> {
        while !self.ended {
            self.fill(clock, false, most).await?;
        }
        Ok(self.buffer)
    }

    async fn fill(&mut self, clock: &Clock, speaking: bool, most: usize) -> Result<(), Fault> {
        let since = if speaking { Instant::now() } else { clock.started };
        let chunk = timeout_at(clock.next(speaking), self.response.chunk())
            .await
            .map_err(|_| clock.expired(since, speaking))?
            .map_err(|error| failed(&error, true))?;
        let Some(chunk) = chunk else {
            self.ended = true;
            return Ok(());
        };
        self.read += chunk.len();
        if self.read > most {
            return Err(Fault::new(ErrorKind::TooLarge, format!("the answer is over {most} bytes")));
        }
        if self.given > 0 {
            self.buffer.drain(..self.given);
            self.searched -= self.given;
            self.given = 0;
        }
        self.buffer.extend_from_slice(&chunk);
        let begins = self.read == chunk.len() && self.framing == Framing::Events;
        if begins && self.buffer.trim_ascii_start().first() == Some(&b'{') {
            self.framing = Framing::Whole;
        }
        Ok(())
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        if self.framing == Framing::Whole {
            let whole = self.ended && !self.buffer.is_empty();
            return whole.then(|| std::mem::take(&mut self.buffer));
        }
        while let Some(line) = self.line() {
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if self.framing == Framing::Lines {
                if !line.trim_ascii().is_empty() {
                    return Some(line.to_vec());
                }
            } else if let Some(data) = line.strip_prefix(b"data:") {
                if !self.event.is_empty() {
                    self.event.push(b'\n');
                }
                self.event.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            } else if line.is_empty() && !self.event.is_empty() {
                return Some(std::mem::take(&mut self.event));
            }
        }
        // An answer may end without the blank line.
        (self.ended && !self.event.is_empty()).then(|| std::mem::take(&mut self.event))
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        let end = match rest.iter().position(|byte| *byte == b'\n') {
            Some(length) => self.searched + length,
            None if self.ended && self.given < self.buffer.len() => self.buffer.len(),
            None => {
                self.searched = self.buffer.len();
                return None;
            }
        };
        let line = self.buffer.get(self.given..end).unwrap_or_default().to_vec();
        self.given = (end + 1).min(self.buffer.len());
        self.searched = self.given;
        Some(line)
    }
}

/// What the transport's own error means. Its text has the address, but never a header.
fn failed(error: &reqwest::Error, answering: bool) -> Fault {
    if answering {
        return Fault::new(ErrorKind::Cut, "the answer was cut");
    }
    if error.is_connect() {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        return Fault::new(ErrorKind::Connect, format!("no connection: {cause}"));
    }
    Fault::new(ErrorKind::Cut, "the connection was lost before an answer")
}

/// Seconds, milliseconds in OpenAI's header, or a date.
fn retry_after(headers: &HeaderMap, source: &dyn Source) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let at = u64::try_from(at.unix_timestamp()).ok()?.saturating_mul(1_000);
    Some(Duration::from_millis(at.saturating_sub(source.now().0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use skillhost_types::{System, Timestamp};

    use super::*;

    struct Fixed;

    impl Source for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp(1_445_412_470_000)
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
        fn fill(&self, bytes: &mut [u8]) {
            System.fill(bytes);
        }
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        for (name, value, expected) in [
            ("retry-after", "7", Some(7_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", Some(10_000)),
            ("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(retry_after(&headers, &Fixed), expected.map(Duration::from_millis), "{name}: {value}");
        }
    }
}
