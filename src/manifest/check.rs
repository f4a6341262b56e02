//! The table of what the schema cannot say, each check with its name and code.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::kinds::{self, Kind};
use crate::manifest::finding::{Finding, quoted};
use crate::manifest::merge::Merged;
use crate::manifest::references::{node_at, part_of, place};
use crate::manifest::workers;
use crate::model::{Entry, Instant, Node, Problem, Reference, ResourceId, Span, name};

/// What checks look at.
pub(super) struct Context<'a> {
    /// The manifest.
    pub merged: &'a Merged,
    /// Keys of entries that do not fit the schema.
    pub bad: &'a BTreeSet<Span>,
}

/// What shall go and what is renamed, by the names that are then gone.
struct Gone<'a> {
    removed: HashMap<ResourceId, Span>,
    renamed: HashMap<ResourceId, &'a Entry>,
}

/// One entry, with what its kind sees of it.
struct Subject<'a> {
    context: &'a Context<'a>,
    gone: &'a Gone<'a>,
    kind: &'static dyn Kind,
    entry: &'a Entry,
    spec: &'a Value,
    references: &'a [Reference],
}

/// A check of the manifest as a whole.
struct Check {
    /// What holds.
    name: &'static str,
    /// The code of what is found, or its beginning.
    code: &'static str,
    run: fn(&Context, &mut Vec<Finding>),
}

/// A check of one entry.
struct EntryCheck {
    /// What holds.
    name: &'static str,
    /// The code of what is found, or its beginning.
    code: &'static str,
    run: fn(&Subject, &mut Vec<Finding>),
}

static CHECKS: &[Check] = &[
    Check { name: "an-organization-is-set", code: "E0204", run: organization_is_set },
    Check { name: "listed-names-are-usable", code: "E0201", run: listed_names_are_usable },
    Check { name: "declared-is-not-removed", code: "E0207", run: declared_is_not_removed },
    Check { name: "declared-is-not-external", code: "E0208", run: declared_is_not_external },
    Check { name: "removed-is-not-external", code: "E0209", run: removed_is_not_external },
    Check { name: "old-names-are-given-up", code: "E0210", run: old_names_are_given_up },
    Check { name: "old-names-have-one-heir", code: "E0211", run: old_names_have_one_heir },
    Check { name: "renamed-is-not-removed", code: "E0214", run: renamed_is_not_removed },
    Check { name: "acknowledgements-end-on-a-day", code: "E0413", run: acknowledgements_end_on_a_day },
    Check { name: "identities-are-unique", code: "E0433", run: identities_are_unique },
    Check { name: "one-sink-holds-one-secret", code: "E0415", run: one_sink_holds_one_secret },
];

static ENTRY_CHECKS: &[EntryCheck] = &[
    EntryCheck { name: "kind-finds-nothing-wrong", code: "E04", run: kind_finds_nothing_wrong },
    EntryCheck { name: "referred-names-are-usable", code: "E0201", run: referred_names_are_usable },
    EntryCheck { name: "referred-is-not-removed", code: "E0212", run: referred_is_not_removed },
    EntryCheck { name: "referred-by-its-new-name", code: "E0213", run: referred_by_its_new_name },
];

/// So many entries at a time are checked by one thread.
const HANDFUL: usize = 512;

/// Runs all checks.
pub(super) fn run(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in CHECKS {
        let before = findings.len();
        (check.run)(context, &mut findings);
        hold_code(check.name, check.code, &findings[before..]);
    }
    let removed = context.merged.desired.removed.iter().map(|(id, span)| (kinds::matching_id(id), *span)).collect();
    let renamed = renamed(context).map(|(entry, old)| (kinds::matching_id(&old), entry)).collect();
    let gone = Gone { removed, renamed };
    let entries: Vec<&Entry> = context.merged.desired.entries.values().collect();
    let parts: Vec<&[&Entry]> = entries.chunks(HANDFUL).collect();
    let run = |entries: &&[&Entry]| entries.iter().flat_map(|it| run_on(context, &gone, it)).collect::<Vec<_>>();
    findings.extend(workers::map(&parts, parts.len() > 4, run).into_iter().flatten());
    findings
}

