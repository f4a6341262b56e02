//! Who gains and who loses: the plan's answer, compared with one that is worked out person by person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::support::trials::tried;
use arbtest::arbitrary::{Result, Unstructured};
use bylaws::model::impact::Direction;
use bylaws::model::{Base, Change, Impact, Instant, KindState, LiveObject, Organization, Plan, Snapshot, Verb};
use bylaws::{kinds, plan};
use serde_json::{Map, Value, json};

use crate::support::NOW_SECONDS;
use crate::support::engine;

const STACKS: [&str; 3] = ["shop/prod", "shop/test", "etl/prod"];
const LEVELS: [&str; 3] = ["read", "write", "admin"];
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dana", "erin"];
const TEAMS: [&str; 3] = ["one", "two", "three"];
const ROLES: [&str; 2] = ["auditor", "deployer"];

/// Specs by kind and name.
type Organized = BTreeMap<(&'static str, String), Value>;

fn some<'a>(u: &mut Unstructured, all: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut some = Vec::new();
    for it in all {
        if u.ratio(1, 2)? {
            some.push(*it);
        }
    }
    Ok(some)
}

fn role(u: &mut Unstructured) -> Result<Value> {
    let permissions = some(u, &["stack:read", "stack:write", "team:list"])?;
    let stacks = some(u, &STACKS)?;
    Ok(match stacks.is_empty() || permissions.is_empty() {
        true => json!({"description": "", "permissions": permissions}),
        false => json!({"description": "", "grants": [{"permissions": permissions, "stacks": stacks}]}),
    })
}

fn team(u: &mut Unstructured, people: &[&str]) -> Result<Value> {
    let members = some(u, people)?;
    let admins = some(u, &members)?;
    let mut stacks = Map::new();
    for stack in some(u, &STACKS)? {
        stacks.insert(stack.to_owned(), json!(u.choose(&LEVELS)?));
    }
    let role = *u.choose(&["none", "none", "auditor", "deployer"])?;
    Ok(json!({
        "kind": "pulumi", "displayName": "", "description": "", "members": members, "admins": admins,
        "role": role, "stacks": stacks, "environments": {},
    }))
}

/// A small organization: two people always there, everybody else by chance.
fn organization(u: &mut Unstructured) -> Result<Organized> {
    let mut made = Organized::new();
    for name in ROLES {
        made.insert(("role", name.to_owned()), role(u)?);
    }
    let mut people = some(u, &PEOPLE[2..])?;
    people.extend(&PEOPLE[..2]);
    for name in &people {
        let role = u.choose(&["admin", "member", "member", "billing-manager", "auditor", "deployer"])?;
        made.insert(("member", (*name).to_owned()), json!({"role": role}));
    }
    for name in some(u, &TEAMS)? {
        made.insert(("team", name.to_owned()), team(u, &people)?);
    }
    Ok(made)
}

/// Live organizations have tokens besides.
fn tokens(u: &mut Unstructured, organized: &mut Organized) -> Result<()> {
    for name in ["ci", "bot"] {
        let team = organized.keys().find(|it| it.0 == "team").map(|it| it.1.clone());
        let spec = match (u.int_in_range(0..=3)?, team) {
            (0, Some(team)) => json!({"scope": format!("team/{team}"), "rotation": 1}),
            (1, _) => json!({"scope": "organization", "role": "admin", "rotation": 1}),
            (2, _) => json!({"scope": "organization", "role": "deployer", "rotation": 1}),
            _ => json!({"scope": "organization", "rotation": 1}),
        };
        organized.insert(("token", name.to_owned()), spec);
    }
    Ok(())
}

