//! What something that is made anew keeps only because the plan has read it: the manifest does not say it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds;
use crate::model::{Change, FieldRule, LiveObject, Verb};

/// A value in more characters than this is not shown in a plan, but counted.
const SHORT: usize = 120;

/// What a plan says of a change that carries something over; nothing where the manifest says it all.
pub(super) fn remark(change: &Change) -> Option<String> {
    let carried: Vec<String> = over(change).iter().map(|it| brief(it.0, &it.1)).collect();
    let carried = (!carried.is_empty()).then(|| carried.join(", "))?;
    Some(format!("carried over from what is live, because the manifest does not say it: {carried}"))
}

/// What to add where a change failed after the old one was, or may have been, deleted: whatever it carries over may
/// be nowhere else by then, so that all of it is written out. Empty where the manifest says it all.
pub fn lost(change: &Change) -> String {
    let carried: Vec<String> = over(change).iter().map(|(field, value)| format!("`{field}: {value}`")).collect();
    if carried.is_empty() {
        return String::new();
    }
    format!(
        "; the old one was deleted first, and with it may be lost what the manifest does not say: to keep it, \
         write it there before the next run: {}",
        carried.join(", ")
    )
}

/// Fields of a live object that are not given, and that nobody could read: they cannot be carried over.
pub(super) fn unread<'a>(
    rules: &'a [(&str, FieldRule)],
    desired: &'a Value,
    live: &'a LiveObject,
) -> impl Iterator<Item = &'a str> {
    let given = BTreeSet::from_iter(desired.as_object().into_iter().flat_map(|it| it.keys().map(String::as_str)));
    let names = rules.iter().map(|it| it.0);
    names.filter(move |it| !given.contains(it) && live.unknown.contains(&format!("/{it}")))
}

/// The fields, or parts of them, that a change sends again with their live values because the manifest leaves them
/// out, as somebody would have written them. Once the old one is gone, they are nowhere else.
fn over(change: &Change) -> Vec<(&'static str, Value)> {
    let Some(kind) = kinds::by_word(&change.kind).filter(|_| change.verb == Verb::Replace) else { return Vec::new() };
    let rules = kind.facts().fields;
    let fixed = |it: &str| rules.iter().any(|(field, rule)| *rule == FieldRule::Replaces && it == format!("/{field}"));
    if !change.fields.iter().any(|it| fixed(&it.path)) {
        return Vec::new();
    }
    // What would come about by itself need not be said, and what nobody could write is not carried over.
    let anew = LiveObject { name: change.name.clone(), spec: change.after.clone(), ..LiveObject::default() };
    let Ok(told) = kind.imported(&anew) else { return Vec::new() };
    let mut found = Vec::new();
    for (field, rule) in rules {
        let (Some(value), declared) = (told.get(field), change.declared.get(field)) else { continue };
        match (rule, declared) {
            (FieldRule::Instruction | FieldRule::Private(_), _) => {}
            (_, None) => found.push((*field, value.clone())),
            (FieldRule::Sets, Some(declared)) => {
                let mut groups = value.as_object().cloned().unwrap_or_default();
                groups.retain(|group, _| declared.get(group).is_none());
                found.extend((!groups.is_empty()).then(|| (*field, groups.into())));
            }
            (_, Some(_)) => {}
        }
    }
    found
}

fn brief(field: &str, value: &Value) -> String {
    let text = value.to_string();
    let entries = |it: &Value| it.as_array().map_or(1, Vec::len);
    let counted = |many: usize, word: &str, words: &str| format!("{many} {}", if many == 1 { word } else { words });
    let shown = match value {
        _ if text.chars().count() <= SHORT => text,
        Value::Array(it) => counted(it.len(), "entry", "entries"),
        Value::Object(it) => counted(it.values().map(entries).sum(), "entry", "entries"),
        Value::String(it) => counted(it.chars().count(), "character", "characters"),
        Value::Null | Value::Bool(_) | Value::Number(_) => text,
    };
    format!("{field} ({shown})")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{lost, remark, unread};
    use crate::kinds;
    use crate::model::{Change, FieldChange, FieldRule, LiveObject, Verb};
    use crate::render::sample;

    fn change(verb: Verb, path: &str, declared: Value) -> Change {
        let mut change = sample::change(verb, "service/checkout");
        change.fields = vec![FieldChange::value(path, json!("user/bob"), json!("team/web"))];
        change.declared = declared;
        change.after = json!({
            "owner": "team/web", "description": "Cards.", "properties": [],
            "items": {"stacks": ["a/b"], "environments": (0..40).map(|it| format!("a/b{it}")).collect::<Vec<_>>()},
        });
        change
    }

    fn said(verb: Verb, path: &str, declared: Value) -> String {
        let remark = remark(&change(verb, path, declared)).unwrap_or_default();
        remark.rsplit_once("say it: ").map(|it| it.1.to_owned()).unwrap_or_default()
    }

    #[test]
    fn what_the_manifest_leaves_out_is_carried_over() {
        let bare = said(Verb::Replace, "/owner", json!({"owner": "team/web"}));
        assert_eq!(bare, r#"description ("Cards."), items (41 entries)"#);
        let some = json!({"owner": "team/web", "description": "", "items": {"environments": []}});
        assert_eq!(said(Verb::Replace, "/owner", some), r#"items ({"stacks":["a/b"]})"#);
        let all = json!({"owner": "team/web", "description": "", "items": {"stacks": [], "environments": []}});
        assert_eq!(remark(&change(Verb::Replace, "/owner", all.clone())), None);
        assert_eq!(lost(&change(Verb::Replace, "/owner", all)), "");
    }

    #[test]
    fn what_may_be_lost_is_written_out_in_full() {
        let lost = lost(&change(Verb::Replace, "/owner", json!({"owner": "team/web"})));
        assert!(lost.contains(r#"`description: "Cards."`"#) && lost.contains(r#""a/b0","a/b1","#), "{lost}");
        assert!(lost.contains(r#","a/b39"]}`"#), "{lost}");
    }

    #[test]
    fn only_what_is_deleted_first_can_lose_anything() {
        assert_eq!(remark(&change(Verb::Update, "/owner", json!({}))), None);
        assert_eq!(remark(&change(Verb::Replace, "/description", json!({}))), None);
    }

    #[test]
    fn what_nobody_may_know_is_in_no_sentence() {
        let mut tried = 0;
        for kind in kinds::ALL {
            let facts = kind.facts();
            let silent = |rule: &FieldRule| matches!(rule, FieldRule::Private(_) | FieldRule::Instruction);
            let mut change = sample::change(Verb::Replace, &format!("{}/one", facts.word));
            change.declared = json!({});
            change.after = json!({});
            for (field, rule) in facts.fields {
                change.after[field] = json!(if silent(rule) { "canary" } else { "told" });
                change.fields.push(FieldChange::value(&format!("/{field}"), json!("a"), json!("b")));
            }
            let sentences = remark(&change).unwrap_or_default() + &lost(&change);
            assert!(!sentences.contains("canary"), "{sentences}");
            tried += usize::from(sentences.contains("told"));
        }
        assert!(tried > 0);
    }

    #[test]
    fn what_was_not_read_and_is_not_given_cannot_be_carried_over() {
        let rules = [("role", FieldRule::Value), ("stacks", FieldRule::Map), ("members", FieldRule::Logins)];
        let unknown = ["/role".to_owned(), "/stacks".to_owned()].into();
        let live = LiveObject { unknown, ..LiveObject::default() };
        assert_eq!(unread(&rules, &json!({"role": "none"}), &live).collect::<Vec<_>>(), ["stacks"]);
    }
}
