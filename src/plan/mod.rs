//! Desired × live → plan: pure, the same bytes for the same input.
//!
//! In reading order: what has to be read ([`scopes`]), entries and live objects paired ([`pair`]) and
//! compared ([`compare`], [`carried`]), what they name looked for ([`absent`]), renames judged ([`rename`]), changes told from drift ([`origin`]), cut down to
//! what was asked for ([`target`]), what speaks against it ([`policy`]), the steps put in a safe order
//! ([`order`]), and all of it carried out on a copy ([`rehearse`]), which also shows which steps must wait for others
//! so that nobody is without access in between ([`impact`]). What it relied on is noted
//! ([`fingerprint`]), so that a saved plan can be held against a later reading ([`saved`]); last, who
//! gains and who loses by it ([`impact`]), and whoever asks is told who made the drift ([`attribution`]). [`plan`] is the way in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::kinds::{self, Draft, World, things};
use crate::model::plan::{FORMAT, FORMAT_VERSION, Source, Tool};
use crate::model::{
    Change, Desired, Diagnostic, Impact, Method, Origin, Phase, Plan, ResourceId, Severity, Snapshot, Status, Summary,
    Verb,
};

mod absent;
pub mod attribution;
pub mod carried;
mod compare;
mod directory;
mod fingerprint;
pub mod impact;
mod order;
mod origin;
mod pair;
pub mod policy;
mod rehearse;
mod rename;
mod rights;
pub mod saved;
mod scope;
mod target;

pub use origin::left;
pub use scope::{scopes, scopes_after, scopes_with};

/// What the command line adds to a plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Dangers that are accepted: `CODE:ID`.
    pub allow: BTreeSet<String>,
    /// Resources that are to change; all of them where none is named.
    pub targets: BTreeSet<ResourceId>,
    /// Resources whose write-only fields, such as a webhook's secret, are sent again: as they are matched.
    pub resend: BTreeSet<ResourceId>,
    /// Whether a caller who is not known to administer the organization is said to see enough of it to take
    /// away what is not declared.
    pub partial_view: bool,
    /// Whether the identity provider's directory is written too.
    pub directory_writes: bool,
    /// Where the manifest came from.
    pub source: Source,
}

/// The plan that makes the live organization what the manifest says, rehearsed.
pub fn plan(desired: &Desired, live: &Snapshot, options: &Options) -> Plan {
    let seen = rights::as_seen(live, options);
    let live = seen.as_ref().unwrap_or(live);
    let mut plan = rehearsed(desired, live, options);
    let renames = rename::all(desired, live);
    let world = World { desired, live, resend: &options.resend, renames: &renames };
    // Drift first: what a reviewer reads is what their change adds to it, and the two add up to the whole.
    let parts: Vec<Change> = plan.changes.iter().filter_map(Change::drift).collect();
    let (drift, changes) =
        (plan.drift.iter().chain(&parts).collect::<Vec<_>>(), plan.changes.iter().collect::<Vec<_>>());
    let (of_drift, of_changes) = (impact::impact(&world, &[], &drift), impact::impact(&world, &drift, &changes));
    (plan.drift_impact, plan.impact) = (of_drift, of_changes);
    plan
}

fn rehearsed(desired: &Desired, live: &Snapshot, options: &Options) -> Plan {
    let mut plan = unrehearsed(desired, live, options);
    let hopeless = |it: &Diagnostic| {
        it.blocking && policy::danger(&it.code).is_none_or(|it| it.acceptance == policy::Acceptance::Never)
    };
    if plan.status.errored || plan.diagnostics.iter().any(hopeless) {
        return plan;
    }
    let mut played = rehearse::play(desired, live, &plan.all_changes().collect::<Vec<_>>());
    if !played.late.is_empty() {
        wait(&mut plan, &played.late);
        played = rehearse::play(desired, live, &plan.all_changes().collect::<Vec<_>>());
    }
    for gap in &played.unavoidable {
        let is_theirs = |it: &&mut Change| it.steps.iter().any(|it| it.step == gap.taken);
        if let Some(change) = plan.changes.iter_mut().chain(&mut plan.drift).find(is_theirs) {
            let (taken, given) = (gap.taken, gap.given);
            change.remarks.push(format!("step {taken} takes {gap}, until step {given}, which has to wait for it"));
        }
    }
    let mut faults = played.faults;
    let sent = Options { resend: BTreeSet::new(), ..options.clone() };
    let left = unrehearsed(&desired.merged(), &played.live, &sent);
    let left: Vec<String> = left.all_changes().map(|it| it.id.to_string()).collect();
    if !left.is_empty() {
        faults.push(format!("it leaves something to do: {}", left.join(", ")));
    }
    plan.status.converges = Some(faults.is_empty());
    if !faults.is_empty() {
        plan.status.errored = true;
        plan.status.applyable = false;
        let message = format!("the rehearsal of this plan failed: {}", faults.join("; "));
        let help = "this is a mistake of bylaws, not of the manifest: nothing is applied; please report it";
        let diagnostic = Diagnostic::new(Severity::Error, "no-convergence", message);
        plan.diagnostics.push(Diagnostic { blocking: true, help: Some(help.to_owned()), ..diagnostic });
        plan.summary.blocked += 1;
    }
    plan
}

