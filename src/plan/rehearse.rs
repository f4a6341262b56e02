//! The plan carried out on a copy of what was read: does it leave nothing to do, and is every beginning safe?
//!
//! The calls themselves are played, not what the plan says of them: a call that is missing, wrong or too
//! early shows here, before anybody sends it.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, Kind, World, matching_id, matching_key};
use crate::model::{Action, Change, Desired, FieldRule, LiveObject, Phase, ResourceId, Snapshot};
use crate::plan::impact::{Gap, gaps};
use crate::plan::order::Order;
use crate::plan::rehearse::ledger::Ledger;
use crate::plan::rename;

mod ledger;

pub(super) use ledger::{Held, Move};

/// What a rehearsal shows.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The organization afterwards.
    pub live: Snapshot,
    /// What is wrong with the calls or with their order, in sentences.
    pub faults: Vec<String>,
    /// Steps after which somebody is without something that they have before and after, each with the one that
    /// gives it back and could come first.
    pub late: BTreeSet<(usize, usize)>,
    /// The same where the other cannot come first.
    pub unavoidable: Vec<Gap>,
}

/// Plays all steps in their order.
pub(super) fn play(desired: &Desired, live: &Snapshot, changes: &[&Change]) -> Outcome {
    let mut stage = Stage::new(desired, live, changes);
    let mut steps: Vec<(usize, &Action)> =
        changes.iter().enumerate().flat_map(|(index, it)| it.steps.iter().map(move |step| (index, step))).collect();
    steps.sort_by_key(|it| it.1.step);
    let mut names: Vec<String> = changes
        .iter()
        .map(|it| {
            let name = it.renamed_from.as_ref().filter(|_| !it.before.is_null()).unwrap_or(&it.name);
            matching_key(&it.kind, name)
        })
        .collect();
    let mut done = BTreeSet::new();
    for (index, step) in steps {
        let change = changes[index];
        if let Some(open) = step.after.iter().find(|it| !done.contains(*it)) {
            stage.faults.push(format!("step {} of {} comes before step {open}, which it needs", step.step, change.id));
        }
        stage.step(change, step, &mut names[index]);
        done.insert(step.step);
    }
    for change in changes {
        stage.secrets_first(change);
    }
    let resend = BTreeSet::new();
    let world = World { desired, live, resend: &resend, renames: &kinds::NO_RENAMES };
    let found = gaps(&world, changes, &stage.ledger.moves, &Order::of(changes));
    let mut outcome = stage.end();
    for gap in found {
        if gap.unavoidable {
            outcome.unavoidable.push(gap);
        } else {
            outcome.faults.push(format!(
                "step {} takes {}, and does not wait for step {}, which gives it back",
                gap.taken, gap, gap.given
            ));
            outcome.late.insert((gap.taken, gap.given));
        }
    }
    outcome
}

/// An organization under rehearsal.
struct Stage<'a> {
    desired: &'a Desired,
    live: Snapshot,
    /// Who refers to a resource, both as they are matched.
    referrers: BTreeMap<ResourceId, BTreeSet<ResourceId>>,
    /// By how many ways each person administers the organization.
    administrators: BTreeMap<String, usize>,
    /// How many there were at first, and the fewest there were after any step.
    first: usize,
    fewest: (usize, usize),
    caller_was: bool,
    /// The step after which the caller no longer administers the organization.
    caller_lost: Option<usize>,
    /// References to what was not there: the step, who, and to what.
    dangling: Vec<(usize, ResourceId, ResourceId)>,
    ledger: Ledger,
    faults: Vec<String>,
}

impl<'a> Stage<'a> {
    fn new(desired: &'a Desired, live: &Snapshot, changes: &[&Change]) -> Self {
        let mut stage = Self {
            desired,
            live: live.clone(),
            referrers: BTreeMap::new(),
            administrators: BTreeMap::new(),
            first: 0,
            fewest: (0, 0),
            caller_was: false,
            caller_lost: None,
            dangling: Vec::new(),
            ledger: Ledger::new(changes),
            faults: Vec::new(),
        };
        for kind in kinds::ALL {
            for object in live.kind(kind.facts().word).objects.values() {
                stage.note(*kind, object, true);
            }
        }
        stage.first = stage.administrators.len();
        stage.fewest = (stage.first, 0);
        stage.caller_was = stage.caller_administers();
        stage
    }

