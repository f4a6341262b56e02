//! Values of fields on one line: names whole, long texts cut with their length, what differs made visible.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::render::escape;

/// A text of more characters is cut.
const LONG_TEXT: usize = 60;
/// No name has more characters; what has them is something else.
const LONGEST_NAME: usize = 255;

/// Whether nobody loses anything when a field that held this goes.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(it) => it.is_empty(),
        Value::Array(it) => it.is_empty(),
        Value::Object(it) => it.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value on one line. Texts are bare where that cannot be misread, else in double quotes.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(it) => text(it),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(part).collect::<Vec<_>>().join(", "),
        Value::Object(entries) if entries.is_empty() => "none".to_owned(),
        Value::Object(entries) => flow(entries),
    }
}

/// A value as part of another one.
fn part(value: &Value) -> String {
    match value {
        Value::String(it) => name(it),
        Value::Array(items) => format!("[{}]", items.iter().map(part).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => format!("{{{}}}", flow(entries)),
        it => shown(it),
    }
}

fn flow(entries: &Map<String, Value>) -> String {
    let entry = |(key, value): (&String, &Value)| match value {
        Value::String(it) => format!("{}: {}", name(key), text(it)),
        it => format!("{}: {}", name(key), part(it)),
    };
    entries.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// A name: never cut.
pub fn name(name: &str) -> String {
    excerpt(name, LONGEST_NAME, 0)
}

/// A text: cut when it is long.
pub fn text(text: &str) -> String {
    excerpt(text, limit(text), 0)
}

/// What was and what will be: `admin -> member`.
///
/// Of two long texts the part is shown in which they begin to differ. A value with right-to-left letters
/// would turn an arrow round on the screen, so that words take its place.
pub fn arrow(before: &Value, after: &Value) -> String {
    let (before, after) = match (before, after) {
        (Value::String(old), Value::String(new)) => excerpts(old, new),
        _ => (shown(before), shown(after)),
    };
    if is_right_to_left(&before) || is_right_to_left(&after) {
        format!("from {before} to {after}")
    } else {
        format!("{before} -> {after}")
    }
}

/// Every place in which two values differ, as JSON pointers below `path`.
pub fn differences(path: &str, before: &Value, after: &Value, found: &mut Vec<(String, Value, Value)>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().chain(new.keys().filter(|it| !old.contains_key(*it))) {
                let (old, new) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
                differences(&format!("{path}/{}", escape::terminal(key)), old, new, found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}/{index}"), old, new, found);
            }
        }
        _ => found.push((path.to_owned(), before.clone(), after.clone())),
    }
}

/// The items of a list by their `key`, if each has one of its own.
pub fn keyed(items: &[Value]) -> Option<BTreeMap<&str, &Map<String, Value>>> {
    let mut by_key = BTreeMap::new();
    for item in items {
        let entries = item.as_object()?;
        if by_key.insert(entries.get("key")?.as_str()?, entries).is_some() {
            return None;
        }
    }
    Some(by_key)
}

/// What an item with a `key` holds: its first other field, and any more of them in brackets.
pub fn keyed_item(key: &str, entries: &Map<String, Value>) -> String {
    let mut others = entries.iter().filter(|(it, _)| *it != "key");
    let first = others.next().map_or_else(String::new, |(_, value)| shown(value));
    let more: Vec<_> = others.map(|(it, value)| format!("{}: {}", name(it), part(value))).collect();
    match more.is_empty() {
        true => format!("{}: {first}", name(key)),
        false => format!("{}: {first} ({})", name(key), more.join(", ")),
    }
}

/// Whether a text holds letters that are written from right to left.
pub fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|it| {
        matches!(it, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    })
}

fn excerpts(before: &str, after: &str) -> (String, String) {
    let same = before.chars().zip(after.chars()).take_while(|(old, new)| old == new).count();
    let from = if same + 20 > LONG_TEXT { same - 20 } else { 0 };
    (excerpt(before, limit(before), from), excerpt(after, limit(after), from))
}

