//! What a team gives to its people, and who they are.

use serde_json::Value;

use crate::kinds::team::managed_elsewhere;
use crate::kinds::words::{ENVIRONMENT_LEVELS, STACK_LEVELS, rank};
use crate::kinds::{Recipients, World, role};
use crate::model::access::{Grants, Named};
use crate::model::{LiveObject, ResourceId};

pub(super) fn grants<'a>(team: &'a str, spec: &'a Value, live: Option<&'a LiveObject>) -> Grants<'a> {
    let mut grants = Grants::default();
    let own = || Named::new("team", team);
    people(team, spec, live, &mut grants);
    for admin in texts(&spec["admins"]) {
        grants.right(Named::new("member", admin), own(), "admin", 1);
    }
    if let Some(role) = spec["role"].as_str().filter(|it| *it != "none") {
        grants.all_of(own(), Named::new("role", role));
    }
    for (stack, level) in spec["stacks"].as_object().into_iter().flatten() {
        let level = level.as_str().unwrap_or_default();
        grants.right(own(), Named::new("stack", stack.as_str()), level, rank(&STACK_LEVELS, level));
    }
    // A stack that was created for the team is the team's, in no list that anybody writes.
    for pointer in live.into_iter().flat_map(|it| &it.inherent) {
        if let Some(stack) = pointer.strip_prefix("/stacks/") {
            let stack = stack.replace("~1", "/").replace("~0", "~");
            grants.right(own(), Named::new("stack", stack), "admin", rank(&STACK_LEVELS, "admin"));
        }
    }
    for (environment, grant) in spec["environments"].as_object().into_iter().flatten() {
        let level = grant["permission"].as_str().unwrap_or_default();
        let on = Named::new("environment", environment.as_str());
        grants.right(own(), on, level, rank(&ENVIRONMENT_LEVELS, level));
    }
    for field in live.into_iter().flat_map(|it| &it.unknown) {
        grants.unknown.push(format!("{} of team/{team} could not be read", &field[1..]));
    }
    grants
}

/// The people: as written, or as the service tells of a team that somebody else fills.
fn people<'a>(team: &'a str, spec: &'a Value, live: Option<&'a LiveObject>, grants: &mut Grants<'a>) {
    let elsewhere = live.filter(|it| spec.get("members").is_none() && !it.unknown.contains("/members"));
    let told = elsewhere.map_or(&Value::Null, |it| &it.facts["people"]);
    for login in texts(&spec["members"]).chain(texts(told)) {
        grants.all_of(Named::new("member", login), Named::new("team", team));
    }
    if live.is_some() || spec.get("members").is_some() {
        return;
    }
    let kind = spec["kind"].as_str().unwrap_or("pulumi");
    grants.unknown.push(match managed_elsewhere(kind).1 {
        [] => format!("whoever makes team/{team} is in it, because the manifest does not give its `members`"),
        _ => format!("who will be in team/{team} is decided by {}", managed_elsewhere(kind).0),
    });
}

/// Whether a role or a permission on one stack or environment gives a team's people less than another.
pub(super) fn gives_less(field: &str, before: &Value, after: &Value, world: &World) -> bool {
    let level = |levels: &[&str], it: &Value| rank(levels, it.as_str().unwrap_or("none"));
    match field {
        "role" => role::permits_less(before.as_str(), after.as_str(), world),
        "stacks" => level(&STACK_LEVELS, after) < level(&STACK_LEVELS, before),
        "environments" => {
            level(&ENVIRONMENT_LEVELS, &after["permission"]) < level(&ENVIRONMENT_LEVELS, &before["permission"])
        }
        _ => false,
    }
}

/// Whoever has what the team has; the team itself stands for people who are not told.
pub(super) fn recipients(team: &str, spec: &Value, live: Option<&LiveObject>) -> Recipients {
    let told = live.filter(|it| !it.outline && !it.unknown.contains("/members")).map(|it| &it.facts["people"]);
    match [Some(&spec["members"]), told].into_iter().flatten().find(|it| it.is_array()) {
        Some(people) => {
            Recipients { known: texts(people).map(|it| ResourceId::new("member", it)).collect(), open: false }
        }
        None => Recipients { open: true, ..Recipients::one(ResourceId::new("team", team)) },
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::grants;
    use crate::model::LiveObject;
    use crate::model::access::{Gives, Grants, Named};

    fn told(grants: &Grants) -> Vec<String> {
        let id = |it: &Named| format!("{}/{}", it.kind, it.name);
        let one = |it: &crate::model::access::Grant| match &it.gives {
            Gives::AllOf(of) => format!("{} has {}", id(&it.holder), id(of)),
            Gives::Right(right) => format!("{} may {} {} {}", id(&it.holder), right.may, id(&right.on), right.rank),
        };
        grants.list.iter().map(one).collect()
    }

    #[test]
    fn a_team_gives_its_people_what_it_has() {
        let spec = json!({
            "members": ["bob", "Carol"], "admins": ["bob"], "role": "auditor", "stacks": {"shop/prod": "write"},
            "environments": {"shop/prod": {"permission": "open"}},
        });
        assert_eq!(
            told(&grants("web", &spec, None)),
            [
                "member/bob has team/web",
                "member/Carol has team/web",
                "member/bob may admin team/web 1",
                "team/web has role/auditor",
                "team/web may write stack/shop/prod 2",
                "team/web may open environment/shop/prod 2",
            ]
        );
    }

    fn live(spec: Value, people: Value) -> LiveObject {
        LiveObject { name: "web".to_owned(), spec, facts: json!({"people": people}), ..LiveObject::default() }
    }

    #[test]
    fn what_nobody_writes_counts_too() {
        let mut live = live(json!({"kind": "github"}), json!(["grace"]));
        live.inherent.insert("/stacks/a~1b".to_owned());
        let found = grants("web", &live.spec, Some(&live));
        assert_eq!(told(&found), ["member/grace has team/web", "team/web may admin stack/a/b 3"]);
        assert!(found.unknown.is_empty(), "{:?}", found.unknown);
    }

    #[test]
    fn what_could_not_be_read_is_not_nobody() {
        let mut live = live(json!({"kind": "pulumi"}), json!(["grace"]));
        live.unknown.insert("/members".to_owned());
        let found = grants("web", &live.spec, Some(&live));
        assert!(told(&found).is_empty());
        assert_eq!(found.unknown, ["members of team/web could not be read"]);
        let found = |spec: Value| grants("web", &spec, None).unknown;
        assert!(found(json!({"kind": "scim"}))[0].contains("the identity provider"));
        assert!(found(json!({}))[0].contains("whoever makes team/web"));
        assert!(found(json!({"members": []})).is_empty());
    }
}
