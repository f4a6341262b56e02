//! Bytes of a file to text: what is no text, holds secrets or was left by a merge is found before YAML is read.

use std::ops::Range;

use crate::manifest::finding::Finding;
use crate::model::Span;

/// The largest file that is read.
pub(super) const LARGEST_FILE: usize = 64 * 1024 * 1024;

/// A file as text.
pub(super) struct Text {
    /// The text to quote from. Secrets in it are blotted out.
    pub text: String,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Whether it can be read as YAML at all.
    pub readable: bool,
}

/// Decodes a file.
pub(super) fn decode(file: u32, bytes: Vec<u8>) -> Text {
    let refused = |text: String, finding: Finding| Text { text, findings: vec![finding], readable: false };
    let top = Span { file, start: 0, end: 0, line: 1, column: 1 };
    if bytes.len() > LARGEST_FILE {
        let finding = Finding::error("E0113", format!("the file has {} bytes; 64 MiB is the limit", bytes.len()));
        return refused(String::new(), finding.at(top).help("split the manifest into several files"));
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..] = bytes[..] {
        let finding = Finding::error("E0103", "the file is UTF-16 or UTF-32, not UTF-8").at(top);
        return refused(String::new(), finding.help("save it as UTF-8"));
    }
    let mut text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let finding = Finding::error("E0103", format!("byte {at} of the file is not UTF-8"))
                .at(span_of(file, &text, at..at))
                .label("no character begins with this byte")
                .help("save the file as UTF-8");
            return refused(text, finding);
        }
    };
    let mut findings = Vec::new();
    for range in secrets(&text) {
        findings.push(secret_finding(file, &text, range.clone()));
        let blot = "*".repeat(range.len());
        text.replace_range(range, &blot);
    }
    let broken = conflict(file, &text).or_else(|| control_character(file, &text));
    let readable = broken.is_none();
    findings.extend(broken);
    findings.extend(reordering_character(file, &text));
    Text { text, findings, readable }
}

/// The span of a stretch of the text. Counts from the beginning of the text: for the few places that
/// the YAML reader does not tell.
pub(super) fn span_of(file: u32, text: &str, range: Range<usize>) -> Span {
    let before = &text[..range.start];
    let line_start = before.rfind('\n').map_or(0, |it| it + 1);
    let line = before.bytes().filter(|it| *it == b'\n').count() + 1;
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    Span { file, start: range.start as u32, end: range.end as u32, line: line as u32, column: column as u32 }
}

/// Stretches that look like access tokens: `pul-` and at least 16 letters or digits. Only what follows
/// `pul-` is returned, so that the beginning stays readable.
fn secrets(text: &str) -> Vec<Range<usize>> {
    const PREFIX: &str = "pul-";
    const SHORTEST: usize = 16;
    let bytes = text.as_bytes();
    text.match_indices(PREFIX)
        .filter_map(|(at, _)| {
            let start = at + PREFIX.len();
            let length = bytes[start..].iter().take_while(|it| it.is_ascii_alphanumeric()).count();
            (length >= SHORTEST).then_some(start..start + length)
        })
        .collect()
}

fn secret_finding(file: u32, text: &str, range: Range<usize>) -> Finding {
    Finding::error("E0401", "this looks like an access token")
        .at(span_of(file, text, range))
        .label("not shown")
        .help("take it out, and revoke the token: whoever can read this repository has it")
}

/// Git's marks of a merge that was not finished.
fn conflict(file: u32, text: &str) -> Option<Finding> {
    let is_mark = |line: &str, mark: &str| {
        line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r']))
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        if is_mark(bare, "<<<<<<<") || is_mark(bare, ">>>>>>>") || is_mark(bare, "|||||||") {
            let finding = Finding::error("E0105", "the file holds a conflict marker of Git")
                .at(span_of(file, text, at..at + bare.len()))
                .label("left by a merge")
                .help("decide between the two sides, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`");
            return Some(finding);
        }
        at += line.len();
    }
    None
}

