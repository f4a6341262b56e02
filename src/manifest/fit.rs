//! Walks a tree along the schema and finds all that does not fit.

use std::collections::{BTreeSet, HashMap};

use crate::kinds;
use crate::manifest::blame::{Blame, Step};
use crate::manifest::finding::Finding;
use crate::manifest::scalar;
use crate::manifest::shape::{Rest, Shape, ShapeId, Shapes, TextRule, Types};
use crate::model::{Data, Key, Node, Span, name};

/// What a walk found.
pub(super) struct Fitted {
    /// What does not fit.
    pub findings: Vec<Finding>,
    /// The keys of the entries that do not: nothing further can be said of these.
    pub bad: BTreeSet<Span>,
}

/// Compares a file with the schema.
pub(super) fn fit(root: &Node, text: &str, shapes: &Shapes) -> Fitted {
    let mut walk =
        Walk { shapes, text, path: Vec::new(), quiet: false, errors: 0, findings: Vec::new(), bad: BTreeSet::new() };
    walk.value(root, shapes.root);
    Fitted { findings: walk.findings, bad: walk.bad }
}

struct Walk<'a> {
    shapes: &'a Shapes,
    text: &'a str,
    path: Vec<Step<'a>>,
    /// Whether findings are only counted: an alternative is being tried.
    quiet: bool,
    errors: usize,
    findings: Vec<Finding>,
    bad: BTreeSet<Span>,
}

impl<'a> Walk<'a> {
    fn report(&mut self, make: impl FnOnce(&Blame) -> Finding) {
        if self.quiet {
            self.errors += 1;
            return;
        }
        let finding = make(&Blame { shapes: self.shapes, text: self.text, path: &self.path });
        self.errors += usize::from(finding.is_error());
        self.findings.push(finding);
    }

    fn value(&mut self, node: &'a Node, id: ShapeId) {
        let shapes = self.shapes;
        let shape = shapes.get(id);
        if shapes.is_anything(id) {
            return;
        }
        if matches!(node.data, Data::Null) {
            return self.report(|it| it.null(node, shapes.types(id)));
        }
        if !shape.alternatives.is_empty() {
            return self.alternatives(node, id, shape);
        }
        if !shape.types.meets(types_of(node)) {
            return self.report(|it| it.wrong_type(node, shape.types));
        }
        match &node.data {
            Data::Null | Data::Bool(_) => {}
            Data::Text(text) => self.text(node, text, shape),
            Data::Number { value, .. } => {
                let value = value.as_f64().unwrap_or_default();
                let small = shape.minimum.filter(|it| value < *it);
                let large = shape.maximum.filter(|it| value > *it);
                if small.is_some() || large.is_some() {
                    self.report(|it| it.out_of_range(node, shape));
                }
            }
            Data::List(items) => self.list(node, items, shape),
            Data::Map(entries) => self.map(node, entries, shape),
        }
    }

    fn alternatives(&mut self, node: &'a Node, id: ShapeId, shape: &Shape) {
        let shapes = self.shapes;
        if shape.alternatives.iter().any(|it| self.accepts(node, *it)) {
            return;
        }
        let types = shapes.types(id);
        let possible: Vec<ShapeId> =
            shape.alternatives.iter().copied().filter(|it| shapes.types(*it).meets(types_of(node))).collect();
        match possible.last() {
            None => self.report(|it| it.wrong_type(node, types)),
            // The last one is the freest: what it refuses, all the others refuse.
            Some(last) => self.value(node, *last),
        }
    }

    /// Whether a value has a shape, without a word about it.
    fn accepts(&mut self, node: &'a Node, id: ShapeId) -> bool {
        let (quiet, errors) = (std::mem::replace(&mut self.quiet, true), self.errors);
        self.value(node, id);
        let fits = self.errors == errors;
        (self.quiet, self.errors) = (quiet, errors);
        fits
    }

    fn text(&mut self, node: &'a Node, text: &str, shape: &Shape) {
        if !shape.choices.is_empty() {
            if !shape.choices.iter().any(|it| it == text) {
                self.report(|it| it.no_choice(node, text, &shape.choices));
            }
            return;
        }
        if breaks(&shape.text, text) {
            return self.report(|it| it.wrong_text(node, text, &shape.text));
        }
        self.read_elsewhere(text, node.span);
    }

