//! Calls carried out one by one on the sandbox's own state, in any order that a plan allows, with a look after each.

use std::collections::BTreeMap;

use bylaws::model::{Action, Call, Change, Desired, Hole, Into, Method, Phase, Plan, ResourceId, Segment};
use bylaws::sandbox::State;
use serde_json::{Value, json};

use super::dice::Dice;
use super::service::Service;
use crate::support::NOW_SECONDS;

/// What a new issuer starts with is told by nobody but a guide, so that its policies are always sent.
const NEW_POLICIES: [&str; 2] = ["auth", "policies"];

/// Whoever is deactivated leaves the groups by that, and is taken out of them all the same.
pub const LEFT_GROUP: ([&str; 3], &str) = (["scim", "v2", "acme"], "Groups");

/// One plan under way.
pub struct Play<'a> {
    service: &'a Service,
    desired: &'a Desired,
    kept: BTreeMap<(ResourceId, String), Value>,
    nonces: usize,
    /// The organization before the next call.
    before: State,
    /// How many writes were sent.
    pub writes: usize,
}

/// A step, and how far it has come.
struct Step<'a> {
    change: &'a Change,
    action: &'a Action,
    next: usize,
    stage: Phase,
}

impl<'a> Play<'a> {
    pub fn new(service: &'a Service, desired: &'a Desired) -> Self {
        Self { service, desired, kept: BTreeMap::new(), nonces: 0, before: meaning(service.state()), writes: 0 }
    }

    /// Sends every call of a plan, independent steps side by side as chance has it, with a look at the
    /// organization after each call; the look is told whether a step is half done.
    pub fn run(
        &mut self,
        plan: &Plan,
        dice: &mut Dice,
        look: &mut dyn FnMut(&State, bool) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut steps = steps(plan)?;
        let mut delivered: Vec<ResourceId> = Vec::new();
        let count = steps.len();
        while !steps.is_empty() {
            let open: Vec<usize> = steps.iter().map(|it| it.action.step).collect();
            let least = steps.iter().map(|it| it.stage).min().unwrap_or(Phase::Rename);
            let ready: Vec<usize> = (0..steps.len())
                .filter(|it| {
                    let step = &steps[*it];
                    // Whatever takes away waits for all that comes before.
                    let held = step.action.phase >= Phase::Replace && step.stage > least;
                    !held && step.action.after.iter().all(|it| !open.contains(it))
                })
                .collect();
            if ready.is_empty() {
                return Err(format!("of {count} steps, {} wait for each other", steps.len()));
            }
            let index = *dice.pick(&ready);
            let step = &mut steps[index];
            let place = format!("step {} of {} ({})", step.action.step, step.change.id, step.action.what);
            if let Some(call) = step.action.calls.get(step.next) {
                let revokes = call.method == Method::Delete && call.path_texts().contains(&"tokens");
                let issues = step.change.steps.iter().any(|it| it.phase == Phase::Issue);
                if revokes && issues && !delivered.contains(&step.change.id) {
                    return Err(format!("{place}: revoked before its successor was delivered"));
                }
                if self.call(&step.change.id, call).map_err(|why| format!("{place}: {why}"))? {
                    delivered.push(step.change.id.clone());
                }
                step.next += 1;
            }
            if step.next == step.action.calls.len() {
                self.check(step.action).map_err(|why| format!("{place}: {why}"))?;
                steps.remove(index);
            }
            let half = steps.iter().any(|it| it.next > 0);
            self.service.look(|it| look(it, half)).map_err(|why| format!("after {place}: {why}"))?;
        }
        Ok(())
    }

