//! What a service gives: to its owner, itself. What it groups stays with whoever may do something there.

use serde_json::Value;

use crate::kinds::words::Owner;
use crate::model::access::{Grants, Named};

pub(super) fn grants<'a>(service: &'a str, spec: &'a Value) -> Grants<'a> {
    let mut grants = Grants::default();
    if let Some((kind, name)) = spec["owner"].as_str().map(Owner::parts_of) {
        let owner = Named::new(if kind == "user" { "member" } else { "team" }, name);
        grants.right(owner, Named::new("service", service), "owner", 1);
    }
    grants
}
