//! A plan that was saved, held against a later reading: what it touches has not moved, and the same
//! steps would be planned again.
//!
//! A saved plan says what the manifest declares of everything it touches. So it is checked by planning
//! that anew: a file in which somebody wrote other requests than this program would make is refused
//! whatever its checksum says, and every rail speaks again, to whoever applies it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::kinds::{self, Shape, matching_id};
use crate::model::{Action, Base, Change, Desired, Diagnostic, Phase, Plan, ResourceId, Snapshot, Verb};
use crate::plan::order::Order;
use crate::plan::policy::{self, Acceptance, Allowance};
use crate::plan::{Options, fingerprint};

/// Whether the plan is what was written when it was saved.
///
/// # Errors
/// What is not as it was.
pub fn check(plan: &Plan) -> Result<(), String> {
    if super::checksum(plan) != plan.checksum {
        return Err("its checksum does not fit what it holds".to_owned());
    }
    let mut seen = BTreeSet::new();
    for change in plan.all_changes() {
        if ResourceId::new(change.kind.clone(), change.name.clone()) != change.id {
            return Err(format!("the change of {} says that it is of {}/{}", change.id, change.kind, change.name));
        }
        if kinds::by_word(&change.kind).is_none() {
            return Err(format!("this version knows no kind `{}`", change.kind));
        }
        if !seen.insert(matching_id(&change.id)) {
            return Err(format!("it changes {} twice", change.id));
        }
    }
    let blocked = plan.diagnostics.iter().filter(|it| it.blocking).count();
    let counts = super::summary(&plan.changes, plan.summary.unchanged, blocked);
    let told = crate::model::Summary {
        destructive: plan.all_changes().any(|it| it.destructive),
        writes: super::writes(plan.all_changes()),
        reads: plan.summary.reads,
        ..counts
    };
    if told != plan.summary {
        return Err("its counts are not those of its changes".to_owned());
    }
    Ok(())
}

/// The part of the manifest that the plan was made from: what it says of everything the plan touches.
pub fn manifest(plan: &Plan) -> Value {
    let mut sections: Map<String, Value> = Map::new();
    let mut removed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    sections.insert("organization".to_owned(), json!(plan.organization));
    for change in plan.all_changes() {
        let Some(kind) = kinds::by_word(&change.kind) else { continue };
        let section = kind.facts().section;
        if change.verb == Verb::Delete {
            removed.entry(section).or_default().push(&change.name);
            continue;
        }
        let mut entry = change.declared.as_object().cloned().unwrap_or_default();
        if let Some(old) = &change.renamed_from {
            entry.insert("renamedFrom".to_owned(), json!(old));
        }
        if kind.facts().shape == Shape::One {
            sections.insert(section.to_owned(), Value::Object(entry));
            continue;
        }
        let section = sections.entry(section).or_insert_with(|| json!({}));
        section[&change.name] = Value::Object(entry);
    }
    if !removed.is_empty() {
        sections.insert("removed".to_owned(), json!(removed));
    }
    Value::Object(sections)
}

/// Completes that part, once it was loaded like any other manifest.
///
/// Every `renamedFrom` of a plan was found to be to do: as on a branch on which all of it is new.
pub fn complete(desired: &mut Desired) {
    let empty = Desired { organization: desired.organization.clone(), ..Desired::default() };
    desired.base = Some(Base { desired: empty, shown: "the saved plan".to_owned(), ..Base::default() }.into());
}

/// With what the plan is made again: the dangers that the manifest acknowledged, and those that are allowed now.
pub fn options(plan: &Plan, allow: &[String]) -> Options {
    let acknowledged = plan.all_changes().flat_map(|it| it.accepted.iter().map(|code| format!("{code}:{}", it.id)));
    Options {
        allow: acknowledged.chain(allow.iter().cloned()).collect(),
        // What the plan holds is all that there is.
        targets: BTreeSet::new(),
        resend: plan.source.resend.iter().map(matching_id).collect(),
        partial_view: false,
        directory_writes: false,
        source: plan.source.clone(),
    }
}

/// What the plan relies on and is no longer what it was, sorted.
pub fn moved(saved: &Plan, live: &Snapshot) -> BTreeSet<ResourceId> {
    let relied = saved.all_changes().flat_map(|it| &it.relies_on);
    relied.filter(|(id, was)| fingerprint::of(id, live) != **was).map(|it| it.0.clone()).collect()
}

/// Everything in which the plan that would be made now is another one, in sentences.
pub fn deviations(saved: &Plan, fresh: &Plan) -> Vec<String> {
    let by_id = |plan: &Plan| -> BTreeMap<ResourceId, Change> {
        plan.all_changes().map(|it| (matching_id(&it.id), comparable(it))).collect()
    };
    let (was, now) = (by_id(saved), by_id(fresh));
    let mut found = Vec::new();
    for (id, change) in &was {
        match now.get(id) {
            None => found.push(format!("{id} would not be changed any more")),
            Some(other) if other.steps != change.steps => {
                found.push(format!("{id} would be changed with other requests than the plan holds"));
            }
            Some(other) if other != change => found.push(format!("{id} would be changed otherwise")),
            Some(_) => {}
        }
    }
    found.extend(now.keys().filter(|it| !was.contains_key(it)).map(|it| format!("{it} would be changed as well")));
    if found.is_empty() {
        found = hastes(saved, fresh);
    }
    found
}

