//! Invitations, webhooks, OIDC, the audit log, and what stands around the organization.

use super::NOW;
use super::demo;
use super::names;
use super::world;
use crate::sandbox::Config;
use serde_json::Value;
use serde_json::json;

#[tokio::test]
async fn invitations_fail_one_by_one_inside_a_success() {
    let mut world = demo().await;
    let batch = "/orgs/acme/invites/batch";
    let bad = json!({"invites": [{"email": "nobody", "role": "member"}]});
    world.refused("POST", batch, bad, 400, "Invalid email").await;
    let body = json!({"invites": [
        {"email": "eve@example.com", "role": "member"},
        {"email": "odd@example.com", "role": "member", "roleId": "r-99"},
    ]});
    let (status, answer) = world.call("POST", batch, Some(body)).await;
    assert_eq!(status, 200);
    assert_eq!(answer["failedInvites"], json!([{"email": "odd@example.com", "role": "member"}]));
    let id = answer["sentInvites"][0]["id"].as_str().expect("an id").to_owned();
    let url = answer["sentInvites"][0]["acceptInviteUrl"].clone();
    let listed = world.get("/orgs/acme/invites").await;
    assert_eq!((&listed["invites"][0]["status"], &listed["invites"][0]["acceptInviteUrl"]), (&json!("pending"), &url));
    let log = serde_json::to_string(&world.server.requests()).expect("a log");
    assert!(!log.contains(url.as_str().unwrap_or("?")));
    let one = format!("/orgs/acme/invites/{id}");
    assert_eq!(world.status("POST", &format!("{one}/resend"), json!({})).await, 204);
    assert_eq!(world.status("DELETE", &one, Value::Null).await, 204);
    world.refused("DELETE", &one, Value::Null, 404, "Invite").await;

    let (_, link) = world.call("POST", "/orgs/acme/invites/link", Some(json!({"role": "admin"}))).await;
    let one = format!("/orgs/acme/invites/{}", link["id"].as_str().unwrap_or_default());
    world.act_as("pul-mia");
    assert_eq!(world.status("PATCH", &one, Value::Null).await, 204);
    assert_eq!(world.get("/orgs/acme/metadata").await["userRole"], "admin");
    world.refused("PATCH", &one, Value::Null, 409, "already").await;
}

#[tokio::test]
async fn hooks_are_a_bare_array_and_keep_their_secret() {
    let world = demo().await;
    world.server.change(|it| it.hooks.clear());
    assert_eq!(world.get("/orgs/acme/hooks").await, json!([]));
    let hook = json!({
        "organizationName": "acme", "name": "ops", "displayName": "Ops", "payloadUrl": "https://hooks.example.com/p",
        "active": true, "filters": ["stack_deleted"], "secret": "quiet",
    });
    let (status, made) = world.call("POST", "/orgs/acme/hooks", Some(hook.clone())).await;
    assert_eq!((status, &made["format"], &made["hasSecret"]), (201, &json!("raw"), &json!(true)));
    assert!(made.get("secret").is_none() && made.get("groups").is_none());
    world.refused("POST", "/orgs/acme/hooks", hook.clone(), 409, "already exists").await;
    let mut other = hook.clone();
    other["organizationName"] = json!("other");
    world.refused("POST", "/orgs/acme/hooks", other, 400, "doesn't match URL").await;
    let mut odd = hook.clone();
    odd["format"] = json!("pulumi_deployments");
    world.refused("POST", "/orgs/acme/hooks", odd, 400, "format").await;
    let mut nameless = hook.clone();
    nameless["name"] = Value::Null;
    let (_, named) = world.call("POST", "/orgs/acme/hooks", Some(nameless)).await;
    assert!(named["name"].as_str().is_some_and(|it| !it.is_empty()));
    let mut change = hook;
    change["active"] = json!(false);
    change["secret"] = Value::Null;
    let (status, changed) = world.call("PATCH", "/orgs/acme/hooks/ops", Some(change)).await;
    assert_eq!((status, &changed["active"], &changed["hasSecret"]), (200, &json!(false), &json!(true)));
    assert_eq!(world.call("POST", "/orgs/acme/hooks/ops/ping", None).await.1["responseCode"], 200);
    assert_eq!(world.get("/orgs/acme/hooks/ops/deliveries").await.as_array().map(Vec::len), Some(1));
    assert_eq!(world.status("DELETE", "/orgs/acme/hooks/ops", Value::Null).await, 204);
    world.refused("GET", "/orgs/acme/hooks/ops", Value::Null, 404, "'ops'").await;
    let state = serde_json::to_string(&world.server.state()).expect("a state");
    assert!(!state.contains("quiet"));
}

