//! Stacks and environments that are named and not there any more, as far as their lists were read anyway.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, Draft, Kind, World};
use crate::model::{Change, Diagnostic, ResourceId, Severity, Verb};
use crate::plan::policy;

/// Stops a change that would name what is not there: the service refuses that in the middle of an apply.
pub(super) fn unresolved(draft: &mut Draft, kind: &dyn Kind, gone: &impl Fn(&str, &str) -> bool) {
    let mut named = BTreeSet::from_iter(kind.things(&draft.change.after));
    // What is made anew is named anew, be it named already.
    if draft.change.verb != Verb::Replace {
        for there in kind.things(&draft.change.before) {
            named.remove(&there);
        }
    }
    let missing = list(named.iter().filter(|it| gone(it.0, &it.1)));
    if draft.change.verb != Verb::Delete && !missing.is_empty() {
        let sentence = format!("{} would name what is not there: {missing}", draft.change.id);
        draft.findings.push(("unresolved".into(), sentence));
    }
}

/// A note for everything that is managed, names what is not there, and keeps it. It is left as it is: whether the
/// service takes it away by itself is written nowhere (CONTRACT U19).
pub(super) fn dangling(drafts: &[Draft], world: &World, gone: &impl Fn(&str, &str) -> bool) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let changes: BTreeMap<&ResourceId, &Change> = drafts.iter().map(|it| (&it.change.id, &it.change)).collect();
    for entry in world.desired.entries.values() {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let sooner = || world.live(&entry.id.kind, entry.renamed_from.as_deref()?);
        let Some(live) = world.live(&entry.id.kind, &entry.id.name).or_else(sooner) else { continue };
        let mut named = BTreeSet::from_iter(kind.things(&live.spec));
        named.retain(|it| gone(it.0, &it.1));
        if let Some(change) = changes.get(&entry.id).filter(|_| !named.is_empty()) {
            let kept = kind.things(&change.after);
            named.retain(|it| kept.contains(it));
        }
        if !named.is_empty() {
            notes.push(note(&entry.id, &list(named.iter())));
        }
    }
    notes
}

fn note(id: &ResourceId, named: &str) -> Diagnostic {
    let message = format!("{id} names what is not there any more: {named}");
    let help = "it is left as it is; take it out of the manifest to have it taken away";
    Diagnostic { help: Some(help.to_owned()), ..Diagnostic::new(Severity::Warning, policy::DANGLING, message) }
}

fn list<'a>(things: impl Iterator<Item = &'a (&'static str, String)>) -> String {
    things.map(|(word, name)| format!("{word} {name}")).collect::<Vec<_>>().join(", ")
}
