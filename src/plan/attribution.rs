//! Who made a drift: the newest event of the audit log that can be about it. A hint, because the log names what
//! an event is about in prose only, and does not tell of everything.

use std::collections::BTreeMap;

use crate::kinds::{self, Kind, Shape};
use crate::model::{Attribution, AuditEvent, Change, LiveObject, Origin, Plan, ResourceId, Snapshot, Verb};
use crate::plan::policy;

/// How many words a name may have that stands in a text without quotation marks.
const MOST_WORDS: usize = 4;

/// Looks for the events behind a plan's drift.
pub struct Search<'a> {
    sought: Vec<Sought<'a>>,
}

/// A change whose event is looked for.
struct Sought<'a> {
    kind: &'static dyn Kind,
    change: &'a Change,
    live: Option<&'a LiveObject>,
    events: &'static [&'static str],
    /// Whether it may be no drift at all: without an event nothing is said of it.
    perhaps: bool,
    found: Option<Attribution>,
}

impl<'a> Search<'a> {
    /// For everything in a plan that somebody may have changed on the service.
    pub fn of(plan: &'a Plan, live: &'a Snapshot) -> Self {
        let sought = plan.all_changes().filter_map(|change| {
            let perhaps = doubt(change)?;
            let kind = kinds::by_word(&change.kind)?;
            let events = kind.events(change.verb)?;
            let name = change.renamed_from.as_ref().unwrap_or(&change.name);
            let live = live.object(&change.kind, &kinds::matching_key(&change.kind, name));
            Some(Sought { kind, change, live, events, perhaps, found: None })
        });
        Self { sought: sought.collect() }
    }

    /// Whether nothing that is still looked for can be in the log.
    pub fn is_settled(&self) -> bool {
        self.sought.iter().all(|it| it.found.is_some() || it.events.is_empty())
    }

    /// Takes the next events of the log, newest first.
    pub fn take(&mut self, events: &[AuditEvent]) {
        for event in events {
            let names = names(&event.description);
            for it in self.sought.iter_mut().filter(|it| it.found.is_none()) {
                if it.events.contains(&event.event.as_str()) && it.is_named(&names) {
                    it.found = Some(Attribution {
                        by: event.login.clone(),
                        token: event.token.clone(),
                        at: event.at.to_date_time(),
                        event: Some(event.event.clone()),
                    });
                }
            }
        }
    }

    /// What was found, by resource; what was certainly looked for and not found is unattributed. Where the log
    /// could not be read to its end, nothing is said of that.
    pub fn found(self, read: Reading) -> BTreeMap<ResourceId, Attribution> {
        let found = self.sought.into_iter().filter_map(|it| {
            let told = read == Reading::Whole || it.events.is_empty();
            let nobody = (told && !it.perhaps).then(Attribution::default);
            Some((it.change.id.clone(), it.found.or(nobody)?))
        });
        found.collect()
    }
}

/// How much of the audit log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All that it was to be.
    Whole,
    /// Not all of it, because that failed.
    Broken,
}

impl Sought<'_> {
    fn is_named(&self, names: &[String]) -> bool {
        self.kind.facts().shape == Shape::One || names.iter().any(|it| self.kind.is_called(it, self.change, self.live))
    }
}

/// Whether a change may be drift, and whether it may as well be none. Without a base branch the manifest may ask
/// for all of it anew; what it says by name (`removed`, `renamedFrom`) it does ask for.
fn doubt(change: &Change) -> Option<bool> {
    match (change.origin, change.verb) {
        (Origin::Drift, _) => Some(false),
        (Origin::PullRequest, _) if !change.drifted.is_empty() => Some(false),
        (Origin::PullRequest, _) | (Origin::Manifest, Verb::Rename) => None,
        (Origin::Manifest, Verb::Create) => Some(true),
        (Origin::Manifest, Verb::Delete) if change.reason == policy::TOMBSTONE => None,
        (Origin::Manifest, Verb::Update | Verb::Replace | Verb::Delete) => Some(false),
    }
}

/// Writes what was found into the plan.
pub fn attribute(plan: &mut Plan, mut found: BTreeMap<ResourceId, Attribution>) {
    for change in plan.changes.iter_mut().chain(&mut plan.drift) {
        change.attribution = found.remove(&change.id);
    }
}

/// What a text may name: what it has in quotation marks; where it has none, each of its words, and a few in a row.
fn names(text: &str) -> Vec<String> {
    let quoted = quoted(text);
    if !quoted.is_empty() {
        return quoted;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut names = Vec::new();
    for count in 1..=MOST_WORDS {
        names.extend(words.windows(count).map(|it| {
            let name = it.join(" ");
            name.trim_matches(|it: char| ",;:!?()[].".contains(it)).to_owned()
        }));
    }
    names
}

fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in ['"', '`', '\''] {
        let parts: Vec<&str> = text.split(mark).collect();
        // An odd number of marks pairs nothing, as an apostrophe.
        if parts.len() % 2 == 1 {
            found.extend(parts.into_iter().skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::names;

    fn is_named(text: &str, name: &str) -> bool {
        names(text).iter().any(|it| it == name)
    }

    #[test]
    fn a_name_is_quoted_or_a_whole_word() {
        for text in ["Updated team \"web\"", "Updated team `web`", "team 'web' was updated", "Updated team web."] {
            assert!(is_named(text, "web"), "{text}");
        }
        for text in ["Updated team \"web-old\"", "Updated the website", "web updated \"platform\"", ""] {
            assert!(!is_named(text, "web"), "{text}");
        }
        assert!(is_named("Deleted role Data Eng (reason: it's over)", "Data Eng"));
        assert!(is_named("\"bob\" accepted alice's invitation", "bob"));
        // What kind of thing it is says nothing of its name.
        assert!(!is_named("Updated team \"web\"", "team"));
    }
}
