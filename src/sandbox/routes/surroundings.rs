//! Small routes around the organization: its SAML administrator, GitHub's teams, tags of stacks.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::signed;
use crate::sandbox::routes::stacks;
use crate::sandbox::state::Stack;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/saml/admins", saml_admins),
    inside("POST", "/api/orgs/{org}/saml/admins/{login}", set_saml_admin),
    signed("GET", "/api/user/github/{github}/teams", github_teams),
    inside("POST", "/api/stacks/{org}/{project}/{stack}/tags", add_tag),
    inside("PATCH", "/api/stacks/{org}/{project}/{stack}/tags", replace_tags),
    inside("PATCH", "/api/stacks/{org}/{project}/{stack}/tags/{tag}", change_tag),
    inside("DELETE", "/api/stacks/{org}/{project}/{stack}/tags/{tag}", remove_tag),
];

fn saml_admins(ask: &mut Ask) -> Outcome {
    ask.need("saml:read")?;
    let admins: Vec<Value> = ask.state.saml_admin.iter().map(|it| view::user(ask.state, it)).collect();
    Answer::ok(json!({"samlAdmins": admins}))
}

/// There is exactly one.
fn set_saml_admin(ask: &mut Ask) -> Outcome {
    ask.need("saml:update")?;
    let Some(member) = ask.state.joined(&ask.part("login")) else {
        return Err(Refusal::bad_request("User is not a member of the organization."));
    };
    let login = member.login.clone();
    ask.audit("saml-configuration-updated", format!("Made \"{login}\" the SAML administrator"));
    ask.state.saml_admin = Some(login);
    Answer::nothing()
}

fn github_teams(ask: &mut Ask) -> Outcome {
    let organization = ask.part("github");
    let state = &*ask.state;
    let teams = state.github_teams.iter().filter(|(_, it)| it.organization == organization);
    let teams = teams.map(|(id, it)| {
        let known = state.teams.values().any(|team| team.github_id == Some(*id));
        json!({
            "id": id,
            "name": it.name,
            "slug": it.slug,
            "description": it.description,
            "knownToPulumi": known,
        })
    });
    let teams: Vec<Value> = teams.collect();
    if teams.is_empty() {
        return Err(Refusal::not_found("GitHub organization", &organization));
    }
    Answer::ok(json!({"teams": teams}))
}

/// The stack the path names, whose tags the caller may change.
fn tagged<'s>(ask: &'s mut Ask) -> Result<&'s mut Stack, Refusal> {
    let name = stacks::named(ask)?;
    let mut granted = ask.caller.teams.iter().filter_map(|it| ask.state.teams.get(it)?.stacks.get(&name));
    if !granted.any(|it| matches!(it, 102..=104)) {
        ask.need("stack_tags:update")?;
    }
    ask.state.stacks.get_mut(&name).ok_or_else(|| Refusal::not_found("Stack", &name))
}

fn add_tag(ask: &mut Ask) -> Outcome {
    let body = ask.body()?;
    let (name, value) = (body.name("name")?, body.text("value")?);
    let stack = tagged(ask)?;
    if stack.tags.contains_key(&name) {
        return Err(Refusal::bad_request(format!("tag '{name}' already exists")));
    }
    stack.tags.insert(name, value);
    Answer::nothing()
}

/// Takes away every tag that the body does not name.
fn replace_tags(ask: &mut Ask) -> Outcome {
    let body = ask.body()?;
    let mut tags = BTreeMap::new();
    for name in body.names() {
        tags.insert(name.clone(), body.text(name)?);
    }
    tagged(ask)?.tags = tags;
    Answer::nothing()
}

fn change_tag(ask: &mut Ask) -> Outcome {
    let (name, body) = (ask.part("tag"), ask.body()?);
    body.name("name")?;
    let value = body.text("value")?;
    match tagged(ask)?.tags.get_mut(&name) {
        Some(tag) => *tag = value,
        None => return Err(Refusal::not_found("tag", &name)),
    }
    Answer::nothing()
}

fn remove_tag(ask: &mut Ask) -> Outcome {
    let name = ask.part("tag");
    if tagged(ask)?.tags.remove(&name).is_none() {
        return Err(Refusal::not_found("tag", &name));
    }
    Answer::nothing()
}
