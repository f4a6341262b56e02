//! What a step reads again after its calls, as data: where an answer alone does not tell whether it is so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Call;

/// One reading, and what it has to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Path segments of the GET, unencoded, from `api` on. A list that goes on is read to its end.
    pub path: Vec<String>,
    /// Query parameters, as pairs of name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// What must be there, and what must not.
    pub shows: Vec<Expected>,
}

/// An entry that must, or must not, be in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// What it is, for people: `stack shop/prod`.
    pub what: String,
    /// JSON pointer to the list in the answer.
    pub list: String,
    /// The entry is meant that has all fields of one of these.
    pub any_of: Vec<Value>,
    /// Whether it must be there.
    pub there: bool,
    /// Sent one after another, as long as it is not so: other ways of asking for the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<Call>,
}

impl Check {
    /// A reading that has to show nothing yet.
    pub fn new(path: Vec<String>) -> Self {
        Self { path, query: Vec::new(), shows: Vec::new() }
    }

    /// The same with a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Expected {
    /// Whether an entry of the list is the one that is meant.
    pub fn is(&self, entry: &Value) -> bool {
        let has_all = |wanted: &Value| {
            let fields = wanted.as_object();
            fields.is_some_and(|it| it.iter().all(|(field, value)| entry.get(field) == Some(value)))
        };
        self.any_of.iter().any(has_all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Expected;

    #[test]
    fn an_entry_is_meant_that_has_all_fields_of_one_spelling() {
        let expected = Expected {
            what: "stack shop/prod".to_owned(),
            list: "/items".to_owned(),
            any_of: ["shop/prod", "acme/shop/prod"].map(|it| json!({"type": "stack", "name": it})).to_vec(),
            there: false,
            retries: Vec::new(),
        };
        assert!(expected.is(&json!({"type": "stack", "name": "shop/prod", "version": 3})));
        assert!(expected.is(&json!({"type": "stack", "name": "acme/shop/prod"})));
        assert!(!expected.is(&json!({"type": "environment", "name": "shop/prod"})));
        assert!(!expected.is(&json!("shop/prod")));
    }
}
