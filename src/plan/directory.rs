//! The identity provider's directory: what is said where it cannot be read, or is only compared.

use crate::kinds::{Draft, Kind, World};
use crate::model::{Diagnostic, Severity};
use crate::plan::policy;

/// The manifest has something to say of a section that was not read, for want of its token.
pub(super) fn unread(kind: &dyn Kind, world: &World) -> Option<Diagnostic> {
    let facts = kind.facts();
    let first = world.desired.entries.values().find(|it| it.id.kind == facts.word)?;
    let message = format!("`{}` was not read, so that nothing is planned for it", facts.section);
    let mut note = Diagnostic::new(Severity::Warning, "not-visible", message);
    note.place = Some(world.desired.place(first.key.span));
    note.help = Some("set BYLAWS_SCIM_TOKEN to the token of the organization's SCIM settings".to_owned());
    Some(note)
}

/// What differs, where differences are not planned.
pub(super) fn only_compared(draft: &Draft) -> Diagnostic {
    let change = &draft.change;
    let fields: Vec<&str> = change.fields.iter().map(|it| &it.path[1..]).collect();
    let message = match (change.before.is_null(), fields.is_empty()) {
        (true, _) => format!("{} does not exist", change.id),
        (false, true) => format!("{} is to change", change.id),
        (false, false) => format!("{} differs: {}", change.id, fields.join(", ")),
    };
    let mut note = Diagnostic::new(Severity::Warning, policy::DIFFERS, message);
    note.place = draft.change.source.clone();
    note.help = Some("change it at the identity provider, or here with --scim-writes".to_owned());
    note
}
