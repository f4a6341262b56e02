//! YAML text to [`Node`] trees with the place of every part; the only file that knows the YAML library.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle};

use crate::manifest::budget::{Budget, DEEPEST, MOST_ALIASES, MOST_NODES, Share};
use crate::manifest::finding::{Finding, quoted};
use crate::manifest::mapping::{Entries, Mapping};
use crate::manifest::scalar::{self, Plain};
use crate::manifest::words::Words;
use crate::model::{Data, Node, Span};

/// What became of one file.
pub(super) struct Document {
    /// The tree, unless the file cannot be read.
    pub root: Option<Node>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// Reads one file. Everything that aliases repeat is counted before it is copied.
pub(super) fn read(file: u32, text: &str, budget: &Budget) -> Document {
    let mut builder = Builder {
        file,
        budget: budget.share(),
        open: Vec::new(),
        items: Vec::new(),
        entries: Vec::new(),
        anchors: HashMap::new(),
        aliases: 0,
        words: Words::default(),
        root: None,
        findings: Vec::new(),
    };
    let stopped = builder.run(text).err();
    let mut root = builder.root.take().filter(|_| stopped.is_none());
    let mut findings = builder.findings;
    findings.extend(stopped.map(|it| *it));
    if root.is_none() && findings.is_empty() {
        let top = Span { file, start: 0, end: 0, line: 1, column: 1 };
        findings.push(
            Finding::error("E0102", "the file is empty").at(top).help("write at least one section, or remove the file"),
        );
    }
    if findings.iter().any(|it| it.diagnostic.code == "E0106") {
        root = None;
    }
    Document { root, findings }
}

/// A node with what an alias to it would cost.
#[derive(Clone)]
struct Counted {
    node: Node,
    nodes: usize,
    height: usize,
}

/// A collection whose end was not read yet.
struct Open {
    content: Content,
    span: Span,
    anchor: usize,
    flow: bool,
    nodes: usize,
    height: usize,
}

enum Content {
    /// Where its items begin in the stack of items.
    List(usize),
    Map(Box<Mapping>),
}

struct Builder<'a> {
    file: u32,
    budget: Share<'a>,
    open: Vec<Open>,
    /// Items of all open lists: each finished one is copied once, to its exact size.
    items: Vec<Node>,
    /// Entries of all open mappings.
    entries: Entries,
    anchors: HashMap<usize, Counted>,
    aliases: usize,
    words: Words,
    root: Option<Node>,
    findings: Vec<Finding>,
}

