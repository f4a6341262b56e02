//! The parts of a comment about changes: the table of counts, the coloured block, the table of fields.

use std::collections::BTreeMap;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::kinds;
use crate::model::{Change, Plan, Verb};
use crate::render::lines::{self, Line, Sign};
use crate::render::markdown::Cut;
use crate::render::{digest, escape, value};

/// A wider column of names pushes only its own text.
const WIDEST_NAME: usize = 40;

/// How many changes there are of which kind: a row a verb, a column a kind; drift in a row of its own.
pub fn counts(plan: &Plan) -> Option<String> {
    let changes = digest::ordered(plan.all_changes());
    let mut kinds: Vec<&str> = changes.iter().map(|it| it.kind.as_str()).collect();
    kinds.dedup();
    let mut table = BTreeMap::<(Verb, &str), usize>::new();
    for it in &plan.changes {
        *table.entry((it.verb, &it.kind)).or_default() += 1;
    }
    let heading = |kind: &&str| match kinds::by_word(kind) {
        Some(it) => it.facts().section.to_owned(),
        None => escape::cell(kind),
    };
    let headings: Vec<_> = kinds.iter().map(heading).collect();
    let mut text = format!("| | {} |\n|---|{}", headings.join(" | "), "---|".repeat(kinds.len()));
    let verbs = [
        (Verb::Create, "add"),
        (Verb::Update, "change"),
        (Verb::Rename, "rename"),
        (Verb::Replace, "replace"),
        (Verb::Delete, "**delete**"),
    ];
    for (verb, word) in verbs {
        let cell = |kind: &&str| match (table.get(&(verb, *kind)), verb) {
            (None, _) => String::new(),
            (Some(count), Verb::Delete) => format!("**{count}**"),
            (Some(count), _) => count.to_string(),
        };
        let cells: Vec<_> = kinds.iter().map(cell).collect();
        if cells.iter().any(|it| !it.is_empty()) {
            text.push_str(&format!("\n| {word} | {} |", cells.join(" | ")));
        }
    }
    let drift = digest::drift(plan);
    if !drift.is_empty() {
        let count = |kind: &&str| match drift.iter().filter(|it| it.kind == **kind).count() {
            0 => String::new(),
            count => count.to_string(),
        };
        text.push_str(&format!("\n| drift | {} |", kinds.iter().map(count).collect::<Vec<_>>().join(" | ")));
    }
    (!changes.is_empty()).then_some(text)
}

/// The changes as far as there is room: a block in colours, the names, or nothing.
pub fn changes(changes: &[&Change], cut: Cut) -> Option<String> {
    match cut {
        _ if changes.is_empty() => None,
        Cut::Names | Cut::Multitudes => None,
        Cut::Fields => Some(names(changes)),
        Cut::Nothing | Cut::Context | Cut::Additions => Some(diff(changes, cut)),
    }
}

