//! interim
use serde_json::Value;
pub(crate) struct Schema { document: Value, validator: jsonschema::Validator }
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SchemaError(String);
pub(crate) struct Mismatch { pub(crate) path: String, pub(crate) message: String }
impl Schema {
    pub(crate) fn compile(text: &str) -> Result<Self, SchemaError> {
        let document: Value = serde_json::from_str(text).map_err(|e| SchemaError(e.to_string()))?;
        let validator = jsonschema::draft202012::new(&document).map_err(|e| SchemaError(e.to_string()))?;
        Ok(Self { document, validator })
    }
    pub(crate) fn document(&self) -> &Value { &self.document }
    pub(crate) fn check(&self, instance: &Value) -> Result<(), Mismatch> {
        self.validator.validate(instance).map_err(|e| Mismatch { path: e.instance_path().to_string(), message: e.to_string() })
    }
}
