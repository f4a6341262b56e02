//! Access tokens: shown once, named once, refused when over.

use super::NOW;
use super::demo;
use super::names;
use crate::sandbox::clock::DAY;
use serde_json::Value;
use serde_json::json;

const TOKENS: &str = "/orgs/acme/tokens";

fn token(name: &str, expires: i64) -> Value {
    json!({"name": name, "description": "", "expires": expires, "admin": false})
}

#[tokio::test]
async fn the_demo_tokens_are_listed_with_their_roles() {
    let world = demo().await;
    let tokens = world.get(&format!("{TOKENS}?filter=all")).await;
    assert_eq!(names(&tokens, "tokens", "name"), ["ci-deploy", "legacy-deploy", "drift-reader"]);
    assert_eq!(names(&tokens, "tokens", "role.name"), ["deployer", "Admin", "stack-auditor"]);
    assert_eq!(tokens["tokens"][2]["lastUsed"], 0);
    assert_eq!(tokens["tokens"][0]["lastUsed"], NOW - 7200);
    let tokens = world.get("/orgs/acme/teams/platform/tokens?filter=all").await;
    assert_eq!(names(&tokens, "tokens", "name"), ["platform-bot"]);
}

#[tokio::test]
async fn a_name_is_burnt_for_ever_across_teams() {
    let world = demo().await;
    let (status, made) = world.call("POST", &format!("{TOKENS}?reason=why"), Some(token("ci-2", 0))).await;
    assert_eq!(status, 200);
    let one = format!("{TOKENS}/{}", made["id"].as_str().unwrap_or_default());
    world.refused("POST", TOKENS, token("ci-2", 0), 409, "token name already exists").await;
    let team = "/orgs/acme/teams/payments/tokens";
    world.refused("POST", team, token("ci-2", 0), 409, "token name already exists").await;
    assert_eq!(world.status("DELETE", &one, Value::Null).await, 204);
    world.refused("DELETE", &one, Value::Null, 404, "Token").await;
    world.refused("POST", team, token("ci-2", 0), 409, "token name already exists").await;
    world.refused("POST", team, token("payments-ci", 0), 409, "token name already exists").await;
    world.refused("POST", TOKENS, token(&"x".repeat(41), 0), 400, "40 characters").await;
    assert_eq!(world.status("POST", TOKENS, token(&"x".repeat(40), 0)).await, 200);
}

#[tokio::test]
async fn a_value_works_until_it_is_revoked_and_is_kept_nowhere() {
    let mut world = demo().await;
    let body = json!({"name": "robot", "description": "", "expires": 0, "admin": true});
    let (_, made) = world.call("POST", TOKENS, Some(body)).await;
    let value = made["tokenValue"].as_str().expect("a value").to_owned();
    assert!(value.starts_with("pul-") && value.len() == 44, "{value}");
    let state = serde_json::to_string(&world.server.state()).expect("a state");
    let log = serde_json::to_string(&world.server.requests()).expect("a log");
    assert!(!state.contains(&value) && !log.contains(&value));
    assert!(log.contains("[secret]"));

    world.act_as(&value);
    let user = world.get("/user").await;
    assert_eq!(user["tokenInfo"], json!({"name": "robot", "organization": "acme", "team": ""}));
    assert_eq!(user["organizations"][0]["role"], "admin");
    let one = format!("{TOKENS}/{}", made["id"].as_str().unwrap_or_default());
    assert_eq!(world.status("DELETE", &one, Value::Null).await, 204);
    world.refused("GET", "/user", Value::Null, 401, "revoked").await;
}

#[tokio::test]
async fn a_team_token_acts_for_its_team() {
    let mut world = demo().await;
    let team = "/orgs/acme/teams/payments/tokens";
    let (status, made) = world.call("POST", team, Some(token("pay-2", NOW + DAY))).await;
    assert_eq!(status, 200);
    let organization = world.get(&format!("{TOKENS}?filter=all")).await;
    assert!(!names(&organization, "tokens", "name").contains(&"pay-2".to_owned()));
    world.refused("DELETE", &format!("{team}/t-1"), Value::Null, 400, "not a team token").await;
    world.act_as(made["tokenValue"].as_str().unwrap_or_default());
    assert_eq!(world.get("/user").await["tokenInfo"]["team"], "payments");
    world.refused("POST", TOKENS, token("more", 0), 403, "org_token:create").await;
}

