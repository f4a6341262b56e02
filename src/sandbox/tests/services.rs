//! Services and their items.

use super::demo;
use super::names;
use super::world;
use crate::sandbox::Config;
use crate::sandbox::state::Party;
use serde_json::Value;
use serde_json::json;

const ALL: &str = "/orgs/acme/services";
const CHECKOUT: &str = "/orgs/acme/services/team/payments/payments-checkout";

fn service(name: &str, owner: &str) -> Value {
    let (kind, owner) = owner.split_once('/').unwrap_or(("user", owner));
    json!({
        "ownerType": kind, "ownerName": owner, "name": name, "description": "", "items": [], "properties": [],
    })
}

#[tokio::test]
async fn lists_have_no_items_and_reads_have_pages_of_them() {
    let world = world(Config { page_size: Some(2), ..Config::default() }).await;
    let page = world.get(ALL).await;
    assert_eq!(names(&page, "services", "name"), ["alerting", "billing-batch"]);
    assert!(page["services"][0].get("items").is_none());
    assert_eq!(page["services"][1]["itemCountSummary"], json!({"stack": 1}));
    let token = page["continuationToken"].as_str().expect("more");
    let next = world.get(&format!("{ALL}?maxResults=1000&continuationToken={token}")).await;
    assert_eq!(names(&next, "services", "name"), ["data-pipeline", "payments-checkout"]);
    let one = "/orgs/acme/services/team/web/storefront";
    let first = world.get(one).await;
    assert_eq!(names(&first, "items", "name"), ["shop/prod", "shop/prod"]);
    let token = first["continuationToken"].as_str().expect("more");
    let second = world.get(&format!("{one}?continuationToken={token}")).await;
    assert_eq!(names(&second, "items", "name"), ["shop/staging"]);
    assert!(second.get("continuationToken").is_none());
    world.refused("GET", &format!("{ALL}?maxResults=1001"), Value::Null, 400, "maxResults").await;
}

#[tokio::test]
async fn head_tells_whether_it_exists() {
    let world = demo().await;
    assert_eq!(world.status("HEAD", CHECKOUT, Value::Null).await, 204);
    assert_eq!(world.status("HEAD", &format!("{ALL}/team/payments/none"), Value::Null).await, 404);
    assert_eq!(world.status("HEAD", &format!("{ALL}/user/payments/payments-checkout"), Value::Null).await, 404);
}

#[tokio::test]
async fn names_are_unique_whoever_owns_them() {
    let world = demo().await;
    world.refused("POST", ALL, service("playground", "team/web"), 409, "already exists").await;
    world.refused("POST", ALL, service("new", "team/none"), 404, "'none'").await;
    world.refused("POST", ALL, service("new", "user/erin"), 404, "'erin'").await;
    world.refused("POST", ALL, service("new", "robot/r2"), 400, "member type").await;
    let mut body = service("new", "team/web");
    body["items"] = json!([{"type": "stack", "name": "shop/gone"}]);
    world.refused("POST", ALL, body.clone(), 400, "shop/gone").await;
    body["items"] = json!([{"type": "stack", "name": "shop/prod"}]);
    body["properties"] = json!([{"key": "tier", "value": "1", "type": "string", "order": 0}]);
    let (status, made) = world.call("POST", ALL, Some(body)).await;
    assert_eq!(status, 200);
    assert_eq!(made["members"], json!([{"type": "team", "name": "web", "avatarUrl": ""}]));
    assert_eq!(made["itemCountSummary"], json!({"stack": 1}));
    assert_eq!(made["created"], "2026-08-21T10:00:00Z");
}

