//! One value of a file becomes another: only the lines that say it change, and no comment line goes.

use serde_json::Value;

use crate::manifest::write::emit::{self, Layout};
use crate::manifest::write::flow;
use crate::manifest::write::lines::{self, Step};
use crate::manifest::write::scalar::{self, Around};
use crate::model::{Data, Key, Node};

/// A stretch of a file, and what shall stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub text: String,
    /// For lines of their own: how the line before them ends, should it have no end yet.
    own_lines: Option<&'static str>,
}

/// A file whose values are edited.
pub(super) struct Editor<'a> {
    text: &'a str,
    end_of_line: &'static str,
    edits: Vec<Edit>,
}

/// Puts edits into a text.
///
/// # Errors
/// When two of them meet.
pub(super) fn applied(text: &str, mut edits: Vec<Edit>) -> Result<String, String> {
    // Stable: what is added at one place comes in the order in which it was asked for.
    edits.sort_by_key(|it| (it.start, it.end));
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let kept = text.get(at..edit.start).ok_or("two changes would meet in one place")?;
        result.push_str(kept);
        if let Some(end_of_line) = edit.own_lines.filter(|_| !result.is_empty() && !result.ends_with('\n')) {
            result.push_str(end_of_line);
        }
        result.push_str(&edit.text);
        at = edit.end;
    }
    result.push_str(text.get(at..).ok_or("a change would end in the middle of a character")?);
    Ok(result)
}

