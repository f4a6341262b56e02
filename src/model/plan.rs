//! A plan: what would be done, in which order, and what speaks against it. Promised, as `bylaws.plan` 1.0.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Change, Diagnostic, Impact, ResourceId};

/// The name of the format.
pub const FORMAT: &str = "bylaws.plan";
/// Minor versions only add; readers ignore names they do not know, and refuse another major version.
pub const FORMAT_VERSION: &str = "1.0";

/// A complete plan. It leaves no choices to whoever applies it.
///
/// Readers ignore names they do not know, and refuse a `formatVersion` with another major number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Always `bylaws.plan`.
    #[schemars(extend("enum" = [FORMAT]))]
    pub format: String,
    /// `MAJOR.MINOR`; a new minor version only adds.
    #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
    pub format_version: String,
    /// Who made it.
    pub tool: Tool,
    /// The organization's slug.
    pub organization: String,
    /// The service's address, such as `https://api.pulumi.com`.
    pub backend: String,
    /// Where the manifest came from.
    pub source: Source,
    /// SHA-256 over the canonical changes, the organization, the backend, and the dangers that only the whole
    /// manifest tells: `sha256:` and 64 hex digits.
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub checksum: String,
    /// Whether it can be applied.
    pub status: Status,
    /// Counts: what a gate or a headline needs.
    pub summary: Summary,
    /// What changes, by kind and name.
    pub changes: Vec<Change>,
    /// What would be applied as well, although this pull request does not ask for it.
    pub drift: Vec<Change>,
    /// Live objects in no manifest, of the kinds that were read: counted, never touched.
    pub unmanaged: Vec<Unmanaged>,
    /// Who gains and who loses access by `changes`, once `drift` is undone.
    #[serde(default)]
    pub impact: Impact,
    /// Who gains and who loses access when `drift` is undone.
    #[serde(default, skip_serializing_if = "Impact::is_empty")]
    pub drift_impact: Impact,
    /// Dangers and notes.
    pub diagnostics: Vec<Diagnostic>,
}

/// Who made the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// The program: `bylaws`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Where the manifest came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The paths, as given or found.
    pub paths: Vec<String>,
    /// How many files were read.
    pub files: usize,
    /// The manifest it was compared with, such as `main@77d01be`; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The resources that were asked for, where the plan is only a part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<ResourceId>,
    /// Resources whose write-only fields were asked to be sent again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resend: Vec<ResourceId>,
}

/// Whether a plan can be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Nothing blocks it and it saw all it had to see.
    pub applyable: bool,
    /// Everything it had to see was seen.
    pub complete: bool,
    /// Planning itself failed.
    pub errored: bool,
    /// Whether carrying it out on a copy of what was read leaves nothing to do; null where it was not
    /// rehearsed, because it can never be applied as it is.
    pub converges: Option<bool>,
}

/// Counts of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Resources that come.
    pub create: usize,
    /// Resources that change in place.
    pub update: usize,
    /// Resources that get another name.
    pub rename: usize,
    /// Resources that are made anew, or get a successor.
    pub replace: usize,
    /// Resources that go.
    pub delete: usize,
    /// Declared resources that are as they should be.
    pub unchanged: usize,
    /// Whether any change is destructive.
    pub destructive: bool,
    /// How many dangers block.
    pub blocked: usize,
    /// How many writing requests an apply sends.
    #[serde(default)]
    pub writes: usize,
    /// How many requests it took to read what the plan needs, as often as one had to be sent again not counted: it
    /// depends on the size of the service's pages, and is part of no checksum.
    #[serde(default)]
    pub reads: usize,
}

/// Live objects of one kind that no manifest speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unmanaged {
    /// The kind, such as `team`.
    pub kind: String,
    /// Their names, sorted.
    pub names: Vec<String>,
}

impl Plan {
    /// Everything an apply would do: the changes, then the drift.
    pub fn all_changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().chain(&self.drift)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.drift.is_empty()
    }

    /// The checksum as people see it: 12 hex digits.
    pub fn short_checksum(&self) -> &str {
        let digits = self.checksum.strip_prefix("sha256:").unwrap_or(&self.checksum);
        digits.get(..12).unwrap_or(digits)
    }
}
