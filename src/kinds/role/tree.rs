//! The service's permission tree (CONTRACT 3.4): what `permissions` and `grants` become, and back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::kinds::words::{Permission, QualifiedName, TagValue};

/// The literal that names a stack by its id.
pub(super) const STACK_LITERAL: &str = "PermissionLiteralExpressionStack";
/// The literal that names an environment by its id.
pub(super) const ENVIRONMENT_LITERAL: &str = "PermissionLiteralExpressionEnvironment";

const TEXT_LITERAL: &str = "PermissionLiteralExpressionString";
const STACK: &str = "PermissionExpressionStack";
const ENVIRONMENT: &str = "PermissionExpressionEnvironment";
const TAG: &str = "PermissionExpressionTag";
const EQUAL: &str = "PermissionExpressionEqual";
const OR: &str = "PermissionExpressionOr";

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

/// What a grant can be limited to: the field, the expression, and the literal for what is named by its id.
const LIMITS: [(&str, &str, Option<&str>); 4] = [
    ("stacks", STACK, Some(STACK_LITERAL)),
    ("environments", ENVIRONMENT, Some(ENVIRONMENT_LITERAL)),
    ("stackTags", STACK, None),
    ("environmentTags", ENVIRONMENT, None),
];

/// The fields of a grant that say where it holds.
pub(super) const SCOPES: [&str; 4] = [LIMITS[0].0, LIMITS[1].0, LIMITS[2].0, LIMITS[3].0];

