//! Credentials, routes, bodies, pages by `nextToken`, compression, HTTP/2, the file and the log.

use super::NOW;
use super::World;
use super::client;
use super::demo;
use super::names;
use super::world;
use crate::sandbox::Config;
use crate::sandbox::store;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;
use std::time::Instant;

#[tokio::test]
async fn credentials_are_needed_in_the_right_shape() {
    let world = demo().await;
    let url = format!("{}/api/user", world.server.url());
    for header in [None, Some("Bearer pul-sandbox"), Some("token sandbox"), Some("token "), Some("pul-sandbox")] {
        let mut request = client().get(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 401, "{header:?}");
        let body: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        assert_eq!(body["code"], 401);
    }
    assert!(world.server.requests().iter().all(|it| !it.authorization_ok));
    let open = client().get(format!("{}/api/capabilities", world.server.url())).send().await.expect("an answer");
    assert_eq!(open.status(), 200);
}

#[tokio::test]
async fn unknown_routes_and_organizations_are_404_each_in_its_way() {
    let world = demo().await;
    let (status, text) = world.call("GET", "/orgs/acme/nonsense", None).await;
    assert_eq!((status, text), (404, json!("404 page not found\n")));
    world.refused("GET", "/orgs/other/metadata", Value::Null, 404, "Organization 'other' not found").await;
    let (status, _) = world.call("PUT", "/orgs/acme", Some(json!({}))).await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn the_caller_is_alice() {
    let world = demo().await;
    let user = world.get("/user").await;
    assert_eq!(user["githubLogin"], "alice");
    assert_eq!(
        user["organizations"],
        json!([{"name": "Acme", "githubLogin": "acme", "avatarUrl": "", "role": "admin"}])
    );
    assert!(user.get("tokenInfo").is_none());
    let metadata = world.get("/orgs/acme/metadata").await;
    assert_eq!(
        (&metadata["userRole"], &metadata["kind"], &metadata["locked"]),
        (&json!("admin"), &json!("pulumi"), &json!("not-locked"))
    );
    assert!(metadata["features"].as_object().is_some_and(|it| it.values().all(|it| it == true)));
}

#[tokio::test]
async fn bad_bodies_are_bad_requests() {
    let world = demo().await;
    let url = format!("{}/api/orgs/acme/teams/pulumi", world.server.url());
    for (kind, body) in [
        ("application/json", "{"),
        ("application/json", ""),
        ("application/json", "[]"),
        ("application/json", "{\"name\": 5}"),
        ("application/json", "{\"name\": \"\"}"),
        ("application/json", "{\"name\": null}"),
        ("text/plain", "{\"name\": \"docs\"}"),
    ] {
        let request = client().post(&url).header("authorization", "token pul-sandbox").header("content-type", kind);
        let response = request.body(body).send().await.expect("an answer");
        assert_eq!(response.status(), 400, "{body}");
        let text = response.text().await.expect("a body");
        assert!(text.starts_with(r#"{"code":400,"message":"Bad Request: "#), "{text}");
    }
    assert_eq!(world.server.state().teams.len(), 5);
}

#[tokio::test]
async fn settings_are_changed_one_by_one() {
    let world = demo().await;
    let body = json!({"setMembersCanCreateTeams": true, "setDefaultStackPermission": 101, "unknown": 1});
    let (status, answer) = world.call("PATCH", "/orgs/acme", Some(body)).await;
    assert_eq!((status, &answer["membersCanCreateTeams"]), (200, &json!(true)));
    assert_eq!(answer["defaultStackPermission"], 101);
    world
        .refused("PATCH", "/orgs/acme", json!({"setDefaultStackPermission": 7}), 400, "setDefaultStackPermission")
        .await;
    world.refused("PATCH", "/orgs/acme", json!({"setNeoEnabled": "yes"}), 400, "a boolean").await;
}

#[tokio::test]
async fn environments_page_by_another_field() {
    let world = world(Config { page_size: Some(3), ..Config::default() }).await;
    let first = world.get("/esc/environments/acme").await;
    assert_eq!(names(&first, "environments", "name"), ["prod", "tokens", "base"]);
    assert!(first.get("continuationToken").is_none());
    let token = first["nextToken"].as_str().expect("more");
    let second = world.get(&format!("/esc/environments/acme?continuationToken={token}")).await;
    assert_eq!(names(&second, "environments", "name"), ["prod", "staging"]);
    assert!(second.get("nextToken").is_none());
    assert_eq!(world.status("HEAD", "/esc/environments/acme/default/base", Value::Null).await, 200);
    assert_eq!(world.status("HEAD", "/esc/environments/acme/default/none", Value::Null).await, 404);
    let metadata = world.get("/esc/environments/acme/default/base/metadata").await;
    assert_eq!(metadata["ownedBy"]["githubLogin"], "alice");
}

#[tokio::test]
async fn stacks_are_listed_and_read() {
    let world = demo().await;
    let stacks = world.get("/user/stacks?organization=acme&project=shop").await;
    assert_eq!(names(&stacks, "stacks", "stackName"), ["prod", "staging"]);
    assert_eq!(world.get("/user/stacks?organization=other").await, json!({"stacks": []}));
    assert_eq!(world.get("/stacks/acme/shop/prod").await["id"], stacks["stacks"][0]["id"]);
    world.refused("GET", "/stacks/acme/shop/none", Value::Null, 404, "shop/none").await;
    assert_eq!(world.status("HEAD", "/stacks/acme/shop", Value::Null).await, 200);
    assert_eq!(world.status("HEAD", "/stacks/acme/none", Value::Null).await, 404);
    let access = world.get("/console/orgs/acme/members/bob/stacks/shop/prod").await;
    assert_eq!(access["teamPermissions"][0]["permission"], 102);
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let world = demo().await;
    let url = format!("{}/api/orgs/acme/roles?uxPurpose=role", world.server.url());
    let client = reqwest::Client::builder().no_proxy().no_gzip().build().expect("a client");
    let request = client.get(&url).header("authorization", "token pul-sandbox").header("accept-encoding", "gzip");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers().get("content-encoding").map(|it| it.as_bytes()), Some(&b"gzip"[..]));
    let bytes = response.bytes().await.expect("a body");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).expect("gzip");
    assert!(text.starts_with(r#"{"roles":["#), "{text}");
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let world = demo().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let url = format!("{}/api/user", world.server.url());
    for _ in 0..3 {
        let response = client.get(&url).header("authorization", "token pul-sandbox").send().await.expect("an answer");
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
        assert_eq!(response.status(), 200);
    }
    assert!(world.server.requests().iter().all(|it| it.connection == 1));
}

#[tokio::test]
async fn the_organization_outlives_the_server_in_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = Some(folder.path().join("acme.json"));
    let log = folder.path().join("log.jsonl");
    let first = world(Config { file: file.clone(), log: Some(log.clone()), ..Config::default() }).await;
    assert_eq!(first.status("POST", "/orgs/acme/members/erin", json!({"role": "member"})).await, 200);
    // The answer comes after the disk.
    let kept = store::read(file.as_deref().expect("a file")).expect("a state");
    assert!(kept.member("erin").is_some());
    let adds: Vec<_> = (0..20).map(|it| json!({"name": format!("team-{it}"), "description": ""})).collect();
    let adds = adds.into_iter().map(|it| first.status("POST", "/orgs/acme/teams/pulumi", it));
    let mut all = Vec::new();
    for add in adds {
        all.push(add.await);
    }
    assert!(all.iter().all(|it| *it == 201));
    let before = first.server.state();
    first.server.stop().await.expect("an end");
    let second = world(Config { file, ..Config::default() }).await;
    assert_eq!(second.server.state(), before);
    let lines = std::fs::read_to_string(log).expect("a log");
    assert_eq!(lines.lines().count(), 21);
    let line: Value = serde_json::from_str(lines.lines().next().unwrap_or_default()).expect("a line");
    assert_eq!((&line["method"], &line["status"]), (&json!("POST"), &json!(200)));
    assert_eq!(line["path"], "/api/orgs/acme/members/erin");
}

#[tokio::test]
async fn a_seed_fills_a_missing_file_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = Some(folder.path().join("acme.json"));
    let mut seed = crate::sandbox::demo(NOW);
    seed.teams.clear();
    let first = world(Config { file: file.clone(), seed: Some(seed.clone()), ..Config::default() }).await;
    assert_eq!(first.get("/orgs/acme/teams").await, json!({"teams": []}));
    first.server.stop().await.expect("an end");
    let second = world(Config { file, seed: Some(crate::sandbox::demo(NOW)), ..Config::default() }).await;
    assert_eq!(second.server.state(), seed);
}

#[tokio::test]
async fn latency_and_rate_are_kept() {
    let slow = world(Config { latency: Duration::from_millis(40), ..Config::default() }).await;
    let start = Instant::now();
    slow.get("/user").await;
    assert!(start.elapsed() >= Duration::from_millis(40));
    let paced: World = world(Config { rate: "1/m,burst=2".parse().ok(), ..Config::default() }).await;
    paced.get("/user").await;
    paced.get("/user").await;
    let url = format!("{}/api/user", paced.server.url());
    let response = client().get(&url).header("authorization", "token pul-sandbox").send().await.expect("an answer");
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers().get("retry-after").map(|it| it.as_bytes()), Some(&b"60"[..]));
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let world = demo().await;
    world.get("/user").await;
    let url = world.server.url();
    world.server.stop().await.expect("an end");
    assert!(client().get(url).send().await.is_err());
}
