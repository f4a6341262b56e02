//! Whether a `renamedFrom` is still to do, and rings of names that need a step aside.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::kinds::{self, Kind, World, matching_id, matching_key};
use crate::model::{Desired, Entry, FieldRule, KindState, LiveObject, ResourceId};
use crate::plan::{compare, origin};

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
pub(super) fn judge(
    kind: &dyn Kind,
    entry: &Entry,
    spec: &Value,
    state: &KindState,
    desired: &Desired,
) -> Option<Renaming> {
    let word = kind.facts().word;
    let old = entry.renamed_from.as_deref().filter(|_| kind.facts().renamable)?;
    let (old_key, new_key) = (matching_key(word, old), matching_key(word, &entry.id.name));
    // What an interrupted apply left under the waiting name is on its way, whoever has the others by now.
    let waiting_key = matching_key(word, &waiting_name(&entry.id.name));
    let old_key = if state.objects.contains_key(&waiting_key) { waiting_key } else { old_key };
    Some(match (state.objects.get(&new_key), state.objects.get(&old_key)) {
        (None, Some(_)) => Renaming::ToDo(old_key),
        (_, None) => Renaming::Done,
        (Some(new), Some(old)) => match (is_meant(kind, spec, new), is_meant(kind, spec, old)) {
            (false, true) => Renaming::ToDo(old_key),
            (true, false) => Renaming::Done,
            // New on this branch, and so to do; unless the fields show that it was done already, as when
            // the same apply runs twice.
            _ if origin::renaming_is_new(kind, desired, entry) => {
                match (fits(kind, spec, new), fits(kind, spec, old)) {
                    (true, false) => Renaming::Done,
                    _ => Renaming::ToDo(old_key),
                }
            }
            _ if desired.base.is_some() => Renaming::Done,
            _ => Renaming::Ambiguous,
        },
    })
}

/// Whether a live object is the one that a spec means, as far as fields tell that cannot change on a
/// live object, such as an owner.
fn is_meant(kind: &dyn Kind, spec: &Value, live: &LiveObject) -> bool {
    let spec = spelled_as_live(kind, spec, live);
    let fixed = kind.facts().fields.iter().filter(|it| it.1 == FieldRule::Replaces).map(|it| it.0);
    fixed.filter(|it| spec.get(it).is_some()).all(|it| live.spec.get(it) == spec.get(it))
}

/// Whether a live object is all that a spec says.
fn fits(kind: &dyn Kind, spec: &Value, live: &LiveObject) -> bool {
    let spec = spelled_as_live(kind, spec, live);
    compare::fields(kind.facts().fields, &spec, live).is_empty()
}

/// The spec with the names of what ignores letter case spelled as the live object spells them.
pub(super) fn spelled_as_live<'a>(kind: &dyn Kind, spec: &'a Value, live: &LiveObject) -> Cow<'a, Value> {
    let mut spelled = Cow::Borrowed(spec);
    for reference in kind.references(&live.name, spec) {
        let ignores_case = kinds::by_word(&reference.to.kind).is_some_and(|it| it.facts().ignores_case);
        let (Some(written), Some(there)) = (spec.pointer(&reference.pointer), live.spec.pointer(&reference.pointer))
        else {
            continue;
        };
        let lower = |it: &Value| it.as_str().map(str::to_lowercase);
        if ignores_case
            && written != there
            && lower(written) == lower(there)
            && let Some(place) = spelled.to_mut().pointer_mut(&reference.pointer)
        {
            place.clone_from(there);
        }
    }
    spelled
}

/// Every rename that is to do: the new name by the old id.
pub(super) fn all(world: &World) -> BTreeMap<ResourceId, String> {
    let mut renames = BTreeMap::new();
    for entry in world.desired.entries.values().filter(|it| it.renamed_from.is_some()) {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let state = world.live.kind(kind.facts().word);
        if let Some(Renaming::ToDo(old)) = judge(kind, entry, &world.spec(entry), state, world.desired)
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
