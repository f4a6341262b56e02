//! What a change is put down to: who made a drift, and which commit took an entry out of the manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Instant;

/// Who made a drift, as far as the audit log tells. Everything is null where the log tells of nothing that fits:
/// then the change is unattributed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    /// The login of whoever did it; null where it was a machine, or where only an e-mail address is known.
    pub by: Option<String>,
    /// The name of the access token that they used, where the log tells one.
    pub token: Option<String>,
    /// When it was (RFC 3339, UTC).
    pub at: Option<String>,
    /// The event's id in the audit log, such as `team-updated`.
    pub event: Option<String>,
}

impl Attribution {
    /// Whether the log tells of nothing that fits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

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

/// What the audit log tells of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When it was.
    pub at: Instant,
    /// Its id, in one spelling: `team-updated`.
    pub event: String,
    /// What happened, in prose: the only place that names what it happened to.
    pub description: String,
    /// The login of whoever did it, if that is one.
    pub login: Option<String>,
    /// The name of the token that was used, if one is told.
    pub token: Option<String>,
}
