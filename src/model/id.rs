//! How a resource is called: `team/platform`, printed, parsed and sorted in one way.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a resource as people type it and plans print it: `KIND/NAME`, or `KIND` alone for
/// the one resource of a kind that has no names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The kind's singular word, such as `team`.
    pub kind: String,
    /// The name within the kind; empty where the kind has only one resource.
    pub name: String,
}

impl ResourceId {
    /// The id of the resource `name` of `kind`.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { f.write_str(&self.kind) } else { write!(f, "{}/{}", self.kind, self.name) }
    }
}

impl FromStr for ResourceId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        let sound = !kind.is_empty() && kind.chars().all(|it| it.is_ascii_lowercase() || it == '-');
        if !sound || (name.is_empty() && text.contains('/')) {
            return Err(format!("`{text}` is not a resource id; write KIND/NAME, such as team/platform"));
        }
        Ok(Self::new(kind, name))
    }
}

impl Serialize for ResourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ResourceId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResourceId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A resource as `KIND/NAME`, such as `team/platform`; `KIND` alone where a kind has only one resource.",
            "pattern": "^[a-z-]+(/.+)?$",
        })
    }
}
