//! One change as lines: what every rendering for people says about it, each line with its sign.

use serde_json::Value;

use crate::model::{Change, FieldChange, Verb};
use crate::render::{digest, escape, value};

/// What stands in front of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It comes.
    Add,
    /// It changes.
    Change,
    /// It goes.
    Delete,
    /// It gets another name.
    Rename,
    /// It is made anew, or gets a successor.
    Replace,
    /// It blocks.
    Danger,
    /// Nothing: the line goes on with what the one above began.
    None,
}

impl Sign {
    /// The sign on a terminal.
    pub fn character(self, utf8: bool) -> char {
        match self {
            Sign::Add => '+',
            Sign::Change => '~',
            Sign::Delete => '-',
            Sign::Rename => '>',
            Sign::Replace if utf8 => '±',
            Sign::Replace => '*',
            Sign::Danger => '!',
            Sign::None => ' ',
        }
    }

    /// The sign in a block of the language `diff`, which knows three.
    pub fn in_diff(self) -> char {
        match self {
            Sign::Add => '+',
            Sign::Delete => '-',
            Sign::Change | Sign::Rename | Sign::Replace | Sign::Danger => '!',
            Sign::None => ' ',
        }
    }
}

impl From<Verb> for Sign {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Create => Sign::Add,
            Verb::Update => Sign::Change,
            Verb::Rename => Sign::Rename,
            Verb::Replace => Sign::Replace,
            Verb::Delete => Sign::Delete,
        }
    }
}

/// One line about a change. Its texts are harmless on a line already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its sign.
    pub sign: Sign,
    /// Whether it is about a part of the resource: an item, a grant.
    pub nested: bool,
    /// The resource's name, or what the part is; empty for a line that goes on.
    pub label: String,
    /// What is said.
    pub text: String,
}

/// What is said about one change, before it is put in lines.
#[derive(Default)]
struct Account {
    /// Sentences, one a line.
    facts: Vec<String>,
    /// Parts that come, change and go, one a line.
    parts: Vec<Line>,
}

/// A change as lines; the first one has the change's sign and its name.
pub fn of(change: &Change, name: &str) -> Vec<Line> {
    let mut account = Account::default();
    match change.verb {
        Verb::Create => account.whole(change),
        Verb::Delete => account.gone(change),
        Verb::Rename => {
            let old = change.renamed_from.as_deref().unwrap_or_default();
            account.facts.push(format!("was {}", value::name(old)));
            account.fields(change);
        }
        Verb::Update => account.fields(change),
        Verb::Replace => account.replaced(change),
    }
    account.facts.extend(change.remarks.iter().filter(|it| !it.is_empty()).map(|it| escape::terminal(it)));
    account.facts.extend(change.attribution.as_ref().map(digest::attribution));
    let mut facts = account.facts.into_iter();
    let first = facts.next().unwrap_or_default();
    let mut lines = vec![Line { sign: change.verb.into(), nested: false, label: name.to_owned(), text: first }];
    lines.extend(facts.map(|text| Line { sign: Sign::None, nested: false, label: String::new(), text }));
    lines.append(&mut account.parts);
    lines
}

impl Account {
    /// All that a new resource has.
    fn whole(&mut self, change: &Change) {
        let Some(entries) = change.after.as_object() else { return self.fields(change) };
        for (key, held) in entries {
            let label = escape::terminal(key);
            match held {
                Value::Null if change.unknown.iter().any(|it| it.strip_prefix('/') == Some(key)) => {
                    self.facts.push(format!("{label}: known after apply"));
                }
                Value::Null => {}
                Value::Object(entries) if entries.is_empty() => self.facts.push(format!("{label}: none")),
                Value::Object(entries) if is_groups(held) => {
                    for (group, members) in entries {
                        let (label, members) = (escape::terminal(group), members.as_array().into_iter().flatten());
                        let before = self.parts.len();
                        members.for_each(|it| self.part(Sign::Add, &label, value::shown(it)));
                        if self.parts.len() == before {
                            self.facts.push(format!("{label}: none"));
                        }
                    }
                }
                Value::Object(entries) => {
                    for (key, held) in entries {
                        self.part(Sign::Add, &label, format!("{}: {}", value::name(key), value::shown(held)));
                    }
                }
                Value::Array(items) if items.iter().any(Value::is_object) => self.list(&label, &[], items),
                Value::Array(items) => self.facts.push(format!("{label}: {}", names(items))),
                scalar => self.facts.push(format!("{label}: {}", value::shown(scalar))),
            }
        }
    }