/// Steps of a saved plan that do not wait for what they would wait for now. They may wait for more: the whole manifest
/// told who has what by other ways, and a part of it tells less.
fn hastes(saved: &Plan, fresh: &Plan) -> Vec<String> {
    let order = Order::of(&saved.all_changes().collect::<Vec<_>>());
    let steps = |plan: &Plan| -> BTreeMap<(ResourceId, usize), Action> {
        let of = |it: &Change| {
            let id = matching_id(&it.id);
            it.steps.iter().cloned().enumerate().map(move |(index, it)| ((id.clone(), index), it)).collect::<Vec<_>>()
        };
        plan.all_changes().flat_map(of).collect()
    };
    let (was, now) = (steps(saved), steps(fresh));
    let places: BTreeMap<usize, &(ResourceId, usize)> = now.iter().map(|(place, it)| (it.step, place)).collect();
    let mut found = Vec::new();
    for (place, step) in &now {
        let Some(own) = was.get(place) else { continue };
        let sooner = step.after.iter().filter_map(|it| was.get(*places.get(it)?));
        if own.phase < step.phase || sooner.into_iter().any(|it| !order.waits(own.step, it.step)) {
            found.push(format!("step {} of {} would wait for more than the plan says", own.step, place.0));
        }
    }
    found
}

/// The saved plan, with everything that speaks against it now: what the fresh one has found, and what only
/// the whole manifest could tell. Who accepts a danger on the command line does so when the plan is applied.
pub fn judged(saved: &Plan, fresh: &Plan, allow: &[String]) -> Plan {
    let changes: BTreeMap<ResourceId, &Change> = saved.all_changes().map(|it| (matching_id(&it.id), it)).collect();
    let is_weighed = |it: &Diagnostic| policy::WEIGHED.contains(&it.code.as_str());
    let mut plan = saved.clone();
    plan.diagnostics.retain(|it| is_weighed(it) || policy::danger(&it.code).is_none());
    let found = fresh.diagnostics.iter().filter(|it| !is_weighed(it) && policy::danger(&it.code).is_some());
    plan.diagnostics.extend(found.cloned().map(|it| Diagnostic { place: None, ..it }));
    for it in &mut plan.diagnostics {
        let Some(row) = policy::danger(&it.code) else { continue };
        let change = it.change.as_ref().and_then(|it| changes.get(&matching_id(it)));
        let reviewed = match change {
            Some(change) => acknowledges(change, &it.code, row.acceptance),
            // Of the plan as a whole: what only the command line had accepted says how.
            None => it.allow.is_none() && !it.blocking,
        };
        it.blocking = row.acceptance == Acceptance::Never || !(reviewed || is_allowed(it, allow));
    }
    plan.summary.blocked = plan.diagnostics.iter().filter(|it| it.blocking).count();
    plan.status.applyable = plan.summary.blocked == 0 && plan.status.complete && !plan.status.errored;
    plan
}

fn acknowledges(change: &Change, code: &str, acceptance: Acceptance) -> bool {
    let by_tombstone = change.reason == policy::TOMBSTONE && acceptance == Acceptance::Tombstone;
    by_tombstone || change.accepted.contains(code)
}

/// By `CODE:ID`, or by `CODE:…=COUNT` with exactly the count that the plan was made with.
fn is_allowed(danger: &Diagnostic, allow: &[String]) -> bool {
    let allowances = allow.iter().filter_map(|it| Allowance::parse(it).ok());
    let whole = danger.allow.as_deref().and_then(|it| Allowance::parse(it).ok());
    allowances.into_iter().any(|it| match &it {
        Allowance::Change { .. } => it.speaks_of(std::slice::from_ref(danger)),
        Allowance::Count { .. } => Some(&it) == whole.as_ref(),
    })
}

/// A change without what depends on where it was written, on the base branch, or on what it was judged by.
fn comparable(change: &Change) -> Change {
    let mut it = change.clone();
    it.origin = crate::model::Origin::default();
    it.reason.clear();
    it.source = None;
    it.removal = None;
    it.attribution = None;
    it.drifted.clear();
    it.remarks.clear();
    it.diagnostics.clear();
    it.relies_on.clear();
    it.accepted.clear();
    for step in &mut it.steps {
        // Judged apart.
        (step.step, step.phase) = (0, Phase::Rename);
        step.after.clear();
        // Only for the making of the order, and not in a saved plan.
        step.needs.clear();
        step.gains.clear();
        step.loses.clear();
    }
    it
}
