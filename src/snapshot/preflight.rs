//! Who asks, and which organization this is: asked before anything else, so that nothing is read wrongly.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{ApiError, Failure, ReadClient};
use crate::model::{Caller, Instant, Organization};

/// Who asks, and what the organization is. Any failure ends the run: an organization that cannot be
/// seen is not an empty one.
///
/// # Errors
/// When either cannot be read, or the token belongs to another organization.
pub async fn preflight(client: &ReadClient, org: &str, _now: Instant) -> Result<(Caller, Organization), ApiError> {
    let user_path = ["api".to_owned(), "user".to_owned()];
    let metadata_path = ["api".to_owned(), "orgs".to_owned(), org.to_owned(), "metadata".to_owned()];
    let metadata = async {
        match client.get(&metadata_path, &[]).await {
            // What is told of it depends on who asks.
            Err(error) if matches!(error.failure, Failure::NotFound { .. }) => Ok(Err(error)),
            other => other.map(Ok),
        }
    };
    // The first failure ends both: a service that asks for a rest of an hour is not waited for.
    let (user, metadata) = tokio::try_join!(client.get(&user_path, &[]), metadata)?;

    let user = object(&user.body, "/api/user")?;
    let (caller, organizations) = caller(&user, org)?;
    let metadata = metadata.map_err(|error| explained(error, org, &organizations))?;
    let organization = organization(&object(&metadata.body, &format!("/api/orgs/{org}/metadata"))?, org);
    Ok((caller, organization))
}

/// The organizations that the caller belongs to, sorted; of a machine token the one that it is for.
///
/// # Errors
/// When the service does not tell.
pub async fn organizations(client: &ReadClient) -> Result<Vec<String>, ApiError> {
    let user = client.get(&["api".to_owned(), "user".to_owned()], &[]).await?;
    let user = object(&user.body, "/api/user")?;
    let name = |it: &Value| it.as_str().filter(|it| !it.is_empty()).map(ToOwned::to_owned);
    if let Some(own) = user.pointer("/tokenInfo/organization").and_then(name) {
        return Ok(vec![own]);
    }
    let listed = user.get("organizations").and_then(Value::as_array).into_iter().flatten();
    let mut names: Vec<String> = listed.filter_map(|it| name(it.get("githubLogin")?)).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The capabilities that the service says it has, with their versions: `api-version 9`.
///
/// # Errors
/// When the service does not tell.
pub async fn capabilities(client: &ReadClient) -> Result<String, ApiError> {
    let answer = client.get(&["api".to_owned(), "capabilities".to_owned()], &[]).await?;
    let answer = object(&answer.body, "/api/capabilities")?;
    let list = answer.get("capabilities").and_then(Value::as_array).into_iter().flatten();
    let told = list.filter_map(|it| {
        let name = it.get("capability")?.as_str()?;
        Some(it.get("version").map_or_else(|| name.to_owned(), |version| format!("{name} {version}")))
    });
    let told: Vec<String> = told.collect();
    Ok(if told.is_empty() { "none".to_owned() } else { told.join(", ") })
}

fn object(body: &Bytes, path: &str) -> Result<Value, ApiError> {
    let contract = |what: String| ApiError::new(Failure::Contract(what), "GET", path);
    let value: Value = serde_json::from_slice(body).map_err(|error| contract(error.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(contract("it is not an object".to_owned())) }
}

/// The caller, and the organizations they belong to.
fn caller(user: &Value, org: &str) -> Result<(Caller, Vec<String>), ApiError> {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).filter(|it| !it.is_empty()).map(ToOwned::to_owned)
    };
    let error = |failure: Failure| ApiError::new(failure, "GET", "/api/user");
    let login = text(user, "githubLogin").ok_or_else(|| error(Failure::Contract("it names no login".to_owned())))?;

    let listed = user.get("organizations").and_then(Value::as_array).into_iter().flatten();
    let organizations: Vec<String> = listed.filter_map(|it| text(it, "githubLogin")).collect();
    // Everything but logins is compared exactly, so a name in another case would find nothing.
    if !organizations.iter().any(|it| it == org)
        && let Some(exact) = organizations.iter().find(|it| it.eq_ignore_ascii_case(org))
    {
        let message = format!("the organization is spelled `{exact}`, not `{org}`");
        return Err(error(Failure::Forbidden).with_message(message));
    }
    let info = user.get("tokenInfo").filter(|it| it.is_object());
    let token = info.map_or_else(|| Ok(TokenInfo::default()), TokenInfo::deserialize);
    // Which token is in use decides what must not be revoked, so that a guess would not do.
    let token = token.map_err(|it| error(Failure::Contract(format!("`tokenInfo` cannot be read: {it}"))))?;
    if let Some(other) = token.organization.filter(|it| !it.is_empty() && it != org) {
        let message = format!("the token belongs to the organization `{other}`, not to `{org}`");
        return Err(error(Failure::Forbidden).with_message(message));
    }
    let given = |text: Option<String>| text.filter(|it| !it.is_empty());
    Ok((Caller { login, token: given(token.name), team: given(token.team) }, organizations))
}