    /// Unquoted texts that other readers of YAML take for something else are worth a word.
    fn read_elsewhere(&mut self, text: &str, span: Span) {
        let Some(other) = scalar::read_elsewhere(text) else { return };
        let quoted = self.text.get(span.start as usize..).is_some_and(|it| it.starts_with(['"', '\'', '|', '>', '*']));
        if !quoted && !self.quiet {
            self.report(|it| it.read_elsewhere(text, span, other));
        }
    }

    fn list(&mut self, node: &'a Node, items: &'a [Node], shape: &Shape) {
        if items.len() < shape.least {
            self.report(|it| it.too_few(node, shape.least));
        }
        if let Some(item) = shape.item {
            for (index, value) in items.iter().enumerate() {
                self.path.push(Step { text: "", span: value.span, index: Some(index) });
                self.value(value, item);
                self.path.pop();
            }
        }
        if shape.unique {
            self.unique(items);
        }
    }

    fn unique(&mut self, items: &'a [Node]) {
        let mut seen: HashMap<String, Span> = HashMap::new();
        for item in items {
            let text = match &item.data {
                Data::Text(text) => text.to_string(),
                _ => item.to_value().to_string(),
            };
            if let Some(first) = seen.get(&text).copied() {
                self.report(|it| it.twice(&text, item.span, first));
            } else {
                seen.insert(text, item.span);
            }
        }
    }

    fn map(&mut self, node: &'a Node, entries: &'a [(Key, Node)], shape: &Shape) {
        let missing: Vec<&str> =
            shape.required.iter().map(String::as_str).filter(|it| node.get(it).is_none()).collect();
        if !missing.is_empty() {
            self.report(|it| it.missing(node, &missing));
        }
        if entries.len() < shape.least {
            self.report(|it| it.too_few(node, shape.least));
        }
        let section = match self.path[..] {
            [section] => kinds::by_section(section.text).filter(|it| it.facts().shape == kinds::Shape::Map),
            [group, section] => kinds::by_section(&format!("{}.{}", group.text, section.text)),
            _ => None,
        };
        let is_one = |key: &Key| kinds::by_section(&key.text).is_some_and(|it| it.facts().shape == kinds::Shape::One);
        let at_the_top = self.path.is_empty();
        for (key, value) in entries {
            let errors = self.errors;
            self.path.push(Step { text: &key.text, span: key.span, index: None });
            let refusal = section.and_then(|_| name::refusal(&key.text));
            if let Some(refusal) = refusal {
                self.report(|it| it.unusable_name(key, &refusal));
            } else if breaks(&shape.key, &key.text) {
                self.report(|it| it.wrong_key(key, &shape.key));
            } else {
                self.read_elsewhere(&key.text, key.span);
            }
            self.field(key, value, shape);
            self.path.pop();
            if self.errors > errors && (section.is_some() || (at_the_top && is_one(key))) {
                self.bad.insert(key.span);
            }
        }
    }

    fn field(&mut self, key: &'a Key, value: &'a Node, shape: &Shape) {
        let named = shape.fields.iter().find(|(it, _)| **it == *key.text).map(|(_, it)| *it);
        let by_form = || shape.patterns.iter().find(|(form, _)| form.fits(&key.text)).map(|(_, it)| *it);
        match (named.or_else(by_form), shape.rest) {
            (Some(id), _) | (None, Rest::Shape(id)) => self.value(value, id),
            (None, Rest::Anything) => {}
            (None, Rest::Refused) if shape.fields.is_empty() => self.report(|it| it.wrong_key(key, &shape.key)),
            (None, Rest::Refused) => self.report(|it| it.unknown_key(key, shape)),
        }
    }
}

fn breaks(rule: &TextRule, text: &str) -> bool {
    let length = || text.chars().count();
    (rule.least > 0 && length() < rule.least)
        || rule.most.is_some_and(|it| text.len() > it && length() > it)
        || rule.form.as_ref().is_some_and(|it| !it.fits(text))
}

fn types_of(node: &Node) -> Types {
    match &node.data {
        Data::Null | Data::Text(_) => Types::TEXT,
        Data::Bool(_) => Types::BOOL,
        Data::Number { value, .. } if value.is_f64() => Types::NUMBER,
        Data::Number { .. } => Types::INTEGER,
        Data::List(_) => Types::LIST,
        Data::Map(_) => Types::MAP,
    }
}
