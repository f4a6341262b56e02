//! What is live and not as the manifest says: a plan, seen from the other side.

use crate::model::{Change, FieldChange, Plan, Verb};
use crate::render::digest;
use crate::render::text::Options;
use crate::render::text::layout::{self, Item};
use crate::render::text::plan::Page;

/// The drift that a plan would undo, for people: `+` is live and not in the manifest, `-` the other way round.
pub fn drift(plan: &Plan, options: Options) -> String {
    let organization = options.organization(&plan.organization);
    let root = digest::root(plan);
    let number = plan.all_changes().count();
    let heading = match (number, plan.status.complete) {
        (0, true) => format!("No drift. {organization} matches {root}."),
        (0, false) => format!("No drift for {organization} in what could be seen."),
        _ => {
            let objects = digest::count(number, "object", "objects");
            format!("Drift: {objects} of {organization} not as {root} says (+ live only, - manifest only)")
        }
    };
    let mut page = Page { options, items: vec![Item::Heading(heading)] };
    let turned = plan.all_changes().map(turned).collect();
    page.changes(&Plan { changes: turned, drift: Vec::new(), ..plan.clone() });
    layout::page(&page.items, options)
}

/// A change as it must have happened, for the plan to undo it.
fn turned(change: &Change) -> Change {
    let field = |it: &FieldChange| FieldChange {
        path: it.path.clone(),
        before: it.after.clone(),
        after: it.before.clone(),
        added: it.removed.clone(),
        removed: it.added.clone(),
        changed: it.changed.clone(),
    };
    Change {
        verb: match change.verb {
            Verb::Create => Verb::Delete,
            Verb::Delete => Verb::Create,
            other => other,
        },
        before: change.after.clone(),
        after: change.before.clone(),
        fields: change.fields.iter().map(field).collect(),
        unknown: Vec::new(),
        remarks: Vec::new(),
        ..change.clone()
    }
}