/// What a machine token says of itself; a person's own token says nothing.
#[derive(Default, Deserialize)]
struct TokenInfo {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    team: Option<String>,
}

fn explained(error: ApiError, org: &str, organizations: &[String]) -> ApiError {
    if !matches!(error.failure, Failure::NotFound { .. }) {
        return error;
    }
    let others = match organizations {
        [] => String::new(),
        some => format!("; it can see: {}", some.join(", ")),
    };
    error.with_message(format!("there is no organization `{org}`, or the token cannot see it{others}"))
}

/// What the metadata says that matters here. What is absent, or of another type, is unknown.
fn organization(metadata: &Value, org: &str) -> Organization {
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let features = metadata.get("features").and_then(Value::as_object).into_iter().flatten();
    Organization {
        name: org.to_owned(),
        kind: text("kind"),
        user_role: text("userRole"),
        locked: text("locked"),
        member_count: metadata.get("memberCount").and_then(Value::as_u64),
        max_access_token_expiry_days: metadata.get("maxAccessTokenExpiryDays").and_then(Value::as_i64),
        default_role_id: text("defaultRoleId").filter(|it| !it.is_empty()),
        default_stack_permission: metadata.get("defaultStackPermission").and_then(Value::as_i64),
        members_can_create_teams: metadata.get("membersCanCreateTeams").and_then(Value::as_bool),
        default_environment_permission: text("defaultEnvironmentPermission"),
        features: features.filter_map(|(name, on)| Some((name.clone(), on.as_bool()?))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::api::Failure;
    use crate::api::tests::server::{Does, Server};
    use crate::api::tests::{client, quick};
    use crate::model::Instant;
    use crate::snapshot::preflight;

    const USER: &str = r#"{"githubLogin":"acme-bot","organizations":[{"githubLogin":"acme"},{"githubLogin":"beta"}],
        "tokenInfo":{"name":"gitops","organization":"acme","team":""}}"#;
    const METADATA: &str = r#"{"kind":"pulumi","userRole":"admin","locked":"not-locked","memberCount":2,
        "features":{"teamsEnabled":true,"scimEnabled":null},"maxAccessTokenExpiryDays":90,"new":{}}"#;

    async fn server(user: &'static str, status: u16, metadata: &'static str) -> Server {
        Server::start(move |_, seen| match seen.line.ends_with("/api/user") {
            true => Does::json(user),
            false => Does::Answers(status, "", metadata.as_bytes().to_vec()),
        })
        .await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn caller_and_organization_are_found_with_two_requests() {
        let server = server(USER, 200, METADATA).await;
        let found = preflight(&client(&server.address, quick()), "acme", Instant(0)).await;
        let (caller, organization) = found.expect("both");
        assert_eq!((caller.login.as_str(), caller.token.as_deref(), caller.team), ("acme-bot", Some("gitops"), None));
        assert_eq!((organization.user_role.as_deref(), organization.member_count), (Some("admin"), Some(2)));
        assert_eq!(organization.features.len(), 1);
        assert_eq!(server.count(), 2);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_organization_that_cannot_be_seen_is_an_error() {
        for (user, status, metadata, org, says) in [
            (USER, 404, "{}", "acme", "it can see: acme, beta"),
            (USER, 403, "{}", "acme", "not allowed"),
            (USER, 200, METADATA, "beta", "belongs to the organization `acme`"),
            (USER, 200, METADATA, "Acme", "is spelled `acme`"),
            (USER, 200, "[]", "acme", "breaks the contract"),
            ("{}", 200, METADATA, "acme", "names no login"),
            ("<html>", 200, METADATA, "acme", "not JSON"),
        ] {
            let server = server(user, status, metadata).await;
            let error = preflight(&client(&server.address, quick()), org, Instant(0)).await.expect_err(says);
            assert!(error.to_string().contains(says), "{error}");
            assert!(!matches!(error.failure, Failure::Unsendable(_)));
        }
    }
}
