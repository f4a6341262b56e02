//! The permission scopes that roles are made of.

use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// Bucket, group, sort of object, verbs.
#[rustfmt::skip]
const SCOPES: &[(&str, &str, &str, &str)] = &[
    ("stack", "Stacks", "stack", "list read write import export encrypt decrypt create rename delete cancel_update transfer list_deleted restore_deleted"),
    ("stack", "Stacks", "project", "encrypt decrypt"),
    ("stack", "Stacks", "project_annotations", "read update"),
    ("stack", "Stack deployments", "stack_deployment", "create read"),
    ("stack", "Stack deployments", "stack_deployment_settings", "write read encrypt"),
    ("stack", "Stack deployments", "stack_deployment_cache", "read"),
    ("stack", "Stack webhooks", "stack_webhook", "read create update delete"),
    ("stack", "Stack management", "stack_access", "read update"),
    ("stack", "Stack tags", "stack_tags", "update"),
    ("stack", "Stacks", "stack_annotations", "read update"),
    ("stack", "Stack deployment schedules", "stack_schedule", "create update read delete pause resume"),
    ("organization", "Organization", "organization", "read_usage update rename delete change_backend billing potential transfer_stacks"),
    ("organization", "SSO", "saml", "read update"),
    ("organization", "Audit logs", "audit_logs", "read export"),
    ("organization", "SSO", "scim", "read update delete"),
    ("organization", "Organization", "tags", "read"),
    ("organization", "Organization", "org_integrations", "read update"),
    ("organization", "Organization", "integrations", "update read"),
    ("organization", "Membership", "invites", "read create"),
    ("organization", "Membership", "org_requests", "read update"),
    ("organization", "Membership", "org_member_access", "read"),
    ("organization", "Membership", "org_member", "read delete add update set_admin"),
    ("organization", "Organization access tokens", "org_token", "read create delete"),
    ("organization", "OIDC", "auth_policies", "read update"),
    ("organization", "OIDC", "oidc_issuers", "read update regenerate_thumbprints create delete"),
    ("organization", "Agent pools", "agent_pool", "read create update delete"),
    ("organization", "Organization webhooks", "organization_webhook", "read create update delete"),
    ("organization", "Search", "resources", "index search dashboard"),
    ("organization", "Templates", "templates", "read"),
    ("organization", "Templates", "templates_source", "read update delete create"),
    ("organization", "Organization", "services", "create read write admin"),
    ("organization", "Deployments", "deployments", "read pause resume read_usage"),
    ("organization", "Organization annotations", "organization_annotations", "read update"),
    ("organization", "Insights policy management", "policy_groups", "create read update delete"),
    ("organization", "Insights policy management", "policy_pack", "create read update delete"),
    ("organization", "Insights policy management", "policy_results", "read"),
    ("environment", "Environments", "environment", "create list read open write delete clone rotate rotate_history list_deleted restore_deleted"),
    ("environment", "Environments", "environment_settings", "read update"),
    ("environment", "Environments", "environment_yaml", "open"),
    ("environment", "Environment schedules", "environment_schedule", "create read update pause resume delete"),
    ("environment", "Environment tags", "environment_tags", "list"),
    ("environment", "Environment tags", "environment_tag", "read create update delete"),
    ("environment", "Environment versions", "environment_version", "create read update delete retract open"),
    ("environment", "Environment webhooks", "environment_webhook", "read create update delete"),
    ("environment", "Environment management", "environment_access", "read update"),
    ("organization", "Teams", "team", "list read create update delete create_token list_tokens delete_token"),
    ("organization", "Teams", "github_team", "create"),
    ("insights-account", "Accounts", "insights_account", "list read create update delete update_policy_results scan"),
    ("insights-account", "Insights account management", "insights_account_access", "read update"),
    ("insights-account", "Scans", "insights_account_scan", "read update cancel pause resume"),
    ("insights-account", "Policy queue", "insights_policy_queue", "read"),
    ("insights-account", "Policy evaluator", "insights_policy_evaluator", "read delete ensure update"),
    ("organization", "Neo", "ai_conversations", "list_all read create update"),
    ("organization", "Roles", "role", "create read update delete"),
    ("organization", "Approvals", "change_gate", "create update delete"),
];

/// The answer of `GET …/roles/scopes`: bucket to groups of scopes.
pub fn catalogue() -> Value {
    let mut buckets: BTreeMap<&str, BTreeMap<&str, Vec<Value>>> = BTreeMap::new();
    for (bucket, group, sort, verbs) in SCOPES {
        let scopes = buckets.entry(bucket).or_default().entry(group).or_default();
        for verb in verbs.split(' ') {
            let description = format!("{} {}", verb.replace('_', " "), sort.replace('_', " "));
            let name = format!("{sort}:{verb}");
            scopes.push(json!({"name": name, "metadata": {"description": description}}));
        }
    }
    let shaped = buckets.into_iter().map(|(bucket, groups)| {
        let groups = groups.into_iter().map(|(name, scopes)| json!({"name": name, "scopes": scopes}));
        (bucket.to_owned(), groups.collect::<Value>())
    });
    Value::Object(shaped.collect())
}
