//! A creation that lacks a field which the service requires is refused, and changes nothing.

use super::NOW;
use super::demo;
use crate::published::VARIABLE;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A request that succeeds, what the published document calls its path, and the fields that it must have.
struct Case {
    method: &'static str,
    path: &'static str,
    template: &'static str,
    body: Value,
    required: &'static [&'static str],
}

fn case(
    method: &'static str,
    path: &'static str,
    template: &'static str,
    body: Value,
    required: &'static [&'static str],
) -> Case {
    Case { method, path, template, body, required }
}

const ORG: &str = "/api/orgs/{orgName}";

/// The published document requires these too, and the contract says otherwise.
const OPTIONAL: &[(&str, &str, &str)] =
    &[("POST /teams/pulumi", "displayName", "3.5: an omitted display name becomes the name")];

/// What the document says of a body that the sandbox judges in another way.
const ELSEWHERE: &[(&str, &str)] = &[("POST /services/{ownerType}/{ownerName}/{serviceName}/items", "of old servers")];

fn cases() -> Vec<Case> {
    let hook = json!({
        "organizationName": "acme", "name": "new", "displayName": "Ops", "payloadUrl": "https://hooks.example.com/p",
        "active": true,
    });
    let hook_fields = &["active", "displayName", "organizationName", "payloadUrl"];
    let service = json!({
        "ownerType": "team", "ownerName": "platform", "name": "cart", "description": "", "items": [], "properties": [],
    });
    let token = json!({"name": "ci-x", "description": "", "expires": NOW + 1000, "admin": false});
    let policies = json!({"policies": [
        {"decision": "deny", "tokenType": "organization", "authorizedPermissions": [], "rules": {}},
    ]});
    let invites = json!({"invites": [{"email": "eve@example.com", "role": "member"}]});
    let items = json!({"items": [{"type": "environment", "name": "default/base"}]});
    vec![
        case("POST", "/members/erin", "/members/{userLogin}", json!({"role": "member"}), &["role"]),
        case(
            "POST",
            "/teams/pulumi",
            "/teams/pulumi",
            json!({"name": "docs", "displayName": "Docs", "description": ""}),
            &["name", "description"],
        ),
        case("POST", "/teams/github", "/teams/github", json!({"githubTeamID": 4242}), &["githubTeamID"]),
        case(
            "POST",
            "/services",
            "/services",
            service,
            &["description", "items", "name", "ownerName", "ownerType", "properties"],
        ),
        case(
            "POST",
            "/services/team/web/storefront/v2/items",
            "/services/{ownerType}/{ownerName}/{serviceName}/v2/items",
            items,
            &["items"],
        ),
        case("POST", "/tokens", "/tokens", token, &["admin", "description", "expires", "name"]),
        case(
            "POST",
            "/teams/platform/tokens",
            "/teams/{teamName}/tokens",
            json!({"name": "ci-y", "description": "", "expires": 0}),
            &["description", "expires", "name"],
        ),
        case("POST", "/hooks", "/hooks", hook.clone(), hook_fields),
        case("PATCH", "/hooks/ops", "/hooks/{hookName}", hook, hook_fields),
        case(
            "POST",
            "/oidc/issuers",
            "/oidc/issuers",
            json!({"name": "gh", "url": "https://issuer.example.com"}),
            &["name", "url"],
        ),
        case("PATCH", "/auth/policies/p-1", "/auth/policies/{policyId}", policies, &["policies"]),
        case("POST", "/invites/batch", "/invites/batch", invites.clone(), &["invites"]),
        case("POST", "/invites/unverified/batch", "/invites/unverified/batch", invites, &["invites"]),
        case("POST", "/invites/link", "/invites/link", json!({"role": "member"}), &["role"]),
        case(
            "POST",
            "/api/user/tokens",
            "/api/user/tokens",
            json!({"description": "", "expires": 0}),
            &["description", "expires"],
        ),
        case(
            "POST",
            "/api/stacks/acme/shop/prod/tags",
            "/api/stacks/{orgName}/{projectName}/{stackName}/tags",
            json!({"name": "tier", "value": "1"}),
            &["name", "value"],
        ),
        case(
            "PATCH",
            "/api/stacks/acme/shop/prod/tags/tier",
            "/api/stacks/{orgName}/{projectName}/{stackName}/tags/{tagName}",
            json!({"name": "tier", "value": "2"}),
            &["name", "value"],
        ),
    ]
}

