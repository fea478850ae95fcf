//! Models that an Ollama has, and which of them stands in for one that it has not.
//!
//! Contract: for a model that is not there, one that chats: of the same family before others, the one used last before
//! older ones; never one that only makes vectors. Price: none while models are there; else a look at the list, which
//! is good for some seconds.

use crate::wire::Installed;

/// What a tag is where none is said.
const LATEST: &str = ":latest";

/// Families and parts of names of models that do not chat.
const VECTOR_FAMILIES: [&str; 4] = ["bert", "nomic-bert", "nomic-bert-moe", "xlm-roberta"];
/// See [`VECTOR_FAMILIES`].
const VECTOR_NAMES: [&str; 5] = ["embed", "minilm", "bge-", "rerank", "gte-"];

/// Whether two names are of one model: `llama3.2` is `llama3.2:latest`.
pub(crate) fn same_model(one: &str, other: &str) -> bool {
    let bare = |name| str::strip_suffix(name, LATEST).unwrap_or(name);
    bare(one) == bare(other)
}

/// Whether `wanted` is there.
pub(crate) fn has(installed: &[Installed], wanted: &str) -> bool {
    installed.iter().any(|model| same_model(&model.name, wanted))
}

/// The model that answers in the place of `wanted`. None: it is there itself, or nothing that is installed can.
pub(crate) fn stand_in<'a>(installed: &'a [Installed], wanted: &str) -> Option<&'a str> {
    let chats = || installed.iter().filter(|model| chats(model));
    let near = chats().find(|model| base(&model.name) == base(wanted));
    let related = || chats().find(|model| family(&model.name) == family(wanted));
    let found = near.or_else(related).or_else(|| chats().next())?;
    (!has(installed, wanted)).then_some(found.name.as_str())
}

fn chats(model: &Installed) -> bool {
    let family = model.details.family.as_str();
    !VECTOR_FAMILIES.contains(&family) && !VECTOR_NAMES.iter().any(|part| model.name.contains(part))
}

/// `llama3.2` of `llama3.2:3b`.
fn base(name: &str) -> &str {
    name.split_once(':').map_or(name, |(base, _)| base)
}

/// `llama` of `llama3.2:3b`.
fn family(name: &str) -> &str {
    let base = base(name);
    base.find(|char: char| !char.is_ascii_alphabetic()).and_then(|end| base.get(..end)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
    use serde_json::json;

    use super::*;
    use crate::wire::tags;

    #[test]
    fn the_nearest_model_that_chats_stands_in() {
        let list = json!({"models": [
            {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
            {"name": "qwen3:8b", "details": {"family": "qwen3"}},
            {"name": "llama3.1:8b", "details": {"family": "llama"}},
            {"name": "llama3.2:3b", "details": {"family": "llama"}},
            {"name": "mistral:latest"},
        ]});
        let installed = tags(list.to_string().as_bytes()).unwrap();
        let of = |wanted| stand_in(&installed, wanted);
        for there in ["qwen3:8b", "mistral", "mistral:latest"] {
            assert!(has(&installed, there) && of(there).is_none(), "{there}");
        }
        assert_eq!(of("llama3.2"), Some("llama3.2:3b"));
        assert_eq!(of("llama4"), Some("llama3.1:8b"));
        assert_eq!(of("gemma3"), Some("qwen3:8b"));
        assert_eq!(stand_in(&installed[..1], "gemma3"), None);
        assert_eq!(stand_in(&[], "gemma3"), None);
    }
}
