//! Live specs to a manifest that the loader takes: what it cannot say is left out, and said to be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kinds::{self, Shape};
use crate::manifest::budget::{Budget, DEEPEST};
use crate::manifest::write::FileText;
use crate::manifest::write::place::{self, Contents, Target};
use crate::manifest::{Failure, load, yaml};
use crate::model::{Desired, Diagnostic, FieldRule, Node, ResourceId, Severity, Span};

/// What shall be written.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The organization's slug.
    pub organization: String,
    /// Specs by id.
    pub entries: BTreeMap<ResourceId, Value>,
    /// The words of kinds that are imported: whoever of them is not written is managed elsewhere.
    pub kinds: BTreeSet<&'static str>,
}

/// Something that is not written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Whose it is.
    pub id: ResourceId,
    /// The field, where only one is left out.
    pub field: Option<String>,
    /// Why.
    pub why: String,
}

/// A manifest with what was imported.
#[derive(Clone, Debug)]
pub struct Import {
    /// Files that are new or get something added.
    pub files: Vec<FileText>,
    /// All of the manifest, loaded.
    pub desired: Desired,
    /// What was added.
    pub added: BTreeSet<ResourceId>,
    /// What is referred to, and is in no section.
    pub external: BTreeSet<ResourceId>,
    /// What is not written, and why.
    pub left_out: Vec<LeftOut>,
}

/// Why nothing is written.
#[derive(Clone, Debug)]
pub enum Unwritable {
    /// A file cannot take an addition.
    Refused(String),
    /// What was written is no manifest: a bug.
    Bug(Vec<Diagnostic>),
}

/// Levels that a file itself needs around an entry.
const LEVELS_AROUND: usize = 3;

/// Writes a manifest, or adds to one.
///
/// `exists` says of an id whether it is live, as for [`crate::manifest::unresolved`].
///
/// # Errors
/// When a file cannot take an addition without a change of what stands there.
pub fn import(
    existing: Option<&Desired>,
    wanted: Wanted,
    target: &Target,
    exists: &dyn Fn(&ResourceId) -> Option<bool>,
) -> Result<Import, Unwritable> {
    let Wanted { organization, entries, kinds } = wanted;
    let mut writing = Writing {
        existing,
        kinds,
        exists,
        entries,
        external: BTreeSet::new(),
        hopeless: BTreeSet::new(),
        left_out: Vec::new(),
    };
    writing.leave_out_what_is_deep();
    loop {
        let contents = Contents { organization: &organization, entries: &writing.entries, external: &writing.external };
        let files = place::files(existing, &contents, target).map_err(Unwritable::Refused)?;
        let progress = match load(overlaid(existing, &files)) {
            Ok(desired) => {
                if let Some(id) = existing.and_then(|it| changed(it, &desired)) {
                    let message =
                        format!("what the manifest says of {id} would change; write its section as plain lines first");
                    return Err(Unwritable::Refused(message));
                }
                if writing.settle_references(&desired) {
                    true
                } else {
                    writing.left_out.sort();
                    let Writing { entries, external, left_out, .. } = writing;
                    let added = entries.into_keys().collect();
                    return Ok(Import { files, desired, added, external, left_out });
                }
            }
            Err(failure) => writing.leave_out_what_is_wrong(&files, &failure),
        };
        if !progress {
            let diagnostics = load(overlaid(existing, &files)).err().map(|it| it.diagnostics).unwrap_or_default();
            return Err(Unwritable::Bug(diagnostics));
        }
    }
}

/// The manifest's files, with new texts where there are any.
pub(super) fn overlaid(existing: Option<&Desired>, files: &[FileText]) -> Vec<(String, Vec<u8>)> {
    let mut all: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for file in existing.iter().flat_map(|it| &it.files) {
        all.insert(file.path.clone(), file.text.as_bytes().to_vec());
    }
    for file in files {
        all.insert(file.path.clone(), file.text.clone().into_bytes());
    }
    all.into_iter().collect()
}

/// Something that was there and is not as it was.
fn changed(before: &Desired, after: &Desired) -> Option<ResourceId> {
    let same = |id: &ResourceId| {
        let (old, new) = (&before.entries[id], after.entries.get(id));
        new.is_some_and(|it| it.node.to_value() == old.node.to_value())
    };
    before.entries.keys().find(|it| !same(it)).cloned()
}

struct Writing<'a> {
    existing: Option<&'a Desired>,
    kinds: BTreeSet<&'static str>,
    exists: &'a dyn Fn(&ResourceId) -> Option<bool>,
    entries: BTreeMap<ResourceId, Value>,
    external: BTreeSet<ResourceId>,
    /// What cannot be listed as external either.
    hopeless: BTreeSet<ResourceId>,
    left_out: Vec<LeftOut>,
}

