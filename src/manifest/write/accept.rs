//! Drift accepted into the manifest: what is live is written where the manifest says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::kinds::{self, Kind};
use crate::manifest::budget::Budget;
use crate::manifest::write::FileText;
use crate::manifest::write::edit::{self, Edit, Editor};
use crate::manifest::write::import::overlaid;
use crate::manifest::{load, yaml};
use crate::model::{Change, Desired, Entry, FieldChange, FieldRule, Key, Node, ResourceId, Verb, name};

/// A change that a plan would make, and that shall not be made: the manifest is to follow instead.
#[derive(Clone, Copy, Debug)]
pub struct Acceptance<'a> {
    /// What the plan would do.
    pub change: &'a Change,
    /// What an import would write of the live object, if there is one and it can.
    pub imported: Option<&'a Value>,
}

/// A manifest that says what is live.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The files that change.
    pub files: Vec<FileText>,
    /// All of the manifest, loaded.
    pub desired: Desired,
}

/// Writes what is live into the manifest, all of it or nothing.
///
/// # Errors
/// Why that cannot be done without touching anything else.
pub fn accept(desired: &Desired, acceptances: &[Acceptance]) -> Result<Accepted, String> {
    let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    let mut expected: BTreeMap<ResourceId, Option<Value>> = BTreeMap::new();
    for Acceptance { change, imported } in acceptances {
        let id = matching_entry(desired, &change.id).map_or(&change.id, |it| &it.id);
        let (file, of_change, after) = edits_of(desired, change, *imported)?;
        edits.entry(file).or_default().extend(of_change);
        expected.insert(id.clone(), after);
    }
    let mut files = Vec::new();
    for (index, edits) in edits {
        let source = desired.files.get(index).ok_or("the file is not known")?;
        let text = edit::applied(&source.text, edits)?;
        let (before, after) = (comment_lines(&source.text), comment_lines(&text));
        if before != after {
            return Err(format!("a comment of `{}` would go with it", source.path));
        }
        files.push(FileText { path: source.path.clone(), before: Some(source.text.clone()), text });
    }
    let loaded = load(overlaid(Some(desired), &files)).map_err(|failure| {
        let first = failure.diagnostics.first().map(|it| it.message.clone()).unwrap_or_default();
        format!("the manifest would be wrong then: {first}")
    })?;
    match otherwise(desired, &loaded, &expected) {
        Some(id) if expected.contains_key(&id) => {
            Err("it is written in a form that cannot be changed safely".to_owned())
        }
        Some(id) => Err(format!("{id} would change as well, because they share what is written")),
        None => Ok(Accepted { files, desired: loaded }),
    }
}

/// The comment lines of a text, in their order.
fn comment_lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|it| it.starts_with('#')).collect()
}

/// The first thing that is not as it was, or not as it should have become.
fn otherwise(before: &Desired, after: &Desired, expected: &BTreeMap<ResourceId, Option<Value>>) -> Option<ResourceId> {
    let ids: BTreeSet<&ResourceId> = before.entries.keys().chain(after.entries.keys()).collect();
    let changed = ids.into_iter().find(|id| {
        let is = after.entries.get(*id).map(|it| it.node.to_value());
        let was = || before.entries.get(*id).map(|it| it.node.to_value());
        is != expected.get(*id).map_or_else(was, Clone::clone)
    });
    let rest = |it: &Desired| {
        let acknowledged: Vec<_> = it
            .safety
            .acknowledged
            .iter()
            .map(|it| (it.danger.clone(), it.of.clone(), it.until.clone(), it.reason.clone()))
            .collect();
        let removed: Vec<_> = it.removed.keys().cloned().collect();
        let pruned: Vec<_> = it.prune.keys().cloned().collect();
        let safety = (it.safety.minimum_admins, it.safety.protected.clone(), acknowledged);
        (it.organization.clone(), removed, pruned, it.external.clone(), safety)
    };
    let settings = || (rest(before) != rest(after)).then(|| ResourceId::new("settings-of-the-manifest", ""));
    changed.cloned().or_else(settings)
}

fn matching_entry<'a>(desired: &'a Desired, id: &ResourceId) -> Option<&'a Entry> {
    let key = kinds::matching_id(id);
    desired.entries.get(id).or_else(|| desired.entries.values().find(|it| kinds::matching_id(&it.id) == key))
}

type Edits = (usize, Vec<Edit>, Option<Value>);

/// The edits of one change: in which file, and what the entry says afterwards.
fn edits_of(desired: &Desired, change: &Change, imported: Option<&Value>) -> Result<Edits, String> {
    let kind = kinds::by_word(&change.kind).ok_or("nobody knows its kind")?;
    match change.verb {
        Verb::Rename => {
            return Err("a rename that is still to do is no drift; apply it, or take `renamedFrom` away".to_owned());
        }
        Verb::Delete if change.reason == "tombstone" => {
            return Err("its tombstone asks for a deletion that is still to do; apply it, or take the tombstone away"
                .to_owned());
        }
        Verb::Delete => return Err("it is in no manifest, and pruned; add it with bylaws import".to_owned()),
        Verb::Create | Verb::Update | Verb::Replace => {}
    }
    let entry = matching_entry(desired, &change.id).ok_or("the manifest has no entry for it")?;
    let file = entry.key.span.file as usize;
    let source = desired.files.get(file).ok_or("the file is not known")?;
    let mut editor = Editor::new(&source.text);
    if change.verb == Verb::Create {
        remove_entry(&mut editor, &source.text, kind, entry)?;
        return Ok((file, editor.finish(), None));
    }
    if entry.node.span.file as usize != file || !entry_is_written(&source.text, &entry.node) {
        let alias = source.text.get(entry.node.span.start as usize..entry.node.span.end as usize).unwrap_or_default();
        return Err(format!("it is written as the alias `{}`", name::visible(alias.trim())));
    }
    let before = entry.node.to_value();
    let mut after = before.as_object().cloned().ok_or("its entry is no mapping")?;
    for field in &change.fields {
        set_field(&mut after, kind, field)?;
    }
    // What is no longer said in one field may be said in another.
    let gone = |it: &str| before.get(it).is_some() && !after.contains_key(it);
    if kind.alternatives().iter().any(|it| gone(it)) {
        for other in kind.alternatives() {
            if let Some(value) = imported.and_then(|it| it.get(*other)) {
                after.insert((*other).to_owned(), value.clone());
            }
        }
    }
    write_fields(&mut editor, entry, &after)?;
    Ok((file, editor.finish(), Some(after.into())))
}

