//! Names that must be something: in the manifest, in `external`, or live.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::kinds::{self, Kind};
use crate::manifest::check::called;
use crate::manifest::finding::{self, Finding, quoted};
use crate::manifest::shape::Shapes;
use crate::manifest::suggest::{self, Names};
use crate::model::desired::SourceFile;
use crate::model::{Desired, Diagnostic, Entry, Node, Reference, ResourceId, Severity, Span};

/// References to something that is neither in the manifest nor `external`.
///
/// `exists` says of an id, spelled as it was written, whether it is live: `Some(false)` makes an error,
/// `None` (nobody can tell, as when offline) a warning. Where a kind is in no section at all and nobody
/// can tell, one warning stands for all references to it.
pub fn unresolved(desired: &Desired, exists: impl Fn(&ResourceId) -> Option<bool>) -> Vec<Diagnostic> {
    finding::resolve(find(desired, exists, |_| true), &desired.files)
}

/// The same, of the entries that are wanted, with unresolved places.
pub(super) fn find(
    desired: &Desired,
    exists: impl Fn(&ResourceId) -> Option<bool>,
    wanted: impl Fn(&Entry) -> bool,
) -> Vec<Finding> {
    let index = Index::new(desired);
    let mut findings = Vec::new();
    let mut untold: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for entry in desired.entries.values().filter(|it| wanted(it)) {
        let Some(kind) = kinds::by_word(&entry.id.kind) else { continue };
        for reference in kind.references(&entry.id.name, &entry.spec()) {
            if index.knows(&reference.to) {
                continue;
            }
            // What `prune` does away with will not be there, whatever is live today.
            let goes = index.goes(&reference.to);
            let certain = match exists(&reference.to) {
                _ if goes => true,
                Some(true) => continue,
                Some(false) => true,
                None => false,
            };
            if !certain && !index.kinds.contains(reference.to.kind.as_str()) {
                let (_, count) = untold.entry(reference.to.kind.clone()).or_insert((findings.len(), 0));
                *count += 1;
                if *count > 1 {
                    continue;
                }
            }
            let mut finding = index.undefined(kind, entry, &reference, certain);
            if goes {
                finding = finding.remark("`prune` does away with whatever is not in this manifest");
            }
            findings.push(finding);
        }
    }
    for (kind, (at, count)) in untold {
        if count > 1 {
            let sentence = format!("{} more references to a {kind} cannot be told either", count - 1);
            findings[at].related.push((sentence, None));
        }
    }
    findings
}

/// References to what `prune` does away with: mistakes that need no service to be seen.
pub(super) fn dangling(desired: &Desired, wanted: impl Fn(&Entry) -> bool) -> Vec<Finding> {
    if desired.prune.is_empty() {
        return Vec::new();
    }
    let mut findings = find(desired, |_| None, wanted);
    findings.retain(Finding::is_error);
    findings
}

/// The stretch of a scalar that a reference or a problem is about: only part of it where its text
/// stands in the file as it is read, else all of it.
pub(super) fn part_of(files: &[SourceFile], span: Span, part: Option<(usize, usize)>, text: &str) -> Span {
    let narrowed = || {
        let (start, length) = part?;
        let written = files.get(span.file as usize)?.text.get(span.start as usize..span.end as usize)?;
        let quote = usize::from(written.starts_with(['"', '\'']));
        if written.get(quote..written.len() - quote)?.trim_end() != text {
            return None;
        }
        let byte = |characters: usize| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
        let begin = span.start as usize + quote;
        Some(Span {
            start: (begin + byte(start)) as u32,
            end: (begin + byte(start + length)) as u32,
            column: span.column + (quote + start) as u32,
            ..span
        })
    };
    narrowed().unwrap_or(span)
}

/// Where a reference stands.
pub(super) fn place(files: &[SourceFile], entry: &Entry, reference: &Reference) -> Span {
    let span = entry.node.place_of(&reference.pointer);
    let text = node_at(&entry.node, &reference.pointer).and_then(Node::text).unwrap_or_default();
    part_of(files, span, reference.part, text)
}