    fn caller_administers(&self) -> bool {
        self.administrators.contains_key(&self.live.caller.login.to_lowercase())
    }

    /// Takes an object into the indexes, or out of them.
    fn note(&mut self, kind: &dyn Kind, object: &LiveObject, there: bool) {
        let own = id(kind, &object.name);
        for reference in kind.references(&object.name, &object.spec) {
            let referrers = self.referrers.entry(matching_id(&reference.to)).or_default();
            if there {
                referrers.insert(own.clone());
            } else {
                referrers.remove(&own);
            }
        }
        for login in kind.administrators(&object.name, &object.spec) {
            let ways = self.administrators.entry(login.clone()).or_default();
            *ways = if there { *ways + 1 } else { ways.saturating_sub(1) };
            if *ways == 0 {
                self.administrators.remove(&login);
            }
        }
    }

    fn take(&mut self, kind: &dyn Kind, key: &str) -> Option<LiveObject> {
        let object = self.live.kinds.get_mut(kind.facts().word)?.objects.remove(key)?;
        self.ledger.taken(kind, &object);
        self.note(kind, &object, false);
        Some(object)
    }

    fn put(&mut self, kind: &dyn Kind, object: LiveObject) {
        self.ledger.put(kind, &object);
        self.note(kind, &object, true);
        let word = kind.facts().word;
        let key = matching_key(word, &object.name);
        let taken = self.live.kinds.entry(word.to_owned()).or_default().objects.insert(key, object);
        if let Some(taken) = taken {
            self.faults.push(format!("{word}/{} is overwritten", taken.name));
        }
    }

    fn step(&mut self, change: &Change, step: &Action, key: &mut String) {
        let Some(kind) = kinds::by_word(&change.kind) else { return };
        for call in &step.calls {
            let before = self.take(kind, key);
            let sooner = before.as_ref().map(|it| it.name.clone());
            let resend = BTreeSet::new();
            let world = World { desired: self.desired, live: &self.live, resend: &resend, renames: &kinds::NO_RENAMES };
            match kind.rehearse(call, change, before.clone(), &world) {
                Ok(after) => {
                    let name = after.as_ref().map(|it| it.name.clone());
                    if let (Some(old), Some(new)) = (&sooner, &name)
                        && old != new
                    {
                        self.ledger.renamed(kind, old, new);
                    }
                    if let Some(after) = after {
                        *key = matching_key(&change.kind, &after.name);
                        self.put(kind, after);
                    }
                    match (sooner, name) {
                        (Some(old), Some(new)) if old != new => self.renamed(kind, &old, &new),
                        (Some(old), None) => self.gone(&id(kind, &old)),
                        _ => {}
                    }
                }
                Err(problem) => {
                    self.faults.push(format!("{} {} of {}: {problem}", call.method, call.display_path(), change.id));
                    if let Some(before) = before {
                        self.put(kind, before);
                    }
                }
            }
        }
        self.ledger.close(step.step, &self.live);
        self.check(kind, step.step, key);
    }

    /// Whoever refers to something by its name refers to it still when that changes.
    fn renamed(&mut self, kind: &dyn Kind, old: &str, new: &str) {
        let (old, new_id) = (id(kind, old), id(kind, new));
        let renames = BTreeMap::from([(old.clone(), new.to_owned())]);
        for referrer in self.referrers.get(&old).cloned().unwrap_or_default() {
            let Some(kind) = kinds::by_word(&referrer.kind) else { continue };
            let Some(object) = self.take(kind, &referrer.name) else { continue };
            let renamed = rename::with_new_names(kind, &object, &renames).unwrap_or(object);
            self.put(kind, renamed);
        }
        debug_assert!(self.live.has(&new_id, &new_id.name));
    }

