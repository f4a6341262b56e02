//! A draft made into a manifest: with fields left out, names given up and taken, tombstones, and all that a head says.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::draft::{self, ROLES, SECTIONS, SERVICES};

/// Fields that an entry cannot be without.
const NEEDED: [(&str, &[&str]); 6] = [
    ("services", &["owner"]),
    ("tokens", &["scope"]),
    ("oidcIssuers", &["url"]),
    ("webhooks", &["url"]),
    ("teams", &["kind", "githubTeamId"]),
    ("users", &["active"]),
];

/// The sections that `removed`, `external` and `prune` know.
const DELETABLE: [&str; 7] = ["roles", "members", "teams", "services", "tokens", "oidcIssuers", "webhooks"];

/// The manifest of a draft, and of the base branch where there is one.
pub struct Wanted {
    pub head: Value,
    pub base: Option<Value>,
}

/// A manifest as somebody may have written it from this draft, for an organization that has what `live` has.
pub fn manifest(dice: &mut Dice, draft: &Value, live: &Value) -> Wanted {
    let mut draft = draft.clone();
    let base = dice.chance(35).then(|| {
        let mut base = if dice.chance(60) { draft.clone() } else { draft::changed(dice, live) };
        leave_out(dice, &mut base, 15);
        written(&base)
    });
    // What is said no more: gone, or not managed.
    for (section, names) in SECTIONS {
        let much = *dice.pick(&[0, 0, 10, 60]);
        for name in dice.some(names, much) {
            draft[section].as_object_mut().unwrap().remove(name);
        }
    }
    draft::sound(&mut draft);
    if dice.chance(40) {
        rename(dice, &mut draft, "services", &SERVICES);
    }
    if dice.chance(40) {
        rename(dice, &mut draft, "roles", &ROLES);
    }
    spell_otherwise(dice, &mut draft);
    let much = *dice.pick(&[0, 10, 40]);
    leave_out(dice, &mut draft, much);
    for (_, section) in draft.as_object_mut().unwrap().iter_mut().filter(|it| SECTIONS.iter().any(|row| row.0 == it.0))
    {
        for entry in section.as_object_mut().unwrap().values_mut() {
            if dice.chance(6) {
                entry["protect"] = json!(true);
            }
            if dice.chance(3) {
                entry["note"] = json!("for people");
            }
        }
    }
    if dice.chance(15) {
        draft["members"]["nina"] = json!({"role": "member", "invite": "nina@acme.example"});
    }
    let mut head = written(&draft);
    deletions(dice, &draft, live, &mut head);
    safety(dice, &mut head);
    Wanted { head, base }
}

/// The manifest's own shape.
fn written(draft: &Value) -> Value {
    let mut manifest = json!({"organization": "acme"});
    for (section, entries) in draft.as_object().into_iter().flatten() {
        if entries.as_object().is_some_and(Map::is_empty) {
            continue;
        }
        match section.as_str() {
            "users" | "groups" => manifest["scim"][section] = entries.clone(),
            _ => manifest[section] = entries.clone(),
        }
    }
    manifest
}

/// Takes fields out, which then keep what is live.
fn leave_out(dice: &mut Dice, draft: &mut Value, percent: u64) {
    if dice.chance(percent) {
        draft.as_object_mut().unwrap().remove("settings");
    }
    for section in
        ["roles", "members", "teams", "services", "tokens", "oidcIssuers", "webhooks", "users", "groups", "settings"]
    {
        let needed = NEEDED.iter().find(|it| it.0 == section).map(|it| it.1).unwrap_or_default();
        let mut drop_some = |entry: &mut Map<String, Value>| {
            entry
                .retain(|field, _| needed.contains(&field.as_str()) || field == "renamedFrom" || !dice.chance(percent));
        };
        match draft.get_mut(section) {
            Some(Value::Object(settings)) if section == "settings" => drop_some(settings),
            Some(Value::Object(entries)) => {
                for entry in entries.values_mut().filter_map(Value::as_object_mut) {
                    drop_some(entry);
                }
            }
            _ => {}
        }
    }
}

