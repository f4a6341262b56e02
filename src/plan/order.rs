//! The steps in an order of which every beginning is safe.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, matching_id};
use crate::model::{Change, Phase, ResourceId, Verb};

/// A step: which change, and which of its actions.
type Step = (usize, usize);

/// Numbers the steps of all changes from 1 and says which wait for which.
///
/// # Errors
/// The ids that wait for each other in a ring: a bug of a kind, because rings of names are broken before.
pub(super) fn order(changes: &mut [Change]) -> Result<(), Vec<ResourceId>> {
    let mut after = edges(changes);
    raise_phases(changes, &after);
    let mut waiting: BTreeMap<Step, usize> = BTreeMap::new();
    let mut before: BTreeMap<Step, Vec<Step>> = BTreeMap::new();
    for (step, needed) in &after {
        waiting.insert(*step, needed.len());
        for it in needed {
            before.entry(*it).or_default().push(*step);
        }
    }
    let priority = |step: Step| {
        let (change, action) = (&changes[step.0], &changes[step.0].steps[step.1]);
        (action.phase, kinds::rank(&change.kind), change.id.clone(), step.1)
    };
    let mut ready: BTreeSet<_> = waiting.iter().filter(|it| *it.1 == 0).map(|it| (priority(*it.0), *it.0)).collect();
    let mut numbers: BTreeMap<Step, usize> = BTreeMap::new();
    while let Some((_, step)) = ready.pop_first() {
        numbers.insert(step, numbers.len() + 1);
        for follower in before.remove(&step).unwrap_or_default() {
            if let Some(open) = waiting.get_mut(&follower) {
                *open -= 1;
                if *open == 0 {
                    ready.insert((priority(follower), follower));
                }
            }
        }
    }
    if numbers.len() < waiting.len() {
        let stuck: BTreeSet<_> =
            waiting.keys().filter(|it| !numbers.contains_key(*it)).map(|it| changes[it.0].id.clone()).collect();
        return Err(stuck.into_iter().collect());
    }
    for (step, number) in &numbers {
        let mut needed: Vec<usize> = after.remove(step).unwrap_or_default().iter().map(|it| numbers[it]).collect();
        needed.sort_unstable();
        let action = &mut changes[step.0].steps[step.1];
        action.step = *number;
        action.after = needed;
    }
    for change in changes {
        change.steps.sort_by_key(|it| it.step);
    }
    Ok(())
}

/// Every step, with those that must be done before it.
fn edges(changes: &[Change]) -> BTreeMap<Step, BTreeSet<Step>> {
    let mut after: BTreeMap<Step, BTreeSet<Step>> = BTreeMap::new();
    let mut made_by: BTreeMap<ResourceId, Step> = BTreeMap::new();
    let mut frees: BTreeMap<ResourceId, Step> = BTreeMap::new();
    let mut gained: BTreeMap<&str, Vec<Step>> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        for (number, action) in change.steps.iter().enumerate() {
            let step = (index, number);
            let needed = after.entry(step).or_default();
            // Two writes to one resource never overlap.
            if number > 0 {
                needed.insert((index, number - 1));
            }
            for subject in &action.gains {
                gained.entry(subject).or_default().push(step);
            }
            let makes = action.enables
                || matches!(
                    (change.verb, action.phase),
                    (
                        Verb::Create | Verb::Rename | Verb::Replace,
                        Phase::Grow | Phase::Rename | Phase::Replace | Phase::Issue
                    )
                );
            // Where a name steps aside first, it is taken by the last of the renames and given up by the first.
            if makes && action.phase == Phase::Rename {
                made_by.insert(matching_id(&change.id), step);
            } else if makes {
                made_by.entry(matching_id(&change.id)).or_insert(step);
            }
            if matches!(action.phase, Phase::Rename | Phase::Replace)
                && let Some(old) = &change.renamed_from
            {
                frees.entry(matching_id(&ResourceId::new(change.kind.clone(), old.clone()))).or_insert(step);
            }
        }
    }
    for (index, change) in changes.iter().enumerate() {
        for (number, action) in change.steps.iter().enumerate() {
            let step = (index, number);
            let mut needed: BTreeSet<Step> = BTreeSet::new();
            needed.extend(action.needs.iter().filter_map(|it| made_by.get(&matching_id(it))));
            needed.extend(action.loses.iter().flat_map(|it| gained.get(it.as_str()).into_iter().flatten()));
            // A name must be free before somebody else takes it.
            if made_by.get(&matching_id(&change.id)) == Some(&step) {
                needed.extend(frees.get(&matching_id(&change.id)));
            }
            needed.retain(|it| it.0 != index);
            after.entry(step).or_default().extend(needed);
        }
    }
    deletions_last(changes, &mut after);
    after
}

/// What goes waits for everything that held on to it to let go.
fn deletions_last(changes: &[Change], after: &mut BTreeMap<Step, BTreeSet<Step>>) {
    let mut held_by: BTreeMap<ResourceId, Vec<usize>> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        let Some(kind) = kinds::by_word(&change.kind).filter(|_| !change.before.is_null()) else { continue };
        let mut held: Vec<ResourceId> = kind.holds(&change.name, &change.before);
        held.extend(kind.references(&change.name, &change.before).into_iter().map(|it| it.to));
        for id in held {
            held_by.entry(matching_id(&id)).or_default().push(index);
        }
    }
    for (index, change) in changes.iter().enumerate() {
        if change.verb != Verb::Delete {
            continue;
        }
        for holder in held_by.get(&matching_id(&change.id)).into_iter().flatten().filter(|it| **it != index) {
            for number in 0..change.steps.len() {
                let steps = (0..changes[*holder].steps.len()).map(|it| (*holder, it));
                after.entry((index, number)).or_default().extend(steps);
            }
        }
    }
}

/// A step cannot belong to an earlier phase than what it waits for: later phases start behind a barrier.
fn raise_phases(changes: &mut [Change], after: &BTreeMap<Step, BTreeSet<Step>>) {
    loop {
        let mut raised = false;
        for (step, needed) in after {
            let latest = needed.iter().map(|it| changes[it.0].steps[it.1].phase).max();
            let action = &mut changes[step.0].steps[step.1];
            let barrier = latest.filter(|it| *it >= Phase::Replace && *it > action.phase);
            if let Some(phase) = barrier {
                action.phase = phase;
                raised = true;
            }
        }
        if !raised {
            return;
        }
    }
}