#[tokio::test]
async fn policies_have_their_own_id_and_are_never_empty() {
    let mut world = demo().await;
    world.server.change(|it| {
        it.issuers.clear();
        it.policies.clear();
    });
    let issuers = "/orgs/acme/oidc/issuers";
    let body = json!({"name": "github", "url": "https://issuer.example.com", "maxExpiration": 3600});
    let (status, issuer) = world.call("POST", issuers, Some(body.clone())).await;
    assert_eq!((status, issuer["thumbprints"].as_array().map(Vec::len)), (200, Some(1)));
    assert_eq!(issuer["created"], "2026-08-21 10:00:00.000");
    world.refused("POST", issuers, body, 409, "already registered").await;
    world.refused("POST", issuers, json!({"name": "x", "url": "ftp://x"}), 400, "https").await;
    let one = format!("{issuers}/{}", issuer["id"].as_str().unwrap_or_default());
    world.refused("PATCH", &one, json!({"maxExpiration": 60}), 400, "'name'").await;
    let (_, renamed) = world.call("PATCH", &one, Some(json!({"name": "gh"}))).await;
    assert_eq!((&renamed["name"], &renamed["maxExpiration"]), (&json!("gh"), &json!(3600)));
    assert_eq!(world.status("POST", &format!("{one}/regenerate-thumbprints"), Value::Null).await, 200);

    let id = issuer["id"].as_str().unwrap_or_default();
    let set = world.get(&format!("/orgs/acme/auth/policies/oidcissuers/{id}")).await;
    assert_eq!((&set["version"], &set["policies"][0]["decision"]), (&json!(1), &json!("deny")));
    let policies = format!("/orgs/acme/auth/policies/{}", set["id"].as_str().unwrap_or_default());
    world.refused("PATCH", &policies, json!({"policies": []}), 400, "can not be empty").await;
    let lost = json!({"policies": [{
        "decision": "allow", "tokenType": "team", "teamName": "none", "authorizedPermissions": [], "rules": {},
    }]});
    world.refused("PATCH", &policies, lost, 400, "'none'").await;
    let body = json!({"policies": [{
        "decision": "allow", "tokenType": "team", "teamName": "platform", "authorizedPermissions": [],
        "rules": {"aud": "urn:pulumi:org:acme"},
    }]});
    let exchange = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "urn:pulumi:org:acme",
        "requested_token_type": "urn:pulumi:token-type:access_token:team", "scope": "team:platform",
        "subject_token": "eyJ", "expiration": 900,
    });
    world.refused("POST", "/oauth/token", exchange.clone(), 401, "no authorization policy").await;
    let (status, set) = world.call("PATCH", &policies, Some(body)).await;
    assert_eq!((status, &set["version"]), (200, &json!(2)));
    let (status, token) = world.call("POST", "/oauth/token", Some(exchange)).await;
    assert_eq!((status, &token["expires_in"]), (200, &json!(900)));
    world.act_as(token["access_token"].as_str().unwrap_or_default());
    assert_eq!(world.get("/user").await["tokenInfo"]["team"], "platform");
    world.act_as("pul-sandbox");
    assert_eq!(world.status("DELETE", &one, Value::Null).await, 204);
    world.refused("PATCH", &policies, json!({"policies": []}), 404, "Auth policy").await;
}

