//! YAML text to desired state, with the place of everything.
//!
//! In reading order: bytes to text (`text`), text to trees (`yaml`, `mapping`, `scalar`, within a `budget`),
//! trees against the schema (`shape`, `fit`, `blame`), files to one manifest (`merge`), what the schema cannot say
//! (`check`, [`references`]), and what every code means ([`codes`]). Nothing stops at the first mistake: each
//! file's are collected as findings (`finding`), and resolved together. The way in is [`load`].

mod blame;
mod budget;
mod check;
pub mod codes;
mod finding;
mod fit;
mod mapping;
mod merge;
pub mod references;
mod scalar;
mod shape;
mod suggest;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod words;
mod workers;
pub mod write;
mod yaml;

use std::collections::{BTreeSet, HashSet};

use crate::manifest::budget::Budget;
use crate::manifest::finding::Finding;
use crate::manifest::shape::Shapes;
use crate::manifest::yaml::Document;
use crate::model::desired::SourceFile;
use crate::model::{Desired, Diagnostic, Span};

pub use codes::CODES;
pub use references::unresolved;

/// The name nearest to one that is none of them, if one is near.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    suggest::Names::new(names).nearest(wrong)
}

/// Why a manifest cannot be used.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Everything that is wrong with it, by place, warnings included.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, to quote from. What looks like a secret is blotted out.
    pub files: Vec<SourceFile>,
}

/// Reads a manifest from its files (path and content), in this order.
///
/// References that only the live organization can settle are no part of the result: [`unresolved`] finds them.
///
/// # Errors
/// With all mistakes of all files.
pub fn load(files: Vec<(String, Vec<u8>)>) -> Result<Desired, Failure> {
    let mut findings = Vec::new();
    if files.is_empty() {
        let finding = Finding::error("E0116", "there are no files to read");
        findings.push(finding.help("a manifest is `bylaws.yaml`, or every YAML file under `bylaws/`"));
    }
    let mut sources = Vec::with_capacity(files.len());
    let mut readable = Vec::with_capacity(files.len());
    for (index, (path, bytes)) in files.into_iter().enumerate() {
        let text = text::decode(index as u32, bytes);
        findings.extend(text.findings);
        readable.push(text.readable);
        sources.push(SourceFile { path, text: text.text.into() });
    }
    let documents = read(&sources, &readable);
    let shapes = Shapes::of_manifests();
    let mut bad = BTreeSet::new();
    let mut roots = Vec::new();
    let mut complete = !documents.is_empty() && documents.len() == sources.len();
    for (document, source) in documents.into_iter().zip(&sources) {
        findings.extend(document.findings);
        let Some(root) = document.root else {
            complete = false;
            continue;
        };
        let fitted = fit::fit(&root, &source.text, shapes);
        findings.extend(fitted.findings);
        bad.extend(fitted.bad);
        roots.push(root);
    }
    let mut merged = merge::merge(roots);
    merged.desired.files = sources;
    findings.append(&mut merged.findings);
    // What a file that cannot be read would have said is unknown: nothing is concluded from its absence.
    if complete {
        findings.extend(check::run(&check::Context { merged: &merged, bad: &bad }));
        findings.extend(references::dangling(&merged.desired, |it| !bad.contains(&it.key.span)));
    }
    one_a_place(&mut findings);
    if !findings.iter().any(Finding::is_error) {
        let warnings = finding::resolve(findings, &merged.desired.files);
        return Ok(Desired { warnings, ..merged.desired });
    }
    if complete {
        // A text of the wrong form refers to nothing, and says so already.
        let said: Vec<Span> = findings.iter().filter_map(|it| it.span).collect();
        let explained = |span: Span| said.iter().any(|it| it.covers(span));
        let unresolved = references::find(&merged.desired, |_| None, |_| true);
        findings.extend(unresolved.into_iter().filter(|it| !it.span.is_some_and(explained)));
    }
    let diagnostics = finding::resolve(findings, &merged.desired.files);
    Err(Failure { diagnostics, files: merged.desired.files })
}

/// A name that is refused for a reason breaks the schema's pattern as well: the reason is enough.
fn one_a_place(findings: &mut Vec<Finding>) {
    let named: HashSet<_> =
        findings.iter().filter(|it| it.diagnostic.code == "E0201").filter_map(|it| it.span).collect();
    findings.retain(|it| it.diagnostic.code != "E0308" || it.span.is_none_or(|span| !named.contains(&span)));
}

/// Reads all files, several at once. Their common budget makes no difference to the result: where it
/// does not suffice, they are read again one after another, and the file that breaks it is named.
fn read(sources: &[SourceFile], readable: &[bool]) -> Vec<Document> {
    const WORTH_THREADS: usize = 64 * 1024;
    let read_one = |index: usize, budget: &Budget| match readable[index] {
        true => yaml::read(index as u32, &sources[index].text, budget),
        false => Document { root: None, findings: Vec::new() },
    };
    let all: Vec<usize> = (0..sources.len()).collect();
    let bytes: usize = sources.iter().map(|it| it.text.len()).sum();
    let budget = Budget::default();
    let documents = workers::map(&all, bytes > WORTH_THREADS, |index| read_one(*index, &budget));
    if !budget.is_exceeded() {
        return documents;
    }
    let budget = Budget::default();
    let mut documents = Vec::new();
    for index in all {
        documents.push(read_one(index, &budget));
        if budget.is_exceeded() {
            break;
        }
    }
    documents
}
