//! Who is asking: from the Authorization header to a person or a token, and what they may do.

use crate::sandbox::ask::Refusal;
use crate::sandbox::clock::DAY;
use crate::sandbox::state::State;
use crate::sandbox::state::Token;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeSet;

/// What a token that nobody issued stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenKind {
    /// The demo administrator.
    #[default]
    Personal,
    /// An organization token with administrator rights.
    Organization,
    /// A token of the first team.
    Team,
}

impl std::str::FromStr for TokenKind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<TokenKind> {
        match text {
            "personal" => Ok(TokenKind::Personal),
            "organization" => Ok(TokenKind::Organization),
            "team" => Ok(TokenKind::Team),
            _ => anyhow::bail!("`{text}` is not `personal`, `organization` or `team`"),
        }
    }
}

/// Who is asking.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    pub login: String,
    /// The token, when it belongs to the organization or to a team rather than to a person.
    pub machine: Option<Machine>,
    /// Whether the organization can be seen at all.
    pub belongs: bool,
    pub admin: bool,
    /// The old projection: `admin`, `member`, `billing-manager` or `none`.
    pub role: String,
    scopes: BTreeSet<String>,
    /// Teams this caller is in.
    pub teams: BTreeSet<String>,
    /// Teams this caller administers.
    pub administers: BTreeSet<String>,
}

/// A token that acts for the organization or a team.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    pub id: String,
    pub name: String,
    pub team: Option<String>,
}

/// What any member may do. Lists of members, teams, roles and services need no more than this.
const MEMBER: &[&str] = &["org_member:read", "team:list", "team:read", "role:read", "services:create"];

impl Caller {
    /// Whether the caller's role carries a scope for the whole organization.
    pub fn may(&self, scope: &str) -> bool {
        self.admin || self.scopes.contains(scope)
    }
}

