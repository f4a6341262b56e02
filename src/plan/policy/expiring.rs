//! What the manifest wants and what will stop working by itself before long, though nothing in the plan renews it.

use std::collections::BTreeSet;

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{Diagnostic, ResourceId, Severity, Verb};

/// So long before the end somebody should hear of it, in seconds.
const SOON: i64 = 14 * 86_400;

/// A note of each that is declared, live and neither renewed nor deleted.
pub(super) fn judge(drafts: &[Draft], world: &World) -> Vec<Diagnostic> {
    let ends = |it: &&Draft| matches!(it.change.verb, Verb::Replace | Verb::Delete);
    let ended: BTreeSet<ResourceId> = drafts.iter().filter(ends).map(|it| matching_id(&it.change.id)).collect();
    let mut notes = Vec::new();
    for entry in world.desired.entries.values().filter(|it| !ended.contains(&matching_id(&it.id))) {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        let end = world.live(&entry.id.kind, &entry.id.name).and_then(|it| kind.ends(it));
        let Some(end) = end.filter(|it| it.0 - world.now().0 <= SOON) else { continue };
        let message = format!("{} ends at {end}, and nothing here renews it", entry.id);
        let mut note = Diagnostic::new(Severity::Note, format!("{}-expires-soon", entry.id.kind), message);
        note.change = Some(entry.id.clone());
        note.place = Some(world.desired.place(entry.key.span));
        note.help = Some("let it renew itself with `renewBefore`, or raise `rotation`".to_owned());
        notes.push(note);
    }
    notes
}
