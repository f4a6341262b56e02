//! A way through a schema: every schema in it, and nothing that is a value, such as the body of a snippet.

use serde_json::{Map, Value};

/// What a schema is in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The whole.
    Root,
    /// A definition.
    Definition,
    /// A property, or all properties whose names fit a pattern.
    Property,
    /// Items, the values or the keys of a mapping, a branch.
    Inner,
}

/// One schema, with the way to it.
#[derive(Debug)]
pub struct Site<'a> {
    pub path: String,
    pub schema: &'a Value,
    pub standing: Standing,
}

impl<'a> Site<'a> {
    /// The schema's keywords.
    pub fn map(&self) -> &'a Map<String, Value> {
        self.schema.as_object().unwrap()
    }

    /// The text of a keyword.
    pub fn text(&self, keyword: &str) -> Option<&'a str> {
        self.schema.get(keyword)?.as_str()
    }

    /// Whether it is one of several that a value may fit.
    pub fn is_branch(&self) -> bool {
        self.path.rsplit('/').nth(1) == Some("anyOf")
    }
}

/// Every schema in `root`, itself included.
pub fn sites(root: &Value) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    visit(root, "#".to_owned(), Standing::Root, &mut sites);
    sites
}

fn visit<'a>(schema: &'a Value, path: String, standing: Standing, sites: &mut Vec<Site<'a>>) {
    let Value::Object(map) = schema else { return };
    for (keyword, value) in map {
        let path = format!("{path}/{keyword}");
        let (standing, members) = match keyword.as_str() {
            "definitions" => (Standing::Definition, named(value)),
            "properties" | "patternProperties" => (Standing::Property, named(value)),
            "anyOf" | "oneOf" | "allOf" => (Standing::Inner, numbered(value)),
            "items" if value.is_array() => (Standing::Inner, numbered(value)),
            "items" | "additionalProperties" | "propertyNames" | "not" | "if" | "then" | "else" => {
                visit(value, path, Standing::Inner, sites);
                continue;
            }
            _ => continue,
        };
        for (name, member) in members {
            visit(member, format!("{path}/{name}"), standing, sites);
        }
    }
    sites.push(Site { path, schema, standing });
}

fn named(value: &Value) -> Vec<(String, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, it)| (name.clone(), it)).collect()
}

fn numbered(value: &Value) -> Vec<(String, &Value)> {
    value.as_array().into_iter().flatten().enumerate().map(|(index, it)| (index.to_string(), it)).collect()
}

/// What a reference means.
pub fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}
