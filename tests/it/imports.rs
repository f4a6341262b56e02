//! Import then plan is empty: for the demo, for a large organization, and for whatever somebody makes of one.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use bylaws::sandbox::{self, Config, Size, State};
use serde_json::{Value, json};

use crate::support::trials::tried;
use crate::support::{NOW_SECONDS, Stage};

mod newer;

/// Imports in every form, and plans what was written anew. Where something live cannot even be asked for
/// (`incomplete`), that is said, and the rest is imported.
#[track_caller]
fn imports_and_plans_empty(stage: &Stage, may_be_incomplete: bool) {
    let run = |arguments: &[&str]| stage.run_with(arguments, &[("BYLAWS_SCIM_TOKEN", "scim-sandbox")]);
    for form in [&["import"][..], &["import", "--split", "--out", "parts"], &["import", "--out", "one.yaml"]] {
        let ran = run(form);
        let sound = ran.code == 0 || (ran.code == 4 && may_be_incomplete);
        assert!(sound && ran.stdout.contains("\nNo changes"), "{form:?}\n{}\n{}", ran.stdout, ran.stderr);
        let path = form.last().filter(|_| form.len() > 1).unwrap_or(&"bylaws");
        let plan = run(&["plan", path, "--format", "json", "--quiet"]);
        let plan: Value =
            serde_json::from_str(&plan.stdout).unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, plan.stderr));
        assert_eq!(plan["changes"], json!([]), "{plan:#}");
        let again = run(form).ended(ran.code);
        assert!(again.stdout.starts_with("Nothing of acme is missing"), "{}", again.stdout);
    }
    assert!(stage.writes().is_empty());
}

#[test]
fn the_demo_organization_is_imported() {
    imports_and_plans_empty(&Stage::demo(), false);
}

#[test]
fn an_organization_of_two_thousand_teams_is_imported() {
    let size = Size { members: 400, teams: 2_000, services: 60, items_per_service: 8, tokens: 50 };
    let seed = sandbox::generated(&size, NOW_SECONDS);
    let stage = Stage::with(Config { seed: Some(seed), ..Config::default() });
    let run = stage.run(&["import"]).ended(0);
    assert!(run.stdout.contains("\nNo changes. "), "{}", run.stdout);
    let expected = "1 role, 400 members, 2000 teams, 60 services, 50 tokens";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    stage.run(&["plan", "--expect-no-changes", "--quiet"]).ended(0);
}

/// Two hundred changes made by whoever has a token, names and texts as hostile as the service lets them be; what
/// was let through is counted by what it was about.
fn two_hundred_changes(input: &mut Unstructured, made: &mut BTreeMap<String, usize>) -> Result<()> {
    let stage = Stage::demo();
    for _ in 0..200 {
        let (method, path, body) = mutation(input, &stage.service().state())?;
        let status = stage.send(method, &path, &body);
        assert!(status < 500, "{method} {path:?} {body}: {status}");
        // `hooks`, `oidc`, `Users` and the like; only the organization itself has nothing below it.
        let about = if path[1] == "stacks" { "tags" } else { path.get(3).map_or("settings", String::as_str) };
        if status < 300 {
            *made.entry(format!("{method} {about}")).or_default() += 1;
        }
    }
    stage.service().clear_requests();
    imports_and_plans_empty(&stage, true);
    Ok(())
}

/// What somebody has to have done for the law below to say anything about it.
const CHANGED: [&str; 28] = [
    "DELETE hooks",
    "DELETE invites",
    "DELETE members",
    "DELETE oidc",
    "DELETE roles",
    "DELETE services",
    "DELETE teams",
    "DELETE tokens",
    "PATCH Groups",
    "PATCH Users",
    "PATCH hooks",
    "PATCH members",
    "PATCH oidc",
    "PATCH roles",
    "PATCH services",
    "PATCH settings",
    "PATCH teams",
    "POST Users",
    "POST hooks",
    "POST invites",
    "POST members",
    "POST oidc",
    "POST roles",
    "POST services",
    "POST tags",
    "POST teams",
    "POST tokens",
    "PATCH auth",
];

/// What no manifest may say takes only its own field along, also where a kind is one thing and not many.
#[test]
fn a_setting_that_no_manifest_may_have_is_left_out_alone() {
    let stage = Stage::demo();
    let admin = stage.service().state().role_by_identifier("admin").unwrap().id.clone();
    assert!(stage.send("PATCH", &below(&["roles", &admin, "default"]), &Value::Null) < 300);
    let run = stage.run(&["import"]).ended(0);
    assert!(run.stdout.contains("defaultRole"), "{}", run.stdout);
    let settings = std::fs::read_to_string(stage.folder.path().join("bylaws/settings.yaml")).unwrap();
    assert!(settings.contains("membersCanCreateTeams") && !settings.contains("defaultRole"), "{settings}");
}