/// Most characters shown of a text. One without white space may be a name.
fn limit(text: &str) -> usize {
    if text.chars().any(char::is_whitespace) { LONG_TEXT } else { LONGEST_NAME }
}

fn excerpt(text: &str, limit: usize, from: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return quoted(text);
    }
    let window: String = text.chars().skip(from).take(limit).collect();
    let before = if from > 0 { "..." } else { "" };
    let after = if from + limit < count { "..." } else { "" };
    format!("\"{before}{}{after}\" ({count} characters)", within_quotes(&window))
}

fn quoted(text: &str) -> String {
    let shown = escape::terminal(text);
    let plain = |it: char| !it.is_whitespace() && !r#"",\{}"#.contains(it);
    if !text.is_empty() && shown == text && text.chars().all(plain) && !text.contains("->") {
        shown
    } else {
        format!("\"{}\"", within_quotes(text))
    }
}

fn within_quotes(text: &str) -> String {
    escape::terminal(&text.replace('\\', r"\\").replace('"', r#"\""#))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{arrow, differences, keyed, keyed_item, shown};

    #[test]
    fn values_are_bare_where_that_cannot_be_misread() {
        for (value, text) in [
            (json!("admin"), "admin"),
            (json!(""), "\"\""),
            (json!("not set"), "\"not set\""),
            (json!("a, b"), "\"a, b\""),
            (json!("a\n\"b\"\\"), r#""a\n\"b\"\\""#),
            (json!(null), "not set"),
            (json!([]), "none"),
            (json!(["a", "b c"]), "a, \"b c\""),
            (json!({"permission": "open", "for": ["a"]}), "permission: open, for: [a]"),
            (json!([{"a": 1}, {"b": true}]), "{a: 1}, {b: true}"),
        ] {
            assert_eq!(shown(&value), text);
        }
    }

    #[test]
    fn long_texts_are_cut_and_names_are_not() {
        let name = "n".repeat(200);
        assert_eq!(shown(&json!(name)), name);
        let text = "word ".repeat(20);
        assert_eq!(shown(&json!(text)), format!("\"{}...\" (100 characters)", &text[..60]));
        let flood = "n".repeat(10_000);
        assert!(shown(&json!(flood)).ends_with("...\" (10000 characters)"));
    }

    #[test]
    fn two_long_texts_are_shown_where_they_differ() {
        let (old, new) = (format!("{}old end", "word ".repeat(20)), format!("{}new end", "word ".repeat(20)));
        assert_eq!(
            arrow(&json!(old), &json!(new)),
            "\"...word word word word old end\" (107 characters) -> \"...word word word word new end\" (107 characters)"
        );
        assert_eq!(arrow(&json!("a"), &json!(null)), "a -> not set");
        assert_eq!(arrow(&json!("שלום"), &json!(12)), "from שלום to 12");
    }

    #[test]
    fn differences_are_named_by_their_place() {
        let mut found = Vec::new();
        let (before, after) = (json!({"a": {"b": [1, 2]}, "c": 1}), json!({"a": {"b": [1, 3]}, "d": 2}));
        differences("", &before, &after, &mut found);
        let places: Vec<_> = found.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(places, ["/a/b/1", "/c", "/d"]);
    }

    #[test]
    fn items_with_a_key_read_like_a_mapping() {
        let items = [json!({"key": "tier", "value": "1"}), json!({"key": "book", "value": "x", "type": "url"})];
        let by_key = keyed(&items).unwrap();
        assert_eq!(keyed_item("tier", by_key["tier"]), "tier: 1");
        assert_eq!(keyed_item("book", by_key["book"]), "book: x (type: url)");
        assert!(keyed(&[json!({"key": "a"}), json!({"key": "a"})]).is_none());
    }
}