fn entry_is_written(text: &str, node: &Node) -> bool {
    !text[node.span.start as usize..].starts_with('*')
}

/// Takes a whole entry out of its section.
fn remove_entry(editor: &mut Editor, text: &str, kind: &dyn Kind, entry: &Entry) -> Result<(), String> {
    let root = yaml::read(entry.key.span.file, text, &Budget::default()).root.ok_or("its file cannot be read")?;
    // A section may stand in a group: `scim.users`.
    let mut names = kind.facts().section.split('.');
    let section = names.try_fold((None, &root), |(_, node), name| {
        let (key, node) = node.entries().iter().find(|it| &*it.0.text == name)?;
        Some((Some(key), node))
    });
    let (key, node) = section.ok_or("its section is not in the file")?;
    if !node.span.covers(entry.key.span) || text[node.span.start as usize..].starts_with('*') {
        return Err("its entry comes from an alias or a merge key".to_owned());
    }
    editor.remove(key, node, &entry.key.text)
}

fn write_fields(editor: &mut Editor, entry: &Entry, after: &Map<String, Value>) -> Result<(), String> {
    let node = &entry.node;
    let named = |field: &str, why: String| format!("`{field}` {why}");
    if super::flow::is_flow(editor.text(), node) {
        return editor.set(&entry.key, node, &after.clone().into());
    }
    let own = |key: &Key| node.span.covers(key.span);
    let nothing_left = node.entries().iter().all(|it| !after.contains_key(&*it.0.text)) && after.is_empty();
    if nothing_left {
        return editor.set(&entry.key, node, &Value::Object(Map::new()));
    }
    for (key, value) in node.entries() {
        let wanted = after.get(&*key.text);
        if wanted.is_some_and(|it| value.to_value() == *it) {
            continue;
        }
        if !own(key) {
            return Err(named(&key.text, "comes from a merge key; change what is merged, or write it out".to_owned()));
        }
        match wanted {
            Some(wanted) => editor.set(key, value, wanted).map_err(|why| named(&key.text, why))?,
            None => editor.remove(Some(&entry.key), node, &key.text).map_err(|why| named(&key.text, why))?,
        }
    }
    for (field, value) in after.iter().filter(|it| node.get(it.0).is_none()) {
        editor.add(node, field, value).map_err(|why| named(field, why))?;
    }
    Ok(())
}

/// What a field of an entry says once it says what is live.
fn set_field(entry: &mut Map<String, Value>, kind: &dyn Kind, field: &FieldChange) -> Result<(), String> {
    let name = field.path.strip_prefix('/').unwrap_or(&field.path);
    let rule = kind.facts().fields.iter().find(|it| it.0 == name).map(|it| it.1);
    let rule = rule.ok_or_else(|| format!("`{name}` is due, and no drift; apply it"))?;
    if rule == FieldRule::Renews {
        return Err(format!("`{name}` asks for something that is still to do, and is no drift; apply it"));
    }
    let Some(written) = entry.get_mut(name) else { return Err(format!("`{name}` is not written")) };
    if field.before.is_null() {
        entry.shift_remove(name);
        return Ok(());
    }
    match rule {
        FieldRule::Set | FieldRule::Logins => {
            let same = |it: &str, other: &str| match rule {
                FieldRule::Logins => it.eq_ignore_ascii_case(other),
                _ => it == other,
            };
            let listed =
                |names: &[String], it: &Value| it.as_str().is_some_and(|it| names.iter().any(|name| same(name, it)));
            let items = written.as_array_mut().ok_or("is no list")?;
            items.retain(|it| !listed(&field.added, it));
            items.extend(field.removed.iter().map(|it| Value::from(it.as_str())));
        }
        FieldRule::Map => {
            let map = written.as_object_mut().ok_or("is no mapping")?;
            map.retain(|key, _| !field.added.contains(key));
            for key in field.changed.iter().chain(&field.removed) {
                map.insert(key.clone(), field.before[key].clone());
            }
        }
        FieldRule::Sets => {
            for (group, names) in written.as_object_mut().ok_or("is no mapping")? {
                let of = |entries: &[String]| -> Vec<String> {
                    let prefix = format!("{group}/");
                    entries.iter().filter_map(|it| it.strip_prefix(&prefix)).map(str::to_owned).collect()
                };
                let (added, removed) = (of(&field.added), of(&field.removed));
                let items = names.as_array_mut().ok_or("is no list")?;
                items.retain(|it| !it.as_str().is_some_and(|it| added.iter().any(|name| name == it)));
                items.extend(removed.into_iter().map(Value::from));
            }
        }
        FieldRule::Value | FieldRule::List | FieldRule::Replaces | FieldRule::Immutable => {
            *written = field.before.clone();
        }
        FieldRule::Renews | FieldRule::Instruction | FieldRule::Private(_) => {
            return Err(format!("`{name}` is no drift"));
        }
    }
    Ok(())
}
