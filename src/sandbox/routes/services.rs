//! Services: list, read, create, change, delete.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::body::missing;
use crate::sandbox::caller::Caller;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::page::Page;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::items;
use crate::sandbox::routes::stacks;
use crate::sandbox::state::Party;
use crate::sandbox::state::Property;
use crate::sandbox::state::Service;
use crate::sandbox::state::State;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

const ONE: &str = "/api/orgs/{org}/services/{kind}/{owner}/{service}";

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/services", list),
    inside("POST", "/api/orgs/{org}/services", create),
    inside("GET", ONE, read),
    inside("HEAD", ONE, exists),
    inside("PATCH", ONE, update),
    inside("DELETE", ONE, delete),
];

/// Whether a caller sees a service: administrators all, others what they or their teams take part in.
pub fn visible(caller: &Caller, service: &Service) -> bool {
    let mine = |it: &Party| match it.kind.as_str() {
        "team" => caller.teams.contains(&it.name),
        _ => it.name.eq_ignore_ascii_case(&caller.login),
    };
    caller.may("services:read") || mine(&service.owner) || service.members.iter().any(mine)
}

/// The service the path names, if the caller sees it.
pub fn named<'s>(ask: &'s Ask) -> Result<&'s Service, Refusal> {
    let (kind, owner, name) = (ask.part("kind"), ask.part("owner"), ask.part("service"));
    let found = ask.state.services.get(&name).filter(|it| {
        let same = if kind == "user" { it.owner.name.eq_ignore_ascii_case(&owner) } else { it.owner.name == owner };
        it.owner.kind == kind && same && visible(ask.caller, it)
    });
    found.ok_or_else(|| Refusal::not_found("service", &name))
}

/// Refuses callers who neither have the scope nor own the service.
pub fn need(ask: &Ask, scope: &str) -> Result<(), Refusal> {
    let owner = &named(ask)?.owner;
    let owns = match owner.kind.as_str() {
        "team" => ask.caller.teams.contains(&owner.name),
        _ => owner.name.eq_ignore_ascii_case(&ask.caller.login),
    };
    if owns { Ok(()) } else { ask.need(scope) }
}

pub fn party(party: &Party) -> Value {
    json!({"type": party.kind, "name": party.name, "avatarUrl": ""})
}

/// A service as lists and writes answer it. Items are counted with the caller's eyes.
pub fn view(state: &State, caller: &Caller, service: &Service) -> Value {
    let mut summary: BTreeMap<&str, i64> = BTreeMap::new();
    let seen = |it: &&crate::sandbox::state::Item| match it.kind.as_str() {
        "stack" => stacks::visible(state, caller, &it.name),
        _ => true,
    };
    for item in service.items.values().filter(seen) {
        *summary.entry(&item.kind).or_default() += 1;
    }
    json!({
        "organizationName": state.organization.slug,
        "owner": party(&service.owner),
        "name": service.name,
        "description": service.description,
        "created": rfc3339(service.created),
        "members": service.members.iter().map(party).collect::<Value>(),
        "itemCountSummary": summary,
        "properties": service.properties,
    })
}

fn list(ask: &mut Ask) -> Outcome {
    let page = Page::of(ask, "services")?;
    let (state, caller) = (&*ask.state, ask.caller);
    let (entries, token) = page.cut(&state.services, |it| visible(caller, it));
    let services: Vec<Value> = entries.into_iter().map(|(_, it)| view(state, caller, it)).collect();
    let mut answer = json!({"services": services});
    if let Some(token) = token {
        answer["continuationToken"] = json!(token);
    }
    Answer::ok(answer)
}

fn read(ask: &mut Ask) -> Outcome {
    Answer::ok(with_items(ask)?)
}

/// A service and one page of its items.
pub fn with_items(ask: &Ask) -> Result<Value, Refusal> {
    let service = named(ask)?;
    let page = Page::of(ask, &format!("items of {}", service.name))?;
    let (entries, token) = page.cut(&service.items, |_| true);
    let items: Vec<Value> = entries.into_iter().map(|(_, it)| items::view(ask, it)).collect();
    let mut answer = json!({"service": view(ask.state, ask.caller, service), "items": items});
    if let Some(token) = token {
        answer["continuationToken"] = json!(token);
    }
    Ok(answer)
}

