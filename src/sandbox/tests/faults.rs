//! Faults, each seen from the client's side.

use super::World;
use super::client;
use super::demo;
use super::names;
use super::world;
use crate::sandbox::Config;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

fn inject(world: &World, fault: &str) {
    world.server.inject(fault.parse().expect("a fault"));
}

const ADD: &str = "/orgs/acme/members/erin";

async fn add(world: &World) -> reqwest::Result<(u16, Value)> {
    world.try_call("POST", ADD, Some(json!({"role": "member"}))).await
}

fn added(world: &World) -> bool {
    world.server.state().member("erin").is_some()
}

#[tokio::test]
async fn a_status_comes_at_its_turn_with_its_headers() {
    let world = demo().await;
    inject(&world, "GET /api/orgs/acme/*=429,retry-after=Wed, 21 Oct 2026 07:28:00 GMT,times=1,after=1");
    let url = format!("{}/api/orgs/acme/teams", world.server.url());
    let mut seen = Vec::new();
    for _ in 0..3 {
        let response = client().get(&url).header("authorization", "token pul-sandbox").send().await.expect("an answer");
        let wait = response.headers().get("retry-after").and_then(|it| it.to_str().ok()).map(str::to_owned);
        seen.push((response.status().as_u16(), wait));
    }
    let wait = Some("Wed, 21 Oct 2026 07:28:00 GMT".to_owned());
    assert_eq!(seen, [(200, None), (429, wait), (200, None)]);
    assert!(world.server.requests()[1].fault.is_some());
}

#[tokio::test]
async fn an_error_hides_the_effect_or_its_absence() {
    for (what, effect) in [("500", false), ("500-after", true), ("504-after", true), ("503", false)] {
        let world = demo().await;
        inject(&world, &format!("POST **={what}"));
        let (status, answer) = add(&world).await.expect("an answer");
        assert_eq!((status, &answer["code"]), (what[..3].parse().unwrap_or(0), &json!(status)));
        assert_eq!(added(&world), effect, "{what}");
    }
}

#[tokio::test]
async fn a_cut_connection_hides_the_effect_or_its_absence() {
    for (what, effect) in [("reset", false), ("reset-after", true), ("truncate", true)] {
        let world = demo().await;
        inject(&world, &format!("POST **={what},times=1"));
        assert!(add(&world).await.is_err(), "{what}");
        assert_eq!(added(&world), effect, "{what}");
        // The next request finds the server well.
        assert_eq!(world.get("/user").await["githubLogin"], "alice");
    }
}

#[tokio::test]
async fn silence_hides_the_effect_or_its_absence() {
    for (what, effect) in [("timeout", false), ("timeout-after", true)] {
        let world = demo().await;
        inject(&world, &format!("POST **={what}"));
        let silent = tokio::time::timeout(Duration::from_millis(100), add(&world)).await;
        assert!(silent.is_err(), "{what}");
        assert_eq!(added(&world), effect, "{what}");
        assert_eq!(world.server.requests().last().map(|it| it.status), Some(0));
        world.server.stop().await.expect("an end");
    }
}

