//! A draft made into an organization of the sandbox, with what no manifest says.

use bylaws::sandbox::State;
use bylaws::sandbox::caller::hash;
use bylaws::sandbox::seed::{Seed, allow, party};
use bylaws::sandbox::state::{DirectoryUser, EnvironmentGrant, GithubTeam, Member};
use serde_json::{Value, json};

use super::dice::Dice;
use super::draft::{ENVIRONMENTS, GITHUB_TEAM, LOGINS, SCIM_TEAM, STACKS};
use crate::support::NOW_SECONDS;

const DAY: i64 = 86_400;

/// The administrator's token that a machine comes with.
pub const MACHINE: &str = "gitops";

/// The organization of a draft.
pub fn state(dice: &mut Dice, draft: &Value) -> State {
    let mut seed = Seed::new("acme", "Acme", NOW_SECONDS);
    // The other switches speak of nothing that is managed here.
    const FEATURES: [&str; 4] = ["customRolesEnabled", "machineTokensEnabled", "teamsEnabled", "webhooksEnabled"];
    seed.state.organization.features.retain(|name, _| FEATURES.contains(&name.as_str()));
    seed.state.organization.lists_itself = dice.chance(20);
    for login in LOGINS {
        seed.account(login, login);
    }
    for name in STACKS {
        seed.stack(name, "alice");
    }
    for name in ENVIRONMENTS {
        seed.environment(name, "alice");
    }
    roles(&mut seed, draft);
    settings(&mut seed, draft);
    members(dice, &mut seed, draft);
    teams(dice, &mut seed, draft);
    for (name, entry) in entries(draft, "services") {
        service(dice, &mut seed, name, entry);
    }
    for (name, entry) in entries(draft, "tokens") {
        token(dice, &mut seed, name, entry);
    }
    let machine = seed.token(MACHINE, "alice", None);
    (machine.admin, machine.expires) = (true, NOW_SECONDS + 30 * DAY);
    for (name, entry) in entries(draft, "oidcIssuers") {
        issuer(&mut seed, name, entry);
    }
    for (name, entry) in entries(draft, "webhooks") {
        let groups: Vec<&str> = texts(&entry["groups"]);
        let hook = seed.hook(name, text(&entry["displayName"]), text(&entry["url"]), &groups);
        text(&entry["format"]).clone_into(&mut hook.format);
        hook.filters = texts(&entry["filters"]).into_iter().map(str::to_owned).collect();
        hook.active = entry["active"] == true;
    }
    for (name, entry) in entries(draft, "users") {
        let user = DirectoryUser {
            id: seed.state.next_id("su"),
            user_name: name.clone(),
            given_name: text(&entry["givenName"]).to_owned(),
            family_name: text(&entry["familyName"]).to_owned(),
            active: entry["active"] == true,
            login: login_of(name),
        };
        seed.state.directory.insert(user.id.clone(), user);
    }
    seed.state
}

fn entries<'a>(draft: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    draft.get(section).and_then(Value::as_object).into_iter().flatten()
}

