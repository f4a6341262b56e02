//! What the base branch's manifest tells: what this change removes, what it changes, and what is drift.

use serde_json::Value;

use crate::kinds::{self, Kind, Shape, World, matching_key};
use crate::model::{
    Base, Desired, Diagnostic, Entry, FieldChange, Left, LiveObject, Origin, Place, Removal, ResourceId, Severity,
};
use crate::plan::compare;

/// The entry of this resource in the base branch's manifest.
pub(super) fn base_entry<'a>(desired: &'a Desired, id: &ResourceId) -> Option<(&'a Base, &'a Entry)> {
    let base = desired.base.as_deref()?;
    let ignores_case = || kinds::by_word(&id.kind).is_some_and(|it| it.facts().ignores_case);
    let exact = base.desired.entries.get(id);
    let entry = exact.or_else(|| base.in_any_case(id).filter(|_| ignores_case()))?;
    Some((base, entry))
}

/// What the base branch declares and this manifest no longer speaks of: neither declared nor renamed,
/// neither a tombstone nor handed over to somebody else.
pub fn left(desired: &Desired) -> Vec<&Entry> {
    let Some(base) = desired.base.as_deref() else { return Vec::new() };
    let own = |it: &ResourceId| kinds::matching_id(it);
    let mut known: std::collections::BTreeSet<ResourceId> = desired.entries.keys().map(own).collect();
    known.extend(desired.removed.keys().map(own));
    known.extend(desired.external.iter().map(own));
    let renamed = desired.entries.values().filter_map(|it| {
        Some(ResourceId::new(it.id.kind.clone(), matching_key(&it.id.kind, it.renamed_from.as_deref()?)))
    });
    known.extend(renamed);
    // What always exists does not go: it is only managed no longer.
    let can_go = |it: &&Entry| kinds::by_word(&it.id.kind).is_some_and(|it| it.facts().shape == Shape::Map);
    base.desired.entries.values().filter(can_go).filter(|it| !known.contains(&own(&it.id))).collect()
}

/// Where the base branch declares what goes, and how it left the manifest, with a sentence about it.
pub(super) fn removal(base: &Base, entry: &Entry) -> (Removal, String) {
    let Place { file, line, .. } = base.desired.place(entry.key.span);
    let place = format!("{file}:{line} of {}", base.shown);
    let left = base.left.get(&entry.id);
    let remark = match left {
        Some(Left::Commit(commit)) => format!("removed in {} from {place}", commit.get(..7).unwrap_or(commit)),
        Some(Left::Uncommitted) => format!("removed from {place}, which is not committed yet"),
        None => format!("declared at {place}"),
    };
    let commit = left.and_then(|it| match it {
        Left::Commit(commit) => Some(commit.clone()),
        Left::Uncommitted => None,
    });
    let uncommitted = left == Some(&Left::Uncommitted);
    (Removal { file, line, base: base.shown.clone(), commit, uncommitted }, remark)
}

/// Whether the change of an entry comes from this pull request: the manifest says otherwise than on the
/// base branch about one of the fields that differ, or the entry, its name or its renaming is new.
pub(super) fn of_entry(world: &World, entry: &Entry, fields: &[FieldChange]) -> Origin {
    if world.desired.base.is_none() {
        return Origin::Manifest;
    }
    let Some((_, before)) = base_entry(world.desired, &entry.id) else { return Origin::PullRequest };
    if before.renamed_from != entry.renamed_from {
        return Origin::PullRequest;
    }
    let (old, new) = (world.spec(before), world.spec(entry));
    let asked = match fields {
        [] => old != new,
        fields => fields.iter().any(|it| top(&old, it) != top(&new, it)),
    };
    if asked { Origin::PullRequest } else { Origin::Drift }
}

/// The parts of a change that the pull request does not ask for: the base branch's manifest would do the same. They have
/// drifted, and come along.
pub(super) fn drifted(world: &World, entry: &Entry, live: &LiveObject, fields: &[FieldChange]) -> Vec<FieldChange> {
    let Some((_, before)) = base_entry(world.desired, &entry.id) else { return Vec::new() };
    let Some(kind) = kinds::by_word(&entry.id.kind) else { return Vec::new() };
    let (old, new) = (world.spec(before), world.spec(entry));
    let due = compare::fields(kind.facts().fields, &old, live);
    let of_base = |it: &FieldChange| match due.iter().find(|(_, due)| due.path == it.path) {
        Some((_, due)) => it.common(due),
        // What only the kind itself can compare is asked for as a whole.
        None => (top(&old, it) == top(&new, it)).then(|| it.clone()),
    };
    fields.iter().filter_map(of_base).collect()
}

fn top<'a>(spec: &'a Value, field: &FieldChange) -> Option<&'a Value> {
    let name = field.path[1..].split('/').next().unwrap_or_default();
    spec.get(name)
}

/// Whether a tombstone or `prune` is of this pull request.
pub(super) fn of_deletion(desired: &Desired, said_before: impl Fn(&Desired) -> bool) -> Origin {
    match desired.base.as_deref() {
        None => Origin::Manifest,
        Some(base) if said_before(&base.desired) => Origin::Drift,
        Some(_) => Origin::PullRequest,
    }
}

/// Whether the base branch's manifest has this entry without its `renamedFrom`.
pub(super) fn renaming_is_new(kind: &dyn Kind, desired: &Desired, entry: &Entry) -> bool {
    let same = |it: &Entry| {
        let key = |name: &String| matching_key(kind.facts().word, name);
        it.renamed_from.as_ref().map(key) == entry.renamed_from.as_ref().map(key)
    };
    desired.base.is_some() && !base_entry(desired, &entry.id).is_some_and(|(_, before)| same(before))
}

/// Rails that this change would loosen. The base branch's hold until it is merged.
pub(super) fn loosened_rails(desired: &Desired) -> Vec<Diagnostic> {
    let Some(base) = desired.base.as_deref() else { return Vec::new() };
    let (before, after) = (&base.desired.safety, &desired.safety);
    let mut sentences = Vec::new();
    if after.minimum_admins.unwrap_or(2) < before.minimum_admins.unwrap_or(2) {
        sentences.push("`safety.minimumAdmins` is lowered".to_owned());
    }
    for id in before.protected.difference(&after.protected) {
        sentences.push(format!("`safety` no longer protects {id}"));
    }
    for entry in base.desired.entries.values().filter(|it| it.protect) {
        let kept = desired.entries.get(&entry.id).is_none_or(|it| it.protect);
        if !kept {
            sentences.push(format!("{} no longer says `protect: true`", entry.id));
        }
    }
    for section in desired.prune.keys().filter(|it| !base.desired.prune.contains_key(*it)) {
        sentences.push(format!("`prune` now names `{section}`"));
    }
    let note = |it: String| Diagnostic::new(Severity::Warning, "rails-changed", it);
    sentences.into_iter().map(note).collect()
}
