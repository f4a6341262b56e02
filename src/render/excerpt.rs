//! The lines around a place, cut to a size that can be shown, with nothing in them that steers a terminal.

use std::ops::Range;

use crate::model::Place;
use crate::model::desired::SourceFile;
use crate::model::name;

/// Some lines of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The lines, harmless.
    pub text: String,
    /// The number of the first one.
    pub first_line: usize,
    /// The marked bytes of the text.
    pub mark: Range<usize>,
    /// The column of the mark in the excerpt: another than in the file where characters were replaced.
    pub column: usize,
    /// Whether the marked stretch stands in it as it is.
    pub whole: bool,
}

/// Lines shown before the marked one.
const BEFORE: usize = 2;
/// The most lines that a mark goes over; of a longer one only the first line is marked.
const TALLEST: usize = 6;
/// The longest line, in characters; a longer one is cut around the mark.
const WIDEST: usize = 200;
/// How much of a cut line stands before the mark.
const LEAD: usize = 60;

/// The lines around a place, if the file is there.
pub(super) fn cut(files: &[SourceFile], place: &Place) -> Option<Excerpt> {
    let text = &files.iter().find(|it| it.path == place.file)?.text;
    let (start, mut end) = (place.start_byte as usize, place.end_byte as usize);
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |it| it + 1);
    let marked = text.get(start..end)?;
    if marked.matches('\n').count() >= TALLEST {
        end = start + marked.find(['\r', '\n']).unwrap_or(marked.len());
    }
    let first = (0..BEFORE).fold(line_start, |at, _| match at {
        0 => 0,
        _ => text[..at - 1].rfind('\n').map_or(0, |it| it + 1),
    });
    let last = text[end..].find('\n').map_or(text.len(), |it| end + it);
    let first_line = (place.line as usize).saturating_sub(text[first..line_start].matches('\n').count()).max(1);
    let mut excerpt = Excerpt { text: String::new(), first_line, mark: 0..0, column: 1, whole: true };
    let mut at = first;
    for line in text[first..last].split('\n') {
        let range = at..at + line.len();
        at = range.end + 1;
        let mark = start.clamp(range.start, range.end)..end.clamp(range.start, range.end);
        let mark = mark.start - range.start..mark.end - range.start;
        excerpt.line(line, range.contains(&start) || range.end == start, mark);
        if range.end < last {
            excerpt.text.push('\n');
        }
    }
    Some(excerpt)
}

impl Excerpt {
    /// Adds a line. The mark begins in it, or goes on in it, or has nothing to do with it and is empty.
    fn line(&mut self, line: &str, begins: bool, mark: Range<usize>) {
        let line_at = self.text.len();
        let long = line.chars().nth(WIDEST).is_some();
        let from = if long && begins { back(line, mark.start, LEAD) } else { 0 };
        let to = if long { forward(line, from, WIDEST) } else { line.len() };
        if from > 0 {
            self.text.push('…');
        }
        self.push(&line[from..mark.start.clamp(from, to)]);
        if begins {
            self.mark.start = self.text.len();
            self.column = self.text[line_at..].chars().count() + 1;
        }
        let inside = &line[mark.start.clamp(from, to)..mark.end.clamp(from, to)];
        let before = self.text.len();
        self.push(inside);
        self.whole &= mark.end <= to && self.text[before..] == *inside;
        if begins || !mark.is_empty() {
            self.mark.end = self.text.len();
        }
        self.push(&line[mark.end.clamp(from, to)..to]);
        if to < line.len() {
            self.text.push('…');
        }
    }

    /// Adds text of the file, harmless. Tabs stay; they are drawn as spaces.
    fn push(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '\t' => self.text.push('\t'),
                '\r' => {}
                '\u{feff}' if self.text.is_empty() => {}
                it if name::is_invisible(it) => self.text.push_str(&name::visible(it.encode_utf8(&mut [0; 4]))),
                it => self.text.push(it),
            }
        }
    }
}

/// So many characters before a byte.
fn back(line: &str, at: usize, characters: usize) -> usize {
    line[..at].char_indices().rev().take(characters).last().map_or(at, |(at, _)| at)
}

/// So many characters after a byte.
fn forward(line: &str, at: usize, characters: usize) -> usize {
    line[at..].char_indices().nth(characters).map_or(line.len(), |(it, _)| at + it)
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, cut};
    use crate::model::desired::{SourceFile, place_in};
    use crate::model::{Place, Span};

    fn cut_at(text: &str, mark: &str) -> Excerpt {
        let start = text.find(mark).unwrap();
        let line = text[..start].matches('\n').count() as u32 + 1;
        let line_start = text[..start].rfind('\n').map_or(0, |it| it + 1);
        let column = text[line_start..start].trim_start_matches('\u{feff}').chars().count() as u32 + 1;
        let files = [SourceFile { path: "a".to_owned(), text: text.into() }];
        let span = Span { file: 0, start: start as u32, end: (start + mark.len()) as u32, line, column };
        cut(&files, &place_in(&files, span)).unwrap()
    }

    #[test]
    fn two_lines_stand_before_the_marked_one() {
        let excerpt = cut_at("a\nb\r\nc\nd: x\ne\n", "x");
        assert_eq!((excerpt.text.as_str(), excerpt.first_line), ("b\nc\nd: x", 2));
        assert_eq!((excerpt.mark, excerpt.column, excerpt.whole), (7..8, 4, true));
        assert_eq!(cut_at("x", "x").text, "x");
    }

    #[test]
    fn characters_that_steer_are_shown() {
        let excerpt = cut_at("\u{feff}a\u{202e}: x\u{1b}[2J\n", "x\u{1b}");
        assert_eq!(excerpt.text, "a\\u{202e}: x\\u{1b}[2J");
        assert_eq!((&excerpt.text[excerpt.mark.clone()], excerpt.column, excerpt.whole), ("x\\u{1b}", 12, false));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let long = "é".repeat(1000);
        let excerpt = cut_at(&format!("{long} x {long}\n"), "x");
        assert_eq!(excerpt.text.chars().count(), 202);
        assert_eq!((&excerpt.text[excerpt.mark.clone()], excerpt.column), ("x", 62));
        assert_eq!(cut_at(&format!("{long}\n{long}\nx\n"), "x").text.chars().count(), 405);
        assert!(!cut_at(&format!("{long}\n"), &long).whole);
    }

    #[test]
    fn tall_marks_are_marked_at_their_first_line() {
        let excerpt = cut_at("a\nb\nc\nd\ne\nf\ng\nh\n", "b\nc\nd\ne\nf\ng\nh");
        assert_eq!((excerpt.text.as_str(), &excerpt.text[excerpt.mark.clone()]), ("a\nb", "b"));
        let excerpt = cut_at("a\nb\nc\nd\n", "b\nc");
        assert_eq!((excerpt.text.as_str(), &excerpt.text[excerpt.mark.clone()]), ("a\nb\nc", "b\nc"));
    }

    #[test]
    fn a_place_in_no_file_has_no_excerpt() {
        assert_eq!(cut(&[], &Place::default()), None);
        let files = [SourceFile { path: "a".to_owned(), text: "é".into() }];
        let place = Place { file: "a".to_owned(), line: 1, column: 1, start_byte: 1, end_byte: 9, ..Place::default() };
        assert_eq!(cut(&files, &place), None);
    }
}
