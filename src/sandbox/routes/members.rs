//! Members: two rosters, adding, changing roles, removing.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::clock::UNSET;
use crate::sandbox::page::Page;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::state::Member;
use crate::sandbox::state::State;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/members", list),
    inside("POST", "/api/orgs/{org}/members/{login}", add),
    inside("PATCH", "/api/orgs/{org}/members/{login}", change),
    inside("DELETE", "/api/orgs/{org}/members/{login}", remove),
    inside("POST", "/api/orgs/{org}/members/{login}/set-admin", set_admin),
    inside("GET", "/api/orgs/{org}/members/{login}/teams", teams),
];

fn list(ask: &mut Ask) -> Outcome {
    ask.need("org_member:read")?;
    let frontend = match ask.query("type") {
        None | Some("frontend") => true,
        Some("backend") => false,
        Some(_) => return Err(Refusal::bad_request("invalid query parameter 'type'")),
    };
    let page = Page::of(ask, if frontend { "frontend" } else { "backend" })?;
    let state = &*ask.state;
    let wanted = |it: &Member| if frontend { it.frontend } else { it.backend };
    let (entries, token) = page.cut(&state.members, wanted);
    let mut members: Vec<Value> = entries.into_iter().map(|(_, it)| view::member(state, it)).collect();
    // Some organizations appear among their own members: here on the first page of either roster.
    if state.organization.lists_itself && ask.query("continuationToken").is_none() {
        members.insert(0, itself(state));
    }
    let mut answer = json!({"members": members});
    if let Some(token) = token {
        answer["continuationToken"] = json!(token);
    }
    Answer::ok(answer)
}

fn itself(state: &State) -> Value {
    json!({
        "role": "admin",
        "user": {
            "githubLogin": state.organization.slug,
            "name": state.organization.name,
            "avatarUrl": "",
        },
        "created": UNSET,
        "knownToPulumi": true,
        "virtualAdmin": true,
        "fgaRole": {"id": "", "name": "", "modifiedAt": UNSET},
    })
}

/// Built-in roles by the name that requests use.
fn built_in(state: &State, name: &str) -> Result<String, Refusal> {
    let role = match name {
        "member" | "admin" | "billing-manager" => state.role_by_identifier(name),
        _ => None,
    };
    role.map(|it| it.id.clone()).ok_or_else(|| Refusal::bad_request(format!("Invalid organization role '{name}'.")))
}

fn add(ask: &mut Ask) -> Outcome {
    ask.need("org_member:add")?;
    let key = ask.part("login").to_lowercase();
    let role = ask.body()?.text("role")?;
    let role = built_in(ask.state, &role)?;
    if ask.state.joined(&key).is_some() {
        return Err(Refusal::conflict("User is already an organization member."));
    }
    let Some(account) = ask.state.accounts.get(&key) else {
        return Err(Refusal::not_found("User", &ask.part("login")));
    };
    let login = account.login.clone();
    let most = ask.state.organization.max_members;
    if most.is_some_and(|it| ask.state.member_count() as i64 >= it) {
        return Err(Refusal::bad_request("The organization has no seats left."));
    }
    let member = Member {
        login: login.clone(),
        explicit: role != ask.state.organization.default_role,
        role,
        created: Some(ask.now),
        frontend: true,
        backend: true,
        known: true,
        virtual_admin: false,
    };
    let answer = view::member(ask.state, &member);
    ask.state.members.insert(key, member);
    ask.audit("member-added", format!("Added member \"{login}\""));
    Answer::ok(answer)
}

fn change(ask: &mut Ask) -> Outcome {
    ask.need("org_member:update")?;
    let key = ask.part("login").to_lowercase();
    let body = ask.body()?;
    let role = match (body.maybe_text("fgaRoleId")?, body.maybe_text("role")?) {
        (Some(id), _) => match ask.state.roles.get(&id) {
            Some(role) if role.ux_purpose == "role" => id,
            _ => return Err(Refusal::bad_request("Invalid parameter 'roleID'.")),
        },
        (None, Some(name)) if ask.rules.member_role_by_name => built_in(ask.state, &name)?,
        (None, Some(_)) => return Err(Refusal::new(404, "Role not found")),
        (None, None) => return Err(Refusal::bad_request("missing required field 'role'")),
    };
    let name = ask.state.roles.get(&role).map(|it| it.name.clone()).unwrap_or_default();
    let Some(member) = ask.state.members.get_mut(&key).filter(|it| it.known) else {
        return Err(Refusal::not_found("User", &ask.part("login")));
    };
    member.role = role;
    member.explicit = true;
    let login = member.login.clone();
    ask.audit("member-role-changed", format!("Changed the role of \"{login}\" to \"{name}\""));
    Answer::nothing()
}

fn remove(ask: &mut Ask) -> Outcome {
    let key = ask.part("login").to_lowercase();
    if ask.caller.machine.is_none() && key == ask.caller.login.to_lowercase() {
        return Err(Refusal::bad_request("You cannot remove yourself from the organization."));
    }
    ask.need("org_member:delete")?;
    let Some(member) = ask.state.joined(&key) else {
        return Err(Refusal::not_found("User", &ask.part("login")));
    };
    let login = member.login.clone();
    if matches!(ask.state.organization.kind.as_str(), "pulumi" | "single-user") {
        ask.state.members.remove(&key);
    } else {
        // The identity provider still knows them, and says that they could join.
        let potential = Member { login: login.clone(), backend: true, ..Member::default() };
        ask.state.members.insert(key, potential);
    }
    for team in ask.state.teams.values_mut() {
        team.members.remove(&login);
    }
    for stack in ask.state.stacks.values_mut() {
        stack.collaborators.remove(&login);
    }
    ask.audit("member-removed", format!("Removed member \"{login}\""));
    Answer::nothing()
}

fn set_admin(ask: &mut Ask) -> Outcome {
    ask.need("org_member:set_admin")?;
    if !matches!(ask.state.organization.product.as_str(), "team-starter" | "team-growth") {
        let detail = "Wrong API. Use the regular update Pulumi organization member endpoint instead.";
        return Err(Refusal::bad_request(detail));
    }
    let (key, caller) = (ask.part("login").to_lowercase(), ask.caller.login.to_lowercase());
    if ask.state.joined(&key).is_none() {
        return Err(Refusal::not_found("User", &ask.part("login")));
    }
    let (admin, member) = (built_in(ask.state, "admin")?, built_in(ask.state, "member")?);
    if let Some(it) = ask.state.members.get_mut(&caller) {
        it.role = member;
    }
    if let Some(it) = ask.state.members.get_mut(&key) {
        it.role = admin;
        it.explicit = true;
    }
    ask.audit("member-role-changed", format!("Changed the role of \"{key}\" to \"Admin\""));
    Answer::nothing()
}

/// The teams of a person, by display name.
fn teams(ask: &mut Ask) -> Outcome {
    ask.need("org_member:read")?;
    let Some(member) = ask.state.joined(&ask.part("login")) else {
        return Err(Refusal::bad_request("User is not a member of the organization."));
    };
    let teams = ask.state.teams.values().filter(|it| it.members.contains_key(&member.login));
    let names: Vec<&str> = teams.map(|it| it.display_name.as_str()).collect();
    Answer::ok(json!({"teams": names}))
}
