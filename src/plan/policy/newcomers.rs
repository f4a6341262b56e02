//! Who would newly administer the organization, or could make themselves an administrator by a role.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kinds::{self, Draft, Kind, Recipients, World, matching_id};
use crate::model::{Diagnostic, LiveObject, ResourceId, Severity, Verb};
use crate::plan::Options;
use crate::plan::policy::{NEW_ADMINS, allowance, budget};

/// So many new administrators need no word.
const FEW: usize = 2;

/// Whoever is given something, and whether they stand for nobody knows how many.
type Given = BTreeMap<ResourceId, bool>;

/// What a plan gives to those who had it not.
#[derive(Debug, Default)]
struct Found {
    /// Whoever administers from now on, and the changes by which they do.
    by: BTreeMap<ResourceId, BTreeSet<usize>>,
    /// Those among them who stand for nobody knows how many.
    open: BTreeSet<ResourceId>,
}

impl Found {
    fn add(&mut self, draft: usize, given: Given) {
        for (who, open) in given {
            if open {
                self.open.insert(who.clone());
            }
            self.by.entry(who).or_default().insert(draft);
        }
    }
}

/// More new administrators than a reviewer would expect.
pub(super) fn judge(drafts: &[Draft], world: &World, options: &Options) -> Option<Diagnostic> {
    let Found { by, open } = newcomers(drafts, world);
    if by.len() <= FEW && open.is_empty() {
        return None;
    }
    let mut told = Vec::new();
    for (who, changes) in &by {
        let changes = changes.iter().map(|it| &drafts[*it]).filter(|it| !it.acknowledged.contains(NEW_ADMINS));
        told.extend(changes.map(|it| sentence(who, &it.change.id, open.contains(who))));
    }
    let message = format!("{} would newly administer the organization: {}", by.len(), told.join(", "));
    let mut diagnostic = Diagnostic::new(Severity::Warning, NEW_ADMINS, message);
    diagnostic.blocking = !told.is_empty() && !allowance::counted(&options.allow, NEW_ADMINS, None, by.len());
    let allow = format!("{NEW_ADMINS}={}", by.len());
    if diagnostic.blocking {
        let help = "acknowledge each of them under `safety`, or allow them with";
        diagnostic.help = Some(format!("{help} --allow {allow}"));
    }
    diagnostic.allow = (!told.is_empty()).then_some(allow);
    Some(diagnostic)
}

/// Who it is, and the change that is to be acknowledged where that is not their own.
fn sentence(who: &ResourceId, change: &ResourceId, open: bool) -> String {
    let many = if open { "an unknown number by " } else { "" };
    if matching_id(change) == *who { format!("{many}{change}") } else { format!("{many}{who} by {change}") }
}

fn newcomers(drafts: &[Draft], world: &World) -> Found {
    let mut found = Found::default();
    let mut powers = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate().filter(|it| it.1.change.verb != Verb::Delete) {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        found.add(
            index,
            given_anew(kind, draft, |it| {
                *powers.entry(it.clone()).or_insert_with(|| empowers_after(it, drafts, world))
            }),
        );
        found.add(index, given_to_holders(kind, draft, drafts, world));
    }
    found.by.retain(|who, _| {
        let own = draft_of(who, drafts);
        own.is_none_or(|it| it.change.verb != Verb::Delete)
    });
    if !found.by.is_empty() {
        let before = empowered_before(world);
        found.by.retain(|who, _| !before.contains(who));
    }
    // Whoever could have made themselves an administrator becomes one all the same.
    for (index, draft) in drafts.iter().enumerate() {
        if budget::administered(&draft.change, true) && !budget::administered(&draft.change, false) {
            found.by.entry(matching_id(&draft.change.id)).or_default().insert(index);
        }
    }
    found.open.retain(|it| found.by.contains_key(it));
    found
}

