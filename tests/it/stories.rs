//! Every kind has a scenario that tells all of its life: made, changed, named anew, deleted, changed behind the
//! program's back, imported, and after each of them a second plan that is empty.
//!
//! What a scenario tells is read from its transcript. What cannot be is told there too, with the reason and with what
//! the program says instead: `# No member is ever renamed: another login is another person.`

use std::collections::{BTreeMap, BTreeSet};

use bylaws::kinds::{self, Facts};

use crate::scenarios::by_somebody;
use crate::support;

/// What there is to tell of a kind, and the marks of an applied plan that tell it; a name, an address or an owner that
/// cannot change is given by making the thing anew.
const PARTS: [(&str, &[char]); 6] = [
    ("created", &['+']),
    ("changed", &['~']),
    ("renamed", &['>', '±']),
    ("deleted", &['-']),
    (DRIFTED, &[]),
    (IMPORTED, &[]),
];
const DRIFTED: &str = "changed elsewhere";
const IMPORTED: &str = "imported";

/// A line of a transcript that begins something, and what was printed because of it.
struct Entry<'a> {
    line: &'a str,
    printed: Vec<&'a str>,
}

impl Entry<'_> {
    fn runs(&self, command: &str) -> bool {
        self.line.starts_with(&format!("$ bylaws {command}"))
    }

    /// Somebody changes the organization behind the program's back.
    fn is_elsewhere(&self) -> bool {
        by_somebody(self.line).is_some()
    }

    fn says(&self, beginning: &str) -> bool {
        self.printed.iter().any(|it| it.starts_with(beginning))
    }

    /// The marks of the changes below a section of a plan: `+ erin`, but not the parts of one (`+   stacks`).
    fn marks(&self, section: &str) -> BTreeSet<char> {
        let below = self.printed.iter().skip_while(|it| **it != section).skip(1).take_while(|it| !it.is_empty());
        let marked = below.filter_map(|it| it.split_once(' ').filter(|(_, rest)| !rest.starts_with(' ')));
        marked.filter_map(|(mark, _)| mark.chars().next()).collect()
    }
}

/// Transcripts, by their folders.
fn transcripts() -> BTreeMap<String, String> {
    let folders = std::fs::read_dir(support::root().join("tests/scenarios")).unwrap();
    let folders = folders.map(|it| it.unwrap().path()).filter(|it| it.is_dir());
    folders
        .map(|it| {
            let text = std::fs::read_to_string(it.join("transcript.txt")).unwrap();
            (it.file_name().unwrap().to_string_lossy().into_owned(), text)
        })
        .collect()
}

fn entries(transcript: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in transcript.lines() {
        if line.starts_with("$ ") || line.starts_with("# ") || by_somebody(line).is_some() {
            entries.push(Entry { line, printed: Vec::new() });
        } else if let Some(entry) = entries.last_mut() {
            entry.printed.push(line);
        }
    }
    entries
}

/// What a transcript tells of a kind.
fn told(entries: &[Entry], facts: &Facts) -> BTreeSet<&'static str> {
    let mut told = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let marks = entry.marks(facts.section);
        let rest = &entries[index + 1..];
        if entry.runs("apply ") && entry.says("Applied, and verified: no changes left.") {
            let mut until_then = rest.iter().take_while(|it| !it.runs("apply ") && !it.is_elsewhere());
            if until_then.any(|it| it.runs("plan ") && it.says("No changes. ")) {
                told.extend(PARTS.iter().filter(|it| it.1.iter().any(|it| marks.contains(it))).map(|it| it.0));
            }
        }
        if entry.is_elsewhere() {
            let seen = rest.iter().skip_while(|it| it.is_elsewhere()).take_while(|it| !it.runs("apply "));
            if seen.take_while(|it| !it.is_elsewhere()).any(|it| !it.marks(facts.section).is_empty()) {
                told.insert(DRIFTED);
            }
        }
        // `2| Imported acme (sandbox): 4 scim-users, 1 scim-group`
        let imported =
            entry.printed.iter().filter(|it| it.starts_with("2| Imported ")).filter_map(|it| it.split_once(": "));
        let mut words = imported.flat_map(|it| it.1.split(", ")).filter_map(|it| it.split(' ').nth(1));
        let singular = |it: &str| it.trim_end_matches('s').to_owned();
        if words.any(|it| singular(it) == singular(facts.word)) && entry.says("2| No changes. ") {
            told.insert(IMPORTED);
        }
    }
    told
}

/// `# No settings are ever created or deleted: …`: of which kind, and what never happens to it. Nothing where a
/// comment says nothing of the sort.
fn denied(comment: &str) -> Option<(&str, Vec<&str>)> {
    let (kind, rest) = comment.strip_prefix("# No ")?.split_once(' ')?;
    let (parts, reason) = rest.strip_prefix("is ever ").or(rest.strip_prefix("are ever "))?.split_once(": ")?;
    (!reason.is_empty()).then(|| (kind, parts.split(", ").flat_map(|it| it.split(" or ")).collect()))
}

