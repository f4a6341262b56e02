//! The service's permission tree (CONTRACT 3.4): what `permissions` and `grants` become, and back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::kinds::words::{Permission, QualifiedName};

/// The literal that names a stack by its id.
pub(super) const STACK_LITERAL: &str = "PermissionLiteralExpressionStack";
/// The literal that names an environment by its id.
pub(super) const ENVIRONMENT_LITERAL: &str = "PermissionLiteralExpressionEnvironment";

/// Names by id, for reading a tree.
pub(super) struct Names<'a> {
    pub stacks: &'a BTreeMap<String, String>,
    pub environments: &'a BTreeMap<String, String>,
}

/// Whether a tree has a part of this `__type`.
pub(super) fn mentions(tree: &Value, part: &str) -> bool {
    match tree {
        Value::Object(map) => {
            map.get("__type").is_some_and(|it| it == part) || map.values().any(|it| mentions(it, part))
        }
        Value::Array(items) => items.iter().any(|it| mentions(it, part)),
        _ => false,
    }
}

/// Adds every permission that stands in a tree, whatever it is limited to; the ids of roles it is composed of are returned.
pub(super) fn permissions(tree: &Value, found: &mut BTreeSet<String>) -> Vec<String> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    match tree {
        Value::Object(map) => {
            let mut composed = map.get("permissionDescriptors").map(texts).unwrap_or_default();
            found.extend(map.get("permissions").map(texts).unwrap_or_default());
            composed.extend(map.values().flat_map(|it| permissions(it, found)));
            composed
        }
        Value::Array(items) => items.iter().flat_map(|it| permissions(it, found)).collect(),
        _ => Vec::new(),
    }
}

/// The tree of permissions on the whole organization.
pub(super) fn allow(permissions: &Value) -> Value {
    json!({"__type": "PermissionDescriptorAllow", "permissions": permissions})
}

/// The tree of scoped grants; an error names the stack or environment that has no id.
///
/// # Errors
/// When a name is not live, or its list was not read.
pub(super) fn grants(grants: &Value, ids: &Value) -> Result<Value, String> {
    let mut entries = Vec::new();
    for grant in grants.as_array().into_iter().flatten() {
        let (field, expression, literal) = if grant.get("stacks").is_some() {
            ("stacks", "PermissionExpressionStack", STACK_LITERAL)
        } else {
            ("environments", "PermissionExpressionEnvironment", ENVIRONMENT_LITERAL)
        };
        let mut condition = Value::Null;
        for name in grant[field].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let id = ids[field][name].as_str().filter(|it| !it.is_empty());
            let id = id.ok_or_else(|| format!("there is no {} `{name}` that this token can see", singular(field)))?;
            let equal = json!({
                "__type": "PermissionExpressionEqual",
                "left": {"__type": expression},
                "right": {"__type": literal, "identity": id},
            });
            // `Or` has two sides, so three names are an `Or` of an `Or`.
            condition = match condition {
                Value::Null => equal,
                sooner => json!({"__type": "PermissionExpressionOr", "left": sooner, "right": equal}),
            };
        }
        entries.push(json!({
            "__type": "PermissionDescriptorCondition",
            "condition": condition,
            "subNode": allow(&grant["permissions"]),
        }));
    }
    Ok(json!({"__type": "PermissionDescriptorGroup", "entries": entries}))
}

/// What a person would have written to get this tree: the field, and its value.
pub(super) fn read(tree: &Value, names: &Names) -> (&'static str, Value) {
    if let Some(permissions) = plain_allow(tree) {
        return ("permissions", permissions.clone());
    }
    match read_grants(tree, names) {
        Some(grants) => ("grants", Value::Array(grants)),
        None => ("details", tree.clone()),
    }
}

fn is(tree: &Value, part: &str, fields: &[&str]) -> bool {
    let Some(map) = tree.as_object() else { return false };
    map.get("__type").is_some_and(|it| it == part)
        && map.iter().all(|(key, value)| key == "__type" || fields.contains(&key.as_str()) || value.is_null())
}

/// The permissions of a plain `Allow`, if each of them can be written in a manifest.
fn plain_allow(tree: &Value) -> Option<&Value> {
    let permissions = is(tree, "PermissionDescriptorAllow", &["permissions"]).then(|| &tree["permissions"])?;
    permissions.as_array()?.iter().all(|it| it.as_str().is_some_and(Permission::fits)).then_some(permissions)
}

fn singular(field: &str) -> &str {
    field.strip_suffix('s').unwrap_or(field)
}

fn read_grants(tree: &Value, names: &Names) -> Option<Vec<Value>> {
    if !is(tree, "PermissionDescriptorGroup", &["entries"]) {
        return None;
    }
    tree["entries"].as_array()?.iter().map(|it| read_grant(it, names)).collect()
}

