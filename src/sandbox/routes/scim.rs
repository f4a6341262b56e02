//! The identity provider's directory over SCIM 2.0: users and groups, with a token, an error shape and paging of its own.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::routes::Door;
use crate::sandbox::routes::Route;
use crate::sandbox::state::DirectoryUser;
use crate::sandbox::state::Member;
use crate::sandbox::state::State;
use crate::sandbox::state::Team;
use serde_json::Value;
use serde_json::json;

const fn open(method: &'static str, path: &'static str, work: crate::sandbox::ask::Work) -> Route {
    Route { method, path, door: Door::Open, work }
}

pub const ROUTES: &[Route] = &[
    open("GET", "/scim/v2/{org}/Users", |ask| told(ask, list_users)),
    open("POST", "/scim/v2/{org}/Users", |ask| told(ask, create_user)),
    open("GET", "/scim/v2/{org}/Users/{id}", |ask| told(ask, read_user)),
    open("PATCH", "/scim/v2/{org}/Users/{id}", |ask| told(ask, patch_user)),
    open("GET", "/scim/v2/{org}/Groups", |ask| told(ask, list_groups)),
    open("GET", "/scim/v2/{org}/Groups/{id}", |ask| told(ask, read_group)),
    open("PATCH", "/scim/v2/{org}/Groups/{id}", |ask| told(ask, patch_group)),
];

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The most that one page of users may hold, and what it holds where nobody says.
const PAGE: i64 = 100;

/// An error in the words of SCIM.
struct Wrong {
    status: u16,
    sort: &'static str,
    detail: String,
}

fn wrong<T>(status: u16, sort: &'static str, detail: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { status, sort, detail: detail.into() })
}

/// Looks at the token, does the work, and tells errors in their shape.
fn told(ask: &mut Ask, work: fn(&mut Ask) -> Result<Answer, Wrong>) -> Outcome {
    let allowed = !ask.bearer.is_empty() && !ask.bearer.starts_with("pul-");
    let here = ask.part("org") == ask.state.organization.slug;
    let done = match (allowed, here) {
        (false, _) => wrong(401, "", "The SCIM token is missing or not valid."),
        (true, false) => wrong(404, "", "No such organization."),
        (true, true) => work(ask),
    };
    match done {
        Ok(answer) => Ok(answer),
        Err(Wrong { status, sort, detail }) => {
            let mut body = json!({"schemas": [ERROR], "status": status.to_string(), "detail": detail});
            if !sort.is_empty() {
                body["scimType"] = json!(sort);
            }
            Ok(Answer { status, body: Some(body) })
        }
    }
}

fn answered(status: u16, body: Value) -> Result<Answer, Wrong> {
    Ok(Answer { status, body: Some(body) })
}

fn list(total: usize, start: i64, resources: &[Value]) -> Result<Answer, Wrong> {
    let body = json!({
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(),
        "Resources": resources,
    });
    answered(200, body)
}

/// The value of `ATTRIBUTE eq "VALUE"`, the only filter there is.
fn filter(ask: &Ask, attribute: &str) -> Result<Option<String>, Wrong> {
    let Some(text) = ask.query("filter") else { return Ok(None) };
    let value =
        text.strip_prefix(attribute).and_then(|it| it.strip_prefix(" eq \"")).and_then(|it| it.strip_suffix('"'));
    match value {
        Some(value) => Ok(Some(value.to_owned())),
        None => wrong(400, "invalidFilter", format!("Only `{attribute} eq \"…\"` is supported.")),
    }
}

fn user_view(user: &DirectoryUser) -> Value {
    json!({
        "schemas": [USER],
        "id": user.id,
        "userName": user.user_name,
        "name": {"givenName": user.given_name, "familyName": user.family_name},
        "emails": [{"type": "work", "value": user.user_name, "primary": true}],
        "active": user.active,
        "meta": {"resourceType": "User"},
    })
}

