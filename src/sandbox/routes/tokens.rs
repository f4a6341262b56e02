//! Access tokens of the organization, of teams, and the caller's own.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::caller::hash;
use crate::sandbox::clock::DAY;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::page::Page;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::signed;
use crate::sandbox::routes::teams;
use crate::sandbox::state::State;
use crate::sandbox::state::Token;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/tokens", list_organization),
    inside("POST", "/api/orgs/{org}/tokens", create_organization),
    inside("DELETE", "/api/orgs/{org}/tokens/{token}", delete_organization),
    inside("GET", "/api/orgs/{org}/teams/{team}/tokens", list_team),
    inside("POST", "/api/orgs/{org}/teams/{team}/tokens", create_team),
    inside("DELETE", "/api/orgs/{org}/teams/{team}/tokens/{token}", delete_team),
    signed("GET", "/api/user/tokens", list_personal),
    signed("POST", "/api/user/tokens", create_personal),
    signed("DELETE", "/api/user/tokens/{token}", delete_personal),
];

/// The longest name.
const NAME: usize = 40;

/// The furthest expiry: two years, one of them a leap year.
const FURTHEST: i64 = 731 * DAY;

/// The role an organization token acts with; administrators' tokens have that of administrators.
pub fn role_of<'s>(state: &'s State, token: &'s Token) -> Option<&'s String> {
    if token.kind != "organization" {
        return None;
    }
    let by = |it: &str| state.role_by_identifier(it).map(|it| &it.id);
    match &token.role {
        Some(role) => Some(role),
        None if token.admin => by("admin"),
        None => by("member"),
    }
}

pub fn view(state: &State, token: &Token) -> Value {
    let mut answer = json!({
        "id": token.id,
        "name": token.name,
        "description": token.description,
        "created": rfc3339(token.created),
        "createdBy": token.created_by,
        "lastUsed": token.last_used,
        "expires": token.expires,
        "admin": token.admin,
        "type": token.kind,
    });
    if let Some(role) = role_of(state, token).and_then(|it| state.roles.get(it)) {
        answer["role"] = json!({"id": role.id, "name": role.name});
        if let Some(identifier) = &role.default_identifier {
            answer["role"]["defaultIdentifier"] = json!(identifier);
        }
    }
    answer
}

fn list(ask: &Ask, list: &str, belongs: impl Fn(&Token) -> bool) -> Outcome {
    let page = Page::of(ask, list)?;
    let now = ask.now;
    let expired = move |it: &Token| it.expires != 0 && it.expires <= now;
    let wanted: fn(bool) -> bool = match ask.query("filter") {
        None | Some("active") => |expired| !expired,
        Some("expired") => |expired| expired,
        Some("all") => |_| true,
        Some(_) => return Err(Refusal::bad_request("invalid query parameter 'filter'")),
    };
    let keep = |it: &Token| belongs(it) && wanted(expired(it));
    let (entries, token) = page.cut(&ask.state.tokens, keep);
    let tokens: Vec<Value> = entries.into_iter().map(|(_, it)| view(ask.state, it)).collect();
    let mut answer = json!({"tokens": tokens});
    if let Some(token) = token {
        answer["continuationToken"] = json!(token);
    }
    Answer::ok(answer)
}

fn list_organization(ask: &mut Ask) -> Outcome {
    ask.need("org_token:read")?;
    list(ask, "tokens", |it| it.kind == "organization")
}

fn list_team(ask: &mut Ask) -> Outcome {
    let team = teams::named(ask)?.name.clone();
    teams::need(ask, "team:list_tokens")?;
    list(ask, &format!("tokens of {team}"), |it| it.team.as_ref() == Some(&team))
}

fn list_personal(ask: &mut Ask) -> Outcome {
    let login = ask.caller.login.clone();
    list(ask, "own tokens", |it| it.kind == "personal" && it.created_by == login)
}

/// Name and expiry as the service wants them. A name is never given out twice, across all teams.
fn check(ask: &Ask, name: &str, expires: i64) -> Result<(), Refusal> {
    if name.chars().count() > NAME {
        return Err(Refusal::bad_request("token name cannot exceed 40 characters"));
    }
    let settings = &ask.state.organization.settings;
    let cap = settings.get("maxAccessTokenExpiryDays").and_then(Value::as_i64);
    match cap.filter(|it| *it > 0) {
        Some(_) if expires == 0 => {
            return Err(Refusal::bad_request("the organization requires tokens to expire"));
        }
        Some(days) if expires > ask.now + days * DAY => {
            let detail = format!("token expiry exceeds the organization's maximum of {days} days");
            return Err(Refusal::bad_request(detail));
        }
        _ => {}
    }
    if expires < 0 || (expires != 0 && expires <= ask.now) {
        return Err(Refusal::bad_request("token expiry must be in the future"));
    }
    if expires > ask.now + FURTHEST {
        return Err(Refusal::bad_request("token expiry cannot be more than two years from now"));
    }
    if ask.state.burnt_token_names.contains(name) {
        return Err(Refusal::conflict("token name already exists"));
    }
    Ok(())
}

