//! Whether a `renamedFrom` is still to do, and rings of names that need a step aside.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kinds::{self, Kind, World, matching_id, matching_key};
use crate::model::{Entry, FieldRule, KindState, LiveObject, ResourceId};

/// What a `renamedFrom` comes to.
pub(super) enum Renaming {
    /// The live object under this key gets the entry's name.
    ToDo(String),
    /// The old name is gone: it was done before, or never was.
    Done,
    /// Both names are live, and nothing tells whether it was done.
    Ambiguous,
}

/// The name an object carries for a moment while names go round in a ring; also found again after an
/// apply that ended in between.
pub(super) fn waiting_name(name: &str) -> String {
    format!("{name}.bylaws-renaming")
}

/// Decides a `renamedFrom` by what is live (DESIGN 6, fine print).
pub(super) fn judge(kind: &dyn Kind, entry: &Entry, spec: &Value, state: &KindState) -> Option<Renaming> {
    let word = kind.facts().word;
    let old = entry.renamed_from.as_deref().filter(|_| kind.facts().renamable)?;
    let (old_key, new_key) = (matching_key(word, old), matching_key(word, &entry.id.name));
    let waiting_key = matching_key(word, &waiting_name(&entry.id.name));
    let new = state.objects.get(&new_key);
    if new.is_none() && state.objects.contains_key(&waiting_key) {
        return Some(Renaming::ToDo(waiting_key));
    }
    Some(match (new, state.objects.get(&old_key)) {
        (None, Some(_)) => Renaming::ToDo(old_key),
        (_, None) => Renaming::Done,
        (Some(new), Some(old)) => {
            // Fields that cannot change on a live object, such as an owner, tell which is which.
            let fixed = kind.facts().fields.iter().filter(|it| it.1 == FieldRule::Replaces).map(|it| it.0);
            let mut given = fixed.filter(|field| spec.get(field).is_some()).peekable();
            let moved = given.peek().is_some()
                && given.all(|field| new.spec.get(field) != spec.get(field) && old.spec.get(field) == spec.get(field));
            if moved { Renaming::ToDo(old_key) } else { Renaming::Ambiguous }
        }
    })
}

/// Every rename that is to do: the new name by the old id.
pub(super) fn all(world: &World) -> BTreeMap<ResourceId, String> {
    let mut renames = BTreeMap::new();
    for entry in world.desired.entries.values().filter(|it| it.renamed_from.is_some()) {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let state = world.live.kind(kind.facts().word);
        if let Some(Renaming::ToDo(old)) = judge(kind, entry, &world.spec(entry), state)
            && let Some(live) = state.objects.get(&old)
        {
            let id = ResourceId::new(entry.id.kind.clone(), live.name.clone());
            renames.insert(matching_id(&id), entry.id.name.clone());
        }
    }
    renames
}

/// The live object as if the names it refers to were the new ones already; nothing where none is renamed.
/// Whoever refers to something that is renamed in the same plan refers to it still, without a call.
pub(super) fn with_new_names(
    kind: &dyn Kind,
    live: &LiveObject,
    renames: &BTreeMap<ResourceId, String>,
) -> Option<LiveObject> {
    let mut renamed: Option<LiveObject> = None;
    for reference in kind.references(&live.name, &live.spec) {
        let Some(new) = renames.get(&matching_id(&reference.to)) else { continue };
        let copy = renamed.get_or_insert_with(|| live.clone());
        if let Some(Value::String(text)) = copy.spec.pointer_mut(&reference.pointer) {
            *text = match reference.part {
                None => new.clone(),
                Some((start, _)) => text.chars().take(start).chain(new.chars()).collect(),
            };
        }
    }
    renamed
}
