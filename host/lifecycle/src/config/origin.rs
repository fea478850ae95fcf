//! What was set, and by whom.

use std::collections::BTreeMap;

use serde_json::Value;

/// Something that was set, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// To what. A secret is a reference to where it lies, as everywhere in a configuration.
    pub value: Value,
    /// Where.
    pub origin: Origin,
}

/// Where something was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration's file.
    File,
    /// By this variable of the environment.
    Environment(String),
    /// On the command line.
    CommandLine,
}

/// What was set, by the path of its key: `limits.fuel`. What is not in it has its default.
pub type Settings = BTreeMap<String, Setting>;

/// Notes as set by `origin` what `document` says otherwise than `settings` do.
pub(super) fn note(settings: &mut Settings, document: &Value, origin: &Origin) {
    let mut leaves = BTreeMap::new();
    collect(document, String::new(), &mut leaves);
    settings.retain(|key, _| leaves.contains_key(key));
    for (key, value) in leaves {
        if settings.get(&key).is_none_or(|setting| setting.value != *value) {
            settings.insert(key, Setting { value: value.clone(), origin: origin.clone() });
        }
    }
}

/// Everything in `value` that is no section. A key without a value sets nothing.
fn collect<'a>(value: &'a Value, path: String, leaves: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(value, path, leaves);
            }
        }
        Value::Null => {}
        leaf => drop(leaves.insert(path, leaf)),
    }
}
