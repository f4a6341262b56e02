//! Values as lines of YAML, laid out as a person would write them.

use serde_json::Value;

use crate::manifest::write::scalar::{self, Around};

/// How lines are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Spaces a level.
    pub step: usize,
    /// The longest line that a list in brackets makes.
    pub width: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self { step: 2, width: 100 }
    }
}

/// A key longer than this stands on a line of its own, after `?`: YAML allows no more than 1,024 before a colon.
const LONGEST_KEY: usize = 900;

/// `key: value`, indented, without line ends.
pub(super) fn entry(key: &str, value: &Value, indent: usize, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    put_entry(&mut lines, key, value, indent, layout);
    lines
}

/// `- value`, indented, without line ends.
pub(super) fn item(value: &Value, indent: usize, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    put_item(&mut lines, value, indent, layout);
    lines
}

/// A value on one line, for a place in brackets or after a key. Nothing where it needs more than one.
pub(super) fn inline(value: &Value, around: Around) -> Option<String> {
    match value {
        Value::String(text) => Some(scalar::line(text, around)),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|it| inline(it, Around::Flow)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(map) => {
            let entries: Option<Vec<String>> = map.iter().map(|(key, it)| inline_entry(key, it)).collect();
            Some(format!("{{{}}}", entries?.join(", ")))
        }
        other => Some(other.to_string()),
    }
}

/// `key: value` between braces.
pub(super) fn inline_entry(key: &str, value: &Value) -> Option<String> {
    let key = scalar::line(key, Around::Flow);
    (key.len() <= LONGEST_KEY).then(|| Some(format!("{key}: {}", inline(value, Around::Flow)?)))?
}

fn put_entry(lines: &mut Vec<String>, key: &str, value: &Value, indent: usize, layout: Layout) {
    let key = scalar::line(key, Around::Block);
    let blank = " ".repeat(indent);
    if key.len() <= LONGEST_KEY {
        put(lines, format!("{blank}{key}:"), value, indent, layout);
    } else {
        lines.push(format!("{blank}? {key}"));
        put(lines, format!("{blank}:"), value, indent, layout);
    }
}

fn put_item(lines: &mut Vec<String>, value: &Value, indent: usize, layout: Layout) {
    let blank = " ".repeat(indent);
    let nested = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty() && short(items, indent + 2, layout).is_none(),
        _ => false,
    };
    if !nested {
        put(lines, format!("{blank}-"), value, indent, layout);
        return;
    }
    // The first line of what is nested stands behind the dash.
    let first = lines.len();
    put_nested(lines, value, indent + 2, layout);
    lines[first].replace_range(indent..indent + 2, "- ");
}

fn put(lines: &mut Vec<String>, before: String, value: &Value, indent: usize, layout: Layout) {
    match value {
        Value::String(text) => match scalar::block(text) {
            Some((mark, body)) => {
                let blank = " ".repeat(indent + layout.step);
                lines.push(format!("{before} {mark}"));
                lines.extend(body.into_iter().map(|it| if it.is_empty() { String::new() } else { blank.clone() + it }));
            }
            None => lines.push(format!("{before} {}", scalar::line(text, Around::Block))),
        },
        Value::Object(map) if map.is_empty() => lines.push(format!("{before} {{}}")),
        Value::Array(items) => match short(items, before.chars().count() + 1, layout) {
            Some(text) => lines.push(format!("{before} {text}")),
            None => {
                lines.push(before);
                put_nested(lines, value, indent + layout.step, layout);
            }
        },
        Value::Object(_) => {
            lines.push(before);
            put_nested(lines, value, indent + layout.step, layout);
        }
        other => lines.push(format!("{before} {other}")),
    }
}

fn put_nested(lines: &mut Vec<String>, value: &Value, indent: usize, layout: Layout) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, it)| put_entry(lines, key, it, indent, layout)),
        Value::Array(items) => items.iter().for_each(|it| put_item(lines, it, indent, layout)),
        _ => {}
    }
}

/// A list of plain words that fits on the line, in brackets.
fn short(items: &[Value], before: usize, layout: Layout) -> Option<String> {
    if items.iter().any(|it| it.is_object() || it.is_array()) {
        return None;
    }
    let words: Option<Vec<String>> = items.iter().map(|it| inline(it, Around::Flow)).collect();
    let text = format!("[{}]", words?.join(", "));
    (items.is_empty() || before + text.chars().count() <= layout.width).then_some(text)
}

#[cfg(test)]
mod tests {
    use arbitrary::{Result, Unstructured};
    use serde_json::{Map, Value, json};

    use super::{Layout, entry, inline};
    use crate::manifest::budget::Budget;
    use crate::manifest::write::scalar::Around;
    use crate::manifest::{text, yaml};
    use crate::trials::tried;