/// Keeps a new token's hash; the id and the value, which nobody learns again.
pub fn issue(ask: &mut Ask, mut token: Token) -> Result<(String, String), Refusal> {
    let value = fresh_value()?;
    token.id = ask.state.next_id("t");
    token.created = ask.now;
    token.hash = hash(&value);
    let id = token.id.clone();
    ask.state.tokens.insert(id.clone(), token);
    Ok((id, value))
}

/// Makes a token of the caller's, and answers its value: this once.
fn make(ask: &mut Ask, token: Token) -> Outcome {
    let created_by = ask.caller.login.clone();
    let (id, value) = issue(ask, Token { created_by, ..token })?;
    Answer::ok(json!({"id": id, "tokenValue": value}))
}

fn fresh_value() -> Result<String, Refusal> {
    use std::fmt::Write;
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::new(500, "no randomness"))?;
    let mut value = String::from("pul-");
    for byte in bytes {
        let _ = write!(value, "{byte:02x}");
    }
    Ok(value)
}

fn common(body: &Body) -> Result<(String, i64), Refusal> {
    Ok((body.text("description")?, body.integer("expires")?))
}

fn create_organization(ask: &mut Ask) -> Outcome {
    ask.need("org_token:create")?;
    ask.need_feature("machineTokensEnabled")?;
    let body = ask.body()?;
    let name = body.name("name")?;
    let (description, expires) = common(&body)?;
    let admin = body.boolean("admin")?;
    let role = body.maybe_text("roleID")?.filter(|it| !it.is_empty());
    if let Some(id) = &role {
        if admin {
            return Err(Refusal::bad_request("'admin' and 'roleID' exclude each other"));
        }
        if ask.state.roles.get(id).is_none_or(|it| it.ux_purpose != "role") {
            return Err(Refusal::bad_request("Invalid parameter 'roleID'."));
        }
    }
    check(ask, &name, expires)?;
    ask.state.burnt_token_names.insert(name.clone());
    ask.audit("organization-token-created", format!("Created organization token \"{name}\""));
    let kind = "organization".to_owned();
    make(ask, Token { kind, name, description, expires, admin, role, ..Token::default() })
}

fn create_team(ask: &mut Ask) -> Outcome {
    let team = teams::named(ask)?.name.clone();
    teams::need(ask, "team:create_token")?;
    ask.need_feature("machineTokensEnabled")?;
    let body = ask.body()?;
    let name = body.name("name")?;
    let (description, expires) = common(&body)?;
    check(ask, &name, expires)?;
    ask.state.burnt_token_names.insert(name.clone());
    ask.audit("team-token-created", format!("Created token \"{name}\" of team \"{team}\""));
    let kind = "team".to_owned();
    make(ask, Token { kind, team: Some(team), name, description, expires, ..Token::default() })
}

fn create_personal(ask: &mut Ask) -> Outcome {
    if ask.caller.machine.is_some() {
        return Err(Refusal::forbidden("Only people have personal tokens."));
    }
    let body = ask.body()?;
    let (description, expires) = common(&body)?;
    if expires < 0 || expires > ask.now + FURTHEST {
        return Err(Refusal::bad_request("token expiry cannot be more than two years from now"));
    }
    let kind = "personal".to_owned();
    make(ask, Token { kind, description, expires, ..Token::default() })
}

fn delete(ask: &mut Ask, event: &str, belongs: impl Fn(&Token) -> bool) -> Outcome {
    let id = ask.part("token");
    if !ask.state.tokens.get(&id).is_some_and(belongs) {
        return Err(Refusal::not_found("Token", &id));
    }
    let name = ask.state.revoke(&id).map(|it| it.name).unwrap_or_default();
    if !event.is_empty() {
        ask.audit(event, format!("Deleted token \"{name}\""));
    }
    Answer::nothing()
}

fn delete_organization(ask: &mut Ask) -> Outcome {
    ask.need("org_token:delete")?;
    delete(ask, "organization-token-deleted", |it| it.kind == "organization")
}

fn delete_team(ask: &mut Ask) -> Outcome {
    let team = teams::named(ask)?.name.clone();
    teams::need(ask, "team:delete_token")?;
    if ask.state.tokens.get(&ask.part("token")).is_some_and(|it| it.kind != "team") {
        return Err(Refusal::bad_request("the requested token is not a team token"));
    }
    delete(ask, "team-token-deleted", |it| it.team.as_ref() == Some(&team))
}

fn delete_personal(ask: &mut Ask) -> Outcome {
    let login = ask.caller.login.clone();
    delete(ask, "", |it| it.kind == "personal" && it.created_by == login)
}
