//! Whether everybody has all along what they have before a plan and after it, however its steps are carried out.
//!
//! A rehearsal tells what each step gives and takes. Whoever loses one way to a right and has another one in the end
//! must be given that before: the step that takes waits for the step that gives. Only those are looked at who lose
//! something by one step and gain something by another, and of all things only the ones of which that is true.
//!
//! Three things are no fault of an order. A step that replaces takes and gives back by itself: the dangers
//! `replace-…` tell it. Where the step that gives has to wait for the one that takes, as when two roles exchange what
//! they permit, the gap is told with the change ([`Gap::unavoidable`]). And what was not read is not judged, as in
//! every impact; nor is what the organization lets every member do, where a setting changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::kinds::World;
use crate::model::access::EVERYTHING;
use crate::model::{Change, ResourceId};
use crate::plan::impact::effective;
use crate::plan::impact::graph::{AFTER, BEFORE, Graph, Id, Word};
use crate::plan::order::Order;
use crate::plan::rehearse::{Held, Move};

/// Somebody is without something between two steps, or may be.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Gap {
    /// The step that takes it, and the step that gives it back.
    pub taken: usize,
    pub given: usize,
    /// Whether the second has to wait for the first, so that no order does without the gap.
    pub unavoidable: bool,
    /// Everybody whom it is about.
    pub who: BTreeSet<ResourceId>,
    /// On what, and what may be done there.
    pub rights: BTreeSet<(ResourceId, String)>,
}

impl fmt::Display for Gap {
    /// `write on stack/shop/prod from member/bob and 2 more`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = |count: usize| if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        if let (Some((on, may)), Some(who)) = (self.rights.first(), self.who.first()) {
            write!(f, "{may} on {on}{} from {who}{}", more(self.rights.len()), more(self.who.len()))?;
        }
        Ok(())
    }
}

/// Every gap that the steps leave, in the order of the steps that take.
pub(in crate::plan) fn gaps(world: &World, changes: &[&Change], moves: &[Move], order: &Order) -> Vec<Gap> {
    let taking: BTreeSet<usize> = moves.iter().filter(|it| it.taken).map(|it| it.step).collect();
    let giving: BTreeSet<usize> = moves.iter().filter(|it| !it.taken).map(|it| it.step).collect();
    // Where one and the same step takes and gives, there is nothing in between.
    let apart = taking.len() > 1 || giving.len() > 1 || taking != giving;
    if taking.is_empty() || giving.is_empty() || !apart {
        return Vec::new();
    }
    let graph = Graph::new(world, &[], changes);
    let mut search = Search { times: Times::new(&graph, moves), graph: &graph, order, known: HashMap::new() };
    let mut found: BTreeMap<(usize, usize, bool), Gap> = BTreeMap::new();
    for actor in graph.actors(true) {
        for Missing { taken, given, unavoidable, on, may } in search.actor(actor) {
            let gap = found.entry((taken, given, unavoidable)).or_insert_with(|| Gap {
                taken,
                given,
                unavoidable,
                who: BTreeSet::new(),
                rights: BTreeSet::new(),
            });
            gap.who.insert(graph.name(actor).clone());
            gap.rights.insert((graph.name(on).clone(), graph.text(may).to_owned()));
        }
    }
    found.into_values().collect()
}

/// What a node holds: a node that gives, or a right on something.
type Edge = (Id, Id, Option<Word>);

/// When what is held is taken, and when it is given.
struct Times {
    /// The first step that takes it from whoever has it at the start.
    taken: HashMap<Edge, usize>,
    /// The last step that gives it to whoever has it in the end; nothing where it is not there then.
    given: HashMap<Edge, Option<usize>>,
    /// The steps that take from a node what is its own, or give it something.
    by_node: HashMap<Id, [BTreeSet<usize>; 2]>,
}

