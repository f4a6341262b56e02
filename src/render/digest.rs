//! What every rendering says about a whole plan: counts, order, findings, and how a danger is acknowledged.

use std::borrow::Cow;

use crate::kinds;
use crate::model::{Attribution, Change, Diagnostic, Place, Plan, Severity, Summary, Verb};
use crate::plan::policy::{self, Acceptance};
use crate::render::{escape, value};

/// The code of what could not be seen.
const NOT_VISIBLE: &str = "not-visible";
/// The code of what is in no manifest; the plan lists it by itself.
const UNMANAGED: &str = "unmanaged";

/// The verbs that occur, with their counts: `3`, `to add`.
pub fn counts(summary: &Summary) -> Vec<(Verb, usize, &'static str)> {
    let Summary { create, update, rename, replace, delete, .. } = summary;
    let all = [
        (Verb::Create, *create, "to add"),
        (Verb::Update, *update, "to change"),
        (Verb::Rename, *rename, "to rename"),
        (Verb::Replace, *replace, "to replace"),
        (Verb::Delete, *delete, "to delete"),
    ];
    all.into_iter().filter(|(_, count, _)| *count > 0).collect()
}

/// The headline of a plan that only undoes drift.
pub fn only_drift(plan: &Plan) -> String {
    format!("no changes of its own, {} drifted", plan.drift.len())
}

/// What an apply would send, and what the reading took: `12 writes`, `read with 35 requests`.
pub fn traffic(plan: &Plan) -> impl Iterator<Item = String> {
    let Summary { writes, reads, .. } = plan.summary;
    let writes = (writes > 0).then(|| count(writes, "write", "writes"));
    let reads = (reads > 0).then(|| format!("read with {}", count(reads, "request", "requests")));
    writes.into_iter().chain(reads)
}

/// That nobody knows what this plan would come to, where it was not tried out: it can never be applied as it is.
pub fn rehearsal(plan: &Plan) -> Option<&'static str> {
    let tried = plan.is_empty() || plan.status.errored || plan.status.converges.is_some();
    (!tried).then_some("It was not rehearsed, because it can never be applied as it is.")
}

/// What was looked at where nothing changes: `20 objects checked with 9 requests`.
pub fn checked(plan: &Plan) -> String {
    let Summary { unchanged, reads, .. } = plan.summary;
    let with = if reads > 0 { format!(" with {}", count(reads, "request", "requests")) } else { String::new() };
    format!("{} checked{with}", count(unchanged, "object", "objects"))
}

/// `one thing`, `2 things`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What the plan itself asks for, without drift that is undone along with it.
pub fn own(plan: &Plan) -> Vec<Cow<'_, Change>> {
    let of = |it: &'_ Change| (!it.drifted.is_empty()).then(|| it.own());
    plan.changes.iter().map(|it| of(it).map_or(Cow::Borrowed(it), Cow::Owned)).collect()
}

/// Everything that has drifted: changes of nothing else, and the drifted parts of others.
pub fn drift(plan: &Plan) -> Vec<Cow<'_, Change>> {
    let parts = plan.changes.iter().filter_map(Change::drift).map(Cow::Owned);
    plan.drift.iter().map(Cow::Borrowed).chain(parts).collect()
}

/// Changes by kind, in the kinds' order, then by name.
pub fn ordered<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<&'a Change> {
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_by(|a, b| order(a).cmp(&order(b)));
    changes
}

fn order(change: &Change) -> (usize, &str, &str) {
    (kinds::rank(&change.kind), &change.kind, &change.name)
}

/// The heading of a kind: its section of the manifest.
pub fn section(kind: &str) -> String {
    kinds::by_word(kind).map_or_else(|| escape::terminal(kind), |it| it.facts().section.to_owned())
}

/// Whether a replacement makes a successor and retires the old one later, rather than deleting first.
pub fn is_rotation(change: &Change) -> bool {
    change.verb == Verb::Replace && matches!(change.reason.as_str(), "rotation" | "renewal")
}

/// Why something goes, in words.
pub fn reason(change: &Change) -> String {
    match change.reason.as_str() {
        "not-declared" => "no longer declared".to_owned(),
        "prune" => "not declared, and pruned".to_owned(),
        "tombstone" => "listed under removed".to_owned(),
        other => escape::terminal(&other.replace('-', " ")),
    }
}

/// Who made a drift, in words.
pub fn attribution(it: &Attribution) -> String {
    let Attribution { by, token, at, event } = it;
    let Some(event) = event else { return "unattributed".to_owned() };
    let who = match (by, token) {
        (Some(login), None) => value::name(login),
        (Some(login), Some(token)) => format!("{} with token {}", value::name(login), value::name(token)),
        (None, Some(token)) => format!("token {}", value::name(token)),
        (None, None) => "somebody whose login is not told".to_owned(),
    };
    let at = at.as_ref().map(|it| format!(", {}", escape::terminal(it))).unwrap_or_default();
    format!("by {who}{at} (audit log: {})", escape::terminal(event))
}

/// Where something was written: `org/teams.yaml:14`.
pub fn place(place: &Place) -> String {
    format!("{}:{}", escape::terminal(&place.file), place.line)
}

