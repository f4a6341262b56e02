//! Who holds what, before and after a plan: people and tokens, the teams and roles they hold, and what those give.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::kinds::{self, Kind, World, matching_id};
use crate::model::access::{EVERY, EVERYTHING, Gives, Grants, Named, ORGANIZATION, Part};
use crate::model::{Change, LiveObject, Phase, ResourceId, Verb};
use crate::plan::rename;

/// A node: somebody who acts, something that gives, or something that rights are on.
pub(super) type Id = u32;
/// A level or a permission.
pub(super) type Word = u32;
/// What holds before the plan.
pub(super) const BEFORE: u8 = 1;
/// What holds after it.
pub(super) const AFTER: u8 = 2;
const BOTH: u8 = BEFORE | AFTER;

/// A right of a node, and in which states it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    pub on: Id,
    pub may: Word,
    pub rank: u8,
    pub when: u8,
    /// Whether others have rights there too, so that losing this one may lose nothing.
    pub contested: bool,
}

#[derive(Debug, Default)]
struct Node {
    /// Teams and roles, and in which states they are held.
    holds: Vec<(Id, u8)>,
    /// Sorted by what they are on.
    rights: Vec<Held>,
    /// In which states the resource itself told what it gives.
    told: u8,
    /// What holds here because it holds for all of its kind, or for the whole organization.
    wider: Vec<Id>,
    /// Whether anything of the above, or of what it holds, differs between the states.
    changed: bool,
}

/// The changes of what was live, by what it was called, and the states in which each is carried out.
type Changed<'a> = HashMap<ResourceId, (&'a Change, u8)>;

/// Everybody and everything, in both states.
#[derive(Debug, Default)]
pub(super) struct Graph {
    names: Vec<ResourceId>,
    index: HashMap<String, HashMap<String, Id>>,
    words: Vec<String>,
    word_index: HashMap<String, Word>,
    nodes: Vec<Node>,
    /// What goes, and the states in which it still holds and gives something.
    gone: HashMap<Id, u8>,
    said: HashSet<String>,
    /// What could not be told, in sentences, each with the kind that it is about.
    pub unknown: Vec<(&'static str, String)>,
}

impl Graph {
    /// The graph of what was read: after it the changes that have steps are carried out, and before it those
    /// that were carried out `already`.
    pub fn new(world: &World, already: &[&Change], changes: &[&Change]) -> Self {
        let mut graph = Self::default();
        let states = already.iter().map(|it| (*it, BOTH)).chain(changes.iter().map(|it| (*it, AFTER)));
        let states: Vec<(&Change, u8)> = states.filter(|it| !it.0.steps.is_empty()).collect();
        let changes: Vec<&Change> = states.iter().map(|it| it.0).collect();
        let renames: BTreeMap<ResourceId, String> = changes
            .iter()
            .filter_map(|it| Some((old_id(it)?, it.name.clone())))
            .filter(|(old, new)| old.name != *new)
            .collect();
        let by_old: Changed = states.iter().filter_map(|it| Some((old_id(it.0)?, *it))).collect();
        // What is carried out in part already, and changes further.
        let sooner: HashMap<ResourceId, &Change> = already.iter().filter_map(|it| Some((old_id(it)?, *it))).collect();
        for kind in kinds::ALL {
            let built_in = kind.built_in_access(&world.live.organization);
            for grant in &built_in.list {
                let holder = graph.id(grant.holder.kind, &grant.holder.name);
                graph.nodes[holder as usize].told = BOTH;
            }
            graph.add(kind.facts().word, built_in, BOTH);
            if kind.part() != Part::None {
                graph.add_kind(*kind, world, (&by_old, &sooner), &renames);
                let made = |it: &&(&Change, u8)| it.0.verb == Verb::Create && it.0.kind == kind.facts().word;
                for (change, when) in states.iter().filter(made) {
                    graph.tell(*kind, &change.name, &change.after, None, *when);
                }
            }
        }
        graph.settle();
        graph
    }

