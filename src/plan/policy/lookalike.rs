//! Deletions and creations that look like one rename.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kinds::{self, Draft};
use crate::model::{FieldRule, Verb};
use crate::plan::policy::SUSPECTED_RENAME;

/// How alike two names have to be, of 1.
const ALIKE: f64 = 0.8;
/// So many pairs of names are compared; beyond that a plan is no rename, but a move of everything.
const PAIRS: usize = 250_000;

/// Adds a finding to every creation that looks like something that goes.
pub(super) fn judge(drafts: &mut [Draft]) {
    for kind in kinds::ALL {
        let facts = kind.facts();
        let of = |verb: Verb| {
            let all = drafts.iter().enumerate().filter(move |it| it.1.change.verb == verb);
            all.filter(|it| it.1.change.kind == facts.word).map(|it| it.0).collect::<Vec<usize>>()
        };
        // Where nothing can be renamed, a tombstone is all that there is to say.
        let spoken = |it: &usize| !facts.renamable && drafts[*it].change.reason == "tombstone";
        let (gone, made) = (of(Verb::Delete), of(Verb::Create));
        let gone: Vec<usize> = gone.into_iter().filter(|it| !spoken(it)).collect();
        if gone.is_empty() || made.is_empty() {
            continue;
        }
        // By the fields that a creation gives: what holds the same in them.
        let mut by_contents: BTreeMap<Vec<&str>, BTreeMap<String, usize>> = BTreeMap::new();
        let few = gone.len().saturating_mul(made.len()) <= PAIRS;
        let mut found = Vec::new();
        for index in made {
            let change = &drafts[index].change;
            let same = gone.iter().copied().filter(|_| few).find(|it| names(&drafts[*it].change.name, &change.name));
            let given = telling(facts.fields, &change.after);
            let same = same.or_else(|| {
                let own = contents(&given, &change.after)?;
                let others = by_contents.entry(given.clone()).or_insert_with(|| {
                    let of = |it: &usize| Some((contents(&given, &drafts[*it].change.before)?, *it));
                    gone.iter().filter_map(of).collect()
                });
                others.get(&own).copied()
            });
            found.extend(same.map(|it| (index, it)));
        }
        for (made, gone) in found {
            let (old, new) = (drafts[gone].change.id.clone(), drafts[made].change.id.clone());
            let cure = if facts.renamable { "; `renamedFrom` would keep what hangs on it" } else { "" };
            let sentence = format!("{old} goes and {new} comes, and they look alike{cure}");
            drafts[made].findings.push((SUSPECTED_RENAME.into(), sentence));
        }
    }
}

/// Whether one name looks like a correction of the other. Numbers count on, and say nothing.
fn names(one: &str, other: &str) -> bool {
    let letters = |it: &str| it.to_lowercase().chars().filter(|it| !it.is_numeric()).collect::<String>();
    let (one, other) = (letters(one), letters(other));
    one != other && strsim::normalized_damerau_levenshtein(&one, &other) >= ALIKE
}

/// The fields a spec gives that tell one thing from another: texts and levels are alike by chance.
fn telling<'a>(fields: &[(&'a str, FieldRule)], spec: &Value) -> Vec<&'a str> {
    let lists = |rule: FieldRule| {
        matches!(rule, FieldRule::Set | FieldRule::Map | FieldRule::Sets | FieldRule::List | FieldRule::Logins)
    };
    fields.iter().filter(|(field, rule)| lists(*rule) && spec.get(field).is_some()).map(|it| it.0).collect()
}

/// What something holds in these fields, as one text; nothing where that is too little to tell.
fn contents(fields: &[&str], spec: &Value) -> Option<String> {
    let values: Vec<&Value> = fields.iter().map(|it| spec.get(it)).collect::<Option<_>>()?;
    let size: usize = values.iter().map(|it| leaves(it)).sum();
    (size >= 3).then(|| values.iter().map(|it| it.to_string()).collect::<Vec<_>>().join("\n"))
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(map) => map.values().map(leaves).sum(),
        Value::Null => 0,
        _ => 1,
    }
}
