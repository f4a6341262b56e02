//! A finding while its places are still spans: made anywhere in this folder, resolved once at the end.

use crate::model::desired::{SourceFile, place_in};
use crate::model::diagnostic::Related;
use crate::model::{Diagnostic, Severity, Span, name};

/// A finding whose places are not resolved yet.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Where, if anywhere.
    pub span: Option<Span>,
    /// All but the places.
    pub diagnostic: Diagnostic,
    /// Other places that matter.
    pub related: Vec<(String, Option<Span>)>,
}

impl Finding {
    /// An error without a place.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self { span: None, diagnostic: Diagnostic::error(code, message), related: Vec::new() }
    }

    /// A warning without a place.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { span: None, diagnostic: Diagnostic::new(Severity::Warning, code, message), related: Vec::new() }
    }

    /// The same, at a place.
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// The same, with a few words under the marked stretch.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.diagnostic.label = Some(label.into());
        self
    }

    /// The same, with what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.diagnostic.help = Some(help.into());
        self
    }

    /// The same, with what should stand in the marked stretch.
    pub fn replace_with(mut self, text: impl Into<String>) -> Self {
        self.diagnostic.replace_with = Some(text.into());
        self
    }

    /// The same, with another place that matters. The sentence is shown with ` at FILE:LINE:COLUMN` after it.
    pub fn related(mut self, message: impl Into<String>, span: Span) -> Self {
        self.related.push((message.into(), Some(span)));
        self
    }

    /// The same, with a remark.
    pub fn remark(mut self, message: impl Into<String>) -> Self {
        self.related.push((message.into(), None));
        self
    }

    /// Whether nothing can go on with it.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

/// Findings in the order of their places (files as given), those without a place last, each cause once.
///
/// What stands in an anchor is checked wherever an alias brings it; the same mistake at the same place
/// is reported for the first of them only.
pub(super) fn resolve(mut findings: Vec<Finding>, files: &[SourceFile]) -> Vec<Diagnostic> {
    let key = |it: &Finding| (it.span.is_none(), it.span.map(|span| (span.file, span.start, span.end)));
    findings.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.diagnostic.code.cmp(&b.diagnostic.code)));
    findings.dedup_by(|b, a| b.span.is_some() && key(a) == key(b) && a.diagnostic.code == b.diagnostic.code);
    findings.into_iter().map(|it| resolve_one(it, files)).collect()
}

fn resolve_one(finding: Finding, files: &[SourceFile]) -> Diagnostic {
    let Finding { span, mut diagnostic, related } = finding;
    diagnostic.place = span.map(|it| place_in(files, it));
    diagnostic.related = related
        .into_iter()
        .map(|(message, span)| Related { message, place: span.map(|it| place_in(files, it)) })
        .collect();
    diagnostic
}

/// A name somebody wrote, in backticks, harmless and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = name::visible(&text.chars().take(LONGEST).collect::<String>());
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Names in backticks: `` `a`, `b` or `c` ``.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{listed, quoted};

    #[test]
    fn foreign_names_are_harmless_and_short() {
        assert_eq!(quoted("a\u{1b}[2J"), "`a\\u{1b}[2J`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 83);
        assert_eq!(listed(["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!(listed(["a"], "or"), "`a`");
    }
}
