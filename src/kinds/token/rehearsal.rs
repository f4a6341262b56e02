//! What the calls on a token come to, without sending them.

use serde_json::{Map, Value, json};

use crate::kinds::token::read::{Generations, LiveToken, logical_name};
use crate::kinds::token::steps::generations;
use crate::kinds::{World, role};
use crate::model::{Call, Hole, Instant, LiveObject, Method};

pub(super) fn rehearse(
    call: &Call,
    name: &str,
    live: Option<LiveObject>,
    world: &World,
) -> Result<Option<LiveObject>, String> {
    let sooner = live.as_ref().and_then(generations);
    match call.method {
        Method::Get => Ok(live),
        Method::Patch => Err("a token cannot change".to_owned()),
        Method::Delete => {
            let id = call.path_texts().last().copied().unwrap_or_default().to_owned();
            let (mut live, mut tokens) = live.zip(sooner).ok_or("there is no token to revoke")?;
            if tokens.current.id == id {
                if !tokens.older.is_empty() {
                    return Err(format!("`{}` is revoked before its predecessors", tokens.current.name));
                }
                return Ok(None);
            }
            tokens.older.retain(|it| it.id != id);
            live.facts = json!(tokens);
            Ok(Some(live))
        }
        Method::Post => issued(call, name, sooner, world).map(Some),
    }
}

fn issued(call: &Call, name: &str, sooner: Option<Generations>, world: &World) -> Result<LiveObject, String> {
    let Some(Hole::FreshName { stem }) = call.holes.get("/name") else {
        return Err("a token is made under a name that may have been used".to_owned());
    };
    let live_name = format!("{stem}-aaaaaa");
    let (logical, rotation) = logical_name(&live_name);
    if logical != name {
        return Err(format!("the token is called `{logical}`"));
    }
    let path = call.path_texts();
    let team = path.iter().position(|it| *it == "teams").and_then(|it| path.get(it + 1)).map(|it| (*it).to_owned());
    let body = call.body.clone().unwrap_or_default();
    let expires = match call.holes.get("/expires") {
        Some(Hole::After { duration }) => world.now().0 + duration.seconds,
        _ => body["expires"].as_i64().unwrap_or_default(),
    };
    let mut spec = Map::new();
    spec.insert("scope".to_owned(), json!(team.as_ref().map_or("organization".to_owned(), |it| format!("team/{it}"))));
    spec.insert("description".to_owned(), body["description"].clone());
    if body["admin"] == true {
        spec.insert("role".to_owned(), json!("admin"));
    } else if let Some(id) = call.segment("/roleID") {
        spec.insert("role".to_owned(), json!(role::named_by(&id, world)?));
    }
    if expires != 0 {
        spec.insert("expires".to_owned(), json!(Instant(expires).to_text()));
    }
    spec.insert("rotation".to_owned(), json!(rotation));
    let current = LiveToken {
        id: format!("<id of {live_name}>"),
        name: live_name.clone(),
        team,
        rotation,
        created: Some(world.now().0),
        created_by: None,
        last_used: None,
        expires,
    };
    let older = sooner.into_iter().flat_map(|it| std::iter::once(it.current).chain(it.older)).collect();
    Ok(LiveObject {
        name: name.to_owned(),
        spec: Value::Object(spec),
        facts: json!(Generations { current, older }),
        ..LiveObject::default()
    })
}