#[tokio::test]
async fn properties_are_replaced_as_a_whole() {
    let world = demo().await;
    let body = json!({"properties": [{"key": "tier", "value": "2", "type": "string", "order": 0}]});
    let (status, changed) = world.call("PATCH", CHECKOUT, Some(body)).await;
    assert_eq!(status, 200);
    assert_eq!(changed["properties"].as_array().map(Vec::len), Some(1));
    assert_eq!(changed["description"], "Card payments.");
    let double = json!({"properties": [
        {"key": "a", "value": "", "type": "string", "order": 0},
        {"key": "a", "value": "", "type": "string", "order": 1},
    ]});
    world.refused("PATCH", CHECKOUT, double, 400, "duplicate").await;
    let bad = json!({"properties": [{"key": "a"}]});
    world.refused("PATCH", CHECKOUT, bad, 400, "'value'").await;
    // Renaming moves the address.
    let (status, _) = world.call("PATCH", CHECKOUT, Some(json!({"name": "checkout"}))).await;
    assert_eq!(status, 200);
    world.refused("GET", CHECKOUT, Value::Null, 404, "payments-checkout").await;
    assert_eq!(world.get(&format!("{ALL}/team/payments/checkout")).await["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn deletion_wants_confirmation_when_others_take_part() {
    let world = demo().await;
    world.server.change(|it| {
        if let Some(service) = it.services.get_mut("payments-checkout") {
            service.members.push(Party { kind: "user".to_owned(), name: "zoe".to_owned() });
        }
    });
    world.refused("DELETE", CHECKOUT, Value::Null, 412, "confirmation is required").await;
    assert_eq!(world.status("DELETE", &format!("{CHECKOUT}?force=true"), Value::Null).await, 204);
    world.refused("DELETE", CHECKOUT, Value::Null, 404, "payments-checkout").await;
}

#[tokio::test]
async fn items_are_added_and_silently_removed() {
    let world = demo().await;
    let items = format!("{CHECKOUT}/v2/items");
    let (stack, base) = (["stack", "acme/shop/prod"], ["environment", "default/base"]);
    let item = |[kind, name]: [&str; 2]| json!({"type": kind, "name": name});
    let body = json!({"items": [item(stack), item(base)]});
    assert_eq!(world.status("POST", &items, body.clone()).await, 204);
    assert_eq!(world.status("POST", &items, body).await, 204);
    let one = world.get(CHECKOUT).await;
    let listed = ["checkout/prod", "default/base", "checkout-web/prod", "shop/prod"];
    assert_eq!(names(&one, "items", "name"), listed);
    let wrong = json!({"items": [{"type": "token", "name": "shop/prod"}]});
    world.refused("POST", &items, wrong, 400, "Invalid item type").await;
    assert_eq!(world.status("DELETE", &format!("{items}/stack/shop%2Fprod"), Value::Null).await, 204);
    assert_eq!(world.status("DELETE", &format!("{items}/stack/shop%2Fprod"), Value::Null).await, 204);
    world.refused("DELETE", &format!("{items}/token/shop%2Fprod"), Value::Null, 400, "Invalid item type").await;
    // A bare slash is another route, which there is not.
    let (status, text) = world.call("DELETE", &format!("{items}/stack/shop/staging"), None).await;
    assert_eq!((status, text), (404, json!("404 page not found\n")));
    assert_eq!(world.get(CHECKOUT).await["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn old_servers_have_the_first_version_only() {
    let world = world(Config { old_server: true, ..Config::default() }).await;
    let body = json!({"items": [{"type": "stack", "name": "shop/prod"}]});
    let (status, text) = world.call("POST", &format!("{CHECKOUT}/v2/items"), Some(body.clone())).await;
    assert_eq!((status, text), (404, json!("404 page not found\n")));
    let (status, answer) = world.call("POST", &format!("{CHECKOUT}/items"), Some(body)).await;
    assert_eq!((status, answer["items"].as_array().map(Vec::len)), (200, Some(3)));
    let (status, answer) = world.call("DELETE", &format!("{CHECKOUT}/items/stack/shop%2Fprod"), None).await;
    assert_eq!((status, answer["items"].as_array().map(Vec::len)), (200, Some(2)));
}

#[tokio::test]
async fn some_organizations_show_their_name_in_front_of_items() {
    let world = world(Config { org_prefix_items: true, ..Config::default() }).await;
    let one = world.get(CHECKOUT).await;
    assert_eq!(names(&one, "items", "name"), ["acme/checkout/prod", "acme/checkout-web/prod"]);
    // There, a name without it is a silent miss.
    let item = format!("{CHECKOUT}/v2/items/stack");
    assert_eq!(world.status("DELETE", &format!("{item}/checkout-web%2Fprod"), Value::Null).await, 204);
    assert_eq!(world.get(CHECKOUT).await["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.status("DELETE", &format!("{item}/acme%2Fcheckout-web%2Fprod"), Value::Null).await, 204);
    assert_eq!(world.get(CHECKOUT).await["items"].as_array().map(Vec::len), Some(1));
}
