//! Files to one manifest: every name once, one organization, settings that agree.

use std::collections::{BTreeMap, HashMap};

use crate::kinds::{self, Kind, Shape};
use crate::manifest::check::called;
use crate::manifest::finding::{Finding, quoted};
use crate::model::desired::Acknowledgement;
use crate::model::{Data, Desired, Entry, Key, Node, ResourceId, Span};

/// All files as one.
#[derive(Default)]
pub(super) struct Merged {
    /// What they say.
    pub desired: Desired,
    /// Where the organization is set.
    pub organization: Option<Span>,
    /// `external`, with places.
    pub external: BTreeMap<ResourceId, Span>,
    /// What cannot be merged.
    pub findings: Vec<Finding>,
    /// Names of kinds that ignore case, as they are compared.
    folded: HashMap<ResourceId, Span>,
    settings: HashMap<String, (String, Span)>,
}

/// Merges files in the order given. What does not fit the schema was reported and is passed over here.
pub(super) fn merge(roots: Vec<Node>) -> Merged {
    let mut merged = Merged::default();
    for root in roots {
        let Data::Map(sections) = root.data else { continue };
        for (key, node) in sections {
            merged.section(&key, node);
        }
    }
    merged.desired.external = merged.external.keys().cloned().collect();
    merged
}

impl Merged {
    fn section(&mut self, key: &Key, node: Node) {
        match (&*key.text, kinds::by_section(&key.text)) {
            (_, Some(kind)) => match kind.facts().shape {
                Shape::Map => self.entries(kind, node),
                Shape::One => self.entry(kind, String::new(), key.clone(), node),
            },
            ("organization", None) => self.organization(&node),
            ("prune", None) => self.prune(&node),
            ("removed", None) => {
                for (id, span) in listed(&node) {
                    self.desired.removed.entry(id).or_insert(span);
                }
            }
            ("external", None) => {
                for (id, span) in listed(&node) {
                    self.external.entry(id).or_insert(span);
                }
            }
            ("safety", None) => self.safety(&node),
            (group, None) => {
                let Data::Map(sections) = node.data else { return };
                for (section, node) in sections {
                    if let Some(kind) = kinds::by_section(&format!("{group}.{}", section.text)) {
                        self.entries(kind, node);
                    }
                }
            }
        }
    }

    fn entries(&mut self, kind: &dyn Kind, node: Node) {
        let Data::Map(entries) = node.data else { return };
        for (key, node) in entries {
            self.entry(kind, key.text.to_string(), key, node);
        }
    }

    fn entry(&mut self, kind: &dyn Kind, name: String, key: Key, node: Node) {
        let id = ResourceId::new(kind.facts().word, name);
        let first = match kind.facts().ignores_case {
            true => self.folded.insert(kinds::matching_id(&id), key.span),
            false => self.desired.entries.get(&id).map(|it| it.key.span),
        };
        if let Some(first) = first {
            self.findings.push(defined_twice(&id, &self.desired, key.span, first));
            return;
        }
        let renamed_from = node.get("renamedFrom").and_then(Node::text).map(str::to_owned);
        let protect = node.get("protect").is_some_and(|it| it.data == Data::Bool(true));
        self.desired.entries.insert(id.clone(), Entry { id, key, node, protect, renamed_from });
    }

    fn organization(&mut self, node: &Node) {
        if let Some(first) = self.organization {
            let finding = Finding::error("E0205", "`organization` is set in more than one file").at(node.span);
            let finding =
                finding.label("the second time").help("keep it in one file: all files describe one organization");
            self.findings.push(finding.related("`organization` is set first", first));
            return;
        }
        self.organization = Some(node.span);
        self.desired.organization = node.text().unwrap_or_default().to_owned();
    }

    fn prune(&mut self, node: &Node) {
        for (key, value) in node.entries() {
            let Data::Bool(prune) = value.data else { continue };
            self.setting(&format!("prune.{}", key.text), &prune.to_string(), value.span);
            if prune {
                self.desired.prune.entry(key.text.to_string()).or_insert(value.span);
            }
        }
    }

    fn safety(&mut self, node: &Node) {
        for (key, value) in node.entries() {
            if let ("minimumAdmins", Data::Number { text, value: number }) = (&*key.text, &value.data) {
                self.setting("safety.minimumAdmins", text, value.span);
                self.desired.safety.minimum_admins = number.as_u64().and_then(|it| it.try_into().ok());
            }
            if &*key.text == "acknowledge" {
                self.desired.safety.acknowledged.extend(value.items().iter().map(acknowledgement));
            }
            let protects = |kind: &&&dyn Kind| kind.facts().protected_list.is_some_and(|(list, _)| *list == *key.text);
            if let Some(kind) = kinds::ALL.iter().find(protects) {
                let names = value.items().iter().filter_map(Node::text);
                self.desired.safety.protected.extend(names.map(|it| ResourceId::new(kind.facts().word, it)));
            }
        }
    }

