//! Teams: list, read, create, delete, and the role of a team.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::team_patch;
use crate::sandbox::state::Role;
use crate::sandbox::state::Team;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/teams", list),
    inside("POST", "/api/orgs/{org}/teams/{team}", create),
    inside("GET", "/api/orgs/{org}/teams/{team}", read),
    inside("PATCH", "/api/orgs/{org}/teams/{team}", team_patch::change),
    inside("DELETE", "/api/orgs/{org}/teams/{team}", delete),
    inside("GET", "/api/orgs/{org}/teams/{team}/roles", roles),
    inside("POST", "/api/orgs/{org}/teams/{team}/roles/{role}", set_role),
    inside("DELETE", "/api/orgs/{org}/teams/{team}/roles/{role}", unset_role),
    inside("POST", "/api/orgs/{org}/teams/{team}/enable-team-roles", enable_roles),
];

/// The longest display name.
pub const DISPLAY_NAME: usize = 100;

/// The team the path names.
pub fn named<'s>(ask: &'s Ask) -> Result<&'s Team, Refusal> {
    let name = ask.part("team");
    ask.state.teams.get(&name).ok_or_else(|| Refusal::not_found("Team", &name))
}

/// Refuses callers who neither have the scope nor administer the team.
pub fn need(ask: &Ask, scope: &str) -> Result<(), Refusal> {
    if ask.caller.administers.contains(&ask.part("team")) {
        return Ok(());
    }
    ask.need(scope)
}

/// Organizations of one person have no teams.
pub fn need_teams(ask: &Ask) -> Result<(), Refusal> {
    if ask.state.organization.kind == "single-user" {
        return Err(Refusal::bad_request("Teams are not available to individual orgs."));
    }
    ask.need_feature("teamsEnabled")
}

fn list(ask: &mut Ask) -> Outcome {
    ask.need("team:list")?;
    let teams: Vec<Value> = ask.state.teams.values().map(view::team_line).collect();
    Answer::ok(json!({"teams": teams}))
}

fn read(ask: &mut Ask) -> Outcome {
    ask.need("team:read")?;
    Answer::ok(view::team(ask.state, ask.caller, named(ask)?))
}

/// The segment after `teams/` is the kind here, and a team's name in every other request.
fn create(ask: &mut Ask) -> Outcome {
    match ask.part("team").as_str() {
        "pulumi" => create_pulumi(ask),
        "github" => create_github(ask),
        _ => Err(Refusal::unknown_route()),
    }
}

fn create_pulumi(ask: &mut Ask) -> Outcome {
    need_teams(ask)?;
    ask.need("team:create")?;
    let body = ask.body()?;
    let name = body.name("name")?;
    // Left out, it is the name: the only field of a creation that may be, whatever the published schema says.
    let display_name = body.maybe_text("displayName")?.filter(|it| !it.is_empty());
    let display_name = display_name.unwrap_or_else(|| name.clone());
    let description = body.text("description")?;
    if display_name.chars().count() > DISPLAY_NAME {
        return Err(Refusal::bad_request("Display name too long. Max length 100 characters."));
    }
    let mut team = Team { kind: "pulumi".to_owned(), name, display_name, description, ..Team::default() };
    // Whoever makes a team is in it; a token of the organization is nobody.
    if ask.caller.machine.is_none() {
        team.members.insert(ask.caller.login.clone(), "admin".to_owned());
    }
    keep(ask, team)
}

fn create_github(ask: &mut Ask) -> Outcome {
    need_teams(ask)?;
    ask.need("github_team:create")?;
    let body = ask.body()?;
    let id = match body.maybe_integer("githubTeamID")? {
        None | Some(0) => return Err(Refusal::bad_request("No TeamID provided.")),
        Some(id) => id,
    };
    let Some(found) = ask.state.github_teams.get(&id) else {
        return Err(Refusal::not_found("GitHub Team", &id.to_string()));
    };
    let mirrored = found.members.iter().filter_map(|it| ask.state.joined(it));
    let team = Team {
        kind: "github".to_owned(),
        name: found.slug.clone(),
        display_name: found.name.clone(),
        description: found.description.clone(),
        members: mirrored.map(|it| (it.login.clone(), "member".to_owned())).collect(),
        github_id: Some(id),
        ..Team::default()
    };
    keep(ask, team)
}

