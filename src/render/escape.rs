//! Foreign text made harmless: one function for each place a text can go to.

use std::fmt::Write as _;

use crate::model::name::{is_invisible, visible};

/// For one line of a terminal, a log or any plain text: no control sequence, no line break, nothing
/// that reorders or hides text, and no logging command in the middle of it.
pub fn terminal(text: &str) -> String {
    break_bracket_commands(&visible(text), "\\u{23}")
}

/// For a whole rendered text that may end up in the log of a pipeline: there a line that begins with
/// `::`, white space before it ignored, can be a command to the runner, and so can `##[` anywhere.
pub fn log(text: &str) -> String {
    let text = break_bracket_commands(text, "\\u{23}");
    if !text.contains("::") {
        return text;
    }
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let content = line.trim_start();
        if content.starts_with("::") {
            safe.push_str(&line[..line.len() - content.len()]);
            safe.push_str("\\u{3a}");
            safe.push_str(&content[1..]);
        } else {
            safe.push_str(line);
        }
    }
    safe
}

/// `##[group]` and `##vso[…]` are obeyed wherever they stand in a line: the second sign is written out.
fn break_bracket_commands(text: &str, written_out: &str) -> String {
    if !text.contains("##") {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("##") {
        let after = &rest[at + 2..];
        safe.push_str(&rest[..=at]);
        if after.trim_start_matches(|it: char| it.is_ascii_alphabetic()).starts_with('[') {
            safe.push_str(written_out);
            rest = after;
        } else {
            rest = &rest[at + 1..];
        }
    }
    safe.push_str(rest);
    safe
}

/// For the message of a workflow command: `::error …::MESSAGE`.
pub fn workflow_message(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => safe.push_str("%25"),
            '\r' => safe.push_str("%0D"),
            '\n' => safe.push_str("%0A"),
            it if is_invisible(it) => safe.push_str(&visible(it.encode_utf8(&mut [0; 4]))),
            it => safe.push(it),
        }
    }
    safe
}

/// For a property of a workflow command: `::error file=PROPERTY,title=PROPERTY::…`.
pub fn workflow_property(text: &str) -> String {
    workflow_message(text).replace(':', "%3A").replace(',', "%2C")
}

/// For one segment of a path, or one half of a query parameter, exactly as it is sent.
pub fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            it => _ = write!(encoded, "%{it:02X}"),
        }
    }
    encoded
}