/// What the manifest was read from: `org/`.
pub fn root(plan: &Plan) -> String {
    let one = |path: &String| {
        let file = path.ends_with('/') || path.ends_with(".yaml") || path.ends_with(".yml") || path == "-";
        escape::terminal(path) + if file { "" } else { "/" }
    };
    match plan.source.paths.as_slice() {
        [] => "the manifest".to_owned(),
        paths => paths.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// How what is live stands to the manifest, read from `root`, where a plan has nothing to do.
pub fn agreement(plan: &Plan, root: &str) -> String {
    match plan.diagnostics.iter().any(|it| it.code == policy::DIFFERS) {
        true => format!("differs from {root} in what is left to the identity provider"),
        false => format!("matches {root}"),
    }
}

/// The findings of a plan, by what they mean to the reader.
#[derive(Debug, Default)]
pub struct Findings<'a> {
    /// They block.
    pub dangers: Vec<&'a Diagnostic>,
    /// Planning failed because of them.
    pub errors: Vec<&'a Diagnostic>,
    /// What could not be seen.
    pub unseen: Vec<&'a Diagnostic>,
    /// Worth knowing.
    pub notes: Vec<&'a Diagnostic>,
}

/// Sorts a plan's findings, each group in the plan's order.
pub fn findings(plan: &Plan) -> Findings<'_> {
    let mut found = Findings::default();
    for it in &plan.diagnostics {
        if it.blocking {
            found.dangers.push(it);
        } else if it.code == NOT_VISIBLE {
            found.unseen.push(it);
        } else if it.severity == Severity::Error {
            found.errors.push(it);
        } else if it.code != UNMANAGED || it.change.is_some() || plan.unmanaged.is_empty() {
            found.notes.push(it);
        }
    }
    found
}

/// What `--allow` must be given to acknowledge a danger; nothing where that cannot be, or where only
/// its help could tell and does not.
pub fn allowance(danger: &Diagnostic) -> Option<String> {
    let code = danger.code.as_str();
    let acceptance = policy::danger(code).map(|it| it.acceptance);
    if acceptance == Some(Acceptance::Never) {
        return None;
    }
    if danger.allow.is_some() {
        return danger.allow.clone();
    }
    // What is accepted in a number says the number in its own help.
    let usual =
        danger.change.as_ref().filter(|_| acceptance != Some(Acceptance::Counted)).map(|id| format!("{code}:{id}"));
    let help = danger.help.as_deref().unwrap_or_default();
    let named = help.split_once("--allow ").map(|(_, rest)| rest);
    match (usual, named) {
        (Some(usual), Some(named)) if named.starts_with(&usual) => Some(usual),
        (_, Some(named)) => {
            let word = named.split_whitespace().next().unwrap_or_default();
            Some(word.trim_end_matches(['`', '.', ',', ';', ')', '\'', '"']).to_owned())
        }
        (usual, None) => usual,
    }
}

/// What to do about a danger: its own help, or how it is acknowledged, or that it cannot be.
pub fn remedy(danger: &Diagnostic) -> String {
    match (&danger.help, allowance(danger)) {
        (Some(help), _) => escape::terminal(help),
        (None, Some(allowance)) => format!("needs --allow {}", escape::shell(&allowance)),
        (None, None) => "cannot be acknowledged".to_owned(),
    }
}

/// The arguments that acknowledge every danger, if every one can be acknowledged.
pub fn allowances(dangers: &[&Diagnostic]) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    for danger in dangers {
        let argument = format!("--allow {}", escape::shell(&allowance(danger)?));
        if !arguments.contains(&argument) {
            arguments.push(argument);
        }
    }
    Some(arguments)
}

/// The objects in no manifest, a kind a line: its section, and their number with their names where they are few.
pub fn unmanaged(plan: &Plan, with_names: bool) -> Vec<(String, String)> {
    let mut kinds: Vec<_> = plan.unmanaged.iter().filter(|it| !it.names.is_empty()).collect();
    kinds.sort_by_key(|it| (kinds::rank(&it.kind), &it.kind));
    let line = |names: &[String]| {
        let few = with_names && names.len() <= 8;
        let list = || names.iter().map(|it| value::name(it)).collect::<Vec<_>>().join(", ");
        if few { format!("{}: {}", names.len(), list()) } else { names.len().to_string() }
    };
    kinds.into_iter().map(|it| (section(&it.kind), line(&it.names))).collect()
}

#[cfg(test)]
mod tests {
    use super::{allowance, allowances};
    use crate::model::{Diagnostic, Severity};

    fn danger(code: &str, change: &str, help: Option<&str>) -> Diagnostic {
        let mut it = Diagnostic::new(Severity::Warning, code, "something happens");
        it.blocking = true;
        it.change = change.parse().ok();
        it.help = help.map(str::to_owned);
        it
    }

    #[test]
    fn dangers_are_acknowledged_by_code_and_change() {
        for (danger, argument) in [
            (danger("delete-team", "team/web", None), Some("delete-team:team/web")),
            (danger("emptied", "team", None), Some("emptied:team")),
            (
                danger("delete-role", "role/a b", Some("pass `--allow delete-role:role/a b`")),
                Some("delete-role:role/a b"),
            ),
            (danger("few-admins", "member/bob", Some("add a second administrator")), Some("few-admins:member/bob")),
            (danger("budget", "team", Some("or run with `--allow budget:team=7`.")), Some("budget:team=7")),
            (danger("budget", "team/web", None), None),
            (danger("last-admin", "member/bob", Some("not by --allow x")), None),
        ] {
            assert_eq!(allowance(&danger).as_deref(), argument, "{danger:?}");
        }
    }

    #[test]
    fn one_danger_that_is_final_leaves_no_way() {
        let (one, other) = (danger("delete-team", "team/web", None), danger("last-admin", "member/bob", None));
        assert_eq!(allowances(&[&one, &one]), Some(vec!["--allow delete-team:team/web".to_owned()]));
        assert_eq!(allowances(&[&one, &other]), None);
    }
}
