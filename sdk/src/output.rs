//! What a tool gives back: data for programs, content for people and models.

use serde::Serialize;

use crate::ToolError;

/// Data, content, or both. Most tools need none of it: they return a type of their own, which becomes the data, or a
/// `String`, which becomes a text.
///
/// ```
/// use skillhost_sdk::{Output, ToolError};
///
/// fn chart() -> Result<Output, ToolError> {
///     Ok(Output::new().text("Three runs, one of them slow.").image("image/png", vec![0x89, 0x50]))
/// }
/// # chart().unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// A JSON document, if there is one.
    pub data: Option<String>,
    /// What a person or a model reads, in this order.
    pub content: Vec<Content>,
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text to read.
    Text(String),
    /// A picture.
    Image(Blob),
    /// A sound.
    Audio(Blob),
}

/// Bytes of a named kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Such as `image/png`.
    pub mime_type: String,
    /// The file itself; the host encodes it where that is needed.
    pub bytes: Vec<u8>,
}

impl Output {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the data. Errors: `data` cannot be written as JSON, as a map whose keys are no strings.
    pub fn data(mut self, data: &impl Serialize) -> Result<Self, ToolError> {
        self.data = Some(serde_json::to_string(data)?);
        Ok(self)
    }

    /// Adds a text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// Adds a picture of type `mime_type`, such as `image/png`.
    pub fn image(mut self, mime_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.content.push(Content::Image(Blob { mime_type: mime_type.into(), bytes: bytes.into() }));
        self
    }

    /// Adds a sound of type `mime_type`, such as `audio/wav`.
    pub fn audio(mut self, mime_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.content.push(Content::Audio(Blob { mime_type: mime_type.into(), bytes: bytes.into() }));
        self
    }

    /// The data as a value, for tests: `Null` where there is none.
    pub fn value(&self) -> serde_json::Value {
        self.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default()
    }

    /// All texts of the content, a line each, for tests.
    pub fn texts(&self) -> String {
        let texts = self.content.iter().filter_map(|content| match content {
            Content::Text(text) => Some(text.as_str()),
            Content::Image(_) | Content::Audio(_) => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}
