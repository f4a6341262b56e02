//! Changes of webhooks, issuers, settings, invitations, the directory, and of what hangs on stacks.

use arbitrary::{Result, Unstructured};
use bylaws::sandbox::State;
use serde_json::{Value, json};

use super::{Request, below, name, text};

const STACKS: [&str; 4] = ["shop/prod", "shop/staging", "etl/prod", "gone/away"];
const ENVIRONMENTS: [&str; 3] = ["shop/prod", "ci/tokens", "gone/away"];

/// One change, or an attempt at one.
pub fn change(input: &mut Unstructured, state: &State) -> Result<Request> {
    match input.int_in_range(0..=7)? {
        0 => webhook(input, state),
        1 | 2 => issuer(input, state),
        3 => settings(input, state),
        4 => invitation(input, state),
        5 => directory(input, state),
        6 => items(input, state),
        _ => around(input, state),
    }
}

/// One of those there are; nothing where there are none.
fn one(input: &mut Unstructured, all: Vec<&String>) -> Result<String> {
    if all.is_empty() { Ok("nothing".to_owned()) } else { Ok(input.choose(&all)?.to_string()) }
}

fn some<'a>(input: &mut Unstructured, all: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut some = Vec::new();
    for it in all {
        if input.arbitrary()? {
            some.push(*it);
        }
    }
    Ok(some)
}

fn webhook(input: &mut Unstructured, state: &State) -> Result<Request> {
    let hook = one(input, state.hooks.keys().collect())?;
    let mut body = json!({
        "organizationName": "acme",
        "displayName": text(input)? + "x",
        "payloadUrl": input.choose(&["https://hooks.example/a", "https://hooks.example/b?c=d#e", "http://10.0.0.1/"])?,
        "active": input.arbitrary::<bool>()?,
        "format": input.choose(&["raw", "slack", "ms_teams"])?,
        "groups": some(input, &["stacks", "deployments", "environments"])?,
        "filters": some(input, &["policy_violation_mandatory", "stack_created", "something_new"])?,
    });
    if input.arbitrary()? {
        body["secret"] = json!(input.choose(&["", "0123456789abcdef"])?);
    }
    Ok(match input.int_in_range(0..=3)? {
        0 => ("DELETE", below(&["hooks", &hook]), Value::Null),
        1 => {
            body["name"] = json!(name(input, Vec::new())?);
            ("POST", below(&["hooks"]), body)
        }
        _ => {
            body["name"] = json!(hook);
            ("PATCH", below(&["hooks", &hook]), body)
        }
    })
}

fn issuer(input: &mut Unstructured, state: &State) -> Result<Request> {
    let id = one(input, state.issuers.keys().collect())?;
    Ok(match input.int_in_range(0..=5)? {
        0 => ("DELETE", below(&["oidc", "issuers", &id]), Value::Null),
        1 => {
            let urls = ["https://one.example", "https://two.example/", "https://two.example/path", "https://Ä.example"];
            let mut body = json!({"name": name(input, Vec::new())?, "url": input.choose(&urls)?});
            if input.arbitrary()? {
                body["maxExpiration"] = json!(input.int_in_range(1..=10_000)?);
            }
            if input.arbitrary()? {
                body["thumbprints"] = json!(["2b60aa", "00ff"]);
            }
            ("POST", below(&["oidc", "issuers"]), body)
        }
        2 => {
            let body = json!({"name": name(input, Vec::new())?, "maxExpiration": input.choose(&[3_600, 86_400, 61])?});
            ("PATCH", below(&["oidc", "issuers", &id]), body)
        }
        _ => {
            let set = one(input, state.policies.keys().collect())?;
            let mut policies = Vec::new();
            for _ in 0..input.int_in_range(1..=3)? {
                policies.push(policy(input, state)?);
            }
            ("PATCH", below(&["auth", "policies", &set]), json!({"policies": policies}))
        }
    })
}

fn policy(input: &mut Unstructured, state: &State) -> Result<Value> {
    let kind = *input.choose(&["organization", "team", "personal", "runner"])?;
    let mut policy = json!({
        "decision": input.choose(&["allow", "deny"])?,
        "tokenType": kind,
        "authorizedPermissions": some(input, &["admin", "standard"])?,
        "rules": {},
    });
    match kind {
        "team" => policy["teamName"] = json!(one(input, state.teams.keys().collect())?),
        "personal" => policy["userLogin"] = json!(one(input, state.members.keys().collect())?),
        "runner" => policy["runnerID"] = json!("runner-1"),
        _ => {}
    }
    if input.arbitrary()? {
        policy["roleID"] = json!(one(input, state.roles.keys().collect())?);
    }
    for _ in 0..input.int_in_range(0..=2)? {
        let claim = *input.choose(&["sub", "aud", "yes", "a: b"])?;
        policy["rules"][claim] = json!(text(input)?);
    }
    Ok(policy)
}

fn settings(input: &mut Unstructured, state: &State) -> Result<Request> {
    let (field, value) = match input.int_in_range(0..=4)? {
        0 => ("setDefaultStackPermission", json!(input.choose(&[0, 101, 102, 103])?)),
        1 => ("setMembersCanCreateTeams", json!(input.arbitrary::<bool>()?)),
        2 => ("setMaxAccessTokenExpiryDays", json!(input.choose(&[0, 1, 90, 365, 730])?)),
        3 => ("setMembersCanDeleteStacks", json!(input.arbitrary::<bool>()?)),
        _ => {
            let role = one(input, state.roles.keys().collect())?;
            return Ok(("PATCH", below(&["roles", &role, "default"]), Value::Null));
        }
    };
    Ok(("PATCH", below(&[]), json!({ field: value })))
}

