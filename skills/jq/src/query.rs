//! One filter over one or more values.
//!
//! Promises the results in order, at most `limit` of them, and whether there were more. The time is the filter's: one
//! that never ends is stopped by the run's fuel, one that gives results for ever by `limit`.

use std::collections::BTreeMap;

use jaq_core::{Ctx, Vars};
use jaq_json::Val;
use jaq_std::input::RcIter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::program::{self, Data, Kind};
use crate::{DEFAULT_LIMIT, Error, MAX_LIMIT, value};

/// Characters of an error message: those of jq quote whole values.
const MAX_MESSAGE: usize = 1_000;

/// A filter and what it works on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// A filter in the jq language, for example `.items | map(.price) | add`.
    pub filter: String,
    /// The JSON that the filter gets.
    #[serde(default)]
    pub input: Option<Value>,
    /// Instead of `input`: JSON as text, also several values (JSON Lines); the filter gets one after the other.
    #[serde(default)]
    pub text: Option<String>,
    /// Gives the filter all values of `text` as one array.
    #[serde(default)]
    pub slurp: bool,
    /// Variables: `{"name": "Ada"}` is `$name` in the filter.
    #[serde(default)]
    pub args: BTreeMap<String, Value>,
    /// How many results to give at the most.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    pub limit: usize,
}

fn default_limit() -> usize {
    DEFAULT_LIMIT
}

/// What a filter gave.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// The results, in order.
    pub results: Vec<Value>,
    /// True if there were more than `limit`.
    pub truncated: bool,
}

/// Runs the filter.
pub(crate) fn query(query: &Query) -> Result<Answer, Error> {
    if !(1..=MAX_LIMIT).contains(&query.limit) {
        return Err(Error::Limit { asked: query.limit });
    }
    let (names, values) = variables(&query.args)?;
    let filter = program::compile(&query.filter, &names)?;
    let inputs = RcIter::new(inputs(query)?.into_iter().map(Ok));
    let inputs = &inputs;

    let mut results = Vec::new();
    for input in inputs {
        let input = input.map_err(Error::Run)?;
        let ctx = Ctx::<Kind>::new(Data { lut: &filter.lut, inputs }, Vars::new(values.iter().cloned()));
        for output in filter.id.run((ctx, input)) {
            let output = match output {
                Ok(output) => output,
                // Whatever the next result would have been, it is beyond the limit.
                Err(_) if results.len() == query.limit => return Ok(Answer { results, truncated: true }),
                Err(exception) => match exception.get_err() {
                    Ok(error) => return Err(Error::Run(message(error))),
                    Err(exception) => match exception.get_halt() {
                        Ok(0) => return Ok(Answer { results, truncated: false }),
                        Ok(code) => return Err(Error::Halt { code }),
                        Err(_) => return Err(Error::Run("`break` outside of its label".into())),
                    },
                },
            };
            if results.len() == query.limit {
                return Ok(Answer { results, truncated: true });
            }
            results.push(value::to_json(&output)?);
        }
    }
    Ok(Answer { results, truncated: false })
}

fn inputs(query: &Query) -> Result<Vec<Val>, Error> {
    match (&query.input, &query.text) {
        (Some(_), Some(_)) => Err(Error::BothInputs),
        (None, None) => Ok(vec![Val::Null]),
        (Some(input), None) => Ok(vec![value::from_json(input)?]),
        (None, Some(text)) => {
            let values = value::from_text(text)?;
            Ok(if query.slurp { vec![values.into_iter().collect()] } else { values })
        }
    }
}

fn variables(args: &BTreeMap<String, Value>) -> Result<(Vec<String>, Vec<Val>), Error> {
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (name, value) in args {
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Error::Variable { name: name.clone() });
        }
        names.push(format!("${name}"));
        values.push(value::from_json(value)?);
    }
    Ok((names, values))
}