/// For a text that is JSON already: what a terminal would obey or nobody could see is written as `\uXXXX`.
///
/// Outside its strings JSON is plain ASCII, and inside them the serializer escapes all below U+0020; so
/// whatever else is found is inside a string, and the value stays the same.
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut units = [0; 2];
    for character in text.chars() {
        if character >= '\u{7f}' && is_invisible(character) {
            for unit in character.encode_utf16(&mut units) {
                _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    break_bracket_commands(&safe, "\\u0023")
}

/// For one argument of a POSIX shell's command line.
pub fn shell(text: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-./:=@%+,".contains(it);
    let text = terminal(text);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// For Markdown, as a code span: nothing in it is markup, a mention, a reference or an emoji.
pub fn code(text: &str) -> String {
    let text = markdown_terminal(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let touches = text.is_empty() || text.starts_with('`') || text.ends_with('`');
    let strips = text.starts_with(' ') && text.ends_with(' ');
    if touches || strips { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

/// For a cell of a Markdown table, as code.
///
/// A cell ends at a bar even within a code span, a backslash before the bar means other things to other
/// readers, and a character reference outside a code span can become part of a link. So it is written out.
pub fn cell(text: &str) -> String {
    code(&text.replace('|', "\\u{7c}"))
}

/// For Markdown, as a sentence: plain words stay words, stretches in backticks stay code, and any word
/// that could be markup, a mention, a reference, a link or an emoji becomes code.
pub fn prose(text: &str) -> String {
    let text = terminal(text);
    // At the start of a line, spaces could make a block of code of it and a numbered word a list.
    let text = text.trim_start_matches(' ');
    let parts: Vec<&str> = text.split('`').collect();
    let mut safe = String::with_capacity(text.len());
    // An odd number of backticks pairs nothing: then each is a character like any other.
    if parts.len().is_multiple_of(2) {
        push_words(&mut safe, text);
        return safe;
    }
    for (index, part) in parts.into_iter().enumerate() {
        if index % 2 == 0 { push_words(&mut safe, part) } else { push_code(&mut safe, part) }
    }
    safe
}

/// For Markdown, as a stable word such as the code of a finding: itself, or code where it is no such word.
pub fn word(text: &str) -> String {
    let plain =
        text.starts_with(|it: char| it.is_ascii_alphabetic()) && text.ends_with(|it: char| it.is_ascii_alphabetic());
    if plain && is_plain_word(text) { text.to_owned() } else { code(text) }
}

/// Plain words as they are; each stretch of others as one piece of code, its closing punctuation outside.
fn push_words(safe: &mut String, text: &str) {
    let mut stretch: Vec<&str> = Vec::new();
    for (index, word) in text.split(' ').enumerate() {
        let lists = safe.is_empty() && word.starts_with(|it: char| it.is_ascii_digit()) && word.ends_with(['.', ')']);
        let plain = word.is_empty() || (is_plain_word(word) && !lists);
        if plain {
            push_stretch(safe, &mut stretch);
        }
        if index > 0 && stretch.is_empty() {
            safe.push(' ');
        }
        if plain {
            safe.push_str(word);
        } else {
            stretch.push(word);
            if word.ends_with(CLOSING) {
                push_stretch(safe, &mut stretch);
            }
        }
    }
    push_stretch(safe, &mut stretch);
}

/// What may end a sentence or a part of it, and is no markup after a piece of code.
const CLOSING: [char; 5] = ['.', ',', ';', ':', ')'];

fn push_stretch(safe: &mut String, stretch: &mut Vec<&str>) {
    let text = std::mem::take(stretch).join(" ");
    let core = text.trim_end_matches(CLOSING);
    if core.is_empty() {
        if !text.is_empty() {
            push_code(safe, &text);
        }
    } else {
        push_code(safe, core);
        safe.push_str(&text[core.len()..]);
    }
}

fn push_code(safe: &mut String, text: &str) {
    // Two spans that touch would be read as one with other limits.
    if safe.ends_with('`') {
        safe.push(' ');
    }
    safe.push_str(&code(text));
}

fn is_plain_word(word: &str) -> bool {
    let core = word.trim_start_matches(['(', '"', '\'']).trim_end_matches(['.', ',', ';', ':', ')', '"', '\'', '?']);
    let reference = core.len() >= 7 && core.chars().all(|it| it.is_ascii_hexdigit());
    let letters = core.starts_with(|it: char| it.is_ascii_alphabetic())
        && core.chars().all(|it| it.is_ascii_alphabetic() || matches!(it, '-' | '/' | '\''));
    let digits = core.trim_end_matches('%');
    let number = (1..=6).contains(&digits.len()) && digits.chars().all(|it| it.is_ascii_digit());
    core.is_empty() || (letters && !reference) || number || is_date(core)
}

/// `2026-11-19`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|it| it.len()).eq([4, 2, 2]) && parts.iter().all(|it| it.chars().all(|it| it.is_ascii_digit()))
}

/// For Markdown, as a block: a fence longer than any run of backticks inside.
pub fn fenced(language: &str, text: &str) -> String {
    let text = break_comments(text);
    let fence = "`".repeat(3.max(longest_run(&text) + 1));
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// For a value inside one of our own HTML comments, where nothing may end the comment.
pub fn marker(text: &str) -> String {
    percent(text).replace("--", "-%2D")
}

/// A link's target, if it can be one: `https:`, and no character that could end it early.
pub fn link(target: &str) -> Option<String> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-._~:/?#@!$&+,;=%".contains(it);
    (target.starts_with("https://") && target.chars().all(plain)).then(|| target.to_owned())
}

fn markdown_terminal(text: &str) -> String {
    break_comments(&terminal(text))
}

/// Comments are found by looking for their text, so that not even code may hold one.
fn break_comments(text: &str) -> String {
    text.replace("<!--", "<\\u{21}--")
}

fn longest_run(text: &str) -> usize {
    text.split(|it| it != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_no_command() {
        assert_eq!(log("  ::add-mask::x\na ::b\n"), "  \\u{3a}:add-mask::x\na ::b\n");
        assert_eq!(terminal("a##[group]b###vso[c"), "a#\\u{23}[group]b##\\u{23}vso[c");
        assert_eq!(terminal("## a [b]\n::x"), "## a [b]\\n::x");
    }

    #[test]
    fn workflow_commands_cannot_be_left() {
        assert_eq!(workflow_message("50%\r\n::x\u{202e}"), "50%25%0D%0A::x\\u{202e}");
        assert_eq!(workflow_property("a:b,c%"), "a%3Ab%2Cc%25");
    }

    #[test]
    fn paths_are_encoded_byte_by_byte() {
        assert_eq!(percent("a b/ü%.~"), "a%20b%2F%C3%BC%25.~");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({"a": "x\u{202e}\u{9b}\u{e0041}##[group]", "b": "\\u{23}"});
        let text = json(&value.to_string());
        assert_eq!(text, r#"{"a":"x\u202e\u009b\udb40\udc41#\u0023[group]","b":"\\u{23}"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn code_spans_hold_any_text() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code(" a "), "`  a  `");
        assert_eq!(code("a`b``"), "``` a`b`` ```");
        assert_eq!(code("<!-- x -->"), "`<\\u{21}-- x -->`");
        assert_eq!(cell("a|b\\"), "`a\\u{7c}b\\`");
        assert_eq!(fenced("diff", "+ ````"), "`````diff\n+ ````\n`````\n");
    }

    #[test]
    fn sentences_keep_their_words_only() {
        assert_eq!(
            prose("`bob` loses access to shop/prod (50%), see @acme/all and #1, GH-1 or www.x.y."),
            "`bob` loses access to shop/prod (50%), see `@acme/all` and `#1`, `GH-1` or `www.x.y`."
        );
        assert_eq!(prose("see deadbeef or 1234567"), "see `deadbeef` or `1234567`");
        assert_eq!(prose("`a`@b`c`"), "`a` `@b` `c`");
        assert_eq!(prose("odd ` <b>"), "odd `` ` <b> ``");
        assert_eq!(prose("1. x (2.)"), "`1`. x (2.)");
        assert_eq!(prose("12) x"), "`12`) x");
        assert_eq!(
            prose("(or --allow few-admins:member/b0b), on 2026-11-19."),
            "(or `--allow few-admins:member/b0b`), on 2026-11-19."
        );
        assert_eq!(prose("     x"), "x");
    }

    #[test]
    fn arguments_survive_a_shell() {
        assert_eq!(shell("delete-team:team/data-eng"), "delete-team:team/data-eng");
        assert_eq!(shell("delete-role:role/it's"), r"'delete-role:role/it'\''s'");
        assert_eq!(shell("$(x)"), "'$(x)'");
    }

    #[test]
    fn comments_cannot_be_left() {
        assert_eq!(marker("a-->b"), "a-%2D%3Eb");
        assert_eq!(link("https://example.invalid/a?b=c"), Some("https://example.invalid/a?b=c".to_owned()));
        assert_eq!(link("javascript:x"), None);
        assert_eq!(link("https://x/a)b"), None);
    }
}