impl Times {
    /// From moves in the order of their steps.
    fn new(graph: &Graph, moves: &[Move]) -> Self {
        let mut times = Self { taken: HashMap::new(), given: HashMap::new(), by_node: HashMap::new() };
        for it in moves {
            let id = |id: &ResourceId| graph.find(&id.kind, &id.name);
            let Some(holder) = id(&it.holder) else { continue };
            let edge = match &it.held {
                Held::AllOf(of) => id(of).map(|of| (holder, of, None)),
                Held::Right { on, may, .. } => id(on).zip(graph.known(may)).map(|(on, may)| (holder, on, Some(may))),
            };
            let Some(edge) = edge else { continue };
            if it.taken {
                if !times.given.contains_key(&edge) {
                    times.taken.entry(edge).or_insert(it.step);
                }
                times.given.insert(edge, None);
            } else {
                times.given.insert(edge, Some(it.step));
            }
            times.by_node.entry(holder).or_default()[usize::from(!it.taken)].insert(it.step);
        }
        times
    }
}

/// One way to a right, and the steps by which it ends, or by which it comes to be.
#[derive(Debug)]
struct Support {
    may: Word,
    rank: u8,
    steps: Vec<usize>,
}

/// Something that is missing between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Missing {
    taken: usize,
    given: usize,
    unavoidable: bool,
    on: Id,
    may: Word,
}

/// What somebody holds themselves, in which states, and when it is taken and given.
type Holding = Vec<(Id, u8, Option<usize>, Option<Option<usize>>)>;

struct Search<'a> {
    graph: &'a Graph,
    times: Times,
    order: &'a Order,
    /// What those miss who hold the same: most people of a team do.
    known: HashMap<Holding, Vec<Missing>>,
}

/// Everything that somebody holds in one state: the way, the steps that change it, and what it leads to.
type Reached = Vec<(Vec<usize>, Id)>;