/// Orders the steps anew: some wait for others, as the rehearsal has shown that they must.
fn wait(plan: &mut Plan, waits: &BTreeSet<(usize, usize)>) {
    let mut changes: Vec<Change> = std::mem::take(&mut plan.changes);
    changes.append(&mut plan.drift);
    changes.sort_by(|a, b| (kinds::rank(&a.kind), &a.id).cmp(&(kinds::rank(&b.kind), &b.id)));
    // A ring leaves the order as it is, and the rehearsal tells of it again.
    let _ring = order::order_again(&mut changes, waits);
    mark_destructive(&mut changes);
    plan.summary.destructive = changes.iter().any(|it| it.destructive);
    (plan.drift, plan.changes) = changes.into_iter().partition(|it| it.origin == Origin::Drift);
    plan.checksum = checksum(plan);
}

fn mark_destructive(changes: &mut [Change]) {
    for change in changes {
        change.destructive = change.steps.iter().any(|it| matches!(it.phase, Phase::Replace | Phase::Delete))
            || change.verb == Verb::Delete;
    }
}

fn unrehearsed(desired: &Desired, live: &Snapshot, options: &Options) -> Plan {
    let renames = rename::all(desired, live);
    let world = World { desired, live, resend: &options.resend, renames: &renames };
    let mut paired = pair::all(&world, options);
    let gone = things::gone(live);
    for draft in &mut paired.drafts {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        rights::features(draft, &world);
        if let Some(gone) = &gone {
            absent::unresolved(draft, kind, gone);
        }
        // A change that is stuck is shown, but has no steps to take.
        if draft.findings.is_empty() {
            draft.change.steps = kind.steps(draft, &world);
        }
        if !draft.change.steps.is_empty() {
            let carried = carried::remark(&draft.change);
            draft.change.remarks.extend(carried);
        }
    }
    break_rings(&mut paired.drafts, &world);
    let targeted = target::keep(&mut paired.drafts, &options.targets);
    let whole = policy::judge(&mut paired.drafts, &world, options);
    rights::tell(&mut paired.drafts);
    let mut missing = rights::missing(&paired.drafts, &world);
    missing.extend(rights::out_of_reach(&paired.drafts, &world));
    fingerprint::note(&mut paired.drafts, live);
    let mut diagnostics = policy::diagnostics(&mut paired.drafts);
    diagnostics.extend(whole);
    diagnostics.extend(missing);
    diagnostics.extend(targeted);
    diagnostics.extend(rights::partial_view(&world, options));
    diagnostics.extend(policy::differing_by_case(&world));
    diagnostics.extend(gone.iter().flat_map(|it| absent::dangling(&paired.drafts, &world, it)));
    diagnostics.extend(paired.notes);
    for sentence in &paired.unseen {
        diagnostics.push(Diagnostic::new(Severity::Warning, "not-visible", sentence.clone()));
    }
    diagnostics.extend(origin::loosened_rails(desired));
    diagnostics.extend(desired.warnings.iter().cloned());
    let mut changes: Vec<Change> = paired.drafts.into_iter().map(|it| it.change).collect();
    changes.sort_by(|a, b| (kinds::rank(&a.kind), &a.id).cmp(&(kinds::rank(&b.kind), &b.id)));
    let ordered = order::order(&mut changes);
    mark_destructive(&mut changes);
    if let Err(ring) = ordered {
        diagnostics.push(ring_diagnostic(&ring));
    }
    let locked = live.organization.locked.as_deref().filter(|it| *it != "not-locked");
    if let Some(why) = locked {
        let message = format!("the organization is locked ({why}), so that nothing can be applied");
        let help = policy::danger(policy::LOCKED).map(|it| it.help.to_owned());
        let locked = Diagnostic::new(Severity::Warning, policy::LOCKED, message);
        diagnostics.push(Diagnostic { blocking: true, help, ..locked });
    }
    let blocked = diagnostics.iter().filter(|it| it.blocking).count();
    let complete = paired.unseen.is_empty();
    // Only the rehearsal can tell that planning itself went wrong.
    let status = Status { applyable: blocked == 0 && complete, complete, errored: false, converges: None };
    // What this pull request does not ask for stands apart, in the same order of steps.
    let (drift, changes): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(|it| it.origin == Origin::Drift);
    let summary = Summary {
        destructive: changes.iter().chain(&drift).any(|it| it.destructive),
        writes: writes(changes.iter().chain(&drift)),
        reads: live.requests,
        ..summary(&changes, paired.unchanged, blocked)
    };
    let mut plan = Plan {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION.to_owned(),
        tool: Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        organization: desired.organization.clone(),
        backend: live.backend.clone(),
        source: options.source.clone(),
        checksum: String::new(),
        status,
        summary,
        changes,
        drift,
        unmanaged: paired.unmanaged,
        impact: Impact::default(),
        drift_impact: Impact::default(),
        diagnostics,
    };
    plan.checksum = checksum(&plan);
    plan
}

