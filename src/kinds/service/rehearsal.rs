//! What the calls on a service come to, without sending them.

use serde_json::{Map, Value, json};

use crate::kinds::World;
use crate::model::{Call, LiveObject, Method};

pub(super) fn rehearse(call: &Call, live: Option<LiveObject>, world: &World) -> Result<Option<LiveObject>, String> {
    // `api/orgs/ORG/services/TYPE/OWNER/NAME`, and whatever follows is about its items.
    let items = call.path.len() > 7;
    match (call.method, live) {
        (Method::Post, None) => created(call, world).map(Some),
        (Method::Get, live) => Ok(live),
        (_, None) => Err("there is no service to change".to_owned()),
        (Method::Post, Some(mut live)) if items => {
            add(&mut live.spec, call, world);
            Ok(Some(live))
        }
        (Method::Post, Some(live)) => Err(format!("there is a service `{}` already", live.name)),
        (Method::Delete, Some(mut live)) if items => {
            let path = call.path_texts();
            let [.., kind, item] = path[..] else { return Err("an item without a name".to_owned()) };
            let item = short(item, world);
            if let Some(list) = live.spec["items"][format!("{kind}s")].as_array_mut() {
                list.retain(|it| *it != item);
            }
            Ok(Some(live))
        }
        (Method::Delete, Some(_)) => Ok(None),
        (Method::Patch, Some(mut live)) => {
            let body = call.body.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
            for (field, value) in body {
                match field.as_str() {
                    "name" => live.name = call.text("/name"),
                    "properties" => live.spec["properties"] = properties(&value),
                    _ => live.spec[field] = value,
                }
            }
            Ok(Some(live))
        }
    }
}

fn created(call: &Call, world: &World) -> Result<LiveObject, String> {
    let body = call.body.as_ref().ok_or("a creation without a body")?;
    let owner = format!("{}/{}", call.text("/ownerType"), call.text("/ownerName"));
    let mut spec = json!({
        "owner": owner, "description": body["description"], "properties": properties(&body["properties"]),
        "items": {"stacks": [], "environments": []},
    });
    add(&mut spec, call, world);
    Ok(LiveObject { name: call.text("/name"), spec, ..LiveObject::default() })
}

fn add(spec: &mut Value, call: &Call, world: &World) {
    let items = call.body.as_ref().and_then(|it| it["items"].as_array()).map_or(&[][..], Vec::as_slice);
    for item in items {
        let group = format!("{}s", item["type"].as_str().unwrap_or_default());
        let name = json!(short(item["name"].as_str().unwrap_or_default(), world));
        if let Some(list) = spec["items"][group].as_array_mut().filter(|it| !it.contains(&name)) {
            list.push(name);
        }
    }
}

/// An item's name without the organization's in front.
fn short(name: &str, world: &World) -> String {
    let rest = name.strip_prefix(world.org()).and_then(|it| it.strip_prefix('/')).filter(|it| it.contains('/'));
    rest.unwrap_or(name).to_owned()
}

fn properties(list: &Value) -> Value {
    let written = |it: &Value| {
        let mut property = Map::new();
        property.insert("key".to_owned(), it["key"].clone());
        property.insert("value".to_owned(), it["value"].clone());
        if it["type"] != "string" {
            property.insert("type".to_owned(), it["type"].clone());
        }
        Value::Object(property)
    };
    list.as_array().into_iter().flatten().map(written).collect()
}