/// Runs all checks of one entry.
fn run_on(context: &Context, gone: &Gone, entry: &Entry) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(kind) = kinds::by_word(&entry.id.kind) else { return findings };
    if context.bad.contains(&entry.key.span) {
        return findings;
    }
    let spec = entry.spec();
    let references = kind.references(&entry.id.name, &spec);
    let subject = Subject { context, gone, kind, entry, spec: &spec, references: &references };
    for check in ENTRY_CHECKS {
        let before = findings.len();
        (check.run)(&subject, &mut findings);
        hold_code(check.name, check.code, &findings[before..]);
    }
    // The schema and the kind's type must agree. Where they do not, nothing may be planned on the entry.
    // What was found wrong before explains it already.
    if findings.iter().any(Finding::is_error) {
        return findings;
    }
    if let Err(why) = kind.canonical(spec) {
        let message = format!("{} cannot be read: {}", called(&entry.id), name::visible(&why));
        findings.push(Finding::error("E0416", message).at(entry.key.span));
    }
    findings
}

/// A check speaks with the code that the table says.
fn hold_code(name: &str, code: &str, found: &[Finding]) {
    let holds = |it: &Finding| it.diagnostic.code.starts_with(code) || (code == "E04" && it.diagnostic.code == "E0201");
    debug_assert!(found.iter().all(holds), "check `{name}` says something else than {code}");
}

fn organization_is_set(context: &Context, findings: &mut Vec<Finding>) {
    if context.merged.organization.is_none() {
        let finding = Finding::error("E0204", "no file says which organization this is");
        findings.push(finding.help("write `organization: NAME` in one file: the name in addresses on Pulumi Cloud"));
    }
}

fn listed_names_are_usable(context: &Context, findings: &mut Vec<Finding>) {
    let Merged { desired, external, .. } = context.merged;
    let listed = desired.removed.iter().chain(external).map(|(id, span)| (id.name.as_str(), *span));
    let old = desired.entries.values().filter_map(|it| Some((it.renamed_from.as_deref()?, renamed_from_place(it))));
    for (written, span) in listed.chain(old) {
        findings.extend(unusable(written, span));
    }
}

fn unusable(written: &str, span: Span) -> Option<Finding> {
    let refusal = name::refusal(written)?;
    Some(Finding::error("E0201", format!("{} cannot be used as a name: {refusal}", quoted(written))).at(span))
}

/// The entry that a listed name means, spelled as the kind's names are compared.
fn declared<'a>(context: &'a Context) -> impl Fn(&ResourceId) -> Option<&'a Entry> {
    let entries = &context.merged.desired.entries;
    let by_key: HashMap<ResourceId, &Entry> = entries.values().map(|it| (kinds::matching_id(&it.id), it)).collect();
    move |id| by_key.get(&kinds::matching_id(id)).copied()
}

fn declared_is_not_removed(context: &Context, findings: &mut Vec<Finding>) {
    let declared = declared(context);
    for (id, span) in &context.merged.desired.removed {
        if let Some(entry) = declared(id) {
            let finding = Finding::error("E0207", format!("{} is both declared and removed", called(id))).at(*span);
            let finding = finding.label("shall go").help("take it out of one of the two");
            findings.push(finding.related("it is declared", entry.key.span));
        }
    }
}

fn declared_is_not_external(context: &Context, findings: &mut Vec<Finding>) {
    let declared = declared(context);
    for (id, span) in &context.merged.external {
        if let Some(entry) = declared(id) {
            let finding = Finding::error("E0208", format!("{} is both declared and external", called(id))).at(*span);
            let finding = finding.label("managed elsewhere").help("take it out of one of the two");
            findings.push(finding.related("it is declared", entry.key.span));
        }
    }
    let external: BTreeMap<ResourceId, Span> =
        context.merged.external.iter().map(|(id, span)| (kinds::matching_id(id), *span)).collect();
    for (entry, old) in renamed(context) {
        if let Some(span) = external.get(&kinds::matching_id(&old)) {
            let message = format!("{} is renamed to {}, and external", called(&old), quoted(&entry.id.name));
            let finding = Finding::error("E0208", message).at(renamed_from_place(entry));
            findings.push(finding.help("take it out of one of the two").related("it is managed elsewhere", *span));
        }
    }
}

fn removed_is_not_external(context: &Context, findings: &mut Vec<Finding>) {
    let Merged { desired, external, .. } = context.merged;
    let removed: BTreeMap<ResourceId, Span> =
        desired.removed.iter().map(|(id, span)| (kinds::matching_id(id), *span)).collect();
    for (id, span) in external {
        if let Some(first) = removed.get(&kinds::matching_id(id)) {
            let finding = Finding::error("E0209", format!("{} is both removed and external", called(id))).at(*span);
            let finding = finding.label("never touched").help("take it out of one of the two");
            findings.push(finding.related("it is removed", *first));
        }
    }
}

