//! Whether a `renamedFrom` is still to do, and rings of names that need a step aside.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map;

use serde_json::Value;

use crate::kinds::{self, Kind, matching_id, matching_key};
use crate::model::{Desired, Entry, FieldRule, KindState, LiveObject, ResourceId, Snapshot};
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

/// Why it is not known whether an entry's object is there, under its own name or the one it had.
pub(super) fn unknown<'a>(kind: &dyn Kind, entry: &Entry, state: &'a KindState) -> Option<&'a String> {
    let waiting = entry.renamed_from.as_ref().map(|_| waiting_name(&entry.id.name));
    let names = [Some(&entry.id.name), entry.renamed_from.as_ref(), waiting.as_ref()];
    let mut keys = names.into_iter().flatten().map(|it| matching_key(kind.facts().word, it));
    // A name that is not seen in a list that may lack something is not free.
    let seen = || state.objects.contains_key(&matching_key(kind.facts().word, &entry.id.name));
    let unseen = state.incomplete.as_ref().filter(|_| entry.renamed_from.is_some() && !seen());
    keys.find_map(|it| state.unknown_objects.get(&it)).or(unseen)
}

/// Names of which nobody knows whose they are, by key, and why: an entry that cannot be seen may still have the name it
/// gives up, or may have it no longer, and so may whoever is to have that name, and so on.
pub(super) fn undecided(kind: &dyn Kind, desired: &Desired, state: &KindState) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if state.incomplete.is_none() && state.unknown_objects.is_empty() {
        return found;
    }
    let word = kind.facts().word;
    let keys = |it: &Entry| -> Vec<String> {
        [Some(&it.id.name), it.renamed_from.as_ref()].into_iter().flatten().map(|it| matching_key(word, it)).collect()
    };
    let mut by_key: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
    let renaming = desired.entries.values().filter(|it| it.id.kind == word && it.renamed_from.is_some());
    for entry in renaming.clone() {
        keys(entry).into_iter().for_each(|it| by_key.entry(it).or_default().push(entry));
    }
    let mut open: Vec<&Entry> = renaming.filter(|it| unknown(kind, it, state).is_some()).collect();
    while let Some(entry) = open.pop() {
        for key in keys(entry) {
            let btree_map::Entry::Vacant(place) = found.entry(key) else { continue };
            open.extend(by_key.get(place.key()).into_iter().flatten());
            place.insert(format!("what becomes of {} is not known", entry.id));
        }
    }
    found
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
    if changes_hands(kind, entry, spec, old, desired) {
        return Some(Renaming::Ambiguous);
    }
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

/// Whether the old name is another entry's, with which it is live afterwards too, and nothing tells the two apart
/// then: without the base branch, the next plan could not know that the rename was done.
fn changes_hands(kind: &dyn Kind, entry: &Entry, spec: &Value, old: &str, desired: &Desired) -> bool {
    let Some(other) = desired.entries.get(&ResourceId::new(entry.id.kind.clone(), old)) else { return false };
    let other = kind.canonical(other.spec()).unwrap_or_default();
    let mut fixed = kind.facts().fields.iter().filter(|it| it.1 == FieldRule::Replaces).map(|it| it.0);
    desired.base.is_none() && fixed.all(|it| spec.get(it) == other.get(it))
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
pub(super) fn all(desired: &Desired, live: &Snapshot) -> BTreeMap<ResourceId, String> {
    let mut renames = BTreeMap::new();
    let mut undecided_of: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for entry in desired.entries.values().filter(|it| it.renamed_from.is_some()) {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let word = kind.facts().word;
        let state = live.kind(word);
        let undecided = undecided_of.entry(word).or_insert_with(|| undecided(kind, desired, state));
        // Nothing is planned for what is not known, and so nobody gives up a name there.
        if unknown(kind, entry, state).is_some() || undecided.contains_key(&matching_key(word, &entry.id.name)) {
            continue;
        }
        let spec = kind.canonical(entry.spec()).unwrap_or_default();
        if let Some(Renaming::ToDo(old)) = judge(kind, entry, &spec, state, desired)
            && let Some(live) = state.objects.get(&old)
        {
            let id = ResourceId::new(entry.id.kind.clone(), live.name.clone());
            renames.insert(matching_id(&id), entry.id.name.clone());
        }
    }
    without_taken(&mut renames, live);
    renames
}

/// Leaves out what cannot be renamed, because somebody has the name and keeps it; and so on with whoever was to have
/// the name that is not given up then.
fn without_taken(renames: &mut BTreeMap<ResourceId, String>, live: &Snapshot) {
    let wanted = |old: &ResourceId, new: &String| matching_id(&ResourceId::new(old.kind.clone(), new.clone()));
    let is_taken = |old: &ResourceId, new: &ResourceId| new != old && live.has(new, &new.name);
    let mut by_new: BTreeMap<ResourceId, ResourceId> = BTreeMap::new();
    let mut stuck = Vec::new();
    for (old, new) in renames.iter() {
        let new = wanted(old, new);
        if is_taken(old, &new) && !renames.contains_key(&new) {
            stuck.push(old.clone());
        }
        by_new.insert(new, old.clone());
    }
    while let Some(old) = stuck.pop() {
        renames.remove(&old);
        stuck.extend(by_new.get(&old).filter(|it| renames.contains_key(*it)).cloned());
    }
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
    // Where the order of a list means nothing, it goes by what the entries say, and they say something else now.
    if let Some(copy) = &mut renamed
        && let Ok(spec) = kind.canonical(copy.spec.clone())
    {
        copy.spec = spec;
    }
    renamed
}
