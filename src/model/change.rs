//! What a plan does to one resource ([`Change`]), and in which steps ([`Action`]).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Attribution, Call, Check, FieldChange, Guard, Place, Removal, ResourceId};

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// It comes.
    Create,
    /// Fields change in place.
    Update,
    /// It gets another name in place; fields may change as well.
    Rename,
    /// It is deleted and made anew, or a successor takes its place.
    Replace,
    /// It goes.
    Delete,
}

/// Why a change is in the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The manifest says so; no base branch was compared.
    #[default]
    Manifest,
    /// The manifest says otherwise than on the base branch.
    PullRequest,
    /// The live organization has moved away from the manifest on the base branch.
    Drift,
}

/// The safe order of steps: no step of a later phase starts while one it depends on is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// New names for live objects.
    Rename,
    /// Whatever comes, grants or changes without taking anything away.
    Grow,
    /// New secrets: one at a time, delivered before anything else happens.
    Issue,
    /// Whatever withdraws access; after the same person or the same duty was given to its successor.
    Shrink,
    /// Deleted and made anew.
    Replace,
    /// Whatever goes. Not started after a failure.
    Delete,
}

/// One step: calls that belong together, sent one after another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Its place in the plan's order, from 1; 0 until it is ordered.
    pub step: usize,
    /// Where it belongs in the order.
    pub phase: Phase,
    /// What it does, in a few words for people: `add bob, carol`.
    pub what: String,
    /// The requests, in their order.
    pub calls: Vec<Call>,
    /// What is read immediately before the first of them, where something is taken away: whether it is still what
    /// this plan was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// What is read again after the last of them, because the answers alone do not tell whether it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Steps that must be done before.
    pub after: Vec<usize>,
    /// Resources whose own creating or enabling steps must be done before.
    #[serde(skip)]
    pub needs: BTreeSet<ResourceId>,
    /// Whether it makes something that is there already fit for those that need it: a user who is activated.
    #[serde(skip)]
    pub enables: bool,
    /// Who or what gains by it: a withdrawal of the same waits for it.
    #[serde(skip)]
    pub gains: BTreeSet<String>,
    /// Who or what loses by it.
    #[serde(skip)]
    pub loses: BTreeSet<String>,
}

impl Action {
    /// A step with nothing in it but its calls.
    pub fn new(phase: Phase, what: impl Into<String>, calls: Vec<Call>) -> Self {
        Self {
            step: 0,
            phase,
            what: what.into(),
            calls,
            guard: None,
            check: None,
            after: Vec::new(),
            needs: BTreeSet::new(),
            enables: false,
            gains: BTreeSet::new(),
            loses: BTreeSet::new(),
        }
    }

    /// The same, once it was read that what it takes away is still what it was.
    pub fn guarded(mut self, guard: Guard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Every call that it may come to send.
    pub fn calls_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        let retries = self.check.iter_mut().flat_map(|it| &mut it.shows).flat_map(|it| &mut it.retries);
        self.calls.iter_mut().chain(retries)
    }

    /// The same, after `id` has been made.
    pub fn needs(mut self, id: ResourceId) -> Self {
        self.needs.insert(id);
        self
    }
}

impl Change {
    /// The part of it that is drift, as a change of its own: from what is live to where that alone would lead.
    pub fn drift(&self) -> Option<Change> {
        if self.drifted.is_empty() {
            return None;
        }
        let mut after = self.before.clone();
        for field in &self.drifted {
            after[&field.path[1..]] = field.after.clone();
        }
        let name = self.renamed_from.clone().unwrap_or_else(|| self.name.clone());
        Some(Change {
            id: ResourceId::new(self.kind.clone(), name.clone()),
            name,
            verb: Verb::Update,
            origin: Origin::Drift,
            renamed_from: None,
            after,
            fields: self.drifted.clone(),
            drifted: Vec::new(),
            remarks: vec!["undone along with what this plan changes about it".to_owned()],
            diagnostics: Vec::new(),
            ..self.clone()
        })
    }

    /// What is left of it without its drift: what the pull request itself asks for.
    pub fn own(&self) -> Change {
        let part = |it: &FieldChange| self.drifted.iter().find(|drift| drift.path == it.path).cloned();
        let beyond = |it: &FieldChange| part(it).map_or_else(|| Some(it.clone()), |part| it.beyond(&part));
        Change {
            fields: self.fields.iter().filter_map(beyond).collect(),
            drifted: Vec::new(),
            attribution: None,
            ..self.clone()
        }
    }
}

/// What a plan does to one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which resource, under its new name.
    pub id: ResourceId,
    /// The kind of `id`, such as `team`.
    pub kind: String,
    /// The name of `id`, such as `platform`.
    pub name: String,
    /// What happens to it.
    #[serde(rename = "action")]
    pub verb: Verb,
    /// Why it is in the plan.
    pub origin: Origin,
    /// The ground for it, as a stable word: `declared`, `tombstone`, `prune`, `not-declared`, `rotation`, …
    pub reason: String,
    /// Its name before a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// Where the manifest says so; null where it says nothing, as for what is in no manifest.
    pub source: Option<Place>,
    /// For a deletion because the manifest no longer declares it: where the base branch does, and the commit
    /// that took it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    /// Who made the drift; absent where that was not asked (`--attribute`), could not be read, or is no drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Attribution>,
    /// The live spec; null for a creation.
    pub before: Value,
    /// The spec afterwards; null for a deletion.
    pub after: Value,
    /// What the manifest says, and no more: whatever `after` has beside it keeps its live value. Absent
    /// for a deletion.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub declared: Value,
    /// Live objects that this change was judged by, itself included, and the fingerprint of each; null
    /// where there was none. A saved plan is applied only while all of them are what they were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub relies_on: BTreeMap<ResourceId, Option<String>>,
    /// Codes of dangers that the manifest acknowledges for this change, whether or not it brings them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<String>,
    /// The fields that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// The parts of `fields` that the base branch's manifest asks for as well: nobody's change, but drift that is undone
    /// along with it. Each begins at the live value, and ends where this part alone would lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drifted: Vec<FieldChange>,
    /// JSON pointers into `after` that only apply will know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// What goes with it or must be known about it, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Whether something is lost that the same manifest could not bring back: the field a gate should read.
    pub destructive: bool,
    /// Codes of the plan's diagnostics about this change.
    pub diagnostics: Vec<String>,
    /// The steps, in their order.
    pub steps: Vec<Action>,
}