/// SHA-256 in hex: what is kept of a secret.
pub fn hash(value: &str) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(value.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A use of a token is written down at most this often, in seconds.
const USE: i64 = 60;

/// Finds the caller of a request and notes that their token was used; true when the state changed by that.
pub fn authenticate(
    state: &mut State,
    header: Option<&str>,
    kind: TokenKind,
    now: i64,
) -> (Result<Caller, Refusal>, bool) {
    let mut used = false;
    (identify(state, header, kind, now, &mut used), used)
}

fn identify(
    state: &mut State,
    header: Option<&str>,
    kind: TokenKind,
    now: i64,
    used: &mut bool,
) -> Result<Caller, Refusal> {
    let value = header
        .and_then(|it| it.strip_prefix("token "))
        .map(str::trim)
        .filter(|it| it.starts_with("pul-"))
        .ok_or_else(|| Refusal::unauthorized("No credentials provided or are invalid."))?;
    let hash = hash(value);
    if state.revoked.contains(&hash) {
        return Err(Refusal::unauthorized("The access token was revoked."));
    }
    if let Some(token) = state.tokens.values_mut().find(|it| it.hash == hash) {
        if token.expires != 0 && token.expires <= now {
            return Err(Refusal::unauthorized("The access token has expired."));
        }
        if now - token.last_used >= USE {
            token.last_used = now;
            *used = true;
        }
        let token = token.clone();
        return issued(state, &token);
    }
    let name = value.trim_start_matches("pul-").to_lowercase();
    if name == "sandbox" {
        return Ok(person(state, &administrator(state)));
    }
    if state.accounts.contains_key(&name) || state.member(&name).is_some() {
        return Ok(person(state, &name));
    }
    Ok(match kind {
        TokenKind::Personal => person(state, &administrator(state)),
        TokenKind::Organization => {
            let token = Token { name: "sandbox".to_owned(), admin: true, ..Token::default() };
            machine(state, &token)
        }
        TokenKind::Team => {
            let team = state.teams.keys().next().cloned();
            let token = Token { name: "sandbox".to_owned(), team, ..Token::default() };
            machine(state, &token)
        }
    })
}

/// `alice`, or where there is none the first administrator.
fn administrator(state: &State) -> String {
    let mut admins = state.members.iter().filter(|(_, it)| state.plain_role(it) == "admin");
    match state.members.get("alice") {
        Some(_) => "alice".to_owned(),
        None => admins.next().map(|(key, _)| key.clone()).unwrap_or_default(),
    }
}

fn issued(state: &State, token: &Token) -> Result<Caller, Refusal> {
    if token.kind == "personal" {
        return Ok(person(state, &token.created_by));
    }
    let days = state.organization.settings.get("maxAccessTokenExpiryDays").and_then(Value::as_i64);
    if let Some(days) = days.filter(|it| *it > 0)
        && (token.expires == 0 || token.expires - token.created > days * DAY)
    {
        let detail = "The expiry of this access token is outside the organization's policy.";
        return Err(Refusal::forbidden(detail));
    }
    Ok(machine(state, token))
}

fn machine(state: &State, token: &Token) -> Caller {
    let mut caller = Caller {
        login: state.organization.slug.clone(),
        machine: Some(Machine { id: token.id.clone(), name: token.name.clone(), team: token.team.clone() }),
        belongs: true,
        admin: token.admin,
        role: "member".to_owned(),
        scopes: MEMBER.iter().map(|it| (*it).to_owned()).collect(),
        ..Caller::default()
    };
    if let Some(role) = &token.role {
        grant(state, role, &mut caller);
    }
    if let Some(team) = token.team.as_ref().and_then(|it| state.teams.get(it)) {
        caller.teams.insert(team.name.clone());
        for role in &team.roles {
            grant(state, role, &mut caller);
        }
    }
    if caller.admin {
        caller.role = "admin".to_owned();
    }
    caller
}

fn person(state: &State, login: &str) -> Caller {
    let key = login.to_lowercase();
    let Some(member) = state.joined(&key) else {
        let account = state.accounts.get(&key);
        let login = account.map_or(key.clone(), |it| it.login.clone());
        return Caller { login, role: "none".to_owned(), ..Caller::default() };
    };
    let mut caller = Caller {
        login: member.login.clone(),
        belongs: true,
        role: state.plain_role(member).to_owned(),
        ..Caller::default()
    };
    caller.admin = caller.role == "admin";
    if caller.role == "member" {
        caller.scopes.extend(MEMBER.iter().map(|it| (*it).to_owned()));
        let open = state.organization.settings.get("membersCanCreateTeams");
        if open == Some(&Value::Bool(true)) {
            caller.scopes.insert("team:create".to_owned());
        }
    }
    grant(state, &member.role, &mut caller);
    for team in state.teams.values() {
        let Some(role) = team.members.get(&member.login) else { continue };
        caller.teams.insert(team.name.clone());
        if role == "admin" {
            caller.administers.insert(team.name.clone());
        }
        for role in &team.roles {
            grant(state, role, &mut caller);
        }
    }
    caller
}

fn grant(state: &State, role: &str, caller: &mut Caller) {
    let Some(role) = state.roles.get(role) else { return };
    if role.default_identifier.as_deref() == Some("admin") {
        caller.admin = true;
        caller.role = "admin".to_owned();
    }
    collect(state, &role.details, 0, &mut caller.scopes);
}

/// Gathers the scopes that hold for the whole organization; conditions limit theirs to some object.
fn collect(state: &State, tree: &Value, depth: usize, scopes: &mut BTreeSet<String>) {
    if depth > 32 {
        return;
    }
    let list = |name: &str| tree.get(name).and_then(Value::as_array).into_iter().flatten();
    match tree.get("__type").and_then(Value::as_str) {
        Some("PermissionDescriptorAllow") => {
            scopes.extend(list("permissions").filter_map(Value::as_str).map(str::to_owned));
        }
        Some("PermissionDescriptorGroup") => {
            list("entries").for_each(|it| collect(state, it, depth + 1, scopes));
        }
        Some("PermissionDescriptorCompose") => {
            let ids = list("permissionDescriptors").filter_map(Value::as_str);
            for role in ids.filter_map(|it| state.roles.get(it)) {
                collect(state, &role.details, depth + 1, scopes);
            }
        }
        _ => {}
    }
}