    /// What the service does away with along with something: whatever goes with it, and its entries in lists.
    fn gone(&mut self, gone: &ResourceId) {
        for referrer in self.referrers.get(gone).cloned().unwrap_or_default() {
            let Some(kind) = kinds::by_word(&referrer.kind) else { continue };
            let Some(mut object) = self.take(kind, &referrer.name) else { continue };
            if kind.goes_with(&object).is_some_and(|it| matching_id(&it) == *gone) {
                self.gone(&referrer);
                continue;
            }
            let lists = kind.facts().fields.iter().filter(|it| it.1 == FieldRule::Logins).map(|it| it.0);
            for list in lists {
                if let Some(people) = object.spec.get_mut(list).and_then(serde_json::Value::as_array_mut) {
                    people.retain(|it| it.as_str().is_none_or(|it| matching_key(&gone.kind, it) != gone.name));
                }
            }
            self.put(kind, object);
        }
    }

    /// The rails, after a step.
    fn check(&mut self, kind: &dyn Kind, step: usize, key: &str) {
        if self.administrators.len() < self.fewest.0 {
            self.fewest = (self.administrators.len(), step);
        }
        if self.caller_was && self.caller_lost.is_none() && !self.caller_administers() {
            self.caller_lost = Some(step);
        }
        let Some(object) = self.live.object(kind.facts().word, key) else {
            let gone = id(kind, key);
            let holders = self.referrers.get(&gone).into_iter().flatten();
            self.dangling.extend(holders.map(|it| (step, it.clone(), gone.clone())));
            return;
        };
        let own = id(kind, &object.name);
        for reference in kind.references(&object.name, &object.spec) {
            let to = matching_id(&reference.to);
            let state = self.live.kind(&to.kind);
            let told = state.read && state.incomplete.is_none() && !state.unknown_objects.contains_key(&to.name);
            if told && !self.live.has(&to, &to.name) {
                self.dangling.push((step, own.clone(), to));
            }
        }
    }

    /// A new secret is delivered before anything of the same change is revoked.
    fn secrets_first(&mut self, change: &Change) {
        let of = |phase: Phase| change.steps.iter().filter(move |it| it.phase == phase).map(|it| it.step);
        if let (Some(last), Some(first)) = (of(Phase::Issue).max(), of(Phase::Delete).min())
            && first < last
        {
            self.faults.push(format!("{} is revoked before its successor is delivered", change.id));
        }
    }

    fn end(mut self) -> Outcome {
        let last = self.administrators.len();
        let (fewest, step) = self.fewest;
        if fewest < self.first.min(last) {
            self.faults
                .push(format!("after step {step} there are {fewest} administrators, fewer than before and after"));
        }
        if let Some(step) = self.caller_lost.filter(|_| self.caller_administers()) {
            self.faults.push(format!("after step {step} the caller is no administrator, and is one again later"));
        }
        // What is missing at the end as well is a mistake of the manifest and told there; here it is the order.
        for (step, who, to) in std::mem::take(&mut self.dangling) {
            let held_still = || self.referrers.get(&to).is_some_and(|it| it.contains(&who));
            if self.live.has(&to, &to.name) || !held_still() {
                self.faults.push(format!("after step {step}, {who} refers to {to}, which is not there"));
            }
        }
        Outcome { live: self.live, faults: self.faults, ..Outcome::default() }
    }
}

