//! The part of a comment about who gains and who loses access: losses in sight, everything else folded.

use unicode_width::UnicodeWidthStr;

use crate::model::Impact;
use crate::model::impact::{Direction, Effect};
use crate::render::lines::{Line, Sign};
use crate::render::markdown::{Cut, parts};
use crate::render::{access, escape};

/// More lines than this are folded away.
const IN_SIGHT: usize = 12;
/// A wider column of names pushes only its own text.
const WIDEST_NAME: usize = 40;

/// What is said about access, as far as there is room; what was `said` to be not counted is not said again.
pub fn paragraphs(impact: &Impact, said: &[String], cut: Cut) -> Vec<String> {
    let unknown: Vec<&String> = impact.unknown.iter().filter(|it| !said.contains(it)).collect();
    if impact.effects.is_empty() && unknown.is_empty() {
        return Vec::new();
    }
    let heading = format!("**Access**: {}.", access::counts(impact));
    if cut >= Cut::Multitudes {
        return vec![format!("{heading} Not shown here.")];
    }
    let of = |wanted: Option<Direction>| -> Vec<&Effect> {
        impact.effects.iter().filter(|it| wanted.is_none_or(|wanted| it.effect == wanted)).collect()
    };
    let (all, losses) = (access::lines(&of(None)), access::lines(&of(Some(Direction::Loss))));
    let mut paragraphs = vec![heading];
    let folds = cut < Cut::Fields;
    if all.len() <= IN_SIGHT {
        paragraphs.extend(block(&all));
    } else {
        // Where not all losses have room, those that have say how many there are.
        let mut seen = losses.clone();
        if losses.len() > IN_SIGHT {
            seen.truncate(IN_SIGHT);
            let text = if folds { "more: see below" } else { "more" }.to_owned();
            seen.push(Line { sign: Sign::None, nested: false, label: "…".to_owned(), text });
        }
        paragraphs.extend(block(&seen));
        let folded = if cut >= Cut::Additions { losses } else { all };
        paragraphs.extend(
            block(&folded).filter(|_| folds).map(|it| parts::fold("Who gains and who loses which access", &it)),
        );
    }
    if !unknown.is_empty() && folds {
        let lines: Vec<String> = unknown.iter().map(|it| format!("- {}", escape::prose(it))).collect();
        paragraphs.push(format!("Not counted:\n{}", lines.join("\n")));
    }
    paragraphs
}

/// Lines as a block that is coloured by the first character of each.
fn block(lines: &[Line]) -> Option<String> {
    let widest = lines.iter().map(|it| it.label.width()).filter(|it| *it <= WIDEST_NAME).max().unwrap_or(0);
    let shown = |line: &Line| {
        let gap = " ".repeat(widest.saturating_sub(line.label.width()) + 2);
        format!("{} {}{gap}{}", line.sign.in_diff(), line.label, line.text)
    };
    let text: Vec<String> = lines.iter().map(|it| shown(it).trim_end().to_owned()).collect();
    let block = escape::fenced("diff", &escape::log(&text.join("\n")));
    (!lines.is_empty()).then(|| block.trim_end().to_owned())
}
