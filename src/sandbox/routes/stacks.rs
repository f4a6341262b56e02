//! Stacks: whose they are, who may see them, which teams have access, and their tags.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::caller::Caller;
use crate::sandbox::page::Page;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::signed;
use crate::sandbox::state::Stack;
use crate::sandbox::state::State;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    signed("GET", "/api/user/stacks", list),
    inside("HEAD", "/api/stacks/{org}/{project}", project),
    inside("GET", "/api/stacks/{org}/{project}/{stack}", read),
    inside("GET", "/api/stacks/{org}/{project}/{stack}/metadata", metadata),
    inside("GET", "/api/stacks/{org}/{project}/{stack}/teams", teams),
    inside("GET", "/api/stacks/{org}/{project}/{stack}/collaborators", collaborators),
    inside("DELETE", "/api/stacks/{org}/{project}/{stack}/collaborators/{login}", expel),
    inside("PATCH", "/api/console/stacks/{org}/{project}/{stack}/teams/{team}", grant),
    inside("GET", "/api/console/orgs/{org}/members/{login}/stacks/{project}/{stack}", access),
];

/// Whether a caller sees a stack.
pub fn visible(state: &State, caller: &Caller, name: &str) -> bool {
    let Some(stack) = state.stacks.get(name) else { return false };
    if caller.may("stack:read") || caller.may("stack:list") || default_permission(state) > 0 {
        return true;
    }
    let granted = |it: &String| state.teams.get(it).is_some_and(|it| it.stacks.contains_key(name));
    stack.creator == caller.login || stack.collaborators.contains_key(&caller.login) || caller.teams.iter().any(granted)
}

fn default_permission(state: &State) -> i64 {
    let setting = state.organization.settings.get("defaultStackPermission");
    setting.and_then(Value::as_i64).unwrap_or(0)
}

fn list(ask: &mut Ask) -> Outcome {
    let page = Page::of(ask, "stacks")?;
    let (state, caller) = (&*ask.state, ask.caller);
    let slug = &state.organization.slug;
    let elsewhere = ask.query("organization").is_some_and(|it| it != slug) || !caller.belongs;
    if elsewhere {
        return Answer::ok(json!({"stacks": []}));
    }
    let tag = ask.query("tagName").map(|name| (name, ask.query("tagValue")));
    let tagged = |it: &Stack| match tag {
        None => true,
        Some((name, None)) => it.tags.contains_key(name),
        Some((name, Some(value))) => it.tags.get(name).is_some_and(|it| it == value),
    };
    let project = ask.query("project");
    let keep = |name: &String, it: &Stack| {
        let (found, _) = view::halves(name);
        project.is_none_or(|it| it == found) && tagged(it) && visible(state, caller, name)
    };
    let (entries, token) = page.cut_named(&state.stacks, keep);
    let stacks = entries.into_iter().map(|(name, stack)| {
        let (project, short) = view::halves(name);
        let mut line = json!({
            "id": stack.id,
            "orgName": slug,
            "projectName": project,
            "stackName": short,
            "resourceCount": stack.resources,
        });
        if let Some(update) = stack.last_update {
            line["lastUpdate"] = json!(update);
        }
        line
    });
    let mut answer = json!({"stacks": stacks.collect::<Value>()});
    if let Some(token) = token {
        answer["continuationToken"] = json!(token);
    }
    Answer::ok(answer)
}

/// `project/stack` of the path, if the caller sees it.
pub fn named(ask: &Ask) -> Result<String, Refusal> {
    let name = format!("{}/{}", ask.part("project"), ask.part("stack"));
    if visible(ask.state, ask.caller, &name) {
        return Ok(name);
    }
    Err(Refusal::not_found("Stack", &name))
}

/// The stack the path names.
pub fn found<'s>(ask: &'s Ask) -> Result<&'s Stack, Refusal> {
    let name = named(ask)?;
    ask.state.stacks.get(&name).ok_or_else(|| Refusal::not_found("Stack", &name))
}

fn project(ask: &mut Ask) -> Outcome {
    let prefix = format!("{}/", ask.part("project"));
    if !ask.state.stacks.keys().any(|it| it.starts_with(&prefix)) {
        return Err(Refusal::not_found("Project", &ask.part("project")));
    }
    Answer::ok(Value::Null)
}