/// Names that go round in a ring: one of them steps aside first, under a name of its own.
fn break_rings(drafts: &mut [Draft], world: &World) {
    let is_rename = |draft: &Draft| draft.change.verb == Verb::Rename && !draft.change.steps.is_empty();
    let renames: BTreeMap<ResourceId, usize> = drafts
        .iter()
        .enumerate()
        .filter(|it| is_rename(it.1))
        .map(|(index, it)| (it.change.id.clone(), index))
        .collect();
    for index in 0..drafts.len() {
        if !is_rename(&drafts[index]) {
            continue;
        }
        let start = drafts[index].change.id.clone();
        let mut ring = vec![index];
        // Follow who takes the name that this one gives up.
        loop {
            let last = &drafts[ring[ring.len() - 1]].change;
            let Some(given_up) = last.renamed_from.clone() else { break };
            let id = ResourceId::new(last.kind.clone(), given_up);
            match renames.get(&id).copied() {
                Some(next) if next == index => {
                    // Every ring is met once from each of its members; its first one steps aside.
                    if ring.iter().all(|it| drafts[*it].change.id >= start) {
                        step_aside(&mut drafts[index], world);
                    }
                    break;
                }
                Some(next) if !ring.contains(&next) => ring.push(next),
                _ => break,
            }
        }
    }
}

/// Splits a rename in two: to a waiting name now, and to its own name when that is free.
fn step_aside(draft: &mut Draft, world: &World) {
    let (Some(kind), Some(live)) = (kinds::by_word(&draft.change.kind), draft.live) else { return };
    let waiting = rename::waiting_name(&draft.change.name);
    let mut aside = Draft {
        change: draft.change.clone(),
        live: draft.live,
        entry: draft.entry,
        acknowledged: draft.acknowledged.clone(),
        findings: Vec::new(),
    };
    aside.change.name.clone_from(&waiting);
    let mut steps: Vec<_> = kind.steps(&mut aside, world).into_iter().filter(|it| it.phase == Phase::Rename).collect();
    let moved = crate::model::LiveObject { name: waiting, ..live.clone() };
    let mut last = Draft {
        change: draft.change.clone(),
        live: Some(&moved),
        entry: draft.entry,
        acknowledged: draft.acknowledged.clone(),
        findings: Vec::new(),
    };
    steps.extend(kind.steps(&mut last, world));
    draft.change.steps = steps;
}

fn ring_diagnostic(ring: &[ResourceId]) -> Diagnostic {
    let ids: Vec<String> = ring.iter().map(ToString::to_string).collect();
    let message = format!("no order is safe, because these wait for each other: {}", ids.join(", "));
    let help = policy::danger(policy::NO_ORDER).map(|it| it.help.to_owned());
    Diagnostic { blocking: true, help, ..Diagnostic::new(Severity::Warning, policy::NO_ORDER, message) }
}

fn summary(changes: &[Change], unchanged: usize, blocked: usize) -> Summary {
    let count = |verb: Verb| changes.iter().filter(|it| it.verb == verb).count();
    Summary {
        create: count(Verb::Create),
        update: count(Verb::Update),
        rename: count(Verb::Rename),
        replace: count(Verb::Replace),
        delete: count(Verb::Delete),
        unchanged,
        destructive: changes.iter().any(|it| it.destructive),
        blocked,
        writes: 0,
        reads: 0,
    }
}

/// How many writing requests an apply sends.
fn writes<'a>(changes: impl Iterator<Item = &'a Change>) -> usize {
    let calls = changes.flat_map(|it| &it.steps).flat_map(|it| &it.calls);
    calls.filter(|it| it.method != Method::Get).count()
}

/// SHA-256 over what would be done, where, by what it was judged, and the dangers that only the whole
/// manifest tells: not over places, causes, other findings or the tool's version, so that reformatting a file does
/// not invalidate a review.
pub fn checksum(plan: &Plan) -> String {
    let weighed = plan.diagnostics.iter().filter(|it| policy::WEIGHED.contains(&it.code.as_str()));
    fingerprint::sha256(&Canonical {
        organization: &plan.organization,
        backend: &plan.backend,
        changes: Bare(&plan.changes),
        drift: Bare(&plan.drift),
        weighed: weighed.map(|it| (it.code.as_str(), it.change.as_ref())).collect(),
    })
}

/// What a checksum is of.
#[derive(Serialize)]
struct Canonical<'a> {
    organization: &'a str,
    backend: &'a str,
    changes: Bare<'a>,
    drift: Bare<'a>,
    weighed: BTreeSet<(&'a str, Option<&'a ResourceId>)>,
}

/// Changes without what is said of them, one after the other: a plan can have a hundred thousand.
struct Bare<'a>(&'a [Change]);

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().cloned().map(|mut it| {
            it.source = None;
            it.removal = None;
            it.attribution = None;
            it.drifted.clear();
            it.diagnostics.clear();
            it.remarks.clear();
            it
        }))
    }
}
