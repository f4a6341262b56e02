//! The exchanges a client may count on, in an order in which all of them succeed.

use super::NOW;
use super::demo;
use crate::sandbox::clock::DAY;
use serde_json::Value;
use serde_json::json;

/// Sends each request and compares the status.
async fn walk(steps: Vec<(&str, &str, Value, u16)>) {
    let world = demo().await;
    for (method, path, body, status) in steps {
        let (found, answer) = world.call(method, path, Some(body).filter(|it| !it.is_null())).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn people_and_roles() {
    let tree = json!({
        "__type": "PermissionDescriptorCondition",
        "condition": {
            "__type": "PermissionExpressionEqual",
            "left": {"__type": "PermissionExpressionStack"},
            "right": {"__type": "PermissionLiteralExpressionStack", "identity": "s-1"},
        },
        "subNode": {"__type": "PermissionDescriptorAllow", "permissions": ["stack:write"]},
    });
    let role = json!({
        "name": "auditor", "description": "read only", "resourceType": "global", "uxPurpose": "role",
        "details": {"__type": "PermissionDescriptorAllow", "permissions": ["audit_logs:read", "stack:read"]},
    });
    let invite = json!({"invites": [{"email": "eve@example.com", "role": "member"}]});
    walk(vec![
        ("GET", "/user", Value::Null, 200),
        ("GET", "/user/organizations/default", Value::Null, 200),
        ("GET", "/capabilities", Value::Null, 200),
        ("GET", "/orgs/acme", Value::Null, 200),
        ("GET", "/orgs/acme/metadata", Value::Null, 200),
        ("PATCH", "/orgs/acme", json!({"setMembersCanCreateTeams": false}), 200),
        ("GET", "/orgs/acme/members?type=frontend", Value::Null, 200),
        ("GET", "/orgs/acme/members?type=backend", Value::Null, 200),
        ("POST", "/orgs/acme/members/erin", json!({"role": "member"}), 200),
        ("GET", "/orgs/acme/members/bob/teams", Value::Null, 200),
        ("GET", "/orgs/acme/roles?uxPurpose=role", Value::Null, 200),
        ("GET", "/orgs/acme/roles/scopes", Value::Null, 200),
        ("POST", "/orgs/acme/roles", role, 200),
        ("GET", "/orgs/acme/roles/r-6", Value::Null, 200),
        ("PATCH", "/orgs/acme/roles/r-6", json!({"name": "auditor", "description": "one", "details": tree}), 200),
        ("PATCH", "/orgs/acme/members/erin", json!({"fgaRoleId": "r-6"}), 204),
        ("GET", "/orgs/acme/roles/r-6/users", Value::Null, 200),
        ("GET", "/orgs/acme/roles/r-6/teams", Value::Null, 200),
        ("GET", "/orgs/acme/roles/r-6/tokens", Value::Null, 200),
        ("PATCH", "/orgs/acme/roles/r-5/default", Value::Null, 204),
        ("DELETE", "/orgs/acme/roles/r-6?force=true", Value::Null, 204),
        ("DELETE", "/orgs/acme/members/erin", Value::Null, 204),
        ("POST", "/orgs/acme/invites/batch", invite.clone(), 200),
        ("POST", "/orgs/acme/invites/unverified/batch", invite, 200),
        ("POST", "/orgs/acme/invites/link", json!({"role": "member", "roleId": "r-5"}), 200),
        ("GET", "/orgs/acme/invites", Value::Null, 200),
        ("GET", "/orgs/acme/invites/i-1", Value::Null, 200),
        ("POST", "/orgs/acme/invites/i-1/resend", json!({}), 204),
        ("DELETE", "/orgs/acme/invites/i-1", Value::Null, 204),
        ("GET", "/orgs/acme/saml/admins", Value::Null, 200),
        ("POST", "/orgs/acme/saml/admins/bob", Value::Null, 204),
    ])
    .await;
}

#[tokio::test]
async fn teams_and_services() {
    let team = "/orgs/acme/teams/docs";
    let stack = |permission: i64| json!({"projectName": "shop", "stackName": "prod", "permission": permission});
    let environment = json!({
        "projectName": "default", "envName": "base", "permission": "open", "maxOpenDuration": "1h0m0s",
    });
    let service = json!({
        "ownerType": "team", "ownerName": "docs", "name": "checkout", "description": "",
        "items": [{"type": "stack", "name": "shop/prod"}],
        "properties": [{"key": "runbook", "value": "https://wiki.example/c", "type": "string", "order": 0}],
    });
    let change = json!({"name": "checkout-api", "description": "cart", "properties": []});
    let one = "/orgs/acme/services/team/docs/checkout-api";
    walk(vec![
        ("POST", "/orgs/acme/teams/pulumi", json!({"name": "docs", "displayName": "Docs", "description": ""}), 201),
        ("POST", "/orgs/acme/teams/github", json!({"githubTeamID": 4242}), 201),
        ("GET", "/user/github/acme-gh/teams", Value::Null, 200),
        ("GET", "/orgs/acme/teams", Value::Null, 200),
        ("GET", team, Value::Null, 200),
        ("PATCH", team, json!({"newDisplayName": "Docs", "newDescription": "writes"}), 204),
        ("PATCH", team, json!({"memberAction": "add", "member": "bob"}), 204),
        ("PATCH", team, json!({"memberAction": "promote", "member": "bob"}), 204),
        ("PATCH", team, json!({"addStackPermission": stack(101)}), 204),
        ("PATCH", team, json!({"editStackPermission": stack(102)}), 204),
        ("GET", "/stacks/acme/shop/prod/teams", Value::Null, 200),
        ("GET", "/stacks/acme/shop/prod/metadata", Value::Null, 200),
        ("GET", "/stacks/acme/shop/prod/collaborators", Value::Null, 200),
        ("PATCH", team, json!({"removeStack": {"projectName": "shop", "stackName": "prod"}}), 204),
        ("PATCH", team, json!({"addEnvironmentPermission": environment}), 204),
        ("PATCH", team, json!({"removeEnvironment": {"projectName": "default", "envName": "base"}}), 204),
        ("POST", "/orgs/acme/teams/docs/roles/r-5", Value::Null, 204),
        ("GET", "/orgs/acme/teams/docs/roles", Value::Null, 200),
        ("DELETE", "/orgs/acme/teams/docs/roles/r-5", Value::Null, 204),
        ("POST", "/orgs/acme/teams/docs/enable-team-roles", Value::Null, 200),
        ("PATCH", "/console/stacks/acme/shop/prod/teams/docs", json!({"permissions": 103}), 204),
        ("GET", "/orgs/acme/services?maxResults=1000", Value::Null, 200),
        ("POST", "/orgs/acme/services", service, 200),
        ("PATCH", "/orgs/acme/services/team/docs/checkout", change, 200),
        ("GET", "/orgs/acme/services/team/docs/checkout-api?maxResults=1000", Value::Null, 200),
        ("HEAD", one, Value::Null, 204),
        (
            "POST",
            "/orgs/acme/services/team/docs/checkout-api/v2/items",
            json!({"items": [{"type": "environment", "name": "default/base"}]}),
            204,
        ),
        ("DELETE", "/orgs/acme/services/team/docs/checkout-api/v2/items/stack/shop%2Fprod", Value::Null, 204),
        ("DELETE", "/orgs/acme/services/team/docs/checkout-api?force=true", Value::Null, 204),
        ("DELETE", team, Value::Null, 204),
        ("GET", "/user/stacks?organization=acme", Value::Null, 200),
        ("GET", "/esc/environments", Value::Null, 200),
        ("GET", "/esc/environments/acme", Value::Null, 200),
        ("GET", "/esc/environments/acme/default/base/metadata", Value::Null, 200),
    ])
    .await;
}

#[tokio::test]
async fn credentials_and_hooks() {
    let token = json!({
        "name": "ci-2026-08", "description": "CI", "expires": NOW + 77 * DAY, "admin": false, "roleID": "r-5",
    });
    let bot = json!({"name": "platform-ci", "description": "", "expires": 0});
    let hook = json!({
        "organizationName": "acme", "name": "new", "displayName": "New", "payloadUrl": "https://hooks.example.com/p",
        "active": true, "format": "raw", "filters": ["stack_deleted"], "secret": "x",
    });
    let issuer = json!({"name": "github", "url": "https://issuer.example.com", "maxExpiration": 3600});
    walk(vec![
        ("POST", "/orgs/acme/tokens?reason=change%20abc123", token, 200),
        ("GET", "/orgs/acme/tokens?filter=all", Value::Null, 200),
        ("DELETE", "/orgs/acme/tokens/t-6", Value::Null, 204),
        ("POST", "/orgs/acme/teams/platform/tokens", bot, 200),
        ("GET", "/orgs/acme/teams/platform/tokens?filter=all", Value::Null, 200),
        ("DELETE", "/orgs/acme/teams/platform/tokens/t-7?reason=x", Value::Null, 204),
        ("POST", "/user/tokens", json!({"description": "mine", "expires": 0}), 200),
        ("GET", "/user/tokens", Value::Null, 200),
        ("DELETE", "/user/tokens/t-8", Value::Null, 204),
        ("POST", "/orgs/acme/hooks", hook.clone(), 201),
        ("GET", "/orgs/acme/hooks", Value::Null, 200),
        ("PATCH", "/orgs/acme/hooks/new", hook, 200),
        ("POST", "/orgs/acme/hooks/new/ping", Value::Null, 200),
        ("POST", "/orgs/acme/hooks/new/deliveries/d-1/redeliver", Value::Null, 200),
        ("DELETE", "/orgs/acme/hooks/new", Value::Null, 204),
        ("POST", "/orgs/acme/oidc/issuers", issuer, 200),
        ("GET", "/orgs/acme/oidc/issuers", Value::Null, 200),
        ("GET", "/orgs/acme/oidc/issuers/e-1", Value::Null, 200),
        ("PATCH", "/orgs/acme/oidc/issuers/e-1", json!({"name": "gh", "maxExpiration": 1800}), 200),
        ("GET", "/orgs/acme/auth/policies/oidcissuers/e-1", Value::Null, 200),
        ("POST", "/orgs/acme/oidc/issuers/e-1/regenerate-thumbprints", Value::Null, 200),
        ("DELETE", "/orgs/acme/oidc/issuers/e-1", Value::Null, 204),
        ("GET", "/orgs/acme/auditlogs/v2?startTime=1787000000&userFilter=alice", Value::Null, 200),
        ("GET", "/orgs/acme/auditlogs?startTime=1787300001", Value::Null, 200),
    ])
    .await;
}

/// Each answer has the fields of its example; lists have them in their first entry.
#[tokio::test]
async fn answers_hold_what_their_examples_hold() {
    let world = demo().await;
    let person = ["githubLogin", "name", "avatarUrl"];
    let examples: &[(&str, &str, &[&str])] = &[
        ("/user", "", &["id", "githubLogin", "name", "avatarUrl", "identities", "organizations"]),
        ("/user", "/organizations/0", &["name", "githubLogin", "avatarUrl", "role"]),
        ("/orgs/acme/metadata", "", &["id", "kind", "userRole", "locked", "memberCount", "membersCanCreateTeams"]),
        ("/orgs/acme/metadata", "/features", &["teamsEnabled", "customRolesEnabled", "machineTokensEnabled"]),
        ("/orgs/acme", "", &["githubLogin", "name", "avatarUrl", "repos"]),
        ("/capabilities", "/capabilities/0", &["capability", "version"]),
        (
            "/orgs/acme/members?type=frontend",
            "/members/0",
            &["role", "user", "created", "knownToPulumi", "virtualAdmin", "fgaRole"],
        ),
        ("/orgs/acme/members?type=frontend", "/members/0/user", &person),
        ("/orgs/acme/members?type=frontend", "/members/0/fgaRole", &["id", "name", "modifiedAt"]),
        ("/orgs/acme/members/bob/teams", "", &["teams"]),
        (
            "/orgs/acme/roles?uxPurpose=role",
            "/roles/0",
            &[
                "id",
                "orgId",
                "name",
                "uxPurpose",
                "defaultIdentifier",
                "version",
                "isOrgDefault",
                "created",
                "modified",
            ],
        ),
        ("/orgs/acme/teams", "/teams/0", &["kind", "name", "displayName", "description"]),
        (
            "/orgs/acme/teams/platform",
            "",
            &["kind", "name", "displayName", "description", "userRole", "members", "stacks", "environments", "roleIds"],
        ),
        ("/orgs/acme/teams/platform", "/members/0", &["githubLogin", "name", "avatarUrl", "role"]),
        ("/orgs/acme/teams/data-eng", "/stacks/0", &["projectName", "stackName", "permission"]),
        (
            "/orgs/acme/services?maxResults=1000",
            "/services/0",
            &["organizationName", "owner", "name", "description", "members", "itemCountSummary", "properties"],
        ),
        ("/orgs/acme/services?maxResults=1000", "/services/0/owner", &["type", "name", "avatarUrl"]),
        ("/orgs/acme/services/team/web/storefront?maxResults=1000", "", &["service", "items"]),
        (
            "/orgs/acme/services/team/web/storefront?maxResults=1000",
            "/items/0",
            &["organizationName", "type", "name", "created", "addedByUser"],
        ),
        (
            "/orgs/acme/tokens?filter=all",
            "/tokens/0",
            &["id", "name", "description", "created", "createdBy", "lastUsed", "expires", "admin"],
        ),
        (
            "/orgs/acme/hooks",
            "/1",
            &["organizationName", "name", "displayName", "payloadUrl", "active", "format", "filters", "hasSecret"],
        ),
        (
            "/orgs/acme/oidc/issuers",
            "/oidcIssuers/0",
            &["id", "name", "url", "issuer", "thumbprints", "maxExpiration", "created"],
        ),
        ("/user/stacks?organization=acme", "/stacks/0", &["id", "orgName", "projectName", "stackName", "lastUpdate"]),
        ("/esc/environments/acme", "/environments/0", &["id", "organization", "project", "name", "created"]),
        ("/orgs/acme/saml/admins", "/samlAdmins/0", &person),
        (
            "/stacks/acme/shop/prod",
            "",
            &["id", "orgName", "projectName", "stackName", "activeUpdate", "version", "tags"],
        ),
        ("/stacks/acme/shop/prod/teams", "", &["projectName", "teams"]),
        ("/user/github/acme-gh/teams", "/teams/0", &["id", "name", "slug", "description", "knownToPulumi"]),
        ("/orgs/acme/auditlogs/v2?startTime=1", "", &["auditLogEvents"]),
    ];
    for (path, at, fields) in examples {
        let (status, answer) = world.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let found = answer.pointer(at).unwrap_or_else(|| panic!("{path} has no {at}: {answer}"));
        for field in *fields {
            assert!(found.get(field).is_some(), "{path}{at} has no {field}: {found}");
        }
    }
}

#[tokio::test]
async fn what_only_some_may_or_have() {
    walk(vec![
        // Only an organization with one administrator hands that on.
        ("POST", "/orgs/acme/members/carol/set-admin", Value::Null, 400),
        ("GET", "/stacks/acme/shop/prod", Value::Null, 200),
        ("POST", "/stacks/acme/shop/prod/tags", json!({"name": "owner", "value": "platform"}), 204),
    ])
    .await;
}
