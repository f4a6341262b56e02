//! Items of services, by the current routes and by those of old servers.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::services;
use crate::sandbox::state::Item;
use serde_json::Value;
use serde_json::json;

const SERVICE: &str = "/api/orgs/{org}/services/{kind}/{owner}/{service}/v2/items";
const SERVICE_ITEM: &str = "/api/orgs/{org}/services/{kind}/{owner}/{service}/v2/items/{type}/{item}";
const BARE_ITEM: &str = "/api/orgs/{org}/services/{kind}/{owner}/{service}/v2/items/{type}/{item}/{rest}";

/// The routes of today.
pub const ROUTES: &[Route] = &[inside("POST", SERVICE, add), inside("DELETE", SERVICE_ITEM, remove)];

/// Where an item is found only under its name with the slash as it is, as the service's own example has it.
pub const BARE: &[Route] = &[inside("DELETE", BARE_ITEM, remove)];

/// The routes of servers that do not know version 2 yet: the same, answered with the service.
pub const OLD: &[Route] = &[
    inside("POST", "/api/orgs/{org}/services/{kind}/{owner}/{service}/items", add_old),
    inside("DELETE", "/api/orgs/{org}/services/{kind}/{owner}/{service}/items/{type}/{item}", remove_old),
];

/// What an item is kept under.
pub fn key(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

pub fn view(ask: &Ask, item: &Item) -> Value {
    let stack = ask.state.stacks.get(&item.name).filter(|_| item.kind == "stack");
    json!({
        "organizationName": ask.state.organization.slug,
        "type": item.kind,
        "name": shown(ask, &item.name),
        "created": rfc3339(item.created),
        "cloudCount": stack.map_or(0, |it| it.resources),
        "addedByUser": {"type": "user", "name": item.added_by, "avatarUrl": ""},
    })
}

/// Some organizations see item names with the organization in front.
fn shown(ask: &Ask, name: &str) -> String {
    if ask.rules.org_prefix_items {
        return format!("{}/{name}", ask.state.organization.slug);
    }
    name.to_owned()
}

fn known(kind: &str) -> Result<(), Refusal> {
    match kind {
        "stack" | "environment" => Ok(()),
        _ => Err(Refusal::bad_request(format!("Invalid item type '{kind}'."))),
    }
}

/// The items of a body, each of which must be of a known type and exist.
pub fn wanted(ask: &Ask, body: &Body) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::new();
    for part in body.objects("items")? {
        let (kind, name) = (part.text("type")?, part.name("name")?);
        known(&kind)?;
        let prefix = format!("{}/", ask.state.organization.slug);
        let short = match name.strip_prefix(&prefix).filter(|it| it.contains('/')) {
            Some(rest) => rest.to_owned(),
            None => name.clone(),
        };
        let exists = match kind.as_str() {
            "stack" => ask.state.stacks.contains_key(&short),
            _ => ask.state.environments.contains_key(&short),
        };
        if !exists {
            return Err(Refusal::bad_request(format!("{kind} '{name}' does not exist")));
        }
        let added_by = ask.caller.login.clone();
        items.push(Item { kind, name: short, created: ask.now, added_by });
    }
    Ok(items)
}

fn put(ask: &mut Ask) -> Result<(), Refusal> {
    services::need(ask, "services:write")?;
    let items = wanted(ask, &ask.body()?)?;
    let name = services::named(ask)?.name.clone();
    if let Some(service) = ask.state.services.get_mut(&name) {
        for item in items {
            // An item that is there already keeps its age.
            service.items.entry(key(&item.kind, &item.name)).or_insert(item);
        }
    }
    ask.audit("service-updated", format!("Added items to service \"{name}\""));
    Ok(())
}

fn take(ask: &mut Ask) -> Result<(), Refusal> {
    services::need(ask, "services:write")?;
    let (kind, mut item) = (ask.part("type"), ask.part("item"));
    known(&kind)?;
    if ask.rules.bare_slash_removals {
        // With the slash encoded, it is one segment, and nothing is called so.
        let rest = ask.part("rest");
        item = if rest.is_empty() { String::new() } else { format!("{item}/{rest}") };
    }
    let name = services::named(ask)?.name.clone();
    // Only one spelling is found, most often the one that is shown; any other is a silent success.
    let prefix =
        if ask.rules.org_prefix_removals { format!("{}/", ask.state.organization.slug) } else { shown(ask, "") };
    let Some(short) = item.strip_prefix(&prefix) else { return Ok(()) };
    let gone = ask.state.services.get_mut(&name).and_then(|it| it.items.remove(&key(&kind, short)));
    if gone.is_some() {
        ask.audit("service-updated", format!("Removed an item from service \"{name}\""));
    }
    Ok(())
}

fn add(ask: &mut Ask) -> Outcome {
    put(ask)?;
    Answer::nothing()
}

fn remove(ask: &mut Ask) -> Outcome {
    take(ask)?;
    Answer::nothing()
}

fn add_old(ask: &mut Ask) -> Outcome {
    put(ask)?;
    Answer::ok(services::with_items(ask)?)
}

fn remove_old(ask: &mut Ask) -> Outcome {
    take(ask)?;
    Answer::ok(services::with_items(ask)?)
}
