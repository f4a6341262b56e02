//! The calls that make, change and delete an issuer and its policies.

use serde_json::{Value, json};

use crate::kinds::oidc_issuer::policy;
use crate::kinds::{Draft, World, org_path, role};
use crate::model::{Action, Call, Duration, Guard, Hole, Into, Method, Phase, ResourceId, Segment, Verb};

/// The field that says that the console shows another name.
pub(super) const NAME: &str = "/name";

/// The words under which ids are kept for later calls.
const ISSUER: &str = "id";
const POLICY_SET: &str = "policy set";

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    match draft.verb() {
        Verb::Create => create(draft, world, Action::new(Phase::Grow, "create", Vec::new())),
        Verb::Update | Verb::Rename => change(draft, world),
        Verb::Replace => {
            // The old one first: were it left over by an apply that ended in between, it would let in
            // whom it let in before, and nobody would look for it.
            remark_on_loss(draft);
            let mut action = Action::new(Phase::Replace, "delete and create anew", Vec::new());
            action.calls.push(delete(draft, world));
            create(draft, world, action.guarded(guard(draft, world)))
        }
        Verb::Delete => {
            remark_on_loss(draft);
            let guard = guard(draft, world);
            vec![Action::new(Phase::Delete, "delete", vec![delete(draft, world)]).guarded(guard)]
        }
    }
}

/// Through which issuer the token in use came, the service does not tell.
fn remark_on_loss(draft: &mut Draft) {
    let remark = match draft.verb() {
        Verb::Delete => "nobody can log in through it any more, not even whoever applies this",
        _ => "nobody can log in through the old address any more, not even whoever applies this",
    };
    draft.change.remarks.push(remark.to_owned());
    if draft.verb() == Verb::Replace && draft.live.is_some_and(|it| it.facts["keys"] == true) {
        draft.change.remarks.push("its static keys go with it, and cannot be given from here".to_owned());
    }
}

fn path(world: &World, rest: impl IntoIterator<Item = Segment>) -> Vec<Segment> {
    org_path(world.org(), [""; 0]).into_iter().map(Segment::from).chain(rest).collect()
}

fn issuers(world: &World, id: Option<&str>) -> Vec<Segment> {
    path(world, ["oidc", "issuers"].into_iter().chain(id).map(Segment::from))
}

fn live_id<'a>(draft: &'a Draft, what: &str) -> &'a str {
    draft.live.and_then(|it| it.facts[what].as_str()).unwrap_or_default()
}

fn delete(draft: &Draft, world: &World) -> Call {
    Call::new(Method::Delete, issuers(world, Some(live_id(draft, "id"))))
}

/// It goes by its id, whatever it stands for by then.
fn guard(draft: &Draft, world: &World) -> Guard {
    let path = org_path(world.org(), ["oidc", "issuers", live_id(draft, "id")]);
    Guard::new(path).still("the address", "/url", draft.change.before["url"].as_str().unwrap_or_default())
}

fn kept(draft: &Draft, what: &str) -> Segment {
    Segment::Hole(Hole::Kept { of: draft.change.id.clone(), what: what.to_owned() })
}

fn create(draft: &mut Draft, world: &World, mut action: Action) -> Vec<Action> {
    let after = draft.change.after.clone();
    let mut body = json!({"name": draft.change.name, "url": after["url"]});
    limit(&mut body, &after);
    // Those of a live issuer belong to the address that it had.
    let own = draft.entry.map(|it| world.spec(it)).unwrap_or_default();
    if let Some(prints) = own.get("thumbprints") {
        body["thumbprints"] = prints.clone();
    } else if let Some(after) = draft.change.after.as_object_mut() {
        after.remove("thumbprints");
    }
    action
        .calls
        .push(Call::new(Method::Post, issuers(world, None)).body(body).capture("/id", Into::Keep(ISSUER.to_owned())));
    if after.get("policies").is_none() {
        draft.change.remarks.push("it lets nobody in until it has policies".to_owned());
        return vec![action];
    }
    // The service makes the set of policies by itself, and tells its id only to who asks for it.
    let texts = ["auth", "policies", "oidcissuers"].map(Segment::from);
    let look_up = Call::new(Method::Get, path(world, texts.into_iter().chain([kept(draft, ISSUER)])));
    action.calls.push(look_up.capture("/id", Into::Keep(POLICY_SET.to_owned())));
    let set = kept(draft, POLICY_SET);
    match with_policies(draft, world, set, action) {
        Some(action) => vec![action],
        None => Vec::new(),
    }
}