    /// What a resource that goes had, briefly.
    fn gone(&mut self, change: &Change) {
        let entries = change.before.as_object().into_iter().flatten();
        for (key, held) in entries.filter(|(_, held)| !value::is_nothing(held)) {
            let text = match held {
                Value::Object(entries) if is_groups(held) => {
                    let group = |(group, held): (&String, &Value)| {
                        let held = held.as_array().map(|it| names(it)).unwrap_or_default();
                        format!("{} {held}", escape::terminal(group))
                    };
                    entries.iter().map(group).collect::<Vec<_>>().join("; ")
                }
                Value::Object(entries) => {
                    let entry =
                        |(key, held): (&String, &Value)| format!("{} ({})", value::name(key), value::shown(held));
                    entries.iter().map(entry).collect::<Vec<_>>().join(", ")
                }
                Value::Array(items) => match value::keyed(items) {
                    Some(by_key) => {
                        by_key.iter().map(|(key, it)| value::keyed_item(key, it)).collect::<Vec<_>>().join(", ")
                    }
                    None => names(items),
                },
                scalar => value::shown(scalar),
            };
            self.facts.push(format!("{}: {text}", escape::terminal(key)));
        }
    }

    fn replaced(&mut self, change: &Change) {
        self.fields(change);
        let reason = escape::terminal(&change.reason.replace('-', " "));
        if !digest::is_rotation(change) {
            self.facts.push(format!("deleted and made anew ({reason})"));
            return;
        }
        if !self.facts.iter().any(|it| it.starts_with(&format!("{reason}:"))) {
            self.facts.insert(0, reason);
        }
        let steps: Vec<_> = change.steps.iter().map(|it| escape::terminal(&it.what)).collect();
        if !steps.is_empty() {
            self.facts.push(steps.join(" -> "));
        }
    }

    fn fields(&mut self, change: &Change) {
        for field in &change.fields {
            self.field(field);
        }
    }

    fn field(&mut self, field: &FieldChange) {
        let path = field.path.strip_prefix('/').unwrap_or(&field.path);
        let label = escape::terminal(&path.replace("~1", "/").replace("~0", "~"));
        let FieldChange { path: _, before, after, added, removed, changed } = field;
        let is_listed = !(added.is_empty() && removed.is_empty() && changed.is_empty());
        if is_listed && !before.is_object() && !after.is_object() {
            return self.set(&label, added, removed);
        }
        if is_listed {
            for (sign, keys) in [(Sign::Delete, removed), (Sign::Change, changed), (Sign::Add, added)] {
                for key in keys {
                    self.entry(&label, sign, key, before, after);
                }
            }
            return;
        }
        match (before, after) {
            (Value::Array(old), Value::Array(new)) => self.list(&label, old, new),
            (Value::Null, Value::Array(new)) if new.iter().any(Value::is_object) => self.list(&label, &[], new),
            (Value::Array(old), Value::Null) if old.iter().any(Value::is_object) => {
                self.list(&label, old, &[]);
                self.facts.push(format!("{label}: not set"));
            }
            (Value::Object(_), Value::Object(_)) => {
                let mut found = Vec::new();
                value::differences("", before, after, &mut found);
                for (path, old, new) in found {
                    self.part(Sign::Change, &label, format!("{path}: {}", value::arrow(&old, &new)));
                }
            }
            _ => self.facts.push(format!("{label}: {}", value::arrow(before, after))),
        }
    }

    /// A set: who comes and who goes, by name.
    fn set(&mut self, label: &str, added: &[String], removed: &[String]) {
        let coming = added.iter().map(|it| (Sign::Add, it));
        let going = removed.iter().map(|it| (Sign::Delete, it));
        // Right-to-left names would carry the signs between them to the wrong side.
        if added.iter().chain(removed).any(|it| value::is_right_to_left(it)) {
            for (sign, it) in coming.chain(going) {
                self.part(sign, label, value::name(it));
            }
            return;
        }
        let named: Vec<_> =
            coming.chain(going).map(|(sign, it)| format!("{}{}", sign.character(true), value::name(it))).collect();
        self.facts.push(format!("{label}: {}", named.join(", ")));
    }

    /// One entry of a mapping, or one member of one of its lists (`group/member`).
    fn entry(&mut self, label: &str, sign: Sign, key: &str, before: &Value, after: &Value) {
        let (old, new) = (before.get(key), after.get(key));
        if old.is_none() && new.is_none() {
            let group = key
                .split_once('/')
                .filter(|(group, _)| [before, after].into_iter().any(|it| it.get(group).is_some_and(Value::is_array)));
            let (label, member) = group.unwrap_or((label, key));
            return self.part(sign, &escape::terminal(label), value::name(member));
        }
        let (old, new) = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
        let name = value::name(key);
        let text = match (old, new) {
            (Value::Null, held) | (held, Value::Null) => format!("{name}: {}", value::shown(held)),
            (Value::Object(_), Value::Object(_)) => {
                let mut found = Vec::new();
                value::differences("", old, new, &mut found);
                let one =
                    |(path, old, new): &(String, Value, Value)| format!("{} {}", &path[1..], value::arrow(old, new));
                format!("{name}: {}", found.iter().map(one).collect::<Vec<_>>().join(", "))
            }
            _ => format!("{name}: {}", value::arrow(old, new)),
        };
        self.part(sign, label, text);
    }

