//! What the caller may do by other ways than being an administrator: a role, a team that has one, a token.
//!
//! Whoever administers the organization directly relies on nothing else. Everybody else would lock
//! themselves out by narrowing their role, taking it from their team, or leaving that team.

use std::collections::BTreeSet;

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{FieldChange, FieldRule, ResourceId, Verb};

/// What the caller's rights hang on.
#[derive(Debug, Default)]
struct Reliance {
    /// The caller, the token in use, the team it belongs to: what says which role they have.
    own: BTreeSet<ResourceId>,
    /// What the caller belongs to, and which has a role.
    through: BTreeSet<ResourceId>,
    /// The roles themselves.
    roles: BTreeSet<ResourceId>,
}

/// Adds a finding to every change that takes something away that the caller's rights hang on.
pub(super) fn judge(drafts: &mut [Draft], world: &World) {
    let caller = world.live.caller.login.to_lowercase();
    let directly = kinds::ALL.iter().any(|kind| {
        let mut live = world.live.kind(kind.facts().word).objects.values();
        live.any(|it| kind.administrators(&it.name, &it.spec).contains(&caller))
    });
    // A machine's token is nobody's: whether its owner administers says nothing of it.
    if directly && world.live.caller.token.is_none() {
        return;
    }
    let mut reliance = reliance(world);
    let (surely, perhaps) = held_by_caller(world);
    reliance.roles.extend(surely);
    // Who is told to administer the organization may have that by being an administrator.
    let told = world.live.caller.token.is_none() && world.live.organization.user_role.as_deref() == Some("admin");
    if !told {
        reliance.roles.extend(perhaps);
    }
    for draft in drafts.iter_mut() {
        if let Some(what) = lost(draft, &reliance, &caller)
            && !draft.findings.iter().any(|it| it.0 == "self-lockout")
        {
            let sentence = format!("{} {what}, and what this plan is applied with relies on it", draft.change.id);
            draft.findings.push(("self-lockout".into(), sentence));
        }
    }
}

/// What the caller holds, as it was told by what is held: surely, and perhaps.
fn held_by_caller(world: &World) -> (BTreeSet<ResourceId>, BTreeSet<ResourceId>) {
    let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    for kind in kinds::ALL {
        for live in world.live.kind(kind.facts().word).objects.values() {
            let id = || matching_id(&ResourceId::new(kind.facts().word, live.name.clone()));
            for holder in kind.holders(live) {
                match kinds::by_word(&holder.kind).and_then(|it| it.is_of_caller(&holder.name, world)) {
                    Some(true) => surely.insert(id()),
                    None => perhaps.insert(id()),
                    Some(false) => false,
                };
            }
        }
    }
    (surely, perhaps)
}

fn reliance(world: &World) -> Reliance {
    let mut found = Reliance::default();
    // `none` is no role.
    let is_there = |it: &ResourceId| world.live.has(it, &it.name);
    let each = || {
        kinds::ALL.iter().flat_map(|kind| {
            let word = kind.facts().word;
            let live = world.live.kind(word).objects.values();
            live.map(move |it| (*kind, matching_id(&ResourceId::new(word, it.name.clone())), it))
        })
    };
    for (kind, id, live) in each().filter(|(kind, _, live)| kind.carries_caller(live, world)) {
        found.roles.extend(kind.holds(&live.name, &live.spec).iter().map(matching_id).filter(is_there));
        found.own.insert(id);
    }
    for (kind, id, live) in each() {
        let held: Vec<ResourceId> =
            kind.holds(&live.name, &live.spec).iter().map(matching_id).filter(is_there).collect();
        let belongs =
            || kind.references(&live.name, &live.spec).iter().any(|it| found.own.contains(&matching_id(&it.to)));
        // Whoever only names the caller, such as a service they own, gives them nothing.
        let lists = kind.facts().fields.iter().any(|it| it.1 == FieldRule::Logins);
        if lists && !held.is_empty() && !found.own.contains(&id) && belongs() {
            found.through.insert(id);
            found.roles.extend(held);
        }
    }
    // What the caller belongs to is no role.
    found.roles.retain(|it| !found.own.contains(it) && !found.through.contains(it));
    found
}

/// What a change takes away of what the caller relies on, in words.
fn lost(draft: &Draft, reliance: &Reliance, caller: &str) -> Option<&'static str> {
    let change = &draft.change;
    let name = draft.live.map_or(&change.name, |it| &it.name);
    let id = matching_id(&ResourceId::new(change.kind.clone(), name.clone()));
    let kind = kinds::by_word(&change.kind)?;
    let goes = change.verb == Verb::Delete;
    if reliance.roles.contains(&id) {
        let narrowed = change.fields.iter().any(is_narrowed);
        return (goes || narrowed).then_some(if goes { "goes" } else { "may permit less" });
    }
    let through = reliance.through.contains(&id);
    if !through && !reliance.own.contains(&id) {
        return None;
    }
    if goes && through {
        return Some("goes");
    }
    let held = |spec| kind.holds(name, spec).iter().map(matching_id).collect::<BTreeSet<_>>();
    let before: BTreeSet<ResourceId> = held(&change.before).intersection(&reliance.roles).cloned().collect();
    if !change.after.is_null() && !kind.administers(&change.after) && !before.is_subset(&held(&change.after)) {
        return Some("gets another role");
    }
    let lists = kind.facts().fields.iter().filter(|it| it.1 == FieldRule::Logins).map(|it| it.0);
    let leaves = lists
        .filter_map(|it| draft.field(&format!("/{it}")))
        .any(|it| it.removed.iter().any(|login| login.to_lowercase() == caller) && !still_listed(draft, caller));
    (through && leaves).then_some("loses the caller")
}