impl<'a> Editor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, end_of_line: lines::end_of_line(text), edits: Vec::new() }
    }

    /// The file as it is.
    pub fn text(&self) -> &'a str {
        self.text
    }

    pub fn finish(self) -> Vec<Edit> {
        self.edits
    }

    /// Makes what a key holds another value.
    ///
    /// # Errors
    /// Why that cannot be written, in words that follow the value's name.
    pub fn set(&mut self, key: &Key, node: &Node, target: &Value) -> Result<(), String> {
        if node.to_value() == *target {
            return Ok(());
        }
        let start = node.span.start as usize;
        if self.text[start..].starts_with('*') {
            let alias = self.text[start..node.span.end as usize].trim_end();
            return Err(format!("is written as the alias `{alias}`"));
        }
        if flow::is_flow(self.text, node) {
            let text = flow::text(self.text, node, target)?;
            self.replace(start, node.span.end as usize, text);
            return Ok(());
        }
        match (&node.data, target) {
            (Data::Map(_), Value::Object(map)) if !map.is_empty() => self.set_map(node, map),
            (Data::List(items), Value::Array(wanted)) if !wanted.is_empty() => self.set_list(key, node, items, wanted),
            (Data::Map(_) | Data::List(_), _) => self.empty(key, node, target),
            _ => self.set_scalar(key, node, target),
        }
    }

    /// Takes an entry out of a mapping.
    ///
    /// # Errors
    /// Why it cannot be taken out.
    pub fn remove(&mut self, parent: Option<&Key>, map: &Node, key: &str) -> Result<(), String> {
        let mut target = map.to_value();
        target.as_object_mut().and_then(|it| it.shift_remove(key));
        match (target.as_object().is_some_and(serde_json::Map::is_empty), parent) {
            (true, Some(parent)) if !flow::is_flow(self.text, map) => self.empty(parent, map, &target),
            _ if flow::is_flow(self.text, map) => {
                let text = flow::text(self.text, map, &target)?;
                self.replace(map.span.start as usize, map.span.end as usize, text);
                Ok(())
            }
            _ => {
                let entry = map.entries().iter().find(|it| &*it.0.text == key);
                let (key, value) = entry.ok_or("is not written there")?;
                self.remove_lines(map, key.span.start as usize, value)
            }
        }
    }

    /// Adds an entry at the end of a mapping.
    ///
    /// # Errors
    /// Why nothing can be added.
    pub fn add(&mut self, map: &Node, key: &str, value: &Value) -> Result<(), String> {
        if flow::is_flow(self.text, map) {
            let mut target = map.to_value();
            if let Some(entries) = target.as_object_mut() {
                entries.insert(key.to_owned(), value.clone());
            }
            let text = flow::text(self.text, map, &target)?;
            self.replace(map.span.start as usize, map.span.end as usize, text);
            return Ok(());
        }
        let own: Vec<&(Key, Node)> = map.entries().iter().filter(|it| map.span.covers(it.0.span)).collect();
        let (first, last) = (own.first().ok_or(MERGED)?, own.last().ok_or(MERGED)?);
        let indent = first.0.span.column as usize - 1;
        let lines = emit::entry(key, value, indent, self.layout());
        self.insert_after(last.1.span.end as usize, &lines);
        Ok(())
    }

    fn layout(&self) -> Layout {
        Layout { step: lines::step(self.text), ..Layout::default() }
    }

    fn replace(&mut self, start: usize, end: usize, text: String) {
        self.edits.push(Edit { start, end, text, own_lines: None });
    }

    fn set_map(&mut self, node: &Node, target: &serde_json::Map<String, Value>) -> Result<(), String> {
        for (key, value) in node.entries() {
            let own = node.span.covers(key.span);
            match target.get(&*key.text) {
                Some(wanted) if own => self.set(key, value, wanted)?,
                Some(wanted) if value.to_value() == *wanted => {}
                None if own => self.remove_lines(node, key.span.start as usize, value)?,
                Some(_) | None => return Err(MERGED.to_owned()),
            }
        }
        for (key, value) in target.iter().filter(|it| node.get(it.0).is_none()) {
            self.add(node, key, value)?;
        }
        Ok(())
    }

    fn set_list(&mut self, key: &Key, node: &Node, items: &[Node], wanted: &[Value]) -> Result<(), String> {
        let before: Vec<Value> = items.iter().map(Node::to_value).collect();
        let layout = self.layout();
        let dash = |item: &Node| -> Result<usize, String> {
            let start = lines::start(self.text, item.span.start as usize);
            self.text[start..item.span.start as usize].rfind('-').ok_or_else(|| NOT_A_LINE.to_owned())
        };
        let column = dash(items.first().ok_or(NOT_A_LINE)?)?;
        let mut last: Option<usize> = None;
        for step in lines::steps(&before, wanted) {
            match step {
                Step::Keep(index) => last = Some(index),
                Step::Change(index, to) => {
                    self.set_item(key, &items[index], &wanted[to])?;
                    last = Some(index);
                }
                Step::Remove(index) => {
                    let item = &items[index];
                    let start = lines::start(self.text, item.span.start as usize) + dash(item)?;
                    self.remove_lines(node, start, item)?;
                    last = Some(index);
                }
                Step::Add(to) => {
                    let lines = emit::item(&wanted[to], column, layout);
                    match last {
                        Some(index) => self.insert_after(items[index].span.end as usize, &lines),
                        None => {
                            let at = lines::start(self.text, items[0].span.start as usize);
                            let text = lines.iter().map(|it| format!("{it}{}", self.end_of_line)).collect();
                            self.replace(at, at, text);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn set_item(&mut self, key: &Key, item: &Node, target: &Value) -> Result<(), String> {
        match &item.data {
            Data::Map(_) | Data::List(_) => self.set(key, item, target),
            _ if target.is_object() || target.is_array() => Err(NOT_A_LINE.to_owned()),
            _ => {
                let start = item.span.start as usize;
                let written = &self.text[start..item.span.end as usize];
                if written.starts_with('*') {
                    return Err(format!("holds the alias `{}`", written.trim_end()));
                }
                if item.span.line > lines::line_of(self.text, lines::dash_before(self.text, start)) {
                    return Err(NOT_A_LINE.to_owned());
                }
                let text = one_line(written, target, Around::Block);
                self.replace(start, start + written.trim_end().len(), text);
                Ok(())
            }
        }
    }

    /// A block collection becomes empty, or something on one line.
    fn empty(&mut self, key: &Key, node: &Node, target: &Value) -> Result<(), String> {
        let (start, end) = self.lines_of(node.span.start as usize, node)?;
        let text = emit::inline(target, Around::Block).ok_or(NOT_A_LINE)?;
        let after_key = key.span.end as usize;
        let colon = self.text[after_key..start].find(':').ok_or(NOT_A_LINE)? + after_key + 1;
        self.replace(colon, colon, format!(" {text}"));
        self.replace(start, end, String::new());
        Ok(())
    }

    fn set_scalar(&mut self, key: &Key, node: &Node, target: &Value) -> Result<(), String> {
        let (start, end) = (node.span.start as usize, node.span.end as usize);
        let between = &self.text[key.span.end as usize..start];
        let indent = key.span.column as usize - 1 + lines::step(self.text);
        let block = match target {
            Value::String(text) => scalar::block(text).map(|(mark, body)| {
                let blank = " ".repeat(indent);
                let body =
                    body.into_iter().map(|it| if it.is_empty() { String::new() } else { format!("{blank}{it}") });
                std::iter::once(mark.to_owned()).chain(body).collect::<Vec<_>>().join(self.end_of_line)
            }),
            _ => None,
        };
        let content = start + self.text[start..end].trim_end().len();
        // A block of lines begins with its mark, which stands before what is read as the value.
        if let Some(mark) = lines::block_mark(between) {
            if between[mark..].contains('#') {
                return Err("has a comment behind the mark of its block".to_owned());
            }
            let text = block.map_or_else(|| emit::inline(target, Around::Block).ok_or(NOT_A_LINE), Ok)?;
            self.replace(key.span.end as usize + mark, content, text);
            return Ok(());
        }
        if target.is_object() || target.is_array() {
            let text = emit::inline(target, Around::Block).ok_or(NOT_A_LINE)?;
            self.replace(start, content, text);
            return Ok(());
        }
        let behind = &self.text[content..lines::end(self.text, content)];
        let text = match block.filter(|_| behind.trim().is_empty()) {
            Some(text) => text,
            None => one_line(&self.text[start..content], target, Around::Block),
        };
        self.replace(start, content, text);
        Ok(())
    }

    /// Lines of their own, from where something begins to where it ends; no comment line is among them.
    fn lines_of(&self, begins: usize, value: &Node) -> Result<(usize, usize), String> {
        let start = lines::start(self.text, begins);
        if self.text[start..begins].chars().any(|it| it != ' ') {
            return Err(NOT_A_LINE.to_owned());
        }
        let content = self.text[..value.span.end as usize].trim_end().len().max(begins);
        let end = lines::after(self.text, content);
        if self.text[start..end].lines().any(|it| it.trim_start().starts_with('#')) {
            return Err("holds comments, which would go with it".to_owned());
        }
        Ok((start, end))
    }

    fn remove_lines(&mut self, parent: &Node, begins: usize, value: &Node) -> Result<(), String> {
        let inside = parent.span.start as usize <= begins && begins < parent.span.end as usize;
        if !inside {
            return Err(MERGED.to_owned());
        }
        // An alias has its own place; what it repeats has another.
        let (start, end) = self.lines_of(begins, value)?;
        self.replace(start, end, String::new());
        Ok(())
    }

    fn insert_after(&mut self, end_of_value: usize, lines: &[String]) {
        let content = self.text[..end_of_value].trim_end().len();
        let at = lines::after(self.text, content);
        let text = lines.iter().map(|it| format!("{it}{}", self.end_of_line)).collect();
        self.edits.push(Edit { start: at, end: at, text, own_lines: Some(self.end_of_line) });
    }
}

const MERGED: &str = "comes from an alias or a merge key";
const NOT_A_LINE: &str = "is written in a form that cannot be changed line by line";

/// A scalar on one line, in quotes where it was in quotes.
pub(super) fn one_line(written: &str, target: &Value, around: Around) -> String {
    match target {
        Value::String(text) if written.starts_with('"') => scalar::double(text),
        Value::String(text) => scalar::line(text, around),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Editor, applied};
    use crate::manifest::budget::Budget;
    use crate::manifest::yaml;

    /// A text whose value under `a` has become another.
    fn set(text: &str, target: Value) -> Result<String, String> {
        let root = yaml::read(0, text, &Budget::default()).root.expect("a tree");
        let (key, node) = root.entries().iter().find(|it| &*it.0.text == "a").expect("an entry");
        let mut editor = Editor::new(text);
        editor.set(key, node, &target)?;
        let after = applied(text, editor.finish())?;
        let read = yaml::read(0, &after, &Budget::default()).root.expect("a tree");
        assert_eq!(read.get("a").map(crate::model::Node::to_value), Some(target), "{after}");
        Ok(after)
    }

    #[test]
    fn only_what_says_something_else_changes() {
        let same = |before: &str, target: Value, after: &str| assert_eq!(set(before, target).as_deref(), Ok(after));
        same("a: x  # c\n", json!("v"), "a: v  # c\n");
        same("a: \"x\"  # c\n", json!("y"), "a: \"y\"  # c\n");
        same("a: x\nb: 1", json!("two\nlines"), "a: |-\n  two\n  lines\nb: 1");
        same("a: x # c\n", json!("two\nlines"), "a: \"two\\nlines\" # c\n");
        same("a: |\n  x\n  y\n\nb: 1\n", json!("z"), "a: z\n\nb: 1\n");
        same("a: [x, 'y', z]\n", json!(["y", "z", "new"]), "a: ['y', z, new]\n");
        same("a: [x,\n    y]\n", json!(["x", "y", "z"]), "a: [x,\n    y,\n    z]\n");
        same("a: [x]\n", json!([]), "a: []\n");
        same("a: []\n", json!(["x"]), "a: [x]\n");
        same("a: {k: 1, l: [x]}\n", json!({"l": ["x", "v"], "m": true}), "a: {l: [x, v], m: true}\n");
        same("a:\n  # c\n  - x\n  - y # d\n", json!(["y", "z"]), "a:\n  # c\n  - y # d\n  - z\n");
        same("a:\r\n  k: x\r\n  l: y", json!({"k": "x", "m": 1}), "a:\r\n  k: x\r\n  m: 1\r\n");
        same("a: # c\n  k: x\nb: 1\n", json!({}), "a: {} # c\nb: 1\n");
        same("a:\n- k: 1\n  l: 2\n- k: 3\n", json!([{"k": 1, "l": 4}, {"k": 3}]), "a:\n- k: 1\n  l: 4\n- k: 3\n");
    }

    #[test]
    fn what_would_take_something_else_along_is_refused() {
        let why = |before: &str, target: Value| set(before, target).expect_err("a refusal");
        assert_eq!(why("x: &x [1]\na: *x\n", json!([2])), "is written as the alias `*x`");
        assert!(why("a:\n  k: x\n  # c\n  l: y\n", json!({})).contains("comments"));
        assert!(why("x: &x {k: 1}\na:\n  <<: *x\n  l: 2\n", json!({"k": 2, "l": 2})).contains("merge key"));
        assert!(why("a: [x, # c\n  y]\n", json!(["y"])).contains("comments"));
    }
}
