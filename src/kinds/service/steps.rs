//! The calls that make, change, rename, re-own and delete a service.

use serde_json::{Value, json};

use crate::kinds::service::read::PAGE;
use crate::kinds::{Draft, World, org_path};
use crate::model::{Action, Call, Check, Expected, Guard, LiveObject, Method, Phase, ResourceId, Verb};

/// How many items go into one request; what the service allows is undocumented (CONTRACT U4).
const BATCH: usize = 50;

/// The danger of deleting a service that others have joined.
const HAS_MEMBERS: &str = "service-has-members";

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let name = draft.change.name.clone();
    match draft.verb() {
        Verb::Create => vec![create(draft, world, &name, Action::new(Phase::Grow, "create", Vec::new()))],
        Verb::Update => {
            let mut action = Action::new(Phase::Grow, "change", changes(draft, world, &name));
            action.check = check(draft, world, &name);
            vec![action]
        }
        Verb::Rename => rename(draft, world, &name),
        Verb::Replace => {
            // The name is unique in the organization, so that the old one has to go first (CONTRACT 3.6).
            remark_on_foreign_items(draft);
            let mut action = Action::new(Phase::Replace, "delete and create anew", Vec::new());
            action.guard = guard(draft, world);
            action.calls.push(delete(draft, world));
            vec![create(draft, world, &name, action)]
        }
        Verb::Delete => {
            let call = delete(draft, world);
            let mut action = Action::new(Phase::Delete, "delete", vec![call]);
            action.guard = guard(draft, world);
            vec![action]
        }
    }
}

/// Items of sorts that this version does not know cannot be made anew.
fn remark_on_foreign_items(draft: &mut Draft) {
    let items = draft.live.and_then(|it| it.facts["foreignItems"].as_array()).map_or(&[][..], Vec::as_slice);
    for item in items {
        let (kind, name) = (item["type"].as_str().unwrap_or_default(), item["name"].as_str().unwrap_or_default());
        draft.change.remarks.push(format!("{kind} {name} goes with it, and cannot be added again from here"));
    }
}

fn owner(spec: &Value) -> (String, String) {
    let (kind, name) = spec["owner"].as_str().and_then(|it| it.split_once('/')).unwrap_or_default();
    (kind.to_owned(), name.to_owned())
}

fn path(world: &World, spec: &Value, name: &str, rest: &[&str]) -> Vec<String> {
    let (kind, owner) = owner(spec);
    let mut path = org_path(world.org(), ["services", &kind, &owner, name]);
    path.extend(rest.iter().map(|it| (*it).to_owned()));
    path
}

fn create(draft: &mut Draft, world: &World, name: &str, mut action: Action) -> Action {
    let after = &draft.change.after;
    let (owner_type, owner_name) = owner(after);
    let mut items: Vec<Value> = Vec::new();
    for (group, kind) in [("stacks", "stack"), ("environments", "environment")] {
        for item in after["items"][group].as_array().into_iter().flatten().filter_map(Value::as_str) {
            items.push(json!({"type": kind, "name": wire_name(world, item)}));
        }
    }
    // All six fields, always: the service asks for them although its own texts call three of them optional.
    let body = json!({
        "ownerType": owner_type, "ownerName": owner_name, "name": name,
        "description": after["description"].as_str().unwrap_or_default(),
        "items": items.iter().take(BATCH).collect::<Vec<_>>(),
        "properties": properties(after),
    });
    let mut call = Call::new(Method::Post, org_path(world.org(), ["services"])).body(body);
    if items.len() > 1 {
        // How many it takes while it is made is as undocumented as how many it takes later.
        call = call.apart("/items", add_items(world, after, name, &[]));
    }
    action.calls.push(call);
    for batch in items.chunks(BATCH).skip(1) {
        action.calls.push(add_items(world, after, name, batch));
    }
    if items.len() > BATCH {
        let names = |group: &str| after["items"][group].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut check = reading(world, after, name);
        for group in ["stacks", "environments"] {
            check.shows.extend(names(group).map(|it| item_is(world, group, it, true)));
        }
        action.check = Some(check);
    }
    let kind = if owner_type == "user" { "member" } else { "team" };
    action.needs(ResourceId::new(kind, owner_name))
}

