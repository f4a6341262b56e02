//! Members: rosters, pages, adding, roles, removing.

use super::World;
use super::demo;
use super::names;
use super::world;
use crate::sandbox::Config;
use serde_json::Value;
use serde_json::json;

const LOGIN: &str = "user.githubLogin";

async fn roster(world: &World, kind: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut path = format!("/orgs/acme/members?type={kind}");
    loop {
        let page = world.get(&path).await;
        all.extend(names(&page, "members", LOGIN));
        match page["continuationToken"].as_str() {
            Some(token) => path = format!("/orgs/acme/members?type={kind}&continuationToken={token}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn two_rosters_and_the_organization_itself() {
    let world = demo().await;
    let front = roster(&world, "frontend").await;
    let back = roster(&world, "backend").await;
    assert_eq!(front.len(), 13, "twelve people and the organization: {front:?}");
    assert_eq!(front[0], "acme");
    assert!(!front.contains(&"peggy".to_owned()));
    assert!(back.contains(&"peggy".to_owned()));
    let page = world.get("/orgs/acme/members?type=backend").await;
    let potential = page["members"].as_array().and_then(|it| it.iter().find(|it| it["user"]["githubLogin"] == "peggy"));
    let potential = potential.expect("peggy");
    assert_eq!((&potential["role"], &potential["knownToPulumi"]), (&json!("potential-member"), &json!(false)));
    world.refused("GET", "/orgs/acme/members?type=sideways", Value::Null, 400, "type").await;
    // Billing managers take no seat.
    assert_eq!(world.get("/orgs/acme/metadata").await["memberCount"], 11);
}

#[tokio::test]
async fn small_pages_hold_everybody_once() {
    let world = world(Config { page_size: Some(2), ..Config::default() }).await;
    let mut front = roster(&world, "frontend").await;
    assert_eq!(world.server.requests().len(), 6);
    front.sort();
    front.dedup();
    assert_eq!(front.len(), 13);
    world.refused("GET", "/orgs/acme/members?continuationToken=junk", Value::Null, 400, "continuation").await;
}

#[tokio::test]
async fn a_person_is_added_once_and_needs_an_account() {
    let world = demo().await;
    let (status, member) = world.call("POST", "/orgs/acme/members/ERIN", Some(json!({"role": "member"}))).await;
    assert_eq!(status, 200);
    assert_eq!(member["user"], json!({"githubLogin": "erin", "name": "Erin Ek", "avatarUrl": ""}));
    assert_eq!(member["fgaRole"]["name"], "Member");
    world.refused("POST", "/orgs/acme/members/erin", json!({"role": "member"}), 409, "already").await;
    world.refused("POST", "/orgs/acme/members/nobody", json!({"role": "member"}), 404, "'nobody'").await;
    world.refused("POST", "/orgs/acme/members/mia", json!({"role": "deployer"}), 400, "role").await;
    world.refused("POST", "/orgs/acme/members/mia", json!({}), 400, "missing required field 'role'").await;
    world.refused("POST", "/orgs/acme/members/mia", json!({"role": 7}), 400, "must be a string").await;
    assert_eq!(roster(&world, "frontend").await.len(), 14);
}

#[tokio::test]
async fn a_role_is_set_by_id_and_by_name_if_the_server_likes() {
    let strict = world(Config { member_role_by_name: false, ..Config::default() }).await;
    strict.refused("PATCH", "/orgs/acme/members/carol", json!({"role": "admin"}), 404, "Role not found").await;
    let world = demo().await;
    let roles = world.get("/orgs/acme/roles?uxPurpose=role").await;
    let auditor = roles["roles"].as_array().and_then(|it| it.iter().find(|it| it["name"] == "stack-auditor"));
    let id = auditor.expect("stack-auditor")["id"].clone();
    assert_eq!(world.status("PATCH", "/orgs/acme/members/carol", json!({"fgaRoleId": id})).await, 204);
    let page = world.get("/orgs/acme/members?type=frontend").await;
    let carol = page["members"].as_array().and_then(|it| it.iter().find(|it| it["user"]["githubLogin"] == "carol"));
    let carol = carol.expect("carol");
    assert_eq!((&carol["role"], &carol["fgaRole"]["name"]), (&json!("member"), &json!("stack-auditor")));
    assert_eq!(world.status("PATCH", "/orgs/acme/members/carol", json!({"role": "admin"})).await, 204);
    world.refused("PATCH", "/orgs/acme/members/carol", json!({"fgaRoleId": "r-99"}), 400, "roleID").await;
    world.refused("PATCH", "/orgs/acme/members/erin", json!({"role": "admin"}), 404, "'erin'").await;
}

#[tokio::test]
async fn removing_somebody_empties_their_teams_and_nobody_removes_themselves() {
    let world = demo().await;
    assert_eq!(world.get("/orgs/acme/members/bob/teams").await["teams"].as_array().map(Vec::len), Some(3));
    assert_eq!(world.status("DELETE", "/orgs/acme/members/bob", Value::Null).await, 204);
    world.refused("DELETE", "/orgs/acme/members/bob", Value::Null, 404, "'bob'").await;
    let team = world.get("/orgs/acme/teams/platform").await;
    assert_eq!(names(&team, "members", "githubLogin"), ["alice", "zoe"]);
    world.refused("DELETE", "/orgs/acme/members/alice", Value::Null, 400, "cannot remove yourself").await;
}

#[tokio::test]
async fn sole_administrators_are_for_other_plans() {
    let world = demo().await;
    let path = "/orgs/acme/members/carol/set-admin";
    world.refused("POST", path, Value::Null, 400, "Wrong API").await;
    world.server.change(|it| it.organization.product = "team-growth".to_owned());
    assert_eq!(world.status("POST", path, Value::Null).await, 204);
    assert_eq!(world.get("/orgs/acme/metadata").await["userRole"], "member");
}

#[tokio::test]
async fn others_see_and_do_less() {
    let mut world = demo().await;
    world.act_as("pul-carol");
    assert_eq!(world.get("/user").await["githubLogin"], "carol");
    assert_eq!(world.get("/orgs/acme/metadata").await["userRole"], "member");
    world.refused("DELETE", "/orgs/acme/members/bob", Value::Null, 403, "org_member:delete").await;
    world.refused("GET", "/orgs/acme/tokens", Value::Null, 403, "org_token:read").await;
    let services = world.get("/orgs/acme/services").await;
    assert_eq!(names(&services, "services", "name"), ["billing-batch", "payments-checkout", "playground"]);
    world.refused("GET", "/orgs/acme/services/team/web/storefront", Value::Null, 404, "storefront").await;
    let stacks = world.get("/user/stacks?organization=acme").await;
    assert_eq!(names(&stacks, "stacks", "projectName"), ["checkout-web", "etl"]);
    // Somebody with an account who does not belong sees no organization at all.
    world.act_as("pul-erin");
    assert_eq!(world.get("/user").await["organizations"], json!([]));
    world.refused("GET", "/orgs/acme/metadata", Value::Null, 404, "'acme'").await;
}
