//! The organization itself: its record, its metadata and its settings.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}", read),
    inside("PATCH", "/api/orgs/{org}", change),
    inside("GET", "/api/orgs/{org}/metadata", metadata),
];

fn read(ask: &mut Ask) -> Outcome {
    let organization = &ask.state.organization;
    Answer::ok(json!({
        "githubLogin": organization.slug,
        "name": organization.name,
        "avatarUrl": "",
        "repos": [],
    }))
}

fn metadata(ask: &mut Ask) -> Outcome {
    Answer::ok(metadata_of(ask))
}

/// Settings that are kept but not shown.
const HIDDEN: [&str; 2] = ["defaultAgentPoolID", "membersCanInviteCollaborators"];

fn metadata_of(ask: &Ask) -> Value {
    let state = &*ask.state;
    let organization = &state.organization;
    let mut answer = json!({
        "id": organization.id,
        "created": rfc3339(organization.created),
        "kind": organization.kind,
        "product": organization.product,
        "userRole": ask.caller.role,
        "locked": organization.locked,
        "memberCount": state.member_count(),
        "stackCount": state.stacks.len(),
        "environmentCount": state.environments.len(),
        "accountCount": 0,
        "defaultRoleId": organization.default_role,
        "aiEnablement": "disabled",
        "insightsTrialUsingPolicy": false,
        "auditLogsEnabled": organization.features.get("auditLogsEnabled").unwrap_or(&false),
        "webhooksEnabled": organization.features.get("webhooksEnabled").unwrap_or(&false),
        "features": organization.features,
    });
    if let Some(most) = organization.max_members {
        answer["maxMembers"] = json!(most);
    }
    for (name, value) in &organization.settings {
        if !HIDDEN.contains(&name.as_str()) {
            answer[name] = value.clone();
        }
    }
    answer
}

/// What a setting may hold.
enum Sort {
    Flag,
    Text,
    Days,
    OneOf(&'static [&'static str]),
    Number(&'static [i64]),
}

const STACK: &[i64] = &[0, 101, 102, 103];
const ENVIRONMENT: &[&str] = &["none", "read", "open", "write", "admin"];

const SETTINGS: &[(&str, Sort)] = &[
    ("AiEnablement", Sort::Text),
    ("DefaultAccountPermission", Sort::Number(&[0, 1, 2, 3])),
    ("DefaultAgentPoolID", Sort::Text),
    ("DefaultDeploymentRoleId", Sort::Text),
    ("DefaultEnvironmentPermission", Sort::OneOf(ENVIRONMENT)),
    ("DefaultStackPermission", Sort::Number(STACK)),
    ("MaxAccessTokenExpiryDays", Sort::Days),
    ("MembersCanCreateAccounts", Sort::Flag),
    ("MembersCanCreateStacks", Sort::Flag),
    ("MembersCanCreateTeams", Sort::Flag),
    ("MembersCanDeleteStacks", Sort::Flag),
    ("MembersCanInviteCollaborators", Sort::Flag),
    ("MembersCanTransferStacks", Sort::Flag),
    ("NaturalLanguageSearchDisabled", Sort::Flag),
    ("NeoAgentDisabled", Sort::Flag),
    ("NeoApprovalMode", Sort::OneOf(&["manual", "auto", "balanced"])),
    ("NeoCLIExplanationsDisabled", Sort::Flag),
    ("NeoEnabled", Sort::Flag),
    ("NeoTaskSharingMode", Sort::OneOf(&["none", "org"])),
    ("PreferredVCS", Sort::OneOf(&["none", "bitbucket", "github", "gitlab"])),
];

/// The name in the metadata of the setting that `set…` changes.
fn shown(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|it| it.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn change(ask: &mut Ask) -> Outcome {
    ask.need("organization:update")?;
    let body = ask.body()?;
    let mut changes = Vec::new();
    for (name, sort) in SETTINGS {
        if let Some(value) = wanted(&body, &format!("set{name}"), sort)? {
            changes.push((shown(name), value));
        }
    }
    if !changes.is_empty() {
        let names: Vec<&str> = changes.iter().map(|(name, _)| name.as_str()).collect();
        let description = format!("Changed organization settings: {}", names.join(", "));
        ask.audit("organization-settings-changed", description);
    }
    for (name, value) in changes {
        // A cap of zero days takes the cap away.
        if name == "maxAccessTokenExpiryDays" && value == json!(0) {
            ask.state.organization.settings.remove(&name);
        } else {
            ask.state.organization.settings.insert(name, value);
        }
    }
    Answer::ok(metadata_of(ask))
}

fn wanted(body: &Body, name: &str, sort: &Sort) -> Result<Option<Value>, Refusal> {
    let refuse = || Refusal::bad_request(format!("invalid value for '{name}'"));
    let value = match sort {
        Sort::Flag => body.maybe_boolean(name)?.map(Value::from),
        Sort::Text => body.maybe_text(name)?.map(Value::from),
        Sort::Days => match body.maybe_integer(name)? {
            Some(days) if !(0..=730).contains(&days) => return Err(refuse()),
            days => days.map(Value::from),
        },
        Sort::OneOf(known) => match body.maybe_text(name)? {
            Some(text) if !known.contains(&text.as_str()) => return Err(refuse()),
            text => text.map(Value::from),
        },
        Sort::Number(known) => match body.maybe_integer(name)? {
            Some(number) if !known.contains(&number) => return Err(refuse()),
            number => number.map(Value::from),
        },
    };
    Ok(value)
}
