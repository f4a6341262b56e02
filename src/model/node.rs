//! A value somebody wrote, with the place of every part of it.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

/// Where a value stands: which file, and which stretch of it.
///
/// Lines and columns count from 1, columns in characters; bytes count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Index into the manifest's list of files.
    pub file: u32,
    /// First byte of the value.
    pub start: u32,
    /// One past the last byte of the value.
    pub end: u32,
    /// Line of the first byte.
    pub line: u32,
    /// Column of the first byte, in characters.
    pub column: u32,
}

impl Span {
    /// Whether another span lies within this one.
    pub fn covers(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it stands. For an alias: where the alias stands.
    pub span: Span,
}

/// What a YAML document can hold here.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// An explicit null, or nothing after a colon. Always an error later, kept so that it has a place.
    Null,
    /// `true` or `false`, written plainly.
    Bool(bool),
    /// A plain number. `text` is what was written, `value` what it means.
    Number { text: Arc<str>, value: Number },
    /// Any other scalar.
    Text(Arc<str>),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written, without duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key's text.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(it, _)| &*it.text == key).map(|(_, value)| value)
    }

    /// The mapping's entries; empty for anything that is no mapping.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The sequence's items; empty for anything that is no sequence.
    pub fn items(&self) -> &[Node] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if this is a text.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place of the part that the JSON pointer names; the nearest enclosing one where it is absent.
    ///
    /// A pointer that ends in `/#` asks for the key instead of the value.
    pub fn place_of(&self, pointer: &str) -> Span {
        let (pointer, want_key) = match pointer.strip_suffix("/#") {
            Some(parent) => (parent, true),
            None => (pointer, false),
        };
        let mut node = self;
        let mut key_span = self.span;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            match &node.data {
                Data::Map(entries) => match entries.iter().find(|(key, _)| *key.text == *part) {
                    Some((key, value)) => {
                        key_span = key.span;
                        node = value;
                    }
                    None => return node.span,
                },
                Data::List(items) => match part.parse::<usize>().ok().and_then(|it| items.get(it)) {
                    Some(value) => {
                        key_span = value.span;
                        node = value;
                    }
                    None => return node.span,
                },
                _ => return node.span,
            }
        }
        if want_key { key_span } else { node.span }
    }

    /// A value nobody wrote, all of it at one place: what an import would write.
    pub fn from_value(value: &Value, span: Span) -> Self {
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(value) => Data::Bool(*value),
            Value::Number(value) => Data::Number { text: value.to_string().into(), value: value.clone() },
            Value::String(text) => Data::Text(text.as_str().into()),
            Value::Array(items) => Data::List(items.iter().map(|it| Self::from_value(it, span)).collect()),
            Value::Object(map) => {
                let entry = |(key, it): (&String, &Value)| {
                    (Key { text: key.as_str().into(), span }, Self::from_value(it, span))
                };
                Data::Map(map.iter().map(entry).collect())
            }
        };
        Self { data, span }
    }

    /// The same value without places.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number { value, .. } => Value::Number(value.clone()),
            Data::Text(text) => Value::String(text.to_string()),
            Data::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Data::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    map.insert(key.text.to_string(), value.to_value());
                }
                Value::Object(map)
            }
        }
    }
}

/// One part of a JSON pointer, escaped.
pub fn pointer_part(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
