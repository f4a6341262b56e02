//! What is said about a value that does not fit the schema.

use crate::kinds::{self, Shape as Shaped};
use crate::manifest::finding::{Finding, listed, quoted};
use crate::manifest::scalar::{self, Plain};
use crate::manifest::shape::{Shape, Shapes, TextRule, Types};
use crate::manifest::suggest::nearest;
use crate::model::desired::COMMON_FIELDS;
use crate::model::{Data, Key, Node, Span};

/// One step from the top of a file to a value.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    /// The key; empty for an item of a list.
    pub text: &'a str,
    /// Where the key or the item stands.
    pub span: Span,
    /// Which item of a list.
    pub index: Option<usize>,
}

/// What a finding is made from: where the walk stands.
pub(super) struct Blame<'a, 'p> {
    /// The schema.
    pub shapes: &'a Shapes,
    /// The file.
    pub text: &'a str,
    /// The way to the value.
    pub path: &'p [Step<'a>],
}

impl Blame<'_, '_> {
    /// The value in words: ``team `platform` ``, `` `owner` of service `checkout` ``.
    fn what(&self) -> String {
        what(self.path)
    }

    /// What holds the value, in words.
    fn holder(&self) -> String {
        what(self.path.split_last().map_or(&[][..], |(_, rest)| rest))
    }

    fn written(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("").trim_end()
    }

    /// A null.
    pub fn null(&self, node: &Node, types: Types) -> Finding {
        // Nothing after a colon: there is only the key to point at.
        let span = match (node.span.start == node.span.end, self.path.last()) {
            (true, Some(step)) => step.span,
            _ => node.span,
        };
        let key = self.path.last().map_or("", |it| it.text);
        let write = |empty: &str, word: &str| {
            format!("null is not an empty {word}; write {}, or leave it out", quoted(&format!("{key}: {empty}")))
        };
        let help = if self.path.last().is_none_or(|it| it.index.is_some()) {
            "write a value, or take the item out".to_owned()
        } else if types.meets(Types::MAP) {
            write("{}", "mapping")
        } else if types.meets(Types::LIST) {
            write("[]", "list")
        } else if types.meets(Types::TEXT) {
            write("\"\"", "text")
        } else {
            "write a value, or leave it out".to_owned()
        };
        Finding::error("E0305", format!("{} is null", self.what())).at(span).label("nothing is written here").help(help)
    }

