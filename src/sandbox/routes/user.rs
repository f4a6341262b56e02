//! The caller's own account, and what the server can do.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::routes::Door;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::signed;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    signed("GET", "/api/user", me),
    signed("GET", "/api/user/organizations/default", default_organization),
    Route { method: "GET", path: "/api/capabilities", door: Door::Open, work: capabilities },
];

fn me(ask: &mut Ask) -> Outcome {
    let (state, caller) = (&*ask.state, ask.caller);
    let account = state.accounts.get(&caller.login.to_lowercase());
    let organizations: Vec<Value> = if caller.belongs {
        vec![json!({
            "name": state.organization.name,
            "githubLogin": state.organization.slug,
            "avatarUrl": "",
            "role": caller.role,
        })]
    } else {
        Vec::new()
    };
    let mut answer = json!({
        "id": account.map_or("u-0", |it| it.id.as_str()),
        "githubLogin": caller.login,
        "name": account.map_or("", |it| it.name.as_str()),
        "email": account.map_or(String::new(), |it| format!("{}@example.com", it.login)),
        "avatarUrl": "",
        "identities": ["Pulumi"],
        "hasMFA": false,
        "isOrgManaged": false,
        "isManagedByMultiOrg": false,
        "organizations": organizations,
    });
    if let Some(machine) = &caller.machine {
        answer["tokenInfo"] = json!({
            "name": machine.name,
            "organization": state.organization.slug,
            "team": machine.team.as_deref().unwrap_or(""),
        });
    }
    Answer::ok(answer)
}

fn default_organization(ask: &mut Ask) -> Outcome {
    let slug = if ask.caller.belongs { ask.state.organization.slug.as_str() } else { "" };
    Answer::ok(json!({"GitHubLogin": slug, "Messages": []}))
}

fn capabilities(_: &mut Ask) -> Outcome {
    Answer::ok(json!({"capabilities": [{"capability": "api-version", "version": 9}]}))
}
