//! What a plan does to who may do what: before and after compared, for every person and every token.
//!
//! The graph of who holds what is made once for both states (`graph`). Only those are looked at for whom
//! something differs. What a single team or role gives alone is compared once, however many people hold
//! it; only where several give rights on the same thing it is worked out for each person (`effective`).

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::kinds::{self, World};
use crate::model::access::{EVERY, ORGANIZATION, Path};
use crate::model::impact::{Direction, Effect, RightChange};
use crate::model::{Change, Impact, ResourceId};
use crate::plan::impact::effective::{Effective, Reach, Way};
use crate::plan::impact::graph::{AFTER, BEFORE, Graph, Id, Word};

mod effective;
mod gaps;
mod graph;
mod listing;
mod reading;

pub(super) use gaps::{Gap, gaps};
pub use listing::{Question, listing};
pub use reading::scopes_for;

/// How many comparisons of one thing for one person are made at most; the rest is counted, not told.
const MOST_WORK: usize = 20_000_000;

/// Who gains and who loses what by the changes, once those that are `already` carried out are.
pub fn impact(world: &World, already: &[&Change], changes: &[&Change]) -> Impact {
    if changes.iter().all(|it| it.steps.is_empty()) {
        return Impact::default();
    }
    let graph = Graph::new(world, already, changes);
    if !graph.differs() {
        return Impact::default();
    }
    let mut comparison = Comparison { graph: &graph, work: 0, blocks: HashMap::new(), found: HashMap::new() };
    let mut skipped = 0;
    for actor in graph.actors(true) {
        if comparison.work > MOST_WORK {
            skipped += 1;
        } else {
            comparison.actor(actor);
        }
    }
    let mut impact = comparison.told();
    impact.unknown = few(graph.unknown.iter().map(|it| it.1.clone()).collect());
    if skipped > 0 {
        impact.unknown.push(format!("for {skipped} more people and tokens it is not worked out: there are too many"));
    }
    impact
}

/// So many sentences that somebody reads them.
fn few(mut sentences: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 20;
    let more = sentences.len().saturating_sub(SHOWN);
    sentences.truncate(SHOWN);
    if more > 0 {
        sentences.push(format!("and {more} more of this kind"));
    }
    sentences
}

/// A right on one thing, before and after.
type Pair = (Id, Option<Word>, Option<Word>);

/// What somebody gains or loses through the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    kind: usize,
    effect: Direction,
    through: Vec<Way>,
    still: Vec<Way>,
    /// What a team or a role alone gives, and in which states it is held.
    blocks: Vec<(Id, u8)>,
    pairs: Vec<Pair>,
}

struct Comparison<'a> {
    graph: &'a Graph,
    work: usize,
    /// What differs by holding something in these states: the losses, then the gains.
    blocks: HashMap<(Id, u8), [Vec<Pair>; 2]>,
    found: HashMap<Key, Vec<Id>>,
}

/// What one actor gains or loses through the same.
#[derive(Default)]
struct Share {
    blocks: Vec<(Id, u8)>,
    pairs: Vec<Pair>,
}

/// What one actor may do before and after on what is wider than a single thing.
type Wide = HashMap<Id, (Effective, Effective)>;

type Shares = HashMap<(Direction, Vec<Way>, Vec<Way>), Share>;