/// The service's new name first, at its old address; whatever else changes, at the new one.
fn rename(draft: &mut Draft, world: &World, name: &str) -> Vec<Action> {
    let sooner = draft.live.map(|it| it.name.clone()).unwrap_or_default();
    let text = Call::new(Method::Patch, path(world, &draft.change.before, &sooner, &[])).body(json!({"name": name}));
    let mut actions = vec![Action::new(Phase::Rename, format!("rename {sooner} to {name}"), vec![text])];
    let rest = changes(draft, world, name);
    if !rest.is_empty() {
        let mut action = Action::new(Phase::Grow, "change", rest);
        action.check = check(draft, world, name);
        actions.push(action);
    }
    actions
}

fn changes(draft: &Draft, world: &World, name: &str) -> Vec<Call> {
    let after = &draft.change.after;
    let mut calls = Vec::new();
    let mut body = serde_json::Map::new();
    if draft.field("/description").is_some() {
        body.insert("description".to_owned(), after["description"].clone());
    }
    if draft.field("/properties").is_some() {
        body.insert("properties".to_owned(), json!(properties(after)));
    }
    if !body.is_empty() {
        calls.push(Call::new(Method::Patch, path(world, after, name, &[])).body(Value::Object(body)));
    }
    let Some(items) = draft.field("/items") else { return calls };
    let added: Vec<Value> = items
        .added
        .iter()
        .filter_map(|it| it.split_once('/'))
        .map(|(group, item)| json!({"type": singular(group), "name": wire_name(world, item)}))
        .collect();
    for batch in added.chunks(BATCH) {
        calls.push(add_items(world, after, name, batch));
    }
    for removed in &items.removed {
        let Some((group, item)) = removed.split_once('/') else { continue };
        // A miss is answered like a hit, so that the name must be the one the service itself uses.
        let wire = draft.live.and_then(|it| it.facts["items"][removed].as_str()).unwrap_or(item).to_owned();
        calls.push(remove_item(world, after, name, singular(group), &[&wire]));
    }
    calls
}

fn add_items(world: &World, spec: &Value, name: &str, batch: &[Value]) -> Call {
    let call = |rest: &[&str]| {
        Call::new(Method::Post, path(world, spec, name, rest)).body(json!({"items": batch})).splits("/items")
    };
    call(&["v2", "items"]).otherwise(call(&["items"]))
}

/// Takes an item away, whose name is one segment of the path or, spelled with bare slashes, several.
fn remove_item(world: &World, spec: &Value, name: &str, kind: &str, item: &[&str]) -> Call {
    let call = |route: &[&str]| Call::new(Method::Delete, path(world, spec, name, &[route, &[kind], item].concat()));
    call(&["v2", "items"]).otherwise(call(&["items"]))
}

/// The answer that tells whether a change is so.
fn reading(world: &World, spec: &Value, name: &str) -> Check {
    Check::new(path(world, spec, name, &[])).query("maxResults", PAGE)
}

/// What a change has to show: a batch may be taken in part, a removal that misses is answered like one that
/// does not, and whether properties that are left out go is written nowhere (CONTRACT U17, U27, D16).
fn check(draft: &Draft, world: &World, name: &str) -> Option<Check> {
    let after = &draft.change.after;
    let mut check = reading(world, after, name);
    if let Some(properties) = draft.field("/properties") {
        let keys = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(|it| it["key"].as_str().map(str::to_owned)).collect()
        };
        let kept = keys(&properties.after);
        check.shows.extend(keys(&properties.before).into_iter().filter(|it| !kept.contains(it)).map(|key| Expected {
            what: format!("the property {key}"),
            list: "/service/properties".to_owned(),
            any_of: vec![json!({"key": key})],
            there: false,
            retries: Vec::new(),
        }));
    }
    if let Some(items) = draft.field("/items") {
        let parts = |list: &[String]| -> Vec<(String, String)> {
            list.iter().filter_map(|it| it.split_once('/')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
        };
        for (group, item) in parts(&items.added) {
            check.shows.push(item_is(world, &group, &item, true));
        }
        for (group, item) in parts(&items.removed) {
            let mut expected = item_is(world, &group, &item, false);
            let listed = draft.live.and_then(|it| it.facts["items"][format!("{group}/{item}")].as_str());
            let listed = listed.unwrap_or(&item);
            let remove = |item: &[&str]| remove_item(world, after, name, singular(&group), item);
            let spellings = spellings(world, &item);
            expected.retries.extend(spellings.iter().filter(|it| *it != listed).map(|it| remove(&[it])));
            // The service's own example has the slash of the name as it is.
            expected.retries.push(remove(&listed.split('/').collect::<Vec<_>>()));
            check.shows.push(expected);
        }
    }
    (!check.shows.is_empty()).then_some(check)
}

