//! Who may do what, and through what: the words in which kinds say it, and the answer to that question.
//!
//! [`Grant`] is what a kind says of one resource: somebody holds a right, or all that a team or a role
//! gives. [`Listing`] is what `bylaws access` answers; it is promised, as `bylaws.access` 1.0.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ResourceId;

/// The name of the format.
pub const FORMAT: &str = "bylaws.access";
/// Minor versions only add.
pub const FORMAT_VERSION: &str = "1.0";

/// The organization itself, as something that rights are on.
pub const ORGANIZATION: &str = "organization";
/// The name that stands for every stack or every environment: `stack/*`.
pub const EVERY: &str = "*";
/// The rank of the one right that holds every other: administering the organization.
pub const EVERYTHING: u8 = u8::MAX;

/// What part the resources of a kind have in who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// None.
    None,
    /// They give rights to those who hold them, as a team or a role does.
    Gives,
    /// They are owned, and give nothing on.
    Owned,
    /// They act, as a person or a token does.
    Acts,
}

/// A resource, or something that rights are on, by its kind and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The kind's word, or what else rights are on: `stack`, `environment`, `organization`.
    pub kind: &'static str,
    /// Its name; empty for the organization.
    pub name: Cow<'a, str>,
}

impl<'a> Named<'a> {
    /// `kind/name`.
    pub fn new(kind: &'static str, name: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// One right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right<'a> {
    /// On what.
    pub on: Named<'a>,
    /// What may be done there: a level such as `write`, or a permission such as `stack:read`.
    pub may: Cow<'a, str>,
    /// How high a level is among those of the same thing, from 1; 0 for a permission, which stands for itself.
    pub rank: u8,
}

/// What somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gives<'a> {
    /// All that a team or a role gives.
    AllOf(Named<'a>),
    /// One right.
    Right(Right<'a>),
}

/// Somebody holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    /// Who: a person, a token, or a team or a role that gives it on.
    pub holder: Named<'a>,
    /// What.
    pub gives: Gives<'a>,
}

/// What one resource says of who may do what.
#[derive(Clone, Debug, Default)]
pub struct Grants<'a> {
    /// Who holds what by it.
    pub list: Vec<Grant<'a>>,
    /// What it cannot tell, in sentences.
    pub unknown: Vec<String>,
}

impl<'a> Grants<'a> {
    /// `holder` has all that `of` gives.
    pub fn all_of(&mut self, holder: Named<'a>, of: Named<'a>) {
        self.list.push(Grant { holder, gives: Gives::AllOf(of) });
    }

    /// `holder` may do `may` on `on`.
    pub fn right(&mut self, holder: Named<'a>, on: Named<'a>, may: impl Into<Cow<'a, str>>, rank: u8) {
        self.list.push(Grant { holder, gives: Gives::Right(Right { on, may: may.into(), rank }) });
    }
}

/// Through what somebody holds a right, from them to what gives it: `team/platform`, `role/auditor`. Empty
/// where they hold it themselves.
pub type Path = Vec<ResourceId>;

/// Who may do what, and why.
///
/// Readers ignore names they do not know, and refuse a `formatVersion` with another major number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// Always `bylaws.access`.
    #[schemars(extend("enum" = [FORMAT]))]
    pub format: String,
    /// `MAJOR.MINOR`; a new minor version only adds.
    #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
    pub format_version: String,
    /// The organization's slug.
    pub organization: String,
    /// The service's address.
    pub backend: String,
    /// Whether this is the organization as it is, or as the manifest would make it.
    pub state: State,
    /// An answer to each question, in their order.
    pub answers: Vec<Answer>,
    /// What could not be taken into account, in sentences.
    pub unknown: Vec<String>,
}

/// Which state of the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it is.
    Live,
    /// As it would be once the manifest is applied.
    Desired,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Who or what was asked about; absent where everything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ResourceId>,
    /// Who may do what; those who hold the same rights through the same stand together.
    pub access: Vec<Access>,
}

/// Rights that some hold through the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// Who: people, or tokens.
    pub who: Vec<ResourceId>,
    /// What they may do.
    pub rights: Vec<HeldRight>,
    /// Through what, every way there is; an empty way says that they hold it themselves.
    pub through: Vec<Path>,
}

/// A right that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct HeldRight {
    /// On what: `stack/shop/prod`, `stack/*`, `organization`.
    pub on: ResourceId,
    /// What may be done there: a level such as `write`, or a permission such as `stack:read`.
    pub may: String,
}