fn snapshot(organized: &Organized, default: Option<i64>) -> Snapshot {
    let mut live = Snapshot {
        backend: "sandbox".to_owned(),
        organization: Organization {
            name: "acme".to_owned(),
            user_role: Some("admin".to_owned()),
            default_stack_permission: default,
            ..Organization::default()
        },
        now: Instant(NOW_SECONDS),
        ..Snapshot::default()
    };
    live.caller.login = "root".to_owned();
    for kind in ["role", "member", "team", "service", "token"] {
        live.kinds.insert(kind.to_owned(), KindState { read: true, ..KindState::default() });
    }
    let ids: Map<String, Value> = STACKS.iter().map(|it| ((*it).to_owned(), json!(format!("id-{it}")))).collect();
    live.kinds.get_mut("role").unwrap().facts = json!({"stacks": ids, "environments": {}});
    let built_in = ["admin", "member", "billing-manager"].map(|it| {
        let facts = json!({"id": format!("r-{it}"), "name": it, "builtIn": it});
        let managed_by = Some("the service".to_owned());
        ("role", LiveObject { name: it.to_owned(), spec: json!({}), facts, managed_by, ..LiveObject::default() })
    });
    let own = organized.iter().map(|((kind, name), spec)| {
        let token = json!({
            "id": name, "name": name, "team": null, "rotation": 1, "created": null, "createdBy": null,
            "lastUsed": null, "expires": 0,
        });
        let facts = match *kind {
            "token" => json!({"current": token, "older": []}),
            _ => json!({"id": format!("r-{name}"), "name": name, "builtIn": null, "people": spec["members"], "details": {"__type": "X"}}),
        };
        let spec = kinds::by_word(kind).unwrap().canonical(spec.clone()).unwrap();
        (*kind, LiveObject { name: name.clone(), spec, facts, ..LiveObject::default() })
    });
    for (kind, object) in built_in.into_iter().chain(own) {
        live.kinds.get_mut(kind).unwrap().objects.insert(object.name.clone(), object);
    }
    live
}

/// The manifest that wants this, and everything else of it gone.
fn manifest(wanted: &Organized, there: &Organized) -> String {
    let mut text = json!({"organization": "acme", "removed": {}});
    for ((kind, name), spec) in wanted {
        text[format!("{kind}s")][name] = spec.clone();
    }
    for (kind, name) in there.keys().filter(|it| !wanted.contains_key(it) && it.0 != "token") {
        let section = format!("{kind}s");
        let mut gone: Vec<Value> = text["removed"][&section].as_array().cloned().unwrap_or_default();
        gone.push(json!(name));
        text["removed"][section] = json!(gone);
    }
    text.to_string()
}

/// What the changes' own steps make of it.
fn carried_out(there: &Organized, changes: &[Change]) -> Organized {
    let mut after = there.clone();
    for change in changes.iter().filter(|it| !it.steps.is_empty()) {
        let kind = ["role", "member", "team", "service", "token"].into_iter().find(|it| *it == change.kind).unwrap();
        let key = (kind, change.name.clone());
        if change.verb != Verb::Delete {
            let mut spec = change.after.clone();
            // Whoever leaves a team by leaving the organization is no change of the team.
            for list in ["members", "admins"].into_iter().filter(|_| kind == "team" && after.contains_key(&key)) {
                if !change.fields.iter().any(|it| it.path == format!("/{list}")) {
                    spec[list] = after[&key][list].clone();
                }
            }
            after.insert(key, spec);
            continue;
        }
        after.remove(&key);
        for ((_, holder), spec) in &mut after {
            let _ = holder;
            for list in ["members", "admins"].into_iter().filter(|_| kind == "member") {
                if let Some(people) = spec[list].as_array_mut() {
                    people.retain(|it| *it != change.name.as_str());
                }
            }
        }
        let team = format!("team/{}", change.name);
        after.retain(|it, spec| !(kind == "team" && it.0 == "token" && spec["scope"] == team.as_str()));
    }
    after
}

/// What one of them may do: on what, which level or which permission.
type Rights = BTreeMap<String, (usize, BTreeSet<String>)>;

const EVERYTHING: usize = 99;

fn give(rights: &mut Rights, on: &str, level: usize) {
    let held = rights.entry(on.to_owned()).or_default();
    held.0 = held.0.max(level);
}