fn item_is(world: &World, group: &str, item: &str, there: bool) -> Expected {
    let kind = singular(group);
    Expected {
        what: format!("{kind} {item}"),
        list: "/items".to_owned(),
        any_of: spellings(world, item).iter().map(|it| json!({"type": kind, "name": it})).collect(),
        there,
        retries: Vec::new(),
    }
}

/// An item's name as services show it: without the organization's in front, and with it.
fn spellings(world: &World, item: &str) -> [String; 2] {
    [item.to_owned(), format!("{}/{item}", world.org())]
}

fn delete(draft: &mut Draft, world: &World) -> Call {
    let live = draft.live;
    let others = live.map(members).unwrap_or_default();
    let name = live.map(|it| it.name.clone()).unwrap_or_default();
    let mut call = Call::new(Method::Delete, path(world, &draft.change.before, &name, &[]))
        .refused("if others have joined it since it was read, the next plan names them and asks");
    if !others.is_empty() {
        let sentence = format!("the service `{name}` has other members: {}", others.join(", "));
        draft.findings.push((HAS_MEMBERS.into(), sentence));
        if draft.acknowledged.contains(HAS_MEMBERS) {
            call.query.push(("force".to_owned(), "true".to_owned()));
        }
    }
    call
}

/// Nothing may have come to a service that goes: neither what it holds, nor who has joined it.
fn guard(draft: &Draft, world: &World) -> Option<Guard> {
    let live = draft.live?;
    let owner = draft.change.before["owner"].as_str().unwrap_or_default().to_owned();
    let own = live.facts["items"].as_object().into_iter().flatten();
    let own = own
        .flat_map(|(name, _)| name.split_once('/'))
        .flat_map(|(group, item)| spellings(world, item).map(|it| format!("{}/{it}", singular(group))));
    let foreign = live.facts["foreignItems"].as_array().into_iter().flatten();
    let foreign = foreign.filter_map(|it| Some(format!("{}/{}", it["type"].as_str()?, it["name"].as_str()?)));
    let name = ["/type", "/name"];
    Some(
        Guard::new(path(world, &draft.change.before, &live.name, &[]))
            .query("maxResults", PAGE)
            .within("member", "/service/members", &name, members(live).into_iter().chain([owner]))
            .within("item", "/items", &name, own.chain(foreign)),
    )
}

fn members(live: &LiveObject) -> Vec<String> {
    live.facts["members"].as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

fn properties(spec: &Value) -> Vec<Value> {
    let list = spec["properties"].as_array();
    let with_order = |(order, it): (usize, &Value)| json!({"key": it["key"], "value": it["value"], "type": it["type"].as_str().unwrap_or("string"), "order": order});
    list.into_iter().flatten().enumerate().map(with_order).collect()
}

fn singular(group: &str) -> &str {
    group.strip_suffix('s').unwrap_or(group)
}

/// Items are written as this organization's live items are: with its name in front, or without.
fn wire_name(world: &World, item: &str) -> String {
    let prefixed = world.live.kind("service").facts["prefixedItems"] == true;
    if prefixed { format!("{}/{item}", world.org()) } else { item.to_owned() }
}