/// What the filter threw: a text as it is, anything else as JSON.
fn message(error: jaq_json::Error) -> String {
    let message = match error.into_val() {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    };
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use serde_json::json;

    use super::*;

    fn asked(value: Value) -> Result<Answer, Error> {
        query(&serde_json::from_value(value).unwrap())
    }

    fn results(value: Value) -> Value {
        Value::Array(asked(value).unwrap().results)
    }

    #[test]
    fn a_filter_reshapes_its_input() {
        let input = json!({"items": [{"name": "b", "price": 2}, {"name": "a", "price": 1.5}]});
        let filter = ".items | sort_by(.price) | map(.name), (map(.price) | add), {n: length}";
        assert_eq!(results(json!({"filter": filter, "input": input})), json!([["a", "b"], 3.5, {"n": 2}]));
    }

    #[test]
    fn functions_reduce_regexes_paths_and_updates_work() {
        let cases = [
            ("def f(x): x * 2; f(.n)", json!({"n": 21}), json!([42])),
            ("reduce .[] as $x (0; . + $x)", json!([1, 2, 3]), json!([6])),
            ("[match(\"[a-z]+\"; \"g\").string]", json!("ab 12 cd"), json!([["ab", "cd"]])),
            ("[paths]", json!({"a": [1]}), json!([[["a"], ["a", 0]]])),
            (".a[1] |= . + 1", json!({"a": [1, 2]}), json!([{"a": [1, 3]}])),
            ("try error(\"x\") catch .", json!(null), json!(["x"])),
            ("4294967296 * 2, 5 / 5", json!(null), json!([8_589_934_592_u64, 1])),
            ("@csv", json!(["a\"b", 1, null, true]), json!(["\"a\"\"b\",1,,true"])),
            ("@tsv", json!(["a\tb\\", 1.5]), json!(["a\\tb\\\\\t1.5"])),
            ("1e3 | todate, strftime(\"%Y\")", json!(null), json!(["1970-01-01T00:16:40Z", "1970"])),
        ];
        for (filter, input, expected) in cases {
            assert_eq!(results(json!({"filter": filter, "input": input})), expected, "{filter}");
        }
    }

    #[test]
    fn variables_come_from_args() {
        assert_eq!(results(json!({"filter": "$who + $n", "args": {"who": "a", "n": "b"}})), json!(["ab"]));
        let refused = asked(json!({"filter": ".", "args": {"a-b": 1}}));
        assert!(matches!(refused, Err(Error::Variable { .. })));
    }

    #[test]
    fn a_text_of_several_values_is_filtered_value_by_value() {
        let text = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";
        assert_eq!(results(json!({"filter": ".n", "text": text})), json!([1, 2, 3]));
        assert_eq!(results(json!({"filter": "map(.n) | add", "text": text, "slurp": true})), json!([6]));
        assert_eq!(results(json!({"filter": "[.n, (inputs | .n)]", "text": text})), json!([[1, 2, 3]]));
    }

    #[test]
    fn without_input_the_filter_gets_null() {
        assert_eq!(results(json!({"filter": "."})), json!([null]));
        assert!(matches!(asked(json!({"filter": ".", "input": 1, "text": "1"})), Err(Error::BothInputs)));
    }

    #[test]
    fn endless_results_stop_at_the_limit() {
        let answer = asked(json!({"filter": "repeat(1)", "limit": 5})).unwrap();
        assert_eq!((answer.results.len(), answer.truncated), (5, true));
        let answer = asked(json!({"filter": "range(5)", "limit": 5})).unwrap();
        assert_eq!((answer.results.len(), answer.truncated), (5, false));
        assert!(matches!(asked(json!({"filter": ".", "limit": 0})), Err(Error::Limit { asked: 0 })));
        assert!(matches!(asked(json!({"filter": ".", "limit": MAX_LIMIT + 1})), Err(Error::Limit { .. })));
    }

    #[test]
    fn a_failing_filter_says_why() {
        let error = asked(json!({"filter": ".a", "input": [1]})).unwrap_err();
        assert_eq!(error.to_string(), "cannot index [1] with \"a\"");
        let error = asked(json!({"filter": "error({a: 1})"})).unwrap_err();
        assert_eq!(error.to_string(), "{\"a\":1}");
        let error = asked(json!({"filter": ".a", "input": ["x".repeat(5_000)]})).unwrap_err();
        assert!(error.to_string().chars().count() <= MAX_MESSAGE + 1);
    }

    #[test]
    fn halt_ends_the_filter_and_never_the_host() {
        assert_eq!(results(json!({"filter": "1, halt, 2"})), json!([1]));
        assert!(matches!(asked(json!({"filter": "halt_error"})), Err(Error::Halt { code: 5 })));
    }

    #[test]
    fn keys_that_json_lacks_are_refused() {
        assert!(matches!(asked(json!({"filter": "{(1|.): 2}"})), Err(Error::Key(_))));
    }
}
