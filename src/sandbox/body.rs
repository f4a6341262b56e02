//! Reading request bodies: what is missing or of the wrong type is a 400.

use crate::sandbox::ask::Refusal;
use serde_json::Map;
use serde_json::Value;

/// A JSON object of a request. A field that is null counts as absent.
#[derive(Clone, Debug)]
pub struct Body {
    fields: Map<String, Value>,
}

impl Body {
    pub fn parse(bytes: &[u8]) -> Result<Body, Refusal> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| Refusal::bad_request(format!("invalid JSON: {error}")))?;
        Body::of(value, "request body")
    }

    /// Takes a value that must be an object; `what` names it in the refusal.
    pub fn of(value: Value, what: &str) -> Result<Body, Refusal> {
        match value {
            Value::Object(fields) => Ok(Body { fields }),
            _ => Err(Refusal::bad_request(format!("{what} must be an object"))),
        }
    }

    /// Whether a field is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|it| !it.is_null())
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.fields.keys()
    }

    pub fn text(&self, name: &str) -> Result<String, Refusal> {
        self.maybe_text(name)?.ok_or_else(|| missing(name))
    }

    /// A text that must not be empty.
    pub fn name(&self, name: &str) -> Result<String, Refusal> {
        let text = self.text(name)?;
        let bad = text.trim() != text || text.chars().any(char::is_control);
        if text.is_empty() {
            return Err(missing(name));
        }
        if bad {
            return Err(Refusal::bad_request(format!("'{name}' is not a valid name")));
        }
        Ok(text)
    }

    pub fn maybe_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    pub fn integer(&self, name: &str) -> Result<i64, Refusal> {
        self.maybe_integer(name)?.ok_or_else(|| missing(name))
    }

    pub fn maybe_integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong(name, "an integer")),
        }
    }

    pub fn boolean(&self, name: &str) -> Result<bool, Refusal> {
        self.maybe_boolean(name)?.ok_or_else(|| missing(name))
    }

    pub fn maybe_boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or_else(|| wrong(name, "a boolean")),
        }
    }

    pub fn list(&self, name: &str) -> Result<Vec<Value>, Refusal> {
        self.maybe_list(name)?.ok_or_else(|| missing(name))
    }

    pub fn maybe_list(&self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list.clone())),
            Some(_) => Err(wrong(name, "a list")),
        }
    }

    /// A list of objects.
    pub fn objects(&self, name: &str) -> Result<Vec<Body>, Refusal> {
        let list = self.list(name)?;
        list.into_iter().map(|it| Body::of(it, &format!("each of '{name}'"))).collect()
    }

    /// A list of texts, if it is there.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(list) = self.maybe_list(name)? else { return Ok(None) };
        let texts = list.iter().map(|it| it.as_str().map(str::to_owned));
        let texts: Option<Vec<String>> = texts.collect();
        texts.map(Some).ok_or_else(|| wrong(name, "a list of strings"))
    }

    pub fn object(&self, name: &str) -> Result<Body, Refusal> {
        match self.get(name) {
            None => Err(missing(name)),
            Some(value) => Body::of(value.clone(), &format!("'{name}'")),
        }
    }
}

/// What is said of a field that must be there.
pub fn missing(name: &str) -> Refusal {
    Refusal::bad_request(format!("missing required field '{name}'"))
}

fn wrong(name: &str, wanted: &str) -> Refusal {
    Refusal::bad_request(format!("field '{name}' must be {wanted}"))
}
