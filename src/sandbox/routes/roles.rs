//! Roles: the catalogue, custom roles, and who holds which.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::role_details;
use crate::sandbox::routes::tokens;
use crate::sandbox::scopes;
use crate::sandbox::state::Role;
use crate::sandbox::state::State;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/roles", list),
    inside("POST", "/api/orgs/{org}/roles", create),
    inside("GET", "/api/orgs/{org}/roles/scopes", all_scopes),
    inside("GET", "/api/orgs/{org}/roles/{role}", read),
    inside("PATCH", "/api/orgs/{org}/roles/{role}", update),
    inside("DELETE", "/api/orgs/{org}/roles/{role}", delete),
    inside("PATCH", "/api/orgs/{org}/roles/{role}/default", make_default),
    inside("GET", "/api/orgs/{org}/roles/{role}/users", users),
    inside("GET", "/api/orgs/{org}/roles/{role}/teams", teams),
    inside("GET", "/api/orgs/{org}/roles/{role}/tokens", role_tokens),
];

const PURPOSES: [&str; 5] = ["role", "role_private", "role_temporary", "policy", "set"];

fn list(ask: &mut Ask) -> Outcome {
    ask.need("role:read")?;
    let purpose = ask.query("uxPurpose").unwrap_or("");
    if !PURPOSES.contains(&purpose) {
        return Err(Refusal::bad_request("Role purpose is not valid"));
    }
    let state = &*ask.state;
    let roles = state.roles.values().filter(|it| it.ux_purpose == purpose);
    let roles: Vec<Value> = roles.map(|it| view::role(state, it)).collect();
    Answer::ok(json!({"roles": roles}))
}

fn all_scopes(ask: &mut Ask) -> Outcome {
    ask.need("role:read")?;
    Answer::ok(scopes::catalogue())
}

/// The role the path names.
fn named<'s>(ask: &'s Ask) -> Result<&'s Role, Refusal> {
    let id = ask.part("role");
    ask.state.roles.get(&id).ok_or_else(|| Refusal::not_found("Role", &id))
}

/// The custom role the path names; built-in ones cannot be changed.
fn custom(ask: &Ask) -> Result<String, Refusal> {
    let role = named(ask)?;
    if role.default_identifier.is_some() {
        return Err(Refusal::bad_request("Built-in roles cannot be changed."));
    }
    Ok(role.id.clone())
}

fn read(ask: &mut Ask) -> Outcome {
    ask.need("role:read")?;
    Answer::ok(view::role(ask.state, named(ask)?))
}

fn taken(state: &State, name: &str, purpose: &str, but: &str) -> bool {
    let mut roles = state.roles.values();
    roles.any(|it| it.name == name && it.ux_purpose == purpose && it.id != but)
}

fn create(ask: &mut Ask) -> Outcome {
    ask.need("role:create")?;
    ask.need_feature("customRolesEnabled")?;
    ask.flag("createPolicyAndRole")?;
    let body = ask.body()?;
    let name = body.name("name")?;
    let description = body.maybe_text("description")?.unwrap_or_default();
    let resource_type = body.maybe_text("resourceType")?.unwrap_or("global".to_owned());
    let ux_purpose = body.maybe_text("uxPurpose")?.unwrap_or("role".to_owned());
    if !PURPOSES.contains(&ux_purpose.as_str()) {
        return Err(Refusal::bad_request("Role purpose is not valid"));
    }
    let Some(details) = body.get("details").cloned() else {
        return Err(Refusal::bad_request("missing required field 'details'"));
    };
    role_details::check(ask.state, &details)?;
    if taken(ask.state, &name, &ux_purpose, "") {
        return Err(Refusal::conflict("Role with this name already exists"));
    }
    let role = Role {
        id: ask.state.next_id("r"),
        name,
        description,
        resource_type,
        ux_purpose,
        details,
        default_identifier: None,
        version: 1,
        created: ask.now,
        modified: ask.now,
    };
    ask.audit("custom-role-created", format!("Created custom role \"{}\"", role.name));
    let answer = view::role(ask.state, &role);
    ask.state.roles.insert(role.id.clone(), role);
    Answer::ok(answer)
}