/// Whether the caller is in any list of people afterwards.
fn still_listed(draft: &Draft, caller: &str) -> bool {
    let mut lists = draft.change.after.as_object().into_iter().flatten().filter_map(|it| it.1.as_array());
    lists.any(|it| it.iter().any(|it| it.as_str().is_some_and(|it| it.to_lowercase() == caller)))
}

/// Anything but a text that changes, and but a set that only grows.
fn is_narrowed(field: &FieldChange) -> bool {
    let text = field.before.is_string() && field.after.is_string();
    let grows = field.removed.is_empty() && field.changed.is_empty() && !field.added.is_empty();
    !text && !grows
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::node::Key;
    use crate::model::{Caller, Desired, Entry, KindState, LiveObject, Node, Organization, ResourceId, Snapshot, Span};
    use crate::plan::{Options, unrehearsed};

    /// Carol runs this with what the role `keeper` lets her do, through the team `web` or by herself.
    fn live(carol: &str, web: &str) -> Snapshot {
        let organization = Organization { user_role: Some("admin".to_owned()), ..Organization::default() };
        let caller = Caller { login: "carol".to_owned(), ..Caller::default() };
        let mut live = Snapshot { caller, organization, ..Snapshot::default() };
        let team = json!({
            "kind": "pulumi", "displayName": "web", "description": "", "members": ["bob", "carol"], "admins": [],
            "role": web, "stacks": {}, "environments": {},
        });
        for (id, spec) in [
            ("member/alice", json!({"role": "admin"})),
            ("member/bob", json!({"role": "admin"})),
            ("member/carol", json!({"role": carol})),
            ("role/member", json!({})),
            ("role/keeper", json!({"description": "", "permissions": ["stack:read", "team:update"]})),
            ("role/other", json!({"description": "", "permissions": []})),
            ("team/web", team),
        ] {
            let id: ResourceId = id.parse().unwrap();
            let state = live.kinds.entry(id.kind.clone()).or_insert(KindState { read: true, ..KindState::default() });
            let facts = json!({"id": format!("id of {}", id.name), "people": ["bob", "carol"], "details": {}});
            state.objects.insert(id.name.clone(), LiveObject { name: id.name, spec, facts, ..LiveObject::default() });
        }
        live
    }

    fn is_lockout(live: &Snapshot, id: &str, spec: Value) -> bool {
        let id: ResourceId = id.parse().unwrap();
        let key = Key { text: id.name.as_str().into(), span: Span::default() };
        let node = Node::from_value(&spec, Span::default());
        let entry = Entry { id: id.clone(), key, node, protect: false, renamed_from: None };
        let desired = Desired { organization: "acme".to_owned(), entries: [(id, entry)].into(), ..Desired::default() };
        let plan = unrehearsed(&desired, live, &Options::default());
        assert_eq!(plan.changes.len(), 1);
        plan.diagnostics.iter().any(|it| it.code == "self-lockout" && it.blocking)
    }

    #[test]
    fn whoever_relies_on_a_role_does_not_give_it_up() {
        let live = live("keeper", "none");
        assert!(is_lockout(&live, "member/carol", json!({"role": "other"})));
        assert!(is_lockout(&live, "role/keeper", json!({"permissions": ["stack:read"]})));
        assert!(!is_lockout(&live, "role/keeper", json!({"permissions": ["stack:read", "team:update", "team:read"]})));
        assert!(!is_lockout(&live, "role/keeper", json!({"description": "New words."})));
        assert!(!is_lockout(&live, "role/other", json!({"permissions": ["stack:read"]})));
        assert!(!is_lockout(&live, "team/web", json!({"members": ["bob"]})));
    }

    #[test]
    fn whoever_relies_on_a_team_does_not_leave_it() {
        let live = live("member", "keeper");
        assert!(is_lockout(&live, "team/web", json!({"members": ["bob"]})));
        assert!(is_lockout(&live, "team/web", json!({"role": "none"})));
        assert!(is_lockout(&live, "role/keeper", json!({"permissions": []})));
        assert!(!is_lockout(&live, "team/web", json!({"members": ["carol"]})));
        assert!(!is_lockout(&live, "team/web", json!({"description": "New words."})));
    }

    #[test]
    fn an_administrator_relies_on_nothing_else() {
        let live = live("admin", "keeper");
        assert!(!is_lockout(&live, "team/web", json!({"members": ["bob"]})));
        assert!(!is_lockout(&live, "role/keeper", json!({"permissions": []})));
    }
}
