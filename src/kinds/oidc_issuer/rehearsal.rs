//! What the calls on an issuer come to, without sending them.

use serde_json::{Value, json};

use crate::kinds::oidc_issuer::policy;
use crate::kinds::{World, role};
use crate::model::{Call, Duration, LiveObject, Method};

pub(super) fn rehearse(
    call: &Call,
    name: &str,
    live: Option<LiveObject>,
    world: &World,
) -> Result<Option<LiveObject>, String> {
    let on_policies = call.path_texts().contains(&"auth");
    match (call.method, live) {
        (Method::Get, live) => Ok(live),
        (Method::Delete, _) => Ok(None),
        (Method::Post, Some(live)) => Err(format!("there is an issuer `{}` already", live.name)),
        (Method::Post, None) => {
            // An issuer begins with everything forbidden.
            let deny = json!({"decision": "deny", "tokenType": "organization"});
            let spec = json!({"url": call.text("/url"), "policies": policy::sorted(&json!([deny]))});
            let mut made = LiveObject { name: name.to_owned(), spec, facts: json!({}), ..LiveObject::default() };
            change(&mut made, call);
            Ok(Some(made))
        }
        (Method::Patch, None) => Err("there is no issuer to change".to_owned()),
        (Method::Patch, Some(mut live)) if on_policies => {
            live.spec["policies"] = policies(call, world)?;
            Ok(Some(live))
        }
        (Method::Patch, Some(mut live)) => {
            change(&mut live, call);
            Ok(Some(live))
        }
    }
}

fn change(issuer: &mut LiveObject, call: &Call) {
    let body = call.body.clone().unwrap_or_default();
    issuer.facts["name"] = body["name"].clone();
    if let Some(seconds) = body["maxExpiration"].as_i64() {
        issuer.spec["maxExpiration"] = json!(Duration { seconds });
    }
    if let Some(prints) = body.get("thumbprints") {
        issuer.spec["thumbprints"] = prints.clone();
    }
}

fn policies(call: &Call, world: &World) -> Result<Value, String> {
    let list = call.body.as_ref().and_then(|it| it["policies"].as_array()).ok_or("no list of policies")?;
    if list.is_empty() {
        return Err("the last policy of an issuer cannot go".to_owned());
    }
    let mut written = Vec::new();
    for (index, wire) in list.iter().enumerate() {
        let role =
            call.segment(&format!("/policies/{index}/roleID")).map(|it| role::named_by(&it, world)).transpose()?;
        written.push(policy::written(wire, role));
    }
    Ok(policy::sorted(&json!(written)))
}
