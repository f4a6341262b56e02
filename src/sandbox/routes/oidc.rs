//! OIDC issuers and their policy sets, each with an id of its own.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::body::missing;
use crate::sandbox::caller::hash;
use crate::sandbox::clock::zoneless;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::state::Issuer;
use crate::sandbox::state::PolicySet;
use serde_json::Value;
use serde_json::json;

const ONE: &str = "/api/orgs/{org}/oidc/issuers/{issuer}";

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/oidc/issuers", list),
    inside("POST", "/api/orgs/{org}/oidc/issuers", create),
    inside("GET", ONE, read),
    inside("PATCH", ONE, update),
    inside("DELETE", ONE, delete),
    inside("POST", "/api/orgs/{org}/oidc/issuers/{issuer}/regenerate-thumbprints", regenerate),
    inside("GET", "/api/orgs/{org}/auth/policies/oidcissuers/{issuer}", policies),
    inside("PATCH", "/api/orgs/{org}/auth/policies/{policy}", set_policies),
];

/// What tokens last that no issuer limits: 25 hours.
const LONGEST: i64 = 25 * 3600;

fn view(issuer: &Issuer) -> Value {
    let mut answer = json!({
        "id": issuer.id,
        "name": issuer.name,
        "url": issuer.url,
        "issuer": issuer.url,
        "thumbprints": issuer.thumbprints,
        "maxExpiration": issuer.max_expiration.unwrap_or(LONGEST),
        "created": zoneless(issuer.created),
        "modified": zoneless(issuer.modified),
    });
    if let Some(jwks) = &issuer.jwks {
        answer["jwks"] = jwks.clone();
    }
    answer
}

fn named<'s>(ask: &'s Ask) -> Result<&'s Issuer, Refusal> {
    let id = ask.part("issuer");
    ask.state.issuers.get(&id).ok_or_else(|| Refusal::not_found("OIDC issuer", &id))
}

fn list(ask: &mut Ask) -> Outcome {
    ask.need("oidc_issuers:read")?;
    let issuers: Vec<Value> = ask.state.issuers.values().map(view).collect();
    Answer::ok(json!({"oidcIssuers": issuers}))
}

fn read(ask: &mut Ask) -> Outcome {
    ask.need("oidc_issuers:read")?;
    Answer::ok(view(named(ask)?))
}

/// Takes over what a body says; what it leaves out stays.
fn take(issuer: &mut Issuer, body: &Body) -> Result<(), Refusal> {
    issuer.name = body.name("name")?;
    if let Some(thumbprints) = body.texts("thumbprints")? {
        let hex = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_hexdigit());
        if let Some(bad) = thumbprints.iter().find(|it| !hex(it)) {
            return Err(Refusal::bad_request(format!("invalid thumbprint '{bad}'")));
        }
        issuer.thumbprints = thumbprints;
    }
    if let Some(seconds) = body.maybe_integer("maxExpiration")? {
        if seconds <= 0 {
            return Err(Refusal::bad_request("maxExpiration must be positive"));
        }
        issuer.max_expiration = Some(seconds);
    }
    if body.has("jwks") {
        body.object("jwks")?.list("keys")?;
        issuer.jwks = body.get("jwks").cloned();
    }
    Ok(())
}

/// Stands for the fingerprint the service would fetch.
fn thumbprint(url: &str, now: i64) -> String {
    hash(&format!("{url} {now}"))
}

fn create(ask: &mut Ask) -> Outcome {
    ask.need("oidc_issuers:create")?;
    let body = ask.body()?;
    let url = body.text("url")?;
    if !url.starts_with("https://") || url.len() == "https://".len() {
        return Err(Refusal::bad_request("the issuer URL must be an https URL"));
    }
    let mut issuer = Issuer { url, created: ask.now, modified: ask.now, ..Issuer::default() };
    take(&mut issuer, &body)?;
    if ask.state.issuers.values().any(|it| it.url == issuer.url) {
        return Err(Refusal::conflict("an issuer with this URL is already registered"));
    }
    if issuer.thumbprints.is_empty() && issuer.jwks.is_none() {
        issuer.thumbprints = vec![thumbprint(&issuer.url, ask.now)];
    }
    issuer.id = ask.state.next_id("e");
    issuer.policies = ask.state.next_id("p");
    // An issuer begins with everything forbidden.
    let deny = json!({"decision": "deny", "tokenType": "organization", "authorizedPermissions": [], "rules": {}});
    let set = PolicySet {
        id: issuer.policies.clone(),
        version: 1,
        policies: vec![deny],
        created: ask.now,
        modified: ask.now,
    };
    ask.audit("oidc-issuer-registered", format!("Registered OIDC issuer \"{}\"", issuer.name));
    let answer = view(&issuer);
    ask.state.policies.insert(set.id.clone(), set);
    ask.state.issuers.insert(issuer.id.clone(), issuer);
    Answer::ok(answer)
}

