//! What the calls on a webhook come to, without sending them.

use serde_json::{Map, Value, json};

use crate::kinds;
use crate::kinds::webhook::WebhookSpec;
use crate::model::{Call, LiveObject, Method};

pub(super) fn rehearse(call: &Call, live: Option<LiveObject>) -> Result<Option<LiveObject>, String> {
    let mut hook = match (call.method, live) {
        (Method::Get, live) => return Ok(live),
        (Method::Delete, _) => return Ok(None),
        (Method::Post, None) => LiveObject { facts: json!({"hasSecret": false}), ..LiveObject::default() },
        (Method::Post, Some(live)) => return Err(format!("there is a webhook `{}` already", live.name)),
        (Method::Patch, live) => live.ok_or("there is no webhook to change")?,
    };
    let body = call.body.clone().unwrap_or_default();
    hook.name = call.text("/name");
    let mut spec = Map::new();
    for (field, sent) in [
        ("displayName", "displayName"),
        ("url", "payloadUrl"),
        ("format", "format"),
        ("groups", "groups"),
        ("filters", "filters"),
        ("active", "active"),
    ] {
        spec.insert(field.to_owned(), body[sent].clone());
    }
    // A format of later versions is in no spec.
    if hook.spec.is_object() && hook.spec.get("format").is_none() && hook.facts["format"] == body["format"] {
        spec.remove("format");
    }
    hook.spec = kinds::canonical::<WebhookSpec>(Value::Object(spec))?;
    if call.segment("/secret").is_some() {
        hook.facts["hasSecret"] = json!(true);
    }
    Ok(Some(hook))
}
