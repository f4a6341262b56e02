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
    /// The part of this that another one, from the same value, does as well: what both bring, take and change alike.
    /// Nothing where they have nothing in common.
    pub fn common(&self, other: &FieldChange) -> Option<FieldChange> {
        if !self.has_parts() && !other.has_parts() {
            return (self.after == other.after).then(|| self.clone());
        }
        let both = |own: &[String], others: &[String]| -> Vec<String> {
            own.iter()
                .filter(|it| others.iter().any(|other| other.to_lowercase() == it.to_lowercase()))
                .cloned()
                .collect()
        };
        let mut changed = both(&self.changed, &other.changed);
        changed.retain(|it| self.after[it] == other.after[it]);
        let mut added = both(&self.added, &other.added);
        // An entry that comes with another value than the other has for it is another entry.
        added.retain(|it| !self.after.is_object() || self.after.get(it) == other.after.get(it));
        let removed = both(&self.removed, &other.removed);
        let some = !(added.is_empty() && removed.is_empty() && changed.is_empty());
        let after = self.in_part(&added, &removed, &changed);
        some.then(|| Self { path: self.path.clone(), before: self.before.clone(), after, added, removed, changed })
    }

    /// What is left to do of this when a part of it is done; nothing where that was all.
    pub fn beyond(&self, part: &FieldChange) -> Option<FieldChange> {
        let rest = |own: &[String], done: &[String]| -> Vec<String> {
            own.iter().filter(|it| !done.contains(it)).cloned().collect()
        };
        let it = Self {
            path: self.path.clone(),
            before: part.after.clone(),
            after: self.after.clone(),
            added: rest(&self.added, &part.added),
            removed: rest(&self.removed, &part.removed),
            changed: rest(&self.changed, &part.changed),
        };
        it.has_parts().then_some(it)
    }

    fn has_parts(&self) -> bool {
        !(self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty())
    }

    /// The value before, with only these parts of the change carried out.
    fn in_part(&self, added: &[String], removed: &[String], changed: &[String]) -> Value {
        let mut value = self.before.clone();
        let list = |list: &mut Vec<Value>, added: &mut dyn Iterator<Item = &str>, is_removed: &dyn Fn(&str) -> bool| {
            list.retain(|it| !it.as_str().is_some_and(is_removed));
            list.extend(added.map(Value::from));
        };
        match &mut value {
            Value::Array(items) => {
                let mut added = added.iter().map(String::as_str);
                list(items, &mut added, &|it| removed.iter().any(|gone| gone == it));
            }
            // A mapping of lists, or of values.
            Value::Object(map) if self.is_of_lists() => {
                for (group, items) in map.iter_mut() {
                    let of = |it: &'_ str| {
                        it.strip_prefix(group.as_str()).and_then(|it| it.strip_prefix('/')).map(str::to_owned)
                    };
                    let come: Vec<String> = added.iter().filter_map(|it| of(it)).collect();
                    let gone: Vec<String> = removed.iter().filter_map(|it| of(it)).collect();
                    if let Value::Array(items) = items {
                        list(items, &mut come.iter().map(String::as_str), &|it| gone.iter().any(|gone| gone == it));
                    }
                }
            }
            Value::Object(map) => {
                map.retain(|key, _| !removed.contains(key));
                for key in added.iter().chain(changed) {
                    map.insert(key.clone(), self.after[key].clone());
                }
            }
            _ => return self.after.clone(),
        }
        value
    }

    fn is_of_lists(&self) -> bool {
        let lists = |it: &Value| it.as_object().is_some_and(|it| !it.is_empty() && it.values().all(Value::is_array));
        lists(&self.before) || lists(&self.after)
    }

    /// One value that becomes another.
    pub fn value(path: &str, before: Value, after: Value) -> Self {
        Self { path: path.to_owned(), before, after, added: Vec::new(), removed: Vec::new(), changed: Vec::new() }
    }
}