fn id(kind: &dyn Kind, name: &str) -> ResourceId {
    let word = kind.facts().word;
    ResourceId::new(word, matching_key(word, name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::play;
    use crate::kinds::matching_key;
    use crate::model::node::Key;
    use crate::model::{Caller, Change, Desired, Entry, KindState, LiveObject, Node, Plan, ResourceId, Snapshot, Span};
    use crate::plan::{Options, checksum, plan, saved, unrehearsed};

    fn desired(entries: &[(&str, Value)]) -> Desired {
        let entry = |(id, spec): &(&str, Value)| {
            let id: ResourceId = id.parse().unwrap();
            let key = Key { text: id.name.as_str().into(), span: Span::default() };
            let node = Node::from_value(spec, Span::default());
            (id.clone(), Entry { id, key, node, protect: false, renamed_from: None })
        };
        Desired { organization: "acme".to_owned(), entries: entries.iter().map(entry).collect(), ..Desired::default() }
    }

    /// Alice administers, bob is a member, and the team `web` is theirs.
    fn live() -> Snapshot {
        let caller = Caller { login: "alice".to_owned(), ..Caller::default() };
        let mut live = Snapshot { caller, ..Snapshot::default() };
        let web = json!({
            "kind": "pulumi", "displayName": "web", "description": "", "members": ["bob"], "admins": [], "role": "none",
            "stacks": {}, "environments": {},
        });
        for (id, spec) in [
            ("member/alice", json!({"role": "admin"})),
            ("member/bob", json!({"role": "member"})),
            ("role/admin", json!({})),
            ("role/member", json!({})),
            ("team/web", web),
        ] {
            let id: ResourceId = id.parse().unwrap();
            let state = live.kinds.entry(id.kind.clone()).or_insert(KindState { read: true, ..KindState::default() });
            let facts = json!({"id": format!("id of {}", id.name), "people": ["bob"]});
            let key = matching_key(&id.kind, &id.name);
            state.objects.insert(key, LiveObject { name: id.name, spec, facts, ..LiveObject::default() });
        }
        live
    }

    fn changes(desired: &Desired) -> Vec<Change> {
        unrehearsed(desired, &live(), &Options::default()).changes
    }

    fn left(desired: &Desired, changes: &[Change]) -> (Vec<String>, Vec<String>) {
        let played = play(desired, &live(), &changes.iter().collect::<Vec<_>>());
        let left = unrehearsed(desired, &played.live, &Options::default());
        (played.faults, left.changes.iter().map(|it| it.id.to_string()).collect())
    }

    fn everything() -> Desired {
        desired(&[
            ("member/carol", json!({"role": "admin"})),
            ("member/alice", json!({"role": "member"})),
            ("team/web", json!({"members": ["carol"], "stacks": {"a/b": "read"}})),
        ])
    }

    #[test]
    fn a_sound_plan_leaves_nothing_to_do() {
        let desired = everything();
        assert_eq!(left(&desired, &changes(&desired)), (vec![], vec![]));
    }

    #[test]
    fn a_call_that_is_missing_leaves_something_to_do() {
        let desired = everything();
        let sound = changes(&desired);
        for (index, change) in sound.iter().enumerate() {
            for (step, action) in change.steps.iter().enumerate() {
                for call in 0..action.calls.len() {
                    let mut broken = sound.clone();
                    broken[index].steps[step].calls.remove(call);
                    let (faults, left) = left(&desired, &broken);
                    assert!(!left.is_empty() || !faults.is_empty(), "{} without call {call}", change.id);
                }
            }
        }
    }

    #[test]
    fn an_order_that_is_unsafe_on_the_way_is_told() {
        let desired = everything();
        let mut turned = changes(&desired);
        let last = turned.iter().flat_map(|it| &it.steps).map(|it| it.step).max().unwrap() + 1;
        for step in turned.iter_mut().flat_map(|it| &mut it.steps) {
            step.step = last - step.step;
            step.after.clear();
        }
        let faults = left(&desired, &turned).0.join("; ");
        assert!(faults.contains("administrators, fewer than before and after"), "{faults}");
        assert!(faults.contains("team/web refers to member/carol, which is not there"), "{faults}");
    }
    /// What alice and bob may do on the stack `a/b`: by the team `old` now, and by something else in the end.
    fn in_old(desired: &[(&str, Value)], more: &[(&str, Value)]) -> (Desired, Snapshot) {
        let mut live = live();
        for (id, spec) in more {
            let id: ResourceId = id.parse().unwrap();
            let facts = json!({"id": format!("id of {}", id.name), "people": spec["members"], "tokens": {}});
            let object = LiveObject { name: id.name.clone(), spec: spec.clone(), facts, ..LiveObject::default() };
            live.kinds.get_mut(&id.kind).unwrap().objects.insert(matching_key(&id.kind, &id.name), object);
        }
        (self::desired(desired), live)
    }

    fn team(members: &[&str], role: &str, stacks: Value) -> Value {
        json!({
            "kind": "pulumi", "displayName": "", "description": "", "members": members, "admins": [], "role": role,
            "stacks": stacks, "environments": {},
        })
    }

    /// Bob leaves a team that gives `write` on a stack, when another one that he is in is given `read` there.
    fn moving() -> (Desired, Snapshot) {
        in_old(
            &[("team/old", json!({"members": []})), ("team/web", json!({"stacks": {"a/b": "read"}}))],
            &[
                ("team/old", team(&["bob"], "none", json!({"a/b": "write"}))),
                ("team/web", team(&["bob"], "none", json!({}))),
            ],
        )
    }

    fn steps(plan: &Plan) -> Vec<(usize, String, Vec<usize>)> {
        let steps = plan.changes.iter().flat_map(|it| it.steps.iter().map(|step| (it.id.to_string(), step)));
        let mut steps: Vec<_> =
            steps.map(|(id, it)| (it.step, format!("{id}: {}", it.what), it.after.clone())).collect();
        steps.sort();
        steps
    }

    #[test]
    fn access_is_taken_only_when_its_successor_is_there() {
        let (desired, live) = moving();
        let bare = unrehearsed(&desired, &live, &Options::default());
        assert_eq!(steps(&bare)[1].2, [0; 0], "the kinds' own words say nothing of it");
        let played = play(&desired, &live, &bare.changes.iter().collect::<Vec<_>>());
        let told = "step 2 takes read on stack/a/b from member/bob, and does not wait for step 1, which gives it back";
        assert_eq!(played.faults, [told]);
        let plan = plan(&desired, &live, &Options::default());
        assert_eq!(plan.status.converges, Some(true), "{:#?}", plan.diagnostics);
        let wanted =
            [(1, "team/web: grant read on a/b".to_owned(), vec![]), (2, "team/old: remove bob".to_owned(), vec![1])];
        assert_eq!(steps(&plan), wanted);
        assert_eq!(plan.checksum, checksum(&plan));
    }

    #[test]
    fn an_order_that_takes_access_before_it_is_given_anew_is_told() {
        let (desired, live) = moving();
        let mut turned = plan(&desired, &live, &Options::default()).changes;
        for step in turned.iter_mut().flat_map(|it| &mut it.steps) {
            step.step = 3 - step.step;
            step.after.clear();
        }
        let played = play(&desired, &live, &turned.iter().collect::<Vec<_>>());
        let told = "step 1 takes read on stack/a/b from member/bob, and does not wait for step 2, which gives it back";
        assert_eq!(played.faults, [told]);
        assert!(played.unavoidable.is_empty());
    }

    #[test]
    fn whoever_has_less_in_the_end_loses_only_the_rest() {
        // Not with the team that keeps what it gives, and not with what nobody has in the end.
        let (desired, live) = in_old(
            &[("team/old", json!({"members": []})), ("team/web", json!({"stacks": {"c/d": "read", "a/b": "read"}}))],
            &[
                ("team/old", team(&["bob"], "none", json!({"a/b": "write"}))),
                ("team/web", team(&["bob"], "none", json!({"a/b": "read"}))),
            ],
        );
        let plan = plan(&desired, &live, &Options::default());
        assert!(steps(&plan).iter().all(|it| it.2.is_empty()), "{:?}", steps(&plan));
    }

    #[test]
    fn a_gap_that_no_order_avoids_is_told_and_is_no_fault() {
        // Two roles exchange what they permit, and bob has both: each would have to be the last to change.
        let roles = |one: &str, other: &str| {
            let of = |permission: &str| json!({"description": "", "permissions": [permission]});
            [("role/one", of(one)), ("role/other", of(other))]
        };
        let more =
            [&roles("stack:read", "stack:write")[..], &[("team/web", team(&["bob"], "one", json!({})))]].concat();
        let (desired, mut live) = in_old(&roles("stack:write", "stack:read"), &more);
        live.kinds.get_mut("member").unwrap().objects.get_mut("bob").unwrap().spec["role"] = json!("other");
        let plan = plan(&desired, &live, &Options::default());
        assert_eq!(plan.status.converges, Some(true), "{:#?}", plan.diagnostics);
        let remarks: Vec<&String> = plan.changes.iter().flat_map(|it| &it.remarks).collect();
        assert_eq!(
            remarks,
            ["step 1 takes stack:write on organization from member/bob, until step 2, which has to wait for it"]
        );
    }

    #[test]
    fn a_saved_plan_may_wait_for_more_and_not_for_less() {
        let (desired, live) = moving();
        let whole = plan(&desired, &live, &Options::default());
        let bare = unrehearsed(&desired, &live, &Options::default());
        assert_eq!(saved::deviations(&whole, &bare), [""; 0]);
        let told = "step 2 of team/old would wait for more than the plan says";
        assert_eq!(saved::deviations(&bare, &whole), [told]);
    }
}
