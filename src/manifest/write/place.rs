//! Which file says what: new files for a new manifest, and additions to files that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::kinds::{self, Kind};
use crate::manifest::budget::Budget;
use crate::manifest::write::FileText;
use crate::manifest::write::emit::{self, Layout};
use crate::manifest::yaml;
use crate::model::{Desired, Node, ResourceId};

/// Where a manifest is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The file, or the folder; empty for the working directory.
    pub path: String,
    /// Whether `path` is a folder: then every section gets a file.
    pub folder: bool,
    /// Whether kinds of which one fills a file get a file for each.
    pub split: bool,
    /// Where editors find the schema, as seen from the working directory; nothing where they cannot.
    pub schema: Option<String>,
}

/// What is written.
pub(super) struct Contents<'a> {
    pub organization: &'a str,
    pub entries: &'a BTreeMap<ResourceId, Value>,
    pub external: &'a BTreeSet<ResourceId>,
}

pub(super) const EXTERNAL: &str = "external";
const ABOUT_EXTERNAL: &str = "# Referred to above, and managed elsewhere: never touched.";

/// All files that are new or get something added.
pub(super) fn files(existing: Option<&Desired>, contents: &Contents, target: &Target) -> Result<Vec<FileText>, String> {
    let mut papers = Papers { papers: BTreeMap::new(), target };
    for file in existing.iter().flat_map(|it| &it.files) {
        papers.papers.insert(file.path.clone(), Paper::there(file.text.clone()));
    }
    if existing.is_none() {
        let paper = papers.paper(&target.of("organization"));
        paper.append(vec![emit::entry("organization", &contents.organization.into(), 0, Layout::default())]);
    }
    let of = |kind: &dyn Kind| -> Vec<(&str, &Value)> {
        let own = contents.entries.iter().filter(|it| it.0.kind == kind.facts().word);
        own.map(|(id, spec)| (id.name.as_str(), spec)).collect()
    };
    for kind in kinds::ALL.iter().filter(|it| !it.facts().section.contains('.')) {
        papers.section(*kind, &of(*kind))?;
    }
    for (group, _) in kinds::GROUPS {
        let kinds = kinds::ALL.iter().filter(|it| it.facts().section.split_once('.').is_some_and(|it| it.0 == *group));
        papers.group(group, kinds.map(|it| (it.facts().section, of(*it))).collect())?;
    }
    if !contents.external.is_empty() {
        papers.external(contents.external)?;
    }
    Ok(papers.finish())
}

/// Whether names can still be listed as external: a list that is there is not changed.
pub(super) fn takes_external(existing: Option<&Desired>) -> bool {
    existing.is_none_or(|it| it.files.len() > 1 || it.external.is_empty())
}

impl Target {
    /// The file for a section of this name.
    fn of(&self, stem: &str) -> String {
        match self.folder {
            false => self.path.clone(),
            true => self.below(&format!("{stem}.yaml")),
        }
    }

    fn below(&self, name: &str) -> String {
        let folder = self.path.trim_end_matches('/');
        if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
    }

    /// The line that tells editors where the schema is.
    fn modeline(&self, path: &str) -> Option<String> {
        let schema = self.schema.as_ref()?;
        let ups = "../".repeat(path.matches('/').count());
        Some(format!("# yaml-language-server: $schema={ups}{schema}"))
    }
}

/// A file while something is added to it.
struct Paper {
    before: Option<Arc<str>>,
    text: String,
    end: &'static str,
    changed: bool,
}

struct Papers<'a> {
    papers: BTreeMap<String, Paper>,
    target: &'a Target,
}