fn exists(ask: &mut Ask) -> Outcome {
    named(ask)?;
    Answer::nothing()
}

fn create(ask: &mut Ask) -> Outcome {
    ask.need("services:create")?;
    let body = ask.body()?;
    let name = body.name("name")?;
    let description = body.text("description")?;
    let properties = properties(&body)?.ok_or_else(|| missing("properties"))?;
    let items = items::wanted(ask, &body)?;
    let owner = owner(ask.state, &body)?;
    if !ask.caller.admin && !mine(ask.caller, &owner) {
        return Err(Refusal::forbidden("You can only create services that you or your teams own."));
    }
    if ask.state.services.contains_key(&name) {
        return Err(Refusal::conflict("Service with this name already exists"));
    }
    let service = Service {
        name: name.clone(),
        members: vec![owner.clone()],
        owner,
        description,
        created: ask.now,
        items: items.into_iter().map(|it| (items::key(&it.kind, &it.name), it)).collect(),
        properties,
    };
    ask.audit("service-created", format!("Created service \"{name}\""));
    let answer = view(ask.state, ask.caller, &service);
    ask.state.services.insert(name, service);
    Answer::ok(answer)
}

fn mine(caller: &Caller, owner: &Party) -> bool {
    match owner.kind.as_str() {
        "team" => caller.teams.contains(&owner.name),
        _ => owner.name.eq_ignore_ascii_case(&caller.login),
    }
}

fn owner(state: &State, body: &Body) -> Result<Party, Refusal> {
    let (kind, name) = (body.text("ownerType")?, body.name("ownerName")?);
    let found = match kind.as_str() {
        "user" => state.joined(&name).map(|it| it.login.clone()),
        "team" => state.teams.get(&name).map(|it| it.name.clone()),
        _ => return Err(Refusal::bad_request(format!("invalid member type '{kind}'"))),
    };
    match found {
        Some(name) => Ok(Party { kind, name }),
        None => Err(Refusal::not_found(&kind, &name)),
    }
}

fn properties(body: &Body) -> Result<Option<Vec<Property>>, Refusal> {
    if !body.has("properties") {
        return Ok(None);
    }
    let mut properties: Vec<Property> = Vec::new();
    for part in body.objects("properties")? {
        let property = Property {
            key: part.name("key")?,
            value: part.text("value")?,
            kind: part.text("type")?,
            order: part.integer("order")?,
        };
        if properties.iter().any(|it| it.key == property.key) {
            let detail = format!("duplicate property '{}'", property.key);
            return Err(Refusal::bad_request(detail));
        }
        properties.push(property);
    }
    Ok(Some(properties))
}

/// Properties are replaced as a whole; what is left out of the body stays.
fn update(ask: &mut Ask) -> Outcome {
    need(ask, "services:write")?;
    let body = ask.body()?;
    let mut service = named(ask)?.clone();
    let old = service.name.clone();
    if body.has("name") {
        service.name = body.name("name")?;
    }
    if let Some(description) = body.maybe_text("description")? {
        service.description = description;
    }
    if let Some(properties) = properties(&body)? {
        service.properties = properties;
    }
    if service.name != old && ask.state.services.contains_key(&service.name) {
        return Err(Refusal::bad_request("Service with this name already exists"));
    }
    ask.audit("service-updated", format!("Updated service \"{}\"", service.name));
    let answer = view(ask.state, ask.caller, &service);
    ask.state.services.remove(&old);
    ask.state.services.insert(service.name.clone(), service);
    Answer::ok(answer)
}

fn delete(ask: &mut Ask) -> Outcome {
    need(ask, "services:admin")?;
    let force = ask.flag("force")?;
    let service = named(ask)?;
    let others = service.members.iter().any(|it| *it != service.owner);
    if others && !force {
        let detail = "confirmation is required to delete service with other members";
        return Err(Refusal::new(412, detail));
    }
    let name = service.name.clone();
    ask.state.services.remove(&name);
    ask.audit("service-deleted", format!("Deleted service \"{name}\""));
    Answer::nothing()
}
