//! What the tests of this folder share.

use crate::manifest::{self, Failure};
use crate::model::{Desired, Diagnostic, Severity};

/// Loads texts as the files `0.yaml`, `1.yaml`, …
pub(super) fn load(texts: &[&str]) -> Result<Desired, Failure> {
    let files = texts.iter().enumerate().map(|(at, text)| (format!("{at}.yaml"), text.as_bytes().to_vec()));
    manifest::load(files.collect())
}

/// What is said about texts that cannot be used.
pub(super) fn errors(texts: &[&str]) -> Vec<Diagnostic> {
    let found = match load(texts) {
        Ok(desired) => desired.warnings,
        Err(failure) => failure.diagnostics,
    };
    found.into_iter().filter(|it| it.severity == Severity::Error).collect()
}

/// The codes of what is wrong with texts.
pub(super) fn codes(texts: &[&str]) -> Vec<String> {
    errors(texts).into_iter().map(|it| it.code).collect()
}

/// The only finding about a manifest of one file, which sets the organization in its first line.
pub(super) fn only(yaml: &str) -> Diagnostic {
    let text = format!("organization: acme\n{yaml}");
    let mut found = errors(&[&text]);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// A finding's code, and its first line and columns.
pub(super) fn at(found: &Diagnostic) -> (&str, u32, u32, u32) {
    let place = found.place.as_ref().unwrap();
    (&found.code, place.line, place.column, place.end_column)
}