impl Builder<'_> {
    /// Reads all events. An error stops the file.
    fn run(&mut self, text: &str) -> Result<(), Box<Finding>> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            flow_nesting_limit: DEEPEST + 1,
            block_nesting_limit: DEEPEST + 1,
        };
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, place) = event.map_err(|error| Box::new(self.syntax(text, &error)))?;
            let span = self.span(&place);
            if let (Some(tag), Some(stretch)) = (event.tag(), place.tag_span()) {
                let finding = Finding::error("E0109", format!("the tag {} is not allowed", quoted(&tag.original())));
                let finding = finding.at(self.span(&stretch)).label("a YAML tag");
                self.findings.push(finding.help("remove the tag; write texts in quotes where they could be misread"));
            }
            match event {
                Event::DocumentStart(_, version) => {
                    documents += 1;
                    if documents > 1 {
                        let finding = Finding::error("E0106", "the file holds more than one document").at(span);
                        self.findings.push(finding.help("write one document a file; many files make one manifest"));
                        return Ok(());
                    }
                    if version.is_some_and(|it| (it.major, it.minor) != (1, 2)) {
                        let finding = Finding::error("E0117", "the file asks for another version of YAML than 1.2");
                        self.findings.push(finding.at(span).help("remove the line `%YAML`: manifests are YAML 1.2"));
                    }
                }
                Event::Scalar(value, style, anchor, _) => self.scalar(&value, style, anchor, span)?,
                Event::SequenceStart(style, anchor, _) => {
                    self.begin(Content::List(self.items.len()), style, anchor, span)?;
                }
                Event::MappingStart(style, anchor, _) => {
                    let map = Mapping::begin(&self.entries);
                    self.begin(Content::Map(Box::new(map)), style, anchor, span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
                Event::Alias(id) => self.alias(id, text, span)?,
                Event::UnresolvedAlias(name) => {
                    let message = format!("there is no anchor {}", quoted(&format!("&{name}")));
                    let finding = Finding::error("E0110", message).at(span).label("not defined above");
                    self.findings.push(finding.help("an anchor must stand in the same file, before its aliases"));
                    self.leave_out(span);
                }
                Event::StreamEnd if !self.budget.finish() => return Err(too_many(span)),
                _ => {}
            }
        }
        Ok(())
    }

    fn span(&self, place: &granit_parser::Span) -> Span {
        let range = place.byte_range().unwrap_or_default();
        Span {
            file: self.file,
            start: range.start as u32,
            end: range.end as u32,
            line: place.start.line() as u32,
            column: place.start.col() as u32 + 1,
        }
    }

    fn begin(
        &mut self,
        content: Content,
        style: StructureStyle,
        anchor: usize,
        span: Span,
    ) -> Result<(), Box<Finding>> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(span));
        }
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { content, span, anchor, flow, nodes: 1, height: 1 });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Result<(), Box<Finding>> {
        let Some(Open { content, mut span, anchor, flow, nodes, height }) = self.open.pop() else { return Ok(()) };
        let data = match content {
            Content::List(start) => {
                let items: Vec<Node> = self.items.drain(start..).collect();
                span.end = items.last().map_or(span.end, |it| it.span.end);
                Data::List(items)
            }
            Content::Map(map) => {
                span.end = map.last_byte().unwrap_or(span.end);
                Data::Map(map.finish(&mut self.entries))
            }
        };
        if flow {
            span.end = end.end;
        }
        self.complete(Counted { node: Node { data, span }, nodes, height }, anchor, false)
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, anchor: usize, span: Span) -> Result<(), Box<Finding>> {
        // Nothing after a colon is told as `~` at an empty stretch.
        let written = if span.start == span.end { "" } else { value };
        let data = match style {
            ScalarStyle::Plain => match scalar::plain(written) {
                Plain::Null => Data::Null,
                Plain::Bool(value) => Data::Bool(value),
                Plain::Number(value) => Data::Number { text: self.words.get(written), value },
                Plain::Endless => {
                    let finding = Finding::error("E0312", format!("{} is no usable number", quoted(written))).at(span);
                    self.findings.push(finding.help("write a number, or put it in quotes if it is a text"));
                    self.leave_out(span);
                    return Ok(());
                }
                Plain::Text => Data::Text(self.words.get(written)),
            },
            _ => Data::Text(self.words.get(value)),
        };
        let merge = style == ScalarStyle::Plain && written == "<<";
        self.complete(Counted { node: Node { data, span }, nodes: 1, height: 0 }, anchor, merge)
    }

    fn alias(&mut self, id: usize, text: &str, span: Span) -> Result<(), Box<Finding>> {
        self.aliases += 1;
        if self.aliases > MOST_ALIASES {
            let finding = Finding::error("E0113", format!("the file holds more than {MOST_ALIASES} aliases"));
            return Err(Box::new(finding.at(span)));
        }
        let Some(target) = self.anchors.get(&id) else {
            let name = text.get(span.start as usize..span.end as usize).unwrap_or("*");
            let finding = Finding::error("E0110", format!("the alias {} stands inside what it repeats", quoted(name)));
            self.findings.push(finding.at(span).label("would never end"));
            self.leave_out(span);
            return Ok(());
        };
        if self.open.len() + target.height > DEEPEST {
            return Err(too_deep(span));
        }
        if !self.budget.take(target.nodes) {
            return Err(too_many(span));
        }
        let mut copy = target.clone();
        copy.node.span = span;
        self.complete(copy, 0, false)
    }

    /// A value that cannot be used, already reported: its key or item is left out.
    fn leave_out(&mut self, span: Span) {
        if let Some(Open { content: Content::Map(map), .. }) = self.open.last_mut() {
            map.leave_out(span);
        }
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, counted: Counted, anchor: usize, merge: bool) -> Result<(), Box<Finding>> {
        if !self.budget.take(1) || (anchor != 0 && !self.budget.take(counted.nodes)) {
            return Err(too_many(counted.node.span));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, counted.clone());
        }
        let Counted { node, nodes, height } = counted;
        match self.open.last_mut() {
            None => {
                self.root = (!(matches!(node.data, Data::Null) && node.span.start == node.span.end)).then_some(node)
            }
            Some(open) => {
                open.nodes += nodes;
                open.height = open.height.max(height + 1);
                match &mut open.content {
                    Content::List(_) => self.items.push(node),
                    Content::Map(map) => {
                        if let Err(finding) = map.push(&mut self.entries, node, merge) {
                            self.findings.push(*finding);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A syntax error in words.
    fn syntax(&self, text: &str, error: &ScanError) -> Finding {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or(text.len()).min(text.len());
        let length = text[start..].chars().next().filter(|it| *it != '\n' && *it != '\r').map_or(0, char::len_utf8);
        let span = Span {
            file: self.file,
            start: start as u32,
            end: (start + length) as u32,
            line: marker.line() as u32,
            column: marker.col() as u32 + 1,
        };
        let line = &text[text[..start].rfind('\n').map_or(0, |it| it + 1)..];
        let indented_by_tab = line.chars().take_while(|it| matches!(it, ' ' | '\t')).any(|it| it == '\t');
        let (code, message, help) = describe(error.kind(), indented_by_tab);
        let finding = Finding::error(code, message).at(span);
        if help.is_empty() { finding } else { finding.help(help) }
    }
}

fn too_deep(span: Span) -> Box<Finding> {
    Box::new(Finding::error("E0113", format!("the file is nested more than {DEEPEST} levels deep")).at(span))
}

fn too_many(span: Span) -> Box<Finding> {
    let finding = Finding::error("E0113", format!("the manifest holds more than {MOST_NODES} values")).at(span);
    Box::new(finding.help("what an alias repeats counts as often as it is repeated"))
}

/// The code, the sentence and the help of a syntax error.
fn describe(kind: &ErrorKind, indented_by_tab: bool) -> (&'static str, String, &'static str) {
    const SYNTAX: &str = "E0101";
    const TAB: &str = "E0107";
    const QUOTE: &str = "put the text in quotes";
    let say = |message: &str, help| (SYNTAX, message.to_owned(), help);
    match kind {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => (TAB, "a tab cannot indent a line".to_owned(), "indent with spaces"),
        _ if indented_by_tab => (TAB, "a tab cannot indent a line".to_owned(), "indent with spaces"),
        ErrorKind::RecursionLimitExceeded => {
            ("E0113", format!("the file is nested more than {DEEPEST} levels deep"), "")
        }
        ErrorKind::UnclosedFlowCollection { open } => (SYNTAX, format!("this `{open}` is never closed"), ""),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (SYNTAX, format!("a `{open}` is closed by this `{close}`"), "")
        }
        ErrorKind::MisplacedFlowCollectionEnd => say("nothing is open that this could close", QUOTE),
        ErrorKind::UnclosedQuotedScalar => say("this quote is never closed", ""),
        ErrorKind::UnexpectedCharacter { character } => {
            (SYNTAX, format!("a text cannot begin with {}", quoted(&character.to_string())), QUOTE)
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => say(
            "a `:` cannot stand here",
            "put a text that holds `: ` in quotes, or look at the indentation of this line and the one before",
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockSequenceEntry => {
            say("this line belongs to nothing above it", "indent it as far as its neighbours")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            say("a `:` is missing after this key", "write `key: value`")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            say("a list cannot begin on this line", "begin it on the next line, or write `[a, b]`")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            say("this text holds an unknown escape", "write `\\\\` for a backslash, or use single quotes")
        }
        ErrorKind::MissingAnchorOrAliasName => say("a name must follow `&` and `*`", QUOTE),
        other => (SYNTAX, format!("this is no YAML: {other}"), ""),
    }
}