fn invitation(input: &mut Unstructured, state: &State) -> Result<Request> {
    if input.ratio(1, 3)? {
        let id = one(input, state.invites.keys().collect())?;
        return Ok(("DELETE", below(&["invites", &id]), Value::Null));
    }
    let mut invites = Vec::new();
    for _ in 0..input.int_in_range(1..=2)? {
        let email = *input.choose(&["new@acme.example", "Other@acme.example", "erin@acme.example"])?;
        invites.push(json!({"email": email, "role": input.choose(&["member", "admin", "billing-manager"])?}));
    }
    Ok(("POST", below(&["invites", "batch"]), json!({ "invites": invites })))
}

fn directory(input: &mut Unstructured, state: &State) -> Result<Request> {
    let path = |parts: &[&str]| ["scim", "v2", "acme"].iter().chain(parts).map(|it| (*it).to_owned()).collect();
    let patch = |operation: Value| json!({"Operations": [operation]});
    let user = one(input, state.directory.keys().collect())?;
    Ok(match input.int_in_range(0..=3)? {
        0 => {
            let login = *input.choose(&["erin", "mia", "nina", "Zoë", "a b"])?;
            let body = json!({
                "userName": format!("{login}@acme.example"),
                "name": {"givenName": text(input)?, "familyName": text(input)?},
                "active": input.arbitrary::<bool>()?,
            });
            ("POST", path(&["Users"]), body)
        }
        1 => {
            let active = input.arbitrary::<bool>()?;
            ("PATCH", path(&["Users", &user]), patch(json!({"op": "replace", "path": "active", "value": active})))
        }
        2 => {
            let given = json!({"op": "replace", "path": "name.givenName", "value": text(input)?});
            ("PATCH", path(&["Users", &user]), patch(given))
        }
        _ => {
            let operation = match input.arbitrary()? {
                true => json!({"op": "add", "path": "members", "value": [{"value": user}]}),
                false => json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")}),
            };
            ("PATCH", path(&["Groups", "sg-sre"]), patch(operation))
        }
    })
}

/// Items of services, one at a time and several, and their properties.
fn items(input: &mut Unstructured, state: &State) -> Result<Request> {
    let services: Vec<_> = state.services.values().collect();
    let Some(service) = services.get(input.choose_index(services.len().max(1))?) else {
        return Ok(("DELETE", below(&["services", "team", "x", "y"]), Value::Null));
    };
    let at = ["services", &service.owner.kind, &service.owner.name, &service.name];
    if input.ratio(1, 3)? {
        let mut properties = Vec::new();
        for order in 0..input.int_in_range(0..=3)? {
            let kind = *input.choose(&["string", "url", "slack"])?;
            properties.push(json!({"key": text(input)?, "value": text(input)?, "type": kind, "order": order}));
        }
        return Ok(("PATCH", below(&at), json!({ "properties": properties })));
    }
    let mut items = Vec::new();
    for _ in 0..input.int_in_range(1..=3)? {
        items.push(match input.arbitrary()? {
            true => json!({"type": "stack", "name": input.choose(&STACKS)?}),
            false => json!({"type": "environment", "name": input.choose(&ENVIRONMENTS)?}),
        });
    }
    Ok(("POST", below(&[&at[..], &["v2", "items"]].concat()), json!({ "items": items })))
}

/// Tags of stacks, teams of GitHub, and a role that permits something by tag or by environment.
fn around(input: &mut Unstructured, state: &State) -> Result<Request> {
    Ok(match input.int_in_range(0..=3)? {
        0 => {
            let (project, stack) = input.choose(&STACKS)?.split_once('/').unwrap();
            let path = ["api", "stacks", "acme", project, stack, "tags"].map(str::to_owned).to_vec();
            ("POST", path, json!({"name": input.choose(&["tier", "yes", "a:b"])?, "value": text(input)?}))
        }
        1 => ("POST", below(&["teams", "github"]), json!({"githubTeamID": input.choose(&[4141, 4242, 1])?})),
        2 => {
            let team = one(input, state.teams.keys().collect())?;
            let grant = match input.int_in_range(0..=3)? {
                0 => json!({"removeStack": {"projectName": "shop", "stackName": "prod"}}),
                1 => json!({"editStackPermission": {"projectName": "shop", "stackName": "prod", "permission": 103}}),
                2 => json!({"removeEnvironment": {"projectName": "shop", "envName": "prod"}}),
                _ => json!({"editEnvironmentPermission": {"projectName": "shop", "envName": "prod",
                    "permission": "admin", "maxOpenDuration": "2h0m0s"}}),
            };
            ("PATCH", below(&["teams", &team]), grant)
        }
        _ => {
            let condition = match input.arbitrary()? {
                true => json!({
                    "__type": "PermissionExpressionEqual",
                    "left": {"__type": "PermissionExpressionEnvironment"},
                    "right": {"__type": "PermissionLiteralExpressionEnvironment",
                        "identity": state.environments["shop/prod"].id},
                }),
                false => json!({
                    "__type": "PermissionExpressionEqual",
                    "left": {"__type": "PermissionExpressionTag", "key": "tier",
                        "context": {"__type": "PermissionExpressionStack"}},
                    "right": {"__type": "PermissionLiteralExpressionString", "value": text(input)?},
                }),
            };
            let permits = json!({"__type": "PermissionDescriptorAllow", "permissions": ["environment:open"]});
            let entry = json!({"__type": "PermissionDescriptorCondition", "condition": condition, "subNode": permits});
            let details = json!({"__type": "PermissionDescriptorGroup", "entries": [entry]});
            let body = json!({"name": name(input, Vec::new())?, "description": "", "uxPurpose": "role",
                "details": details});
            ("POST", below(&["roles"]), body)
        }
    })
}