impl Search<'_> {
    fn actor(&mut self, actor: Id) -> Vec<Missing> {
        // What somebody has of their own, nobody shares.
        if !self.graph.rights(actor).is_empty() {
            return self.missing(actor);
        }
        let mut holding: Holding = Vec::new();
        for (held, when) in self.graph.holds(actor) {
            let edge = (actor, *held, None);
            holding.push((*held, *when, self.times.taken.get(&edge).copied(), self.times.given.get(&edge).copied()));
        }
        if let Some(known) = self.known.get(&holding) {
            return known.clone();
        }
        let missing = self.missing(actor);
        self.known.insert(holding, missing.clone());
        missing
    }

    fn missing(&self, actor: Id) -> Vec<Missing> {
        let before = self.reached(actor, BEFORE, |edge| self.times.taken.get(edge).map(|it| Some(*it)));
        let after = self.reached(actor, AFTER, |edge| self.times.given.get(edge).copied());
        let steps = |reached: &Reached, side: usize| -> BTreeSet<usize> {
            let own = reached.iter().filter_map(|it| self.times.by_node.get(&it.1)).flat_map(|it| it[side].iter());
            own.chain(reached.iter().flat_map(|it| &it.0)).copied().collect()
        };
        let (taking, giving) = (steps(&before, 0), steps(&after, 1));
        if taking.iter().all(|taken| giving.iter().all(|given| self.in_time(*given, *taken))) {
            return Vec::new();
        }
        let mut missing = Vec::new();
        for on in self.candidates(&before, &after) {
            self.thing(on, &before, &after, &mut missing);
        }
        missing
    }

    /// Whether something is given no later than something else is taken.
    fn in_time(&self, given: usize, taken: usize) -> bool {
        given == taken || self.order.waits(taken, given)
    }

    /// Everything that is held in one state, with the steps that change the way to it. Ways that are not there in
    /// that state after all are left out.
    fn reached(&self, actor: Id, when: u8, changed: impl Fn(&Edge) -> Option<Option<usize>>) -> Reached {
        let mut reached = Reached::new();
        'ways: for (way, node) in self.graph.reach(actor, when) {
            let mut steps = Vec::new();
            let mut from = actor;
            for to in way {
                match changed(&(from, to, None)) {
                    Some(Some(step)) => steps.push(step),
                    Some(None) => continue 'ways,
                    None => {}
                }
                from = to;
            }
            reached.push((steps, node));
        }
        reached
    }

    /// Things on which something is taken and something is given.
    fn candidates(&self, before: &Reached, after: &Reached) -> BTreeSet<Id> {
        let moved = |reached: &Reached, when: u8| -> BTreeSet<Id> {
            let mut things = BTreeSet::new();
            for (steps, node) in reached {
                let changes = !steps.is_empty() || self.times.by_node.contains_key(node);
                let rights = self.graph.rights(*node).iter().filter(|it| changes && it.when & when != 0);
                things.extend(rights.map(|it| it.on));
            }
            things
        };
        let (taken, given) = (moved(before, BEFORE), moved(after, AFTER));
        let covers =
            |by: &BTreeSet<Id>, on: &Id| by.contains(on) || self.graph.wider(*on).iter().any(|it| by.contains(it));
        let both = taken.iter().filter(|it| covers(&given, it)).chain(given.iter().filter(|it| covers(&taken, it)));
        both.copied().collect()
    }

    /// What is missing on one thing in between.
    fn thing(&self, on: Id, before: &Reached, after: &Reached, missing: &mut Vec<Missing>) {
        let ends = self.supports(on, before, BEFORE, |edge| self.times.taken.get(edge).map(|it| Some(*it)));
        let begins = self.supports(on, after, AFTER, |edge| self.times.given.get(edge).copied());
        let rank = |of: &[Support]| of.iter().map(|it| it.rank).max().unwrap_or(0);
        let level = rank(&ends).min(rank(&begins));
        if level > 0 {
            let held = |it: &&Support| it.rank >= level;
            self.hold(on, ends.iter().filter(held), begins.iter().filter(held), missing);
        }
        let permissions =
            |of: &[Support]| -> BTreeSet<Word> { of.iter().filter(|it| it.rank == 0).map(|it| it.may).collect() };
        for may in permissions(&ends).union(&permissions(&begins)) {
            let held = |it: &&Support| it.rank == EVERYTHING || (it.rank == 0 && it.may == *may);
            self.hold(on, ends.iter().filter(held), begins.iter().filter(held), missing);
        }
    }

    fn supports(
        &self,
        on: Id,
        reached: &Reached,
        when: u8,
        changed: impl Fn(&Edge) -> Option<Option<usize>>,
    ) -> Vec<Support> {
        let mut found = Vec::new();
        for (steps, node) in reached {
            for (place, held) in effective::rights_for(self.graph, *node, on, when) {
                let mut steps = steps.clone();
                match changed(&(*node, place, Some(held.may))) {
                    Some(Some(step)) => steps.push(step),
                    Some(None) => continue,
                    None => {}
                }
                found.push(Support { may: held.may, rank: held.rank, steps });
            }
        }
        found
    }

    /// One of the ways that end must last until one of those that come is there.
    fn hold<'a>(
        &self,
        on: Id,
        ends: impl Iterator<Item = &'a Support>,
        begins: impl Iterator<Item = &'a Support> + Clone,
        missing: &mut Vec<Missing>,
    ) {
        let mut best: Option<Vec<Missing>> = None;
        for end in ends {
            for begin in begins.clone() {
                let pairs = end.steps.iter().flat_map(|taken| begin.steps.iter().map(|given| (*taken, *given)));
                let late = pairs.filter(|(taken, given)| !self.in_time(*given, *taken));
                let late: Vec<Missing> = late
                    .map(|(taken, given)| {
                        let unavoidable = self.order.follows(given, taken);
                        Missing { taken, given, unavoidable, on, may: begin.may }
                    })
                    .collect();
                let weight = |of: &[Missing]| (of.iter().filter(|it| it.unavoidable).count(), of.len());
                if best.as_ref().is_none_or(|it| weight(&late) < weight(it)) {
                    best = Some(late);
                }
            }
        }
        let mut best = best.unwrap_or_default();
        // Where something cannot be helped, the rest of it cannot either.
        if best.iter().any(|it| it.unavoidable) {
            best.retain(|it| it.unavoidable);
        }
        missing.extend(best);
    }
}