/// Whoever a change gives what empowers them, and did not before.
fn given_anew(kind: &dyn Kind, draft: &Draft, mut empowers: impl FnMut(&ResourceId) -> bool) -> Given {
    let id = &draft.change.id;
    let roles = |spec: &Value| -> BTreeSet<ResourceId> {
        if spec.is_null() { BTreeSet::new() } else { kind.endows(&id.name, spec).iter().map(matching_id).collect() }
    };
    let mut empowering = roles(&draft.change.after);
    empowering.retain(|it| empowers(it));
    if empowering.is_empty() {
        return Given::new();
    }
    let mut given = recipients(kind, id, &draft.change.after, draft.live);
    if empowering.is_subset(&roles(&draft.change.before)) {
        // The same as before, perhaps to more people.
        let before = recipients(kind, id, &draft.change.before, draft.live);
        given.retain(|who, _| !before.contains_key(who));
    }
    given
}

/// Whoever already has what a change makes empowering, and keeps it.
fn given_to_holders(kind: &dyn Kind, draft: &Draft, drafts: &[Draft], world: &World) -> Given {
    let (change, Some(live)) = (&draft.change, draft.live) else { return Given::new() };
    if kind.empowers(&change.name, &change.after, world) == Some(false)
        || kind.empowers(&live.name, &live.spec, world) == Some(true)
    {
        return Given::new();
    }
    let names = [&change.name, &live.name].map(|it| matching_id(&ResourceId::new(change.kind.clone(), it.clone())));
    let mut given = Given::new();
    for holder in kind.holders(live) {
        let Some(kind) = kinds::by_word(&holder.kind) else { continue };
        let there = world.live(&holder.kind, &holder.name);
        let own = draft_of(&matching_id(&holder), drafts);
        let keeps =
            |it: &&Draft| kind.endows(&holder.name, &it.change.after).iter().any(|it| names.contains(&matching_id(it)));
        if own.is_some_and(|it| it.change.verb == Verb::Delete || !keeps(&it)) {
            continue;
        }
        let spec = own.map(|it| &it.change.after).or(there.map(|it| &it.spec)).unwrap_or(&Value::Null);
        given.extend(recipients(kind, &holder, spec, there));
    }
    given
}

fn recipients(kind: &dyn Kind, id: &ResourceId, spec: &Value, live: Option<&LiveObject>) -> Given {
    let Recipients { known, open } = kind.recipients(&id.name, spec, live);
    known.iter().map(|it| (matching_id(it), open)).collect()
}

/// The change of a resource, by its name before or after.
fn draft_of<'a, 'b>(id: &ResourceId, drafts: &'a [Draft<'b>]) -> Option<&'a Draft<'b>> {
    drafts.iter().find(|it| {
        let names = std::iter::once(&it.change.name).chain(&it.change.renamed_from);
        it.change.kind == id.kind
            && names.map(|name| ResourceId::new(id.kind.clone(), name.clone())).any(|it| matching_id(&it) == *id)
    })
}

/// Whether whoever has this after the plan is empowered by it. What cannot be told counts.
fn empowers_after(id: &ResourceId, drafts: &[Draft], world: &World) -> bool {
    let Some(kind) = kinds::by_word(&id.kind) else { return false };
    let own = draft_of(id, drafts).map(|it| &it.change.after);
    let spec = own.or(world.live(&id.kind, &id.name).map(|it| &it.spec)).unwrap_or(&Value::Null);
    kind.empowers(&id.name, spec, world) != Some(false)
}

/// Whoever administers today, or is empowered to, as far as that was read. What cannot be told does not count.
fn empowered_before(world: &World) -> BTreeSet<ResourceId> {
    let mut roles: BTreeMap<ResourceId, bool> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for kind in kinds::ALL {
        let word = kind.facts().word;
        for live in world.live.kind(word).objects.values() {
            let id = ResourceId::new(word, live.name.clone());
            let empowered = kind.endows(&live.name, &live.spec).iter().map(matching_id).any(|role| {
                let known = roles.entry(role.clone()).or_insert_with(|| {
                    let own = kinds::by_word(&role.kind).zip(world.live(&role.kind, &role.name));
                    own.is_some_and(|(kind, it)| kind.empowers(&it.name, &it.spec, world) == Some(true))
                });
                *known
            });
            if kind.administers(&live.spec) {
                found.insert(matching_id(&id));
            }
            if empowered {
                found.extend(recipients(*kind, &id, &live.spec, Some(live)).into_keys());
            }
        }
    }
    found
}
