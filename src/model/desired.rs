//! What the manifest says, after loading: entries by id, with their places, and what holds for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::model::node::Key;
use crate::model::{Diagnostic, Left, Node, Place, ResourceId, Span};

/// What the manifest says.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// The organization's slug.
    pub organization: String,
    /// Every declared resource, by id. Keys are spelled as written.
    pub entries: BTreeMap<ResourceId, Entry>,
    /// Section names whose live objects that are in no manifest shall be deleted, and where that was said.
    pub prune: BTreeMap<String, Span>,
    /// Tombstones: what shall be deleted, and where that was said.
    pub removed: BTreeMap<ResourceId, Span>,
    /// What may be referred to and is never touched.
    pub external: BTreeSet<ResourceId>,
    /// Rails.
    pub safety: Safety,
    /// The files, by index of [`Span::file`].
    pub files: Vec<SourceFile>,
    /// Findings that do not stop the plan.
    pub warnings: Vec<Diagnostic>,
    /// The manifest of the base branch, where one is compared.
    pub base: Option<Arc<Base>>,
}

/// The manifest as it is on the branch that a change goes to.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// What it says.
    pub desired: Desired,
    /// Which one it is, for people: `main@77d01be`.
    pub shown: String,
    /// How what it declares left the manifest since, where the history tells.
    pub left: BTreeMap<ResourceId, Left>,
    /// What it declares, by ids in lower case: made when it is first asked for, of what it says by then.
    pub in_lower_case: OnceLock<BTreeMap<ResourceId, ResourceId>>,
}

impl Base {
    /// The first entry whose name differs from this one by upper and lower case at most.
    pub fn in_any_case(&self, id: &ResourceId) -> Option<&Entry> {
        let lower = |it: &ResourceId| ResourceId::new(it.kind.clone(), it.name.to_lowercase());
        let index = self.in_lower_case.get_or_init(|| {
            let mut index = BTreeMap::new();
            for id in self.desired.entries.keys() {
                index.entry(lower(id)).or_insert_with(|| id.clone());
            }
            index
        });
        self.desired.entries.get(index.get(&lower(id))?)
    }
}

/// A file of the manifest, kept to quote from.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As named on the command line or found, with `/` between its parts.
    pub path: String,
    /// What it held when it was read.
    pub text: Arc<str>,
}

/// One declared resource.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which.
    pub id: ResourceId,
    /// Its key in the manifest, with its place.
    pub key: Key,
    /// What is written under it, the fields every kind has included.
    pub node: Node,
    /// `protect: true`: no plan deletes or replaces it.
    pub protect: bool,
    /// `renamedFrom`: its name before, for kinds that can be renamed in place.
    pub renamed_from: Option<String>,
}

/// Fields that every entry may have; no kind declares or sees them. `renamedFrom` is only for kinds
/// that can be renamed.
pub const COMMON_FIELDS: [&str; 3] = ["note", "protect", "renamedFrom"];

impl Entry {
    /// What the kind sees of it: all but the fields that every entry may have.
    pub fn spec(&self) -> serde_json::Value {
        let mut value = self.node.to_value();
        if let Some(map) = value.as_object_mut() {
            map.retain(|key, _| !COMMON_FIELDS.contains(&key.as_str()));
        }
        value
    }
}

/// The manifest's `safety` section.
#[derive(Clone, Debug, Default)]
pub struct Safety {
    /// `minimumAdmins`; the default is 2.
    pub minimum_admins: Option<u32>,
    /// What is never deleted or demoted by a plan: `protectedMembers` and the like.
    pub protected: BTreeSet<ResourceId>,
    /// Dangers acknowledged in reviewed text.
    pub acknowledged: Vec<Acknowledgement>,
}

/// One entry of `safety.acknowledge`.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    /// The danger's code.
    pub danger: String,
    /// The change that brings it, as the plan prints it.
    pub of: String,
    /// The last day on which it holds (RFC 3339 full-date or date-time), if it was given one.
    pub until: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// A name in a spec that must be something: in the manifest, in `external`, or live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// JSON pointer into the entry.
    pub pointer: String,
    /// Which characters of the scalar are the name, as (start, length); all of it when `None`.
    pub part: Option<(usize, usize)>,
    /// What must exist.
    pub to: ResourceId,
    /// What the reference makes of it, for the message: "owned by a team".
    pub role: &'static str,
}

impl Desired {
    /// The same after the change was merged and applied: whatever it asked for on top of the base branch
    /// has been asked for, so that a rename is not new again.
    pub fn merged(&self) -> Self {
        let mut merged = self.clone();
        if let Some(base) = merged.base.as_mut() {
            Arc::make_mut(base).desired.entries.extend(self.entries.clone());
        }
        merged
    }

    /// The place of a span, in words and numbers for people and machines.
    pub fn place(&self, span: Span) -> Place {
        place_in(&self.files, span)
    }
}

/// The place of a span in these files.
pub fn place_in(files: &[SourceFile], span: Span) -> Place {
    let Some(file) = files.get(span.file as usize) else { return Place::default() };
    let marked = file.text.get(span.start as usize..span.end as usize).unwrap_or("");
    let (mut end_line, mut end_column) = (span.line, span.column);
    for character in marked.trim_end().chars() {
        if character == '\n' {
            end_line += 1;
            end_column = 1;
        } else {
            end_column += 1;
        }
    }
    Place {
        file: file.path.clone(),
        line: span.line,
        column: span.column,
        end_line,
        end_column,
        start_byte: span.start,
        end_byte: span.start + marked.trim_end().len() as u32,
    }
}
