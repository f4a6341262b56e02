//! The steps in an order of which every beginning is safe.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, matching_id};
use crate::model::{Action, Change, Phase, ResourceId, Verb};

/// A step: which change, and which of its actions.
type Step = (usize, usize);

/// Numbers the steps of all changes from 1 and says which wait for which.
///
/// # Errors
/// The ids that wait for each other in a ring: a bug of a kind, because rings of names are broken before.
pub(super) fn order(changes: &mut [Change]) -> Result<(), Vec<ResourceId>> {
    let after = edges(changes);
    number(changes, after)
}

/// The same anew, where some steps wait for others besides: each pair is a step and the one that it waits for, by
/// their numbers so far. A pair is left out where the other has to wait for the step.
///
/// # Errors
/// As for [`order`].
pub(super) fn order_again(changes: &mut [Change], waits: &BTreeSet<(usize, usize)>) -> Result<(), Vec<ResourceId>> {
    let mut after = edges(changes);
    let mut numbered: BTreeMap<usize, Step> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        numbered.extend(change.steps.iter().enumerate().map(|(number, it)| (it.step, (index, number))));
    }
    for (step, other) in waits {
        let (Some(step), Some(other)) = (numbered.get(step), numbered.get(other)) else { continue };
        if !is_before(&after, *step, *other) {
            after.entry(*step).or_default().insert(*other);
        }
    }
    number(changes, after)
}

/// Whether one step must be done before another.
fn is_before(after: &BTreeMap<Step, BTreeSet<Step>>, step: Step, other: Step) -> bool {
    let mut open = vec![other];
    let mut seen = BTreeSet::from([other]);
    while let Some(it) = open.pop() {
        if it == step {
            return true;
        }
        open.extend(after.get(&it).into_iter().flatten().filter(|it| seen.insert(**it)));
    }
    false
}

fn number(changes: &mut [Change], mut after: BTreeMap<Step, BTreeSet<Step>>) -> Result<(), Vec<ResourceId>> {
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

/// Which steps wait for which, whoever carries them out and however many at once.
pub(super) struct Order {
    /// By its number, what each step waits for.
    after: BTreeMap<usize, Vec<usize>>,
    /// Its phase, and the latest one of all that it waits for.
    phases: BTreeMap<usize, (Phase, Phase)>,
}

impl Order {
    /// The order of steps that are numbered.
    pub fn of(changes: &[&Change]) -> Self {
        let mut order = Self { after: BTreeMap::new(), phases: BTreeMap::new() };
        let mut steps: Vec<&Action> = changes.iter().flat_map(|it| &it.steps).collect();
        steps.sort_by_key(|it| it.step);
        for it in steps {
            let sooner = it.after.iter().filter_map(|it| order.phases.get(it)).map(|it| it.1).max();
            order.phases.insert(it.step, (it.phase, sooner.unwrap_or(it.phase).max(it.phase)));
            order.after.insert(it.step, it.after.clone());
        }
        order
    }

    /// Whether a step is only taken when another one is done.
    pub fn waits(&self, step: usize, other: usize) -> bool {
        let stage = self.phases.get(&other).map(|it| it.1);
        // What replaces or deletes waits for all that comes before.
        self.any_before(step, other, |it| {
            let phase = self.phases.get(&it).map(|it| it.0);
            phase >= Some(Phase::Replace) && stage < self.phases.get(&it).map(|it| it.1)
        })
    }

    /// Whether a step waits for another by what it needs, and not only by its phase.
    pub fn follows(&self, step: usize, other: usize) -> bool {
        self.any_before(step, other, |_| false)
    }

    /// Whether `other`, or anything of which that is so, is among what a step waits for.
    fn any_before(&self, step: usize, other: usize, also: impl Fn(usize) -> bool) -> bool {
        let mut open = vec![step];
        let mut seen = BTreeSet::new();
        while let Some(it) = open.pop() {
            let after = self.after.get(&it).map_or(&[][..], Vec::as_slice);
            if also(it) || after.contains(&other) {
                return true;
            }
            // A step only waits for those with lower numbers.
            open.extend(after.iter().filter(|it| **it > other && seen.insert(**it)));
        }
        false
    }
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
