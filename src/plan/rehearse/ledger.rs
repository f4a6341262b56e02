//! What every step of a rehearsal gives to somebody, and what it takes from somebody.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, Kind, matching_id, matching_key};
use crate::model::access::{Gives, Grants, Part};
use crate::model::{Change, LiveObject, Phase, ResourceId, Snapshot};

/// What somebody can hold: all that a team or a role gives, or one right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) enum Held {
    AllOf(ResourceId),
    Right { on: ResourceId, may: String, rank: u8 },
}

/// A step gives something to its holder, or takes it from them.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Move {
    pub step: usize,
    pub taken: bool,
    pub holder: ResourceId,
    pub held: Held,
}

/// All that was given and taken so far. Whatever is renamed is called by its last name from the start.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The last names of those that are still to get them, by the names that they have now.
    last: BTreeMap<ResourceId, ResourceId>,
    /// The name that something gives up in this step, and its last name.
    given_up: Option<(ResourceId, ResourceId)>,
    /// What this step may have changed, by its last name.
    touched: BTreeMap<ResourceId, Touched>,
    pub moves: Vec<Move>,
}

#[derive(Debug, Default)]
struct Touched {
    /// As it was before the step.
    before: Option<LiveObject>,
    /// What it is called now; nothing where it is gone.
    now: Option<ResourceId>,
}

impl Ledger {
    pub fn new(changes: &[&Change]) -> Self {
        let mut ledger = Self::default();
        for change in changes.iter().filter(|it| !it.before.is_null()) {
            let anew = change.steps.iter().any(|it| it.phase == Phase::Replace);
            if let Some(old) = change.renamed_from.as_ref().filter(|_| !anew) {
                let old = matching_id(&ResourceId::new(change.kind.clone(), old.clone()));
                ledger.last.insert(old, matching_id(&change.id));
            }
        }
        ledger
    }

    fn last(&self, id: ResourceId) -> ResourceId {
        self.last.get(&id).cloned().unwrap_or(id)
    }

    /// An object is about to change, or to go.
    pub fn taken(&mut self, kind: &dyn Kind, object: &LiveObject) {
        if kind.part() == Part::None {
            return;
        }
        let id = self.last(named(kind, &object.name));
        let touched = self.touched.entry(id);
        touched.or_insert_with(|| Touched { before: Some(object.clone()), now: None }).now = None;
    }

    /// An object has changed, or has come.
    pub fn put(&mut self, kind: &dyn Kind, object: &LiveObject) {
        if kind.part() != Part::None {
            let now = named(kind, &object.name);
            let last = self.last(now.clone());
            self.touched.entry(last).or_default().now = Some(now);
        }
    }

    /// An object has another name from here on.
    pub fn renamed(&mut self, kind: &dyn Kind, old: &str, new: &str) {
        let (old, new) = (named(kind, old), named(kind, new));
        let Some(last) = self.last.remove(&old) else { return };
        if last != new {
            self.last.insert(new, last.clone());
        }
        self.given_up.get_or_insert((old, last));
    }

    /// The step is done: what has come of it is written down.
    pub fn close(&mut self, step: usize, live: &Snapshot) {
        let touched = std::mem::take(&mut self.touched);
        let given_up = self.given_up.take();
        let (mut taken, mut given) = (BTreeSet::new(), BTreeSet::new());
        for (id, Touched { before, now }) in &touched {
            let Some(kind) = kinds::by_word(&id.kind) else { continue };
            let after = now.as_ref().and_then(|it| live.object(&it.kind, &it.name));
            if let (Some(before), Some(after)) = (before, after)
                && before.spec == after.spec
                && before.facts == after.facts
                && before.inherent == after.inherent
            {
                continue;
            }
            let (was, is) = (access(kind, before.as_ref()), access(kind, after));
            let (was, is) = (lines(&was), lines(&is));
            let sooner = |id: ResourceId| match &given_up {
                Some((old, last)) if *old == id => last.clone(),
                _ => self.last(id),
            };
            let missing = |from: &[Line], it: &Line| from.binary_search(it).is_err();
            taken.extend(was.iter().filter(|it| missing(&is, it)).map(|it| it.lasting(sooner)));
            given.extend(is.iter().filter(|it| missing(&was, it)).map(|it| it.lasting(|id| self.last(id))));
        }
        let moved = |taken: bool| move |(holder, held): (ResourceId, Held)| Move { step, taken, holder, held };
        let (lost, gained) = (&taken - &given, &given - &taken);
        self.moves.extend(lost.into_iter().map(moved(true)));
        self.moves.extend(gained.into_iter().map(moved(false)));
    }
}

/// What an object says of who holds what; nothing where there is none.
fn access<'a>(kind: &dyn Kind, object: Option<&'a LiveObject>) -> Grants<'a> {
    object.map(|it| kind.access(&it.name, &it.spec, Some(it))).unwrap_or_default()
}

/// What an object says, in the order of [`Line`]s.
fn lines<'a>(grants: &'a Grants<'a>) -> Vec<Line<'a>> {
    let mut lines: Vec<Line> = grants
        .list
        .iter()
        .map(|it| {
            let (of, may, rank) = match &it.gives {
                Gives::AllOf(of) => (of, None, 0),
                Gives::Right(right) => (&right.on, Some(&*right.may), right.rank),
            };
            Line { holder: (it.holder.kind, &it.holder.name), of: (of.kind, &of.name), may, rank }
        })
        .collect();
    lines.sort_unstable();
    lines
}

/// One thing that an object says, by the names of the moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Line<'a> {
    holder: (&'static str, &'a str),
    of: (&'static str, &'a str),
    /// Nothing where it is all that `of` gives.
    may: Option<&'a str>,
    rank: u8,
}

impl Line<'_> {
    /// The same by the names that last.
    fn lasting(&self, last: impl Fn(ResourceId) -> ResourceId) -> (ResourceId, Held) {
        let id = |it: (&'static str, &str)| last(ResourceId::new(it.0, matching_key(it.0, it.1)));
        let held = match self.may {
            None => Held::AllOf(id(self.of)),
            Some(may) => Held::Right { on: id(self.of), may: may.to_owned(), rank: self.rank },
        };
        (id(self.holder), held)
    }
}

fn named(kind: &dyn Kind, name: &str) -> ResourceId {
    let word = kind.facts().word;
    ResourceId::new(word, matching_key(word, name))
}