#[test]
fn whatever_an_organization_has_become_is_imported() {
    let mut made = BTreeMap::new();
    tried(4, 1 << 15..=1 << 16, |input| two_hundred_changes(input, &mut made));
    for what in CHANGED {
        assert!(made.contains_key(what), "nowhere was there a {what}: {made:#?}");
    }
}

pub fn text(input: &mut Unstructured) -> Result<String> {
    const PIECES: &[&str] = &[
        "a",
        "Zoé",
        " ",
        "\n",
        "\n\n",
        "\t",
        "\r\n",
        ": ",
        " #",
        "#",
        "- ",
        "---",
        "...",
        "%",
        "'",
        "\"",
        "\\",
        "|",
        ">",
        "{",
        "}",
        "[",
        "]",
        ",",
        "yes",
        "null",
        "1",
        "2027-05-01",
        "*a",
        "&a",
        "!!x",
        "<<",
        "\u{0}",
        "\u{1b}[2J",
        "\u{202e}",
        "\u{200b}",
        "\u{feff}",
        "\u{85}",
        "🧑‍🚀",
        "pul-0123456789abcdef0123",
        "::add-mask::x",
        "`",
        "@",
    ];
    let mut text = String::new();
    for _ in 0..input.int_in_range(0..=6)? {
        text.push_str(input.choose(PIECES)?);
    }
    Ok(text)
}

/// A name out of a few, so that things meet; at times a new one, as bad as it may be.
fn name(input: &mut Unstructured, taken: Vec<String>) -> Result<String> {
    const NAMES: &[&str] = &[
        "alpha",
        "Alpha",
        "beta",
        "yes",
        "null",
        "1",
        "0x1f",
        "2027-05-01",
        "a b",
        "a: b",
        "a#b",
        "-x",
        "*x",
        "&x",
        "%2e%2e",
        "a/b",
        "..",
        "tokens",
        "<<",
        "Ünal",
        "con",
        "a\u{202e}b",
        "a\u{200b}",
        "ci.3-abcdef",
        "{a}",
        "[a",
        "'",
        "\"",
        "a,b",
        "pul-0123456789abcdef0123",
    ];
    match (input.int_in_range(0..=9)?, taken.is_empty()) {
        (0..=5, false) => Ok(input.choose(&taken)?.clone()),
        (9, _) => text(input),
        _ => Ok((*input.choose(NAMES)?).to_owned()),
    }
}

fn permission(input: &mut Unstructured) -> Result<Value> {
    let permissions = ["stack:read", "stack:write", "environment:open", "stack:delete"];
    let count = input.int_in_range(0..=3)?;
    let some = (0..count).map(|_| Ok(*input.choose(&permissions)?)).collect::<Result<Vec<_>>>()?;
    Ok(json!({"__type": "PermissionDescriptorAllow", "permissions": some}))
}

/// A permission tree: sometimes of the shape that `grants` has, sometimes of none.
fn details(input: &mut Unstructured, state: &State) -> Result<Value> {
    if input.arbitrary()? {
        return permission(input);
    }
    let mut entries = Vec::new();
    for _ in 0..input.int_in_range(0..=3)? {
        let mut condition = Value::Null;
        for _ in 0..input.int_in_range(1..=3)? {
            let ids: Vec<&String> = state.stacks.values().map(|it| &it.id).collect();
            let equal = json!({
                "__type": "PermissionExpressionEqual",
                "left": {"__type": "PermissionExpressionStack"},
                "right": {"__type": "PermissionLiteralExpressionStack", "identity": input.choose(&ids)?},
            });
            condition = match condition {
                Value::Null => equal,
                left => json!({"__type": "PermissionExpressionOr", "left": left, "right": equal}),
            };
        }
        if input.ratio(1, 4)? {
            condition = json!({"__type": "PermissionExpressionNot", "node": condition});
        }
        let sub_node = permission(input)?;
        entries.push(json!({"__type": "PermissionDescriptorCondition", "condition": condition, "subNode": sub_node}));
    }
    Ok(json!({"__type": "PermissionDescriptorGroup", "entries": entries}))
}

