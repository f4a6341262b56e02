//! Exchanging a token of an OIDC issuer for an access token.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::routes::Door;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::tokens;
use crate::sandbox::state::Token;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

pub const ROUTES: &[Route] = &[Route { method: "POST", path: "/api/oauth/token", door: Door::Open, work: exchange }];

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

const KIND: &str = "urn:pulumi:token-type:access_token:";

/// What tokens last when nothing is said: two hours.
const USUAL: i64 = 7200;

/// The fields of a form or of JSON.
fn fields(ask: &Ask) -> Result<BTreeMap<String, Value>, Refusal> {
    let refuse = || Refusal::bad_request("invalid token request");
    if ask.content_type.starts_with("application/json") {
        return serde_json::from_slice(&ask.bytes).map_err(|_| refuse());
    }
    let text = std::str::from_utf8(&ask.bytes).map_err(|_| refuse())?;
    let address = format!("/?{text}").parse().map_err(|_| refuse())?;
    let query = axum::extract::Query::<BTreeMap<String, String>>::try_from_uri(&address);
    let query = query.map_err(|_| refuse())?;
    Ok(query.0.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
}

/// The signature and the claims of the token that is brought are not looked at: that some issuer has a policy which
/// allows this kind of token is enough here.
fn exchange(ask: &mut Ask) -> Outcome {
    let fields = fields(ask)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("grant_type") != GRANT || text("subject_token").is_empty() {
        return Err(Refusal::bad_request("unsupported grant_type"));
    }
    if text("audience") != format!("urn:pulumi:org:{}", ask.state.organization.slug) {
        return Err(Refusal::unauthorized("invalid audience"));
    }
    let requested = text("requested_token_type");
    let kind = requested.strip_prefix(KIND).unwrap_or_default().to_owned();
    let scope = text("scope");
    let (field, name) = match (kind.as_str(), scope.split_once(':')) {
        ("organization", _) => ("", ""),
        ("team", Some(("team", name))) => ("teamName", name),
        ("personal", Some(("user", name))) => ("userLogin", name),
        _ => return Err(Refusal::bad_request("unsupported requested_token_type or scope")),
    };
    let admin = kind == "organization" && scope == "admin";
    let fits = |it: &&Value| {
        let allows = it["authorizedPermissions"].as_array().is_some_and(|it| it.iter().any(|it| it == "admin"));
        it["tokenType"] == kind.as_str() && (field.is_empty() || it[field] == name) && (!admin || allows)
    };
    let mut policies = ask.state.policies.values().flat_map(|it| &it.policies).filter(fits);
    let allowed = policies.clone().find(|it| it["decision"] == "allow").cloned();
    let denied = policies.any(|it| it["decision"] == "deny" && it["rules"] == json!({}));
    let Some(policy) = allowed.filter(|_| !denied) else {
        return Err(Refusal::unauthorized("no authorization policy allows this token"));
    };
    let seconds = match fields.get("expiration") {
        None => USUAL,
        Some(Value::String(text)) => text.parse().unwrap_or(USUAL),
        Some(value) => value.as_i64().unwrap_or(USUAL),
    };
    let role = policy["roleID"].as_str().map(str::to_owned).filter(|_| kind == "organization");
    let token = Token {
        name: format!("oidc-{}", ask.state.next_id("x")),
        team: (kind == "team").then(|| name.to_owned()),
        created_by: if kind == "personal" { name.to_owned() } else { String::new() },
        kind: kind.clone(),
        expires: ask.now + seconds.max(1),
        admin,
        role,
        ..Token::default()
    };
    ask.audit(&format!("{kind}-token-created-for-oidc-issuer"), "Created a token for an OIDC issuer");
    let (_, value) = tokens::issue(ask, token)?;
    Answer::ok(json!({
        "access_token": value,
        "issued_token_type": requested,
        "token_type": "token",
        "expires_in": seconds.max(1),
        "scope": scope,
    }))
}
