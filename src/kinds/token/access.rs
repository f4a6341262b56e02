//! What a token may do: what its role gives, or its team; without either, what a regular member may do.

use serde_json::Value;

use crate::model::access::{Grants, Named};

pub(super) fn grants<'a>(token: &'a str, spec: &'a Value) -> Grants<'a> {
    let mut grants = Grants::default();
    let holder = || Named::new("token", token);
    if let Some(team) = spec["scope"].as_str().and_then(|it| it.strip_prefix("team/")) {
        grants.all_of(holder(), Named::new("team", team));
    }
    grants.all_of(holder(), Named::new("role", spec["role"].as_str().unwrap_or("member")));
    grants
}
