//! What stays alive when somebody goes or no longer administers: whoever made it may still know its secret.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{Change, ResourceId, Verb};
use crate::plan::policy::budget;

/// So many are named.
const NAMED: usize = 20;

/// Whether a change takes somebody's access: all of it, or the administration of the organization.
pub(in crate::plan) fn leaves(change: &Change) -> bool {
    change.verb == Verb::Delete || (budget::administered(change, false) && !budget::administered(change, true))
}

/// Adds to each change that takes somebody's access what they leave behind. It never blocks.
pub(super) fn judge(drafts: &mut [Draft], world: &World) {
    let leaves = |it: &Draft| leaves(&it.change);
    for kind in kinds::ALL {
        let reports_on = |it: &Draft| kind.reports_on().contains(&it.change.kind.as_str());
        if !drafts.iter().any(|it| reports_on(it) && leaves(it)) {
            continue;
        }
        let word = kind.facts().word;
        // What goes or gets a successor in the same plan is taken care of.
        let ended: BTreeSet<ResourceId> = drafts
            .iter()
            .filter(|it| it.change.verb == Verb::Delete || (it.change.kind == word && it.change.verb == Verb::Replace))
            .map(|it| matching_id(&it.change.id))
            .collect();
        let mut left: BTreeMap<ResourceId, Vec<String>> = BTreeMap::new();
        for live in world.live.kind(word).objects.values() {
            let own = matching_id(&ResourceId::new(word, live.name.clone()));
            let falls = kind.goes_with(live).is_some_and(|it| ended.contains(&matching_id(&it)));
            if falls || ended.contains(&own) {
                continue;
            }
            for (of, what) in kind.traces(live, world) {
                left.entry(matching_id(&of)).or_default().push(what);
            }
        }
        for draft in drafts.iter_mut().filter(|it| reports_on(it) && leaves(it)) {
            if let Some(traces) = left.get(&matching_id(&draft.change.id)) {
                let sentence = sentence(word, &draft.change.id, traces);
                draft.findings.push((format!("{word}-outlives-{}", draft.change.kind).into(), sentence));
            }
        }
    }
}

fn sentence(word: &str, of: &ResourceId, traces: &[String]) -> String {
    let mut named = traces.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if traces.len() > NAMED {
        named.push_str(&format!(", and {} more", traces.len() - NAMED));
    }
    let (count, stays) = match traces.len() {
        1 => (format!("1 {word}"), "stays"),
        many => (format!("{many} {word}s"), "stay"),
    };
    format!("{count} that {of} made {stays} alive, for whoever knows a value: {named}")
}