    /// A value of another type.
    pub fn wrong_type(&self, node: &Node, types: Types) -> Finding {
        let what = self.what();
        let written = self.written(node.span);
        let wrong = |code, given: &str| {
            let message = format!("{what} must be {}, not {given}", types.in_words());
            Finding::error(code, message).at(node.span).label(format!("this is {given}"))
        };
        match &node.data {
            Data::Text(text) if types.meets(Types::BOOL) => {
                let finding = wrong("E0306", "a text");
                match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "true" | "y" => finding.help("write `true`, without quotes").replace_with("true"),
                    "no" | "off" | "false" | "n" => finding.help("write `false`, without quotes").replace_with("false"),
                    _ => finding,
                }
            }
            Data::Text(text) if types.meets(Types::INTEGER) => match scalar::plain(text) {
                Plain::Number(_) => wrong("E0302", "a text").help("write it without quotes").replace_with(&**text),
                _ => wrong("E0302", "a text"),
            },
            Data::Number { .. } if types.meets(Types::TEXT) => in_quotes(wrong("E0307", "a number"), written),
            Data::Bool(_) if types.meets(Types::TEXT) => in_quotes(wrong("E0302", "a boolean"), written),
            Data::Number { .. } if types.meets(Types::INTEGER) => wrong("E0302", "a fraction"),
            Data::List(_) if types.meets(Types::MAP) => {
                wrong("E0302", "a list").help("write each name as a key, with a colon after it and without a dash")
            }
            Data::Text(_) if types.meets(Types::LIST) && !written.starts_with(['*', '|', '>']) => {
                let help = format!("write a list: {}", quoted(&format!("[{written}]")));
                wrong("E0302", "a text").help(help).replace_with(format!("[{written}]"))
            }
            Data::Null | Data::Text(_) => wrong("E0302", "a text"),
            Data::Bool(_) => wrong("E0302", "a boolean"),
            Data::Number { .. } => wrong("E0302", "a number"),
            Data::List(_) => wrong("E0302", "a list"),
            Data::Map(_) => wrong("E0302", "a mapping"),
        }
    }

    /// A text that is none of the choices.
    pub fn no_choice(&self, node: &Node, text: &str, choices: &[String]) -> Finding {
        let choices = || choices.iter().map(String::as_str);
        let message = format!("{} must be {}, not {}", self.what(), listed(choices(), "or"), quoted(text));
        did_you_mean(Finding::error("E0303", message).at(node.span), nearest(text, choices()))
    }

    /// A text of another form or length.
    pub fn wrong_text(&self, node: &Node, text: &str, rule: &TextRule) -> Finding {
        let length = text.chars().count();
        let what = self.what();
        if text.is_empty() && rule.least > 0 {
            return Finding::error("E0308", format!("{what} must not be empty")).at(node.span);
        }
        if let Some(most) = rule.most.filter(|it| length > *it) {
            let message = format!("{what} has {length} characters; {most} is the most");
            return Finding::error("E0308", message).at(node.span);
        }
        with_advice(Finding::error("E0308", format!("{what} cannot be {}", quoted(text))).at(node.span), rule)
    }

    /// A key of another form or length.
    pub fn wrong_key(&self, key: &Key, rule: &TextRule) -> Finding {
        let length = key.text.chars().count();
        let message = match rule.most.filter(|it| length > *it) {
            Some(most) => format!("the name {} has {length} characters; {most} is the most", quoted(&key.text)),
            None => format!("{} cannot hold the name {}", self.holder(), quoted(&key.text)),
        };
        with_advice(Finding::error("E0201", message).at(key.span), rule)
    }

    /// A resource's name that cannot be used in a request.
    pub fn unusable_name(&self, key: &Key, refusal: &str) -> Finding {
        let message = format!("{} cannot be used as a name: {refusal}", quoted(&key.text));
        Finding::error("E0201", message).at(key.span)
    }

    /// A number too small or too large.
    pub fn out_of_range(&self, node: &Node, shape: &Shape) -> Finding {
        let range = match (shape.minimum, shape.maximum) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, most) => format!("at most {}", most.unwrap_or_default()),
        };
        let message = format!("{} must be {range}, not {}", self.what(), quoted(self.written(node.span)));
        Finding::error("E0311", message).at(node.span)
    }

    /// A list or a mapping with too little in it.
    pub fn too_few(&self, node: &Node, least: usize) -> Finding {
        let message = match least {
            1 => format!("{} must not be empty", self.what()),
            _ => format!("{} must hold at least {least}", self.what()),
        };
        Finding::error("E0310", message).at(node.span)
    }

    /// An item that stands in a list twice.
    pub fn twice(&self, text: &str, span: Span, first: Span) -> Finding {
        let message = format!("{} lists {} twice", self.what(), quoted(text));
        let finding = Finding::error("E0309", message).at(span).label("the second time");
        finding.related(format!("{} is listed first", quoted(text)), first)
    }

    /// Keys that must be there.
    pub fn missing(&self, node: &Node, keys: &[&str]) -> Finding {
        let span = self.path.last().map_or(node.span, |it| it.span);
        let keys = listed(keys.iter().copied(), "and");
        Finding::error("E0304", format!("{} lacks {keys}", self.what())).at(span).label(format!("without {keys}"))
    }

    /// A key that no schema knows.
    pub fn unknown_key(&self, key: &Key, shape: &Shape) -> Finding {
        let word = if self.path.len() == 1 { "section" } else { "field" };
        let message = match self.holder() {
            holder if self.path.len() == 1 => format!("{holder} has no section {}", quoted(&key.text)),
            holder => format!("{holder} has no field {}", quoted(&key.text)),
        };
        let finding = Finding::error("E0301", message).at(key.span).label(format!("unknown {word}"));
        if let Some(help) = self.belongs_elsewhere(&key.text, shape) {
            return finding.help(help);
        }
        let fields = || shape.fields.iter().map(|(it, _)| it.as_str()).filter(|it| *it != "$schema");
        match nearest(&key.text, fields()) {
            Some(right) => did_you_mean(finding, Some(right)),
            None => finding.help(format!("it can have {}", listed(fields(), "and"))),
        }
    }

    /// Whether the value would be a field of a whole entry.
    fn is_of_an_entry(&self) -> bool {
        let kind = |section: &str, shape| kinds::by_section(section).is_some_and(|it| it.facts().shape == shape);
        match self.path {
            [section, _] => kind(section.text, Shaped::One),
            [section, _, _] => kind(section.text, Shaped::Map),
            [group, section, _, _] => kind(&format!("{}.{}", group.text, section.text), Shaped::Map),
            _ => false,
        }
    }

    /// Where a key would be right, if it is right somewhere else. `shape` is what holds it.
    fn belongs_elsewhere(&self, key: &str, shape: &Shape) -> Option<String> {
        let sections = |field: &'static str| {
            let has = |section: &str| self.shapes.entry(section).and_then(|it| self.shapes.field(it, field)).is_some();
            let sections: Vec<&str> = kinds::ALL.iter().map(|it| it.facts().section).filter(|it| has(it)).collect();
            listed(sections, "and")
        };
        if let Some(common) = COMMON_FIELDS.into_iter().find(|it| *it == key) {
            return self.is_of_an_entry().then(|| format!("`{key}` works only in {}", sections(common)));
        }
        // What lists sections, such as `removed`, lists those that it can: the others did not go there by mistake.
        let is_section = |it: &str| kinds::by_section(it).is_some();
        if let [holder, _] = self.path
            && !is_section(holder.text)
            && shape.fields.iter().any(|it| is_section(&it.0))
        {
            return None;
        }
        if self.path.len() > 1 && self.shapes.field(self.shapes.root, key).is_some() {
            return Some(format!("`{key}` is a section of its own: write it without indentation"));
        }
        let owners: Vec<&str> = kinds::ALL
            .iter()
            .map(|it| it.facts().section)
            .filter(|it| self.shapes.entry(it).is_some_and(|it| self.shapes.field(it, key).is_some()))
            .collect();
        let known = !owners.is_empty() && owners.len() < kinds::ALL.len();
        known.then(|| format!("`{key}` is a field of what stands in {}", listed(owners, "and")))
    }

    /// An unquoted text that other readers take for something else.
    pub fn read_elsewhere(&self, text: &str, span: Span, other: &str) -> Finding {
        let message = format!("{} is read as a text here, and as {other} by other readers of YAML", quoted(text));
        in_quotes(Finding::warning("E0114", message).at(span), text)
    }
}

