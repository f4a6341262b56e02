//! Pieces of answers that several routes share: people, members, roles, teams.

use crate::sandbox::caller::Caller;
use crate::sandbox::clock::UNSET;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::state::Member;
use crate::sandbox::state::Role;
use crate::sandbox::state::State;
use crate::sandbox::state::Team;
use serde_json::Value;
use serde_json::json;

/// A person as others see them. E-mail addresses are withheld.
pub fn user(state: &State, login: &str) -> Value {
    let account = state.accounts.get(&login.to_lowercase());
    let login = account.map_or(login, |it| it.login.as_str());
    let name = account.map_or("", |it| it.name.as_str());
    json!({"githubLogin": login, "name": name, "avatarUrl": ""})
}

pub fn member(state: &State, member: &Member) -> Value {
    let role = state.roles.get(&member.role);
    json!({
        "role": state.plain_role(member),
        "user": user(state, &member.login),
        "created": member.created.map_or(UNSET.to_owned(), rfc3339),
        "knownToPulumi": member.known,
        "virtualAdmin": member.virtual_admin,
        "fgaRole": {
            "id": role.map_or("", |it| it.id.as_str()),
            "name": role.map_or("", |it| it.name.as_str()),
            "modifiedAt": role.map_or(UNSET.to_owned(), |it| rfc3339(it.modified)),
        },
    })
}

pub fn role(state: &State, role: &Role) -> Value {
    json!({
        "id": role.id,
        "orgId": state.organization.id,
        "name": role.name,
        "description": role.description,
        "resourceType": role.resource_type,
        "uxPurpose": role.ux_purpose,
        "details": role.details,
        "version": role.version,
        "created": rfc3339(role.created),
        "modified": rfc3339(role.modified),
        "isOrgDefault": state.organization.default_role == role.id,
        // Empty for custom roles.
        "defaultIdentifier": role.default_identifier.as_deref().unwrap_or_default(),
    })
}

/// A team as lists show it, without details.
pub fn team_line(team: &Team) -> Value {
    json!({
        "kind": team.kind,
        "name": team.name,
        "displayName": team.display_name,
        "description": team.description,
    })
}

pub fn team(state: &State, caller: &Caller, team: &Team) -> Value {
    let mut answer = team_line(team);
    let role = match team.members.get(&caller.login) {
        _ if caller.machine.is_some() => "none",
        Some(role) => role.as_str(),
        None => "none",
    };
    answer["userRole"] = json!(role);
    match &team.list_members_error {
        Some(error) => answer["listMembersError"] = json!(error),
        None => {
            let members = team.members.iter().map(|(login, role)| {
                let mut person = user(state, login);
                person["role"] = json!(role);
                person
            });
            answer["members"] = members.collect();
        }
    }
    let stacks = team.stacks.iter().map(|(name, permission)| {
        let (project, stack) = halves(name);
        json!({"projectName": project, "stackName": stack, "permission": permission})
    });
    answer["stacks"] = stacks.collect();
    let environments = team.environments.iter().map(|(name, grant)| {
        let (project, environment) = halves(name);
        let mut entry = json!({
            "projectName": project,
            "envName": environment,
            "permission": grant.permission,
        });
        if let Some(duration) = &grant.max_open_duration {
            entry["maxOpenDuration"] = json!(duration);
        }
        entry
    });
    answer["environments"] = environments.collect();
    answer["accounts"] = json!([]);
    answer["roleIds"] = json!(team.roles);
    answer
}

/// `project/name` in two.
pub fn halves(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("default", name))
}
