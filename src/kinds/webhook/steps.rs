//! The calls that make, change and delete a webhook, and when its secret is sent.

use serde_json::{Value, json};

use crate::kinds::webhook::WebhookSpec;
use crate::kinds::{Draft, World, org_path, typed};
use crate::model::{Action, Call, FieldChange, FieldRule, Guard, Hole, LiveObject, Method, Phase, Verb};

const SECRET: &str = "/secret";

/// A secret that the webhook lacks, or that somebody asked to send again: nothing else tells that it differs.
pub(super) fn due(spec: &Value, live: &LiveObject, world: &World) -> Vec<(FieldRule, FieldChange)> {
    let Some(source) = spec.get("secret") else { return Vec::new() };
    let before = match live.facts["hasSecret"].as_bool() {
        Some(false) => Value::Null,
        _ if world.sends_again("webhook", &live.name) => json!("[secret]"),
        _ => return Vec::new(),
    };
    vec![(FieldRule::Value, FieldChange::value(SECRET, before, source.clone()))]
}

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let name = draft.change.name.clone();
    match draft.verb() {
        Verb::Create => {
            let after = &draft.change.after;
            if after.get("groups").is_none() && after.get("filters").is_none() {
                let sentence = format!("the new webhook `{name}` says neither `groups` nor `filters`");
                draft.findings.push(("webhook-without-events".into(), sentence));
                return Vec::new();
            }
            let call = Call::new(Method::Post, org_path(world.org(), ["hooks"]));
            let call = filled(call, draft, world, &name);
            vec![Action::new(Phase::Grow, "create", vec![call])]
        }
        Verb::Delete => {
            let call = Call::new(Method::Delete, org_path(world.org(), ["hooks", &name]));
            let guard = Guard::new(org_path(world.org(), ["hooks", &name]));
            let url = draft.change.before["url"].as_str().unwrap_or_default();
            vec![Action::new(Phase::Delete, "delete", vec![call]).guarded(guard.still(
                "the address",
                "/payloadUrl",
                url,
            ))]
        }
        Verb::Update | Verb::Rename | Verb::Replace => {
            let call = Call::new(Method::Patch, org_path(world.org(), ["hooks", &name]));
            let call = filled(call, draft, world, &name);
            vec![Action::new(Phase::Grow, "change", vec![call])]
        }
    }
}

/// The call with the whole webhook in it. A secret that is declared goes with every change, because nobody
/// says whether the service keeps it otherwise (CONTRACT U23).
fn filled(mut call: Call, draft: &mut Draft, world: &World, name: &str) -> Call {
    let after = &draft.change.after;
    let had_secret = draft.live.is_some_and(|it| it.facts["hasSecret"] == true);
    // A format that this version does not know is in no spec, and goes back as it came.
    let format = after["format"].as_str().or_else(|| draft.live?.facts["format"].as_str()).unwrap_or("raw");
    let list = |field: &str| after.get(field).cloned().unwrap_or_else(|| json!([]));
    let mut body = json!({
        "organizationName": world.org(),
        "name": name,
        "displayName": after["displayName"].as_str().unwrap_or(name),
        "payloadUrl": after["url"],
        "active": after["active"].as_bool().unwrap_or(true),
        "format": format,
        "filters": list("filters"),
        "groups": list("groups"),
    });
    if list("groups") == json!([]) && list("filters") == json!([]) {
        draft.change.remarks.push("sends every event, because `groups` and `filters` are empty".to_owned());
    }
    let spec = draft.entry.and_then(|it| typed::<WebhookSpec>(&world.spec(it)).ok());
    match spec.and_then(|it| it.secret) {
        Some(source) => {
            body["secret"] = Value::Null;
            call = call.hole(SECRET, Hole::Environment { variable: source.variable().to_owned() });
            if draft.verb() != Verb::Create && draft.field(SECRET).is_none() {
                draft.change.remarks.push(format!("its secret is sent again, from `{}`", source.0));
            }
        }
        None if had_secret => {
            let sentence = "it has a secret that the manifest does not name: see that deliveries are still signed";
            draft.change.remarks.push(sentence.to_owned());
        }
        None => {}
    }
    call.body(body)
}
