//! What reads a kind: pure, so that the machinery decides when, how often and how many at once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{LiveObject, Read, Snapshot};

/// Reads one kind: says what to ask for, takes the answers, and turns them into live objects.
pub trait Reader: Send {
    /// The first requests.
    fn start(&mut self) -> Vec<Read>;

    /// One page of an answer; what it makes necessary is returned.
    ///
    /// # Errors
    /// When the answer breaks the contract: then the kind is unknown, never empty.
    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String>;

    /// A request answered 404. What that means is the kind's to say: by default it is a failure like
    /// any other, because a 404 for something that was listed is not "gone".
    ///
    /// # Errors
    /// When the thing is unknown rather than absent.
    fn absent(&mut self, read: &Read) -> Result<Vec<Read>, String> {
        Err(format!("/{} answered 404", read.path.join("/")))
    }

    /// A request that only would have told more ([`crate::model::Covers::Nothing`]) has failed, perhaps after some pages.
    fn lost(&mut self, _read: &Read) {}

    /// What was read, with the kinds before this one in [`crate::kinds::ALL`] already in `before`.
    fn finish(self: Box<Self>, before: &Snapshot) -> Finished;
}

/// What a reader has made of all answers.
#[derive(Debug, Default)]
pub struct Finished {
    /// The live objects.
    pub objects: Vec<LiveObject>,
    /// Why something may be missing, though every request was answered.
    pub incomplete: Option<String>,
    /// Names of objects that are there but were not told wholly, and why: nothing is planned for them.
    pub unknown: BTreeMap<String, String>,
    /// What the kind needs to know beside its objects: [`crate::model::KindState::facts`].
    pub facts: Value,
}