#[tokio::test]
async fn proxies_answer_in_their_own_words() {
    let world = demo().await;
    for (fault, status, answer) in [
        ("GET /api/user=html,times=1", 200, None),
        ("GET /api/user=empty,times=1", 200, Some(Value::Null)),
        (r#"GET /api/user=body={"teams":null},times=1"#, 200, Some(json!({"teams": null}))),
        ("GET /api/user=hide,times=1", 404, Some(json!({"code": 404, "message": "Not Found"}))),
        ("GET /api/user=redirect=http://127.0.0.1:1/?a=b,times=1", 302, Some(Value::Null)),
    ] {
        inject(&world, fault);
        let (found, body) = world.call("GET", "/user", None).await;
        assert_eq!(found, status, "{fault}");
        match answer {
            Some(answer) => assert_eq!(body, answer, "{fault}"),
            None => assert!(body.as_str().is_some_and(|it| it.starts_with("<!DOCTYPE html>"))),
        }
    }
}

#[tokio::test]
async fn lists_are_bent() {
    let world = world(Config { page_size: Some(2), ..Config::default() }).await;
    let path = "/orgs/acme/services";
    for (what, wanted) in [
        ("null-list", json!(null)),
        ("drop-item", json!(["alerting"])),
        ("repeat-item", json!(["alerting", "billing-batch", "alerting"])),
        ("lost-token", json!(["alerting", "billing-batch"])),
        ("empty-page", json!([])),
    ] {
        inject(&world, &format!("GET /api{path}={what}"));
        let page = world.get(path).await;
        let list = if page["services"].is_null() { Value::Null } else { json!(names(&page, "services", "name")) };
        assert_eq!(list, wanted, "{what}");
        assert_eq!(page.get("continuationToken").is_none(), what == "lost-token");
        world.server.clear_faults();
    }
}

#[tokio::test]
async fn an_empty_page_leads_to_the_first() {
    let world = demo().await;
    inject(&world, "GET /api/orgs/acme/services=empty-page");
    let page = world.get("/orgs/acme/services?maxResults=5").await;
    let token = page["continuationToken"].as_str().expect("a token");
    let next = world.get(&format!("/orgs/acme/services?maxResults=5&continuationToken={token}")).await;
    assert_eq!(next["services"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn a_token_repeats_for_ever() {
    let world = world(Config { page_size: Some(2), ..Config::default() }).await;
    inject(&world, "GET /api/orgs/acme/services=repeat-token");
    inject(&world, "GET /api/orgs/acme/tokens=repeat-token");
    for path in ["/orgs/acme/services", "/orgs/acme/tokens"] {
        let first = world.get(path).await["continuationToken"].clone();
        let mut token = first.clone();
        for _ in 0..5 {
            let text = token.as_str().expect("a token").to_owned();
            token = world.get(&format!("{path}?continuationToken={text}")).await["continuationToken"].clone();
            assert_eq!(token, first);
        }
    }
}

#[tokio::test]
async fn a_page_is_missing() {
    let world = world(Config { page_size: Some(2), ..Config::default() }).await;
    inject(&world, "GET /api/orgs/acme/members=missing-page");
    let first = world.get("/orgs/acme/members").await;
    let token = first["continuationToken"].as_str().expect("more");
    world.refused("GET", &format!("/orgs/acme/members?continuationToken={token}"), Value::Null, 500, "").await;
}

#[tokio::test]
async fn faults_strike_http_2_as_well() {
    let world = demo().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    inject(&world, "GET **=reset,times=1");
    inject(&world, "GET **=truncate,times=1");
    let url = format!("{}/api/user", world.server.url());
    let send = || client.get(&url).header("authorization", "token pul-sandbox").send();
    assert!(send().await.is_err());
    let half = send().await.expect("headers");
    assert!(half.text().await.is_err());
    assert_eq!(send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_body_drips() {
    let world = demo().await;
    inject(&world, "GET /api/user/organizations/default=drip=1ms");
    assert_eq!(world.get("/user/organizations/default").await["GitHubLogin"], "acme");
}

#[tokio::test]
async fn reads_lag_behind_writes() {
    let world = demo().await;
    inject(&world, "GET /api/orgs/acme/**=lag=10s");
    assert_eq!(world.status("DELETE", "/orgs/acme/teams/data-eng", Value::Null).await, 204);
    assert_eq!(world.get("/orgs/acme/teams/data-eng").await["name"], "data-eng");
    // Writes see what is true.
    world.refused("DELETE", "/orgs/acme/teams/data-eng", Value::Null, 404, "data-eng").await;
    world.server.clear_faults();
    inject(&world, "GET /api/orgs/acme/**=lag=0s");
    world.refused("GET", "/orgs/acme/teams/data-eng", Value::Null, 404, "data-eng").await;
}
