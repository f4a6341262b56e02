//! OIDC issuers: who else's tokens can be exchanged for tokens of the organization, and on which terms.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod policy;
mod read;
mod rehearsal;
mod steps;

use crate::kinds::token::{TokenRole, check_token_role};
use crate::kinds::words::{ClaimPattern, IssuerUrl, Login, Thumbprint};
use crate::kinds::{self, Budget, Draft, Facts, Kind, Reader, Right, Shape, World};
use crate::model::{
    Action, Call, Change, Duration, FieldChange, FieldRule, LiveObject, Problem, Reference, ResourceId, Scope,
    Severity, Verb,
};

/// The kind.
pub struct OidcIssuer;

/// An OIDC issuer that the organization trusts: its tokens can be exchanged for access tokens.
///
/// The service knows an issuer by its `url`. The name can be changed freely: change the key, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "OIDC issuer")]
pub struct OidcIssuerSpec {
    /// The issuer's address, exactly as its tokens carry it in the claim `iss`. The service has no way to change it:
    /// a change deletes the issuer and makes it anew.
    pub url: IssuerUrl,
    /// How long an access token from this issuer may live at most, such as `2h`. Left out: what is live stays, and
    /// a new issuer gets the service's own limit, 25 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_expiration: Option<Duration>,
    /// The SHA-256 fingerprints of the issuer's certificates. The issuer has exactly these. Left out: the service
    /// looks after them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true, "minItems" = 1))]
    pub thumbprints: Option<Vec<Thumbprint>>,
    /// Which of the issuer's tokens are exchanged for what. The issuer has exactly these; their order means nothing,
    /// and a denial is stronger than any permission. There is always one: to let nobody in, write
    /// `{decision: deny, tokenType: organization}`, which is also what a new issuer has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minItems" = 1))]
    pub policies: Option<Vec<Policy>>,
}

/// Who may exchange a token of the issuer for which access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Policy")]
pub struct Policy {
    /// Whether the exchange is allowed or denied.
    pub decision: Decision,
    /// What kind of access token this is about.
    pub token_type: TokenType,
    /// For `organization`: the name of a custom role from `roles`, or `admin`. Left out: what a regular member may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<TokenRole>,
    /// For `team`: the team whose token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub team: Option<String>,
    /// For `personal`: the person whose token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Login>,
    /// For `runner`: the id of the deployment runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub runner: Option<String>,
    /// What the claims of the issuer's token must be: the claim's name, and its value, in which `*` stands for
    /// anything. All of them must fit. Left out or `{}`: every token of the issuer fits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {
        "description": "The name of a claim, such as `sub` or `aud`.",
        "pattern": r"^\S+$",
        "patternErrorMessage": "Write the name of a claim, such as sub.",
    }))]
    pub rules: BTreeMap<String, ClaimPattern>,
}

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The exchange is allowed, unless another policy denies it.
    Allow,
    /// The exchange is denied, whatever the other policies say.
    Deny,
}

/// Whose access token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// A token of the organization.
    Organization,
    /// A token of a team.
    Team,
    /// A token of a person.
    Personal,
    /// A token of a deployment runner.
    Runner,
}

static FACTS: Facts = Facts {
    word: "oidc-issuer",
    section: "oidcIssuers",
    about: "OIDC issuers, by name: whose tokens can be exchanged for tokens of the organization.",
    key_about: "The issuer's name in the console. The service knows it by its `url`, so that the name can change.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"url": "${2:https://token.actions.githubusercontent.com}", "maxExpiration": "${3:2h}", "policies": [{"decision": "allow", "tokenType": "organization", "role": "${4:role}", "rules": {"sub": "${5:repo:ORGANIZATION/REPOSITORY:environment:prod}"}}]}}),
    ignores_case: false,
    shape: Shape::Map,
    fields: &[
        ("url", FieldRule::Replaces),
        ("maxExpiration", FieldRule::Value),
        ("thumbprints", FieldRule::Set),
        ("policies", FieldRule::Value),
    ],
    renamable: false,
    prunable: true,
    deletion_is_dangerous: true,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: None,
};

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/oidc/issuers", &["oidc_issuers:read"]),
    Right::new("GET /api/orgs/*/oidc/issuers/*", &["oidc_issuers:read"]),
    Right::new("POST /api/orgs/*/oidc/issuers", &["oidc_issuers:create"]),
    Right::new("PATCH /api/orgs/*/oidc/issuers/*", &["oidc_issuers:update"]),
    Right::new("DELETE /api/orgs/*/oidc/issuers/*", &["oidc_issuers:delete"]),
    Right::new("GET /api/orgs/*/auth/policies/oidcissuers/*", &["auth_policies:read"]),
    Right::new("PATCH /api/orgs/*/auth/policies/*", &["auth_policies:update"]),
];

