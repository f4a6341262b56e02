//! Teams: the creator, one action a request, grants, kinds that are managed elsewhere.

use super::demo;
use super::names;
use crate::sandbox::Config;
use crate::sandbox::TokenKind;
use serde_json::Value;
use serde_json::json;

const PLATFORM: &str = "/orgs/acme/teams/platform";

#[tokio::test]
async fn lists_have_no_details() {
    let world = demo().await;
    let teams = world.get("/orgs/acme/teams").await;
    assert_eq!(names(&teams, "teams", "name"), ["data-eng", "payments", "platform", "sre", "web"]);
    assert!(teams["teams"][0].get("members").is_none());
    let team = world.get(PLATFORM).await;
    assert_eq!(team["stacks"], json!([{"projectName": "shop", "stackName": "prod", "permission": 102}]));
    assert_eq!(team["environments"][0]["maxOpenDuration"], "1h0m0s");
    assert_eq!(team["userRole"], "admin");
}

#[tokio::test]
async fn the_creator_is_in_the_team_and_a_machine_is_nobody() {
    let world = demo().await;
    let (status, team) =
        world.call("POST", "/orgs/acme/teams/pulumi", Some(json!({"name": "docs", "description": ""}))).await;
    assert_eq!((status, &team["displayName"], &team["description"]), (201, &json!("docs"), &json!("")));
    assert_eq!(team["members"][0]["githubLogin"], "alice");
    assert_eq!(team["members"][0]["role"], "admin");
    world
        .refused("POST", "/orgs/acme/teams/pulumi", json!({"name": "docs", "description": ""}), 409, "already exists")
        .await;
    let long = json!({"name": "long", "displayName": "x".repeat(101), "description": ""});
    world.refused("POST", "/orgs/acme/teams/pulumi", long, 400, "Max length 100").await;

    let machine = super::world(Config { token_kind: TokenKind::Organization, ..Config::default() }).await;
    let mut machine = machine;
    machine.act_as("pul-0000");
    assert_eq!(machine.get("/user").await["tokenInfo"]["organization"], "acme");
    let (_, team) =
        machine.call("POST", "/orgs/acme/teams/pulumi", Some(json!({"name": "docs", "description": ""}))).await;
    assert_eq!(team["members"], json!([]));
}

#[tokio::test]
async fn a_team_may_be_called_as_a_kind() {
    let world = demo().await;
    assert_eq!(
        world.status("POST", "/orgs/acme/teams/pulumi", json!({"name": "pulumi", "description": ""})).await,
        201
    );
    assert_eq!(world.get("/orgs/acme/teams/pulumi").await["name"], "pulumi");
    assert_eq!(world.status("DELETE", "/orgs/acme/teams/pulumi", Value::Null).await, 204);
    let (status, text) = world.call("POST", "/orgs/acme/teams/gitlab", Some(json!({}))).await;
    assert_eq!((status, text.is_string()), (404, true));
}

#[tokio::test]
async fn text_needs_its_own_field_names() {
    let world = demo().await;
    assert_eq!(world.status("PATCH", PLATFORM, json!({"displayName": "Lost"})).await, 204);
    assert_eq!(world.get(PLATFORM).await["displayName"], "Platform");
    let body = json!({"newDisplayName": "Base", "newDescription": ""});
    assert_eq!(world.status("PATCH", PLATFORM, body).await, 204);
    let team = world.get(PLATFORM).await;
    assert_eq!((&team["displayName"], &team["description"]), (&json!("Base"), &json!("")));
    let both = json!({"newDisplayName": "A", "memberAction": "add", "member": "ken"});
    world.refused("PATCH", PLATFORM, both, 400, "one action").await;
}