fn update(ask: &mut Ask) -> Outcome {
    ask.need("oidc_issuers:update")?;
    let mut issuer = named(ask)?.clone();
    take(&mut issuer, &ask.body()?)?;
    issuer.modified = ask.now;
    ask.audit("oidc-issuer-updated", format!("Updated OIDC issuer \"{}\"", issuer.name));
    let answer = view(&issuer);
    ask.state.issuers.insert(issuer.id.clone(), issuer);
    Answer::ok(answer)
}

fn delete(ask: &mut Ask) -> Outcome {
    ask.need("oidc_issuers:delete")?;
    let issuer = named(ask)?.clone();
    ask.state.issuers.remove(&issuer.id);
    ask.state.policies.remove(&issuer.policies);
    ask.audit("oidc-issuer-deleted", format!("Deleted OIDC issuer \"{}\"", issuer.name));
    Answer::nothing()
}

fn regenerate(ask: &mut Ask) -> Outcome {
    ask.need("oidc_issuers:regenerate_thumbprints")?;
    let mut issuer = named(ask)?.clone();
    if issuer.jwks.is_some() {
        return Err(Refusal::bad_request("an issuer with static keys has no thumbprints"));
    }
    issuer.thumbprints = vec![thumbprint(&issuer.url, ask.now)];
    issuer.modified = ask.now;
    ask.audit("oidc-issuer-updated", format!("Updated OIDC issuer \"{}\"", issuer.name));
    let answer = view(&issuer);
    ask.state.issuers.insert(issuer.id.clone(), issuer);
    Answer::ok(answer)
}

fn policy_view(set: &PolicySet) -> Value {
    json!({
        "id": set.id,
        "version": set.version,
        "created": zoneless(set.created),
        "modified": zoneless(set.modified),
        "policies": set.policies,
    })
}

/// Read by the id of the issuer.
fn policies(ask: &mut Ask) -> Outcome {
    ask.need("auth_policies:read")?;
    let id = named(ask)?.policies.clone();
    match ask.state.policies.get(&id) {
        Some(set) => Answer::ok(policy_view(set)),
        None => Err(Refusal::not_found("Auth policy", &id)),
    }
}

/// Written by the id of the set; the whole list, which cannot be empty.
fn set_policies(ask: &mut Ask) -> Outcome {
    ask.need("auth_policies:update")?;
    let id = ask.part("policy");
    if !ask.state.policies.contains_key(&id) {
        return Err(Refusal::not_found("Auth policy", &id));
    }
    let parts = ask.body()?.objects("policies")?;
    if parts.is_empty() {
        return Err(Refusal::bad_request("policy definition can not be empty"));
    }
    let policies: Result<Vec<Value>, Refusal> = parts.iter().map(|it| policy(ask, it)).collect();
    let (policies, now) = (policies?, ask.now);
    let Some(set) = ask.state.policies.get_mut(&id) else {
        return Err(Refusal::not_found("Auth policy", &id));
    };
    set.policies = policies;
    set.version += 1;
    set.modified = now;
    let answer = policy_view(set);
    ask.audit("authorization-policy-updated", format!("Updated authorization policy \"{id}\""));
    Answer::ok(answer)
}

fn policy(ask: &Ask, part: &Body) -> Result<Value, Refusal> {
    let (decision, kind) = (part.text("decision")?, part.text("tokenType")?);
    if !matches!(decision.as_str(), "allow" | "deny") {
        return Err(Refusal::bad_request(format!("invalid decision '{decision}'")));
    }
    let permissions = part.texts("authorizedPermissions")?.ok_or_else(|| missing("authorizedPermissions"))?;
    if permissions.iter().any(|it| it != "admin" && it != "standard") {
        return Err(Refusal::bad_request("invalid authorizedPermissions"));
    }
    let mut entry = json!({"decision": decision, "tokenType": kind, "authorizedPermissions": permissions});
    let needed = match kind.as_str() {
        "organization" => None,
        "team" => Some(("teamName", ask.state.teams.contains_key(&part.text("teamName")?))),
        "personal" => Some(("userLogin", ask.state.joined(&part.text("userLogin")?).is_some())),
        "runner" => Some(("runnerID", !part.text("runnerID")?.is_empty())),
        _ => return Err(Refusal::bad_request(format!("invalid tokenType '{kind}'"))),
    };
    if let Some((field, exists)) = needed {
        let name = part.text(field)?;
        // A new issuer's own deny names nobody; any other entry must name somebody.
        if !exists {
            return Err(Refusal::bad_request(format!("{field} '{name}' does not exist")));
        }
        entry[field] = json!(name);
    }
    if let Some(role) = part.maybe_text("roleID")?.filter(|it| !it.is_empty()) {
        if !ask.state.roles.contains_key(&role) {
            return Err(Refusal::bad_request("Invalid parameter 'roleID'."));
        }
        entry["roleID"] = json!(role);
    }
    let rules = part.object("rules")?;
    if rules.names().any(|it| !rules.get(it).is_some_and(Value::is_string)) {
        return Err(Refusal::bad_request("each of 'rules' must be a string"));
    }
    entry["rules"] = part.get("rules").cloned().unwrap_or_else(|| json!({}));
    Ok(entry)
}