/// A block that is coloured by the first character of each line.
fn diff(changes: &[&Change], cut: Cut) -> String {
    let mut rows: Vec<(String, Line)> = Vec::new();
    for change in changes {
        let all = lines::of(change, &escape::terminal(&change.name));
        let brief = change.verb == Verb::Create && cut >= Cut::Additions;
        let mut kind = escape::terminal(&change.kind);
        for mut line in all.into_iter().take(if brief { 1 } else { usize::MAX }) {
            if brief {
                line.text.clear();
            }
            rows.push((std::mem::take(&mut kind), line));
        }
    }
    let heads = || rows.iter().filter(|(kind, _)| !kind.is_empty());
    let widest_kind = heads().map(|(kind, _)| kind.width()).max().unwrap_or(0);
    let widest_name = heads().map(|(_, it)| it.label.width()).filter(|it| *it <= WIDEST_NAME).max().unwrap_or(0);
    let text_column = 2 + widest_kind + 2 + widest_name + 2;
    let mut text = String::new();
    for (kind, line) in &rows {
        let mut shown = match (line.sign, line.nested) {
            (Sign::None, _) => String::new(),
            (sign, true) => format!("{}   {}", sign.in_diff(), line.label),
            (sign, false) => format!("{} {}  {}", sign.in_diff(), padded(kind, widest_kind), line.label),
        };
        if !line.text.is_empty() {
            let end = shown.width();
            let gap = if end > 0 && end + 2 > text_column { 2 } else { text_column - end };
            shown.push_str(&" ".repeat(gap));
            shown.push_str(&line.text);
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    escape::fenced("diff", &escape::log(&text)).trim_end().to_owned()
}

/// The names of what changes, with their signs, a line a kind.
fn names(changes: &[&Change]) -> String {
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for change in changes {
        // The one resource of a kind without names is called by its kind.
        let name = if change.name.is_empty() { &change.kind } else { &change.name };
        let name = escape::code(&format!("{}{name}", Sign::from(change.verb).character(true)));
        match kinds.last_mut() {
            Some((kind, names)) if *kind == change.kind => names.push(name),
            _ => kinds.push((&change.kind, vec![name])),
        }
    }
    let line = |(kind, names): &(&str, Vec<String>)| format!("- {}: {}", escape::word(kind), names.join(", "));
    kinds.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A table of every field, what it was, what it will be, and where that is written.
pub fn details(changes: &[&Change], cut: Cut) -> Option<String> {
    let shown = |it: &&&Change| cut < Cut::Additions || it.verb != Verb::Create;
    let changes: Vec<_> = changes.iter().filter(shown).collect();
    if changes.is_empty() || cut >= Cut::Fields {
        return None;
    }
    let mut text = "| change | field | before | after | from |\n|---|---|---|---|---|".to_owned();
    for change in &changes {
        let id = escape::cell(&change.id.to_string());
        let from = match (&change.source, change.verb) {
            (Some(place), _) => escape::cell(&digest::place(place)),
            (None, Verb::Delete) => escape::cell(&digest::reason(change)),
            (None, _) => String::new(),
        };
        for [field, before, after] in fields(change) {
            let cells = [field, before, after].map(|it| if it.is_empty() { it } else { escape::cell(&it) });
            text.push_str(&format!("\n| {id} | {} | {from} |", cells.join(" | ")));
        }
    }
    let count = digest::count(changes.len(), "change", "changes");
    Some(fold(&format!("Details and sources ({count})"), &text))
}

/// The rows of one change: the field, what it was, what it will be.
fn fields(change: &Change) -> Vec<[String; 3]> {
    let mut rows = Vec::new();
    let held = |value: &Value| if value.is_null() { String::new() } else { value::shown(value) };
    if let Some(old) = &change.renamed_from {
        rows.push(["name".to_owned(), value::name(old), value::name(&change.name)]);
    }
    let whole = match change.verb {
        Verb::Create => change.after.as_object(),
        Verb::Delete => change.before.as_object(),
        Verb::Update | Verb::Rename | Verb::Replace => None,
    };
    let said = |value: &Value| if change.verb == Verb::Delete { !value::is_nothing(value) } else { !value.is_null() };
    for (key, value) in whole.into_iter().flatten().filter(|(_, value)| said(value)) {
        let (before, after) =
            if change.verb == Verb::Delete { (held(value), String::new()) } else { (String::new(), held(value)) };
        rows.push([key.clone(), before, after]);
    }
    for field in &change.fields {
        let path = field.path.strip_prefix('/').unwrap_or(&field.path);
        let names = |names: &[String], sign: char| -> String {
            names.iter().map(|it| format!("{sign}{}", value::name(it))).collect::<Vec<_>>().join(", ")
        };
        let is_listed = !(field.added.is_empty() && field.removed.is_empty() && field.changed.is_empty());
        if !is_listed {
            rows.push([path.to_owned(), held(&field.before), held(&field.after)]);
        } else if !(field.added.is_empty() && field.removed.is_empty()) {
            rows.push([path.to_owned(), names(&field.removed, '-'), names(&field.added, '+')]);
        }
        for key in &field.changed {
            let at = |value: &Value| held(value.get(key).unwrap_or(&Value::Null));
            rows.push([format!("{path} {key}"), at(&field.before), at(&field.after)]);
        }
    }
    if rows.is_empty() {
        let word = if change.verb == Verb::Delete { "(deleted)" } else { "" };
        rows.push([word.to_owned(), String::new(), String::new()]);
    }
    rows
}

/// Something folded away. The summary is ours, never a text from elsewhere.
pub fn fold(summary: &str, content: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>", content.trim_end())
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