fn keep(ask: &mut Ask, team: Team) -> Outcome {
    if ask.state.teams.contains_key(&team.name) {
        return Err(Refusal::conflict("Team with this name already exists"));
    }
    ask.audit("team-created", format!("Created team \"{}\"", team.name));
    let answer = view::team(ask.state, ask.caller, &team);
    ask.state.teams.insert(team.name.clone(), team);
    Answer::created(answer)
}

/// Takes the team's grants and its tokens with it.
fn delete(ask: &mut Ask) -> Outcome {
    need(ask, "team:delete")?;
    let name = named(ask)?.name.clone();
    let tokens = ask.state.tokens.values().filter(|it| it.team.as_ref() == Some(&name));
    let tokens: Vec<String> = tokens.map(|it| it.id.clone()).collect();
    for id in tokens {
        ask.state.revoke(&id);
    }
    ask.state.teams.remove(&name);
    ask.audit("team-deleted", format!("Deleted team \"{name}\""));
    Answer::nothing()
}

fn roles(ask: &mut Ask) -> Outcome {
    ask.need("team:read")?;
    let (state, team) = (&*ask.state, named(ask)?);
    let roles = team.roles.iter().filter_map(|it| state.roles.get(it));
    let roles: Vec<Value> = roles.map(|it| view::role(state, it)).collect();
    // A team without a role is not an empty list.
    if roles.is_empty() {
        return Err(Refusal::new(404, "Role not found"));
    }
    Answer::ok(json!({"roles": roles}))
}

/// Upserts: the role replaces whatever the team had.
fn set_role(ask: &mut Ask) -> Outcome {
    ask.need("role:update")?;
    ask.need("team:update")?;
    ask.need_feature("customRolesEnabled")?;
    let (team, id) = (named(ask)?.name.clone(), ask.part("role"));
    let Some(role) = ask.state.roles.get(&id).filter(|it| it.ux_purpose == "role") else {
        return Err(Refusal::not_found("Role", &id));
    };
    let description = format!("Set the role of team \"{team}\" to \"{}\"", role.name);
    if let Some(team) = ask.state.teams.get_mut(&team) {
        team.roles = vec![id];
    }
    ask.audit("team-updated", description);
    Answer::nothing()
}

fn unset_role(ask: &mut Ask) -> Outcome {
    ask.need("role:update")?;
    ask.need("team:update")?;
    let (team, id) = (named(ask)?.name.clone(), ask.part("role"));
    let Some(held) = ask.state.teams.get_mut(&team).filter(|it| it.roles.contains(&id)) else {
        return Err(Refusal::not_found("Role", &id));
    };
    held.roles.retain(|it| *it != id);
    ask.audit("team-updated", format!("Removed the role of team \"{team}\""));
    Answer::nothing()
}

/// Makes an empty role for the team and gives it to the team.
fn enable_roles(ask: &mut Ask) -> Outcome {
    ask.need("role:create")?;
    ask.need("team:update")?;
    let team = named(ask)?.name.clone();
    let name = format!("{team} team role");
    if ask.state.roles.values().any(|it| it.name == name) {
        return Err(Refusal::bad_request("Role with this name already exists"));
    }
    let role = Role {
        id: ask.state.next_id("r"),
        name,
        resource_type: "global".to_owned(),
        ux_purpose: "role".to_owned(),
        details: json!({"__type": "PermissionDescriptorAllow", "permissions": []}),
        version: 1,
        created: ask.now,
        modified: ask.now,
        ..Role::default()
    };
    let answer = view::role(ask.state, &role);
    if let Some(team) = ask.state.teams.get_mut(&team) {
        team.roles = vec![role.id.clone()];
    }
    ask.audit("custom-role-created", format!("Created custom role \"{}\"", role.name));
    ask.state.roles.insert(role.id.clone(), role);
    Answer::ok(answer)
}
