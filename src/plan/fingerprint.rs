//! Fingerprints of live objects: whether what a plan was judged by is still what it was.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::kinds::{self, Draft, matching_id, matching_key};
use crate::model::{Change, LiveObject, ResourceId, Snapshot};

/// Notes in every change which live objects it was judged by.
pub(super) fn note(drafts: &mut [Draft], live: &Snapshot) {
    // Who may go depends on who stays, as soon as anybody stops being an administrator.
    let mut administrators: Option<BTreeMap<ResourceId, Option<String>>> = None;
    for draft in drafts {
        let change = &mut draft.change;
        let old = change.renamed_from.clone().map(|it| ResourceId::new(change.kind.clone(), it));
        for id in [Some(change.id.clone()), old].into_iter().flatten() {
            let found = of(&id, live);
            change.relies_on.insert(id, found);
        }
        if loses_an_administrator(change) {
            let all = administrators.get_or_insert_with(|| of_administrators(live));
            for (id, found) in all.iter() {
                if !change.relies_on.keys().any(|it| matching_id(it) == matching_id(id)) {
                    change.relies_on.insert(id.clone(), found.clone());
                }
            }
        }
    }
}

fn loses_an_administrator(change: &Change) -> bool {
    let Some(kind) = kinds::by_word(&change.kind) else { return false };
    let after = kind.administrators(&change.name, &change.after);
    kind.administrators(&change.name, &change.before).iter().any(|it| !after.contains(it))
}

fn of_administrators(live: &Snapshot) -> BTreeMap<ResourceId, Option<String>> {
    let mut found = BTreeMap::new();
    for kind in kinds::ALL {
        let word = kind.facts().word;
        let objects = live.kind(word).objects.values();
        for object in objects.filter(|it| !kind.administrators(&it.name, &it.spec).is_empty()) {
            found.insert(ResourceId::new(word, object.name.clone()), Some(fingerprint(*kind, object)));
        }
    }
    found
}

/// The fingerprint of a live object; nothing where there is none.
pub(super) fn of(id: &ResourceId, live: &Snapshot) -> Option<String> {
    let kind = kinds::by_word(&id.kind)?;
    live.object(&id.kind, &matching_key(&id.kind, &id.name)).map(|it| fingerprint(kind, it))
}

/// SHA-256 over its name, what a person would have written to get it, and the facts that last. The order
/// in which the service lists things is no fact.
fn fingerprint(kind: &dyn kinds::Kind, object: &LiveObject) -> String {
    let mut facts = kind.lasting(object);
    sort(&mut facts);
    let mut spec = object.spec.clone();
    spec.sort_all_objects();
    sha256(&json!({"name": object.name, "spec": spec, "facts": facts}))
}

/// Sorts all lists and mappings, the inner ones first.
fn sort(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(sort);
            list.sort_by_cached_key(Value::to_string);
        }
        Value::Object(map) => {
            map.values_mut().for_each(sort);
            map.sort_keys();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `sha256:` and 64 hex digits, over the value as it is printed.
pub(super) fn sha256(value: &impl Serialize) -> String {
    let mut hashing = Hashing(Sha256::new());
    serde_json::to_writer(BufWriter::new(&mut hashing), value).expect("what is promised as JSON has a text");
    let digest = hashing.0.finalize();
    let hex: String = digest.iter().map(|it| format!("{it:02x}")).collect();
    format!("sha256:{hex}")
}

/// What is written here is hashed and not kept.
struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