    fn add_kind(
        &mut self,
        kind: &dyn Kind,
        world: &World,
        (changes, sooner): (&Changed, &HashMap<ResourceId, &Change>),
        renames: &BTreeMap<ResourceId, String>,
    ) {
        let word = kind.facts().word;
        let state = world.live.kind(word);
        let mut listed = Vec::new();
        for live in state.objects.values() {
            let change = changes.get(&matching_id(&ResourceId::new(word, live.name.clone()))).copied();
            let renamed = if renames.is_empty() { None } else { rename::with_new_names(kind, live, renames) };
            if !kind.tells_access(live) {
                listed.push(live.name.as_str());
                continue;
            }
            let before = &live.name;
            let live = renamed.as_ref().unwrap_or(live);
            let name = change.map_or(&live.name, |it| &it.0.name);
            let takes = |it: &&(&Change, u8)| it.0.verb == Verb::Delete || is_made_anew(it.0);
            let falls = kind.goes_with(live).and_then(|it| changes.get(&matching_id(&it)).filter(takes));
            match (change, falls) {
                (None, Some((_, when))) => self.going(kind, name, live, *when),
                (None, None) => self.tell(kind, name, &live.spec, Some(live), BOTH),
                (Some((change, when)), _) if change.verb == Verb::Delete => self.going(kind, name, live, when),
                (Some((change, when)), _) => {
                    if when == AFTER {
                        let part = sooner.get(&matching_id(&ResourceId::new(word, before.clone())));
                        let spec = part.map(|it| after(it, live));
                        self.tell(kind, name, spec.as_ref().unwrap_or(&live.spec), Some(live), BEFORE);
                    }
                    let stays = (!is_made_anew(change)).then_some(live);
                    self.tell(kind, name, &after(change, live), stays, when);
                }
            }
        }
        let section = kind.facts().section;
        if !state.read && kind.part() != Part::Owned {
            self.unknown
                .push((word, format!("{section} were not read, so that what they hold or give is not counted")));
        }
        if !listed.is_empty() {
            let which = some_of(&listed);
            self.unknown
                .push((word, format!("of some {section} only the names were read ({which}): they may give the same")));
        }
    }

    /// Something that is no more in the given states.
    fn going(&mut self, kind: &dyn Kind, name: &str, live: &LiveObject, when: u8) {
        let left = BOTH & !when;
        if left != 0 {
            self.tell(kind, name, &live.spec, Some(live), left);
        }
        let id = self.id(kind.facts().word, name);
        self.gone.insert(id, left);
    }

    /// What one resource tells of one state, or of both.
    fn tell(&mut self, kind: &dyn Kind, name: &str, spec: &Value, live: Option<&LiveObject>, when: u8) {
        let id = self.id(kind.facts().word, name);
        self.nodes[id as usize].told |= when;
        let grants = kind.access(name, spec, live);
        self.add(kind.facts().word, grants, when);
    }

    fn add(&mut self, word: &'static str, grants: Grants, when: u8) {
        for grant in grants.list {
            let holder = self.id(grant.holder.kind, &grant.holder.name) as usize;
            match grant.gives {
                Gives::AllOf(Named { kind, name }) => {
                    let held = self.id(kind, &name);
                    self.nodes[holder].holds.push((held, when));
                }
                Gives::Right(right) => {
                    let (on, may) = (self.id(right.on.kind, &right.on.name), self.word(&right.may));
                    let held = Held { on, may, rank: right.rank, when, contested: false };
                    self.nodes[holder].rights.push(held);
                }
            }
        }
        for sentence in grants.unknown {
            if self.said.insert(sentence.clone()) {
                self.unknown.push((word, sentence));
            }
        }
    }

    /// The node of this name, made where there is none.
    fn id(&mut self, kind: &str, name: &str) -> Id {
        let ids = match self.index.get_mut(kind) {
            Some(ids) => ids,
            None => self.index.entry(kind.to_owned()).or_default(),
        };
        let key = key(kind, name);
        if let Some(id) = ids.get(&*key) {
            return *id;
        }
        let id = self.names.len() as Id;
        ids.insert(key.into_owned(), id);
        self.names.push(ResourceId::new(kind, name));
        self.nodes.push(Node::default());
        id
    }

    fn word(&mut self, text: &str) -> Word {
        if let Some(word) = self.word_index.get(text) {
            return *word;
        }
        let word = self.words.len() as Word;
        self.words.push(text.to_owned());
        self.word_index.insert(text.to_owned(), word);
        word
    }

