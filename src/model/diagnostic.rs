//! What is wrong with what somebody wrote, or with what a plan would do: data, rendered elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ResourceId;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can go on with this.
    Error,
    /// Worth reading; in a plan it may block until it is acknowledged.
    Warning,
    /// For information.
    Note,
}

/// A stretch of a file, resolved: what people and machines are shown.
///
/// Lines and columns count from 1, columns in characters; ends are one past the last one; bytes count from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file as it was named on the command line or found.
    pub file: String,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// One past the last column.
    pub end_column: u32,
    /// First byte in the file.
    pub start_byte: u32,
    /// One past the last byte.
    pub end_byte: u32,
}

/// One finding, complete: any rendering is made from this and the source text alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// A stable code: `E0203` for mistakes in a manifest, a word such as `last-admin` for a plan's.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether a plan with this cannot be applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocking: bool,
    /// One sentence: lower case, no full stop, names in backticks.
    pub message: String,
    /// Where it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// A few words under the marked stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What should stand in the marked stretch instead, if that can be guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_with: Option<String>,
    /// Why, and other places that matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// The change that brings it, in a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ResourceId>,
    /// What `--allow` takes to accept it, where it speaks of the plan as a whole, such as `budget:team=7`: whoever
    /// applies a saved plan gives exactly this. Absent where reviewed text accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
}

/// Another place that belongs to a finding, or a remark without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Related {
    /// The remark.
    pub message: String,
    /// Where, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Diagnostic {
    /// A finding with nothing but its code and sentence.
    pub fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity,
            blocking: false,
            message: message.into(),
            place: None,
            label: None,
            help: None,
            replace_with: None,
            related: Vec::new(),
            change: None,
            allow: None,
        }
    }

    /// An error.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }
}

/// What a kind says about a spec that it finds wrong: the manifest adds the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable code.
    pub code: &'static str,
    /// JSON pointer into the entry, such as `/members/2`; `/members/#` for the key itself, empty for the name.
    pub pointer: String,
    /// Which characters of the marked scalar are meant, as (start, length); all of it when `None`.
    pub part: Option<(usize, usize)>,
    /// One sentence: lower case, no full stop, names in backticks.
    pub message: String,
    /// A few words under the marked stretch.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Error, or a warning.
    pub severity: Severity,
}

impl Problem {
    /// An error at `pointer` of an entry.
    pub fn error(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            pointer: pointer.into(),
            part: None,
            message: message.into(),
            label: None,
            help: None,
            severity: Severity::Error,
        }
    }

    /// The same with what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