impl Kind for OidcIssuer {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<OidcIssuerSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        let mut spec: OidcIssuerSpec = kinds::typed(&spec)?;
        for Thumbprint(text) in spec.thumbprints.iter_mut().flatten() {
            *text = policy::thumbprint(text);
        }
        let mut spec = serde_json::to_value(spec).map_err(|error| error.to_string())?;
        if let Some(policies) = spec.get_mut("policies") {
            *policies = policy::sorted(policies);
        }
        Ok(spec)
    }

    fn check(&self, name: &str, spec: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let longest = spec["maxExpiration"].as_str().and_then(|it| it.parse::<Duration>().ok());
        if longest.is_some_and(|it| it.seconds == 0) {
            let message = format!("no token from the issuer `{name}` would ever be alive");
            problems.push(Problem::error("E0413", "/maxExpiration", message).help("write a time such as `2h`"));
        }
        for (index, policy) in spec["policies"].as_array().into_iter().flatten().enumerate() {
            problems.extend(check_policy(&format!("/policies/{index}"), name, policy));
        }
        problems
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let mut references = Vec::new();
        for (index, policy) in spec["policies"].as_array().into_iter().flatten().enumerate() {
            for (field, kind, role) in [
                ("role", "role", "gives tokens with a role"),
                ("team", "team", "gives tokens of a team"),
                ("user", "member", "gives tokens of a person"),
            ] {
                let admin = field == "role" && policy[field] == policy::ADMIN;
                if let Some(name) = policy[field].as_str().filter(|_| !admin) {
                    let pointer = format!("/policies/{index}/{field}");
                    references.push(Reference { pointer, part: None, to: ResourceId::new(kind, name), role });
                }
            }
        }
        references
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::IssuerReader::new(scope))
    }

    fn identity(&self) -> Option<&'static str> {
        Some("url")
    }

    fn due(&self, _spec: &Value, live: &LiveObject, _world: &World) -> Vec<(FieldRule, FieldChange)> {
        // The live object is called as the manifest calls it; what the console shows may be another name.
        let shown = &live.facts["name"];
        let renamed = shown.as_str().is_some_and(|it| it != live.name);
        let change = || (FieldRule::Value, FieldChange::value(steps::NAME, shown.clone(), json!(live.name)));
        renamed.then(change).into_iter().collect()
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn events(&self, verb: Verb) -> Option<&'static [&'static str]> {
        Some(match verb {
            Verb::Create => &["oidc-issuer-deleted"],
            Verb::Update | Verb::Rename | Verb::Replace => {
                &["oidc-issuer-updated", "oidc-issuer-registered", "authorization-policy-updated"]
            }
            Verb::Delete => &["oidc-issuer-registered"],
        })
    }

    fn is_called(&self, name: &str, change: &Change, live: Option<&LiveObject>) -> bool {
        // Names are free on the service, and an event about the policies names only their set.
        let facts = live.map(|it| &it.facts);
        let told = ["/name", "/policySet"].into_iter().filter_map(|it| facts?.pointer(it)?.as_str());
        let address = [&change.before, &change.after].into_iter().filter_map(|it| it["url"].as_str());
        change.name == name || told.chain(address).any(|it| it == name)
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn rehearse(
        &self,
        call: &Call,
        change: &Change,
        live: Option<LiveObject>,
        world: &World,
    ) -> Result<Option<LiveObject>, String> {
        rehearsal::rehearse(call, &change.name, live, world)
    }

    fn administers(&self, spec: &Value) -> bool {
        let admin = |it: &Value| it["decision"] == "allow" && it["role"] == policy::ADMIN;
        spec["policies"].as_array().into_iter().flatten().any(admin)
    }

    fn endows(&self, _name: &str, spec: &Value) -> Vec<ResourceId> {
        let allowed = spec["policies"].as_array().into_iter().flatten().filter(|it| it["decision"] == "allow");
        allowed.filter_map(|it| it["role"].as_str()).map(|it| ResourceId::new("role", it)).collect()
    }

    fn budget(&self) -> Budget {
        Budget { percent: 20, least: 1, most: 5 }
    }
}

