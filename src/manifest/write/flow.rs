//! Collections in brackets and braces become others; what stays keeps its own spelling.

use serde_json::Value;

use crate::manifest::write::edit::one_line;
use crate::manifest::write::emit;
use crate::manifest::write::lines::{self, Step};
use crate::manifest::write::scalar::Around;
use crate::model::{Data, Node};

/// Whether a value is written in brackets or braces.
pub(super) fn is_flow(text: &str, node: &Node) -> bool {
    let collection = matches!(node.data, Data::Map(_) | Data::List(_));
    // A mapping whose first key is in braces is none of ours: keys are texts.
    collection && text[node.span.start as usize..].starts_with(['[', '{'])
}

/// A value in brackets or braces, or a part of one, as another value.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn text(source: &str, node: &Node, target: &Value) -> Result<String, String> {
    let (start, end) = (node.span.start as usize, node.span.end as usize);
    let written = source.get(start..end).ok_or(ODD)?;
    if node.to_value() == *target {
        return Ok(written.trim_end().to_owned());
    }
    if written.starts_with('*') {
        return Err(format!("holds the alias `{}`", written.trim_end()));
    }
    match (&node.data, target) {
        (Data::List(items), Value::Array(wanted)) if is_flow(source, node) => list(source, node, items, wanted),
        (Data::Map(entries), Value::Object(wanted)) if is_flow(source, node) => {
            let mut pieces = Vec::new();
            for (key, value) in entries {
                if !node.span.covers(key.span) {
                    return Err("comes from an alias or a merge key".to_owned());
                }
                let stretch = (key.span.start as usize, value.span.end as usize);
                let piece = match wanted.get(&*key.text) {
                    None => None,
                    Some(wanted) => {
                        let before = source.get(stretch.0..value.span.start as usize).ok_or(ODD)?;
                        Some(format!("{before}{}", text(source, value, wanted)?))
                    }
                };
                pieces.push(Piece { stretch: Some(stretch), text: piece });
            }
            for (key, value) in wanted.iter().filter(|it| node.get(it.0).is_none()) {
                let text = emit::inline_entry(key, value).ok_or(ODD)?;
                pieces.push(Piece { stretch: None, text: Some(text) });
            }
            joined(source, node, pieces)
        }
        (Data::List(_) | Data::Map(_), _) => plain(written, target),
        _ if target.is_object() || target.is_array() => {
            emit::inline(target, Around::Flow).ok_or_else(|| ODD.to_owned())
        }
        _ => Ok(one_line(written, target, Around::Flow)),
    }
}

const ODD: &str = "is written in a form that cannot be changed";

/// All of a collection anew, where nothing but its values is lost by that.
fn plain(written: &str, target: &Value) -> Result<String, String> {
    if written.contains(['#', '&']) {
        return Err("holds comments or anchors, which would go with it".to_owned());
    }
    emit::inline(target, Around::Flow).ok_or_else(|| ODD.to_owned())
}

/// What stands between two separators: where it stood, and what shall stand there, if anything.
struct Piece {
    stretch: Option<(usize, usize)>,
    text: Option<String>,
}

fn list(source: &str, node: &Node, items: &[Node], wanted: &[Value]) -> Result<String, String> {
    let before: Vec<Value> = items.iter().map(Node::to_value).collect();
    let stretch = |index: usize| Some((items[index].span.start as usize, items[index].span.end as usize));
    let mut pieces = Vec::new();
    for step in lines::steps(&before, wanted) {
        pieces.push(match step {
            Step::Keep(index) => {
                let text = source.get(items[index].span.start as usize..items[index].span.end as usize).ok_or(ODD)?;
                Piece { stretch: stretch(index), text: Some(text.trim_end().to_owned()) }
            }
            Step::Change(index, to) => {
                Piece { stretch: stretch(index), text: Some(text(source, &items[index], &wanted[to])?) }
            }
            Step::Remove(index) => Piece { stretch: stretch(index), text: None },
            Step::Add(to) => Piece { stretch: None, text: Some(emit::inline(&wanted[to], Around::Flow).ok_or(ODD)?) },
        });
    }
    joined(source, node, pieces)
}

/// Pieces with what separates them: as it was where it was, else as between the first two.
fn joined(source: &str, node: &Node, pieces: Vec<Piece>) -> Result<String, String> {
    let (start, end) = (node.span.start as usize, node.span.end as usize);
    let old: Vec<(usize, usize)> = pieces.iter().filter_map(|it| it.stretch).collect();
    let kept = pieces.iter().any(|it| it.text.is_some());
    let (Some(first), Some(last), true) = (old.first(), old.last(), kept) else {
        let inner: Vec<String> = pieces.into_iter().filter_map(|it| it.text).collect();
        let written = source.get(start..end).ok_or(ODD)?;
        if written.contains(['#', '&']) {
            return Err("holds comments or anchors, which would go with it".to_owned());
        }
        let (open, close) = if written.starts_with('[') { ('[', ']') } else { ('{', '}') };
        return Ok(format!("{open}{}{close}", inner.join(", ")));
    };
    let gap = |from: usize, to: usize| source.get(from..to).ok_or(ODD);
    let usual = match old.get(1) {
        Some(second) => gap(first.1, second.0)?,
        None => ", ",
    };
    let usual = if usual.contains('#') || usual.contains('&') { ", " } else { usual };
    let mut text = gap(start, first.0)?.to_owned();
    // The end of the last old piece, while everything between it and the next one is still to be kept.
    let (mut previous, mut begun) = (None, false);
    for piece in pieces {
        match (&piece.text, piece.stretch) {
            (Some(new), stretch) => {
                match (previous, stretch, begun) {
                    (_, _, false) => {}
                    (Some(end), Some((start, _)), true) => text.push_str(gap(end, start)?),
                    _ => text.push_str(usual),
                }
                text.push_str(new);
                begun = true;
                previous = stretch.map(|it| it.1);
            }
            (None, Some((from, to))) => {
                let next = old.iter().find(|it| it.0 > from).map_or(end, |it| it.0);
                if gap(from, to)?.contains('&') || gap(to, next)?.contains('#') {
                    return Err("holds comments or anchors, which would go with it".to_owned());
                }
                previous = None;
            }
            (None, None) => {}
        }
    }
    text.push_str(gap(last.1, end)?);
    let count = |text: &str| text.matches(['&', '#']).count();
    if count(&text) < count(gap(start, end)?) {
        return Err("holds comments or anchors, which would go with it".to_owned());
    }
    Ok(text)
}
