//! What goes while somebody still holds on to it, or while the manifest still names it.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{Change, ResourceId, Verb};
use crate::plan::policy::going::is_made_anew;

/// What goes must not be held by anything that stays, nor be named by anything that is declared.
pub(super) fn judge(drafts: &mut [Draft], world: &World) {
    held(drafts, world);
    named(drafts, world);
}

fn held(drafts: &mut [Draft], world: &World) {
    let goes = |it: &Draft| it.change.verb == Verb::Delete || is_made_anew(it);
    if !drafts.iter().any(goes) {
        return;
    }
    let held_by = holders(world);
    let mut changes: BTreeMap<ResourceId, &Change> = BTreeMap::new();
    for change in drafts.iter().map(|it| &it.change) {
        let name = change.renamed_from.as_deref().unwrap_or(&change.name);
        changes.entry(matching_id(&ResourceId::new(change.kind.clone(), name))).or_insert(change);
    }
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    for (index, draft) in drafts.iter().enumerate().filter(|it| goes(it.1)) {
        let live = draft.live.map_or(&draft.change.name, |it| &it.name);
        let going = matching_id(&ResourceId::new(draft.change.kind.clone(), live.clone()));
        let falls = |it: &&Holder| !is_made_anew(draft) && it.goes_with.as_ref() == Some(&going);
        let here = held_by.get(&going).into_iter().flatten().filter(|it| !falls(it));
        let mut holders: BTreeSet<ResourceId> = here.map(|it| it.id.clone()).collect();
        if let (Some(kind), Some(live)) = (kinds::by_word(&draft.change.kind), draft.live) {
            holders.extend(kind.holders(live));
        }
        let stays = |holder: &&ResourceId| match (changes.get(&matching_id(holder)), kinds::by_word(&holder.kind)) {
            (Some(change), Some(kind)) if change.verb != Verb::Delete => !kind.lets_go(change, &going),
            (Some(_), _) => false,
            (None, _) => true,
        };
        let stay: Vec<String> = holders.iter().filter(stays).map(ToString::to_string).collect();
        if !stay.is_empty() {
            found.push((index, stay));
        }
    }
    for (index, holders) in found {
        let id = drafts[index].change.id.clone();
        drafts[index].findings.push(("still-held".into(), format!("{id} is still held by {}", holders.join(", "))));
    }
}

/// A live object that holds on to another one.
struct Holder {
    id: ResourceId,
    /// What it is deleted with.
    goes_with: Option<ResourceId>,
}

/// Who holds on to what, of all that is live.
fn holders(world: &World) -> BTreeMap<ResourceId, Vec<Holder>> {
    let mut held_by: BTreeMap<ResourceId, Vec<Holder>> = BTreeMap::new();
    for kind in kinds::ALL {
        for live in world.live.kind(kind.facts().word).objects.values() {
            for held in kind.holds(&live.name, &live.spec) {
                let id = ResourceId::new(kind.facts().word, live.name.clone());
                let goes_with = kind.goes_with(live).as_ref().map(matching_id);
                held_by.entry(matching_id(&held)).or_default().push(Holder { id, goes_with });
            }
        }
    }
    held_by
}

/// A manifest that names what it has deleted could never come true.
fn named(drafts: &mut [Draft], world: &World) {
    let id_of = |it: &Draft| matching_id(&it.change.id);
    let mut going: BTreeMap<ResourceId, BTreeSet<&ResourceId>> = BTreeMap::new();
    for draft in drafts.iter().filter(|it| it.change.verb == Verb::Delete) {
        going.insert(id_of(draft), BTreeSet::new());
    }
    // Somebody else may get the name.
    for draft in drafts.iter().filter(|it| it.change.verb != Verb::Delete) {
        going.remove(&id_of(draft));
    }
    if going.is_empty() {
        return;
    }
    for entry in world.desired.entries.values() {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        for reference in kind.references(&entry.id.name, &world.spec(entry)) {
            if let Some(by) = going.get_mut(&matching_id(&reference.to)) {
                by.insert(&entry.id);
            }
        }
    }
    for draft in drafts.iter_mut().filter(|it| it.change.verb == Verb::Delete) {
        let by: Vec<String> = going.get(&id_of(draft)).into_iter().flatten().map(ToString::to_string).collect();
        if !by.is_empty() {
            let sentence =
                format!("{} is deleted, and the manifest still names it in {}", draft.change.id, by.join(", "));
            draft.findings.push(("still-held".into(), sentence));
        }
    }
}