fn of_role(organized: &Organized, role: &str, default: Option<i64>, rights: &mut Rights) {
    match role {
        "admin" => give(rights, "organization", EVERYTHING),
        "member" => {
            give(rights, "organization", 1);
            if let Some(level) = default {
                give(rights, "stack/*", (level - 100) as usize);
            }
        }
        "billing-manager" => {
            rights.entry("organization".to_owned()).or_default().1.insert("billing".to_owned());
        }
        _ => {}
    }
    let Some(spec) = organized.get(&("role", role.to_owned())) else { return };
    let texts = |it: &Value| -> Vec<String> {
        it.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    rights.entry("organization".to_owned()).or_default().1.extend(texts(&spec["permissions"]));
    for grant in spec["grants"].as_array().into_iter().flatten() {
        for stack in texts(&grant["stacks"]) {
            rights.entry(format!("stack/{stack}")).or_default().1.extend(texts(&grant["permissions"]));
        }
    }
}

fn of_team(organized: &Organized, team: &str, default: Option<i64>, rights: &mut Rights) {
    let Some(spec) = organized.get(&("team", team.to_owned())) else { return };
    for (stack, level) in spec["stacks"].as_object().unwrap() {
        let level = LEVELS.iter().position(|it| level == it).unwrap() + 1;
        give(rights, &format!("stack/{stack}"), level);
    }
    of_role(organized, spec["role"].as_str().unwrap(), default, rights);
}

/// Everybody's rights on everything, what holds everywhere included.
fn everybody(organized: &Organized, default: Option<i64>) -> BTreeMap<String, Rights> {
    let mut found = BTreeMap::new();
    for ((kind, name), spec) in organized {
        let mut rights = Rights::new();
        match *kind {
            "member" => {
                of_role(organized, spec["role"].as_str().unwrap(), default, &mut rights);
                for ((_, team), spec) in organized.iter().filter(|it| it.0.0 == "team") {
                    let has = |list: &str| spec[list].as_array().unwrap().iter().any(|it| it == name);
                    if has("members") {
                        of_team(organized, team, default, &mut rights);
                    }
                    if has("admins") {
                        give(&mut rights, &format!("team/{team}"), 1);
                    }
                }
            }
            "token" => {
                of_role(organized, spec["role"].as_str().unwrap_or("member"), default, &mut rights);
                if let Some(team) = spec["scope"].as_str().unwrap().strip_prefix("team/") {
                    of_team(organized, team, default, &mut rights);
                }
            }
            _ => continue,
        }
        let (everywhere, on_every) = (
            rights.get("organization").cloned().unwrap_or_default(),
            rights.get("stack/*").cloned().unwrap_or_default(),
        );
        for stack in STACKS {
            let held = rights.entry(format!("stack/{stack}")).or_default();
            held.0 = held.0.max(on_every.0);
            held.1.extend(everywhere.1.iter().filter(|it| it.starts_with("stack:")).cloned());
        }
        found.insert(format!("{kind}/{name}"), rights);
    }
    found
}

fn level(on: &str, rank: usize) -> Option<String> {
    let word = match (on, rank) {
        (_, 0) => return None,
        (_, EVERYTHING) => "admin",
        ("organization", _) => "member",
        (on, _) if on.starts_with("team/") => "admin",
        (_, rank) => LEVELS[rank - 1],
    };
    Some(word.to_owned())
}

/// A gain or a loss: on what, before, after.
type Told = BTreeSet<(Direction, String, Option<String>, Option<String>)>;

/// What differs, and of that what a plan need not tell because something wider says it.
fn expected(before: &Rights, after: &Rights) -> (Told, Told) {
    let (mut all, mut implied) = (Told::new(), Told::new());
    let none = (0, BTreeSet::new());
    let at = |rights: &Rights, on: &str| rights.get(on).unwrap_or(&none).clone();
    let (was, will) = (at(before, "organization").0, at(after, "organization").0);
    let direction = |was: usize, will: usize| if was > will { Direction::Loss } else { Direction::Gain };
    if was == EVERYTHING || will == EVERYTHING {
        if was != will {
            let pair = (level("organization", was), level("organization", will));
            all.insert((direction(was, will), "organization".to_owned(), pair.0, pair.1));
        }
        return (all, implied);
    }
    for on in before.keys().chain(after.keys()) {
        let (was, will) = (at(before, on), at(after, on));
        if was.0 != will.0 {
            let it = (direction(was.0, will.0), on.clone(), level(on, was.0), level(on, will.0));
            all.insert(it.clone());
            if on.starts_with("stack/") && at(before, "stack/*").0 != at(after, "stack/*").0 {
                implied.insert(it);
            }
        }
        let wide =
            |rights: &Rights, may: &String| may.starts_with("stack:") && at(rights, "organization").1.contains(may);
        for may in was.1.symmetric_difference(&will.1) {
            let lost = was.1.contains(may);
            let it = match lost {
                true => (Direction::Loss, on.clone(), Some(may.clone()), None),
                false => (Direction::Gain, on.clone(), None, Some(may.clone())),
            };
            all.insert(it.clone());
            if wide(before, may) != wide(after, may) {
                implied.insert(it);
            }
        }
    }
    implied.retain(|it| it.1 != "organization" && it.1 != "stack/*");
    (all, implied)
}

/// Nobody is in a team who is not in the organization.
fn nobody_from_elsewhere(organized: &mut Organized) {
    let here: BTreeSet<String> = organized.keys().filter(|it| it.0 == "member").map(|it| it.1.clone()).collect();
    for (_, spec) in organized.iter_mut().filter(|it| it.0.0 == "team") {
        for list in ["members", "admins"] {
            spec[list].as_array_mut().unwrap().retain(|it| here.contains(it.as_str().unwrap()));
        }
    }
}

#[test]
fn before_and_impact_make_after_for_everybody() {
    let (mut told_once, mut told_apart, mut told_in_part) = (false, false, false);
    tried(150, 4_096..=65_536, |u| {
        let default = *u.choose(&[None, None, Some(101), Some(102)])?;
        let mut there = organization(u)?;
        tokens(u, &mut there)?;
        let mut wanted = organization(u)?;
        // Whoever is left out of the manifest stays as they are.
        let left_out = some(u, &PEOPLE)?;
        wanted.retain(|it, _| !left_out.contains(&it.1.as_str()));
        there.keys().filter(|it| it.0 == "member").for_each(|it| {
            if left_out.contains(&it.1.as_str()) {
                wanted.entry(it.clone()).or_insert_with(|| there[it].clone());
            }
        });
        nobody_from_elsewhere(&mut wanted);
        let mut desired = engine::desired(&manifest(&wanted, &there));
        // What the base branch wants as well is drift, and what it wants as it is live is of this change.
        if u.arbitrary()? {
            let mut base = wanted.clone();
            for (id, spec) in there.iter().filter(|it| it.0.0 != "token") {
                if !u.arbitrary()? {
                    continue;
                }
                let mut mixed = spec.clone();
                for (field, value) in mixed.as_object_mut().into_iter().flatten() {
                    let other = base.get(id).map(|it| &it[field.as_str()]).filter(|it| !it.is_null());
                    // Who administers a team is one of its members.
                    let free = !["members", "admins"].contains(&field.as_str());
                    if let (Some(other), true) = (other, free && u.arbitrary()?) {
                        value.clone_from(other);
                    }
                }
                base.insert(id.clone(), mixed);
            }
            nobody_from_elsewhere(&mut base);
            let base = engine::desired(&manifest(&base, &there));
            desired.base = Some(Arc::new(Base { desired: base, ..Base::default() }));
        }
        let plan = plan::plan(&desired, &snapshot(&there, default), &plan::Options::default());
        let parts = plan.changes.iter().filter_map(Change::drift);
        let drift: Vec<Change> = plan.drift.iter().cloned().chain(parts).collect();
        told_in_part |= drift.len() > plan.drift.len();
        let restored = carried_out(&there, &drift);
        let after = carried_out(&restored, &plan.changes);
        let [was, between, will] = [&there, &restored, &after].map(|it| everybody(it, default));
        told_once |= tells(&plan.impact, &between, &will);
        told_apart |= tells(&plan.drift_impact, &was, &between);
        Ok(())
    });
    assert!(told_once && told_apart && told_in_part);
}

/// Whether an impact tells anything; what it tells is all there is to tell, once.
fn tells(impact: &Impact, was: &BTreeMap<String, Rights>, will: &BTreeMap<String, Rights>) -> bool {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for effect in &impact.effects {
        for who in &effect.who {
            for right in &effect.rights {
                let it = (effect.effect, right.on.to_string(), right.before.clone(), right.after.clone());
                assert!(told.entry(who.to_string()).or_default().insert(it), "told twice: {effect:?}");
            }
        }
    }
    let none = Rights::new();
    let mut anything = false;
    for who in was.keys().chain(will.keys()).collect::<BTreeSet<_>>() {
        let (all, implied) = expected(was.get(who).unwrap_or(&none), will.get(who).unwrap_or(&none));
        let told = told.remove(who).unwrap_or_default();
        anything |= !told.is_empty();
        let wrong: Vec<_> = told.difference(&all).collect();
        assert!(wrong.is_empty(), "{who}: {wrong:?}\n{impact:#?}");
        let missing: Vec<_> = all.difference(&told).filter(|it| !implied.contains(*it)).collect();
        assert!(missing.is_empty(), "{who}: {missing:?}\n{impact:#?}");
    }
    assert!(told.is_empty(), "{told:?}");
    anything
}

#[test]
fn a_plan_without_changes_has_no_impact() {
    tried(20, 4_096..=65_536, |u| {
        let there = organization(u)?;
        let desired = engine::desired(&manifest(&there, &there));
        let plan = plan::plan(&desired, &snapshot(&there, Some(101)), &plan::Options::default());
        assert!(plan.is_empty(), "{:#?}", plan.changes);
        assert!(plan.impact.is_empty(), "{:#?}", plan.impact);
        Ok(())
    });
}

#[test]
fn many_people_who_lose_the_same_are_told_once() {
    let people: Vec<String> = (0..1_000).map(|it| format!("p{it:04}")).collect();
    let stacks: Map<String, Value> = (0..200).map(|it| (format!("shop/s{it}"), json!("write"))).collect();
    let spec = |members: &[String]| {
        json!({
            "kind": "pulumi", "displayName": "", "description": "", "members": members, "admins": [], "role": "none",
            "stacks": stacks, "environments": {},
        })
    };
    let mut there = Organized::new();
    for name in &people {
        there.insert(("member", name.clone()), json!({"role": "member"}));
    }
    there.insert(("team", "all".to_owned()), spec(&people));
    let mut wanted = there.clone();
    wanted.insert(("team", "all".to_owned()), spec(&people[..1]));
    let desired = engine::desired(&manifest(&wanted, &there));
    let impact = plan::plan(&desired, &snapshot(&there, None), &plan::Options::default()).impact;
    assert_eq!((impact.gaining, impact.losing, impact.effects.len()), (0, 999, 1));
    assert_eq!((impact.effects[0].who.len(), impact.effects[0].rights.len()), (999, 200));
}

/// The plan for a manifest and what is live.
fn planned(manifest: &str, there: &Organized) -> Plan {
    plan::plan(&engine::desired(manifest), &snapshot(there, None), &plan::Options::default())
}

fn small() -> Organized {
    let team = json!({
        "kind": "pulumi", "displayName": "", "description": "", "members": ["bob", "carol"], "admins": [],
        "role": "deployer", "stacks": {"shop/prod": "read"}, "environments": {},
    });
    Organized::from([
        (("role", "deployer".to_owned()), json!({"description": "", "permissions": ["stack:read"]})),
        (("member", "alice".to_owned()), json!({"role": "admin"})),
        (("member", "bob".to_owned()), json!({"role": "deployer"})),
        (("member", "carol".to_owned()), json!({"role": "member"})),
        (("team", "one".to_owned()), team),
        (("token", "ci".to_owned()), json!({"scope": "organization", "role": "deployer", "rotation": 1})),
    ])
}

#[test]
fn a_renamed_role_gives_what_it_gave() {
    // carol's new role is the renamed one; bob, the team and the token are in no manifest.
    let manifest = "organization: acme\nroles: {shipper: {renamedFrom: deployer}}\nteams: {one: {role: shipper}}";
    let plan = planned(manifest, &small());
    assert_eq!(plan.changes.len(), 1, "{:#?}", plan.changes);
    assert!(plan.impact.is_empty(), "{:#?}", plan.impact);
    let plan = planned(&format!("{manifest}\nmembers: {{carol: {{role: shipper}}}}"), &small());
    let told: Vec<String> = plan
        .impact
        .effects
        .iter()
        .map(|it| format!("{:?} {} {:?}", it.effect, it.who[0], it.rights[0].after))
        .collect();
    assert_eq!(told, ["Loss member/carol None"], "she has the role through the team already: {:#?}", plan.impact);
}

#[test]
fn what_was_not_read_is_told_and_not_guessed() {
    let manifest = "organization: acme\nroles: {deployer: {permissions: [stack:read, stack:write]}}";
    let mut live = snapshot(&small(), None);
    for kind in ["member", "team", "token"] {
        live.kinds.remove(kind);
    }
    let impact = plan::plan(&engine::desired(manifest), &live, &plan::Options::default()).impact;
    assert!(impact.effects.is_empty());
    let sections: Vec<&str> = impact.unknown.iter().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(sections, ["members", "teams", "tokens"], "{:#?}", impact.unknown);
    let mut live = snapshot(&small(), None);
    live.kinds.get_mut("team").unwrap().objects.get_mut("one").unwrap().outline = true;
    let impact = plan::plan(&engine::desired(manifest), &live, &plan::Options::default()).impact;
    let who: Vec<String> = impact.effects.iter().flat_map(|it| &it.who).map(ToString::to_string).collect();
    assert_eq!(who, ["member/bob", "token/ci"]);
    assert!(impact.unknown[0].contains("`one`"), "{:#?}", impact.unknown);
}