/// The first character that YAML does not allow in a text, or a carriage return of its own, which some
/// readers count as a line and others do not.
fn control_character(file: u32, text: &str) -> Option<Finding> {
    let bytes = text.as_bytes();
    let forbidden = |at: usize, it: char| match it {
        '\t' | '\n' | '\u{85}' => false,
        '\r' => bytes.get(at + 1) != Some(&b'\n'),
        '\u{feff}' => at != 0,
        _ => it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}'),
    };
    let mut found = text.char_indices().filter(|(at, it)| forbidden(*at, *it));
    let (at, character) = found.next()?;
    let more = match found.count() {
        0 => String::new(),
        more => format!(", and {more} more like it"),
    };
    let word = match character {
        '\r' => "a carriage return without a line feed".to_owned(),
        it => format!("the control character U+{:04X}", it as u32),
    };
    let finding = Finding::error("E0104", format!("the file holds {word}{more}")).at(span_of(
        file,
        text,
        at..at + character.len_utf8(),
    ));
    Some(finding.help("remove it; inside a text in double quotes it can be written as an escape such as `\\u0007`"))
}

/// The first character that shows the text in another order than it is read.
fn reordering_character(file: u32, text: &str) -> Option<Finding> {
    if text.is_ascii() {
        return None;
    }
    let reorders = |it: char| matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let (at, character) = text.char_indices().find(|(_, it)| reorders(*it))?;
    let message =
        format!("the file holds U+{:04X}, which shows text in another order than it is read", character as u32);
    let finding = Finding::warning("E0115", message).at(span_of(file, text, at..at + character.len_utf8()));
    Some(finding.help("remove it: a reviewer cannot see what this line says"))
}

#[cfg(test)]
mod tests {
    use super::{LARGEST_FILE, Text, decode};

    fn codes(bytes: &[u8]) -> (Vec<String>, bool) {
        let Text { findings, readable, .. } = decode(0, bytes.to_vec());
        (findings.into_iter().map(|it| it.diagnostic.code).collect(), readable)
    }

    #[test]
    fn plain_text_passes() {
        for text in ["a: b\n", "\u{feff}a: b\r\n", "# é\na:\tb\n", "a: pul-sandbox pul-platform-team\n"] {
            assert_eq!(codes(text.as_bytes()), (vec![], true), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_byte_has_its_offset_line_and_column() {
        let read = decode(0, b"a: \xc3\xa9\nb: \xff\n".to_vec());
        let finding = &read.findings[0];
        assert_eq!(finding.diagnostic.code, "E0103");
        assert_eq!(finding.diagnostic.message, "byte 9 of the file is not UTF-8");
        let span = finding.span.unwrap();
        assert_eq!((span.line, span.column, span.start), (2, 4, 9));
        assert!(!read.readable);
    }

    #[test]
    fn other_encodings_are_named() {
        for bytes in [b"\xff\xfea\0".as_slice(), b"\xfe\xff\0a", b"\0\0\xfe\xff\0\0\0a"] {
            assert_eq!(codes(bytes), (vec!["E0103".to_owned()], false));
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a: \u{1}\n", "a: \0\n", "a\rb: 1\n", "a: \u{9b}\n", "a: \u{7f}\n", "a: \u{feff}b\n"] {
            assert_eq!(codes(text.as_bytes()), (vec!["E0104".to_owned()], false), "{text:?}");
        }
    }

    #[test]
    fn conflict_markers_are_named() {
        let text = "a: 1\r\n<<<<<<< HEAD\r\nb: 1\r\n=======\r\nb: 2\r\n>>>>>>> topic\r\n";
        assert_eq!(codes(text.as_bytes()), (vec!["E0105".to_owned()], false));
        assert_eq!(codes(b"a: |\n  <<<<<<< HEAD\n"), (vec![], true));
        assert_eq!(codes(b"<<<<<<<<<: x\n"), (vec![], true));
    }

    #[test]
    fn a_token_is_blotted_out() {
        let read = decode(0, b"# pul-0123456789abcdef0123456789abcdef01234567\na: pul-0123456789abcdef\n".to_vec());
        assert_eq!(read.findings.len(), 2);
        assert!(!read.text.contains("0123"));
        assert!(read.text.ends_with("a: pul-****************\n"));
        assert_eq!(read.findings[1].span.unwrap().column, 8);
        assert!(!decode(0, b"xpul-0123456789abcdefpul-0123456789abcdef".to_vec()).text.contains("0123"));
    }

    #[test]
    fn reordered_text_is_a_warning() {
        assert_eq!(codes("# \u{202e}x\n".as_bytes()), (vec!["E0115".to_owned()], true));
    }

    #[test]
    fn an_enormous_file_is_refused() {
        assert_eq!(codes(&vec![b' '; LARGEST_FILE + 1]), (vec!["E0113".to_owned()], false));
    }
}