fn change(draft: &mut Draft, world: &World) -> Vec<Action> {
    let after = draft.change.after.clone();
    let mut actions = Vec::new();
    let mut what = Vec::new();
    // The name is needed, whatever changes; what is left out stays (CONTRACT 3.9).
    let mut body = json!({"name": draft.change.name});
    if draft.field(NAME).is_some() {
        what.push("the name");
    }
    if draft.field("/maxExpiration").is_some() {
        what.push("the longest life of its tokens");
        limit(&mut body, &after);
    }
    if draft.field("/thumbprints").is_some() {
        what.push("the fingerprints");
        body["thumbprints"] = after["thumbprints"].clone();
    }
    if !what.is_empty() {
        let call = Call::new(Method::Patch, issuers(world, Some(live_id(draft, "id")))).body(body);
        actions.push(Action::new(Phase::Grow, format!("change {}", what.join(", ")), vec![call]));
    }
    let Some(policies) = draft.field("/policies") else { return actions };
    let phase = if grows(&policies.before, &policies.after) { Phase::Grow } else { Phase::Shrink };
    let set = Segment::from(live_id(draft, "policySet"));
    let action = Action::new(phase, "set the policies", Vec::new());
    match with_policies(draft, world, set, action) {
        Some(action) => actions.push(action),
        None => return Vec::new(),
    }
    actions
}

fn limit(body: &mut Value, after: &Value) {
    if let Some(longest) = after["maxExpiration"].as_str().and_then(|it| it.parse::<Duration>().ok()) {
        body["maxExpiration"] = json!(longest.seconds);
    }
}

fn list(policies: &Value) -> &[Value] {
    policies.as_array().map_or(&[], Vec::as_slice)
}

/// Whether the change lets anybody in who was not let in before.
fn grows(before: &Value, after: &Value) -> bool {
    let of = |decision: &'static str, policies| list(policies).iter().filter(move |it| it["decision"] == decision);
    of("allow", after).any(|it| !list(before).contains(it)) || of("deny", before).any(|it| !list(after).contains(it))
}

/// The action with the call that gives the issuer exactly its policies, and what must be there before.
fn with_policies(draft: &mut Draft, world: &World, set: Segment, mut action: Action) -> Option<Action> {
    let wanted = list(&draft.change.after["policies"]).to_vec();
    // What is there and stays keeps its place, and whatever this version does not know of it.
    let made_anew = !matches!(set, Segment::Text(_));
    let live = draft.live.filter(|_| !made_anew).map(|it| (list(&it.spec["policies"]), list(&it.facts["policies"])));
    let (mut entries, mut roles, mut there) = (Vec::new(), Vec::new(), Vec::new());
    for wire in live.map_or(&[][..], |it| it.1) {
        let name = wire["roleID"].as_str().filter(|it| !it.is_empty());
        let name = name.map(|id| role::named_by(&Segment::from(id), world).unwrap_or_else(|_| id.to_owned()));
        let written = policy::written(wire, name);
        if wanted.contains(&written) && !there.contains(&written) {
            entries.push(wire.clone());
            there.push(written);
        }
    }
    for policy in wanted.iter().filter(|it| !there.contains(it)) {
        let mut entry = policy::wire(policy);
        if let Some(login) = policy["user"].as_str() {
            entry["userLogin"] = json!(world.live("member", login).map_or(login, |it| &it.name));
            action.needs.insert(ResourceId::new("member", login));
        }
        if let Some(team) = policy["team"].as_str() {
            action.needs.insert(ResourceId::new("team", team));
        }
        if let Some(name) = policy["role"].as_str().filter(|it| *it != policy::ADMIN) {
            let Some(id) = role::id_of(world, name) else {
                draft.findings.push(("unresolved".into(), format!("there is no role `{name}`")));
                return None;
            };
            entry["roleID"] = Value::Null;
            roles.push((format!("/policies/{}/roleID", entries.len()), id));
            action.needs.insert(ResourceId::new("role", name));
        }
        entries.push(entry);
    }
    let texts = ["auth", "policies"].map(Segment::from);
    let mut call =
        Call::new(Method::Patch, path(world, texts.into_iter().chain([set]))).body(json!({"policies": entries}));
    for (pointer, id) in roles {
        call = role::with_role_id(call, &pointer, id);
    }
    action.calls.push(call);
    Some(action)
}