impl Papers<'_> {
    fn paper(&mut self, path: &str) -> &mut Paper {
        let modeline = self.target.modeline(path);
        self.papers.entry(path.to_owned()).or_insert_with(|| Paper::new(modeline))
    }

    fn finish(self) -> Vec<FileText> {
        let changed = self.papers.into_iter().filter(|it| it.1.changed);
        changed.map(|(path, it)| FileText { path, before: it.before, text: it.text }).collect()
    }

    fn section(&mut self, kind: &dyn Kind, entries: &[(&str, &Value)]) -> Result<(), String> {
        if entries.is_empty() {
            return Ok(());
        }
        let section = kind.facts().section;
        if self.target.split && kind.fills_a_file() {
            for (name, spec) in entries {
                let path = self.unused(&format!("{section}/{}", file_name(name)));
                self.paper(&path).append(vec![section_of(section, &[(name, spec)], Layout::default())]);
            }
            return Ok(());
        }
        let spots = self.papers.iter().filter_map(|(path, it)| Some((path, it.end_of(section)?)));
        let best = spots.max_by_key(|(path, spot)| (spot.entries, std::cmp::Reverse((*path).clone())));
        if let Some((path, spot)) = best {
            let path = path.clone();
            self.paper(&path).insert(&spot, entries);
            return Ok(());
        }
        let path = self.home_of(section)?;
        self.paper(&path).append(vec![section_of(section, entries, Layout::default())]);
        Ok(())
    }

    /// Sections that stand together under one key.
    fn group(&mut self, group: &str, sections: Vec<(&str, Vec<(&str, &Value)>)>) -> Result<(), String> {
        let layout = Layout::default();
        let mut lines = Vec::new();
        for (section, entries) in sections.iter().filter(|it| !it.1.is_empty()) {
            let spots = self.papers.iter().filter_map(|(path, it)| Some((path.clone(), it.end_of(section)?)));
            if let Some((path, spot)) = spots.max_by_key(|(path, spot)| (spot.entries, std::cmp::Reverse(path.clone())))
            {
                self.paper(&path).insert(&spot, entries);
                continue;
            }
            let name = section.rsplit('.').next().unwrap_or(section);
            lines.push(format!("{}{name}:", " ".repeat(layout.step)));
            lines.extend(spaced(entries, 2 * layout.step, layout, None));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.home_of(group)?;
        self.paper(&path).append(vec![std::iter::once(format!("{group}:")).chain(lines).collect()]);
        Ok(())
    }

    /// The file that gets a section of its own.
    fn home_of(&self, section: &str) -> Result<String, String> {
        let path = self.target.of(section);
        match self.papers.get(&path) {
            None => Ok(path),
            Some(paper) if paper.takes(section) => Ok(path),
            Some(_) if self.target.folder => Ok(self.unused(section)),
            Some(_) => Err(format!(
                "`{path}` has `{section}` in a form that nothing can be added to without a change of its lines; \
                 write it with one entry a line, or import into a folder"
            )),
        }
    }

    /// A name that no file has yet, whatever the file system thinks of upper and lower case.
    fn unused(&self, stem: &str) -> String {
        let taken: BTreeSet<String> = self.papers.keys().map(|it| it.to_lowercase()).collect();
        let names = (1..).map(|number| match number {
            1 => self.target.below(&format!("{stem}.yaml")),
            _ => self.target.below(&format!("{stem}-{number}.yaml")),
        });
        names.into_iter().find(|it| !taken.contains(&it.to_lowercase())).unwrap_or_default()
    }

    fn external(&mut self, external: &BTreeSet<ResourceId>) -> Result<(), String> {
        let mut lists = serde_json::Map::new();
        for kind in kinds::ALL {
            let names: Vec<&str> =
                external.iter().filter(|it| it.kind == kind.facts().word).map(|it| it.name.as_str()).collect();
            if !names.is_empty() {
                lists.insert(kind.facts().section.to_owned(), names.into());
            }
        }
        let is_new = self.papers.values().all(|it| it.before.is_none());
        let path = if is_new { self.target.of("organization") } else { self.home_of(EXTERNAL)? };
        let mut lines = vec![ABOUT_EXTERNAL.to_owned()];
        lines.extend(emit::entry(EXTERNAL, &lists.into(), 0, Layout::default()));
        self.paper(&path).append(vec![lines]);
        Ok(())
    }
}

/// A section with its entries, a blank line between those that are long.
fn section_of(section: &str, entries: &[(&str, &Value)], layout: Layout) -> Vec<String> {
    // A kind that has only one resource has no name: its section is the resource.
    if let [("", spec)] = entries {
        return emit::entry(section, spec, 0, layout);
    }
    let mut lines = vec![format!("{section}:")];
    lines.extend(spaced(entries, layout.step, layout, None));
    lines
}

/// Entries as lines. `apart`: whether blank lines stand between them, where somebody decided already.
fn spaced(entries: &[(&str, &Value)], indent: usize, layout: Layout, apart: Option<bool>) -> Vec<String> {
    let entries: Vec<Vec<String>> =
        entries.iter().map(|(name, spec)| emit::entry(name, spec, indent, layout)).collect();
    let apart = apart.unwrap_or_else(|| entries.iter().any(|it| it.len() > 2));
    let mut lines = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        if apart && index > 0 {
            lines.push(String::new());
        }
        lines.extend(entry);
    }
    lines
}

/// Where the next entry of a section goes.
struct End {
    byte: usize,
    indent: usize,
    step: usize,
    entries: usize,
    apart: Option<bool>,
}

impl Paper {
    fn new(modeline: Option<String>) -> Self {
        let text = modeline.map(|it| format!("{it}\n")).unwrap_or_default();
        Self { before: None, text, end: "\n", changed: true }
    }