    /// Everything is added: what goes lets go, what never told is a right of its own, and what differs is marked.
    fn settle(&mut self) {
        let untold = self.word("whatever it gives");
        for id in 0..self.nodes.len() as Id {
            self.nodes[id as usize].wider = self.look_wider(id);
            let gives = kinds::by_word(&self.names[id as usize].kind).is_some_and(|it| it.part() == Part::Gives);
            let left = self.gone.get(&id).copied().unwrap_or(BOTH);
            let missing = left & !self.nodes[id as usize].told;
            let node = &mut self.nodes[id as usize];
            if gives && missing != 0 {
                node.rights.push(Held { on: id, may: untold, rank: 0, when: missing, contested: false });
            }
            for (held, when) in &mut node.holds {
                *when &= left & self.gone.get(held).copied().unwrap_or(BOTH);
            }
            node.rights.iter_mut().for_each(|it| it.when &= left);
            node.holds.sort_unstable();
            node.holds.dedup_by(|later, kept| {
                later.0 == kept.0 && {
                    kept.1 |= later.1;
                    true
                }
            });
            node.holds.retain(|it| it.1 != 0);
            node.rights.sort_unstable();
            node.rights.dedup_by(|later, kept| {
                (later.on, later.may, later.rank) == (kept.on, kept.may, kept.rank) && {
                    kept.when |= later.when;
                    true
                }
            });
            node.rights.retain(|it| it.when != 0);
            node.changed = node.holds.iter().any(|it| it.1 != BOTH) || node.rights.iter().any(|it| it.when != BOTH);
        }
        self.mark_contested();
        self.mark_changed();
    }

    fn mark_contested(&mut self) {
        let mut givers: HashMap<Id, usize> = HashMap::new();
        let mut wide: HashSet<(Id, Word)> = HashSet::new();
        let narrow = |graph: &Self, it: &Held| !graph.is_wide(it.on) && it.rank != EVERYTHING;
        for node in &self.nodes {
            for group in node.rights.chunk_by(|a, b| a.on == b.on) {
                if group.iter().any(|it| it.rank != EVERYTHING) {
                    *givers.entry(group[0].on).or_default() += 1;
                }
                wide.extend(group.iter().filter(|it| !narrow(self, it)).map(|it| (it.on, it.may)));
            }
        }
        for id in 0..self.nodes.len() {
            let mut rights = std::mem::take(&mut self.nodes[id].rights);
            // All rights on one thing are worked out together, or none of them.
            for group in rights.chunk_by_mut(|a, b| a.on == b.on) {
                let wider = self.wider(group[0].on);
                let covered = |held: &Held| match held.rank {
                    0 => wider.iter().any(|it| wide.contains(&(*it, held.may))),
                    _ => wider.iter().any(|it| self.names[*it as usize].name == EVERY),
                };
                let several = givers.get(&group[0].on).is_some_and(|it| *it > 1);
                let contested = several || group.iter().any(covered);
                group.iter_mut().for_each(|it| it.contested = contested);
            }
            self.nodes[id].rights = rights;
        }
    }

    /// Whoever holds something that changes, changes too.
    fn mark_changed(&mut self) {
        loop {
            let mut more = Vec::new();
            for (id, node) in self.nodes.iter().enumerate().filter(|it| !it.1.changed) {
                if node.holds.iter().any(|it| self.nodes[it.0 as usize].changed) {
                    more.push(id);
                }
            }
            if more.is_empty() {
                return;
            }
            more.into_iter().for_each(|it| self.nodes[it].changed = true);
        }
    }

    fn is_wide(&self, id: Id) -> bool {
        let name = &self.names[id as usize];
        name.kind == ORGANIZATION || name.name == EVERY
    }

    /// What holds for something because it holds for all of its kind, or for the whole organization.
    pub fn wider(&self, on: Id) -> &[Id] {
        &self.nodes[on as usize].wider
    }

    fn look_wider(&self, on: Id) -> Vec<Id> {
        let name = &self.names[on as usize];
        if name.kind == ORGANIZATION {
            return Vec::new();
        }
        let every = if name.name == EVERY { None } else { self.find(&name.kind, EVERY) };
        every.into_iter().chain(self.find(ORGANIZATION, "")).collect()
    }

    /// Something that may have no node yet: what holds everywhere holds for it as well.
    pub fn know(&mut self, id: &ResourceId) -> Id {
        let node = self.id(&id.kind, &id.name);
        self.nodes[node as usize].wider = self.look_wider(node);
        node
    }