#[tokio::test]
async fn people_come_and_go_one_at_a_time() {
    let world = demo().await;
    let act = |action: &str, login: &str| json!({"memberAction": action, "member": login});
    assert_eq!(world.status("PATCH", PLATFORM, act("add", "KEN")).await, 204);
    world.refused("PATCH", PLATFORM, act("add", "ken"), 409, "already").await;
    world.refused("PATCH", PLATFORM, act("add", "nobody"), 404, "'nobody'").await;
    world.refused("PATCH", PLATFORM, act("add", "erin"), 400, "not a member").await;
    world.refused("PATCH", PLATFORM, act("praise", "ken"), 400, "praise").await;
    world.refused("PATCH", PLATFORM, json!({"memberAction": "add"}), 400, "'member'").await;
    assert_eq!(world.status("PATCH", PLATFORM, act("promote", "ken")).await, 204);
    let team = world.server.state().teams["platform"].clone();
    assert_eq!(team.members.get("ken").map(String::as_str), Some("admin"));
    assert_eq!(world.status("PATCH", PLATFORM, act("demote", "ken")).await, 204);
    assert_eq!(world.status("PATCH", PLATFORM, act("remove", "ken")).await, 204);
    world.refused("PATCH", PLATFORM, act("remove", "ken"), 404, "not on the team").await;
}

#[tokio::test]
async fn others_manage_github_and_scim_teams() {
    let world = demo().await;
    let add = json!({"memberAction": "add", "member": "ken"});
    world.refused("PATCH", "/orgs/acme/teams/web", add.clone(), 400, "github").await;
    world.refused("PATCH", "/orgs/acme/teams/sre", add, 400, "scim").await;
    let promote = json!({"memberAction": "promote", "member": "ivan"});
    assert_eq!(world.status("PATCH", "/orgs/acme/teams/sre", promote).await, 204);
    let grant = json!({"addStackPermission": {"projectName": "shop", "stackName": "prod", "permission": 101}});
    assert_eq!(world.status("PATCH", "/orgs/acme/teams/web", grant).await, 204);
    let github = "/orgs/acme/teams/github";
    world.refused("POST", github, json!({}), 400, "No TeamID").await;
    world.refused("POST", github, json!({"githubTeamID": 1}), 404, "GitHub Team").await;
    let (status, team) = world.call("POST", github, Some(json!({"githubTeamID": 4242}))).await;
    assert_eq!((status, &team["name"], &team["kind"]), (201, &json!("mobile"), &json!("github")));
    assert_eq!(names(&team, "members", "githubLogin"), ["ken", "zoe"]);
    world.refused("POST", github, json!({"githubTeamID": 4242}), 409, "already exists").await;
}

#[tokio::test]
async fn stack_grants_are_added_edited_and_removed() {
    let world = demo().await;
    let grant = |action: &str, name: &str, permission: i64| {
        let stack = json!({"projectName": "shop", "stackName": name, "permission": permission});
        json!({action: stack})
    };
    world.refused("PATCH", PLATFORM, grant("addStackPermission", "prod", 101), 409, "already has").await;
    world.refused("PATCH", PLATFORM, grant("addStackPermission", "staging", 99), 400, "recognized").await;
    world.refused("PATCH", PLATFORM, grant("addStackPermission", "staging", 104), 400, "recognized").await;
    world.refused("PATCH", PLATFORM, grant("addStackPermission", "gone", 101), 404, "shop/gone").await;
    world.refused("PATCH", PLATFORM, grant("editStackPermission", "staging", 101), 404, "no access").await;
    assert_eq!(world.status("PATCH", PLATFORM, grant("addStackPermission", "staging", 103)).await, 204);
    assert_eq!(world.status("PATCH", PLATFORM, grant("editStackPermission", "prod", 101)).await, 204);
    let teams = world.get("/stacks/acme/shop/prod/teams").await;
    assert_eq!(teams["teams"][0]["permission"], 101);
    assert_eq!(teams["teams"][0]["isMember"], true);
    let gone = json!({"removeStack": {"projectName": "shop", "stackName": "prod"}});
    assert_eq!(world.status("PATCH", PLATFORM, gone.clone()).await, 204);
    world.refused("PATCH", PLATFORM, gone, 404, "shop/prod").await;
    // A creator's grant is live data that no request makes.
    assert_eq!(world.get("/orgs/acme/teams/payments").await["stacks"][0]["permission"], 104);
    // The console upserts, and removes with null.
    let console = "/console/stacks/acme/shop/prod/teams/platform";
    assert_eq!(world.status("PATCH", console, json!({"permissions": 103})).await, 204);
    assert_eq!(world.server.state().teams["platform"].stacks.get("shop/prod"), Some(&103));
    assert_eq!(world.status("PATCH", console, json!({"permissions": null})).await, 204);
    assert_eq!(world.server.state().teams["platform"].stacks.get("shop/prod"), None);
}