fn read_grant(tree: &Value, names: &Names) -> Option<Value> {
    if !is(tree, "PermissionDescriptorCondition", &["condition", "subNode"]) {
        return None;
    }
    let permissions = plain_allow(&tree["subNode"]).filter(|it| it.as_array().is_some_and(|it| !it.is_empty()))?;
    let mut named = Vec::new();
    read_condition(&tree["condition"], names, &mut named)?;
    let field = named.first()?.0;
    // A condition over both stacks and environments cannot be said in one grant.
    if named.iter().any(|it| it.0 != field || !QualifiedName::fits(&it.1)) {
        return None;
    }
    let named: Vec<&str> = named.iter().map(|it| it.1.as_str()).collect();
    Some(json!({"permissions": permissions, field: named}))
}

fn read_condition(tree: &Value, names: &Names, named: &mut Vec<(&'static str, String)>) -> Option<()> {
    if is(tree, "PermissionExpressionOr", &["left", "right"]) {
        read_condition(&tree["left"], names, named)?;
        return read_condition(&tree["right"], names, named);
    }
    if !is(tree, "PermissionExpressionEqual", &["left", "right"]) {
        return None;
    }
    let (left, right) = (&tree["left"], &tree["right"]);
    let id = right["identity"].as_str()?;
    if is(left, "PermissionExpressionStack", &[]) && is(right, STACK_LITERAL, &["identity"]) {
        named.push(("stacks", names.stacks.get(id)?.clone()));
    } else if is(left, "PermissionExpressionEnvironment", &[]) && is(right, ENVIRONMENT_LITERAL, &["identity"]) {
        named.push(("environments", names.environments.get(id)?.clone()));
    } else {
        return None;
    }
    Some(())
}

/// A role's spec with everything in order in which order means nothing: all grants are additive.
pub(super) fn sorted(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(map) = spec.as_object_mut() {
        for (field, value) in map.iter_mut().filter(|it| it.0 != "description") {
            *value = if field == "details" { sorted_tree(value) } else { sorted_list(value) };
        }
    }
    spec
}

fn sorted_list(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted_list).collect();
            items.sort_by_cached_key(Value::to_string);
            items.dedup();
            Value::Array(items)
        }
        Value::Object(map) => map.iter().map(|(key, it)| (key.clone(), sorted_list(it))).collect::<Map<_, _>>().into(),
        other => other.clone(),
    }
}

/// Keys in order everywhere; lists only where the service takes them for sets.
fn sorted_tree(tree: &Value) -> Value {
    match tree {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = Vec::with_capacity(map.len());
            for (key, value) in map {
                let mut value = sorted_tree(value);
                if let (Value::Array(items), "permissions" | "entries") = (&mut value, key.as_str()) {
                    items.sort_by_cached_key(Value::to_string);
                    items.dedup();
                }
                entries.push((key.clone(), value));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.into_iter().collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(sorted_tree).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{Names, grants, read, sorted};

    #[test]
    fn grants_become_a_tree_and_come_back() {
        let written = json!([
            {"permissions": ["stack:read"], "stacks": ["shop/prod", "shop/staging", "etl/prod"]},
            {"permissions": ["environment:open"], "environments": ["shop/prod"]},
        ]);
        let ids = json!({
            "stacks": {"shop/prod": "s-1", "shop/staging": "s-2", "etl/prod": "s-3"},
            "environments": {"shop/prod": "n-1"},
        });
        let tree = grants(&written, &ids).unwrap();
        let by_id = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(id, name)| (id.to_string(), name.to_string())).collect()
        };
        let stacks = by_id(&[("s-1", "shop/prod"), ("s-2", "shop/staging"), ("s-3", "etl/prod")]);
        let environments = by_id(&[("n-1", "shop/prod")]);
        let (field, value) = read(&tree, &Names { stacks: &stacks, environments: &environments });
        assert_eq!((field, value), ("grants", written));
    }

    #[test]
    fn a_stack_nobody_can_see_is_an_error() {
        let error = grants(&json!([{"permissions": [], "stacks": ["a/b"]}]), &json!({})).unwrap_err();
        assert!(error.contains("`a/b`"), "{error}");
    }

    #[test]
    fn order_means_nothing_in_a_tree() {
        let one = json!({"details": {"__type": "X", "permissions": ["b", "a"], "z": 1}});
        let other = json!({"details": {"z": 1, "permissions": ["a", "b"], "__type": "X"}});
        assert_eq!(sorted(&one).to_string(), sorted(&other).to_string());
    }
}
