//! What an organization may be like, in the words of a manifest, by chance: what is live and what is wanted come of it.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// Few names, so that they meet; some of them are no words, and two differ by their case alone.
pub const LOGINS: [&str; 6] = ["alice", "bob", "Carol", "dave", "erin", "frank"];
pub const ROLES: [&str; 4] = ["reader", "Reader", "deploy & run", "größe"];
pub const TEAMS: [&str; 4] = ["crew", "a b", "%2F..", "日本"];
/// Of GitHub and of the identity provider.
pub const GITHUB_TEAM: (&str, i64) = ("web", 4141);
pub const SCIM_TEAM: &str = "sre";
pub const SERVICES: [&str; 5] = ["shop", "cart", "till", "#?&", "none"];
pub const TOKENS: [&str; 3] = ["ci", "cd", "a.1-b"];
pub const HOOKS: [&str; 3] = ["audit", "ops", "a+b"];
pub const ISSUERS: [&str; 3] = ["github", "gitlab", "null"];
pub const ADDRESSES: [&str; 3] = ["https://a.example", "https://b.example/x", "https://c.example"];
pub const STACKS: [&str; 4] = ["shop/prod", "shop/dev", "infra/net", "a/b"];
pub const ENVIRONMENTS: [&str; 3] = ["shop/prod", "default/base", "a/b"];
pub const USERS: [&str; 3] = ["uma@acme.example", "Vic@acme.example", "zoe@acme.example"];
const TEXTS: [&str; 6] = ["", "Plain words.", "\"quoted\": [x]", "Zażółć", "# no comment", "<b>*x*</b>"];

/// The sections that a draft has, with the names that their entries may have.
pub const SECTIONS: [(&str, &[&str]); 8] = [
    ("roles", &ROLES),
    ("members", &LOGINS),
    ("teams", &TEAMS),
    ("services", &SERVICES),
    ("tokens", &TOKENS),
    ("oidcIssuers", &ISSUERS),
    ("webhooks", &HOOKS),
    ("users", &USERS),
];

/// An organization: sections of entries by name, all of whose references lead somewhere.
pub fn any(dice: &mut Dice) -> Value {
    let mut draft = json!({});
    let full = *dice.pick(&[8, 8, 20, 20, 40, 60]);
    for (section, names) in SECTIONS {
        let mut entries = Map::new();
        for name in dice.some(names, full) {
            entries.insert(name.to_owned(), entry(dice, section, name));
        }
        draft[section] = Value::Object(entries);
    }
    for (name, percent) in [("alice", 100), ("bob", 85)] {
        if dice.chance(percent) {
            draft["members"][name] = json!({"role": "admin"});
        }
    }
    if dice.chance(35) {
        draft["teams"][GITHUB_TEAM.0] = external_team(dice, "github");
    }
    if dice.chance(45) {
        draft["teams"][SCIM_TEAM] = external_team(dice, "scim");
        draft["groups"] = json!({SCIM_TEAM: {"members": dice.some(&USERS, 50)}});
    }
    draft["settings"] = settings(dice);
    sound(&mut draft);
    draft
}

/// The same with some entries gone, some new and some changed.
pub fn changed(dice: &mut Dice, draft: &Value) -> Value {
    let mut changed = draft.clone();
    let much = *dice.pick(&[0, 6, 6, 15, 35]);
    for (section, names) in SECTIONS {
        for name in names {
            if !dice.chance(much) {
                continue;
            }
            let fresh = entry(dice, section, name);
            let entries = changed[section].as_object_mut().unwrap();
            match (entries.get_mut(*name), dice.below(4)) {
                (Some(_), 0) => drop(entries.remove(*name)),
                (Some(old), 1 | 2) => exchange(dice, old, &fresh),
                _ => drop(entries.insert((*name).to_owned(), fresh)),
            }
        }
    }
    for (name, kind) in [(GITHUB_TEAM.0, "github"), (SCIM_TEAM, "scim")] {
        if changed["teams"].get(name).is_some() && dice.chance(much) {
            changed["teams"][name] = external_team(dice, kind);
        }
    }
    if changed.get("groups").is_some() && dice.chance(much) {
        changed["groups"][SCIM_TEAM]["members"] = json!(dice.some(&USERS, 50));
    }
    if dice.chance(much) {
        let fresh = settings(dice);
        exchange(dice, &mut changed["settings"], &fresh);
    }
    sound(&mut changed);
    changed
}