/// Method, path and body.
pub type Request = (&'static str, Vec<String>, Value);

/// The path of something below the organization.
pub fn below(parts: &[&str]) -> Vec<String> {
    ["api", "orgs", "acme"].iter().chain(parts).map(|it| (*it).to_owned()).collect()
}

/// One change of the organization, or an attempt at one.
pub fn mutation(input: &mut Unstructured, state: &State) -> Result<Request> {
    let teams = || state.teams.keys().cloned().collect::<Vec<_>>();
    let logins = || state.members.keys().chain(state.accounts.keys()).cloned().collect::<Vec<_>>();
    let path = below;
    Ok(match input.int_in_range(0..=24)? {
        16.. => return newer::change(input, state),
        0 => {
            let role = *input.choose(&["member", "admin", "billing-manager"])?;
            ("POST", path(&["members", &name(input, logins())?]), json!({"role": role}))
        }
        1 => {
            let roles: Vec<&String> = state.roles.keys().collect();
            ("PATCH", path(&["members", &name(input, logins())?]), json!({"fgaRoleId": input.choose(&roles)?}))
        }
        2 => {
            let login = name(input, logins())?;
            // Somebody must be left who may look.
            let login = if login == "alice" { "mallory".to_owned() } else { login };
            ("DELETE", path(&["members", &login]), Value::Null)
        }
        3 | 4 => {
            let body =
                json!({"name": name(input, Vec::new())?, "displayName": text(input)?, "description": text(input)?});
            ("POST", path(&["teams", "pulumi"]), body)
        }
        5 => ("DELETE", path(&["teams", &name(input, teams())?]), Value::Null),
        6 => {
            let action = *input.choose(&["add", "remove", "promote", "demote"])?;
            let body = json!({"memberAction": action, "member": name(input, logins())?});
            ("PATCH", path(&["teams", &name(input, teams())?]), body)
        }
        7 => {
            let body = match input.int_in_range(0..=3)? {
                0 => json!({"newDescription": text(input)?}),
                1 => json!({"newDisplayName": text(input)?}),
                2 => json!({"addStackPermission": {"projectName": "shop", "stackName": "prod",
                    "permission": input.int_in_range(101..=103)?}}),
                _ => json!({"addEnvironmentPermission": {"projectName": "shop", "envName": "prod",
                    "permission": input.choose(&["read", "open", "write", "admin"])?,
                    "maxOpenDuration": input.choose(&["", "90m", "1h0m0s", "36h"])?}}),
            };
            ("PATCH", path(&["teams", &name(input, teams())?]), body)
        }
        8 => {
            let roles: Vec<&String> = state.roles.keys().collect();
            let method = *input.choose(&["POST", "POST", "DELETE"])?;
            (method, path(&["teams", &name(input, teams())?, "roles", input.choose(&roles)?]), Value::Null)
        }
        9 => {
            let (kind, owner) = match input.arbitrary()? {
                true => ("team", name(input, teams())?),
                false => ("user", name(input, logins())?),
            };
            let mut properties = Vec::new();
            for order in 0..input.int_in_range(0..=3)? {
                let kind = *input.choose(&["string", "url", "\u{202e}"])?;
                properties.push(json!({"key": text(input)?, "value": text(input)?, "type": kind, "order": order}));
            }
            let mut items = Vec::new();
            for _ in 0..input.int_in_range(0..=3)? {
                let (kind, name) =
                    *input.choose(&[("stack", "shop/prod"), ("stack", "etl/prod"), ("environment", "ci/tokens")])?;
                items.push(json!({"type": kind, "name": name}));
            }
            let service = name(input, Vec::new())?;
            let body = json!({"ownerType": kind, "ownerName": owner, "name": service, "description": text(input)?,
                "properties": properties, "items": items});
            ("POST", path(&["services"]), body)
        }
        10 => {
            let services: Vec<_> = state.services.values().collect();
            let Some(service) = services.get(input.choose_index(services.len().max(1))?) else {
                return Ok(("DELETE", path(&["services", "team", "x", "y"]), Value::Null));
            };
            let at = path(&["services", &service.owner.kind, &service.owner.name, &service.name]);
            match input.int_in_range(0..=2)? {
                0 => ("DELETE", at, Value::Null),
                1 => ("PATCH", at, json!({"name": name(input, Vec::new())?})),
                _ => ("PATCH", at, json!({"description": text(input)?})),
            }
        }
        11 => {
            let body = json!({"name": name(input, Vec::new())?, "description": text(input)?, "uxPurpose": "role",
                "details": details(input, state)?});
            ("POST", path(&["roles"]), body)
        }
        12 => {
            let roles: Vec<&String> = state.roles.keys().collect();
            let role = input.choose(&roles)?.as_str();
            match input.int_in_range(0..=2)? {
                0 => ("DELETE", path(&["roles", role]), Value::Null),
                _ => {
                    let body = json!({"name": name(input, Vec::new())?, "description": text(input)?,
                        "details": details(input, state)?});
                    ("PATCH", path(&["roles", role]), body)
                }
            }
        }
        13 | 14 => {
            let expires = match input.arbitrary()? {
                true => NOW_SECONDS + input.int_in_range(1..=600)? * 86_400 + input.int_in_range(0..=1)? * 17,
                false => 0,
            };
            let mut body = json!({"name": name(input, Vec::new())?, "description": text(input)?, "expires": expires});
            if input.arbitrary()? {
                return Ok(("POST", path(&["teams", &name(input, teams())?, "tokens"]), body));
            }
            let roles: Vec<&String> = state.roles.keys().collect();
            body["admin"] = json!(false);
            if input.arbitrary()? {
                body["roleID"] = json!(input.choose(&roles)?);
            }
            ("POST", path(&["tokens"]), body)
        }
        _ => {
            let tokens: Vec<&String> = state.tokens.keys().collect();
            match tokens.is_empty() {
                true => ("DELETE", path(&["tokens", "none"]), Value::Null),
                false => ("DELETE", path(&["tokens", input.choose(&tokens)?]), Value::Null),
            }
        }
    })
}
