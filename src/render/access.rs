//! Who gains, who loses and who may do what, as lines: what every rendering for people says about access.

use std::collections::BTreeSet;

use serde_json::json;

use crate::kinds;
use crate::model::access::{Access, Path};
use crate::model::impact::{Direction, Effect, RightChange};
use crate::model::{Impact, ResourceId};
use crate::render::lines::{Line, Sign};
use crate::render::value;

/// Of more rights, people or ways than this the rest is counted.
const SHOWN: usize = 12;

/// Both counts in words: `gained by 2, lost by 1`.
pub fn counts(impact: &Impact) -> String {
    let said = |what: &str, count: usize| (count > 0).then(|| format!("{what} by {count}"));
    let found: Vec<String> =
        [said("gained", impact.gaining), said("lost", impact.losing)].into_iter().flatten().collect();
    if found.is_empty() { "nobody gains or loses anything that was read".to_owned() } else { found.join(", ") }
}

/// The lines of an impact, in its order: one for each effect, and those that go on with it.
pub fn lines(effects: &[&Effect]) -> Vec<Line> {
    effects.iter().flat_map(|it| effect(it)).collect()
}

fn effect(effect: &Effect) -> Vec<Line> {
    let sign = match effect.effect {
        Direction::Loss => Sign::Delete,
        Direction::Gain => Sign::Add,
    };
    let rights: Vec<String> = effect.rights.iter().map(changed).collect();
    let mut lines = vec![line(sign, who(&effect.who), format!("{}{}", few(&rights), through(&effect.through)))];
    lines.extend(everybody(&effect.who));
    if !effect.still.is_empty() {
        lines.push(line(Sign::None, String::new(), format!("still through {}", ways(&effect.still))));
    }
    lines
}

/// The lines of what some may do.
pub fn held(access: &[Access]) -> Vec<Line> {
    let mut lines = Vec::new();
    for it in access {
        let rights: Vec<String> = it.rights.iter().map(|it| named(&it.on, &value::name(&it.may))).collect();
        lines.push(line(Sign::None, who(&it.who), format!("{}{}", few(&rights), through(&it.through))));
        lines.extend(everybody(&it.who));
    }
    lines
}

fn line(sign: Sign, label: String, text: String) -> Line {
    Line { sign, nested: false, label, text }
}

/// Somebody, or how many there are.
fn who(ids: &[ResourceId]) -> String {
    match ids {
        [one] => id(one),
        // An effect is about people or about tokens, never about both.
        several => {
            let kinds: BTreeSet<&str> = several.iter().map(|it| it.kind.as_str()).collect();
            let section = kinds.first().and_then(|it| kinds::by_word(it)).map_or("others", |it| it.facts().section);
            format!("{} {section}", several.len())
        }
    }
}

/// The names of several.
fn everybody(ids: &[ResourceId]) -> Option<Line> {
    let names: Vec<String> = ids.iter().map(|it| value::name(&it.name)).collect();
    (ids.len() > 1).then(|| line(Sign::None, String::new(), few(&names)))
}

fn changed(right: &RightChange) -> String {
    let what = match (&right.before, &right.after) {
        (Some(before), Some(after)) => value::arrow(&json!(before), &json!(after)),
        (Some(only), None) | (None, Some(only)) => value::name(only),
        (None, None) => String::new(),
    };
    named(&right.on, &what)
}

fn named(on: &ResourceId, what: &str) -> String {
    format!("{}: {what}", id(on))
}

fn id(id: &ResourceId) -> String {
    if id.name.is_empty() {
        value::name(&id.kind)
    } else {
        format!("{}/{}", value::name(&id.kind), value::name(&id.name))
    }
}

/// What a right comes through, if not from themselves: `, through team/platform, team/web (role/auditor)`.
fn through(paths: &[Path]) -> String {
    let ways = ways(paths);
    if ways.is_empty() { ways } else { format!(", through {ways}") }
}

fn ways(paths: &[Path]) -> String {
    let way = |path: &Path| -> Option<String> {
        let (first, rest) = path.split_first()?;
        let rest: Vec<String> = rest.iter().map(id).collect();
        Some(if rest.is_empty() { id(first) } else { format!("{} ({})", id(first), rest.join(", ")) })
    };
    few(&paths.iter().filter_map(way).collect::<Vec<_>>())
}

fn few(texts: &[String]) -> String {
    let shown = texts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
