//! What a change is put down to: which commit took an entry out of the manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an entry stood that the manifest no longer has, and the commit that took it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// Its file in the base branch's manifest.
    pub file: String,
    /// The line there, from 1.
    pub line: u32,
    /// Which manifest that is, such as `main@77d01be`.
    pub base: String,
    /// The commit that took it out, in full; null where it is not known, or not committed yet.
    pub commit: Option<String>,
    /// Whether it was taken out since the last commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncommitted: bool,
}

/// How an entry left the manifest, as the history tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// By this commit.
    Commit(String),
    /// Since the last commit.
    Uncommitted,
}
