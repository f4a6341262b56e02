//! What a plan does to who may do what. Promised, as a part of `bylaws.plan`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ResourceId;
use crate::model::access::Path;

/// Who gains and who loses which access, once the whole plan is applied.
///
/// It is the difference between before and after: whoever keeps a right through something else loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// How many people and tokens gain something.
    pub gaining: usize,
    /// How many people and tokens lose something.
    pub losing: usize,
    /// What they gain and lose; those who gain or lose the same through the same stand together.
    pub effects: Vec<Effect>,
    /// What could not be taken into account, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// What some gain or lose through the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Whether they gain or lose.
    pub effect: Direction,
    /// Who: people, or tokens.
    pub who: Vec<ResourceId>,
    /// Which rights.
    pub rights: Vec<RightChange>,
    /// What gives it afterwards, or gave it before: every way there is; an empty way is their own.
    pub through: Vec<Path>,
    /// For a loss: through what they hold the rest that `after` tells; for whoever no longer administers
    /// the organization, what they still belong to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still: Vec<Path>,
}

/// Whether access is gained or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Less than before.
    Loss,
    /// More than before.
    Gain,
}

/// One right, before and after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RightChange {
    /// On what: `stack/shop/prod`, `environment/shop/prod`, `organization`.
    pub on: ResourceId,
    /// The level or the permission before; null without one.
    pub before: Option<String>,
    /// The level or the permission afterwards; null without one.
    pub after: Option<String>,
}

impl Impact {
    /// Whether nobody's access changes, as far as that could be seen.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.unknown.is_empty()
    }
}