/// The part of an entry that a JSON pointer names.
pub(super) fn node_at<'a>(node: &'a Node, pointer: &str) -> Option<&'a Node> {
    pointer.split('/').skip(1).try_fold(node, |node, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        node.get(&part).or_else(|| node.items().get(part.parse::<usize>().ok()?))
    })
}

/// Every name of the manifest, to look up and to suggest.
struct Index<'a> {
    desired: &'a Desired,
    known: HashSet<ResourceId>,
    kinds: HashSet<&'a str>,
    names: HashMap<&'a str, Vec<&'a ResourceId>>,
    nearest: HashMap<&'a str, OnceCell<Names<'a>>>,
}

impl<'a> Index<'a> {
    fn new(desired: &'a Desired) -> Self {
        let ids = || desired.entries.keys().chain(&desired.external);
        let mut names: HashMap<&str, Vec<&ResourceId>> = HashMap::new();
        for id in ids() {
            names.entry(&id.kind).or_default().push(id);
        }
        Self {
            desired,
            known: ids().map(kinds::matching_id).collect(),
            kinds: names.keys().copied().collect(),
            nearest: names.keys().map(|it| (*it, OnceCell::new())).collect(),
            names,
        }
    }

    fn knows(&self, id: &ResourceId) -> bool {
        self.known.contains(&kinds::matching_id(id))
    }

    /// Whether the manifest does away with whatever of this kind it does not name.
    fn goes(&self, id: &ResourceId) -> bool {
        kinds::by_word(&id.kind).is_some_and(|it| self.desired.prune.contains_key(it.facts().section))
    }

    /// The nearest name of the kind that the manifest has.
    fn nearest(&self, to: &ResourceId) -> Option<&'a str> {
        let names = self.names.get(to.kind.as_str())?;
        let prepared = self.nearest.get(to.kind.as_str())?;
        prepared.get_or_init(|| Names::new(names.iter().map(|it| it.name.as_str()))).nearest(&to.name)
    }

    /// The nearest word that the schema offers at this place: `admin` for `admn`.
    fn nearest_choice(&self, kind: &dyn Kind, reference: &Reference) -> Option<String> {
        let shapes = Shapes::of_manifests();
        let field = shapes.field(shapes.entry(kind.facts().section)?, reference.pointer.strip_prefix('/')?)?;
        suggest::nearest(&reference.to.name, shapes.choices(field)).map(str::to_owned)
    }

    fn undefined(&self, kind: &dyn Kind, entry: &Entry, reference: &Reference, certain: bool) -> Finding {
        let ResourceId { kind: word, name } = &reference.to;
        let subject = called(&entry.id);
        let message = match certain {
            true => format!("{subject} {} that is not defined: {}", reference.role, quoted(name)),
            false => format!("{subject} {} that this manifest does not define: {}", reference.role, quoted(name)),
        };
        let place = place(&self.desired.files, entry, reference);
        let mut finding = Finding::error("E0203", message).at(place);
        finding = finding.label(format!("no {word} {} in the manifest", quoted(name)));
        if !certain {
            finding.diagnostic.severity = Severity::Warning;
            finding = finding.remark("offline, only the live organization could tell whether it exists");
        }
        if let Some(right) = self.nearest(&reference.to) {
            finding = finding.help(format!("a {word} with a similar name exists")).replace_with(right);
            if let Some(entry) = self.desired.entries.get(&ResourceId::new(word, right)) {
                finding = finding.related(format!("{} is defined", quoted(right)), entry.key.span);
            }
        } else if let Some(right) = self.nearest_choice(kind, reference) {
            finding = finding.help(format!("did you mean {}?", quoted(&right))).replace_with(right);
        } else if let Some(other) = self.desired.entries.values().find(|it| it.id.name == *name) {
            finding = finding.help(format!("{} is a {}, not a {word}", quoted(name), other.id.kind));
            finding = finding.related(format!("{} is defined", quoted(name)), other.key.span);
        }
        let section = kinds::by_word(word).map_or(word.as_str(), |it| it.facts().section);
        let list = format!("external: {{{section}: [{name}]}}");
        finding.remark(format!("for a {word} managed elsewhere, list it under {}", quoted(&list)))
    }
}