/// Who a user of the directory is in the organization.
fn login_of(user: &str) -> String {
    user.split('@').next().unwrap_or_default().to_lowercase()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn roles(seed: &mut Seed, draft: &Value) {
    for (name, entry) in entries(draft, "roles") {
        let details = match entry.get("grants").and_then(Value::as_array) {
            None => allow(&texts(&entry["permissions"])),
            Some(grants) => {
                let entries: Vec<Value> = grants.iter().map(|it| grant(&seed.state, it)).collect();
                json!({"__type": "PermissionDescriptorGroup", "entries": entries})
            }
        };
        seed.role(name, text(&entry["description"]), details);
    }
}

/// One scoped grant as CONTRACT 3.4 has it on the wire.
fn grant(state: &State, grant: &Value) -> Value {
    let mut condition = Value::Null;
    for (field, sort) in [("stacks", "Stack"), ("environments", "Environment")] {
        for name in texts(&grant[field]) {
            let id = match sort {
                "Stack" => &state.stacks[name].id,
                _ => &state.environments[name].id,
            };
            let equal = json!({
                "__type": "PermissionExpressionEqual",
                "left": {"__type": format!("PermissionExpression{sort}")},
                "right": {"__type": format!("PermissionLiteralExpression{sort}"), "identity": id},
            });
            condition = match condition {
                Value::Null => equal,
                left => json!({"__type": "PermissionExpressionOr", "left": left, "right": equal}),
            };
        }
    }
    json!({
        "__type": "PermissionDescriptorCondition",
        "condition": condition,
        "subNode": allow(&texts(&grant["permissions"])),
    })
}

/// The id of a role, built-in ones by their identifiers.
fn role_id(state: &State, name: &str) -> Option<String> {
    let built_in = state.role_by_identifier(name).map(|it| it.id.clone());
    let own = || state.roles.values().find(|it| it.name == name && it.default_identifier.is_none());
    built_in.or_else(|| own().map(|it| it.id.clone()))
}

fn settings(seed: &mut Seed, draft: &Value) {
    let wanted = &draft["settings"];
    if let Some(id) = role_id(&seed.state, text(&wanted["defaultRole"])) {
        seed.state.organization.default_role = id;
    }
    let level = ["none", "read", "write", "admin"].iter().position(|it| wanted["defaultStackPermission"] == *it);
    let level = level.filter(|it| *it > 0).map_or(0, |it| 100 + it);
    let days: i64 = text(&wanted["maxTokenLifetime"]).trim_end_matches('d').parse().unwrap_or(0);
    let settings = &mut seed.state.organization.settings;
    settings.insert("defaultStackPermission".to_owned(), json!(level));
    settings.insert("membersCanCreateTeams".to_owned(), wanted["membersCanCreateTeams"].clone());
    settings.insert("maxAccessTokenExpiryDays".to_owned(), json!(days));
}

fn members(dice: &mut Dice, seed: &mut Seed, draft: &Value) {
    for (login, entry) in entries(draft, "members") {
        let role = role_id(&seed.state, text(&entry["role"])).unwrap_or_default();
        let member = Member {
            login: login.clone(),
            // Whoever has the default role may have been given it, or not.
            explicit: role != seed.state.organization.default_role || dice.chance(50),
            role,
            created: Some(NOW_SECONDS - 300 * DAY),
            frontend: true,
            backend: dice.chance(80),
            known: true,
            virtual_admin: false,
        };
        seed.state.members.insert(login.to_lowercase(), member);
    }
    // Whom the identity provider lets in belongs to the organization as well.
    for (name, _) in entries(draft, "users").filter(|it| it.1["active"] == true) {
        seed.member(&login_of(name), "", "member");
    }
    if dice.chance(30) {
        let potential = Member { login: "peggy".to_owned(), backend: true, ..Member::default() };
        seed.state.members.insert("peggy".to_owned(), potential);
    }
    if dice.chance(30) {
        seed.state.saml_admin = Some("alice".to_owned());
    }
}

fn teams(dice: &mut Dice, seed: &mut Seed, draft: &Value) {
    for (name, entry) in entries(draft, "teams") {
        let kind = entry["kind"].as_str().unwrap_or("pulumi");
        let admins = texts(&entry["admins"]);
        let mut people: Vec<String> = texts(&entry["members"])
            .into_iter()
            .map(|it| if admins.contains(&it) { format!("{it}*") } else { it.to_owned() })
            .collect();
        if kind == "github" {
            people = entries(draft, "members").map(|it| it.0.clone()).filter(|_| dice.chance(40)).collect();
        }
        if kind == "scim" {
            // The people of the group who belong to the organization.
            let users = texts(&draft["groups"][SCIM_TEAM]["members"]);
            let logins = users.iter().map(|it| login_of(it));
            people = logins.filter(|it| seed.state.members.contains_key(it)).collect();
        }
        let role = role_id(&seed.state, text(&entry["role"]));
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        let shown = entry["displayName"].as_str().unwrap_or(name);
        let team = seed.team(kind, name, shown, &people);
        team.roles = role.into_iter().collect();
        text(&entry["description"]).clone_into(&mut team.description);
        for (stack, permission) in entry["stacks"].as_object().into_iter().flatten() {
            let level = ["read", "write", "admin"].iter().position(|it| permission == it).unwrap_or_default();
            team.stacks.insert(stack.clone(), 101 + level as i64);
        }
        if dice.chance(15) {
            team.stacks.entry("infra/net".to_owned()).or_insert(104);
        }
        for (environment, grant) in entry["environments"].as_object().into_iter().flatten() {
            let longest = grant["maxOpenDuration"].as_str().map(|it| if it == "1h" { "1h0m0s" } else { "1h30m0s" });
            let grant = EnvironmentGrant {
                permission: text(&grant["permission"]).to_owned(),
                max_open_duration: longest.map(str::to_owned),
            };
            team.environments.insert(environment.clone(), grant);
        }
        if kind == "github" {
            team.github_id = Some(GITHUB_TEAM.1);
        }
    }
    let team = GithubTeam {
        organization: "acme-gh".to_owned(),
        name: GITHUB_TEAM.0.to_owned(),
        slug: GITHUB_TEAM.0.to_owned(),
        description: String::new(),
        members: vec!["bob".to_owned()],
    };
    seed.state.github_teams.insert(GITHUB_TEAM.1, team);
}

fn service(dice: &mut Dice, seed: &mut Seed, name: &str, entry: &Value) {
    let stacks = texts(&entry["items"]["stacks"]).into_iter().map(|it| format!("stack/{it}"));
    let environments = texts(&entry["items"]["environments"]).into_iter().map(|it| format!("environment/{it}"));
    let items: Vec<String> = stacks.chain(environments).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let properties: Vec<(&str, &str, &str)> = entry["properties"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| (text(&it["key"]), text(&it["value"]), text(&it["type"])))
        .collect();
    seed.service(text(&entry["owner"]), name, text(&entry["description"]), &items, &properties);
    let count = seed.state.services.len() as i64;
    if let Some(service) = seed.state.services.get_mut(name) {
        // By this it is known again under another name.
        service.created -= count;
    }
    // Somebody was let in whom no manifest can name.
    if dice.chance(15)
        && let Some(service) = seed.state.services.get_mut(name)
    {
        let other = party("user/alice");
        if !service.members.contains(&other) {
            service.members.push(other);
        }
    }
}

fn token(dice: &mut Dice, seed: &mut Seed, name: &str, entry: &Value) {
    let team = entry["scope"].as_str().and_then(|it| it.strip_prefix("team/"));
    let rotation = entry["rotation"].as_u64().unwrap_or(1);
    let role = entry["role"].as_str().filter(|it| *it != "admin").and_then(|it| role_id(&seed.state, it));
    let bare = rotation == 1 && dice.chance(60);
    let mut generations = vec![(rotation, if bare { name.to_owned() } else { format!("{name}.{rotation}-q4xw7b") })];
    if dice.chance(20) {
        generations.push((rotation, format!("{name}.{rotation}-aaaaaa")));
    }
    for (age, (_, live)) in generations.into_iter().enumerate() {
        let token = seed.token(&live, "alice", team);
        text(&entry["description"]).clone_into(&mut token.description);
        token.admin = entry["role"] == "admin";
        token.role.clone_from(&role);
        token.created = NOW_SECONDS - (1 + 40 * age as i64) * DAY - 3600 * *dice.pick(&[0, 30]);
        token.last_used = *dice.pick(&[0, NOW_SECONDS - 3600, NOW_SECONDS - 40 * DAY]);
        if entry.get("lifetime").is_some() {
            token.expires = NOW_SECONDS + *dice.pick(&[5, 20, 80]) * DAY;
        }
        token.hash = hash(&format!("pul-{live}"));
    }
}

fn issuer(seed: &mut Seed, name: &str, entry: &Value) {
    let wire = |state: &State, policy: &Value| {
        let admin = policy["role"] == "admin";
        let mut wire = json!({
            "decision": policy["decision"],
            "tokenType": policy["tokenType"],
            "authorizedPermissions": if admin { json!(["admin"]) } else { json!([]) },
            "rules": policy.get("rules").cloned().unwrap_or_else(|| json!({})),
        });
        for (field, there) in [("team", "teamName"), ("user", "userLogin")] {
            if let Some(name) = policy.get(field) {
                wire[there] = name.clone();
            }
        }
        if let Some(id) = policy["role"].as_str().filter(|_| !admin).and_then(|it| role_id(state, it)) {
            wire["roleID"] = json!(id);
        }
        wire
    };
    seed.issuer(name, text(&entry["url"]), "", json!({}));
    let policies: Vec<Value> =
        entry["policies"].as_array().into_iter().flatten().map(|it| wire(&seed.state, it)).collect();
    let Some(issuer) = seed.state.issuers.values_mut().find(|it| it.name == name) else { return };
    issuer.max_expiration = Some(if entry["maxExpiration"] == "1h" { 3600 } else { 7200 });
    if let Some(set) = seed.state.policies.get_mut(&issuer.policies) {
        set.policies = policies;
    }
}
