//! What roles give: permissions on the whole organization or on some of it, and what the built-in ones stand for.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::kinds::words::{ENVIRONMENT_LEVELS, STACK_LEVELS, rank};
use crate::model::Organization;
use crate::model::access::{EVERY, EVERYTHING, Grants, Named, ORGANIZATION};

pub(super) fn grants<'a>(role: &'a str, spec: &'a Value) -> Grants<'a> {
    let mut grants = Grants::default();
    let holder = || Named::new("role", role);
    for permission in texts(&spec["permissions"]) {
        grants.right(holder(), Named::new(ORGANIZATION, ""), permission, 0);
    }
    for grant in spec["grants"].as_array().into_iter().flatten() {
        for (kind, list) in [("stack", "stacks"), ("environment", "environments")] {
            for name in texts(&grant[list]) {
                for permission in texts(&grant["permissions"]) {
                    grants.right(holder(), Named::new(kind, name), permission, 0);
                }
            }
        }
    }
    // What a tree of its own permits is not worked out; that it is another one can be seen.
    if let Some(details) = spec.get("details").filter(|it| !it.is_null()) {
        let digest = Sha256::digest(details.to_string());
        let short: String = digest.iter().take(4).map(|it| format!("{it:02x}")).collect();
        grants.right(holder(), holder(), format!("what its details permit ({short})"), 0);
    }
    grants
}

/// The built-in roles. What a regular member may do with every stack and environment is a setting of the
/// organization, and unknown where its metadata did not tell.
pub(super) fn built_in(organization: &Organization) -> Grants<'_> {
    let mut grants = Grants::default();
    let organization_itself = || Named::new(ORGANIZATION, "");
    grants.right(Named::new("role", "admin"), organization_itself(), "admin", EVERYTHING);
    grants.right(Named::new("role", "billing-manager"), organization_itself(), "billing", 0);
    let member = || Named::new("role", "member");
    grants.right(member(), organization_itself(), "member", 1);
    let stack = match organization.default_stack_permission {
        Some(101) => Some("read"),
        Some(102) => Some("write"),
        Some(103 | 104) => Some("admin"),
        _ => None,
    };
    if let Some(level) = stack {
        grants.right(member(), Named::new("stack", EVERY), level, rank(&STACK_LEVELS, level));
    }
    if let Some(level) = organization.default_environment_permission.as_deref().filter(|it| *it != "none") {
        grants.right(member(), Named::new("environment", EVERY), level, rank(&ENVIRONMENT_LEVELS, level));
    }
    grants
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{built_in, grants};
    use crate::model::Organization;
    use crate::model::access::{EVERYTHING, Gives, Grants};

    fn told(grants: &Grants) -> Vec<String> {
        let one = |it: &crate::model::access::Grant| match &it.gives {
            Gives::AllOf(_) => "a role gives rights only".to_owned(),
            Gives::Right(it) => format!("{} {}/{} {}", it.may, it.on.kind, it.on.name, it.rank),
        };
        grants.list.iter().map(one).collect()
    }

    #[test]
    fn permissions_are_on_the_organization_and_grants_on_what_they_name() {
        let of = |spec: Value| told(&grants("r", &spec));
        assert_eq!(of(json!({"permissions": ["team:list"]})), ["team:list organization/ 0"]);
        let scoped = json!({"grants": [
            {"permissions": ["stack:read"], "stacks": ["a/b", "a/c"]},
            {"permissions": ["environment:open"], "environments": ["a/b"]},
        ]});
        assert_eq!(
            of(scoped),
            ["stack:read stack/a/b 0", "stack:read stack/a/c 0", "environment:open environment/a/b 0"]
        );
    }

    #[test]
    fn a_tree_of_its_own_is_told_from_another_one() {
        let of = |tree: Value| told(&grants("r", &json!({"details": tree})));
        assert!(of(json!({"__type": "X"}))[0].starts_with("what its details permit ("));
        assert_ne!(of(json!({"__type": "X"})), of(json!({"__type": "Y"})));
        assert_eq!(of(json!(null)), [""; 0]);
    }

    #[test]
    fn regular_members_have_what_the_organization_lets_everybody_do() {
        let of = |stack: Option<i64>, environment: Option<&str>| {
            let organization = Organization {
                default_stack_permission: stack,
                default_environment_permission: environment.map(str::to_owned),
                ..Organization::default()
            };
            told(&built_in(&organization))
        };
        let always = of(None, None);
        assert_eq!(
            always,
            [&*format!("admin organization/ {EVERYTHING}"), "billing organization/ 0", "member organization/ 1"]
        );
        assert_eq!(of(Some(0), Some("none")), always);
        assert_eq!(of(Some(102), Some("open"))[3..], ["write stack/* 2", "open environment/* 2"]);
    }
}
