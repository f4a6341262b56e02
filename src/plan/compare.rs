//! The spec compared with the live one, field by field, by the kind's rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::kinds::matching_id;
use crate::model::node::pointer_part;
use crate::model::{FieldChange, FieldRule, LiveObject, Reference, ResourceId};

/// Every field that was given and differs, with its rule. Fields that could not be read are left out.
pub(super) fn fields(rules: &[(&str, FieldRule)], desired: &Value, live: &LiveObject) -> Vec<(FieldRule, FieldChange)> {
    let mut found = Vec::new();
    for (name, rule) in rules {
        let path = format!("/{name}");
        let Some(wanted) = desired.get(*name) else { continue };
        if matches!(rule, FieldRule::Instruction | FieldRule::Private(_)) || live.unknown.contains(&path) {
            continue;
        }
        let there = live.spec.get(*name).cloned().unwrap_or(Value::Null);
        if let Some(change) = field(path, *rule, wanted, there, &live.inherent) {
            found.push((*rule, change));
        }
    }
    found
}

/// Adds to the mappings of a spec what is live and not in them, so that none of it goes; what was added, as pointers.
pub(super) fn keep(rules: &[(&str, FieldRule)], desired: &mut Value, live: &LiveObject) -> Vec<String> {
    let mut kept = Vec::new();
    for (name, _) in rules.iter().filter(|it| it.1 == FieldRule::Map) {
        let Some(wanted) = desired.get_mut(*name).and_then(Value::as_object_mut) else { continue };
        for (key, value) in live.spec[*name].as_object().into_iter().flatten() {
            if !wanted.contains_key(key) {
                wanted.insert(key.clone(), value.clone());
                kept.push(format!("{name}/{key}"));
            }
        }
    }
    kept
}

fn field(
    path: String,
    rule: FieldRule,
    wanted: &Value,
    there: Value,
    inherent: &BTreeSet<String>,
) -> Option<FieldChange> {
    let mut change = FieldChange::value(&path, there, wanted.clone());
    match rule {
        FieldRule::Set | FieldRule::Logins => {
            let key = |it: &str| if rule == FieldRule::Logins { it.to_lowercase() } else { it.to_owned() };
            let (wanted, there) = (by_key(wanted, &key), by_key(&change.before, &key));
            change.added = missing(&wanted, &there);
            change.removed = missing(&there, &wanted);
        }
        FieldRule::Map => {
            let empty = Map::new();
            let (wanted, there) = (wanted.as_object()?, change.before.as_object().unwrap_or(&empty));
            change.added = wanted.keys().filter(|it| !there.contains_key(*it)).cloned().collect();
            change.removed = there.keys().filter(|it| !wanted.contains_key(*it)).cloned().collect();
            let differs = |it: &&String| there.get(*it).is_some_and(|value| *value != wanted[*it]);
            change.changed = wanted.keys().filter(differs).cloned().collect();
            for names in [&mut change.added, &mut change.removed, &mut change.changed] {
                names.retain(|it| !inherent.contains(&format!("{path}/{}", pointer_part(it))));
                names.sort();
            }
        }
        FieldRule::Sets => {
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for (group, items) in wanted.as_object()? {
                let key = |it: &str| it.to_owned();
                let (wanted, there) = (by_key(items, &key), by_key(&change.before[group], &key));
                added.extend(missing(&wanted, &there).into_iter().map(|it| format!("{group}/{it}")));
                removed.extend(missing(&there, &wanted).into_iter().map(|it| format!("{group}/{it}")));
            }
            (change.added, change.removed) = (added, removed);
        }
        FieldRule::Value
        | FieldRule::List
        | FieldRule::Replaces
        | FieldRule::Immutable
        | FieldRule::Renews
        | FieldRule::Instruction
        | FieldRule::Private(_) => return (change.before != *wanted).then_some(change),
    }
    // What is not there at all is not empty: the same may be said in another field.
    let same =
        !change.before.is_null() && change.added.is_empty() && change.removed.is_empty() && change.changed.is_empty();
    (!same).then_some(change)
}

fn by_key<'a>(list: &'a Value, key: &dyn Fn(&str) -> String) -> BTreeMap<String, &'a str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(|it| (key(it), it)).collect()
}

fn missing(wanted: &BTreeMap<String, &str>, there: &BTreeMap<String, &str>) -> Vec<String> {
    wanted.iter().filter(|(key, _)| !there.contains_key(*key)).map(|(_, text)| (*text).to_owned()).collect()
}

