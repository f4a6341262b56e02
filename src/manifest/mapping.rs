//! A mapping while it is read: keys once each, `<<` resolved at its end.
//!
//! Entries of all open mappings stand in one stack, so that each finished one is copied once, to its exact size.

use std::collections::HashMap;
use std::sync::Arc;

use crate::manifest::finding::{Finding, quoted};
use crate::model::{Data, Key, Node, Span};

/// The stack of entries of open mappings.
pub(super) type Entries = Vec<(Key, Node)>;

/// A mapping whose end was not read yet.
#[derive(Default)]
pub(super) struct Mapping {
    /// Where its entries begin in the stack.
    start: usize,
    /// Places of its keys in the stack, once there are too many to look at one by one.
    index: Option<HashMap<Arc<str>, usize>>,
    pending: Pending,
    merge_key: Option<Span>,
    merged: Vec<Node>,
    last_byte: Option<u32>,
}

/// What the next node is.
#[derive(Default)]
enum Pending {
    #[default]
    Key,
    /// The value of this key.
    Value(Key),
    /// The value of `<<`.
    Merge,
    /// The value of a key that cannot be used, already reported.
    Nothing,
}

impl Mapping {
    /// A mapping whose entries begin where the stack ends.
    pub fn begin(stack: &Entries) -> Self {
        Self { start: stack.len(), ..Self::default() }
    }

    /// Takes the next node, a key and a value by turns. `merge` says that it is a plain `<<`.
    pub fn push(&mut self, stack: &mut Entries, node: Node, merge: bool) -> Result<(), Box<Finding>> {
        self.last_byte = Some(node.span.end);
        match std::mem::take(&mut self.pending) {
            Pending::Value(key) => {
                self.insert(stack, key, node);
                Ok(())
            }
            Pending::Key if merge => self.begin_merge(node.span),
            Pending::Key => {
                self.pending = Pending::Nothing;
                self.begin_value(stack, key_of(node)?)
            }
            Pending::Merge => self.merge(node),
            Pending::Nothing => Ok(()),
        }
    }

    /// Passes over the next node: as a key with its value, as a value with its key.
    pub fn leave_out(&mut self, span: Span) {
        self.last_byte = Some(span.end);
        if let Pending::Key = std::mem::take(&mut self.pending) {
            self.pending = Pending::Nothing;
        }
    }

    /// One past the last byte that was read of it.
    pub fn last_byte(&self) -> Option<u32> {
        self.last_byte
    }

    /// The entries in the order written, then what `<<` brought: explicit keys win, earlier mappings before later ones.
    pub fn finish(mut self, stack: &mut Entries) -> Vec<(Key, Node)> {
        for node in std::mem::take(&mut self.merged) {
            let Data::Map(entries) = node.data else { continue };
            for (key, value) in entries {
                if self.position(stack, &key.text).is_none() {
                    self.insert(stack, key, value);
                }
            }
        }
        stack.drain(self.start..).collect()
    }

    fn begin_value(&mut self, stack: &Entries, key: Key) -> Result<(), Box<Finding>> {
        let Some(at) = self.position(stack, &key.text) else {
            self.pending = Pending::Value(key);
            return Ok(());
        };
        let first = stack[at].0.span;
        let finding = Finding::error("E0108", format!("{} is given twice", quoted(&key.text))).at(key.span);
        let finding = finding.label("the second time");
        Err(Box::new(finding.related(format!("{} is given first", quoted(&key.text)), first)))
    }

    fn begin_merge(&mut self, span: Span) -> Result<(), Box<Finding>> {
        self.pending = Pending::Merge;
        let Some(first) = self.merge_key.replace(span) else { return Ok(()) };
        self.pending = Pending::Nothing;
        let finding = Finding::error("E0108", "`<<` is given twice").at(span).label("the second time");
        let finding = finding.help("merge several mappings with a list: `<<: [*a, *b]`");
        Err(Box::new(finding.related("`<<` is given first", first)))
    }

    fn merge(&mut self, node: Node) -> Result<(), Box<Finding>> {
        let is_map = |it: &Node| matches!(it.data, Data::Map(_));
        match node.data {
            Data::Map(_) => self.merged.push(node),
            Data::List(items) if items.iter().all(is_map) => self.merged.extend(items),
            _ => {
                let finding = Finding::error("E0111", "`<<` merges mappings, and this is none").at(node.span);
                return Err(Box::new(finding.help("write `<<: *NAME`, where `&NAME` stands before a mapping")));
            }
        }
        Ok(())
    }

    fn position(&self, stack: &Entries, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => stack[self.start..].iter().position(|(it, _)| &*it.text == key).map(|at| self.start + at),
        }
    }

    fn insert(&mut self, stack: &mut Entries, key: Key, value: Node) {
        const FEW: usize = 16;
        if let Some(index) = &mut self.index {
            index.insert(key.text.clone(), stack.len());
        }
        stack.push((key, value));
        if self.index.is_none() && stack.len() - self.start > FEW {
            let keys = stack.iter().enumerate().skip(self.start);
            self.index = Some(keys.map(|(at, (key, _))| (key.text.clone(), at)).collect());
        }
    }
}

/// A node as a key: the text that was written, whatever else it could mean.
fn key_of(node: Node) -> Result<Key, Box<Finding>> {
    let span = node.span;
    let text = match node.data {
        Data::Text(text) | Data::Number { text, .. } => text,
        Data::Bool(value) => value.to_string().into(),
        Data::Null => {
            let finding = Finding::error("E0112", "a key is missing").at(span).label("null is no key");
            return Err(Box::new(finding.help("write a name before the `:`; a name such as `null` needs quotes")));
        }
        Data::List(_) | Data::Map(_) => {
            let finding = Finding::error("E0112", "a key must be a text").at(span).label("not a text");
            return Err(Box::new(finding.help("put a text that begins with `[` or `{` in quotes")));
        }
    };
    Ok(Key { text, span })
}