fn update(ask: &mut Ask) -> Outcome {
    ask.need("role:update")?;
    let id = custom(ask)?;
    let body = ask.body()?;
    let old = named(ask)?;
    let mut role = old.clone();
    if body.has("name") {
        role.name = body.name("name")?;
    }
    if let Some(description) = body.maybe_text("description")? {
        role.description = description;
    }
    if let Some(details) = body.get("details") {
        role_details::check(ask.state, details)?;
        if role_details::refers_to(details, &id) {
            return Err(Refusal::bad_request("a role cannot be composed of itself"));
        }
        role.details = details.clone();
    }
    if taken(ask.state, &role.name, &role.ux_purpose, &id) {
        return Err(Refusal::conflict("Role with this name already exists"));
    }
    role.version += 1;
    role.modified = ask.now;
    ask.audit("custom-role-updated", format!("Updated custom role \"{}\"", role.name));
    let answer = view::role(ask.state, &role);
    ask.state.roles.insert(id, role);
    Answer::ok(answer)
}

fn delete(ask: &mut Ask) -> Outcome {
    ask.need("role:delete")?;
    let force = ask.flag("force")?;
    let id = custom(ask)?;
    let state = &*ask.state;
    if state.organization.default_role == id {
        return Err(Refusal::bad_request("The default role of the organization cannot be deleted."));
    }
    // Not even `force` breaks a reference from another role.
    if state.roles.values().any(|it| role_details::refers_to(&it.details, &id)) {
        return Err(Refusal::conflict("Role is referenced by another role"));
    }
    let assigned = state.members.values().any(|it| it.role == id)
        || state.teams.values().any(|it| it.roles.contains(&id))
        || state.tokens.values().any(|it| it.role.as_ref() == Some(&id));
    if assigned && !force {
        return Err(Refusal::conflict("Role is currently assigned to members, teams or tokens"));
    }
    let default = state.organization.default_role.clone();
    for member in ask.state.members.values_mut().filter(|it| it.role == id) {
        member.role = default.clone();
        member.explicit = false;
    }
    for team in ask.state.teams.values_mut() {
        team.roles.retain(|it| *it != id);
    }
    for token in ask.state.tokens.values_mut().filter(|it| it.role.as_ref() == Some(&id)) {
        token.role = None;
    }
    let name = ask.state.roles.remove(&id).map(|it| it.name).unwrap_or_default();
    ask.audit("custom-role-deleted", format!("Deleted custom role \"{name}\""));
    Answer::nothing()
}

fn make_default(ask: &mut Ask) -> Outcome {
    ask.need("organization:update")?;
    let role = named(ask)?;
    let identifier = role.default_identifier.as_deref();
    if role.ux_purpose != "role" || identifier == Some("billing-manager") {
        return Err(Refusal::bad_request("Invalid role type"));
    }
    let (id, name) = (role.id.clone(), role.name.clone());
    ask.state.organization.default_role = id;
    ask.audit("organization-settings-changed", format!("Changed the default role to \"{name}\""));
    Answer::nothing()
}

/// People the role was given to; those who merely have the default role are not listed.
fn users(ask: &mut Ask) -> Outcome {
    ask.need("role:read")?;
    let (state, role) = (&*ask.state, named(ask)?);
    let members = state.members.values().filter(|it| it.role == role.id);
    let default = state.organization.default_role == role.id;
    let members = members.filter(|it| it.explicit || !default);
    let users: Vec<Value> = members.map(|it| view::user(state, &it.login)).collect();
    Answer::ok(json!({"users": users}))
}

fn teams(ask: &mut Ask) -> Outcome {
    ask.need("role:read")?;
    let role = named(ask)?;
    let teams = ask.state.teams.values().filter(|it| it.roles.contains(&role.id));
    let teams: Vec<Value> = teams.map(view::team_line).collect();
    Answer::ok(json!({"teams": teams}))
}

fn role_tokens(ask: &mut Ask) -> Outcome {
    ask.need("role:read")?;
    let (state, role) = (&*ask.state, named(ask)?);
    let held = state.tokens.values().filter(|it| tokens::role_of(state, it) == Some(&role.id));
    let tokens: Vec<Value> = held.map(|it| tokens::view(state, it)).collect();
    Answer::ok(json!({"tokens": tokens}))
}
