//! How fields are compared, and what a comparison found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a field of a spec is compared with the live one. A field that was left out is never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldRule {
    /// One value.
    Value,
    /// A list in which order means nothing.
    Set,
    /// A list of logins: a set in which case means nothing.
    Logins,
    /// A list in which order matters.
    List,
    /// A mapping: entries come, go and change one by one.
    Map,
    /// A mapping of lists in which order means nothing: `items: {stacks: […]}`.
    Sets,
    /// One value that cannot be changed on a live object: the object is deleted and made anew.
    Replaces,
    /// One value that cannot be changed on a live object, except by what [`FieldRule::Renews`] does.
    Immutable,
    /// One value whose change makes a successor of the live object, and retires the live one.
    Renews,
    /// Never compared: it tells the tool what to do, and the service knows nothing of it.
    Instruction,
    /// The same, and nobody's business: plans and reports show this text in its place.
    Private(&'static str),
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// JSON pointer into the spec, such as `/members`.
    pub path: String,
    /// The live value; null when there is none.
    pub before: Value,
    /// The desired value; null when it goes.
    pub after: Value,
    /// For sets and mappings: what comes (`key` or `group/key`), sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// For sets and mappings: what goes, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// For mappings: which keys hold another value, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

impl FieldChange {
    /// One value that becomes another.
    pub fn value(path: &str, before: Value, after: Value) -> Self {
        Self { path: path.to_owned(), before, after, added: Vec::new(), removed: Vec::new(), changed: Vec::new() }
    }
}
