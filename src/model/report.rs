//! What an apply did: every step, done, failed or skipped, and what was found when it was read again.

use serde::{Deserialize, Serialize};

use crate::model::{FieldChange, ResourceId};

/// The name of the format.
pub const FORMAT: &str = "bylaws.report";
/// Minor versions only add.
pub const FORMAT_VERSION: &str = "1.0";

/// What an apply did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always `bylaws.report`.
    pub format: String,
    /// `MAJOR.MINOR`.
    pub format_version: String,
    /// The organization's slug.
    pub organization: String,
    /// The checksum of the plan that was applied.
    pub checksum: String,
    /// Every step of the plan, in its order.
    pub steps: Vec<StepReport>,
    /// What reading again after the last step found.
    pub verification: Verification,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The step's number in the plan.
    pub step: usize,
    /// Whose step it is.
    pub id: ResourceId,
    /// What it was to do.
    pub what: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Outcome {
    /// The service has it. `remark` says what only the answer could tell, never a secret: `as ci-deploy.3-x7k2pq`.
    #[serde(rename_all = "camelCase")]
    Done {
        /// For people.
        remark: Option<String>,
    },
    /// The service refused it, or could not be reached.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// What it said.
        message: String,
        /// The answer never came, so that it may have happened all the same; the verification tells.
        uncertain: bool,
    },
    /// It was not tried.
    #[serde(rename_all = "camelCase")]
    Skipped {
        /// Why: which step it waited for, or that something failed before a deletion.
        because: String,
    },
}

/// What reading again after the last step found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Verification {
    /// Nothing is left to do.
    Converged,
    /// These resources still differ.
    Left {
        /// Which.
        ids: Vec<ResourceId>,
        /// Those among them that every step was done for: what the service did not keep.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unsettled: Vec<Unsettled>,
    },
    /// The reading itself failed.
    Unread {
        /// Why.
        message: String,
    },
    /// Nothing was applied, so nothing was read again.
    NotNeeded,
}

/// A change that was carried out, and is not so when it is read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsettled {
    /// Whose.
    pub id: ResourceId,
    /// The fields that were written, as they are (`before`) and as they were to be (`after`).
    pub fields: Vec<FieldChange>,
    /// What is behind it, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

impl Report {
    /// How many steps were done, failed, skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        self.steps.iter().fold((0, 0, 0), |(done, failed, skipped), it| match it.outcome {
            Outcome::Done { .. } => (done + 1, failed, skipped),
            Outcome::Failed { .. } => (done, failed + 1, skipped),
            Outcome::Skipped { .. } => (done, failed, skipped + 1),
        })
    }
}
