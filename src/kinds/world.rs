//! What a kind may look at while it plans: the manifest, the live organization, who asks, and the moment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kinds::{by_word, matching_key};
use crate::model::{Desired, Entry, Instant, LiveObject, ResourceId, Snapshot};

/// Everything a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The manifest.
    pub desired: &'a Desired,
    /// The live organization, as far as it was read.
    pub live: &'a Snapshot,
    /// Resources whose write-only fields shall be sent again.
    pub resend: &'a BTreeSet<ResourceId>,
    /// The names that live objects get by this plan, by the ids that they have, as those are matched.
    pub renames: &'a BTreeMap<ResourceId, String>,
}

/// Where nothing is renamed.
pub static NO_RENAMES: BTreeMap<ResourceId, String> = BTreeMap::new();

impl<'a> World<'a> {
    /// The organization's slug.
    pub fn org(&self) -> &'a str {
        &self.desired.organization
    }

    /// The moment against which age is judged.
    pub fn now(&self) -> Instant {
        self.live.now
    }

    /// Whether what the service never tells back shall be sent again to this resource.
    pub fn sends_again(&self, kind: &str, name: &str) -> bool {
        self.resend.contains(&ResourceId::new(kind, matching_key(kind, name)))
    }

    /// A live object by its name.
    pub fn live(&self, kind: &str, name: &str) -> Option<&'a LiveObject> {
        self.live.object(kind, &matching_key(kind, name))
    }

    /// The live object that has this name once the plan's renames are done: the one that gets it, or the one that
    /// has it and keeps it.
    pub fn renamed(&self, kind: &str, name: &str) -> Option<&'a LiveObject> {
        let own = ResourceId::new(kind, matching_key(kind, name));
        let gets_it = |it: &(&ResourceId, &String)| it.0.kind == kind && matching_key(kind, it.1) == own.name;
        match self.renames.iter().find(gets_it) {
            Some((old, _)) => self.live.object(kind, &old.name),
            None if self.renames.contains_key(&own) => None,
            None => self.live(kind, name),
        }
    }

    /// A manifest entry by its name.
    pub fn entry(&self, kind: &str, name: &str) -> Option<&'a Entry> {
        let exact = self.desired.entries.get(&ResourceId::new(kind, name));
        if exact.is_some() || !by_word(kind).is_some_and(|it| it.facts().ignores_case) {
            return exact;
        }
        let key = matching_key(kind, name);
        self.desired.entries.values().find(|it| it.id.kind == kind && matching_key(kind, &it.id.name) == key)
    }

    /// The canonical spec of an entry; null for one that does not decode.
    pub fn spec(&self, entry: &Entry) -> Value {
        by_word(&entry.id.kind).and_then(|it| it.canonical(entry.spec()).ok()).unwrap_or(Value::Null)
    }
}