impl Comparison<'_> {
    fn actor(&mut self, actor: Id) {
        let graph = self.graph;
        let (before, after) = (graph.reach(actor, BEFORE), graph.reach(actor, AFTER));
        let mut shares = Shares::new();
        match (effective::everything(graph, &before, BEFORE), effective::everything(graph, &after, AFTER)) {
            (was, will) if was.is_empty() && will.is_empty() => self.parts(&before, &after, &mut shares),
            (was, will) if was.is_empty() || will.is_empty() => self.administration(&before, &after, &mut shares),
            // Whoever administers the organization before and after gains and loses nothing by anything else.
            _ => {}
        }
        let kind = kinds::rank(&graph.name(actor).kind);
        for ((effect, through, still), Share { mut blocks, mut pairs }) in shares {
            blocks.sort_unstable();
            pairs.sort_unstable();
            self.found.entry(Key { kind, effect, through, still, blocks, pairs }).or_default().push(actor);
        }
    }

    /// Somebody begins or ceases to administer the organization, which holds all else.
    fn administration(&mut self, before: &Reach, after: &Reach, shares: &mut Shares) {
        let Some(on) = self.graph.find(ORGANIZATION, "") else { return };
        let (was, will) = (effective::on(self.graph, before, on, BEFORE), effective::on(self.graph, after, on, AFTER));
        let word = |it: &Effective| it.level.as_ref().map(|it| it.0);
        let pair = (on, word(&was), word(&will));
        let ways = |it: Effective| it.level.map_or_else(Vec::new, |it| it.1);
        let (effect, through, still) = if was.rank > will.rank {
            let rest = after.iter().filter(|it| it.0.len() == 1).map(|it| it.0.clone()).collect();
            (Direction::Loss, ways(was), rest)
        } else {
            (Direction::Gain, ways(will), Vec::new())
        };
        shares.entry((effect, through, still)).or_default().pairs.push(pair);
    }

    fn parts(&mut self, before: &Reach, after: &Reach, shares: &mut Shares) {
        let graph = self.graph;
        let mut open: BTreeSet<Id> = BTreeSet::new();
        let mut seen: HashSet<Id> = HashSet::new();
        let held_before: HashSet<Id> = before.iter().map(|it| it.1).collect();
        let held_after: HashSet<Id> = after.iter().map(|it| it.1).collect();
        for (_, node) in before.iter().chain(after) {
            let when =
                if held_before.contains(node) { BEFORE } else { 0 } | if held_after.contains(node) { AFTER } else { 0 };
            if !seen.insert(*node) || (when == BEFORE | AFTER && !graph.gives_otherwise(*node)) {
                continue;
            }
            let differs = |it: u8| when != BEFORE | AFTER || it != BEFORE | AFTER;
            let contested = graph.rights(*node).iter().filter(|it| it.contested && it.when & when != 0);
            open.extend(contested.filter(|it| differs(it.when)).map(|it| it.on));
            let [losses, gains] = self.blocks.entry((*node, when)).or_insert_with(|| block(graph, *node, when));
            for (effect, pairs, reach) in [(Direction::Loss, losses, before), (Direction::Gain, gains, after)] {
                if !pairs.is_empty() {
                    let through = ways_to(reach, *node);
                    shares.entry((effect, through, Vec::new())).or_default().blocks.push((*node, when));
                }
            }
        }
        self.work += open.len() * (before.len() + after.len());
        let mut wide = Wide::new();
        for on in open {
            self.contested(on, [before, after], &mut wide, shares);
        }
    }

    /// One thing on which several give rights.
    fn contested(&self, on: Id, [before, after]: [&Reach; 2], wide: &mut Wide, shares: &mut Shares) {
        let graph = self.graph;
        let was = effective::on(graph, before, on, BEFORE);
        let will = effective::on(graph, after, on, AFTER);
        let word = |level: &Option<(Word, Vec<Way>)>| level.as_ref().map(|it| it.0);
        let pair = (on, word(&was.level), word(&will.level));
        let ways = |level: Option<(Word, Vec<Way>)>| level.map_or_else(Vec::new, |it| it.1);
        // What changes everywhere is told once, and not for every single thing.
        for it in graph.wider(on) {
            let both = || (effective::on(graph, before, *it, BEFORE), effective::on(graph, after, *it, AFTER));
            wide.entry(*it).or_insert_with(both);
        }
        let wide = || graph.wider(on).iter().filter_map(|it| Some((it, wide.get(it)?)));
        let everywhere = wide().any(|(wide, (before, after))| {
            let same = after.rank == will.rank && before.rank.cmp(&after.rank) == was.rank.cmp(&will.rank);
            graph.name(*wide).name == EVERY && same
        });
        let is_wide = |may: &Word| {
            let has = |it: &Effective| it.permissions.contains_key(may);
            effective::is_about(graph.text(*may), &graph.name(on).kind) && wide().any(|it| has(&it.1.0) != has(&it.1.1))
        };
        let mut share = |effect, through, still, pair| {
            shares.entry((effect, through, still)).or_default().pairs.push(pair);
        };
        if was.rank > will.rank && !everywhere {
            share(Direction::Loss, ways(was.level), ways(will.level), pair);
        } else if was.rank < will.rank && !everywhere {
            share(Direction::Gain, ways(will.level), Vec::new(), pair);
        }
        for (may, ways) in &was.permissions {
            if !will.permissions.contains_key(may) && !is_wide(may) {
                share(Direction::Loss, ways.clone(), Vec::new(), (on, Some(*may), None));
            }
        }
        for (may, ways) in &will.permissions {
            if !was.permissions.contains_key(may) && !is_wide(may) {
                share(Direction::Gain, ways.clone(), Vec::new(), (on, None, Some(*may)));
            }
        }
    }

    /// What was found, in the order in which it is told.
    fn told(self) -> Impact {
        let Self { graph, blocks, found, .. } = self;
        let mut actors: [HashSet<Id>; 2] = [HashSet::new(), HashSet::new()];
        let mut effects = Vec::with_capacity(found.len());
        for (key, who) in found {
            let side = usize::from(key.effect == Direction::Gain);
            actors[side].extend(&who);
            let of_blocks = key.blocks.iter().flat_map(|it| blocks.get(it).map_or(&[][..], |it| &it[side]));
            let text = |word: &Option<Word>| word.map(|it| graph.text(it).to_owned());
            let mut rights: Vec<RightChange> = of_blocks
                .chain(&key.pairs)
                .map(|(on, before, after)| RightChange {
                    on: graph.name(*on).clone(),
                    before: text(before),
                    after: text(after),
                })
                .collect();
            rights.sort();
            let effect = Effect {
                effect: key.effect,
                who: names(graph, &who),
                rights,
                through: paths(graph, &key.through),
                still: paths(graph, &key.still),
            };
            effects.push((key.kind, effect));
        }
        effects.sort_by(|(one, a), (other, b)| {
            let order = (one, a.who.first(), a.effect, &a.who, &a.through, &a.rights);
            order.cmp(&(other, b.who.first(), b.effect, &b.who, &b.through, &b.rights))
        });
        let [losing, gaining] = actors.map(|it| it.len());
        let effects = effects.into_iter().map(|it| it.1).collect();
        Impact { gaining, losing, effects, unknown: Vec::new() }
    }
}