/// What a list's entries must have.
fn nested() -> Vec<(Case, &'static str)> {
    let mut found = Vec::new();
    for case in cases() {
        let (list, required): (_, &'static [&'static str]) = match case.template {
            "/services" => ("properties", &["key", "order", "type", "value"]),
            "/auth/policies/{policyId}" => ("policies", &["authorizedPermissions", "decision", "rules", "tokenType"]),
            "/services/{ownerType}/{ownerName}/{serviceName}/v2/items" => ("items", &["name", "type"]),
            "/invites/batch" | "/invites/unverified/batch" => ("invites", &["role"]),
            _ => continue,
        };
        found.push((Case { required, ..case }, list));
    }
    found
}

fn address(path: &str, below: &str) -> String {
    path.strip_prefix("/api").map_or_else(|| format!("{below}{path}"), str::to_owned)
}

#[tokio::test]
async fn what_lacks_a_required_field_is_refused_and_what_has_them_all_is_not() {
    let world = demo().await;
    for Case { method, path, template: _, body, required } in cases() {
        let path = address(path, "/orgs/acme");
        for field in required {
            for absent in [None, Some(Value::Null)] {
                let mut poor = body.clone();
                match absent {
                    None => drop(poor.as_object_mut().unwrap().remove(*field).unwrap()),
                    Some(null) => poor[*field] = null,
                }
                let says = if *field == "githubTeamID" { "TeamID" } else { field };
                world.refused(method, &path, poor, 400, says).await;
            }
        }
        // Had one of the poor ones been taken, this would not be.
        let status = world.status(method, &path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn what_has_an_entry_without_a_required_field_is_refused() {
    let world = demo().await;
    for (Case { method, path, template: _, mut body, required }, list) in nested() {
        if body[list] == json!([]) {
            body[list] = json!([{"key": "tier", "value": "1", "type": "string", "order": 0}]);
        }
        let path = address(path, "/orgs/acme");
        for field in required {
            let mut poor = body.clone();
            poor[list][0].as_object_mut().unwrap().remove(*field).unwrap();
            world.refused(method, &path, poor, 400, field).await;
        }
        let status = world.status(method, &path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn a_team_without_a_display_name_is_called_by_its_name() {
    let world = demo().await;
    let body = json!({"name": "docs", "description": ""});
    let (status, team) = world.call("POST", "/orgs/acme/teams/pulumi", Some(body)).await;
    assert_eq!((status, &team["displayName"]), (201, &json!("docs")), "{team}");
}

/// The fields that an object must have.
fn required_by(schemas: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        return required_by(schemas, &schemas[target.rsplit('/').next().unwrap_or_default()], found);
    }
    found.extend(schema["required"].as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)));
    schema["allOf"].as_array().into_iter().flatten().for_each(|it| required_by(schemas, it, found));
}

#[test]
fn the_cases_are_those_of_the_published_document() {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut published = BTreeMap::new();
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut required = BTreeSet::new();
            required_by(&document["components"]["schemas"], schema, &mut required);
            let template = template.strip_prefix(ORG).unwrap_or(template);
            let name = format!("{} {template}", method.to_uppercase());
            let optional = OPTIONAL.iter().filter(|it| it.0 == name);
            optional.for_each(|it| assert!(required.remove(it.1), "{it:?} is no exception"));
            if !required.is_empty() && !ELSEWHERE.iter().any(|it| it.0 == name) {
                published.insert(name, required);
            }
        }
    }
    let own = cases().into_iter().map(|it| {
        let required = it.required.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
        (format!("{} {}", it.method, it.template), required)
    });
    assert_eq!(own.collect::<BTreeMap<_, _>>(), published);
}
