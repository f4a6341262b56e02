//! Part of a plan: what was asked for, and whatever that cannot go without.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{Draft, matching_id};
use crate::model::{Change, Diagnostic, ResourceId, Severity};
use crate::plan::order;

/// How many names a note lists before it only counts.
const LISTED: usize = 10;

/// Keeps the changes of these resources and those that they wait for; says which are left out.
pub(super) fn keep(drafts: &mut Vec<Draft>, targets: &BTreeSet<ResourceId>) -> Option<Diagnostic> {
    if targets.is_empty() {
        return None;
    }
    let targets: BTreeSet<ResourceId> = targets.iter().map(matching_id).collect();
    let asked = |it: &Change| {
        let old = it.renamed_from.as_ref().map(|old| matching_id(&ResourceId::new(it.kind.clone(), old.clone())));
        targets.contains(&matching_id(&it.id)) || old.is_some_and(|it| targets.contains(&it))
    };
    let mut changes: Vec<Change> = drafts.iter().map(|it| it.change.clone()).collect();
    let mut wanted: BTreeSet<usize> = (0..changes.len()).filter(|it| asked(&changes[*it])).collect();
    // Where no order is safe at all, the plan says so by itself, and nothing is left out of that.
    if order::order(&mut changes).is_err() {
        return None;
    }
    let steps = |index: usize| changes[index].steps.iter();
    let owner: BTreeMap<usize, usize> =
        (0..changes.len()).flat_map(|index| steps(index).map(move |it| (it.step, index))).collect();
    let mut open: Vec<usize> = wanted.iter().copied().collect();
    while let Some(index) = open.pop() {
        for needed in steps(index).flat_map(|it| &it.after).filter_map(|it| owner.get(it)) {
            if wanted.insert(*needed) {
                open.push(*needed);
            }
        }
    }
    let along: Vec<String> =
        wanted.iter().filter(|it| !asked(&changes[**it])).map(|it| changes[*it].id.to_string()).collect();
    let left: Vec<String> =
        (0..changes.len()).filter(|it| !wanted.contains(it)).map(|it| changes[it].id.to_string()).collect();
    let mut index = 0;
    drafts.retain(|_| {
        index += 1;
        wanted.contains(&(index - 1))
    });
    let mut sentences = Vec::new();
    if !along.is_empty() {
        sentences.push(format!("{} needed and comes along", listed(along, "is", "are")));
    }
    if !left.is_empty() {
        sentences.push(format!("{} left out", listed(left, "is", "are")));
    }
    let message = if sentences.is_empty() { "nothing is left out".to_owned() } else { sentences.join("; ") };
    Some(Diagnostic::new(Severity::Note, "targeted", format!("this is part of the plan: {message}")))
}

fn listed(mut ids: Vec<String>, one: &str, many: &str) -> String {
    let (count, verb) = (ids.len(), if ids.len() == 1 { one } else { many });
    ids.sort();
    ids.truncate(LISTED);
    let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
    format!("{}{more} {verb}", ids.join(", "))
}