fn in_quotes(finding: Finding, written: &str) -> Finding {
    let quoted_text = format!("\"{written}\"");
    finding.help(format!("write it in quotes: {}", quoted(&quoted_text))).replace_with(quoted_text)
}

fn did_you_mean(finding: Finding, right: Option<&str>) -> Finding {
    match right {
        Some(right) => finding.help(format!("did you mean {}?", quoted(right))).replace_with(right),
        None => finding,
    }
}

/// The schema's own advice, as part of a sentence.
fn with_advice(finding: Finding, rule: &TextRule) -> Finding {
    let Some(message) = rule.form.as_ref().and_then(|it| it.message.as_deref()) else { return finding };
    let mut advice = message.trim_end_matches('.').to_owned();
    if let Some(first) = advice.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    finding.help(advice)
}

/// A path in words.
fn what(path: &[Step]) -> String {
    let one = |it: &Step| kinds::by_section(it.text).filter(|it| it.facts().shape == Shaped::One);
    let (head, rest) = match path {
        [] => return "the manifest".to_owned(),
        [section, rest @ ..] if one(section).is_some() => (format!("`{}`", section.text), rest),
        [section, name, rest @ ..] if name.index.is_none() => {
            let grouped = || kinds::by_section(&format!("{}.{}", section.text, name.text)).zip(rest.split_first());
            match (kinds::by_section(section.text), grouped()) {
                (Some(kind), _) => (format!("{} {}", kind.facts().word, quoted(name.text)), rest),
                (None, Some((kind, (name, rest)))) => (format!("{} {}", kind.facts().word, quoted(name.text)), rest),
                (None, None) => (String::new(), path),
            }
        }
        _ => (String::new(), path),
    };
    let Some((last, before)) = rest.split_last() else { return head };
    let fields = if last.index.is_some() { before } else { rest };
    let mut dotted = String::new();
    for step in fields {
        match step.index {
            Some(index) => dotted.push_str(&format!("[{index}]")),
            None if dotted.is_empty() => dotted.push_str(step.text),
            None => dotted.push_str(&format!(".{}", step.text)),
        }
    }
    let item = if last.index.is_some() { "an item of " } else { "" };
    let of = if head.is_empty() { "" } else { " of " };
    format!("{item}{}{of}{head}", quoted(&dotted))
}
