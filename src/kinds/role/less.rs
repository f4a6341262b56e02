//! Whether somebody whose role changes may do less afterwards.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::World;
use crate::kinds::role::{steps, tree};

/// A permission, and where it holds; nothing is everywhere.
type Permission = (Option<String>, String);

/// Whether one role permits less than another: nothing that the other does not permit, and not all of it. Two
/// roles of which each permits something of its own are no less than each other; what is not told is no less.
///
/// Nothing is no role, and so is `none`. Who administers is counted by itself.
pub(in crate::kinds) fn permits_less(before: Option<&str>, after: Option<&str>, world: &World) -> bool {
    let role = |it: Option<&'_ str>| it.filter(|it| *it != "none").map(str::to_owned);
    match (role(before).as_deref(), role(after).as_deref()) {
        (None | Some("admin"), _) => false,
        (Some(_), None) => true,
        (Some(before), Some("billing-manager")) => before != "billing-manager",
        (Some(before), Some(after)) => {
            let live = world.live("role", before).and_then(|it| permissions(&it.spec));
            live.zip(planned(after, world)).is_some_and(|(before, after)| is_less(&after, &before))
        }
    }
}

fn is_less(after: &BTreeSet<Permission>, before: &BTreeSet<Permission>) -> bool {
    let within = |part: &BTreeSet<Permission>, whole: &BTreeSet<Permission>| {
        part.iter().all(|it| whole.contains(it) || whole.contains(&(None, it.1.clone())))
    };
    within(after, before) && !within(before, after)
}

/// What a role permits once the manifest has come true.
fn planned(name: &str, world: &World) -> Option<BTreeSet<Permission>> {
    let spec = world.entry("role", name).map(|it| world.spec(it));
    match spec.filter(|it| steps::FORMS.iter().any(|form| it.get(form).is_some())) {
        Some(spec) => permissions(&spec),
        None => permissions(&world.live("role", name)?.spec),
    }
}

/// What a spec permits, and where; nothing where only the service's own tree says it.
fn permissions(spec: &Value) -> Option<BTreeSet<Permission>> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    if let Some(list) = spec.get("permissions") {
        return Some(texts(list).into_iter().map(|it| (None, it)).collect());
    }
    let mut found = BTreeSet::new();
    for grant in spec.get("grants")?.as_array()? {
        for scope in tree::SCOPES.iter().filter(|it| grant.get(it).is_some()) {
            let places = match &grant[*scope] {
                Value::Array(names) => names.iter().map(|it| format!("{scope} {it}")).collect(),
                tags => vec![format!("{scope} {tags}")],
            };
            let of = |place: &String| {
                texts(&grant["permissions"]).into_iter().map(|it| (Some(place.clone()), it)).collect::<Vec<_>>()
            };
            found.extend(places.iter().flat_map(of));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_less, permissions};

    fn less(after: Value, before: Value) -> bool {
        permissions(&before).zip(permissions(&after)).is_some_and(|(before, after)| is_less(&after, &before))
    }

    #[test]
    fn less_is_told_by_what_is_permitted_and_where() {
        let all = |permissions: Value| json!({"permissions": permissions});
        let on =
            |stacks: Value, permissions: Value| json!({"grants": [{"stacks": stacks, "permissions": permissions}]});
        let both = json!(["stack:read", "stack:write"]);
        assert!(less(all(json!(["stack:read"])), all(both.clone())));
        assert!(less(on(json!(["a/b"]), both.clone()), all(both.clone())));
        assert!(less(on(json!(["a/b"]), both.clone()), on(json!(["a/b", "a/c"]), both.clone())));
        assert!(!less(all(both.clone()), all(json!(["stack:read"]))));
        assert!(!less(all(both.clone()), all(both.clone())));
        // Everywhere is not less than in one place, nor is one place less than another.
        assert!(!less(all(json!(["stack:read"])), on(json!(["a/b"]), both.clone())));
        assert!(!less(on(json!(["a/c"]), json!(["stack:read"])), on(json!(["a/b"]), both.clone())));
        assert!(!less(all(json!([])), json!({"details": {"permissions": ["stack:read"]}})));
    }
}
