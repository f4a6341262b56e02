//! Lists and kinds that are full today and would be empty: what a file that went missing looks like.

use crate::kinds::{self, Draft, World};
use crate::model::{Diagnostic, FieldChange, FieldRule, Origin, ResourceId, Severity, Verb};
use crate::plan::Options;
use crate::plan::policy::{self, EMPTIED};

/// Of so many things it is likelier that they were not told than that somebody took every one away.
const SEVERAL: usize = 2;

const PRUNE: &str = "prune";

/// Adds a finding to every change that empties a list.
pub(super) fn lists(drafts: &mut [Draft]) {
    for draft in drafts.iter_mut().filter(|it| it.change.verb != Verb::Delete) {
        let Some(kind) = kinds::by_word(&draft.change.kind) else { continue };
        let emptied: Vec<&str> = kind
            .facts()
            .fields
            .iter()
            .filter(|it| kind.guarded_fields().contains(&it.0))
            .filter(|(field, rule)| draft.field(&format!("/{field}")).is_some_and(|it| is_emptied(*rule, it)))
            .map(|it| it.0)
            .collect();
        if !emptied.is_empty() {
            let sentence = format!("{} of {} would be empty, and is not today", emptied.join(" and "), draft.change.id);
            draft.findings.push((EMPTIED.into(), sentence));
        }
    }
}

fn is_emptied(rule: FieldRule, field: &FieldChange) -> bool {
    let size = |value: &serde_json::Value| match value {
        serde_json::Value::Array(items) => items.len(),
        serde_json::Value::Object(map) => map.len(),
        _ => 0,
    };
    match rule {
        // All groups together: what is left out of a group stays.
        FieldRule::Sets => {
            let all = field.before.as_object().into_iter().flatten().map(|it| size(it.1)).sum::<usize>();
            all > 0 && field.added.is_empty() && field.removed.len() == all
        }
        // A field that is no list of its own says so by being one without entries, and not by giving way to another.
        _ => {
            let goes = !field.removed.is_empty() || field.after.is_array();
            size(&field.before) > 0 && size(&field.after) == 0 && goes
        }
    }
}

/// Kinds that are pruned to nothing, and kinds of which nothing is live though the base branch has several.
pub(super) fn kinds(drafts: &[Draft], world: &World, options: &Options) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for kind in kinds::ALL {
        let facts = kind.facts();
        let of_kind = || drafts.iter().filter(|it| it.change.kind == facts.word);
        let ours = |live: &&crate::model::LiveObject| live.managed_by.is_none() && live.protected.is_none();
        let there = world.live.kind(facts.word).objects.values().filter(ours).count();
        let pruned = of_kind().filter(|it| it.change.verb == Verb::Delete && it.change.reason == PRUNE).count();
        let restored =
            of_kind().filter(|it| it.change.verb == Verb::Create && it.change.origin == Origin::Drift).count();
        let (message, reason, help) = if pruned > 0 && pruned == there {
            let message = format!("every one of the {there} {} would go: the manifest has none of them", facts.section);
            (message, PRUNE, "look whether the manifest lacks a file")
        } else if there == 0 && restored >= SEVERAL {
            let message = format!(
                "{restored} {} would be made anew: the base branch's manifest has them, and the service answered that there are none at all",
                facts.section
            );
            (message, "", "look whether they are there, because an empty answer can be a wrong one")
        } else {
            continue;
        };
        let id = ResourceId::new(facts.word, "");
        let mut diagnostic = Diagnostic::new(Severity::Warning, EMPTIED, message);
        diagnostic.blocking = !policy::acknowledged(&id, reason, world, options).contains(EMPTIED);
        if diagnostic.blocking {
            diagnostic.help = Some(format!("{help}, or allow it with --allow {EMPTIED}:{id}"));
        }
        diagnostic.allow = (!policy::accepted(&id, world).contains(EMPTIED)).then(|| format!("{EMPTIED}:{id}"));
        diagnostic.change = Some(id);
        diagnostics.push(diagnostic);
    }
    diagnostics
}
