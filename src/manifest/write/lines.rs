//! Where lines begin and end, and how one list becomes another.

use serde_json::Value;

/// How lines end in a text.
pub(super) fn end_of_line(text: &str) -> &'static str {
    let carriages = text.matches("\r\n").count();
    if 2 * carriages > text.matches('\n').count() { "\r\n" } else { "\n" }
}

/// Where the line begins that holds a byte.
pub(super) fn start(text: &str, byte: usize) -> usize {
    let from = text[..byte].rfind('\n').map_or(0, |it| it + 1);
    if text[from..].starts_with('\u{feff}') { (from + '\u{feff}'.len_utf8()).min(byte) } else { from }
}

/// Where the line ends that holds a byte, its end not counted.
pub(super) fn end(text: &str, byte: usize) -> usize {
    text[byte..].find(['\r', '\n']).map_or(text.len(), |it| byte + it)
}

/// Where the next line begins.
pub(super) fn after(text: &str, byte: usize) -> usize {
    text[byte..].find('\n').map_or(text.len(), |it| byte + it + 1)
}

/// The number of the line that holds a byte, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> u32 {
    text[..byte].matches('\n').count() as u32 + 1
}

/// Where the dash of a list's item stands.
pub(super) fn dash_before(text: &str, item: usize) -> usize {
    text[..item].rfind('-').unwrap_or(item)
}

/// How far a level is indented: as the first indented line is.
pub(super) fn step(text: &str) -> usize {
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let telling = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with(['#', '-']);
    text.lines().filter(telling).map(spaces).find(|it| *it > 0).unwrap_or(2).clamp(1, 8)
}

/// Where, behind a key, the mark of a block of lines stands: `|` or `>`.
pub(super) fn block_mark(between: &str) -> Option<usize> {
    let mut at = between.find(':')? + 1;
    loop {
        at += between[at..].len() - between[at..].trim_start_matches([' ', '\t']).len();
        let rest = &between[at..];
        if rest.starts_with('&') {
            at += rest.find([' ', '\t', '\r', '\n']).unwrap_or(rest.len());
            continue;
        }
        return rest.starts_with(['|', '>']).then_some(at);
    }
}

/// One step from a list to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The item of this index stays.
    Keep(usize),
    /// The item of this index becomes the wanted one of that.
    Change(usize, usize),
    /// The item of this index goes.
    Remove(usize),
    /// The wanted item of this index comes.
    Add(usize),
}

/// The steps from a list to another, as few as there can be. What goes and what comes in one place, in equal
/// numbers, is changed instead.
pub(super) fn steps(before: &[Value], wanted: &[Value]) -> Vec<Step> {
    let same = before.iter().zip(wanted).take_while(|it| it.0 == it.1).count();
    let (rest, goal) = (&before[same..], &wanted[same..]);
    let mut steps: Vec<Step> = (0..same).map(Step::Keep).collect();
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    let settle = |gone: &mut Vec<usize>, come: &mut Vec<usize>, steps: &mut Vec<Step>| {
        if gone.len() == come.len() {
            steps.extend(gone.drain(..).zip(come.drain(..)).map(|(from, to)| Step::Change(from, to)));
        }
        steps.extend(gone.drain(..).map(Step::Remove));
        steps.extend(come.drain(..).map(Step::Add));
    };
    let longest = common(rest, goal);
    let (mut from, mut to) = (0, 0);
    while from < rest.len() || to < goal.len() {
        if from < rest.len() && to < goal.len() && rest[from] == goal[to] {
            settle(&mut gone, &mut come, &mut steps);
            steps.push(Step::Keep(same + from));
            (from, to) = (from + 1, to + 1);
        } else if to == goal.len() || (from < rest.len() && longest(from + 1, to) >= longest(from, to + 1)) {
            gone.push(same + from);
            from += 1;
        } else {
            come.push(same + to);
            to += 1;
        }
    }
    settle(&mut gone, &mut come, &mut steps);
    steps
}

/// How much two lists have in common from two places on.
fn common(before: &[Value], wanted: &[Value]) -> impl Fn(usize, usize) -> u32 {
    const LARGEST: usize = 4_000_000;
    let width = wanted.len() + 1;
    let mut table = Vec::new();
    // Lists too long to compare wholly are taken item by item: what is gone goes, what is new comes.
    if (before.len() + 1) * width <= LARGEST {
        table = vec![0u32; (before.len() + 1) * width];
        for from in (0..before.len()).rev() {
            for to in (0..wanted.len()).rev() {
                table[from * width + to] = match before[from] == wanted[to] {
                    true => table[(from + 1) * width + to + 1] + 1,
                    false => table[(from + 1) * width + to].max(table[from * width + to + 1]),
                };
            }
        }
    }
    move |from, to| table.get(from * width + to).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Step, block_mark, step, steps};

    fn list(value: Value) -> Vec<Value> {
        value.as_array().cloned().unwrap_or_default()
    }

    #[test]
    fn a_list_changes_in_as_few_steps_as_there_can_be() {
        let of = |before: Value, wanted: Value| steps(&list(before), &list(wanted));
        assert_eq!(of(json!([1, 2]), json!([1, 2])), [Step::Keep(0), Step::Keep(1)]);
        assert_eq!(
            of(json!([1, 2, 3]), json!([1, 3, 4])),
            [Step::Keep(0), Step::Remove(1), Step::Keep(2), Step::Add(2)]
        );
        assert_eq!(of(json!([1, 2, 3]), json!([1, 9, 3])), [Step::Keep(0), Step::Change(1, 1), Step::Keep(2)]);
        assert_eq!(of(json!([]), json!([1])), [Step::Add(0)]);
    }

    #[test]
    fn marks_of_blocks_are_found_behind_anchors() {
        assert_eq!(block_mark(": |\n  "), Some(2));
        assert_eq!(block_mark(": &a >-\n  "), Some(5));
        assert_eq!(block_mark(": \"|\""), None);
    }

    #[test]
    fn a_level_is_indented_as_the_first_one_is() {
        assert_eq!(step("# a\na:\n    b: 1\n"), 4);
        assert_eq!(step("a: 1\n"), 2);
    }
}