    fn there(text: Arc<str>) -> Self {
        let carriages = text.matches("\r\n").count();
        let end = if 2 * carriages > text.matches('\n').count() { "\r\n" } else { "\n" };
        Self { text: text.to_string(), before: Some(text), end, changed: false }
    }

    /// Adds blocks of lines at the end, each after a blank line.
    fn append(&mut self, blocks: Vec<Vec<String>>) {
        self.changed = true;
        for lines in blocks {
            if !self.text.is_empty() && !self.text.ends_with('\n') {
                self.text.push_str(self.end);
            }
            let only_the_modeline = self.before.is_none() && self.text.lines().count() <= 1;
            if !self.text.is_empty() && !only_the_modeline {
                self.text.push_str(self.end);
            }
            for line in lines {
                self.text.push_str(&line);
                self.text.push_str(self.end);
            }
        }
    }

    fn root(&self) -> Option<Node> {
        yaml::read(0, &self.text, &Budget::default()).root
    }

    /// Whether a section of its own can be added at the end of the file.
    fn takes(&self, section: &str) -> bool {
        let Some(root) = self.root() else { return true };
        let braces = self.text[root.span.start as usize..].starts_with('{');
        let indented = root.entries().first().is_some_and(|it| it.0.span.column > 1);
        !braces && !indented && root.get(section).is_none()
    }

    /// Where an entry can be added to a section that is written with one entry a line.
    fn end_of(&self, section: &str) -> Option<End> {
        // What was put here just now is complete.
        self.before.as_ref()?;
        let root = self.root()?;
        let mut parts = section.split('.');
        let named = |node: &Node, name: &str| node.entries().iter().find(|it| &*it.0.text == name).cloned();
        let first = named(&root, parts.next()?)?;
        let (key, node) = parts.try_fold(first, |(_, node), part| named(&node, part))?;
        let written = self.text.get(node.span.start as usize..)?;
        if written.starts_with(['{', '*', '&', '!']) || !node.span.covers(node.entries().last()?.0.span) {
            return None;
        }
        let own: Vec<_> = node.entries().iter().filter(|it| node.span.covers(it.0.span)).collect();
        let (first, last) = (own.first()?, own.last()?);
        let indent = first.0.span.column as usize - 1;
        let line = |byte: u32| &self.text[self.text[..byte as usize].rfind('\n').map_or(0, |it| it + 1)..byte as usize];
        if own.iter().any(|it| line(it.0.span.start).chars().any(|it| it != ' ')) {
            return None;
        }
        let nested = own.iter().find_map(|it| {
            let field = it.1.entries().first().filter(|field| field.0.span.line > it.0.span.line)?;
            (it.1.span.covers(field.0.span)).then_some((field.0.span.column as usize).checked_sub(1 + indent)?)
        });
        let step = nested.filter(|it| *it > 0).unwrap_or((indent + 1).saturating_sub(key.span.column as usize).max(1));
        let content = self.text[..node.span.end as usize].trim_end().len();
        let byte = self.text[content..].find('\n').map_or(self.text.len(), |it| content + it + 1);
        let before_last = &self.text[..last.0.span.start as usize - line(last.0.span.start).len()];
        let mut above = before_last.lines().rev().skip_while(|it| it.trim_start().starts_with('#'));
        let apart = (own.len() > 1).then(|| above.next().is_some_and(|it| it.trim().is_empty()));
        Some(End { byte, indent, step, entries: own.len(), apart })
    }

    fn insert(&mut self, end: &End, entries: &[(&str, &Value)]) {
        self.changed = true;
        let layout = Layout { step: end.step, ..Layout::default() };
        let lines = spaced(entries, end.indent, layout, end.apart);
        let mut text = String::new();
        if !self.text[..end.byte].ends_with('\n') {
            text.push_str(self.end);
        }
        let apart = end.apart.unwrap_or(lines.len() > 2 * entries.len());
        for line in apart.then(String::new).into_iter().chain(lines) {
            text.push_str(&line);
            text.push_str(self.end);
        }
        self.text.insert_str(end.byte, &text);
    }
}

/// A file's name for a resource's: what every file system takes.
fn file_name(name: &str) -> String {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    const LONGEST: usize = 80;
    let sound = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    let name: String = name.chars().take(LONGEST).map(|it| if sound(it) { it } else { '_' }).collect();
    let name = name.trim_matches('.');
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let device = stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt"));
    if name.is_empty() || device || RESERVED.contains(&stem.as_str()) { format!("_{name}") } else { name.to_owned() }
}