#[tokio::test]
async fn environment_grants_have_go_durations() {
    let world = demo().await;
    let grant = |action: &str, permission: &str, duration: &str| {
        json!({action: {
            "projectName": "default", "envName": "base", "permission": permission, "maxOpenDuration": duration,
        }})
    };
    assert_eq!(world.status("PATCH", PLATFORM, grant("addEnvironmentPermission", "open", "90m")).await, 204);
    world.refused("PATCH", PLATFORM, grant("addEnvironmentPermission", "open", "1h"), 409, "already has").await;
    world.refused("PATCH", PLATFORM, grant("editEnvironmentPermission", "open", "1d"), 400, "Duration").await;
    world.refused("PATCH", PLATFORM, grant("editEnvironmentPermission", "own", ""), 400, "recognized").await;
    let team = world.get(PLATFORM).await;
    assert_eq!(team["environments"][0]["maxOpenDuration"], "1h30m0s");
    assert_eq!(world.status("PATCH", PLATFORM, grant("editEnvironmentPermission", "write", "")).await, 204);
    assert!(world.get(PLATFORM).await["environments"][0].get("maxOpenDuration").is_none());
    let gone = json!({"removeEnvironment": {"projectName": "default", "envName": "base"}});
    assert_eq!(world.status("PATCH", PLATFORM, gone).await, 204);
}

#[tokio::test]
async fn a_team_has_one_role_and_a_new_one_replaces_it() {
    let world = demo().await;
    let state = world.server.state();
    let id = |name: &str| state.roles.values().find(|it| it.name == name).map(|it| it.id.clone()).expect("a role");
    let (deployer, auditor) = (id("deployer"), id("stack-auditor"));
    let roles = format!("{PLATFORM}/roles");
    world.refused("GET", &roles, Value::Null, 404, "Role").await;
    for role in [&deployer, &auditor] {
        assert_eq!(world.status("POST", &format!("{roles}/{role}"), Value::Null).await, 204);
    }
    assert_eq!(names(&world.get(&roles).await, "roles", "name"), ["stack-auditor"]);
    assert_eq!(world.get(PLATFORM).await["roleIds"], json!([auditor]));
    world.refused("DELETE", &format!("{roles}/{deployer}"), Value::Null, 404, "Role").await;
    assert_eq!(world.status("DELETE", &format!("{roles}/{auditor}"), Value::Null).await, 204);
    assert_eq!(world.get(PLATFORM).await["roleIds"], json!([]));
}

#[tokio::test]
async fn deleting_a_team_kills_its_tokens() {
    let mut world = demo().await;
    assert_eq!(world.status("DELETE", PLATFORM, Value::Null).await, 204);
    world.refused("DELETE", PLATFORM, Value::Null, 404, "'platform'").await;
    let body = json!({"name": "platform-bot", "description": "", "expires": 0});
    world.refused("POST", "/orgs/acme/teams/payments/tokens", body, 409, "already exists").await;
    world.act_as("pul-platform-bot");
    world.refused("GET", "/user", Value::Null, 401, "revoked").await;
}

#[tokio::test]
async fn some_teams_cannot_be_listed_and_some_organizations_have_none() {
    let world = demo().await;
    world.server.change(|it| {
        if let Some(team) = it.teams.get_mut("web") {
            team.list_members_error = Some("GitHub is not answering".to_owned());
        }
    });
    let team = world.get("/orgs/acme/teams/web").await;
    assert_eq!(team["listMembersError"], "GitHub is not answering");
    assert!(team.get("members").is_none());
    world.server.change(|it| it.organization.kind = "single-user".to_owned());
    let body = json!({"name": "docs"});
    world.refused("POST", "/orgs/acme/teams/pulumi", body, 400, "individual").await;
}
