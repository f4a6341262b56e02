//! One text as YAML: without quotes where that is safe, in quotes where it is not, as a block where it has lines.

use crate::manifest::scalar::{self, Plain};
use crate::model::name;

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// On a line of its own, or after a key.
    Block,
    /// Between `[` and `]`, or `{` and `}`.
    Flow,
}

/// A text on one line.
pub(super) fn line(text: &str, around: Around) -> String {
    if is_plain(text, around) {
        return text.to_owned();
    }
    let escapes = text.chars().any(needs_escape);
    if !escapes && text.contains(['"', '\\']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    double(text)
}

/// A text of several lines as a block, without its first line `|` and without indentation: the mark, and the
/// lines. Nothing where only quotes keep it.
pub(super) fn block(text: &str) -> Option<(&'static str, Vec<&str>)> {
    let (mark, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    // Editors take blanks at the end of a line away, and a first line that is indented needs a number.
    let safe = |it: &str| !it.ends_with([' ', '\t']) && !it.starts_with('\t') && !it.chars().any(needs_escape);
    let lines: Vec<&str> = body.split('\n').collect();
    let first = *lines.first()?;
    let sound = lines.len() > 1 || mark == "|";
    let ends = !first.is_empty() && !first.starts_with(' ') && lines.last().is_some_and(|it| !it.is_empty());
    (sound && ends && lines.iter().all(|it| safe(it))).then_some((mark, lines))
}

fn is_plain(text: &str, around: Around) -> bool {
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else { return false };
    if first.is_whitespace() || last.is_whitespace() || text.chars().any(needs_escape) {
        return false;
    }
    if matches!(first, '-' | '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"')
        || matches!(first, '%' | '@' | '`')
    {
        return false;
    }
    // Lines that begin so are taken for the end of a document, and for what Git leaves of a merge.
    if text.starts_with("...") || text.starts_with("<<<<<<<") {
        return false;
    }
    if last == ':' || text.contains(": ") || text.contains(" #") || text.contains('\t') {
        return false;
    }
    if around == Around::Flow && text.contains([',', '[', ']', '{', '}']) {
        return false;
    }
    scalar::plain(text) == Plain::Text && scalar::read_elsewhere(text).is_none() && !is_something_elsewhere(text)
}

/// What some readers take for something else than a text: a date, a single letter for yes and no, marks of YAML.
fn is_something_elsewhere(text: &str) -> bool {
    let date = text.len() >= 8 && text.bytes().take(4).all(|it| it.is_ascii_digit()) && text.as_bytes()[4] == b'-';
    date || matches!(text, "<<" | "=" | "y" | "Y" | "n" | "N")
}

/// Whether a character is shown only as an escape: nobody sees it, or it ends a line.
fn needs_escape(character: char) -> bool {
    name::is_invisible(character) || matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// A text in double quotes, whatever it holds.
pub(super) fn double(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            it if needs_escape(it) => match it as u32 {
                code @ 0..=0xff => quoted.push_str(&format!("\\x{code:02X}")),
                code @ 0x100..=0xffff => quoted.push_str(&format!("\\u{code:04X}")),
                code => quoted.push_str(&format!("\\U{code:08X}")),
            },
            it => quoted.push(it),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{Around, block, line};

    #[test]
    fn a_text_is_quoted_only_where_it_must_be() {
        for text in
            ["alice", "team/platform", "stack:read", "Card payments.", "90d", "a#b", "it's", "https://x.example/y"]
        {
            assert_eq!(line(text, Around::Flow), text);
        }
        let quoted = [
            "",
            "1",
            "0x1f",
            "1e3",
            ".5",
            "-x",
            "yes",
            "ON",
            "null",
            "~",
            "true",
            "2027-05-01",
            "1:30",
            " a",
            "a ",
            "a: b",
            "a:",
            "a #b",
            "- a",
            "? a",
            "*a",
            "&a",
            "%a",
            "@a",
            "`a",
            "---",
            "...",
            "<<",
            "=",
            "[a]",
            "{a",
            "y",
        ];
        for text in quoted {
            assert_eq!(line(text, Around::Block), format!("\"{text}\""), "{text}");
        }
        assert_eq!(line("a, b", Around::Block), "a, b");
        assert_eq!(line("a, b", Around::Flow), "\"a, b\"");
    }

    #[test]
    fn quotes_of_the_kind_that_needs_fewer_escapes() {
        assert_eq!(line("\"it's\" said", Around::Block), "'\"it''s\" said'");
        assert_eq!(line("\\d: it", Around::Block), "'\\d: it'");
        assert_eq!(line("a\u{202e}b\u{1b}\"", Around::Block), "\"a\\u202Eb\\x1B\\\"\"");
        assert_eq!(line("a\u{e0001}", Around::Block), "\"a\\U000E0001\"");
    }

    #[test]
    fn lines_are_a_block_where_nothing_is_lost() {
        assert_eq!(block("a\nb\n"), Some(("|", vec!["a", "b"])));
        assert_eq!(block("a\n\n  b"), Some(("|-", vec!["a", "", "  b"])));
        for text in ["a", " a\nb", "\na", "a \nb", "a\nb\n\n", "a\r\nb", "a\n\tb", "a\u{202e}\nb", ""] {
            assert_eq!(block(text), None, "{text:?}");
        }
    }
}