fn list_users(ask: &mut Ask) -> Result<Answer, Wrong> {
    let wanted = filter(ask, "userName")?.map(|it| it.to_lowercase());
    let number = |name: &str| ask.query(name).map_or(Ok(None), |it| it.parse::<i64>().map(Some));
    let (Ok(start), Ok(count)) = (number("startIndex"), number("count")) else {
        return wrong(400, "invalidValue", "startIndex and count are numbers.");
    };
    let (start, count) = (start.unwrap_or(1).max(1), count.unwrap_or(PAGE));
    if !(0..=PAGE).contains(&count) {
        return wrong(400, "invalidValue", format!("count must not exceed {PAGE}."));
    }
    let fits = |it: &&DirectoryUser| wanted.as_ref().is_none_or(|name| it.user_name.to_lowercase() == *name);
    let users: Vec<Value> = ask.state.directory.values().filter(fits).map(user_view).collect();
    let from = usize::try_from(start - 1).unwrap_or_default().min(users.len());
    let most = count.min(ask.rules.page_size.map_or(PAGE, |it| it as i64));
    let to = users.len().min(from + usize::try_from(most).unwrap_or_default());
    list(users.len(), start, &users[from..to])
}

fn user<'s>(state: &'s mut State, id: &str) -> Result<&'s mut DirectoryUser, Wrong> {
    match state.directory.get_mut(id) {
        Some(user) => Ok(user),
        None => wrong(404, "", format!("User {id} not found.")),
    }
}

fn read_user(ask: &mut Ask) -> Result<Answer, Wrong> {
    let id = ask.part("id");
    let user = user(ask.state, &id)?;
    answered(200, user_view(user))
}

fn body(ask: &Ask) -> Result<Value, Wrong> {
    let sort = ask.content_type.split(';').next().unwrap_or_default().trim();
    if !matches!(sort, "application/scim+json" | "application/json") {
        return wrong(415, "", "The content type must be application/scim+json.");
    }
    match serde_json::from_slice::<Value>(&ask.bytes) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) | Err(_) => wrong(400, "invalidSyntax", "The body is not a JSON object."),
    }
}

fn create_user(ask: &mut Ask) -> Result<Answer, Wrong> {
    let body = body(ask)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let user_name = text(&body["userName"]);
    if user_name.is_empty() {
        return wrong(400, "invalidValue", "userName is required.");
    }
    if ask.state.directory.values().any(|it| it.user_name.eq_ignore_ascii_case(&user_name)) {
        return wrong(409, "uniqueness", "A user with this userName exists already.");
    }
    let login = user_name.split('@').next().unwrap_or_default().to_owned();
    let user = DirectoryUser {
        id: ask.state.next_id("su"),
        given_name: text(&body["name"]["givenName"]),
        family_name: text(&body["name"]["familyName"]),
        active: body["active"].as_bool().unwrap_or(true),
        login,
        user_name,
    };
    let view = user_view(&user);
    settle(ask.state, &user, ask.now);
    ask.state.directory.insert(user.id.clone(), user);
    answered(201, view)
}

/// Active users belong to the organization, always as plain members first; others leave it and their teams.
fn settle(state: &mut State, user: &DirectoryUser, now: i64) {
    let key = user.login.to_lowercase();
    if user.active {
        if state.joined(&key).is_none() {
            let role = state.role_by_identifier("member").map(|it| it.id.clone()).unwrap_or_default();
            let member = Member {
                login: user.login.clone(),
                role,
                created: Some(now),
                frontend: true,
                backend: true,
                known: true,
                ..Member::default()
            };
            state.members.insert(key, member);
        }
        return;
    }
    state.members.remove(&key);
    for team in state.teams.values_mut() {
        team.members.retain(|login, _| login.to_lowercase() != key);
    }
}