/// Entries with `renamedFrom`, with the id they had.
fn renamed<'a>(context: &'a Context) -> impl Iterator<Item = (&'a Entry, ResourceId)> {
    let entries = context.merged.desired.entries.values();
    entries.filter_map(|it| Some((it, ResourceId::new(&*it.id.kind, it.renamed_from.as_deref()?))))
}

fn renamed_from_place(entry: &Entry) -> Span {
    entry.node.place_of("/renamedFrom")
}

fn old_names_are_given_up(context: &Context, findings: &mut Vec<Finding>) {
    let declared = declared(context);
    for (entry, old) in renamed(context) {
        let Some(other) = declared(&old) else { continue };
        let place = renamed_from_place(entry);
        if other.id == entry.id {
            let message = format!("{} is said to be renamed from itself", called(&entry.id));
            findings.push(Finding::error("E0210", message).at(place).help("take the line out"));
        } else if other.renamed_from.is_none() {
            let message =
                format!("{} is renamed from {}, which is still declared", called(&entry.id), quoted(&old.name));
            let finding = Finding::error("E0210", message).at(place);
            let finding = finding.help("remove the old entry, or say with `renamedFrom` what became of it");
            findings.push(finding.related(format!("{} is declared", quoted(&old.name)), other.key.span));
        }
    }
}

fn old_names_have_one_heir(context: &Context, findings: &mut Vec<Finding>) {
    let mut heirs: HashMap<ResourceId, Span> = HashMap::new();
    let mut in_order: Vec<_> = renamed(context).map(|(entry, old)| (renamed_from_place(entry), old)).collect();
    in_order.sort();
    for (place, old) in in_order {
        if let Some(first) = heirs.get(&kinds::matching_id(&old)).copied() {
            let finding = Finding::error("E0211", format!("two entries are renamed from {}", called(&old))).at(place);
            findings.push(finding.label("the second one").related("the first one says so", first));
        } else {
            heirs.insert(kinds::matching_id(&old), place);
        }
    }
}

fn renamed_is_not_removed(context: &Context, findings: &mut Vec<Finding>) {
    let removed = &context.merged.desired.removed;
    for (entry, old) in renamed(context) {
        if let Some(span) = removed.get(&old) {
            let message = format!("{} is both renamed to {} and removed", called(&old), quoted(&entry.id.name));
            let finding = Finding::error("E0214", message).at(renamed_from_place(entry));
            findings.push(
                finding
                    .help("take it out of `removed`: a rename leaves nothing to delete")
                    .related("it is removed", *span),
            );
        }
    }
}

fn acknowledgements_end_on_a_day(context: &Context, findings: &mut Vec<Finding>) {
    for acknowledgement in &context.merged.desired.safety.acknowledged {
        let Some(until) = &acknowledgement.until else { continue };
        if Instant::parse(until).is_err() {
            let finding = Finding::error("E0413", format!("{} is no day of the calendar", quoted(until)));
            findings.push(finding.at(acknowledgement.span).help("write `until` as a day such as 2027-05-01"));
        }
    }
}

/// What the service knows a thing by is one thing's.
fn identities_are_unique(context: &Context, findings: &mut Vec<Finding>) {
    let entries = context.merged.desired.entries.values();
    let known = |entry: &Entry| Some((kinds::by_word(&entry.id.kind)?.identity()?, entry.id.clone()));
    let known = entries.filter_map(|it| known(it).and_then(|(field, id)| Some((id, it.node.get(field)?))));
    let mut in_order: Vec<(ResourceId, &Node)> = known.collect();
    in_order.sort_by_key(|it| it.1.span);
    let mut first: BTreeMap<(String, &str), (ResourceId, &Node)> = BTreeMap::new();
    for (id, node) in in_order {
        let Some(text) = node.text() else { continue };
        match first.get(&(id.kind.clone(), text)) {
            Some((other, there)) => {
                let message = format!("{} is {} under another name", called(&id), called(other));
                let finding = Finding::error("E0433", message).at(node.span).label("the same again");
                findings.push(finding.help("declare it once").related("the other one is here", there.span));
            }
            None => drop(first.insert((id.kind.clone(), text), (id, node))),
        }
    }
}

