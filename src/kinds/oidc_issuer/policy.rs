//! A policy as it is written, and as it is on the wire: names here, ids there.

use serde_json::{Map, Value, json};

use crate::kinds;
use crate::kinds::oidc_issuer::Policy;

/// The role of an administrator's token, and the permission that stands for it on the wire.
pub(super) const ADMIN: &str = "admin";

/// The fields that say whose token it is, as they are written and as they are on the wire.
const WHOSE: [(&str, &str); 3] = [("team", "teamName"), ("user", "userLogin"), ("runner", "runnerID")];

/// A fingerprint in the service's form: no colons, and one case.
pub(super) fn thumbprint(text: &str) -> String {
    text.replace(':', "").to_lowercase()
}

/// Policies in the form in which equal ones are equal: their order means nothing.
pub(super) fn sorted(policies: &Value) -> Value {
    let mut policies: Vec<Value> = policies.as_array().into_iter().flatten().map(plain).collect();
    policies.sort_by_cached_key(Value::to_string);
    policies.dedup();
    Value::Array(policies)
}

/// One policy in that form; one that this version cannot read stays as it is.
fn plain(policy: &Value) -> Value {
    let mut policy = kinds::canonical::<Policy>(policy.clone()).unwrap_or_else(|_| policy.clone());
    if let Some(login) = policy["user"].as_str().map(str::to_lowercase) {
        policy["user"] = json!(login);
    }
    policy
}

/// What a person would have written to get this policy.
pub(super) fn written(wire: &Value, role: Option<String>) -> Value {
    let text = |field: &str| wire[field].as_str().filter(|it| !it.is_empty());
    let mut policy = Map::new();
    policy.insert("decision".to_owned(), wire["decision"].clone());
    policy.insert("tokenType".to_owned(), wire["tokenType"].clone());
    let admin = wire["authorizedPermissions"].as_array().is_some_and(|it| it.iter().any(|it| it == ADMIN));
    if let Some(role) = role.or_else(|| admin.then(|| ADMIN.to_owned())) {
        policy.insert("role".to_owned(), json!(role));
    }
    for (field, on_the_wire) in WHOSE {
        if let Some(name) = text(on_the_wire) {
            policy.insert(field.to_owned(), json!(name));
        }
    }
    policy.insert("rules".to_owned(), if wire["rules"].is_object() { wire["rules"].clone() } else { json!({}) });
    plain(&Value::Object(policy))
}

/// The policy on the wire, all but the id of its role.
pub(super) fn wire(policy: &Value) -> Value {
    let permissions = if policy["role"] == ADMIN { json!([ADMIN]) } else { json!([]) };
    let mut entry = json!({
        "decision": policy["decision"], "tokenType": policy["tokenType"], "authorizedPermissions": permissions,
    });
    for (field, on_the_wire) in WHOSE {
        if let Some(name) = policy.get(field) {
            entry[on_the_wire] = name.clone();
        }
    }
    entry["rules"] = policy.get("rules").cloned().unwrap_or_else(|| json!({}));
    entry
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{sorted, wire, written};

    #[test]
    fn what_is_written_comes_back() {
        for policy in [
            json!({"decision": "deny", "tokenType": "organization"}),
            json!({"decision": "allow", "tokenType": "organization", "role": "admin", "rules": {"aud": "x"}}),
            json!({"decision": "allow", "tokenType": "team", "team": "web", "rules": {"sub": "x"}}),
            json!({"decision": "allow", "tokenType": "personal", "user": "bob", "rules": {"sub": "x"}}),
            json!({"decision": "allow", "tokenType": "runner", "runner": "r-1", "rules": {"sub": "x"}}),
        ] {
            assert_eq!(written(&wire(&policy), None), policy);
        }
    }

    #[test]
    fn what_this_version_does_not_know_is_kept_and_differs() {
        let strange = json!({"decision": "allow", "tokenType": "moon", "authorizedPermissions": [], "rules": {}});
        let strange = written(&strange, None);
        assert_eq!(strange["tokenType"], "moon");
        assert_eq!(sorted(&json!([strange, strange])), json!([strange]));
    }
}
