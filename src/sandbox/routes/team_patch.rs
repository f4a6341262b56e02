//! PATCH of a team: text, membership and grants, one action a request.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::clock::format_go_duration;
use crate::sandbox::clock::parse_go_duration;
use crate::sandbox::routes::teams;
use crate::sandbox::state::EnvironmentGrant;
use crate::sandbox::state::Team;

/// What a body asks for.
enum Action {
    Text { display_name: Option<String>, description: Option<String> },
    Person { action: String, login: String },
    Stack { name: String, permission: i64, add: bool },
    NoStack(String),
    Environment { name: String, grant: EnvironmentGrant, add: bool },
    NoEnvironment(String),
}

/// A body without a field the service knows changes nothing, and is a success.
pub fn change(ask: &mut Ask) -> Outcome {
    teams::need_teams(ask)?;
    let name = teams::named(ask)?.name.clone();
    teams::need(ask, "team:update")?;
    let body = ask.body()?;
    let mut actions = actions(&body)?;
    if actions.len() > 1 {
        return Err(Refusal::bad_request("only one action is allowed in a request"));
    }
    let Some(action) = actions.pop() else { return Answer::nothing() };
    let mut team = teams::named(ask)?.clone();
    perform(ask, &mut team, action)?;
    ask.state.teams.insert(name.clone(), team);
    ask.audit("team-updated", format!("Updated team \"{name}\""));
    Answer::nothing()
}

fn actions(body: &Body) -> Result<Vec<Action>, Refusal> {
    let mut actions = Vec::new();
    let display_name = body.maybe_text("newDisplayName")?;
    let description = body.maybe_text("newDescription")?;
    if display_name.is_some() || description.is_some() {
        actions.push(Action::Text { display_name, description });
    }
    if body.has("memberAction") || body.has("member") {
        let (action, login) = (body.text("memberAction")?, body.name("member")?);
        if !matches!(action.as_str(), "add" | "remove" | "promote" | "demote") {
            return Err(Refusal::bad_request(format!("Invalid member action '{action}'")));
        }
        actions.push(Action::Person { action, login });
    }
    for (field, add) in [("addStackPermission", true), ("editStackPermission", false)] {
        if body.has(field) {
            let part = body.object(field)?;
            let permission = part.integer("permission")?;
            if !matches!(permission, 101..=103) {
                let detail = format!("stack permission {permission} is not a recognized value");
                return Err(Refusal::bad_request(detail));
            }
            actions.push(Action::Stack { name: stack(&part)?, permission, add });
        }
    }
    if body.has("removeStack") {
        actions.push(Action::NoStack(stack(&body.object("removeStack")?)?));
    }
    for (field, add) in [("addEnvironmentPermission", true), ("editEnvironmentPermission", false)] {
        if body.has(field) {
            let part = body.object(field)?;
            let (name, grant) = (environment(&part)?, grant(&part)?);
            actions.push(Action::Environment { name, grant, add });
        }
    }
    if body.has("removeEnvironment") {
        actions.push(Action::NoEnvironment(environment(&body.object("removeEnvironment")?)?));
    }
    Ok(actions)
}

fn stack(part: &Body) -> Result<String, Refusal> {
    Ok(format!("{}/{}", part.name("projectName")?, part.name("stackName")?))
}

fn environment(part: &Body) -> Result<String, Refusal> {
    Ok(format!("{}/{}", part.name("projectName")?, part.name("envName")?))
}

fn grant(part: &Body) -> Result<EnvironmentGrant, Refusal> {
    let permission = part.text("permission")?;
    if !matches!(permission.as_str(), "read" | "open" | "write" | "admin") {
        let detail = format!("environment permission '{permission}' is not a recognized value");
        return Err(Refusal::bad_request(detail));
    }
    let max_open_duration = match part.maybe_text("maxOpenDuration")?.as_deref() {
        None | Some("") => None,
        Some(text) => {
            let length = parse_go_duration(text).filter(|it| *it > 0);
            let length = length.ok_or_else(|| Refusal::bad_request("invalid maxOpenDuration"))?;
            Some(format_go_duration(length))
        }
    };
    Ok(EnvironmentGrant { permission, max_open_duration })
}

fn perform(ask: &Ask, team: &mut Team, action: Action) -> Result<(), Refusal> {
    match action {
        Action::Text { display_name, description } => {
            if team.kind == "scim" {
                let detail = "The team is managed by SCIM; its name cannot be changed here.";
                return Err(Refusal::bad_request(detail));
            }
            if let Some(text) = display_name {
                if text.chars().count() > teams::DISPLAY_NAME {
                    let detail = "Display name too long. Max length 100 characters.";
                    return Err(Refusal::bad_request(detail));
                }
                team.display_name = if text.is_empty() { team.name.clone() } else { text };
            }
            if let Some(text) = description {
                team.description = text;
            }
        }
        Action::Person { action, login } => person(ask, team, &action, &login)?,
        Action::Stack { name, permission, add } => {
            if !ask.state.stacks.contains_key(&name) {
                return Err(Refusal::not_found("Stack", &name));
            }
            held(team.stacks.contains_key(&name), add, "stack")?;
            team.stacks.insert(name, permission);
        }
        Action::NoStack(name) => {
            if team.stacks.remove(&name).is_none() {
                return Err(Refusal::not_found("Stack permission", &name));
            }
        }
        Action::Environment { name, grant, add } => {
            if !ask.state.environments.contains_key(&name) {
                return Err(Refusal::not_found("Environment", &name));
            }
            held(team.environments.contains_key(&name), add, "environment")?;
            team.environments.insert(name, grant);
        }
        Action::NoEnvironment(name) => {
            if team.environments.remove(&name).is_none() {
                return Err(Refusal::not_found("Environment permission", &name));
            }
        }
    }
    Ok(())
}

/// Adding wants a grant that is not there, editing one that is.
fn held(present: bool, add: bool, sort: &str) -> Result<(), Refusal> {
    match (present, add) {
        (true, true) => Err(Refusal::conflict(format!("The team already has access to the {sort}"))),
        (false, false) => Err(Refusal::new(404, format!("The team has no access to the {sort}"))),
        _ => Ok(()),
    }
}

fn person(ask: &Ask, team: &mut Team, action: &str, login: &str) -> Result<(), Refusal> {
    let moves = matches!(action, "add" | "remove");
    if team.kind == "github" || (moves && team.kind != "pulumi") {
        let detail = format!("Membership of the team is managed by {}.", team.kind);
        return Err(Refusal::bad_request(detail));
    }
    let state = &*ask.state;
    let spelled = match (state.joined(login), state.accounts.get(&login.to_lowercase())) {
        (Some(member), _) => member.login.clone(),
        (None, Some(_)) => {
            let detail = format!("User '{login}' is not a member of the organization");
            return Err(Refusal::bad_request(detail));
        }
        (None, None) => return Err(Refusal::not_found("User", login)),
    };
    let present = team.members.contains_key(&spelled);
    if action == "add" {
        if present {
            return Err(Refusal::conflict(format!("User '{login}' is already on the team")));
        }
        team.members.insert(spelled, "member".to_owned());
        return Ok(());
    }
    if !present {
        return Err(Refusal::new(404, format!("User '{login}' is not on the team")));
    }
    match action {
        "promote" => team.members.insert(spelled, "admin".to_owned()),
        "demote" => team.members.insert(spelled, "member".to_owned()),
        _ => team.members.remove(&spelled),
    };
    Ok(())
}