    #[test]
    fn a_team_looks_as_a_person_would_write_it() {
        let value = json!({
            "description": "Runs\nthe clusters.\n",
            "members": ["alice", "on", "Zoé"],
            "stacks": {"shop/prod": "write"},
            "properties": [{"key": "tier", "value": "1"}, {"key": "x", "value": ""}],
            "none": [], "nothing": {}, "rotation": 2, "on": true,
        });
        let lines = entry("platform", &value, 2, Layout::default());
        let expected = "  platform:
    description: |
      Runs
      the clusters.
    members: [alice, \"on\", Zoé]
    stacks:
      shop/prod: write
    properties:
      - key: tier
        value: \"1\"
      - key: x
        value: \"\"
    none: []
    nothing: {}
    rotation: 2
    \"on\": true";
        assert_eq!(lines.join("\n"), expected);
    }

    /// Texts that somebody might break a file with.
    pub(super) fn hostile(input: &mut Unstructured) -> Result<String> {
        const PIECES: &[&str] = &[
            "a",
            "é",
            "🧑‍🚀",
            "❤️",
            " ",
            "  ",
            "\n",
            "\n\n",
            "\t",
            "\r",
            "\r\n",
            "%",
            "---",
            "...",
            "- ",
            ": ",
            ":",
            " #",
            "#",
            "'",
            "\"",
            "\\",
            "\\n",
            "|",
            ">",
            "&a",
            "*a",
            "!!str",
            "<<",
            "<<<<<<< HEAD",
            "[",
            "]",
            "{",
            "}",
            ",",
            "?",
            "? ",
            "@",
            "`",
            "~",
            "null",
            "yes",
            "1",
            "0x1f",
            "1e3",
            ".inf",
            "2027-05-01",
            "\0",
            "\u{1b}[2J",
            "\u{7f}",
            "\u{85}",
            "\u{a0}",
            "\u{ad}",
            "\u{200b}",
            "\u{202e}",
            "\u{2028}",
            "\u{2066}",
            "\u{feff}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{e0001}",
            "\u{10ffff}",
            "=",
            "%YAML 1.1",
            "\u{d7ff}",
            "\u{3000}",
        ];
        let mut text = String::new();
        for _ in 0..input.int_in_range(0..=6)? {
            match input.ratio(1, 8)? {
                true => text.push_str(input.arbitrary::<&str>()?),
                false => text.push_str(input.choose(PIECES)?),
            }
        }
        if input.ratio(1, 40)? {
            text = text.repeat(2_000);
        }
        Ok(text)
    }

    fn value(input: &mut Unstructured, depth: usize) -> Result<Value> {
        Ok(match input.int_in_range(0..=if depth == 0 { 4 } else { 6 })? {
            0 => Value::Null,
            1 => input.arbitrary::<bool>()?.into(),
            2 => match input.int_in_range(0..=2)? {
                0 => input.arbitrary::<i64>()?.into(),
                1 => input.arbitrary::<u64>()?.into(),
                _ => serde_json::Number::from_f64(input.arbitrary()?).map_or(Value::Null, Value::Number),
            },
            3 | 4 => hostile(input)?.into(),
            5 => (0..input.int_in_range(0..=4)?).map(|_| value(input, depth - 1)).collect::<Result<Vec<_>>>()?.into(),
            _ => {
                let mut map = Map::new();
                for _ in 0..input.int_in_range(0..=4)? {
                    map.insert(hostile(input)?, value(input, depth - 1)?);
                }
                map.into()
            }
        })
    }

    fn read(written: &str) -> Value {
        let decoded = text::decode(0, written.as_bytes().to_vec());
        assert!(decoded.readable, "{written:?}\n{:#?}", decoded.findings);
        assert!(decoded.findings.is_empty(), "{written:?}\n{:#?}", decoded.findings);
        let document = yaml::read(0, &decoded.text, &Budget::default());
        assert!(document.findings.is_empty(), "{written}\n{:#?}", document.findings);
        document.root.expect("a tree").to_value()
    }

    #[test]
    fn whatever_is_written_is_read_back() {
        tried(400, 32..=1 << 14, |input| {
            let mut map = Map::new();
            for _ in 0..input.int_in_range(1..=3)? {
                map.insert(hostile(input)?, value(input, 4)?);
            }
            let layout = Layout { step: *input.choose(&[1, 2, 4])?, width: *input.choose(&[0, 40, 100])? };
            let end = *input.choose(&["\n", "\r\n"])?;
            let lines: Vec<String> = map.iter().flat_map(|(key, it)| entry(key, it, 0, layout)).collect();
            let wanted = Value::Object(map);
            assert_eq!(read(&(lines.join(end) + end)), wanted);
            if let Some(text) = inline(&wanted, Around::Block) {
                assert_eq!(read(&format!("x: {text}{end}")), json!({"x": wanted}));
            }
            Ok(())
        });
    }
}