/// The operations of a PATCH: what to do, where, and with what.
fn operations(ask: &Ask) -> Result<Vec<(String, String, Value)>, Wrong> {
    let body = body(ask)?;
    let Some(operations) = body["Operations"].as_array() else {
        return wrong(400, "invalidSyntax", "Operations is required.");
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parts = operations.iter().map(|it| (text(&it["op"]).to_lowercase(), text(&it["path"]), it["value"].clone()));
    Ok(parts.collect())
}

fn patch_user(ask: &mut Ask) -> Result<Answer, Wrong> {
    let operations = operations(ask)?;
    let id = ask.part("id");
    // Changed as a whole or not at all.
    let mut changed = user(ask.state, &id)?.clone();
    for (op, path, value) in operations {
        if !matches!(op.as_str(), "add" | "replace") {
            return wrong(400, "invalidSyntax", format!("The operation `{op}` is not supported."));
        }
        match (path.as_str(), value) {
            ("active", Value::Bool(active)) => changed.active = active,
            ("name.givenName", Value::String(name)) => changed.given_name = name,
            ("name.familyName", Value::String(name)) => changed.family_name = name,
            ("userName", _) => return wrong(400, "immutability", "userName cannot change."),
            ("active" | "name.givenName" | "name.familyName", _) => {
                return wrong(400, "invalidValue", format!("`{path}` cannot have this value."));
            }
            _ => return wrong(400, "invalidPath", format!("The path `{path}` is not supported.")),
        }
    }
    settle(ask.state, &changed, ask.now);
    let view = user_view(&changed);
    ask.state.directory.insert(id, changed);
    answered(200, view)
}

/// Every team is found as a group, whoever manages it.
fn group_view(state: &State, team: &Team) -> Value {
    let users = state.directory.values();
    let here = |it: &&DirectoryUser| team.members.keys().any(|login| login.eq_ignore_ascii_case(&it.login));
    let members: Vec<Value> = users.filter(here).map(|it| json!({"value": it.id, "display": it.user_name})).collect();
    json!({
        "schemas": [GROUP],
        "id": format!("sg-{}", team.name),
        "displayName": team.display_name,
        "members": members,
        "meta": {"resourceType": "Group"},
    })
}

fn list_groups(ask: &mut Ask) -> Result<Answer, Wrong> {
    let wanted = filter(ask, "displayName")?;
    let teams = ask.state.teams.values().filter(|it| wanted.as_ref().is_none_or(|name| it.display_name == *name));
    let groups: Vec<Value> = teams.map(|it| group_view(ask.state, it)).collect();
    list(groups.len(), 1, &groups)
}

/// The name of the team that the path names as a group.
fn group(ask: &Ask) -> Result<String, Wrong> {
    let id = ask.part("id");
    match id.strip_prefix("sg-").filter(|it| ask.state.teams.contains_key(*it)) {
        Some(name) => Ok(name.to_owned()),
        None => wrong(404, "", format!("Group {id} not found.")),
    }
}

fn read_group(ask: &mut Ask) -> Result<Answer, Wrong> {
    let name = group(ask)?;
    answered(200, ask.state.teams.get(&name).map(|it| group_view(ask.state, it)).unwrap_or_default())
}

/// One unknown or inactive user fails the whole request, and nothing of it is done.
fn patch_group(ask: &mut Ask) -> Result<Answer, Wrong> {
    let (operations, name) = (operations(ask)?, group(ask)?);
    let Some(mut team) = ask.state.teams.get(&name).cloned() else { return wrong(404, "", "Group not found.") };
    let login = |id: &str| match ask.state.directory.get(id) {
        Some(user) if user.active => Ok(user.login.clone()),
        Some(_) => wrong(400, "invalidValue", format!("The member {id} is not active.")),
        None => wrong(400, "invalidValue", format!("The member {id} is unknown.")),
    };
    for (op, path, value) in operations {
        let one = path.strip_prefix("members[value eq \"").and_then(|it| it.strip_suffix("\"]"));
        match (op.as_str(), path.as_str(), one) {
            ("add", "members", _) => {
                for member in value.as_array().into_iter().flatten() {
                    let login = login(member["value"].as_str().unwrap_or_default())?;
                    team.members.entry(login).or_insert_with(|| "member".to_owned());
                }
            }
            ("remove", _, Some(id)) => {
                let gone = ask.state.directory.get(id).map(|it| it.login.to_lowercase());
                team.members.retain(|login, _| Some(login.to_lowercase()) != gone);
            }
            ("replace", "displayName", _) => value.as_str().unwrap_or_default().clone_into(&mut team.display_name),
            _ => return wrong(400, "invalidPath", format!("`{op}` of `{path}` is not supported.")),
        }
    }
    let view = group_view(ask.state, &team);
    ask.state.teams.insert(name, team);
    answered(200, view)
}
