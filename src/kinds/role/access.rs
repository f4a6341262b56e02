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
