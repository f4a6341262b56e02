//! Rows into columns: sign, label, text, source; wrapped between words, never within one.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::render::escape;
use crate::render::lines::{Line, Sign};
use crate::render::text::Options;

/// Below this width there is no column of sources.
const WIDTH_FOR_SOURCES: usize = 100;
/// The column of texts, where labels leave it there.
const TEXT_COLUMN: usize = 24;
/// Where it stands at most; longer labels push their own text only.
const LAST_TEXT_COLUMN: usize = 44;
/// Wider sources stand out to the right.
const WIDEST_SOURCE: usize = 30;
/// What a text is given at least, however narrow the screen.
const NARROWEST_TEXT: usize = 24;

/// A part of the page.
pub enum Item {
    /// A line of its own, as it is.
    Plain(String),
    /// The same, emphasized.
    Heading(String),
    /// A line in columns. What stands at the right, such as its source, has a column of its own; where
    /// nothing can stand there, the text has the whole width.
    Row(Line, Option<String>),
}

/// A row without a source.
pub fn row(sign: Sign, label: impl Into<String>, text: impl Into<String>) -> Item {
    Item::Row(Line { sign, nested: false, label: label.into(), text: text.into() }, None)
}

/// A row that goes on with the one above.
pub fn more(text: impl Into<String>) -> Item {
    row(Sign::None, "", text)
}

/// The page.
pub fn page(items: &[Item], options: Options) -> String {
    let columns = Columns::of(items, options);
    let mut page = String::new();
    for item in items {
        match item {
            Item::Plain(text) => page.push_str(text),
            Item::Heading(text) => page.push_str(&paint(text, Style::new().bold(), options)),
            Item::Row(line, right) => columns.row(line, right.as_deref(), options, &mut page),
        }
        page.push('\n');
    }
    escape::log(&page)
}

struct Columns {
    text: usize,
    right: Option<usize>,
}

impl Columns {
    fn of(items: &[Item], options: Options) -> Self {
        let rows =
            || items.iter().filter_map(|it| if let Item::Row(line, right) = it { Some((line, right)) } else { None });
        let label_ends = rows().map(|(line, _)| indent(line) + width(&line.label) + 2);
        let text = label_ends.filter(|it| *it <= LAST_TEXT_COLUMN).max().unwrap_or(0).max(TEXT_COLUMN);
        let widest = rows().filter_map(|(_, right)| right.as_deref().map(width)).max().unwrap_or(0).min(WIDEST_SOURCE);
        let right = (options.width >= WIDTH_FOR_SOURCES && widest > 0).then(|| options.width.min(120) - widest);
        Self { text, right }
    }

    fn row(&self, line: &Line, right: Option<&str>, options: Options, page: &mut String) {
        let sign = line.sign.character(options.utf8).to_string();
        let label = format!("{sign}{}{}", " ".repeat(indent(line) - 1), line.label);
        let mut at = width(&label);
        if line.label.is_empty() && line.sign == Sign::None {
            page.push_str(&" ".repeat(at));
        } else {
            page.push_str(&paint(&label, style(line.sign), options));
        }
        if !line.text.is_empty() {
            let gap = if at + 2 > self.text { 2 } else { self.text - at };
            page.push_str(&" ".repeat(gap));
            at += gap;
        }
        let end = self.right.filter(|_| right.is_some()).map_or(options.width, |it| it - 2);
        let space = |at: usize| end.saturating_sub(at).max(NARROWEST_TEXT);
        for (index, text) in wrapped(&line.text, space(at), space(self.text)).into_iter().enumerate() {
            if index > 0 {
                page.push('\n');
                page.push_str(&" ".repeat(self.text));
            }
            page.push_str(&text);
            if let (0, Some(column), Some(right)) = (index, self.right, right.filter(|it| !it.is_empty())) {
                let at = at + width(&text);
                page.push_str(&" ".repeat(if at + 2 > column { 2 } else { column - at }));
                page.push_str(&paint(right, Style::new().dimmed(), options));
            }
        }
    }
}

/// A label begins after its sign and a space, that of a part two columns further.
fn indent(line: &Line) -> usize {
    if line.nested { 4 } else { 2 }
}

fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Lines of at most `first`, then `rest` columns, broken at spaces; a longer word stands out.
fn wrapped(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut limit, mut at) = (String::new(), first, 0);
    for (index, word) in text.split(' ').enumerate() {
        if !line.is_empty() && at + 1 + width(word) > limit {
            lines.push(std::mem::take(&mut line));
            (limit, at) = (rest, 0);
        } else if index > 0 {
            line.push(' ');
            at += 1;
        }
        line.push_str(word);
        at += width(word);
    }
    lines.push(line);
    lines
}

fn style(sign: Sign) -> Style {
    let color = match sign {
        Sign::Add => AnsiColor::Green,
        Sign::Change => AnsiColor::Yellow,
        Sign::Delete => AnsiColor::Red,
        Sign::Rename => AnsiColor::Cyan,
        Sign::Replace => AnsiColor::Magenta,
        Sign::Danger => return AnsiColor::Red.on_default().bold(),
        Sign::None => return Style::new(),
    };
    color.on_default()
}

/// A text in a style, if there is any.
pub fn paint(text: &str, style: Style, options: Options) -> String {
    if !options.color || style == Style::new() {
        return text.to_owned();
    }
    format!("{}{text}{}", style.render(), style.render_reset())
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_are_never_cut() {
        assert_eq!(wrapped("a bb a-long-name c", 4, 6), ["a bb", "a-long-name", "c"]);
        assert_eq!(wrapped("", 4, 4), [""]);
    }
}
