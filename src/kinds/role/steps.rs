//! The calls that make, change, rename and delete a role.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kinds::role::tree;
use crate::kinds::{Draft, World, org_path};
use crate::model::{Action, Call, Guard, Hole, Into, Method, Phase, ResourceId, Segment, Verb};

/// Where the id of a role comes from: the live list, or the answer to its creation in the same apply.
///
/// Nothing when the role is neither live nor made by this plan.
pub fn id_of(world: &World, name: &str) -> Option<Segment> {
    if let Some(id) = world.renamed("role", name).and_then(|it| it.facts["id"].as_str()) {
        return Some(Segment::Text(id.to_owned()));
    }
    // Where the list could not be read, this plan makes no role, so that there will be no id to wait for.
    let roles = world.live.kind("role");
    if roles.incomplete.is_some() || roles.unknown_objects.contains_key(name) {
        return None;
    }
    world.entry("role", name)?;
    Some(Segment::Hole(Hole::Kept { of: ResourceId::new("role", name), what: "id".to_owned() }))
}

/// Every permission that a live role gives anywhere, be it on some stacks only; nothing where that was not read.
pub fn permissions(world: &World, name: &str) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut roles = vec![world.live("role", name)?];
    let mut seen = BTreeSet::new();
    while let Some(role) = roles.pop() {
        let details = role.facts.get("details").filter(|it| !it.is_null())?;
        if !seen.insert(&role.name) {
            continue;
        }
        for id in tree::permissions(details, &mut found) {
            let composed = world.live.kind("role").objects.values();
            roles.push(composed.into_iter().find(|it| it.facts["id"] == id)?);
        }
    }
    Some(found)
}

/// A call whose body has the role's id at `pointer`.
pub fn with_role_id(mut call: Call, pointer: &str, id: Segment) -> Call {
    match id {
        Segment::Hole(hole) => call.hole(pointer, hole),
        Segment::Text(text) => {
            if let Some(place) = call.body.as_mut().and_then(|it| it.pointer_mut(pointer)) {
                *place = Value::String(text);
            }
            call
        }
    }
}

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let org = world.org();
    let name = draft.change.name.clone();
    if draft.verb() == Verb::Delete {
        let path = org_path(org, ["roles", live_id(draft)]);
        // It goes by its id, whatever it is called by then.
        let guard = Guard::new(path.clone()).still("the name", "/name", &name);
        return vec![Action::new(Phase::Delete, "delete", vec![Call::new(Method::Delete, path)]).guarded(guard)];
    }
    let declared = draft.entry.map_or(Value::Null, |it| world.spec(it));
    only_one_form(&mut draft.change.after, &declared);
    let details = match details(&declared, world) {
        Ok(details) => details,
        Err(problem) => {
            draft.findings.push(("unresolved".into(), problem));
            return Vec::new();
        }
    };
    let description = draft.change.after["description"].as_str().unwrap_or_default().to_owned();
    if draft.verb() == Verb::Create {
        let body = json!({
            "name": name, "description": description, "resourceType": "global", "uxPurpose": "role",
            "details": details.unwrap_or_else(|| tree::allow(&json!([]))),
        });
        let call =
            Call::new(Method::Post, org_path(org, ["roles"])).body(body).capture("/id", Into::Keep("id".to_owned()));
        return vec![Action::new(Phase::Grow, "create", vec![call])];
    }
    // The service wants all three on every change (CONTRACT D13).
    let live = || draft.live.and_then(|it| it.facts.get("details").cloned());
    let Some(details) = details.or_else(live).filter(|it| !it.is_null()) else {
        let sentence = format!("the service does not tell what {} permits, and every change sends it", draft.change.id);
        draft.findings.push(("unresolved".into(), sentence));
        return Vec::new();
    };
    let path = org_path(org, ["roles", live_id(draft)]);
    let body = json!({"name": name, "description": description, "details": details});
    let change = Call::new(Method::Patch, &path).body(body.clone());
    let narrows = FORMS.iter().any(|it| draft.field(&format!("/{it}")).is_some())
        && tree::narrows(&draft.change.before, &draft.change.after);
    let mut actions = Vec::new();
    if draft.verb() == Verb::Rename {
        let mut body = body;
        if let Some(there) = draft.live.and_then(|it| it.facts.get("details")).filter(|it| narrows && !it.is_null()) {
            body["details"] = there.clone();
        }
        actions.push(Action::new(Phase::Rename, "rename", vec![Call::new(Method::Patch, &path).body(body)]));
    }
    if narrows {
        // Whoever is to have another role has it before this one permits less.
        let mut action = Action::new(Phase::Shrink, "permit less", vec![change]);
        action.loses.extend([Some(&name), draft.live.map(|it| &it.name)].into_iter().flatten().map(|it| left(it)));
        actions.push(action);
    } else if actions.is_empty() {
        actions.push(Action::new(Phase::Grow, "change", vec![change]));
    }
    actions
}

/// What a step gains that takes somebody away from a role, and what the role loses that permits less.
pub fn left(role: &str) -> String {
    format!("left {role}")
}

fn live_id<'a>(draft: &'a Draft) -> &'a str {
    draft.live.and_then(|it| it.facts["id"].as_str()).unwrap_or_default()
}

/// The ways to say what a role permits.
pub(super) const FORMS: [&str; 3] = ["permissions", "grants", "details"];

/// What is written in one of the three forms is no longer in another.
fn only_one_form(after: &mut Value, declared: &Value) {
    if let (Some(after), true) = (after.as_object_mut(), FORMS.iter().any(|it| declared.get(it).is_some())) {
        after.retain(|field, _| !FORMS.contains(&field.as_str()) || declared.get(field).is_some());
    }
}

/// The tree that a spec means; nothing when the spec leaves permissions alone.
fn details(spec: &Value, world: &World) -> Result<Option<Value>, String> {
    if let Some(permissions) = spec.get("permissions") {
        return Ok(Some(tree::allow(permissions)));
    }
    if let Some(grants) = spec.get("grants") {
        return tree::grants(grants, &world.live.kind("role").facts).map(Some);
    }
    Ok(spec.get("details").cloned())
}
