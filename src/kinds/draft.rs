//! A change while it is being planned.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::{Change, Entry, FieldChange, LiveObject, Verb};

/// A change while it is being planned: what the machinery knows, and what the kind adds.
#[derive(Debug)]
pub struct Draft<'a> {
    /// What is known so far; its steps are still empty.
    pub change: Change,
    /// The live object, for anything but a creation.
    pub live: Option<&'a LiveObject>,
    /// The manifest's entry, for anything but a deletion.
    pub entry: Option<&'a Entry>,
    /// Codes of dangers that are acknowledged for this change: a kind may send what it otherwise would not.
    pub acknowledged: BTreeSet<String>,
    /// Findings of the kind itself (code, sentence). The policy's table says which of them block.
    pub findings: Vec<(Cow<'static, str>, String)>,
}

impl Draft<'_> {
    /// What happens.
    pub fn verb(&self) -> Verb {
        self.change.verb
    }

    /// The change of a field, if it differs: `/members`.
    pub fn field(&self, pointer: &str) -> Option<&FieldChange> {
        self.change.fields.iter().find(|it| it.path == pointer)
    }
}
