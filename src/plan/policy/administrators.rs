//! Who administers the organization before and after.

use std::collections::BTreeSet;

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{ResourceId, Safety, Verb};

/// The rails that hold: the manifest's own, and those of the base branch until the change is merged.
fn rails<'a>(world: &World<'a>) -> impl Iterator<Item = &'a Safety> {
    let base = world.desired.base.as_deref().map(|it| &it.desired.safety);
    std::iter::once(&world.desired.safety).chain(base)
}

/// Whether a `safety` list names this resource.
pub(super) fn is_listed(id: &ResourceId, world: &World) -> bool {
    let own = matching_id(id);
    rails(world).any(|it| it.protected.iter().any(|it| matching_id(it) == own))
}

/// Adds what the plan does to the number of administrators.
///
/// Whoever only could make themselves one, by a custom role, is not counted among those who are left.
pub(super) fn judge(drafts: &mut [Draft], world: &World) {
    let mut before: BTreeSet<String> = BTreeSet::new();
    for kind in kinds::ALL {
        for live in world.live.kind(kind.facts().word).objects.values() {
            before.extend(kind.administrators(&live.name, &live.spec));
        }
    }
    let of = |draft: &Draft, after: bool| -> BTreeSet<String> {
        let spec = if after { &draft.change.after } else { &draft.change.before };
        let kind = kinds::by_word(&draft.change.kind);
        kind.map(|it| it.administrators(&draft.change.name, spec)).unwrap_or_default().into_iter().collect()
    };
    // Whoever comes is there before anybody goes (the order sees to it), so that no beginning of the
    // plan has fewer administrators than its end.
    let mut left = before.clone();
    for draft in drafts.iter() {
        left.retain(|it| !of(draft, false).contains(it));
    }
    for draft in drafts.iter() {
        left.extend(of(draft, true));
    }
    let minimum = rails(world).map(|it| it.minimum_admins.unwrap_or(2)).max().unwrap_or(2) as usize;
    let caller = world.live.caller.login.to_lowercase();
    for draft in drafts.iter_mut() {
        let lost: BTreeSet<String> = of(draft, false).difference(&left).cloned().collect();
        if lost.is_empty() {
            continue;
        }
        let id = draft.change.id.clone();
        if draft.change.verb != Verb::Delete && is_listed(&id, world) {
            draft
                .findings
                .push(("protected".into(), format!("{id} would no longer be an administrator: `safety` protects it")));
        }
        if lost.contains(&caller) && !draft.findings.iter().any(|it| it.0 == "self-lockout") {
            draft
                .findings
                .push(("self-lockout".into(), format!("{id} is the caller, who would no longer be an administrator")));
        }
        if left.is_empty() {
            draft
                .findings
                .push(("last-admin".into(), "nobody would be left who administers the organization".to_owned()));
        } else if left.len() < minimum && left.len() < before.len() {
            let who = left.iter().cloned().collect::<Vec<_>>().join(", ");
            let left = if left.len() == 1 {
                format!("{who} would be the only administrator left")
            } else {
                format!("only {who} would be left as administrators")
            };
            draft.findings.push(("few-admins".into(), format!("{left} ({minimum} are wanted)")));
        }
    }
}
