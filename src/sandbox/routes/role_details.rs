//! Judging the permission tree of a role.

use crate::sandbox::ask::Refusal;
use crate::sandbox::state::State;
use serde_json::Value;

/// The most entries of one group.
const ENTRIES: usize = 2000;

/// The most bytes of a whole tree.
const BYTES: usize = 1_000_000;

/// Trees deeper than this are refused.
const DEPTH: usize = 64;

/// Refuses trees the service would refuse: unknown nodes, missing roles, too many entries, too big.
pub fn check(state: &State, details: &Value) -> Result<(), Refusal> {
    if details.to_string().len() > BYTES {
        return Err(Refusal::bad_request("role definition exceeds the 1 MB size limit"));
    }
    descriptor(state, details, 0)
}

fn kind(node: &Value) -> Result<&str, Refusal> {
    let kind = node.get("__type").and_then(Value::as_str);
    kind.ok_or_else(|| Refusal::bad_request("permission descriptor without '__type'"))
}

fn child<'v>(node: &'v Value, name: &str) -> Result<&'v Value, Refusal> {
    let found = node.get(name).filter(|it| !it.is_null());
    found.ok_or_else(|| Refusal::bad_request(format!("permission descriptor without '{name}'")))
}

fn children<'v>(node: &'v Value, name: &str) -> Result<&'v [Value], Refusal> {
    match node.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(Refusal::bad_request(format!("field '{name}' must be a list"))),
    }
}

fn descriptor(state: &State, node: &Value, depth: usize) -> Result<(), Refusal> {
    if depth > DEPTH {
        return Err(Refusal::bad_request("permission descriptor is nested too deeply"));
    }
    let below = |it: &Value| descriptor(state, it, depth + 1);
    match kind(node)? {
        "PermissionDescriptorAllow" => children(node, "permissions")?.iter().try_for_each(permission),
        "PermissionDescriptorGroup" => {
            let entries = children(node, "entries")?;
            if entries.len() > ENTRIES {
                let detail = "permission descriptor exceeds the 2000-entry limit";
                return Err(Refusal::bad_request(detail));
            }
            entries.iter().try_for_each(below)
        }
        "PermissionDescriptorCondition" => {
            expression(child(node, "condition")?, depth + 1)?;
            below(child(node, "subNode")?)
        }
        "PermissionDescriptorIfThenElse" => {
            expression(child(node, "condition")?, depth + 1)?;
            below(child(node, "subNodeForTrue")?)?;
            node.get("subNodeForFalse").filter(|it| !it.is_null()).map_or(Ok(()), below)
        }
        "PermissionDescriptorSelect" => {
            expression(child(node, "selector")?, depth + 1)?;
            for option in children(node, "options")? {
                expression(child(option, "value")?, depth + 1)?;
                below(child(option, "node")?)?;
            }
            Ok(())
        }
        "PermissionDescriptorCompose" => {
            for id in children(node, "permissionDescriptors")? {
                if !id.as_str().is_some_and(|it| state.roles.contains_key(it)) {
                    let detail = "referenced role or permission set does not exist";
                    return Err(Refusal::bad_request(detail));
                }
            }
            Ok(())
        }
        other => Err(Refusal::bad_request(format!("unknown permission descriptor '{other}'"))),
    }
}

/// `sort:verb`; which ones exist changes with the service, so the list is not held against anybody.
fn permission(scope: &Value) -> Result<(), Refusal> {
    let good = scope.as_str().and_then(|it| it.split_once(':')).is_some_and(|(sort, verb)| {
        let word = |it: &str| !it.is_empty() && it.chars().all(|c| c == '_' || c.is_ascii_lowercase());
        word(sort) && word(verb)
    });
    if good { Ok(()) } else { Err(Refusal::bad_request(format!("invalid permission {scope}"))) }
}

fn expression(node: &Value, depth: usize) -> Result<(), Refusal> {
    if depth > DEPTH {
        return Err(Refusal::bad_request("permission expression is nested too deeply"));
    }
    match kind(node)? {
        "PermissionExpressionAnd" | "PermissionExpressionOr" | "PermissionExpressionEqual" => {
            expression(child(node, "left")?, depth + 1)?;
            expression(child(node, "right")?, depth + 1)
        }
        "PermissionExpressionNot" => expression(child(node, "node")?, depth + 1),
        "PermissionExpressionHasTag" | "PermissionExpressionTag" => {
            child(node, "key")?;
            expression(child(node, "context")?, depth + 1)
        }
        "PermissionExpressionStack"
        | "PermissionExpressionEnvironment"
        | "PermissionExpressionTeam"
        | "PermissionExpressionInsightsAccount" => Ok(()),
        "PermissionLiteralExpressionBool"
        | "PermissionLiteralExpressionNumber"
        | "PermissionLiteralExpressionString" => child(node, "value").map(|_| ()),
        "PermissionLiteralExpressionStack"
        | "PermissionLiteralExpressionEnvironment"
        | "PermissionLiteralExpressionTeam"
        | "PermissionLiteralExpressionInsightsAccount" => child(node, "identity").map(|_| ()),
        other => Err(Refusal::bad_request(format!("unknown permission expression '{other}'"))),
    }
}

/// Whether a tree builds upon another role.
pub fn refers_to(details: &Value, id: &str) -> bool {
    match details {
        Value::Object(fields) => {
            let composed = fields.get("permissionDescriptors").and_then(Value::as_array);
            composed.is_some_and(|it| it.iter().any(|it| it == id)) || fields.values().any(|it| refers_to(it, id))
        }
        Value::Array(list) => list.iter().any(|it| refers_to(it, id)),
        _ => false,
    }
}
