//! What somebody may do on one thing, all their ways to it taken together.

use std::collections::BTreeMap;

use crate::model::access::{EVERYTHING, ORGANIZATION};
use crate::plan::impact::graph::{Graph, Held, Id, Word};

/// A way from somebody to what gives them a right.
pub(super) type Way = Vec<Id>;
/// Everything somebody holds in one state, each with a way to it.
pub(super) type Reach = [(Way, Id)];

/// What somebody may do on one thing: the highest level, the permissions, and through what.
#[derive(Debug, Default)]
pub(super) struct Effective {
    pub rank: u8,
    /// The level, and every way to it.
    pub level: Option<(Word, Vec<Way>)>,
    /// Permissions that stand for themselves, each with every way to it.
    pub permissions: BTreeMap<Word, Vec<Way>>,
}

/// What `reach` gives on `on` in the state `when`.
pub(super) fn on(graph: &Graph, reach: &Reach, on: Id, when: u8) -> Effective {
    of(graph, reach, on, graph.wider(on), when)
}

/// The same without what holds for everything of its kind, or for the whole organization.
pub(super) fn on_itself(graph: &Graph, reach: &Reach, on: Id, when: u8) -> Effective {
    of(graph, reach, on, &[], when)
}

fn of(graph: &Graph, reach: &Reach, on: Id, wider: &[Id], when: u8) -> Effective {
    let mut found = Effective::default();
    for (way, node) in reach {
        for (_, held) in rights_in(graph, *node, on, wider, when) {
            found.take(held, way);
        }
    }
    found
}

/// The rights of one node that count on `on` in the state `when`, each with what it is written on.
pub(super) fn rights_for(graph: &Graph, node: Id, on: Id, when: u8) -> impl Iterator<Item = (Id, &Held)> {
    rights_in(graph, node, on, graph.wider(on), when)
}

fn rights_in<'a>(
    graph: &'a Graph,
    node: Id,
    on: Id,
    wider: &'a [Id],
    when: u8,
) -> impl Iterator<Item = (Id, &'a Held)> {
    let everywhere = wider.iter().flat_map(move |place| {
        // Of the organization's own levels only the one that holds everything reaches further than itself.
        let elsewhere = graph.name(*place).kind == ORGANIZATION;
        let reaches = move |held: &&Held| match held.rank {
            EVERYTHING => true,
            0 => !elsewhere || is_about(graph.text(held.may), &graph.name(on).kind),
            _ => !elsewhere,
        };
        graph.rights_on(node, *place).iter().filter(reaches)
    });
    let rights = graph.rights_on(node, on).iter().chain(everywhere);
    rights.filter(move |it| it.when & when != 0).map(|it| (it.on, it))
}

/// Whether a permission is about things of a kind: `stack:read` and `stack_tags:update` are about stacks.
pub(super) fn is_about(permission: &str, kind: &str) -> bool {
    permission.strip_prefix(kind).is_some_and(|it| it.starts_with([':', '_']))
}

/// The ways by which somebody administers the organization.
pub(super) fn everything(graph: &Graph, reach: &Reach, when: u8) -> Vec<Way> {
    let Some(organization) = graph.find(ORGANIZATION, "") else { return Vec::new() };
    let found = on(graph, reach, organization, when);
    if found.rank == EVERYTHING { found.level.map_or_else(Vec::new, |it| it.1) } else { Vec::new() }
}

impl Effective {
    fn take(&mut self, held: &Held, way: &Way) {
        if held.rank == 0 {
            add(self.permissions.entry(held.may).or_default(), way);
        } else if held.rank > self.rank {
            self.rank = held.rank;
            self.level = Some((held.may, vec![way.clone()]));
        } else if let Some((_, ways)) = self.level.as_mut().filter(|_| held.rank == self.rank) {
            add(ways, way);
        }
    }
}

fn add(ways: &mut Vec<Way>, way: &Way) {
    if !ways.contains(way) {
        ways.push(way.clone());
    }
}
