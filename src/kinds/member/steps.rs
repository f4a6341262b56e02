//! The calls that add a person, change their role, and remove them.

use serde_json::{Value, json};

use crate::kinds::member::{BUILT_IN_ROLES, invite};
use crate::kinds::role;
use crate::kinds::{Draft, World, org_path};
use crate::model::{Action, Call, Method, Phase, ResourceId, Verb};

/// The duty of administering the organization: it is given before it is taken away.
const ADMINISTRATION: &str = "administration";

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let login = draft.live.map_or(draft.change.name.as_str(), |it| it.name.as_str()).to_owned();
    let path = org_path(world.org(), ["members", &login]);
    let cancelled = draft.live.map(|it| invite::cancel(it, world)).unwrap_or_default();
    let awaited = draft.live.is_some_and(|it| it.awaited.is_some());
    if draft.verb() == Verb::Delete && awaited {
        return vec![Action::new(Phase::Delete, "cancel the invitation", cancelled)];
    }
    if draft.verb() == Verb::Delete {
        draft.change.remarks.push(
            "leaves every team; personal tokens stay alive but lose this organization; tokens of the organization and \
             of teams that this person made keep working"
                .to_owned(),
        );
        let mut action = Action::new(Phase::Delete, "remove", vec![Call::new(Method::Delete, path)]);
        action.loses.insert(ADMINISTRATION.to_owned());
        if cancelled.is_empty() {
            return vec![action];
        }
        // First, so that nobody comes back by it.
        draft.change.remarks.push("an invitation by e-mail is still open, and is cancelled".to_owned());
        return vec![Action::new(Phase::Delete, "cancel the invitation", cancelled), action];
    }
    let address = draft.entry.and_then(|it| world.spec(it)["invite"].as_str().map(str::to_owned));
    if let Some(address) = address.filter(|_| draft.live.is_none() || awaited) {
        return invite(draft, &address, cancelled, world).into_iter().collect();
    }
    let before = draft.change.before["role"].as_str().map(str::to_owned);
    let Some(after) = draft.change.after["role"].as_str().map(str::to_owned) else {
        draft.change.after = json!({"role": "member"});
        let call = add(path, "member");
        return vec![Action::new(Phase::Grow, "add as member", vec![call])];
    };
    let custom = !BUILT_IN_ROLES.iter().any(|it| it.0 == after);
    let mut calls = Vec::new();
    if draft.verb() == Verb::Create {
        calls.push(add(path.clone(), if custom { "member" } else { &after }));
    }
    // An addition takes only built-in roles, so that a custom one is a second call. Where somebody who
    // is there already is added (409), the role is not set by the first call either; reading again tells.
    if draft.verb() != Verb::Create || custom {
        let Some(id) = role::id_of(world, &after) else {
            draft.findings.push(("unresolved".into(), format!("there is no role `{after}`")));
            return Vec::new();
        };
        let call = Call::new(Method::Patch, path).body(json!({"fgaRoleId": Value::Null}));
        calls.push(role::with_role_id(call, "/fgaRoleId", id));
    }
    let withdraws = before.as_deref() == Some("admin");
    let what = if draft.verb() == Verb::Create { format!("add as {after}") } else { format!("role: {after}") };
    let mut action = Action::new(if withdraws { Phase::Shrink } else { Phase::Grow }, what, calls);
    if withdraws {
        action.loses.insert(ADMINISTRATION.to_owned());
    }
    if after == "admin" {
        action.gains.insert(ADMINISTRATION.to_owned());
    }
    if let Some(sooner) = before.as_deref().filter(|it| *it != after) {
        action.gains.insert(role::left(sooner));
    }
    // A role takes the place of another: whoever loses one has been taken into their teams before, and
    // whoever gets one has it before a team lets them go.
    let person = format!("person {}", login.to_lowercase());
    if before.is_some_and(|it| it != "member" && after != "admin") {
        action.phase = Phase::Shrink;
        action.loses.insert(person.clone());
    }
    if after != "member" {
        action.gains.insert(person);
    }
    if custom {
        action.needs.insert(ResourceId::new("role", after));
    }
    vec![action]
}

/// Invites somebody. An invitation cannot be changed: the one that is open, if any, is cancelled first.
fn invite(draft: &mut Draft, address: &str, cancelled: Vec<Call>, world: &World) -> Option<Action> {
    let role = draft.change.after["role"].as_str().unwrap_or("member").to_owned();
    draft.change.after["role"] = json!(role);
    draft.change.remarks.push("belongs to the organization once they accept; until then, in no team".to_owned());
    let mut calls = cancelled;
    let what = if calls.is_empty() { "invite by e-mail" } else { "cancel the invitation, and invite by e-mail again" };
    calls.push(invite::send(draft, &role, address, world)?);
    let mut action = Action::new(Phase::Grow, format!("{what} as {role}"), calls);
    if !BUILT_IN_ROLES.iter().any(|it| it.0 == role) {
        action.needs.insert(ResourceId::new("role", role));
    }
    Some(action)
}

fn add(path: Vec<String>, role: &str) -> Call {
    // Only 404 (no such account) is about the person. What is answered when seats are exhausted, or the
    // identity provider does not let anybody in, is written nowhere: any other refusal is taken for that.
    let alone = [404, 409];
    Call::new(Method::Post, path).body(json!({"role": role})).already(409).common("adding members", &alone)
}
