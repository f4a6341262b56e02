//! How much one plan may take away of a kind: a faulty file must not empty an organization.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kinds::{self, Draft, Kind, World};
use crate::model::{Change, Diagnostic, FieldChange, FieldRule, Severity, Verb};
use crate::plan::Options;
use crate::plan::policy::{BUDGET, allowance};

/// One administrator a plan: whoever is left can repair that.
const ADMINISTRATORS: usize = 1;

/// What lists of people and mappings of permissions may lose.
const LISTED: kinds::Budget = kinds::Budget { percent: 20, least: 2, most: 25 };

/// What all kinds together may lose: as much as one person can repair in an hour.
const TOGETHER: usize = 25;

/// All kinds together.
const ALL: &str = "all";
const MEMBERSHIP: &str = "membership";
/// What gives somebody something: permissions of teams, and roles.
const GRANT: &str = "grant";

/// What is counted: how many there are under management, and how many go.
#[derive(Clone, Copy, Default)]
struct Count {
    managed: usize,
    gone: usize,
}

/// The budgets that the plan exceeds.
pub(super) fn exceeded(drafts: &[Draft], world: &World, options: &Options) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut tell = |what: &str, loss: &str, gone: usize, most: usize| {
        if gone <= most {
            return;
        }
        let message = format!("{gone} {loss}, and {most} at most without being asked for");
        let mut diagnostic = Diagnostic::new(Severity::Warning, BUDGET, message);
        diagnostic.blocking = !allowance::counted(&options.allow, BUDGET, Some(what), gone);
        let allow = format!("{BUDGET}:{what}={gone}");
        if diagnostic.blocking {
            diagnostic.help = Some(format!("look whether the manifest lacks a file, or allow it with --allow {allow}"));
        }
        diagnostic.allow = Some(allow);
        diagnostics.push(diagnostic);
    };
    let mut rest = 0;
    for kind in kinds::ALL {
        let Count { managed, gone } = removals(*kind, drafts, world);
        let (facts, most) = (kind.facts(), kind.budget().of(managed));
        tell(facts.word, &format!("{} would go", facts.section.replace('.', " ")), gone, most);
        rest += if gone > most { 0 } else { gone };
    }
    // Each kind within its own: what is asked for by itself is not asked for twice.
    tell(ALL, "resources of several kinds would go", rest, TOGETHER);
    let demoted = drafts
        .iter()
        .filter(|it| !by_tombstone(it) && administered(&it.change, false) && !administered(&it.change, true));
    tell("admin", "administrators would go", demoted.count(), ADMINISTRATORS);
    let listed = losses(drafts, world);
    let of = |what: &str| listed.get(what).copied().unwrap_or_default();
    let memberships = of(MEMBERSHIP);
    tell(MEMBERSHIP, "memberships would go", memberships.gone, LISTED.of(memberships.managed));
    // Each against its own: a hundred people with roles do not make it harmless that the only team loses all it may.
    let mut grants = vec![of(GRANT), roles(drafts, world)];
    grants.retain(|it| it.gone > LISTED.of(it.managed));
    let (gone, most) = grants.iter().fold((0, 0), |sum, it| (sum.0 + it.gone, sum.1 + LISTED.of(it.managed)));
    tell(GRANT, "permissions and roles would go or give less", gone, most);
    diagnostics
}

/// A reviewed tombstone has been counted by whoever reviewed it.
fn by_tombstone(draft: &Draft) -> bool {
    draft.change.reason == "tombstone"
}

/// Whether what a change is about administers the organization before or after it.
pub(super) fn administered(change: &Change, after: bool) -> bool {
    let spec = if after { &change.after } else { &change.before };
    kinds::by_word(&change.kind).is_some_and(|it| !spec.is_null() && it.administers(spec))
}

fn removals(kind: &dyn Kind, drafts: &[Draft], world: &World) -> Count {
    let word = kind.facts().word;
    let of_kind = || drafts.iter().filter(|it| it.change.kind == word && it.change.verb == Verb::Delete);
    let declared = world.desired.entries.keys().filter(|it| it.kind == word);
    let managed = declared.filter(|it| world.live(word, &it.name).is_some()).count() + of_kind().count();
    Count { managed, gone: of_kind().filter(|it| !by_tombstone(it)).count() }
}

/// What lists of people and mappings of permissions lose, in everything that stays.
fn losses(drafts: &[Draft], world: &World) -> BTreeMap<&'static str, Count> {
    let what = |rule: FieldRule| match rule {
        FieldRule::Logins => Some(MEMBERSHIP),
        FieldRule::Map => Some(GRANT),
        _ => None,
    };
    let mut counts: BTreeMap<&'static str, Count> = BTreeMap::new();
    let rules = |kind: &dyn Kind| {
        let guarded = kind.guarded_fields();
        kind.facts().fields.iter().filter(move |it| guarded.contains(&it.0))
    };
    for entry in world.desired.entries.values() {
        let Some(kind) = kinds::by_word(&entry.id.kind).filter(|it| !it.guarded_fields().is_empty()) else { continue };
        let Some(live) = world.live(&entry.id.kind, &entry.id.name) else { continue };
        for (field, rule) in rules(kind) {
            if let (Some(what), Some(_), Some(there)) = (what(*rule), entry.node.get(field), live.spec.get(*field)) {
                let size = there.as_array().map(Vec::len).or(there.as_object().map(serde_json::Map::len));
                counts.entry(what).or_default().managed += size.unwrap_or_default();
            }
        }
    }
    for draft in drafts.iter().filter(|it| it.change.verb != Verb::Delete) {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        for (field, rule) in rules(kind) {
            if let (Some(what), Some(change)) = (what(*rule), draft.field(&format!("/{field}"))) {
                let lowered = |it: &&String| kind.gives_less(field, &change.before[*it], &change.after[*it], world);
                counts.entry(what).or_default().gone +=
                    change.removed.len() + change.changed.iter().filter(lowered).count();
            }
        }
    }
    counts
}

/// Values that give something by themselves: how many there are, and how many give less or nothing.
fn roles(drafts: &[Draft], world: &World) -> Count {
    let mut count = Count::default();
    for entry in world.desired.entries.values() {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let Some(live) = world.live(&entry.id.kind, &entry.id.name) else { continue };
        let single = kind.facts().fields.iter().filter(|it| it.1 == FieldRule::Value && entry.node.get(it.0).is_some());
        let gives =
            |field: &str| live.spec.get(field).is_some_and(|it| kind.gives_less(field, it, &Value::Null, world));
        count.managed += single.filter(|it| gives(it.0)).count();
    }
    // The same change of a role for many people is looked at once.
    let mut known: BTreeMap<(&str, &str, &str, &str), bool> = BTreeMap::new();
    for change in drafts.iter().map(|it| &it.change).filter(|it| it.verb != Verb::Delete) {
        let Some(kind) = kinds::by_word(&change.kind) else { continue };
        for FieldChange { path, before, after, .. } in &change.fields {
            if let (Some(one), Some(other)) = (before.as_str(), after.as_str()) {
                let field = &path[1..];
                let lowered = known.entry((&change.kind, field, one, other));
                count.gone += usize::from(*lowered.or_insert_with(|| kind.gives_less(field, before, after, world)));
            }
        }
    }
    count
}