/// Takes some of the fields of another entry.
fn exchange(dice: &mut Dice, old: &mut Value, fresh: &Value) {
    let fresh = fresh.as_object().unwrap();
    let pick = dice.below(fresh.len().max(1));
    for (index, (field, value)) in fresh.iter().enumerate() {
        if index == pick || dice.chance(25) {
            old[field] = value.clone();
        }
    }
    // The two ways to say what a role permits.
    if let Some(role) = old.as_object_mut().filter(|it| it.contains_key("permissions") && it.contains_key("grants")) {
        role.remove(if fresh.contains_key("grants") { "permissions" } else { "grants" });
    }
}

fn entry(dice: &mut Dice, section: &str, name: &str) -> Value {
    match section {
        "roles" => role(dice),
        "members" => {
            let built_in = ["member", "member", "admin", "billing-manager"];
            let custom = dice.chance(30);
            json!({"role": if custom { *dice.pick(&ROLES) } else { *dice.pick(&built_in) }})
        }
        "teams" => team(dice, name),
        "services" => service(dice),
        "tokens" => token(dice, name),
        "oidcIssuers" => issuer(dice, name),
        "webhooks" => json!({
            "displayName": if dice.chance(50) { name } else { "Shown" },
            "url": dice.pick(&ADDRESSES),
            "format": dice.pick(&["raw", "slack", "ms_teams"]),
            "groups": dice.some(&["stacks", "deployments", "environments"], 40),
            "filters": dice.some(&["stack_deleted", "update_failed"], 40),
            "active": dice.chance(70),
        }),
        "users" => json!({
            "givenName": dice.pick(&["Dave", "Erin"]),
            "familyName": dice.pick(&["Ek", "O'Hara"]),
                "active": dice.chance(70),
        }),
        other => unreachable!("{other}"),
    }
}

fn role(dice: &mut Dice) -> Value {
    const PERMISSIONS: [&str; 3] = ["stack:read", "stack:write", "environment:open"];
    let some = |dice: &mut Dice| {
        let mut chosen = dice.some(&PERMISSIONS, 40);
        if chosen.is_empty() {
            chosen.push(*dice.pick::<&str>(&PERMISSIONS));
        }
        chosen
    };
    let description = dice.pick(&TEXTS);
    if dice.chance(60) {
        let permissions = if dice.chance(10) { Vec::new() } else { some(dice) };
        return json!({"description": description, "permissions": permissions});
    }
    let mut grants = vec![json!({"permissions": some(dice), "stacks": at_least_one(dice, &STACKS)})];
    if dice.chance(40) {
        grants.push(json!({"permissions": some(dice), "environments": at_least_one(dice, &ENVIRONMENTS)}));
    }
    json!({"description": description, "grants": grants})
}

fn at_least_one<'a>(dice: &mut Dice, of: &[&'a str]) -> Vec<&'a str> {
    let mut chosen = dice.some(of, 40);
    if chosen.is_empty() {
        chosen.push(*dice.pick::<&str>(of));
    }
    chosen
}

fn team(dice: &mut Dice, name: &str) -> Value {
    let members = dice.some(&LOGINS, 45);
    let role = if dice.chance(50) { "none" } else { *dice.pick(&ROLES) };
    json!({
        "displayName": if dice.chance(50) { name } else { "Shown" },
        "description": dice.pick(&TEXTS),
        "admins": dice.some(&members, 30),
        "members": members,
        "role": role,
        "stacks": stack_grants(dice),
        "environments": environment_grants(dice),
    })
}

fn external_team(dice: &mut Dice, kind: &str) -> Value {
    let role = if dice.chance(50) { "none" } else { *dice.pick(&ROLES) };
    let mut team =
        json!({"kind": kind, "role": role, "stacks": stack_grants(dice), "environments": environment_grants(dice)});
    if kind == "github" {
        team["githubTeamId"] = json!(GITHUB_TEAM.1);
    }
    team
}