#[tokio::test]
async fn expiry_has_limits() {
    let world = demo().await;
    world.refused("POST", TOKENS, token("far", NOW + 732 * DAY), 400, "two years").await;
    world.refused("POST", TOKENS, token("past", NOW - 1), 400, "future").await;
    assert_eq!(world.status("POST", TOKENS, token("two", NOW + 730 * DAY)).await, 200);
    world
        .refused("POST", TOKENS, json!({"name": "t", "description": "", "expires": "tomorrow"}), 400, "an integer")
        .await;
    let (status, changed) = world.call("PATCH", "/orgs/acme", Some(json!({"setMaxAccessTokenExpiryDays": 30}))).await;
    assert_eq!((status, &changed["maxAccessTokenExpiryDays"]), (200, &json!(30)));
    world.refused("POST", TOKENS, token("never", 0), 400, "requires tokens to expire").await;
    world.refused("POST", TOKENS, token("late", NOW + 31 * DAY), 400, "30 days").await;
    assert_eq!(world.status("POST", TOKENS, token("soon", NOW + 30 * DAY)).await, 200);
}

#[tokio::test]
async fn tokens_outside_the_policy_stop_working() {
    let mut world = demo().await;
    world.status("PATCH", "/orgs/acme", json!({"setMaxAccessTokenExpiryDays": 30})).await;
    world.act_as("pul-legacy-deploy");
    world.refused("GET", "/user", Value::Null, 403, "policy").await;
    world.act_as("pul-sandbox");
    let (_, cleared) = world.call("PATCH", "/orgs/acme", Some(json!({"setMaxAccessTokenExpiryDays": 0}))).await;
    assert!(cleared.get("maxAccessTokenExpiryDays").is_none());
}

#[tokio::test]
async fn the_filter_hides_what_is_over() {
    let mut world = demo().await;
    world.server.change(|it| {
        for token in it.tokens.values_mut().filter(|it| it.name == "ci-deploy") {
            token.expires = NOW - 1;
        }
    });
    assert_eq!(names(&world.get(TOKENS).await, "tokens", "name"), ["legacy-deploy", "drift-reader"]);
    assert_eq!(names(&world.get(&format!("{TOKENS}?filter=expired")).await, "tokens", "name"), ["ci-deploy"]);
    world.refused("GET", &format!("{TOKENS}?filter=some"), Value::Null, 400, "filter").await;
    world.act_as("pul-ci-deploy");
    world.refused("GET", "/user", Value::Null, 401, "expired").await;
}

#[tokio::test]
async fn a_use_is_noted() {
    let mut world = demo().await;
    world.act_as("pul-drift-reader");
    assert_eq!(world.get("/user").await["tokenInfo"]["name"], "drift-reader");
    world.act_as("pul-sandbox");
    let tokens = world.get(TOKENS).await;
    assert_eq!(tokens["tokens"][2]["lastUsed"], NOW);
}

#[tokio::test]
async fn roles_and_administration_exclude_each_other() {
    let world = demo().await;
    let body = json!({"name": "x", "description": "", "expires": 0, "admin": true, "roleID": "r-4"});
    world.refused("POST", TOKENS, body, 400, "exclude").await;
    let body = json!({"name": "x", "description": "", "expires": 0, "admin": false, "roleID": "r-99"});
    world.refused("POST", TOKENS, body, 400, "roleID").await;
    // A refused creation burns no name.
    let body = json!({"name": "x", "description": "", "expires": 0, "admin": false, "roleID": "r-4"});
    assert_eq!(world.status("POST", TOKENS, body).await, 200);
}