fn read(ask: &mut Ask) -> Outcome {
    let stack = found(ask)?;
    Answer::ok(json!({
        "id": stack.id,
        "orgName": ask.state.organization.slug,
        "projectName": ask.part("project"),
        "stackName": ask.part("stack"),
        "activeUpdate": "",
        "version": stack.version,
        "tags": stack.tags,
    }))
}

fn metadata(ask: &mut Ask) -> Outcome {
    let stack = found(ask)?;
    Answer::ok(json!({
        "orgName": ask.state.organization.slug,
        "projectName": ask.part("project"),
        "stackName": ask.part("stack"),
        "ownedBy": view::user(ask.state, &stack.creator),
        "notificationSettings": {"notifyUpdateFailure": false, "notifyUpdateSuccess": false},
    }))
}

/// The reverse view of team grants.
fn teams(ask: &mut Ask) -> Outcome {
    let name = named(ask)?;
    let granted = ask.state.teams.values().filter_map(|team| {
        let permission = team.stacks.get(&name)?;
        Some(json!({
            "name": team.name,
            "displayName": team.display_name,
            "description": team.description,
            "permission": permission,
            "isMember": team.members.contains_key(&ask.caller.login),
        }))
    });
    let teams: Vec<Value> = granted.collect();
    Answer::ok(json!({"projectName": ask.part("project"), "teams": teams}))
}

fn collaborators(ask: &mut Ask) -> Outcome {
    ask.need("stack_access:read")?;
    let stack = found(ask)?;
    let users = stack
        .collaborators
        .iter()
        .map(|(login, permission)| json!({"user": view::user(ask.state, login), "permission": permission}));
    let users: Vec<Value> = users.collect();
    Answer::ok(json!({"users": users, "stackCreatorUserName": stack.creator}))
}

fn expel(ask: &mut Ask) -> Outcome {
    ask.need("stack_access:update")?;
    let (name, login) = (named(ask)?, ask.part("login"));
    let gone = ask.state.stacks.get_mut(&name).and_then(|it| it.collaborators.remove(&login));
    match gone {
        Some(_) => Answer::nothing(),
        None => Err(Refusal::not_found("User", &login)),
    }
}

/// The console's way to grant: upserts, and with null takes the grant away.
fn grant(ask: &mut Ask) -> Outcome {
    let team = ask.part("team");
    if !ask.caller.administers.contains(&team) && !ask.caller.may("team:update") {
        return Err(Refusal::forbidden("You do not have permission to update this team."));
    }
    let name = named(ask)?;
    let permission = ask.body()?.maybe_integer("permissions")?;
    if permission.is_some_and(|it| !matches!(it, 0 | 101..=103)) {
        return Err(Refusal::bad_request("Invalid stack permission"));
    }
    let Some(found) = ask.state.teams.get_mut(&team) else {
        return Err(Refusal::not_found("Team", &team));
    };
    match permission.filter(|it| *it != 0) {
        Some(permission) => found.stacks.insert(name, permission),
        None => found.stacks.remove(&name),
    };
    ask.audit("team-updated", format!("Updated team \"{team}\""));
    Answer::nothing()
}

/// Everything one person has on one stack.
fn access(ask: &mut Ask) -> Outcome {
    ask.need("stack_access:read")?;
    let name = named(ask)?;
    let state = &*ask.state;
    let Some(member) = state.joined(&ask.part("login")) else {
        return Err(Refusal::not_found("User", &ask.part("login")));
    };
    let teams = state.teams.values().filter(|it| it.members.contains_key(&member.login));
    let teams = teams.filter_map(|team| {
        let permission = team.stacks.get(&name)?;
        Some(json!({"team": view::team_line(team), "permission": permission}))
    });
    let teams: Vec<Value> = teams.collect();
    let stack = state.stacks.get(&name);
    let explicit = stack.and_then(|it| it.collaborators.get(&member.login)).copied();
    Answer::ok(json!({
        "userInfo": view::user(state, &member.login),
        "organizationRole": state.plain_role(member),
        "organizationDefault": default_permission(state),
        "explicitPermission": explicit.unwrap_or(0),
        "teamPermissions": teams,
    }))
}