/// Gives entries each other's names, and names that nobody has: chains, rings and swaps.
fn rename(dice: &mut Dice, draft: &mut Value, section: &str, alphabet: &[&str]) {
    let entries = draft[section].as_object().cloned().unwrap_or_default();
    let (going, mut staying): (Vec<_>, Vec<_>) = entries.into_iter().partition(|_| dice.chance(60));
    let mut free: Vec<String> = alphabet.iter().map(|it| (*it).to_owned()).collect();
    free.retain(|it| !staying.iter().any(|(name, _)| name == it));
    dice.shuffle(&mut free);
    let mut names = BTreeMap::new();
    for (old, mut entry) in going {
        let Some(new) = free.pop() else { continue };
        if new != old {
            entry["renamedFrom"] = json!(old);
            names.insert(old, new.clone());
        }
        staying.push((new, entry));
    }
    draft[section] = Value::Object(staying.into_iter().collect());
    if section == "roles" {
        follow(draft, &names);
    }
}

/// Whoever refers to a role by its name does so by its new one.
fn follow(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value.as_str().and_then(|it| names.get(it))) {
                    ("role" | "defaultRole", Some(new)) => *value = json!(new),
                    _ => follow(value, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| follow(it, names)),
        _ => {}
    }
}

/// Logins are one in whatever case they are written.
fn spell_otherwise(dice: &mut Dice, draft: &mut Value) {
    if !dice.chance(25) {
        return;
    }
    let respelled = |login: &str| if login == "Carol" { "carol".to_owned() } else { login.to_uppercase() };
    if let Some(members) = draft["members"].as_object().cloned() {
        let spelled = members.into_iter().map(|(login, entry)| {
            let login = if dice.chance(40) { respelled(&login) } else { login };
            (login, entry)
        });
        draft["members"] = Value::Object(spelled.collect());
    }
    for (_, team) in draft::section(draft, "teams") {
        let Some(people) = team.get_mut("members").and_then(Value::as_array_mut) else { continue };
        let mut changed = Vec::new();
        for login in people.iter_mut().filter(|_| dice.chance(30)) {
            let old = login.clone();
            *login = json!(respelled(old.as_str().unwrap_or_default()));
            changed.push((old, login.clone()));
        }
        // Of the two lists, the other keeps its spelling.
        if dice.chance(50) {
            for admin in team.get_mut("admins").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some((_, new)) = changed.iter().find(|it| it.0 == *admin) {
                    *admin = new.clone();
                }
            }
        }
    }
}

/// Tombstones, what is pruned, and what is somebody else's.
fn deletions(dice: &mut Dice, draft: &Value, live: &Value, head: &mut Value) {
    let much = *dice.pick(&[0, 20, 60]);
    for section in DELETABLE {
        let declared: Vec<String> =
            draft[section].as_object().into_iter().flatten().map(|it| it.0.to_lowercase()).collect();
        let given_up =
            |it: &str| draft[section].as_object().into_iter().flatten().any(|(_, entry)| entry["renamedFrom"] == it);
        let mut rest: Vec<String> = live[section].as_object().into_iter().flatten().map(|it| it.0.clone()).collect();
        rest.retain(|it| !declared.contains(&it.to_lowercase()) && !given_up(it));
        if dice.chance(5) {
            rest.push("never-there".to_owned());
        }
        for name in rest {
            // What something else refers to cannot be removed.
            let needed = ["owner", "scope"].iter().any(|field| {
                let of = |it: &Value| it[field].as_str().is_some_and(|it| it.ends_with(&format!("/{name}")));
                ["services", "tokens"].iter().any(|it| draft[it].as_object().into_iter().flatten().any(|it| of(it.1)))
            });
            if !dice.chance(if needed { much / 10 } else { much }) {
                continue;
            }
            let key = if dice.chance(70) { "removed" } else { "external" };
            if head[key][section].is_null() {
                head[key][section] = json!([]);
            }
            head[key][section].as_array_mut().unwrap().push(json!(name));
        }
        if section != "tokens" && dice.chance(much / 2) {
            head["prune"][section] = json!(true);
        }
    }
}

fn safety(dice: &mut Dice, head: &mut Value) {
    if dice.chance(40) {
        head["safety"]["minimumAdmins"] = json!(*dice.pick(&[1, 2, 3]));
    }
    if dice.chance(15) {
        head["safety"]["protectedMembers"] = json!(dice.some(&["alice", "bob", "CAROL"], 50));
    }
}
