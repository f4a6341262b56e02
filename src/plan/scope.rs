//! What this manifest answers for, and so what has to be read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kinds::{self, Kind};
use crate::model::{Desired, FieldRule, Instant, Organization, Plan, Scope};
use crate::plan::{origin, policy};

/// For every kind what the plan needs to know of it; kinds that need not be read have an empty scope.
pub fn scopes(desired: &Desired, organization: &Organization, now: Instant) -> BTreeMap<&'static str, Scope> {
    scopes_with(desired, organization, now, &BTreeSet::new())
}

/// The same, with every object of some kinds in full, by their words.
pub fn scopes_with(
    desired: &Desired,
    organization: &Organization,
    now: Instant,
    wanted: &BTreeSet<&'static str>,
) -> BTreeMap<&'static str, Scope> {
    scopes_for(desired, organization, now, wanted, &BTreeSet::new())
}

/// What else is to be read for a plan that takes somebody's access, which only the first reading could tell: what they
/// leave behind. Nothing where all of that was read already.
pub fn scopes_after(
    plan: &Plan,
    desired: &Desired,
    organization: &Organization,
    now: Instant,
) -> Option<BTreeMap<&'static str, Scope>> {
    let leaving = plan.all_changes().filter(|it| policy::leaves(it)).map(|it| it.kind.as_str()).collect();
    let first = scopes(desired, organization, now);
    let wider = scopes_for(desired, organization, now, &BTreeSet::new(), &leaving);
    let differs = wider.iter().any(|(word, scope)| first.get(word).is_none_or(|it| it.wherever != scope.wherever));
    differs.then_some(wider)
}

/// The same, where resources of some kinds certainly leave something behind.
fn scopes_for(
    desired: &Desired,
    organization: &Organization,
    now: Instant,
    wanted: &BTreeSet<&'static str>,
    certain: &BTreeSet<&str>,
) -> BTreeMap<&'static str, Scope> {
    let mut scopes: BTreeMap<&'static str, Scope> = kinds::ALL
        .iter()
        .map(|kind| {
            let scope = Scope { organization: organization.clone(), now, ..Scope::default() };
            (kind.facts().word, scope)
        })
        .collect();
    for entry in desired.entries.values() {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let spec = kind.canonical(entry.spec()).unwrap_or_default();
        for reference in kind.references(&entry.id.name, &spec) {
            if let Some(scope) = scopes.get_mut(reference.to.kind.as_str()) {
                scope.referenced.insert(reference.to.name);
            }
        }
        let Some(scope) = scopes.get_mut(kind.facts().word) else { continue };
        for name in
            [Some(entry.id.name.clone()), entry.renamed_from.clone(), waiting(kind, entry)].into_iter().flatten()
        {
            scope.declared.insert(name, spec.clone());
        }
        if let Some((_, before)) = origin::base_entry(desired, &entry.id) {
            scope.based.insert(entry.id.name.clone(), kind.canonical(before.spec()).unwrap_or_default());
        }
    }
    for id in desired.removed.keys() {
        if let Some(scope) = scopes.get_mut(id.kind.as_str()) {
            let before = origin::base_entry(desired, id).map(|it| it.1.spec());
            let spec = before.and_then(|it| kinds::by_word(&id.kind)?.canonical(it).ok());
            scope.doomed.insert(id.name.clone(), spec.unwrap_or_default());
        }
    }
    for entry in origin::left(desired) {
        if let Some(scope) = scopes.get_mut(entry.id.kind.as_str()) {
            let spec = kinds::by_word(&entry.id.kind).and_then(|it| it.canonical(entry.spec()).ok());
            scope.doomed.insert(entry.id.name.clone(), spec.unwrap_or_default());
        }
    }
    for kind in kinds::ALL {
        if desired.prune.contains_key(kind.facts().section)
            && let Some(scope) = scopes.get_mut(kind.facts().word)
        {
            (scope.everything, scope.pruned) = (true, true);
        }
    }
    for scope in scopes.iter_mut().filter(|it| wanted.contains(it.0)).map(|it| it.1) {
        (scope.everything, scope.imported) = (true, true);
    }
    for kind in kinds::ALL {
        let leaving = kind.reports_on().iter().any(|it| certain.contains(it) || leaves(it, &scopes));
        let pruned = kind.reports_on().iter().any(|it| scopes.get(it).is_some_and(|it| it.everything));
        if let Some(scope) = scopes.get_mut(kind.facts().word) {
            scope.wherever = leaving;
            // Whether anybody goes only the reading tells: a list is read for that, and not one for each team.
            scope.listed |= pruned;
        }
    }
    read_along(&mut scopes);
    scopes
}

/// Whether something of a kind goes, or no longer administers as it did on the base branch.
fn leaves(word: &str, scopes: &BTreeMap<&'static str, Scope>) -> bool {
    let (Some(kind), Some(scope)) = (kinds::by_word(word), scopes.get(word)) else { return false };
    let demoted = |(name, before): (&String, &Value)| {
        // What is left out stays as it is.
        let mut after = before.clone();
        if let (Some(after), Some(Value::Object(given))) = (after.as_object_mut(), scope.declared.get(name)) {
            after.extend(given.clone());
        }
        kind.administers(before) && !kind.administers(&after)
    };
    !scope.doomed.is_empty() || scope.based.iter().any(demoted)
}

/// Whether something declared says what cannot be changed, and the base branch did not say the same.
fn may_be_made_anew(word: &str, scope: &Scope) -> bool {
    let rules = kinds::by_word(word).map_or(&[][..], |it| it.facts().fields);
    let fixed = rules.iter().filter(|it| it.1 == FieldRule::Replaces).map(|it| it.0);
    fixed.into_iter().any(|field| {
        scope.declared.iter().any(|(name, spec)| {
            let before = scope.based.get(name).and_then(|it| it.get(field));
            spec.get(field).is_some_and(|it| !it.is_null() && before != Some(it))
        })
    })
}

/// The name under which an interrupted rename may have left the entry's object.
fn waiting(kind: &dyn Kind, entry: &crate::model::Entry) -> Option<String> {
    (kind.facts().renamable && entry.renamed_from.is_some()).then(|| super::rename::waiting_name(&entry.id.name))
}

/// Lists that are needed because of others: to understand their answers, or to see who holds on to what goes.
fn read_along(scopes: &mut BTreeMap<&'static str, Scope>) {
    let goes = |word: &str, scopes: &BTreeMap<&'static str, Scope>| {
        scopes.get(word).is_some_and(|it| it.pruned || !it.doomed.is_empty() || may_be_made_anew(word, it))
    };
    for kind in kinds::ALL {
        if kind.facts().holds_back.iter().any(|it| goes(it, scopes))
            && let Some(scope) = scopes.get_mut(kind.facts().word)
        {
            scope.listed = true;
        }
    }
    // Backwards, because a kind leans on kinds before it.
    for kind in kinds::ALL.iter().rev() {
        if scopes.get(kind.facts().word).is_none_or(Scope::is_empty) {
            continue;
        }
        for word in kind.facts().leans_on {
            if let Some(scope) = scopes.get_mut(word) {
                scope.listed = true;
            }
        }
    }
}