#[tokio::test]
async fn the_audit_log_is_newest_first_and_its_bounds_differ() {
    let world = world(Config { page_size: Some(2), ..Config::default() }).await;
    world.status("POST", "/orgs/acme/members/erin", json!({"role": "member"})).await;
    world.status("PATCH", "/orgs/acme/members/erin", json!({"role": "admin"})).await;
    let token = json!({"name": "ci-9", "description": "", "expires": 0, "admin": false});
    world.status("POST", "/orgs/acme/tokens?reason=change%20abc", token).await;
    world.refused("POST", "/orgs/acme/members/erin", json!({"role": "member"}), 409, "").await;
    let log = world.get("/orgs/acme/auditlogs/v2").await;
    assert_eq!(names(&log, "auditLogEvents", "event"), ["organization-token-created", "member-role-changed"]);
    assert_eq!(log["auditLogEvents"][0]["description"], "Created organization token \"ci-9\" (reason: change abc)");
    assert_eq!(log["auditLogEvents"][0]["user"]["githubLogin"], "alice");
    let token = log["continuationToken"].as_str().expect("more");
    let log = world.get(&format!("/orgs/acme/auditlogs/v2?continuationToken={token}")).await;
    assert_eq!(names(&log, "auditLogEvents", "event"), ["member-added"]);
    let count = |path: String| {
        let world = &world;
        async move { world.get(&path).await["auditLogEvents"].as_array().map(Vec::len) }
    };
    let v2 = "/orgs/acme/auditlogs/v2";
    assert_eq!(count(format!("{v2}?startTime={}", NOW + 1)).await, Some(0));
    assert_eq!(count(format!("{v2}?startTime={NOW}&userFilter=alice")).await, Some(2));
    assert_eq!(count(format!("{v2}?eventFilter=member-added")).await, Some(1));
    assert_eq!(count(format!("/orgs/acme/auditlogs?startTime={}", NOW + 1)).await, Some(2));
    assert_eq!(count(format!("/orgs/acme/auditlogs?startTime={NOW}")).await, Some(0));
    world.refused("GET", "/orgs/acme/auditlogs", Value::Null, 400, "required").await;
    world.refused("GET", &format!("{v2}?userFilter=who"), Value::Null, 404, "'who'").await;
}

#[tokio::test]
async fn a_machine_leaves_its_name_in_the_audit_log() {
    let mut world = demo().await;
    world.act_as("pul-legacy-deploy");
    assert_eq!(world.status("DELETE", "/orgs/acme/teams/data-eng", Value::Null).await, 204);
    let log = world.get("/orgs/acme/auditlogs/v2").await;
    assert_eq!(log["auditLogEvents"][0]["tokenName"], "legacy-deploy");
    assert_eq!(log["auditLogEvents"][0]["description"], "Deleted team \"data-eng\"");
}

#[tokio::test]
async fn tags_are_added_changed_and_replaced() {
    let world = demo().await;
    let tags = "/stacks/acme/shop/prod/tags";
    assert_eq!(world.status("POST", tags, json!({"name": "owner", "value": "platform"})).await, 204);
    world.refused("POST", tags, json!({"name": "owner", "value": "x"}), 400, "already exists").await;
    let change = json!({"name": "owner", "value": "web"});
    assert_eq!(world.status("PATCH", &format!("{tags}/owner"), change).await, 204);
    assert_eq!(world.get("/stacks/acme/shop/prod").await["tags"], json!({"owner": "web"}));
    assert_eq!(world.status("PATCH", tags, json!({"env": "prod"})).await, 204);
    assert_eq!(world.get("/stacks/acme/shop/prod").await["tags"], json!({"env": "prod"}));
    world.refused("DELETE", &format!("{tags}/owner"), Value::Null, 404, "'owner'").await;
    assert_eq!(world.status("DELETE", &format!("{tags}/env"), Value::Null).await, 204);
    let tagged = world.get("/user/stacks?tagName=env").await;
    assert_eq!(tagged, json!({"stacks": []}));
}

#[tokio::test]
async fn there_is_one_saml_administrator_and_github_has_its_own_teams() {
    let world = demo().await;
    let admins = "/orgs/acme/saml/admins";
    assert_eq!(world.status("POST", &format!("{admins}/bob"), Value::Null).await, 204);
    assert_eq!(names(&world.get(admins).await, "samlAdmins", "githubLogin"), ["bob"]);
    world.refused("POST", &format!("{admins}/erin"), Value::Null, 400, "not a member").await;
    let teams = world.get("/user/github/acme-gh/teams").await;
    assert_eq!(teams["teams"][0]["knownToPulumi"], true);
    assert_eq!((&teams["teams"][1]["id"], &teams["teams"][1]["knownToPulumi"]), (&json!(4242), &json!(false)));
    world.refused("GET", "/user/github/other/teams", Value::Null, 404, "'other'").await;
}

#[tokio::test]
async fn a_feature_that_is_off_is_refused() {
    let world = demo().await;
    world.server.change(|it| {
        it.organization.features.insert("customRolesEnabled".to_owned(), false);
        it.organization.features.remove("webhooksEnabled");
    });
    let role = json!({"name": "x", "details": {"__type": "PermissionDescriptorAllow", "permissions": []}});
    world.refused("POST", "/orgs/acme/roles", role, 400, "customRolesEnabled").await;
    let hook = json!({
        "organizationName": "acme", "name": "new", "displayName": "New", "payloadUrl": "https://x.example",
        "active": true,
    });
    assert_eq!(world.status("POST", "/orgs/acme/hooks", hook).await, 201);
}