    /// A value that all files must agree on.
    fn setting(&mut self, name: &str, value: &str, span: Span) {
        let Some((first, place)) = self.settings.get(name) else {
            self.settings.insert(name.to_owned(), (value.to_owned(), span));
            return;
        };
        if first != value {
            let message = format!("`{name}` is {} here and {} elsewhere", quoted(value), quoted(first));
            let finding = Finding::error("E0206", message).at(span).help("set it in one file");
            self.findings.push(finding.related(format!("it is {}", quoted(first)), *place));
        }
    }
}

/// The names under `removed` or `external`, with their places.
fn listed(node: &Node) -> Vec<(ResourceId, Span)> {
    let mut ids = Vec::new();
    for (section, names) in node.entries() {
        let Some(kind) = kinds::by_section(&section.text) else { continue };
        for name in names.items() {
            ids.extend(name.text().map(|it| (ResourceId::new(kind.facts().word, it), name.span)));
        }
    }
    ids
}

fn acknowledgement(node: &Node) -> Acknowledgement {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    Acknowledgement {
        danger: text("danger").unwrap_or_default(),
        of: text("of").unwrap_or_default(),
        until: text("until"),
        reason: text("reason"),
        span: node.span,
    }
}

fn defined_twice(id: &ResourceId, desired: &Desired, span: Span, first: Span) -> Finding {
    let spelled_alike = desired.entries.contains_key(id);
    let called = called(id);
    let message = match spelled_alike {
        true => format!("{called} is defined twice"),
        false => format!("{called} is defined twice: upper and lower case are one"),
    };
    let finding = Finding::error("E0202", message).at(span).label("the second time");
    finding.related(format!("the same {} is defined first", id.kind), first)
}

#[cfg(test)]
mod tests {
    use crate::manifest::testing::{codes, load};
    use crate::model::ResourceId;

    #[test]
    fn files_are_one_manifest() {
        let desired = load(&[
            "organization: acme\nmembers: {alice: {}}\nprune: {teams: true, roles: false}\n",
            "members: {bob: {}}\nprune: {roles: false}\nremoved: {members: [eve]}\nexternal: {teams: [sec]}\n",
            "safety: {minimumAdmins: 3, protectedMembers: [alice]}\nremoved: {members: [eve], teams: [old]}\n",
        ])
        .unwrap();
        assert_eq!(desired.organization, "acme");
        assert_eq!(desired.entries.len(), 2);
        assert_eq!(desired.prune.keys().collect::<Vec<_>>(), ["teams"]);
        assert_eq!(desired.removed.len(), 2);
        assert!(desired.external.contains(&ResourceId::new("team", "sec")));
        assert_eq!(desired.safety.minimum_admins, Some(3));
        assert!(desired.safety.protected.contains(&ResourceId::new("member", "alice")));
        assert_eq!(desired.place(desired.entries[&ResourceId::new("member", "bob")].key.span).file, "1.yaml");
    }

    #[test]
    fn a_name_in_two_files_shows_both_places() {
        let failure = load(&["organization: acme\nteams: {a: {}}\n", "teams:\n  a: {}\n"]).unwrap_err();
        let [twice] = &failure.diagnostics[..] else { panic!("{failure:?}") };
        assert_eq!(twice.code, "E0202");
        let place = twice.place.as_ref().unwrap();
        assert_eq!((place.file.as_str(), place.line, place.column, place.end_column), ("1.yaml", 2, 3, 4));
        let first = twice.related[0].place.as_ref().unwrap();
        assert_eq!((first.file.as_str(), first.line, first.column), ("0.yaml", 2, 9));
    }

    #[test]
    fn logins_that_differ_by_case_are_one() {
        assert_eq!(codes(&["organization: acme\nmembers: {alice: {}, Alice: {}}\n"]), ["E0202"]);
        assert!(load(&["organization: acme\nteams: {a: {}, A: {}}\n"]).is_ok());
    }

    #[test]
    fn one_file_sets_the_organization() {
        assert_eq!(codes(&["organization: acme\n", "organization: acme\n"]), ["E0205"]);
        assert_eq!(codes(&["organization: acme\n", "organization: other\n"]), ["E0205"]);
        assert_eq!(codes(&["members: {}\n"]), ["E0204"]);
    }

    #[test]
    fn settings_must_agree() {
        assert_eq!(codes(&["organization: acme\nprune: {teams: true}\n", "prune: {teams: false}\n"]), ["E0206"]);
        assert_eq!(
            codes(&["organization: acme\nsafety: {minimumAdmins: 3}\n", "safety: {minimumAdmins: 2}\n"]),
            ["E0206"]
        );
        assert!(load(&["organization: acme\nprune: {teams: true}\n", "prune: {teams: true}\n"]).is_ok());
    }

    #[test]
    fn acknowledgements_are_kept_with_their_places() {
        let desired = load(&["organization: acme\nsafety:\n  acknowledge:\n    - danger: token-in-use\n      of: token/x\n      until: 2026-12-31\n      reason: r\n"])
            .unwrap();
        let [it] = &desired.safety.acknowledged[..] else { panic!() };
        assert_eq!(
            (it.danger.as_str(), it.of.as_str(), it.until.as_deref()),
            ("token-in-use", "token/x", Some("2026-12-31"))
        );
        assert_eq!(it.span.line, 4);
    }
}