/// Leaves out of lists what the deletion of the thing itself takes out of them: somebody who leaves the
/// organization leaves every team with it, and a request for each would find nobody there.
pub(super) fn leave_to_deletions(
    fields: &mut Vec<(FieldRule, FieldChange)>,
    references: Vec<Reference>,
    going: &BTreeSet<ResourceId>,
) {
    if going.is_empty() {
        return;
    }
    let goes = |it: &Reference| it.part.is_none() && going.contains(&matching_id(&it.to));
    let leaving: Vec<Reference> = references.into_iter().filter(goes).collect();
    for (rule, field) in fields.iter_mut().filter(|it| matches!(it.0, FieldRule::Set | FieldRule::Logins)) {
        let listed = format!("{}/", field.path);
        // Whoever leaves one list of logins by leaving altogether leaves every one; of other lists each
        // speaks for itself.
        let leaves = |name: &str, it: &Reference| match rule {
            FieldRule::Logins => {
                it.pointer.matches('/').count() == 2 && name.to_lowercase() == it.to.name.to_lowercase()
            }
            _ => it.pointer.starts_with(&listed) && name == it.to.name,
        };
        field.removed.retain(|name| !leaving.iter().any(|it| leaves(name, it)));
    }
    fields.retain(|(rule, field)| {
        let list = matches!(rule, FieldRule::Set | FieldRule::Logins);
        !list || !field.added.is_empty() || !field.removed.is_empty()
    });
}

/// The live spec with the given fields laid over it: what will be afterwards.
pub(super) fn overlay(rules: &[(&str, FieldRule)], live: &Value, desired: &Value) -> Value {
    let mut after = live.as_object().cloned().unwrap_or_default();
    for (name, value) in desired.as_object().into_iter().flatten() {
        let rule = rules.iter().find(|it| it.0 == name).map(|it| it.1);
        match (rule, after.get_mut(name), value) {
            (Some(FieldRule::Instruction | FieldRule::Private(_)), _, _) => {}
            (Some(FieldRule::Sets), Some(Value::Object(there)), Value::Object(groups)) => {
                there.extend(groups.iter().map(|(group, items)| (group.clone(), items.clone())));
            }
            _ => {
                after.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(after)
}

/// The spec as it may be shown.
pub(super) fn shown(rules: &[(&str, FieldRule)], spec: &Value) -> Value {
    let mut shown = spec.clone();
    for (name, rule) in rules {
        if let (FieldRule::Private(text), Some(value)) = (rule, shown.get_mut(*name)) {
            *value = Value::from(*text);
        }
    }
    shown
}

/// The names of all fields that could not be read though the spec gives them.
pub(super) fn unread(desired: &Value, live: &LiveObject) -> BTreeSet<String> {
    live.unknown.iter().filter(|it| desired.pointer(it).is_some()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{fields, overlay};
    use crate::model::{FieldRule, LiveObject};

    const RULES: &[(&str, FieldRule)] = &[
        ("text", FieldRule::Value),
        ("people", FieldRule::Logins),
        ("grants", FieldRule::Map),
        ("items", FieldRule::Sets),
        ("hint", FieldRule::Instruction),
    ];

    fn live(spec: Value) -> LiveObject {
        LiveObject { name: "x".to_owned(), spec, ..LiveObject::default() }
    }

    #[test]
    fn what_was_left_out_is_never_compared() {
        let live = live(json!({"text": "a", "people": ["bob"], "grants": {"s": "read"}}));
        assert!(fields(RULES, &json!({}), &live).is_empty());
        assert!(fields(RULES, &json!({"hint": "anything"}), &live).is_empty());
    }

    #[test]
    fn logins_that_differ_by_case_are_one_person() {
        let live = live(json!({"people": ["Bob", "carol"]}));
        assert!(fields(RULES, &json!({"people": ["CAROL", "bob"]}), &live).is_empty());
        let found = fields(RULES, &json!({"people": ["bob", "Dave"]}), &live);
        assert_eq!((&found[0].1.added, &found[0].1.removed), (&vec!["Dave".to_owned()], &vec!["carol".to_owned()]));
    }

    #[test]
    fn a_group_that_was_left_out_keeps_its_items() {
        let live = live(json!({"items": {"stacks": ["a/b"], "environments": ["c/d"]}}));
        let desired = json!({"items": {"stacks": ["a/b", "e/f"]}});
        let found = fields(RULES, &desired, &live);
        assert_eq!((&found[0].1.added, found[0].1.removed.len()), (&vec!["stacks/e/f".to_owned()], 0));
        let after = overlay(RULES, &live.spec, &desired);
        assert_eq!(after, json!({"items": {"stacks": ["a/b", "e/f"], "environments": ["c/d"]}}));
    }

    #[test]
    fn what_could_not_be_read_is_not_empty() {
        let mut live = live(json!({}));
        live.unknown.insert("/people".to_owned());
        assert!(fields(RULES, &json!({"people": ["bob"]}), &live).is_empty());
    }

    #[test]
    fn an_entry_of_a_mapping_comes_goes_or_changes() {
        let live = live(json!({"grants": {"a": "read", "b": "read", "c": "read"}}));
        let found = fields(RULES, &json!({"grants": {"a": "read", "b": "admin", "d": "read"}}), &live);
        let change = &found[0].1;
        assert_eq!((&change.added[0], &change.removed[0], &change.changed[0]), (&"d".into(), &"c".into(), &"b".into()));
    }
}
