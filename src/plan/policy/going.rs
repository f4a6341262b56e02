//! What goes, or is made anew, and what speaks against that.

use crate::kinds::{self, Draft, World};
use crate::model::{FieldRule, ResourceId, Verb};
use crate::plan::origin;
use crate::plan::policy::administrators::is_listed;

/// Adds what speaks against a deletion or a replacement.
pub(super) fn judge(draft: &mut Draft, world: &World) {
    let Some(kind) = kinds::by_word(&draft.change.kind) else { return };
    let facts = kind.facts();
    let id = draft.change.id.clone();
    let replaced = is_made_anew(draft);
    let deleted = draft.change.verb == Verb::Delete;
    if !deleted && !replaced {
        return;
    }
    if deleted && facts.deletion_is_dangerous {
        let sentence = format!("{id} is deleted, and nothing brings it back as it was");
        draft.findings.push((format!("delete-{}", facts.word).into(), sentence));
    }
    if replaced {
        let sentence = format!("{id} is deleted and made anew, because its {} changes", draft.change.reason);
        draft.findings.push((format!("replace-{}", facts.word).into(), sentence));
    }
    if draft.live.is_some_and(|it| kind.carries_caller(it, world)) {
        draft.findings.push(("self-lockout".into(), format!("{id} is what this plan is made and applied with")));
    }
    let by_service = draft.live.and_then(|it| it.protected.clone());
    let live = ResourceId::new(id.kind.clone(), draft.live.map_or(id.name.clone(), |it| it.name.clone()));
    let on_base = origin::base_entry(world.desired, &live).filter(|(_, it)| it.protect);
    let by_manifest = draft
        .entry
        .is_some_and(|it| it.protect)
        .then(|| "it says `protect: true`".to_owned())
        .or_else(|| on_base.map(|(base, _)| format!("it says `protect: true` on {}", base.shown)));
    let by_list = is_listed(&id, world).then(|| "`safety` protects it".to_owned());
    if let Some(why) = by_service.or(by_manifest).or(by_list) {
        draft.findings.push(("protected".into(), format!("{id} cannot go: {why}")));
    }
}

/// Whether the live object is deleted and made anew, rather than followed by a successor.
pub(super) fn is_made_anew(draft: &Draft) -> bool {
    let rules = kinds::by_word(&draft.change.kind).map_or(&[][..], |it| it.facts().fields);
    let fixed = |path: &str| rules.iter().any(|it| it.1 == FieldRule::Replaces && path == format!("/{}", it.0));
    draft.change.verb == Verb::Replace && draft.change.fields.iter().any(|it| fixed(&it.path))
}
