//! Roles: the catalogue, what protects it, and who holds what.

use super::demo;
use super::names;
use serde_json::Value;
use serde_json::json;

fn allow(permissions: &[&str]) -> Value {
    json!({"__type": "PermissionDescriptorAllow", "permissions": permissions})
}

fn role(name: &str, details: Value) -> Value {
    json!({"name": name, "description": "", "resourceType": "global", "uxPurpose": "role", "details": details})
}

#[tokio::test]
async fn the_list_wants_a_purpose() {
    let world = demo().await;
    world.refused("GET", "/orgs/acme/roles", Value::Null, 400, "purpose").await;
    world.refused("GET", "/orgs/acme/roles?uxPurpose=team", Value::Null, 400, "purpose").await;
    let roles = world.get("/orgs/acme/roles?uxPurpose=role").await;
    let list = roles["roles"].as_array().cloned().unwrap_or_default();
    let built_in: Vec<&Value> = list.iter().filter_map(|it| it.get("defaultIdentifier")).collect();
    // Empty for custom roles.
    assert_eq!(built_in, ["admin", "member", "billing-manager", "", ""]);
    assert_eq!(list.iter().filter(|it| it["isOrgDefault"] == true).count(), 1);
    assert!(world.get("/orgs/acme/roles/scopes").await["stack"].is_array());
}

#[tokio::test]
async fn a_role_is_made_changed_and_deleted() {
    let world = demo().await;
    let roles = "/orgs/acme/roles";
    let (status, made) = world.call("POST", roles, Some(role("auditor", allow(&["audit_logs:read"])))).await;
    assert_eq!((status, &made["version"], &made["orgId"]), (200, &json!(1), &json!("o-1")));
    world.refused("POST", roles, role("auditor", allow(&[])), 409, "already exists").await;
    let one = format!("{roles}/{}", made["id"].as_str().unwrap_or_default());
    let (status, changed) = world.call("PATCH", &one, Some(json!({"name": "reader"}))).await;
    assert_eq!((status, &changed["version"], &changed["name"]), (200, &json!(2), &json!("reader")));
    world.refused("PATCH", &one, json!({"name": "deployer"}), 409, "already exists").await;
    assert_eq!(world.status("DELETE", &one, Value::Null).await, 204);
    world.refused("GET", &one, Value::Null, 404, "Role").await;
}

#[tokio::test]
async fn trees_are_judged() {
    let world = demo().await;
    let many: Vec<Value> = (0..2001).map(|_| allow(&[])).collect();
    for (details, message) in [
        (json!({}), "__type"),
        (json!({"__type": "PermissionDescriptorSurprise"}), "unknown permission descriptor"),
        (json!({"__type": "PermissionDescriptorAllow", "permissions": ["stack"]}), "invalid permission"),
        (json!({"__type": "PermissionDescriptorCondition", "subNode": allow(&[])}), "condition"),
        (json!({"__type": "PermissionDescriptorCompose", "permissionDescriptors": ["r-99"]}), "does not exist"),
        (json!({"__type": "PermissionDescriptorGroup", "entries": many}), "2000"),
    ] {
        world.refused("POST", "/orgs/acme/roles", role("x", details), 400, message).await;
    }
}

#[tokio::test]
async fn a_held_role_stays_and_force_takes_it_away() {
    let world = demo().await;
    let roles = world.get("/orgs/acme/roles?uxPurpose=role").await;
    let find = |name: &str| {
        let list = roles["roles"].as_array().cloned().unwrap_or_default();
        let id = list.iter().find(|it| it["name"] == name).map(|it| it["id"].clone());
        id.and_then(|it| it.as_str().map(str::to_owned)).expect("a role")
    };
    let (auditor, admin) = (find("stack-auditor"), find("Admin"));
    let one = format!("/orgs/acme/roles/{auditor}");
    assert_eq!(names(&world.get(&format!("{one}/tokens")).await, "tokens", "name"), ["drift-reader"]);
    world.refused("DELETE", &one, Value::Null, 409, "assigned").await;
    world.refused("DELETE", &format!("/orgs/acme/roles/{admin}"), Value::Null, 400, "Built-in").await;
    world.refused("DELETE", &format!("{one}?force=maybe"), Value::Null, 400, "force").await;

    let compose = json!({"__type": "PermissionDescriptorCompose", "permissionDescriptors": [auditor]});
    let (_, made) = world.call("POST", "/orgs/acme/roles", Some(role("composed", compose))).await;
    world.refused("DELETE", &format!("{one}?force=true"), Value::Null, 409, "referenced").await;
    let made = format!("/orgs/acme/roles/{}", made["id"].as_str().unwrap_or_default());
    assert_eq!(world.status("DELETE", &made, Value::Null).await, 204);

    assert_eq!(world.status("PATCH", "/orgs/acme/members/ken", json!({"fgaRoleId": auditor})).await, 204);
    assert_eq!(world.status("POST", &format!("/orgs/acme/teams/sre/roles/{auditor}"), Value::Null).await, 204);
    assert_eq!(names(&world.get(&format!("{one}/users")).await, "users", "githubLogin"), ["ken"]);
    assert_eq!(names(&world.get(&format!("{one}/teams")).await, "teams", "name"), ["sre"]);
    assert_eq!(world.status("DELETE", &format!("{one}?force=true"), Value::Null).await, 204);
    let state = world.server.state();
    assert_eq!(state.member("ken").map(|it| it.role.clone()), Some(state.organization.default_role.clone()));
    assert!(state.teams["sre"].roles.is_empty());
}

#[tokio::test]
async fn people_on_the_default_role_are_not_its_holders() {
    let world = demo().await;
    let default = world.server.state().organization.default_role;
    let users = world.get(&format!("/orgs/acme/roles/{default}/users")).await;
    assert_eq!(users, json!({"users": []}));
    let id = world.server.state().roles.values().find(|it| it.name == "stack-auditor").map(|it| it.id.clone());
    let path = format!("/orgs/acme/roles/{}/default", id.expect("stack-auditor"));
    assert_eq!(world.status("PATCH", &path, Value::Null).await, 204);
    let (_, member) = world.call("POST", "/orgs/acme/members/mia", Some(json!({"role": "member"}))).await;
    assert_eq!(member["fgaRole"]["name"], "Member");
}