/// The tree of scoped grants; an error names the stack or environment that has no id.
///
/// # Errors
/// When a name is not live, or its list was not read.
pub(super) fn grants(grants: &Value, ids: &Value) -> Result<Value, String> {
    let mut entries = Vec::new();
    for grant in grants.as_array().into_iter().flatten() {
        let mut condition = Value::Null;
        for (left, right) in sides(grant, ids)? {
            let equal = json!({"__type": EQUAL, "left": left, "right": right});
            // `Or` has two sides, so three names are an `Or` of an `Or`.
            condition = match condition {
                Value::Null => equal,
                sooner => json!({"__type": OR, "left": sooner, "right": equal}),
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

/// Both sides of each comparison of a grant, of which one must hold.
fn sides(grant: &Value, ids: &Value) -> Result<Vec<(Value, Value)>, String> {
    let mut sides = Vec::new();
    for (field, context, literal) in LIMITS {
        let Some(literal) = literal else {
            for (key, values) in grant[field].as_object().into_iter().flatten() {
                let tag = json!({"__type": TAG, "context": {"__type": context}, "key": key});
                let values = values.as_array().into_iter().flatten();
                sides.extend(values.map(|it| (tag.clone(), json!({"__type": TEXT_LITERAL, "value": it}))));
            }
            continue;
        };
        for name in grant[field].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let id = ids[field][name].as_str().filter(|it| !it.is_empty());
            let id = id.ok_or_else(|| format!("there is no {} `{name}` that this token can see", singular(field)))?;
            sides.push((json!({"__type": context}), json!({"__type": literal, "identity": id})));
        }
    }
    Ok(sides)
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
    let can_be_written = |(_, tag, value): &Named| match tag {
        Some(tag) => TagValue::fits(tag) && TagValue::fits(value),
        None => QualifiedName::fits(value),
    };
    if named.iter().any(|it| it.0 != field || !can_be_written(it)) {
        return None;
    }
    let limit = if named[0].1.is_some() {
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, key, value) in named {
            tags.entry(key?).or_default().push(value);
        }
        json!(tags)
    } else {
        json!(named.into_iter().map(|it| it.2).collect::<Vec<_>>())
    };
    Some(json!({"permissions": permissions, field: limit}))
}

/// What a comparison names: the field of the grant, the tag's name for a tag, and the name or value.
type Named = (&'static str, Option<String>, String);

fn read_condition(tree: &Value, names: &Names, named: &mut Vec<Named>) -> Option<()> {
    if is(tree, OR, &["left", "right"]) {
        read_condition(&tree["left"], names, named)?;
        return read_condition(&tree["right"], names, named);
    }
    if !is(tree, EQUAL, &["left", "right"]) {
        return None;
    }
    named.push(read_comparison(&tree["left"], &tree["right"], names)?);
    Some(())
}

fn read_comparison(left: &Value, right: &Value, names: &Names) -> Option<Named> {
    if is(left, TAG, &["context", "key"]) && is(right, TEXT_LITERAL, &["value"]) {
        let tagged = LIMITS.iter().find(|it| it.2.is_none() && is(&left["context"], it.1, &[]))?;
        return Some((tagged.0, Some(left["key"].as_str()?.to_owned()), right["value"].as_str()?.to_owned()));
    }
    let fits = |it: &&(&str, &str, Option<&str>)| {
        is(left, it.1, &[]) && it.2.is_some_and(|literal| is(right, literal, &["identity"]))
    };
    let (field, ..) = LIMITS.iter().find(fits)?;
    let known = if *field == "stacks" { names.stacks } else { names.environments };
    Some((field, None, known.get(right["identity"].as_str()?)?.clone()))
}

/// Whether the role permits less afterwards, as far as its two forms can be compared: what is said word for
/// word may take anything away.
pub(super) fn narrows(before: &Value, after: &Value) -> bool {
    match (reach(before), reach(after)) {
        (Some(before), Some(after)) => before.iter().any(|(permission, place)| {
            let everywhere = (permission.clone(), String::new());
            !after.contains(&everywhere) && !after.contains(&(permission.clone(), place.clone()))
        }),
        _ => true,
    }
}

/// Each permission with where it holds, which is nothing for everywhere; nothing at all for `details`.
fn reach(spec: &Value) -> Option<BTreeSet<(String, String)>> {
    let texts = |it: &Value| it.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(permissions) = spec.get("permissions") {
        let permissions: Vec<String> = texts(permissions);
        return Some(permissions.into_iter().map(|it| (it, String::new())).collect());
    }
    let mut reach = BTreeSet::new();
    for grant in spec.get("grants")?.as_array()? {
        let mut places: Vec<String> = Vec::new();
        for field in SCOPES {
            let names: Vec<String> = texts(&grant[field]);
            places.extend(names.iter().map(|it| format!("{field} {it}")));
            for (key, values) in grant[field].as_object().into_iter().flatten() {
                let values: Vec<String> = texts(values);
                places.extend(values.iter().map(|it| format!("{field} {key} {it}")));
            }
        }
        let permissions: Vec<String> = texts(&grant["permissions"]);
        reach.extend(permissions.iter().flat_map(|it| places.iter().map(move |place| (it.clone(), place.clone()))));
    }
    Some(reach)
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

    use super::{Names, grants, narrows, read, sorted};

    #[test]
    fn grants_become_a_tree_and_come_back() {
        let written = json!([
            {"permissions": ["stack:read"], "stacks": ["shop/prod", "shop/staging", "etl/prod"]},
            {"permissions": ["environment:open"], "environments": ["shop/prod"]},
            {"permissions": ["stack:read"], "stackTags": {"env": ["prod", "staging"], "owner": ["web"]}},
            {"permissions": ["environment:read"], "environmentTags": {"env": ["prod"]}},
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
    fn less_than_before_is_told_from_more() {
        let grants = |stacks: &[&str]| json!({"grants": [{"permissions": ["stack:read"], "stacks": stacks}]});
        let everywhere = |permissions: &[&str]| json!({"permissions": permissions});
        for (before, after, less) in [
            (everywhere(&["stack:read"]), everywhere(&["stack:read", "stack:write"]), false),
            (everywhere(&["stack:read", "stack:write"]), everywhere(&["stack:read"]), true),
            (everywhere(&["stack:write"]), everywhere(&["stack:read"]), true),
            (grants(&["a/b"]), grants(&["a/b", "c/d"]), false),
            (grants(&["a/b", "c/d"]), grants(&["a/b"]), true),
            (grants(&["a/b"]), everywhere(&["stack:read"]), false),
            (everywhere(&["stack:read"]), grants(&["a/b"]), true),
            (everywhere(&["stack:read"]), json!({"details": {}}), true),
        ] {
            assert_eq!(narrows(&before, &after), less, "{before} {after}");
        }
    }

    #[test]
    fn order_means_nothing_in_a_tree() {
        let one = json!({"details": {"__type": "X", "permissions": ["b", "a"], "z": 1}});
        let other = json!({"details": {"z": 1, "permissions": ["a", "b"], "__type": "X"}});
        assert_eq!(sorted(&one).to_string(), sorted(&other).to_string());
    }
}
