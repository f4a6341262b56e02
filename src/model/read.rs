//! One reading request, as data, and what a plan needs to know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{Instant, Organization};

/// One reading request of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What the answer is, in the kind's own words; comes back with every page.
    pub tag: String,
    /// Path segments, unencoded, from `api` on.
    pub path: Vec<String>,
    /// Query parameters, without the continuation token.
    pub query: Vec<(String, String)>,
    /// How the list goes on.
    pub paging: Paging,
    /// What is unknown when this cannot be read.
    pub covers: Covers,
}

/// How a list goes on after its first page. The request parameter is `continuationToken` in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paging {
    /// One answer is all.
    Whole,
    /// The answer's `continuationToken`.
    ContinuationToken,
    /// The answer's `nextToken`.
    NextToken,
}

/// What is unknown when a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covers {
    /// The whole kind: nothing of it is created or deleted.
    Kind,
    /// One object, by its live name: nothing is planned for it.
    Object(String),
    /// Nothing: it only tells more of what is known anyway.
    Nothing,
}

/// What a plan needs to know of one kind.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Declared specs, by name, and the objects of `renamedFrom` under their old names.
    pub declared: BTreeMap<String, Value>,
    /// What the base branch says of declared ones.
    pub based: BTreeMap<String, Value>,
    /// Names that shall go, with what the base branch says of them; null where it says nothing.
    pub doomed: BTreeMap<String, Value>,
    /// Names others refer to.
    pub referenced: BTreeSet<String>,
    /// Whether every object is wanted in full: its kind is pruned or imported.
    pub everything: bool,
    /// Whether objects that are not declared shall go: its kind is pruned.
    pub pruned: bool,
    /// Whether every object is wanted in full, although none of them may go.
    pub in_full: bool,
    /// Whether they are imported: what is worth knowing of them is read too.
    pub imported: bool,
    /// Whether another kind needs this one's list.
    pub listed: bool,
    /// Whether all of them are wanted, wherever they are: somebody goes whose traces they may be.
    pub wherever: bool,
    /// The organization, as its metadata tells.
    pub organization: Organization,
    /// The moment against which age is judged.
    pub now: Instant,
}

impl Scope {
    /// Whether anything of this kind must be read.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
            && self.doomed.is_empty()
            && self.referenced.is_empty()
            && !self.everything
            && !self.in_full
            && !self.listed
            && !self.wherever
    }

    /// Whether the object `name` is wanted in full.
    pub fn wants(&self, name: &str) -> bool {
        self.everything || self.in_full || self.declared.contains_key(name) || self.doomed.contains_key(name)
    }
}

impl Read {
    /// A request whose whole answer is one page.
    pub fn whole<S: AsRef<str>>(tag: impl Into<String>, path: impl IntoIterator<Item = S>) -> Self {
        Self {
            tag: tag.into(),
            path: path.into_iter().map(|it| it.as_ref().to_owned()).collect(),
            query: Vec::new(),
            paging: Paging::Whole,
            covers: Covers::Kind,
        }
    }

    /// The same, page after page.
    pub fn paged(mut self) -> Self {
        self.paging = Paging::ContinuationToken;
        self
    }

    /// The same with a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, its failure leaving only this object unknown.
    pub fn of(mut self, name: impl Into<String>) -> Self {
        self.covers = Covers::Object(name.into());
        self
    }

    /// Whether this is about one object: its answer can wait for the pages of lists.
    pub fn is_detail(&self) -> bool {
        matches!(self.covers, Covers::Object(_))
    }
}