    /// The node of this name, if there is one.
    pub fn find(&self, kind: &str, name: &str) -> Option<Id> {
        self.index.get(kind)?.get(&*key(kind, name)).copied()
    }

    /// What a node is called.
    pub fn name(&self, id: Id) -> &ResourceId {
        &self.names[id as usize]
    }

    /// A level or a permission as text.
    pub fn text(&self, word: Word) -> &str {
        &self.words[word as usize]
    }

    /// A level or a permission that somebody has, by its text.
    pub fn known(&self, text: &str) -> Option<Word> {
        self.word_index.get(text).copied()
    }

    /// What a node holds, and in which states.
    pub fn holds(&self, id: Id) -> &[(Id, u8)] {
        &self.nodes[id as usize].holds
    }

    /// What a node may do by itself, sorted by what it is on.
    pub fn rights(&self, id: Id) -> &[Held] {
        &self.nodes[id as usize].rights
    }

    /// What a node may do by itself on one thing.
    pub fn rights_on(&self, id: Id, on: Id) -> &[Held] {
        let rights = self.rights(id);
        let start = rights.partition_point(|it| it.on < on);
        let end = start + rights[start..].partition_point(|it| it.on == on);
        &rights[start..end]
    }

    /// Whether what a node gives by itself differs between the states.
    pub fn gives_otherwise(&self, id: Id) -> bool {
        self.rights(id).iter().any(|it| it.when != BOTH)
    }

    /// Whether anything differs between the states.
    pub fn differs(&self) -> bool {
        self.nodes.iter().any(|it| it.changed)
    }

    /// Everybody who acts, in the order of their kinds and names.
    pub fn actors(&self, changed_only: bool) -> Vec<Id> {
        let acts = |id: &Id| {
            let node = &self.nodes[*id as usize];
            (node.changed || !changed_only)
                && kinds::by_word(&self.name(*id).kind).is_some_and(|it| it.part() == Part::Acts)
        };
        let mut actors: Vec<Id> = (0..self.nodes.len() as Id).filter(acts).collect();
        actors.sort_by_key(|it| (kinds::rank(&self.name(*it).kind), self.name(*it)));
        actors
    }

    /// Everything a node holds in one state, with every way to it; the node itself first, by an empty way.
    pub fn reach(&self, from: Id, when: u8) -> Vec<(Vec<Id>, Id)> {
        let mut reached = vec![(Vec::new(), from)];
        let mut at = 0;
        while at < reached.len() {
            let (path, node) = reached[at].clone();
            for (held, _) in self.nodes[node as usize].holds.iter().filter(|it| it.1 & when != 0) {
                if *held != from && !path.contains(held) {
                    let longer = path.iter().chain([held]).copied().collect();
                    reached.push((longer, *held));
                }
            }
            at += 1;
        }
        reached
    }
}

/// The name as it is matched, without a copy where it is that already.
fn key<'a>(kind: &str, name: &'a str) -> std::borrow::Cow<'a, str> {
    if name.chars().any(char::is_uppercase) { kinds::matching_key(kind, name).into() } else { name.into() }
}

/// What a change is about, under the name it has before; nothing for what comes.
fn old_id(change: &Change) -> Option<ResourceId> {
    let name = change.renamed_from.as_ref().unwrap_or(&change.name);
    (change.verb != Verb::Create).then(|| matching_id(&ResourceId::new(change.kind.clone(), name.clone())))
}

fn is_made_anew(change: &Change) -> bool {
    change.steps.iter().any(|it| it.phase == Phase::Replace)
}

/// The spec afterwards; in the fields that do not change, what is renamed has its new name already.
fn after(change: &Change, live: &LiveObject) -> Value {
    if is_made_anew(change) {
        return change.after.clone();
    }
    let mut spec = change.after.clone();
    let differs = |name: &str| change.fields.iter().any(|it| it.path[1..].split('/').next() == Some(name));
    for (name, value) in spec.as_object_mut().into_iter().flatten() {
        if let Some(kept) = live.spec.get(name).filter(|_| !differs(name)) {
            value.clone_from(kept);
        }
    }
    spec
}

/// A few names, and how many more there are.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|it| format!("`{it}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