/// A sink holds one value: the second would overwrite the first, whichever comes last.
fn one_sink_holds_one_secret(context: &Context, findings: &mut Vec<Finding>) {
    let mut sinks: BTreeMap<String, &Node> = BTreeMap::new();
    let mut in_order: Vec<&Node> = Vec::new();
    in_order.extend(context.merged.desired.entries.values().filter_map(|it| it.node.get("saveTo")));
    in_order.sort_by_key(|it| it.span);
    for node in in_order {
        let Some(address) = node.text() else { continue };
        match sinks.get(&same_sink(address)) {
            Some(first) => {
                let finding = Finding::error("E0415", format!("two values would go to {}", quoted(address)));
                let finding = finding.at(node.span).label("overwrites the other").help("give each its own place");
                findings.push(finding.related("the other one goes there", first.span));
            }
            None => {
                sinks.insert(same_sink(address), node);
            }
        }
    }
}

/// An address in the form in which equal ones are equal: `file:./a//b` is `file:a/b`.
fn same_sink(address: &str) -> String {
    let Some(path) = address.strip_prefix("file:") else { return address.to_owned() };
    let parts: Vec<&str> = path.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
    format!("file:{}", parts.join("/"))
}

fn kind_finds_nothing_wrong(subject: &Subject, findings: &mut Vec<Finding>) {
    let mut problems = subject.kind.check(&subject.entry.id.name, subject.spec);
    let desired = &subject.context.merged.desired;
    problems.extend(subject.kind.check_beside(&subject.entry.id.name, subject.spec, desired));
    findings.extend(problems.into_iter().map(|it| subject.finding(it)));
}

fn referred_names_are_usable(subject: &Subject, findings: &mut Vec<Finding>) {
    for reference in subject.references {
        findings.extend(unusable(&reference.to.name, subject.place(reference)));
    }
}

fn referred_is_not_removed(subject: &Subject, findings: &mut Vec<Finding>) {
    let Gone { removed, .. } = subject.gone;
    for reference in subject.references.iter().filter(|_| !removed.is_empty()) {
        if let Some(span) = removed.get(&kinds::matching_id(&reference.to)) {
            let name = quoted(&reference.to.name);
            let message = format!("{} {} that is removed: {name}", called(&subject.entry.id), reference.role);
            let finding = Finding::error("E0212", message).at(subject.place(reference));
            let finding = finding.help("refer to something else, or do not remove it");
            findings.push(finding.related("it is removed", *span));
        }
    }
}

fn referred_by_its_new_name(subject: &Subject, findings: &mut Vec<Finding>) {
    let Gone { renamed, .. } = subject.gone;
    let entries = &subject.context.merged.desired.entries;
    for reference in subject.references.iter().filter(|it| !renamed.is_empty() && !entries.contains_key(&it.to)) {
        if let Some(heir) = renamed.get(&kinds::matching_id(&reference.to)) {
            let old = quoted(&reference.to.name);
            let message = format!("{} {} by its old name {old}", called(&subject.entry.id), reference.role);
            let finding = Finding::error("E0213", message).at(subject.place(reference));
            let finding = finding.help("write the new name").replace_with(&heir.id.name);
            findings.push(finding.related(format!("it is renamed to {}", quoted(&heir.id.name)), heir.key.span));
        }
    }
}

impl Subject<'_> {
    fn place(&self, reference: &Reference) -> Span {
        place(&self.context.merged.desired.files, self.entry, reference)
    }

    /// A problem with its place.
    fn finding(&self, problem: Problem) -> Finding {
        let Problem { code, pointer, part, message, label, help, severity } = problem;
        let span = match pointer.as_str() {
            "" => self.entry.key.span,
            pointer => self.entry.node.place_of(pointer),
        };
        let text = match pointer.as_str() {
            "" => Some(&*self.entry.key.text),
            pointer => node_at(&self.entry.node, pointer).and_then(Node::text),
        };
        let span = part_of(&self.context.merged.desired.files, span, part, text.unwrap_or_default());
        let mut finding = Finding::error(code, name::visible(&message)).at(span);
        finding.diagnostic.severity = severity;
        finding.diagnostic.label = label.map(|it| name::visible(&it));
        finding.diagnostic.help = help.map(|it| name::visible(&it));
        finding
    }
}

/// A resource in words: ``team `platform` ``; only its kind where that has one resource.
pub(super) fn called(id: &ResourceId) -> String {
    if id.name.is_empty() { id.kind.clone() } else { format!("{} {}", id.kind, quoted(&id.name)) }
}