fn stack_grants(dice: &mut Dice) -> Value {
    let stacks = dice.some(&STACKS, 35);
    stacks
        .into_iter()
        .map(|it| (it.to_owned(), json!(dice.pick(&["read", "write", "admin"]))))
        .collect::<Map<_, _>>()
        .into()
}

fn environment_grants(dice: &mut Dice) -> Value {
    let environments = dice.some(&ENVIRONMENTS, 35);
    let grant = |name: &str, dice: &mut Dice| {
        let mut grant = json!({"permission": dice.pick(&["read", "open", "write", "admin"])});
        if dice.chance(40) {
            grant["maxOpenDuration"] = json!(dice.pick(&["1h", "90m"]));
        }
        (name.to_owned(), grant)
    };
    environments.into_iter().map(|it| grant(it, dice)).collect::<Map<_, _>>().into()
}

fn service(dice: &mut Dice) -> Value {
    let owner = match dice.chance(60) {
        true => format!("team/{}", dice.pick(&TEAMS)),
        false => format!("user/{}", dice.pick(&LOGINS)),
    };
    let mut properties: Vec<Value> = dice
        .some(&["tier", "runbook", "pager"], 40)
        .into_iter()
        .map(|key| json!({"key": key, "value": dice.pick(&["1", "x: y"]), "type": dice.pick(&["string", "url"])}))
        .collect();
    dice.shuffle(&mut properties);
    json!({
        "owner": owner,
        "description": dice.pick(&TEXTS),
        "properties": properties,
        "items": {"stacks": dice.some(&STACKS, 40), "environments": dice.some(&ENVIRONMENTS, 40)},
    })
}

fn token(dice: &mut Dice, name: &str) -> Value {
    let team = dice.chance(35);
    let scope = if team { format!("team/{}", dice.pick(&TEAMS)) } else { "organization".to_owned() };
    let mut token = json!({
        "scope": scope,
        "description": dice.pick(&TEXTS),
        "rotation": *dice.pick(&[1, 1, 2, 3]),
        "saveTo": format!("file:{}", TOKENS.iter().position(|it| *it == name).unwrap_or_default()),
    });
    if !team && dice.chance(40) {
        token["role"] = json!(if dice.chance(30) { "admin" } else { *dice.pick(&ROLES) });
    }
    if dice.chance(60) {
        token["lifetime"] = json!(dice.pick(&["30d", "90d"]));
        if dice.chance(50) {
            token["renewBefore"] = json!("14d");
        }
    }
    if dice.chance(50) {
        token["overlap"] = json!(dice.pick(&["0d", "2d"]));
    }
    token
}

fn issuer(dice: &mut Dice, name: &str) -> Value {
    // A name has an address of its own most of the time.
    let own = ISSUERS.iter().position(|it| *it == name).unwrap_or_default();
    let url = if dice.chance(80) { ADDRESSES[own] } else { *dice.pick(&ADDRESSES) };
    let any = [
        json!({"decision": "allow", "tokenType": "organization", "role": "admin", "rules": {"sub": "repo:*"}}),
        json!({"decision": "allow", "tokenType": "organization", "role": dice.pick(&ROLES), "rules": {"sub": "a"}}),
        json!({"decision": "allow", "tokenType": "team", "team": dice.pick(&TEAMS), "rules": {"aud": "b"}}),
        json!({"decision": "allow", "tokenType": "personal", "user": dice.pick(&LOGINS), "rules": {"sub": "c"}}),
        json!({"decision": "deny", "tokenType": "organization"}),
    ];
    let mut policies = dice.some(&any, 35);
    if policies.is_empty() {
        policies.push(any[4].clone());
    }
    json!({"url": url, "maxExpiration": dice.pick(&["1h", "2h"]), "policies": policies})
}

fn settings(dice: &mut Dice) -> Value {
    json!({
        "defaultRole": if dice.chance(70) { "member" } else { *dice.pick(&ROLES) },
        "defaultStackPermission": dice.pick(&["none", "read", "write", "admin"]),
        "membersCanCreateTeams": dice.chance(50),
        "maxTokenLifetime": dice.pick(&["0d", "365d"]),
    })
}