    /// Sends one call, whose answer must be a success; whether it delivered a secret.
    fn call(&mut self, id: &ResourceId, call: &Call) -> Result<bool, String> {
        let mut path = Vec::new();
        for segment in &call.path {
            path.push(match segment {
                Segment::Text(text) => text.clone(),
                Segment::Hole(hole) => match self.fill(hole)? {
                    Value::String(text) if !text.is_empty() => text,
                    other => return Err(format!("{hole} is {other}, which is no part of a path")),
                },
            });
        }
        let mut body = call.body.clone();
        for (pointer, hole) in &call.holes {
            let value = self.fill(hole)?;
            let place = body.as_mut().and_then(|it| it.pointer_mut(pointer)).filter(|it| it.is_null());
            *place.ok_or_else(|| format!("there is no place for {hole} at {pointer}"))? = value;
        }
        let (status, answer) = self.service.ask(&call.method.to_string(), &path, &call.query, body.as_ref());
        let told = || String::from_utf8_lossy(&answer).into_owned();
        if !(200..300).contains(&status) {
            return Err(format!("{} /{} {body:?} was answered {status}: {}", call.method, path.join("/"), told()));
        }
        if call.method != Method::Get {
            self.writes += 1;
            let after = meaning(self.service.state());
            let before = std::mem::replace(&mut self.before, after);
            let starts_so =
                call.path_texts().get(3..5) == Some(&NEW_POLICIES) && matches!(call.path[5], Segment::Hole(_));
            let left_so =
                call.path_texts().starts_with(&LEFT_GROUP.0) && call.path_texts().get(3) == Some(&LEFT_GROUP.1);
            if before == self.before && !starts_so && !left_so {
                return Err(format!("{} /{} {body:?} changed nothing", call.method, path.join("/")));
            }
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if call.proof.as_ref().is_some_and(|it| answer.pointer(it).is_none()) {
            return Err(format!("{} /{} was not done: {answer}", call.method, path.join("/")));
        }
        let mut delivered = false;
        for capture in &call.captures {
            let value = answer.pointer(&capture.pointer).cloned().unwrap_or_default();
            if value.is_null() {
                return Err(format!("the answer has no {}: {answer}", capture.pointer));
            }
            match &capture.into {
                Into::Sink(_) => delivered = true,
                Into::Keep(what) => drop(self.kept.insert((id.clone(), what.clone()), value)),
                Into::Same(text) if value == text.as_str() => {}
                Into::Same(text) => return Err(format!("the answer calls it {value}, not {text}")),
            }
        }
        Ok(delivered)
    }

    fn fill(&mut self, hole: &Hole) -> Result<Value, String> {
        Ok(match hole {
            Hole::Kept { of, what } => {
                let kept = self.kept.get(&(of.clone(), what.clone()));
                kept.cloned().ok_or_else(|| format!("{hole} is not known yet"))?
            }
            Hole::FreshName { stem } => {
                self.nonces += 1;
                json!(format!("{stem}-{:a>6}", char::from(b'b' + (self.nonces % 24) as u8)))
            }
            Hole::After { duration } => json!(NOW_SECONDS + duration.seconds),
            Hole::Environment { variable } => json!(format!("the value of {variable}")),
            Hole::Given { of, pointer, .. } => {
                let entry = self.desired.entries.get(of).ok_or_else(|| format!("{of} is not declared"))?;
                let value = entry.spec().pointer(pointer).cloned().unwrap_or_default();
                if !value.as_str().is_some_and(|it| hole.is_for(it)) {
                    return Err(format!("{hole} is not what the manifest gives"));
                }
                value
            }
        })
    }

    /// What a step reads again must show what it says, without being asked for twice.
    fn check(&self, action: &Action) -> Result<(), String> {
        let Some(check) = &action.check else { return Ok(()) };
        let (status, answer) = self.service.ask("GET", &check.path, &check.query, None);
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        for expected in &check.shows {
            let list = answer.pointer(&expected.list).and_then(Value::as_array).cloned().unwrap_or_default();
            if list.iter().any(|it| expected.is(it)) != expected.there {
                return Err(format!("{} is not as it should be: {status} {answer}", expected.what));
            }
        }
        Ok(())
    }
}

/// The steps of a plan with the stage of each: its phase, or the latest of those that it waits for.
fn steps(plan: &Plan) -> Result<Vec<Step<'_>>, String> {
    let mut steps: Vec<Step<'_>> = plan
        .all_changes()
        .flat_map(|change| change.steps.iter().map(move |action| Step { change, action, next: 0, stage: action.phase }))
        .collect();
    steps.sort_by_key(|it| it.action.step);
    for index in 0..steps.len() {
        let before = &steps[..index];
        let mut stage = steps[index].stage;
        for number in &steps[index].action.after {
            let sooner = before.iter().find(|it| it.action.step == *number);
            let sooner =
                sooner.ok_or_else(|| format!("step {} comes before step {number}", steps[index].action.step))?;
            stage = stage.max(sooner.stage);
        }
        steps[index].stage = stage;
    }
    Ok(steps)
}

/// A state without what every request leaves behind.
pub fn meaning(mut state: State) -> State {
    state.audit.clear();
    state.counters.clear();
    for role in state.roles.values_mut() {
        (role.version, role.modified) = (0, 0);
    }
    for issuer in state.issuers.values_mut() {
        issuer.modified = 0;
    }
    for set in state.policies.values_mut() {
        (set.version, set.modified) = (0, 0);
    }
    state
}