impl Writing<'_> {
    fn leave_out_what_is_deep(&mut self) {
        let deep = |it: &Value| depth(it) + LEVELS_AROUND > DEEPEST;
        let ids: Vec<ResourceId> = self.entries.iter().filter(|it| deep(it.1)).map(|it| it.0.clone()).collect();
        for id in ids {
            self.leave_out(&id, None, format!("is nested deeper than the {DEEPEST} levels that a manifest may have"));
        }
    }

    /// Leaves out a field, or all of it where the rest would say something else without it.
    fn leave_out(&mut self, id: &ResourceId, field: Option<&str>, why: String) -> bool {
        let rule = |name: &str| {
            let fields = kinds::by_word(&id.kind)?.facts().fields;
            fields.iter().find(|it| it.0 == name).map(|it| it.1)
        };
        let alone = field.filter(|it| {
            !matches!(rule(it), None | Some(FieldRule::Immutable | FieldRule::Replaces | FieldRule::Renews))
        });
        let gone = match alone {
            Some(field) => {
                let fields = self.entries.get_mut(id).and_then(Value::as_object_mut);
                fields.is_some_and(|it| it.shift_remove(field).is_some())
            }
            None => self.entries.remove(id).is_some(),
        };
        if gone {
            self.left_out.push(LeftOut { id: id.clone(), field: alone.map(str::to_owned), why });
        }
        gone
    }

    /// Leaves out what the loader refuses; says whether there was anything.
    fn leave_out_what_is_wrong(&mut self, files: &[FileText], failure: &Failure) -> bool {
        let roots: BTreeMap<&str, Node> = files
            .iter()
            .filter_map(|it| Some((it.path.as_str(), yaml::read(0, &it.text, &Budget::default()).root?)))
            .collect();
        let mut progress = false;
        for diagnostic in &failure.diagnostics {
            let Some(place) = diagnostic.place.as_ref() else { continue };
            if diagnostic.severity != Severity::Error {
                continue;
            }
            match roots.get(place.file.as_str()).and_then(|it| spot(it, place.start_byte)) {
                Some(Spot::Entry(id, field)) => {
                    progress |= self.leave_out(&id, field.as_deref(), diagnostic.message.clone());
                }
                Some(Spot::External(id)) => {
                    progress |= self.external.remove(&id) && self.hopeless.insert(id);
                }
                None => {}
            }
        }
        progress
    }

    /// Says of everything that is referred to, and is in no section, that it is managed elsewhere.
    fn settle_references(&mut self, desired: &Desired) -> bool {
        let known: BTreeSet<ResourceId> =
            desired.entries.keys().chain(&desired.external).map(kinds::matching_id).collect();
        let mut wrong = Vec::new();
        let mut progress = false;
        for (id, spec) in &self.entries {
            let Some(kind) = kinds::by_word(&id.kind) else { continue };
            for reference in kind.references(&id.name, spec) {
                if known.contains(&kinds::matching_id(&reference.to)) {
                    continue;
                }
                let elsewhere = match (self.exists)(&reference.to) {
                    Some(false) => true,
                    Some(true) => self.kinds.contains(reference.to.kind.as_str()),
                    None => false,
                };
                if !elsewhere {
                    continue;
                }
                if self.hopeless.contains(&reference.to) || !place::takes_external(self.existing) {
                    let field = reference.pointer.split('/').nth(1).unwrap_or_default().to_owned();
                    wrong.push((id.clone(), field, format!("refers to {}, which no manifest can name", reference.to)));
                } else {
                    progress |= self.external.insert(reference.to);
                }
            }
        }
        for (id, field, why) in wrong {
            progress |= self.leave_out(&id, Some(&field), why);
        }
        progress
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

enum Spot {
    Entry(ResourceId, Option<String>),
    External(ResourceId),
}

/// What stands at a byte of a file that was written here.
fn spot(root: &Node, byte: u32) -> Option<Spot> {
    let holds = |from: Span, to: Span| from.start <= byte && byte < to.end;
    let (section, node) = root.entries().iter().find(|it| holds(it.0.span, it.1.span))?;
    let (key, entry) = node.entries().iter().find(|it| holds(it.0.span, it.1.span))?;
    if let Some(kind) = kinds::by_section(&format!("{}.{}", section.text, key.text)) {
        let (key, entry) = entry.entries().iter().find(|it| holds(it.0.span, it.1.span))?;
        let field = entry.entries().iter().find(|it| holds(it.0.span, it.1.span));
        let id = ResourceId::new(kind.facts().word, &*key.text);
        return Some(Spot::Entry(id, field.map(|it| it.0.text.to_string())));
    }
    if let Some(kind) = kinds::by_section(&section.text) {
        if kind.facts().shape == Shape::One {
            let id = ResourceId::new(kind.facts().word, "");
            return Some(Spot::Entry(id, Some(key.text.to_string())));
        }
        let field = entry.entries().iter().find(|it| holds(it.0.span, it.1.span));
        let id = ResourceId::new(kind.facts().word, &*key.text);
        return Some(Spot::Entry(id, field.map(|it| it.0.text.to_string())));
    }
    let kind = kinds::by_section(&key.text).filter(|_| &*section.text == place::EXTERNAL)?;
    let name = entry.items().iter().find(|it| holds(it.span, it.span))?;
    Some(Spot::External(ResourceId::new(kind.facts().word, name.text()?)))
}