/// Takes out whatever refers to what is not there.
pub fn sound(draft: &mut Value) {
    let names = |section: &str| -> Vec<String> {
        draft[section].as_object().into_iter().flatten().map(|it| it.0.clone()).collect()
    };
    let (roles, members, users) = (names("roles"), names("members"), names("users"));
    let mut teams = names("teams");
    // Nobody says whose people these are.
    teams.retain(|it| it != GITHUB_TEAM.0);
    let is_role = |it: &str| roles.iter().any(|role| role == it);
    let is_member = |it: &str| members.iter().any(|member| member.eq_ignore_ascii_case(it));
    let is_team = |it: &str| teams.iter().any(|team| team == it);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for (_, entry) in section(draft, "members") {
        let role = text(&entry["role"]);
        if !is_role(&role) && !["admin", "member", "billing-manager"].contains(&role.as_str()) {
            entry["role"] = json!("member");
        }
    }
    for (_, entry) in section(draft, "teams") {
        if !is_role(&text(&entry["role"])) {
            entry["role"] = json!("none");
        }
        for list in ["members", "admins"] {
            if let Some(list) = entry.get_mut(list).and_then(Value::as_array_mut) {
                list.retain(|it| is_member(it.as_str().unwrap_or_default()));
            }
        }
        let people: Vec<Value> = entry["members"].as_array().cloned().unwrap_or_default();
        if let Some(admins) = entry.get_mut("admins").and_then(Value::as_array_mut) {
            admins.retain(|it| people.contains(it));
        }
    }
    for (_, entry) in section(draft, "services") {
        let owner = text(&entry["owner"]);
        let found = match owner.split_once('/') {
            Some(("team", name)) => is_team(name),
            Some((_, login)) => is_member(login),
            None => false,
        };
        if !found {
            entry["owner"] = json!(format!("user/{}", members.first().map_or("alice", |it| it)));
        }
    }
    for (_, entry) in section(draft, "tokens") {
        if entry["scope"].as_str().and_then(|it| it.strip_prefix("team/")).is_some_and(|it| !is_team(it)) {
            entry["scope"] = json!("organization");
        }
        let of_team = entry["scope"] != "organization";
        let role = text(&entry["role"]);
        if of_team || (role != "admin" && !is_role(&role)) {
            entry.as_object_mut().unwrap().remove("role");
        }
    }
    let mut addresses = Vec::new();
    for (_, entry) in section(draft, "oidcIssuers") {
        if addresses.contains(&entry["url"]) {
            entry["url"] = json!(ADDRESSES.iter().find(|it| !addresses.contains(&json!(it))));
        }
        addresses.push(entry["url"].clone());
        let policies = entry["policies"].as_array_mut().unwrap();
        policies.retain(|it| {
            let named = |field: &str| it.get(field).map(&text);
            named("role").is_none_or(|it| it == "admin" || is_role(&it))
                && named("team").is_none_or(|it| is_team(&it))
                && named("user").is_none_or(|it| is_member(&it))
        });
        if policies.is_empty() {
            policies.push(json!({"decision": "deny", "tokenType": "organization"}));
        }
    }
    let default = text(&draft["settings"]["defaultRole"]);
    if !is_role(&default) && draft["settings"].get("defaultRole").is_some() {
        draft["settings"]["defaultRole"] = json!("member");
    }
    // The service refuses people who are not active, which no plan foresees.
    let active: Vec<String> = users.into_iter().filter(|it| draft["users"][it]["active"] == true).collect();
    if let Some(list) = draft.pointer_mut(&format!("/groups/{SCIM_TEAM}/members")).and_then(Value::as_array_mut) {
        list.retain(|it| active.iter().any(|user| it == user));
    }
}

/// The entries of a section.
pub fn section<'a>(draft: &'a mut Value, section: &str) -> impl Iterator<Item = (&'a String, &'a mut Value)> + use<'a> {
    draft.get_mut(section).and_then(Value::as_object_mut).into_iter().flat_map(Map::iter_mut)
}
