//! What the calls on a team come to, without sending them.

use serde_json::{Value, json};

use crate::kinds::{World, role};
use crate::model::{Call, Duration, LiveObject, Method, Segment};

pub(super) fn rehearse(
    call: &Call,
    name: &str,
    live: Option<LiveObject>,
    world: &World,
) -> Result<Option<LiveObject>, String> {
    let on_roles = call.path_texts().get(5) == Some(&"roles");
    let Some(mut team) = live else {
        return match call.method {
            Method::Post if !on_roles => Ok(Some(created(call, name, world))),
            _ => Err("there is no team to change".to_owned()),
        };
    };
    match call.method {
        Method::Get => {}
        Method::Post if on_roles => {
            let id = call.path.last().cloned().unwrap_or(Segment::Text(String::new()));
            team.spec["role"] = json!(role::named_by(&id, world)?);
        }
        // Somebody made it in the meantime, which is what was wanted.
        Method::Post if call.already.contains(&409) => {}
        Method::Post => return Err(format!("there is a team `{name}` already")),
        Method::Delete if on_roles => team.spec["role"] = json!("none"),
        Method::Delete => return Ok(None),
        Method::Patch => change(&mut team.spec, call)?,
    }
    Ok(Some(team))
}

fn created(call: &Call, name: &str, world: &World) -> LiveObject {
    let github = call.path_texts().last() == Some(&"github");
    let mut spec = json!({"role": "none", "stacks": {}, "environments": {}});
    if github {
        spec["kind"] = json!("github");
    } else {
        // Whoever makes a team with a token of their own is in it, as its administrator (CONTRACT 3.5).
        let caller = &world.live.caller;
        let people: Vec<&str> = caller.token.is_none().then_some(caller.login.as_str()).into_iter().collect();
        spec["kind"] = json!("pulumi");
        spec["displayName"] = json!(call.text("/displayName"));
        spec["description"] = json!(call.text("/description"));
        spec["members"] = json!(people);
        spec["admins"] = json!(people);
    }
    LiveObject { name: name.to_owned(), spec, facts: json!({"people": [], "tokens": {}}), ..LiveObject::default() }
}

fn change(spec: &mut Value, call: &Call) -> Result<(), String> {
    let body = call.body.clone().unwrap_or_default();
    if body.get("newDisplayName").is_some() {
        spec["displayName"] = body["newDisplayName"].clone();
        spec["description"] = body["newDescription"].clone();
        return Ok(());
    }
    if let Some(action) = body["memberAction"].as_str() {
        return person(spec, action, body["member"].as_str().unwrap_or_default());
    }
    let qualified = |it: &Value, name: &str| {
        format!("{}/{}", it["projectName"].as_str().unwrap_or_default(), it[name].as_str().unwrap_or_default())
    };
    for (field, value) in body.as_object().into_iter().flatten() {
        match field.as_str() {
            "addStackPermission" | "editStackPermission" => {
                let level = match value["permission"].as_i64() {
                    Some(101) => "read",
                    Some(102) => "write",
                    Some(103) => "admin",
                    _ => return Err(format!("{} is no permission on a stack", value["permission"])),
                };
                spec["stacks"][qualified(value, "stackName")] = json!(level);
            }
            "addEnvironmentPermission" | "editEnvironmentPermission" => {
                let mut grant = json!({"permission": value["permission"]});
                if let Some(longest) = value["maxOpenDuration"].as_str().and_then(|it| it.parse::<Duration>().ok()) {
                    grant["maxOpenDuration"] = json!(longest);
                }
                spec["environments"][qualified(value, "envName")] = grant;
            }
            "removeStack" => forget(&mut spec["stacks"], &qualified(value, "stackName")),
            "removeEnvironment" => forget(&mut spec["environments"], &qualified(value, "envName")),
            other => return Err(format!("`{other}` is no change of a team")),
        }
    }
    Ok(())
}

fn forget(map: &mut Value, name: &str) {
    if let Some(map) = map.as_object_mut() {
        map.remove(name);
    }
}

fn person(spec: &mut Value, action: &str, login: &str) -> Result<(), String> {
    let lists: (&[&str], bool) = match action {
        "add" => (&["members"], true),
        "promote" => (&["admins"], true),
        "demote" => (&["admins"], false),
        "remove" => (&["members", "admins"], false),
        other => return Err(format!("`{other}` is nothing that is done to a person")),
    };
    for list in lists.0 {
        // Who is in a team that comes from elsewhere is not told.
        let Some(people) = spec[*list].as_array_mut() else { continue };
        people.retain(|it| !it.as_str().is_some_and(|it| it.eq_ignore_ascii_case(login)));
        if lists.1 {
            people.push(json!(login));
        }
    }
    Ok(())
}
