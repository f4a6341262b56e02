//! Whether a role lets whoever has it decide who administers the organization.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::World;
use crate::kinds::member::BUILT_IN_ROLES;
use crate::kinds::role::{steps, tree};

/// Permissions with which somebody can make anybody an administrator, themselves included: by a role or an
/// invitation, by what a role permits, by a token, by an issuer of tokens, or by saying who logs in as whom.
const DECISIVE: [&str; 8] = [
    "auth_policies:update",
    "invites:create",
    "org_member:add",
    "org_member:set_admin",
    "org_member:update",
    "org_token:create",
    "role:update",
    "saml:update",
];

/// Whether it does; nothing where what the role permits cannot be told.
///
/// Wherever such a permission stands in a role, it counts: what limits it is not worked out.
pub(super) fn empowers(name: &str, spec: &Value, world: &World) -> Option<bool> {
    if let Some((built_in, _)) = BUILT_IN_ROLES.iter().find(|it| it.0 == name) {
        return Some(*built_in == "admin");
    }
    let mut found = BTreeSet::new();
    let composed = tree::permissions(spec, &mut found);
    let is_decisive = |it: &BTreeSet<String>| DECISIVE.iter().any(|decisive| it.contains(*decisive));
    if is_decisive(&found) {
        return Some(true);
    }
    if steps::FORMS.iter().all(|it| spec.get(it).is_none_or(Value::is_null)) {
        return match world.live("role", name) {
            Some(_) => steps::permissions(world, name).map(|it| is_decisive(&it)),
            None => Some(false),
        };
    }
    let roles = &world.live.kind("role").objects;
    for id in composed {
        let part = roles.values().find(|it| it.facts["id"] == id)?;
        if is_decisive(&steps::permissions(world, &part.name)?) {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether what a manifest says of a role may let it decide that: enough to ask who has it.
pub(super) fn may_empower(spec: &Value) -> bool {
    let mut found = BTreeSet::new();
    let composed = tree::permissions(spec, &mut found);
    !composed.is_empty() || DECISIVE.iter().any(|it| found.contains(*it))
}

/// Whether what a manifest says of a role may lack something that the live one permits, wherever that holds: enough
/// to ask who has it.
pub(super) fn may_narrow(live: &Value, declared: &Value) -> bool {
    if steps::FORMS.iter().all(|it| declared.get(it).is_none()) {
        return false;
    }
    let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
    let (was, is) = (tree::permissions(live, &mut before), tree::permissions(declared, &mut after));
    !before.is_subset(&after) || was.iter().any(|it| !is.contains(it))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::empowers;
    use crate::kinds::{NO_RENAMES, World};
    use crate::model::{Desired, KindState, LiveObject, Snapshot};

    fn live() -> Snapshot {
        let mut live = Snapshot::default();
        let state = live.kinds.entry("role".to_owned()).or_insert(KindState { read: true, ..KindState::default() });
        let allow = |it: &str| json!({"__type": "PermissionDescriptorAllow", "permissions": [it]});
        for (name, details) in [("keeper", allow("role:update")), ("reader", allow("role:read")), ("dark", Value::Null)]
        {
            let facts = json!({"id": format!("id of {name}"), "details": details});
            let object = LiveObject { name: name.to_owned(), spec: json!({}), facts, ..LiveObject::default() };
            state.objects.insert(name.to_owned(), object);
        }
        live
    }

    fn of(name: &str, spec: Value) -> Option<bool> {
        let (desired, live) = (Desired::default(), live());
        empowers(name, &spec, &World { desired: &desired, live: &live, resend: &BTreeSet::new(), renames: &NO_RENAMES })
    }

    #[test]
    fn a_role_empowers_by_any_decisive_permission() {
        assert_eq!(of("r", json!({"permissions": ["stack:read", "org_member:update"]})), Some(true));
        assert_eq!(of("r", json!({"permissions": ["stack:read", "org_member:read"]})), Some(false));
        assert_eq!(of("r", json!({"grants": [{"permissions": ["role:update"], "stacks": ["a/b"]}]})), Some(true));
        assert_eq!(of("r", json!({"description": "New, and permits nothing."})), Some(false));
        assert_eq!([of("admin", json!({})), of("member", json!({}))], [Some(true), Some(false)]);
    }

    #[test]
    fn a_role_empowers_by_the_roles_it_is_composed_of() {
        let compose =
            |id: &str| json!({"details": {"__type": "PermissionDescriptorCompose", "permissionDescriptors": [id]}});
        assert_eq!(of("r", compose("id of keeper")), Some(true));
        assert_eq!(of("r", compose("id of reader")), Some(false));
        assert_eq!([of("r", compose("id of dark")), of("r", compose("of nobody"))], [None, None]);
    }

    #[test]
    fn what_is_left_alone_empowers_as_it_does() {
        let left = json!({"description": "Other words."});
        assert_eq!([of("keeper", left.clone()), of("reader", left.clone())], [Some(true), Some(false)]);
        assert_eq!(of("dark", left), None);
    }
}
