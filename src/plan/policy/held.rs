//! What goes while somebody still holds on to it, or while the manifest still names it.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{ResourceId, Verb};
use crate::plan::policy::going::is_made_anew;

/// What goes must not be held by anything that stays, nor be named by anything that is declared.
pub(super) fn judge(drafts: &mut [Draft], world: &World) {
    held(drafts, world);
    named(drafts, world);
}

fn held(drafts: &mut [Draft], world: &World) {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let goes = |it: &Draft| it.change.verb == Verb::Delete || is_made_anew(it);
    for (index, draft) in drafts.iter().enumerate().filter(|it| goes(it.1)) {
        let live = draft.live.map_or(&draft.change.name, |it| &it.name);
        let going = matching_id(&ResourceId::new(draft.change.kind.clone(), live.clone()));
        let mut holders: BTreeSet<ResourceId> = BTreeSet::new();
        for kind in kinds::ALL {
            for live in world.live.kind(kind.facts().word).objects.values() {
                let falls =
                    !is_made_anew(draft) && kind.goes_with(live).as_ref().map(matching_id) == Some(going.clone());
                if !falls && kind.holds(&live.name, &live.spec).iter().any(|it| matching_id(it) == going) {
                    holders.insert(ResourceId::new(kind.facts().word, live.name.clone()));
                }
            }
        }
        if let (Some(kind), Some(live)) = (kinds::by_word(&draft.change.kind), draft.live) {
            holders.extend(kind.holders(live));
        }
        let stays = |holder: &&ResourceId| {
            let own = matching_id(holder);
            let change = drafts.iter().map(|it| &it.change).find(|it| {
                let name = it.renamed_from.as_deref().unwrap_or(&it.name);
                matching_id(&ResourceId::new(it.kind.clone(), name)) == own
            });
            match (change, kinds::by_word(&holder.kind)) {
                (Some(change), Some(kind)) if change.verb != Verb::Delete => !kind.lets_go(change, &going),
                (Some(_), _) => false,
                (None, _) => true,
            }
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
