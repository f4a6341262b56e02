//! What the calls on a role come to, without sending them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::kinds::role::tree;
use crate::kinds::{self, World};
use crate::model::{Call, Hole, LiveObject, Method, ResourceId, Segment};

/// The name of the role that an id means, once the plan's renames are done.
///
/// # Errors
/// When no role has this id.
pub fn named_by(id: &Segment, world: &World) -> Result<String, String> {
    match id {
        Segment::Hole(Hole::Kept { of, .. }) => Ok(of.name.clone()),
        Segment::Hole(hole) => Err(format!("{hole} is no role's id")),
        Segment::Text(id) => {
            let roles = &world.live.kind("role").objects;
            let found = roles.iter().find(|it| it.1.facts["id"] == *id);
            let new = |key: &str| world.renames.get(&ResourceId::new("role", key)).cloned();
            let name = found.map(|(key, it)| new(key).unwrap_or_else(|| it.name.clone()));
            name.ok_or_else(|| format!("no role has the id {id}"))
        }
    }
}

pub(super) fn rehearse(call: &Call, live: Option<LiveObject>, world: &World) -> Result<Option<LiveObject>, String> {
    let mut role = match (call.method, live) {
        (Method::Get, live) => return Ok(live),
        (Method::Delete, _) => return Ok(None),
        (Method::Post, None) => LiveObject { facts: json!({"holders": []}), ..LiveObject::default() },
        (Method::Post, Some(live)) => return Err(format!("there is a role `{}` already", live.name)),
        (Method::Patch, live) => live.ok_or("there is no role to change")?,
    };
    role.name = call.text("/name");
    let details = call.body.as_ref().map_or(Value::Null, |it| it["details"].clone());
    let spelled = |field: &str| -> BTreeMap<String, String> {
        let ids = world.live.kind("role").facts[field].as_object();
        ids.into_iter().flatten().map(|(name, id)| (id.as_str().unwrap_or_default().to_owned(), name.clone())).collect()
    };
    let (stacks, environments) = (spelled("stacks"), spelled("environments"));
    let verbatim = world.entry("role", &role.name).is_some_and(|it| world.spec(it).get("details").is_some());
    let names = tree::Names { stacks: &stacks, environments: &environments };
    let (field, value) = if verbatim { ("details", details.clone()) } else { tree::read(&details, &names) };
    let mut spec = Map::new();
    spec.insert("description".to_owned(), json!(call.text("/description")));
    spec.insert(field.to_owned(), value);
    role.spec = tree::sorted(&kinds::canonical::<super::RoleSpec>(Value::Object(spec))?);
    role.facts["details"] = details;
    Ok(Some(role))
}