/// What a transcript says can never be, and shows: of which kind, and what.
fn never<'a>(entries: &'a [Entry]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let shown = entries.windows(2).filter(|it| it[1].runs("") && it[1].printed.iter().any(|it| !it.is_empty()));
    let denied = shown.filter_map(|it| denied(it[0].line));
    denied.flat_map(|(kind, parts)| parts.into_iter().map(move |part| (kind, part)))
}

#[test]
fn every_kind_has_a_scenario_that_tells_all_of_its_life() {
    let transcripts = transcripts();
    let mut lacking = Vec::new();
    for facts in kinds::ALL.iter().map(|it| it.facts()) {
        let lacks = |text: &str| -> Vec<&str> {
            let entries = entries(text);
            let told = told(&entries, facts);
            let never = BTreeSet::from_iter(never(&entries).filter(|it| it.0 == facts.word).map(|it| it.1));
            PARTS.iter().map(|it| it.0).filter(|it| !told.contains(it) && !never.contains(it)).collect()
        };
        let best = transcripts.iter().map(|(name, text)| (lacks(text), name)).min_by_key(|it| it.0.len());
        let (lacks, name) = best.unwrap();
        if !lacks.is_empty() {
            let lacks = lacks.join(", ");
            lacking.push(format!("{}: `{name}` comes closest, and does not tell how it is {lacks}", facts.word));
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

#[test]
fn what_is_said_never_to_be_is_in_no_scenario() {
    let transcripts = transcripts();
    let all: Vec<Vec<Entry>> = transcripts.values().map(|it| entries(it)).collect();
    let mut wrong = Vec::new();
    let comments = all.iter().flatten().map(|it| it.line).filter(|it| it.starts_with("# No ") && it.contains(" ever "));
    let mut said = BTreeSet::new();
    for comment in comments {
        let Some((word, parts)) = denied(comment) else {
            wrong.push(format!("not as others say it: {comment}"));
            continue;
        };
        said.extend(parts.into_iter().map(|it| (word, it)));
    }
    assert!(!said.is_empty());
    let shown = BTreeSet::from_iter(all.iter().flat_map(|it| never(it)));
    for (word, part) in said {
        let Some(kind) = kinds::by_word(word).filter(|_| PARTS.iter().any(|it| it.0 == part)) else {
            wrong.push(format!("no part of any kind's life: {word} {part}"));
            continue;
        };
        if !shown.contains(&(word, part)) {
            wrong.push(format!("what the program says instead is not shown: {word} {part}"));
        }
        if all.iter().any(|it| told(it, kind.facts()).contains(part)) {
            wrong.push(format!("it is after all: {word} {part}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A scenario of a kind in few words.
const SHORT: &str = "# A role.
$ bylaws apply --yes first.yaml
Plan for acme (sandbox): 1 to add

roles
+ looker                permissions: stack:read
+   grants              permissions: [stack:read]

members
- carol                 role: member

Applied, and verified: no changes left.

$ bylaws plan first.yaml
No changes. acme (sandbox) matches first.yaml (1 object checked).

console> PATCH /api/orgs/acme/roles/r-7 {}
200

$ bylaws drift
roles
~ looker                permissions: +stack:write

# No role is ever deleted: it is only a test.
$ bylaws import --only roles --out -
2| Imported acme (sandbox): 2 members, 1 role
2| No changes. acme (sandbox) matches the manifest (1 object checked).
";

#[test]
fn a_part_is_told_by_what_was_done_and_by_nothing_less() {
    let role = kinds::by_word("role").unwrap().facts();
    let all = |text: &str| told(&entries(text), role);
    assert_eq!(all(SHORT), BTreeSet::from(["created", DRIFTED, IMPORTED]));
    assert_eq!(Vec::from_iter(never(&entries(SHORT))), [("role", "deleted")]);
    for (part, without, instead) in [
        // Not applied to the end, with something left to do, or changed again before anybody looked.
        ("created", "Applied, and verified: no changes left.", "1 done."),
        ("created", "No changes. acme (sandbox) matches first.yaml", "Plan for acme (sandbox)"),
        ("created", "$ bylaws plan first.yaml", "$ bylaws apply first.yaml"),
        ("created", "+ looker", "+   looker"),
        // Planned, but changed by nobody.
        (DRIFTED, "console> ", "# "),
        (IMPORTED, "1 role", "1 team"),
        (IMPORTED, "2| No changes. ", "2| error: "),
    ] {
        assert!(SHORT.contains(without), "{without}");
        assert!(!all(&SHORT.replace(without, instead)).contains(part), "{part} without {without}");
    }
    assert_eq!(never(&entries(&SHORT.replace(": it is only a test", ""))).count(), 0);
}
