//! What the caller may not do and the organization does not have, as far as was told before the first write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::kinds::{self, Draft, Kind, World, rights};
use crate::model::{Action, Call, Diagnostic, Severity, Snapshot, Verb};
use crate::plan::Options;

/// The danger of a change that the organization's subscription does not allow.
const SWITCHED_OFF: &str = "switched-off";
/// The note on what the caller would be refused.
const MISSING: &str = "missing-permission";

/// The note on a plan that takes away although the caller may not see all.
const PARTIAL_VIEW: &str = "partial-view";

/// Whether the caller is known to administer the organization, and so to see all of it.
pub(super) fn sees_everything(world: &World) -> bool {
    world.live.organization.user_role.as_deref() == Some("admin")
}

/// Whether a plan may take away what the caller sees: they see everything, or somebody answers for it that
/// they see enough.
pub(super) fn may_take_away(world: &World, options: &Options) -> bool {
    options.partial_view || sees_everything(world)
}

/// The snapshot with the lists marked that may lack what the caller cannot see; nothing where they see everything, or
/// somebody answers for it.
pub(super) fn as_seen(live: &Snapshot, options: &Options) -> Option<Snapshot> {
    if options.partial_view || live.organization.user_role.as_deref() == Some("admin") {
        return None;
    }
    let mut seen = live.clone();
    for kind in kinds::ALL.iter().filter(|it| it.is_listed_by_caller()) {
        let facts = kind.facts();
        if let Some(state) = seen.kinds.get_mut(facts.word).filter(|it| it.read) {
            let why = format!(
                "{} are listed to `{}` only as far as they may see them, because they are not known to administer the \
                 organization; where they see all, give --allow-partial-view",
                facts.section, live.caller.login
            );
            state.incomplete.get_or_insert(why);
        }
    }
    Some(seen)
}

/// Says that somebody answers for what the caller may not see.
pub(super) fn partial_view(world: &World, options: &Options) -> Option<Diagnostic> {
    let message = format!(
        "`{}` is not known to administer the organization and may not see all there is; deletions and withdrawals are \
         planned all the same, because `--allow-partial-view` says that it sees enough",
        world.live.caller.login
    );
    (options.partial_view && !sees_everything(world)).then(|| Diagnostic::new(Severity::Warning, PARTIAL_VIEW, message))
}

/// Stops a change that needs a feature which is switched off.
pub(super) fn features(draft: &mut Draft, world: &World) {
    let Some(kind) = kinds::by_word(&draft.change.kind) else { return };
    if draft.change.verb == Verb::Delete {
        return;
    }
    let comes = draft.live.is_none();
    let changed: Map<String, Value> = match &draft.change.after {
        Value::Object(after) => after
            .iter()
            .filter(|(field, _)| comes || draft.field(&format!("/{field}")).is_some())
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect(),
        _ => Map::new(),
    };
    if let Some(why) = kind.unavailable(&Value::Object(changed), &world.live.organization) {
        draft.findings.push((SWITCHED_OFF.into(), format!("{} cannot be so: {why}", draft.change.id)));
    }
}

/// Writes down with every call which permissions it needs: whoever is refused half way should read which one.
pub(super) fn tell(drafts: &mut [Draft]) {
    for draft in drafts {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        for call in draft.change.steps.iter_mut().flat_map(Action::calls_mut) {
            tell_call(call, kind);
        }
    }
}

fn tell_call(call: &mut Call, kind: &dyn Kind) {
    call.permissions = rights::of_call(kind, call).into_iter().flatten().map(str::to_owned).collect();
    call.forbidden = kind.forbidden(call);
    call.others_mut().for_each(|it| tell_call(it, kind));
}

/// Which permissions the steps of a plan need that the caller lacks, or may lack.
pub(super) fn missing(drafts: &[Draft], world: &World) -> Vec<Diagnostic> {
    if sees_everything(world) {
        return Vec::new();
    }
    let mut needed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for draft in drafts {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        let calls = draft.change.steps.iter().flat_map(|it| &it.calls);
        for permission in calls.filter_map(|it| rights::of_call(kind, it)).flatten() {
            needed.entry(permission).or_default().insert(draft.change.id.to_string());
        }
    }
    let who = &world.live.caller.login;
    let Some(held) = held(world) else {
        // Often a token that only plans: one line is enough.
        let all: Vec<String> = needed.keys().map(|it| format!("`{it}`")).collect();
        let message = format!(
            "applying this needs {}; whether `{who}`, who is no administrator, may do that was not told",
            all.join(", ")
        );
        return if all.is_empty() { Vec::new() } else { vec![Diagnostic::new(Severity::Note, MISSING, message)] };
    };
    let lacks = needed.into_iter().filter(|it| !held.contains(it.0));
    lacks
        .map(|(permission, ids)| {
            let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
            let message =
                format!("applying {ids} needs the permission `{permission}`, which the roles of `{who}` do not give");
            Diagnostic::new(Severity::Warning, MISSING, message)
        })
        .collect()
}

/// Which steps of a plan the service may refuse to the caller in particular, permissions or not.
pub(super) fn out_of_reach(drafts: &[Draft], world: &World) -> Vec<Diagnostic> {
    let mut doubted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for draft in drafts {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        let calls = draft.change.steps.iter().flat_map(|it| &it.calls);
        for why in calls.filter_map(|it| kind.out_of_reach(it, world)) {
            doubted.entry(why).or_default().insert(draft.change.id.to_string());
        }
    }
    let told = doubted.into_iter().map(|(why, ids)| {
        let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
        Diagnostic::new(Severity::Warning, MISSING, format!("applying {ids} may be refused: {why}"))
    });
    told.collect()
}

/// Every permission that the caller is known to have; nothing when none of it is known.
fn held(world: &World) -> Option<BTreeSet<String>> {
    let mut held: Option<BTreeSet<String>> = None;
    for kind in kinds::ALL {
        for live in world.live.kind(kind.facts().word).objects.values() {
            if let Some(permissions) = kind.permissions_of_caller(live, world) {
                held.get_or_insert_default().extend(permissions);
            }
        }
    }
    held
}
