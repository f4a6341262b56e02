//! Who may do what, as `bylaws access` answers it: about everybody, or about one person, team or thing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::kinds::{self, World};
use crate::model::access::{Access, Answer, FORMAT, FORMAT_VERSION, HeldRight, Listing, Part, State};
use crate::model::{Change, ResourceId};
use crate::plan::impact::effective::{self, Reach, Way};
use crate::plan::impact::graph::{AFTER, BEFORE, Graph, Id, Word};
use crate::plan::impact::reading::{Need, need};
use crate::plan::impact::{few, names, paths};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// About whom or what; about everybody where it is empty.
    pub of: &'a [ResourceId],
    /// Which state of the organization.
    pub state: State,
}

/// The answer, and which of those that were asked about nobody knows.
///
/// With the changes of a plan that is the organization as the plan would make it; the live one otherwise.
pub fn listing(world: &World, changes: &[&Change], question: Question) -> (Listing, Vec<ResourceId>) {
    let mut graph = Graph::new(world, &[], changes);
    let when = match question.state {
        State::Live => BEFORE,
        State::Desired => AFTER,
    };
    let mut unknown = Vec::new();
    let mut answers = Vec::new();
    if question.of.is_empty() {
        answers.push(Answer { of: None, access: everybody(&graph, when) });
    }
    for id in question.of {
        let part = kinds::by_word(&id.kind).map_or(Part::None, |it| it.part());
        if graph.find(&id.kind, &id.name).is_none() {
            unknown.push(id.clone());
        }
        // Also on what nobody names somebody may do something: whoever may do it everywhere.
        let node = graph.know(id);
        let access = match part {
            Part::Acts => of_actor(&graph, node, when),
            Part::Gives => of_giver(&graph, node, when),
            Part::None | Part::Owned => on_thing(&graph, node, when),
        };
        answers.push(Answer { of: Some(graph.name(node).clone()), access });
    }
    let matters = |word: &str| kinds::by_word(word).is_some_and(|it| need(it, question.of) == Need::All);
    let told = graph.unknown.iter().filter(|it| matters(it.0)).map(|it| it.1.clone());
    let listing = Listing {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION.to_owned(),
        organization: world.live.organization.name.clone(),
        backend: world.live.backend.clone(),
        state: question.state,
        answers,
        unknown: few(told.collect()).into_iter().chain(world.live.unseen.iter().cloned()).collect(),
    };
    (listing, unknown)
}

/// Rights that some of a kind hold through the same: the kind's rank, the rights, the ways.
type Bundle = (usize, Vec<(Id, Word)>, Vec<Way>);

/// Everything that was found, and who has it.
#[derive(Default)]
struct Gathered {
    found: HashMap<Bundle, Vec<Id>>,
}

impl Gathered {
    /// Adds what one actor has, in bundles of the same ways.
    fn add(&mut self, graph: &Graph, actor: Id, rights: Vec<(Id, Word, Vec<Way>)>) {
        let mut bundles: BTreeMap<Vec<Way>, BTreeSet<(Id, Word)>> = BTreeMap::new();
        for (on, may, ways) in rights {
            bundles.entry(ways).or_default().insert((on, may));
        }
        let kind = kinds::rank(&graph.name(actor).kind);
        for (ways, rights) in bundles {
            self.found.entry((kind, rights.into_iter().collect(), ways)).or_default().push(actor);
        }
    }

    fn told(self, graph: &Graph) -> Vec<Access> {
        let mut access: Vec<(usize, Access)> = Vec::with_capacity(self.found.len());
        for ((kind, rights, ways), who) in self.found {
            let right =
                |(on, may): &(Id, Word)| HeldRight { on: graph.name(*on).clone(), may: graph.text(*may).to_owned() };
            let mut rights: Vec<HeldRight> = rights.iter().map(right).collect();
            rights.sort();
            access.push((kind, Access { who: names(graph, &who), rights, through: paths(graph, &ways) }));
        }
        access.sort_by(|(one, a), (other, b)| {
            (one, &a.who, &a.through, &a.rights).cmp(&(other, &b.who, &b.through, &b.rights))
        });
        access.into_iter().map(|it| it.1).collect()
    }
}

fn everybody(graph: &Graph, when: u8) -> Vec<Access> {
    let mut gathered = Gathered::default();
    for actor in graph.actors(false) {
        gathered.add(graph, actor, all_rights(graph, &graph.reach(actor, when), when));
    }
    gathered.told(graph)
}

fn of_actor(graph: &Graph, actor: Id, when: u8) -> Vec<Access> {
    let mut gathered = Gathered::default();
    gathered.add(graph, actor, all_rights(graph, &graph.reach(actor, when), when));
    gathered.told(graph)
}

/// Who holds a team or a role, and what it gives them.
fn of_giver(graph: &Graph, giver: Id, when: u8) -> Vec<Access> {
    let mut gathered = Gathered::default();
    for actor in graph.actors(false) {
        let reach: Vec<(Way, Id)> = graph.reach(actor, when).into_iter().filter(|it| it.0.contains(&giver)).collect();
        gathered.add(graph, actor, all_rights(graph, &reach, when));
    }
    gathered.told(graph)
}

/// Who may do something on one thing.
fn on_thing(graph: &Graph, on: Id, when: u8) -> Vec<Access> {
    let mut gathered = Gathered::default();
    for actor in graph.actors(false) {
        let found = effective::on(graph, &graph.reach(actor, when), on, when);
        gathered.add(graph, actor, rights(on, found));
    }
    gathered.told(graph)
}

/// Everything a reach gives, what is lower than something else on the same thing left out.
fn all_rights(graph: &Graph, reach: &Reach, when: u8) -> Vec<(Id, Word, Vec<Way>)> {
    let places: BTreeSet<Id> =
        reach.iter().flat_map(|it| graph.rights(it.1)).filter(|it| it.when & when != 0).map(|it| it.on).collect();
    places.into_iter().flat_map(|on| rights(on, effective::on_itself(graph, reach, on, when))).collect()
}

fn rights(on: Id, found: effective::Effective) -> Vec<(Id, Word, Vec<Way>)> {
    let level = found.level.into_iter().map(|(may, ways)| (on, may, ways));
    level.chain(found.permissions.into_iter().map(|(may, ways)| (on, may, ways))).collect()
}
