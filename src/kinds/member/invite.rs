//! Invitations by e-mail: which are open, for whom, and the calls that send and cancel them (CONTRACT 3.3).
//!
//! An address leaves this file only as its digest, and as a place in a call's body that is filled when the
//! call is sent. Whoever has the address for joining can join: it is not even decoded.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::member::{BUILT_IN_ROLES, BY_EMAIL};
use crate::kinds::role;
use crate::kinds::{Draft, World, org_path};
use crate::model::{Call, FieldChange, FieldRule, Hole, LiveObject, Method, Scope, Snapshot};

#[derive(Deserialize)]
pub(super) struct Invites {
    pub invites: Vec<Invite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invite {
    id: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    role_id: Option<String>,
    status: String,
    #[serde(default)]
    sent_at: i64,
}

/// Whether invitations must be read: somebody is to be invited, or somebody goes and may have one.
pub(super) fn are_wanted(scope: &Scope) -> bool {
    scope.everything || !scope.doomed.is_empty() || scope.declared.values().any(|it| address(it).is_some())
}

fn address(spec: &Value) -> Option<String> {
    spec["invite"].as_str().map(str::to_lowercase)
}

/// Ids of open invitations to an address.
fn open(invites: &[Invite], address: &str) -> Vec<String> {
    let to = |it: &&Invite| it.status == "pending" && it.email.to_lowercase() == address;
    invites.iter().filter(to).map(|it| it.id.clone()).collect()
}

/// Adds to members who go the invitations they still have, and to all members those who were invited.
pub(super) fn add(members: &mut Vec<LiveObject>, emails: &BTreeMap<String, String>, invites: &[Invite], of: &Reading) {
    let scope = of.scope;
    let mut doomed: BTreeMap<String, Option<String>> =
        scope.doomed.iter().map(|(login, spec)| (login.to_lowercase(), address(spec))).collect();
    for member in members.iter_mut() {
        let key = member.name.to_lowercase();
        let known = doomed.remove(&key);
        if known.is_none() && !scope.everything {
            continue;
        }
        let addresses = known.flatten().into_iter().chain(emails.get(&key).map(|it| it.to_lowercase()));
        let mut ids: Vec<String> = addresses.flat_map(|it| open(invites, &it)).collect();
        ids.sort();
        ids.dedup();
        if !ids.is_empty() {
            member.facts["invites"] = json!(ids);
        }
    }
    let there = |login: &str| members.iter().any(|it| it.name.eq_ignore_ascii_case(login));
    let mut invited = Vec::new();
    for (login, spec) in scope.declared.iter().filter(|it| !there(it.0)) {
        let Some(to) = address(spec) else { continue };
        let before = scope.based.get(login).and_then(address).filter(|it| *it != to);
        let stale = before.map(|it| open(invites, &it)).unwrap_or_default();
        invited.extend(awaited(login, spec, invites, &to, stale, of.before));
    }
    for (login, spec) in scope.doomed.iter().filter(|it| !there(it.0)) {
        if let Some(to) = address(spec).filter(|it| !open(invites, it).is_empty()) {
            invited.extend(awaited(login, spec, invites, &to, Vec::new(), of.before));
        }
    }
    members.extend(invited);
}

/// What invitations are understood by.
pub(super) struct Reading<'a> {
    pub scope: &'a Scope,
    /// What was read before, for the names of roles.
    pub before: &'a Snapshot,
}

/// Somebody who is not there yet: they were invited, or were told to have accepted.
fn awaited(
    login: &str,
    spec: &Value,
    invites: &[Invite],
    to: &str,
    stale: Vec<String>,
    before: &Snapshot,
) -> Option<LiveObject> {
    let latest = |status: &str| {
        let to = invites.iter().filter(|it| it.status == status && it.email.to_lowercase() == to);
        to.max_by_key(|it| (it.sent_at, &it.id))
    };
    let ids = open(invites, to);
    let declared = spec["role"].as_str().unwrap_or("member").to_owned();
    let (why, role) = match (latest("pending"), latest("accepted")) {
        (Some(invite), _) => ("was invited by e-mail, and has not accepted yet", role_of(invite, before)),
        (None, Some(_)) if stale.is_empty() => (
            "accepted an invitation and does not belong to the organization: they may have joined under another \
             login, which is the one to declare; without `invite`, this login is added",
            declared,
        ),
        // To be invited anew: what is wrong with the old invitation is that there is one.
        (None, _) if !stale.is_empty() => ("was invited under another address", declared),
        (None, _) => return None,
    };
    Some(LiveObject {
        name: login.to_owned(),
        spec: json!({"role": role, "invite": BY_EMAIL}),
        facts: json!({"invites": ids, "stale": stale}),
        awaited: Some(why.to_owned()),
        ..LiveObject::default()
    })
}