/// What differs by holding a node in these states, of what nobody else gives: the losses, and the gains.
fn block(graph: &Graph, node: Id, when: u8) -> [Vec<Pair>; 2] {
    let (mut losses, mut gains) = (Vec::new(), Vec::new());
    for group in graph.rights(node).chunk_by(|a, b| a.on == b.on) {
        let on = group[0].on;
        let level = |state: u8| {
            let levels = group.iter().filter(|it| it.rank > 0 && !it.contested && it.when & when & state != 0);
            levels.max_by_key(|it| it.rank).map(|it| (it.rank, it.may))
        };
        let (was, will) = (level(BEFORE), level(AFTER));
        let rank = |it: Option<(u8, Word)>| it.map_or(0, |it| it.0);
        let pair = (on, was.map(|it| it.1), will.map(|it| it.1));
        match rank(was).cmp(&rank(will)) {
            std::cmp::Ordering::Greater => losses.push(pair),
            std::cmp::Ordering::Less => gains.push(pair),
            std::cmp::Ordering::Equal => {}
        }
        for held in group.iter().filter(|it| it.rank == 0 && !it.contested) {
            match held.when & when {
                BEFORE => losses.push((on, Some(held.may), None)),
                AFTER => gains.push((on, None, Some(held.may))),
                _ => {}
            }
        }
    }
    [losses, gains]
}

fn ways_to(reach: &Reach, node: Id) -> Vec<Way> {
    reach.iter().filter(|it| it.1 == node).map(|it| it.0.clone()).collect()
}

/// Names in their order.
fn names(graph: &Graph, ids: &[Id]) -> Vec<ResourceId> {
    let mut names: Vec<ResourceId> = ids.iter().map(|it| graph.name(*it).clone()).collect();
    names.sort();
    names
}

fn paths(graph: &Graph, ways: &[Way]) -> Vec<Path> {
    let mut paths: Vec<Path> = ways.iter().map(|way| way.iter().map(|it| graph.name(*it).clone()).collect()).collect();
    paths.sort();
    paths
}
