//! Webhooks of the organization. The list is a bare array.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::caller::hash;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::state::Hook;
use crate::sandbox::state::State;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/hooks", list),
    inside("POST", "/api/orgs/{org}/hooks", create),
    inside("GET", "/api/orgs/{org}/hooks/{hook}", read),
    inside("PATCH", "/api/orgs/{org}/hooks/{hook}", update),
    inside("DELETE", "/api/orgs/{org}/hooks/{hook}", delete),
    inside("POST", "/api/orgs/{org}/hooks/{hook}/ping", ping),
    inside("GET", "/api/orgs/{org}/hooks/{hook}/deliveries", deliveries),
    inside("POST", "/api/orgs/{org}/hooks/{hook}/deliveries/{event}/redeliver", redeliver),
];

fn view(state: &State, hook: &Hook) -> Value {
    let mut answer = json!({
        "organizationName": state.organization.slug,
        "name": hook.name,
        "displayName": hook.display_name,
        "payloadUrl": hook.payload_url,
        "active": hook.active,
        "format": hook.format,
        "hasSecret": !hook.secret_hash.is_empty(),
        "secretCiphertext": hook.secret_hash,
    });
    if !hook.filters.is_empty() {
        answer["filters"] = json!(hook.filters);
    }
    if !hook.groups.is_empty() {
        answer["groups"] = json!(hook.groups);
    }
    answer
}

fn named<'s>(ask: &'s Ask) -> Result<&'s Hook, Refusal> {
    let name = ask.part("hook");
    ask.state.hooks.get(&name).ok_or_else(|| Refusal::not_found("Webhook", &name))
}

fn list(ask: &mut Ask) -> Outcome {
    ask.need("organization_webhook:read")?;
    Answer::ok(ask.state.hooks.values().map(|it| view(ask.state, it)).collect())
}

fn read(ask: &mut Ask) -> Outcome {
    ask.need("organization_webhook:read")?;
    Answer::ok(view(ask.state, named(ask)?))
}

/// The whole hook a body describes; a secret that is left out stays what it was.
fn wanted(ask: &Ask, old: Option<&Hook>) -> Result<Hook, Refusal> {
    let body = ask.body()?;
    if body.text("organizationName")? != ask.state.organization.slug {
        let detail = "Organization name from request body doesn't match URL.";
        return Err(Refusal::bad_request(detail));
    }
    let payload_url = body.text("payloadUrl")?;
    if !payload_url.starts_with("https://") && !payload_url.starts_with("http://") {
        return Err(Refusal::bad_request("payloadUrl is not a valid URL"));
    }
    let format = body.maybe_text("format")?.filter(|it| !it.is_empty()).unwrap_or("raw".to_owned());
    if !matches!(format.as_str(), "raw" | "slack" | "ms_teams") {
        return Err(Refusal::bad_request(format!("invalid webhook format '{format}'")));
    }
    let groups = body.texts("groups")?.unwrap_or_default();
    if let Some(group) = groups.iter().find(|it| !["stacks", "deployments", "environments"].contains(&it.as_str())) {
        return Err(Refusal::bad_request(format!("invalid webhook group '{group}'")));
    }
    let filters = body.texts("filters")?.unwrap_or_default();
    let word = |it: &str| !it.is_empty() && it.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    if let Some(filter) = filters.iter().find(|it| !word(it)) {
        return Err(Refusal::bad_request(format!("invalid webhook filter '{filter}'")));
    }
    let secret_hash = match body.maybe_text("secret")? {
        None => old.map(|it| it.secret_hash.clone()).unwrap_or_default(),
        Some(secret) if secret.is_empty() => String::new(),
        Some(secret) => hash(&secret),
    };
    Ok(Hook {
        name: if body.has("name") { body.name("name")? } else { String::new() },
        display_name: body.name("displayName")?,
        payload_url,
        active: body.boolean("active")?,
        format,
        filters,
        groups,
        secret_hash,
        deliveries: old.map(|it| it.deliveries.clone()).unwrap_or_default(),
    })
}

fn create(ask: &mut Ask) -> Outcome {
    ask.need("organization_webhook:create")?;
    ask.need_feature("webhooksEnabled")?;
    let mut hook = wanted(ask, None)?;
    if ask.state.hooks.contains_key(&hook.name) {
        return Err(Refusal::conflict("Webhook with this name already exists"));
    }
    if hook.name.is_empty() {
        hook.name = ask.state.next_id("hook");
    }
    let answer = view(ask.state, &hook);
    ask.state.hooks.insert(hook.name.clone(), hook);
    Answer::created(answer)
}

fn update(ask: &mut Ask) -> Outcome {
    ask.need("organization_webhook:update")?;
    let old = named(ask)?.clone();
    let hook = Hook { name: old.name.clone(), ..wanted(ask, Some(&old))? };
    let answer = view(ask.state, &hook);
    ask.state.hooks.insert(hook.name.clone(), hook);
    Answer::ok(answer)
}

fn delete(ask: &mut Ask) -> Outcome {
    ask.need("organization_webhook:delete")?;
    let name = named(ask)?.name.clone();
    ask.state.hooks.remove(&name);
    Answer::nothing()
}

/// The latest deliveries that are remembered.
const REMEMBERED: usize = 20;

/// Nothing is really sent.
fn deliver(ask: &mut Ask, kind: &str) -> Outcome {
    ask.need("organization_webhook:update")?;
    let (name, url) = (named(ask)?.name.clone(), named(ask)?.payload_url.clone());
    let delivery = json!({
        "id": ask.state.next_id("d"),
        "kind": kind,
        "payload": "{}",
        "timestamp": ask.now,
        "duration": 120,
        "requestUrl": url,
        "requestHeaders": "",
        "responseCode": 200,
        "responseHeaders": "",
        "responseBody": "OK",
    });
    if let Some(hook) = ask.state.hooks.get_mut(&name) {
        hook.deliveries.insert(0, delivery.clone());
        hook.deliveries.truncate(REMEMBERED);
    }
    Answer::ok(delivery)
}

fn ping(ask: &mut Ask) -> Outcome {
    deliver(ask, "ping")
}

fn redeliver(ask: &mut Ask) -> Outcome {
    let event = ask.part("event");
    let known = named(ask)?.deliveries.iter().find(|it| it["id"] == event.as_str());
    let kind = known.and_then(|it| it["kind"].as_str()).map(str::to_owned);
    let kind = kind.ok_or_else(|| Refusal::not_found("Delivery", &event))?;
    deliver(ask, &kind)
}

fn deliveries(ask: &mut Ask) -> Outcome {
    ask.need("organization_webhook:read")?;
    Answer::ok(json!(named(ask)?.deliveries))
}
