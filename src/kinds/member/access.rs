//! What a person may do by being a member: whatever their one role gives.

use serde_json::Value;

use crate::model::access::{Grants, Named};

pub(super) fn grants<'a>(login: &'a str, spec: &'a Value) -> Grants<'a> {
    let mut grants = Grants::default();
    // Whoever comes without a role is a regular member.
    let role = spec["role"].as_str().unwrap_or("member");
    grants.all_of(Named::new("member", login), Named::new("role", role));
    grants
}