fn role_of(invite: &Invite, before: &Snapshot) -> String {
    let id = invite.role_id.as_deref().filter(|it| !it.is_empty());
    let roles = &before.kind("role").objects;
    let custom = id.and_then(|id| roles.values().find(|it| it.facts["id"] == id));
    custom.map(|it| it.name.clone()).or(id.map(str::to_owned)).unwrap_or_else(|| invite.role.clone())
}

/// An invitation to an address that the base branch gives and this manifest does not.
pub(super) fn due(live: &LiveObject) -> Vec<(FieldRule, FieldChange)> {
    if ids(live, "stale").is_empty() {
        return Vec::new();
    }
    let (before, after) = (json!("by e-mail, to the address before"), json!(BY_EMAIL));
    vec![(FieldRule::Value, FieldChange::value("/invite", before, after))]
}

fn ids(live: &LiveObject, which: &str) -> Vec<String> {
    let ids = live.facts[which].as_array().into_iter().flatten();
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The calls that cancel whatever invitations somebody has.
pub(super) fn cancel(live: &LiveObject, world: &World) -> Vec<Call> {
    let all = ids(live, "invites").into_iter().chain(ids(live, "stale"));
    all.map(|id| Call::new(Method::Delete, org_path(world.org(), ["invites", &id]))).collect()
}

/// Whether the service takes invitations from anything but a browser is written nowhere (CONTRACT U10).
const FROM_CONSOLE: &str = "the service may take invitations from a browser only: invite them in the console with the same \
                            address, and the next plan finds that invitation";

/// What may be behind a 403 to a call on members.
pub(super) fn forbidden(call: &Call) -> Option<String> {
    let invites = matches!(call.path_texts()[..], ["api", "orgs", _, "invites", .., "batch"]);
    invites.then(|| FROM_CONSOLE.to_owned())
}

/// The call that invites somebody, with the role they will have.
pub(super) fn send(draft: &mut Draft, role: &str, address: &str, world: &World) -> Option<Call> {
    let built_in = BUILT_IN_ROLES.iter().any(|it| it.0 == role);
    let mut invite = json!({"email": Value::Null, "role": if built_in { role } else { "member" }});
    if !built_in {
        invite["roleId"] = Value::Null;
    }
    // The other route asks for addresses that belong to an account already.
    let path = org_path(world.org(), ["invites", "unverified", "batch"]);
    let of = draft.entry.map_or_else(|| draft.change.id.clone(), |it| it.id.clone());
    let mut call = Call::new(Method::Post, path).body(json!({"invites": [invite]})).refused(FROM_CONSOLE);
    call = call.hole("/invites/0/email", Hole::given(of, "/invite", address));
    // The answer is 200 also where the invitation was not sent.
    call.proof = Some("/sentInvites/0".to_owned());
    if !built_in {
        let Some(id) = role::id_of(world, role) else {
            draft.findings.push(("unresolved".into(), format!("there is no role `{role}`")));
            return None;
        };
        call = role::with_role_id(call, "/invites/0/roleId", id);
    }
    Some(call)
}

/// What a call on invitations comes to.
pub(super) fn rehearse(
    call: &Call,
    name: &str,
    live: Option<LiveObject>,
    world: &World,
) -> Result<Option<LiveObject>, String> {
    match (call.method, live) {
        (Method::Get, live) => Ok(live),
        (Method::Post, None) => {
            let custom = call.segment("/invites/0/roleId").map(|it| role::named_by(&it, world)).transpose()?;
            let role = custom.unwrap_or_else(|| call.text("/invites/0/role"));
            Ok(Some(LiveObject {
                name: name.to_owned(),
                spec: json!({"role": role, "invite": BY_EMAIL}),
                facts: json!({"invites": [format!("<id of the invitation of {name}>")]}),
                awaited: Some("was invited by e-mail, and has not accepted yet".to_owned()),
                ..LiveObject::default()
            }))
        }
        (Method::Post, Some(_)) => Err("a second invitation would be sent".to_owned()),
        (Method::Delete, Some(mut live)) => {
            let id = call.path_texts().last().copied().unwrap_or_default().to_owned();
            for which in ["invites", "stale"] {
                let left: Vec<String> = ids(&live, which).into_iter().filter(|it| *it != id).collect();
                live.facts[which] = json!(left);
            }
            let none = ids(&live, "invites").is_empty() && ids(&live, "stale").is_empty();
            Ok((!(none && live.awaited.is_some())).then_some(live))
        }
        (Method::Delete | Method::Patch, _) => Err("there is no such invitation".to_owned()),
    }
}