/// What belongs to a policy's type of token, and what does not.
fn check_policy(pointer: &str, issuer: &str, policy: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let kind = policy["tokenType"].as_str().unwrap_or_default();
    for (of, field) in [("organization", "role"), ("team", "team"), ("personal", "user"), ("runner", "runner")] {
        let given = policy.get(field).is_some();
        if given && of != kind {
            let message = format!("a policy of `{issuer}` for `{kind}` tokens cannot have a `{field}`");
            let problem = Problem::error("E0431", format!("{pointer}/{field}/#"), message);
            problems.push(problem.help(format!("leave it out, or write `tokenType: {of}`")));
        }
        if !given && of == kind && field != "role" {
            let message = format!("a policy of `{issuer}` for `{kind}` tokens needs a `{field}`");
            problems.push(Problem::error("E0431", pointer, message).help(format!("add `{field}: …`")));
        }
    }
    if let Some(role) = policy["role"].as_str() {
        let whose = format!("a token from the issuer `{issuer}`");
        problems.extend(check_token_role(&whose, role, &format!("{pointer}/role")));
    }
    let rules = policy["rules"].as_object().map_or(0, serde_json::Map::len);
    if policy["decision"] == "allow" && rules == 0 {
        let message = format!("a policy of `{issuer}` lets in every token that the issuer gives to anybody");
        let problem = Problem::error("E0432", pointer, message).help("add `rules` for the claims of the token");
        problems.push(Problem { severity: Severity::Warning, ..problem });
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::OidcIssuer;
    use crate::kinds::Kind;

    fn problems(policy: Value) -> Vec<(&'static str, String)> {
        let spec = json!({"url": "https://issuer.example", "policies": [policy]});
        OidcIssuer.check("ci", &spec).into_iter().map(|it| (it.code, it.pointer)).collect()
    }

    #[test]
    fn a_policy_names_what_its_type_of_token_belongs_to() {
        let rules = json!({"sub": "x"});
        for (policy, found) in [
            (json!({"decision": "allow", "tokenType": "organization", "role": "r", "rules": rules}), vec![]),
            (json!({"decision": "deny", "tokenType": "organization"}), vec![]),
            (json!({"decision": "deny", "tokenType": "team"}), vec![("E0431", "/policies/0")]),
            (
                json!({"decision": "deny", "tokenType": "team", "team": "web", "role": "r"}),
                vec![("E0431", "/policies/0/role/#")],
            ),
            (json!({"decision": "deny", "tokenType": "personal", "user": "bob"}), vec![]),
            (
                json!({"decision": "deny", "tokenType": "organization", "role": "member"}),
                vec![("E0409", "/policies/0/role")],
            ),
            (json!({"decision": "allow", "tokenType": "runner", "runner": "r-1"}), vec![("E0432", "/policies/0")]),
        ] {
            let found: Vec<_> = found.into_iter().map(|(code, at)| (code, at.to_owned())).collect();
            assert_eq!(problems(policy.clone()), found, "{policy}");
        }
    }

    #[test]
    fn equal_meanings_are_equal_values() {
        let allow = json!({"decision": "allow", "tokenType": "personal", "user": "Bob", "rules": {"b": "1", "a": "2"}});
        let again = json!({"decision": "allow", "tokenType": "personal", "user": "bob", "rules": {"a": "2", "b": "1"}});
        let deny = json!({"decision": "deny", "tokenType": "organization", "rules": {}});
        let bare = json!({"decision": "deny", "tokenType": "organization"});
        let spec = |policies: Value, thumbprint: &str| json!({"url": "https://issuer.example", "thumbprints": [thumbprint], "policies": policies});
        let one = OidcIssuer.canonical(spec(json!([allow, deny]), "AA:BB:01")).unwrap();
        let other = OidcIssuer.canonical(spec(json!([bare, again, deny]), "aabb01")).unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn whoever_gives_administrators_tokens_administers() {
        let policy = |decision: &str, role: &str| json!({"policies": [{"decision": decision, "tokenType": "organization", "role": role}]});
        assert!(OidcIssuer.administers(&policy("allow", "admin")));
        assert!(!OidcIssuer.administers(&policy("deny", "admin")));
        assert!(!OidcIssuer.administers(&policy("allow", "deployer")));
    }
}