    /// A list whose order matters, or whose items are mappings.
    fn list(&mut self, label: &str, old: &[Value], new: &[Value]) {
        if !old.iter().chain(new).any(Value::is_object) {
            self.facts.push(format!("{label}: {} -> {}", names(old), names(new)));
            return;
        }
        if let (Some(was), Some(will)) = (value::keyed(old), value::keyed(new)) {
            for (key, entries) in was.iter().filter(|(key, _)| !will.contains_key(*key)) {
                self.part(Sign::Delete, label, value::keyed_item(key, entries));
            }
            for (key, entries) in &will {
                match was.get(key) {
                    None => self.part(Sign::Add, label, value::keyed_item(key, entries)),
                    Some(old) if old != entries => {
                        let (old, new) = (value::keyed_item(key, old), value::keyed_item(key, entries));
                        self.part(Sign::Change, label, format!("{old} -> {new}"));
                    }
                    Some(_) => {}
                }
            }
            let common = |items: &[Value]| -> Vec<String> {
                let keys = items.iter().filter_map(|it| it["key"].as_str());
                keys.filter(|it| was.contains_key(it) && will.contains_key(it)).map(value::name).collect()
            };
            let (before, after) = (common(old), common(new));
            if before != after {
                self.part(Sign::Change, label, format!("order: {} -> {}", before.join(", "), after.join(", ")));
            }
            return;
        }
        let flow = |it: &Value| value::shown(it);
        let (lost, gained): (Vec<_>, Vec<_>) = (without(old, new), without(new, old));
        if lost.is_empty() && gained.is_empty() {
            self.facts.push(format!("{label}: in another order"));
        }
        for it in lost {
            self.part(Sign::Delete, label, flow(it));
        }
        for it in gained {
            self.part(Sign::Add, label, flow(it));
        }
    }

    fn part(&mut self, sign: Sign, label: &str, text: String) {
        self.parts.push(Line { sign, nested: true, label: label.to_owned(), text });
    }
}

/// The items of `items` beyond those that `others` has as well, counting repetitions.
fn without<'a>(items: &'a [Value], others: &[Value]) -> Vec<&'a Value> {
    let mut others: Vec<&Value> = others.iter().collect();
    items
        .iter()
        .filter(|item| match others.iter().position(|it| it == item) {
            Some(at) => {
                others.swap_remove(at);
                false
            }
            None => true,
        })
        .collect()
}

/// A mapping of lists of names.
fn is_groups(value: &Value) -> bool {
    let list = |it: &Value| it.as_array().is_some_and(|it| it.iter().all(Value::is_string));
    value.as_object().is_some_and(|it| it.values().all(list))
}

fn names(items: &[Value]) -> String {
    value::shown(&Value::Array(items.to_vec()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;
    use crate::model::{FieldChange, Verb};
    use crate::render::sample;

    /// The lines of a field, each with its sign, its label and its text.
    fn lines(field: FieldChange) -> Vec<String> {
        let mut change = sample::change(Verb::Update, "team/x");
        change.fields = vec![field];
        let line = |it: super::Line| format!("{} {}: {}", it.sign.character(true), it.label, it.text);
        of(&change, "x").into_iter().map(line).collect()
    }

    fn field(before: Value, after: Value) -> FieldChange {
        sample::field("/f", before, after)
    }

    #[test]
    fn lists_with_keys_tell_what_moved() {
        let list = |keys: &[&str]| -> Value { keys.iter().map(|it| json!({"key": it, "value": "1"})).collect() };
        assert_eq!(lines(field(list(&["a", "b"]), list(&["b", "a"]))), ["~ x: ", "~ f: order: a, b -> b, a"]);
        assert_eq!(lines(field(list(&["a", "b"]), list(&["b"]))), ["~ x: ", "- f: a: 1"]);
        assert_eq!(lines(field(json!(null), list(&["a"]))), ["~ x: ", "+ f: a: 1"]);
        assert_eq!(lines(field(list(&["a"]), json!(null))), ["~ x: f: not set", "- f: a: 1"]);
    }

    #[test]
    fn lists_without_keys_tell_what_came_and_went() {
        let (one, two) = (json!({"a": 1}), json!({"a": 2}));
        assert_eq!(lines(field(json!([one, one]), json!([one, two]))), ["~ x: ", "- f: a: 1", "+ f: a: 2"]);
        assert_eq!(lines(field(json!([one, two]), json!([two, one]))), ["~ x: f: in another order"]);
        assert_eq!(lines(field(json!(["b", "a"]), json!(["a", "b"]))), ["~ x: f: b, a -> a, b"]);
        assert_eq!(lines(field(json!(["b"]), json!([]))), ["~ x: f: b -> none"]);
    }

    #[test]
    fn right_to_left_names_keep_their_own_signs() {
        let names = sample::parts(field(json!(null), json!(null)), &["שלום"], &["abc"], &[]);
        assert_eq!(lines(names), ["~ x: ", "+ f: שלום", "- f: abc"]);
    }
}
