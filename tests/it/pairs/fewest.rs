//! How many writes it takes to bring one organization to another: counted from the two alone, by what the contract
//! says a request can do.

use std::collections::{BTreeMap, BTreeSet};

use bylaws::sandbox::State;
use bylaws::sandbox::state::{Service, Team, Token};
use serde_json::Value;

/// So many items go with one request.
const BATCH: usize = 50;

/// What two organizations alone do not tell.
pub struct Wanted<'a> {
    /// Whoever makes a team is in it from the start.
    pub creator: Option<&'a str>,
    /// Of which groups of the directory the manifest says who is in them.
    pub lists: &'a dyn Fn(&str) -> bool,
    /// Which tokens the manifest itself gives up.
    pub gives_up: &'a dyn Fn(&str) -> bool,
}

/// The least number of writes.
pub fn writes(before: &State, after: &State, wanted: &Wanted) -> usize {
    let Wanted { creator, lists, gives_up } = wanted;
    members(before, after)
        + roles(before, after)
        + teams(before, after, *creator, lists)
        + services(before, after)
        + tokens(before, after, gives_up)
        + issuers(before, after)
        + keyed(&before.hooks, &after.hooks, |_, _| 1, |_| 1, |_| 1)
        + settings(before, after)
        + keyed(&before.directory, &after.directory, |_, _| 1, |_| 1, |_| 1)
        + keyed(&before.invites, &after.invites, |_, _| 1, |_| 1, |_| 1)
}

/// Sums up what is changed, what is new and what is gone.
fn keyed<K: Ord, T: PartialEq>(
    before: &BTreeMap<K, T>,
    after: &BTreeMap<K, T>,
    changed: impl Fn(&T, &T) -> usize,
    new: impl Fn(&T) -> usize,
    gone: impl Fn(&T) -> usize,
) -> usize {
    let there = after.iter().map(|(key, it)| match before.get(key) {
        None => new(it),
        Some(old) if old == it => 0,
        Some(old) => changed(old, it),
    });
    let lost = before.iter().filter(|it| !after.contains_key(it.0)).map(|it| gone(it.1));
    there.sum::<usize>() + lost.sum::<usize>()
}

fn members(before: &State, after: &State) -> usize {
    let built_in = |id: &str| after.roles.get(id).is_some_and(|it| it.default_identifier.is_some());
    // Whoever was given no role follows the default, and comes or goes with the directory.
    let directory = |login: &str| {
        let of = |state: &State| {
            let user = state.directory.values().find(|it| it.login.eq_ignore_ascii_case(login));
            user.map(|it| it.active)
        };
        of(before) != of(after)
    };
    let follows = before.organization.default_role != after.organization.default_role;
    keyed(
        &before.members,
        &after.members,
        |old, new| usize::from(old.role != new.role && !(follows && !old.explicit && !new.explicit)),
        // Only built-in roles can be given at once.
        |new| match (directory(&new.login), built_in(&new.role)) {
            (true, _) => 0,
            (_, true) => 1,
            (_, false) => 2,
        },
        |old| usize::from(!directory(&old.login)),
    )
}

fn roles(before: &State, after: &State) -> usize {
    let changed = keyed(
        &before.roles,
        &after.roles,
        |old, new| {
            let same = old.name == new.name && old.description == new.description && old.details == new.details;
            // Whoever waits for the name does not wait for what is taken away.
            let apart = old.name != new.name && narrows(&old.details, &new.details);
            usize::from(!same) + usize::from(apart)
        },
        |_| 1,
        |_| 1,
    );
    let name = |state: &State, id: &str| state.roles.get(id).map(|it| it.name.clone());
    let renamed: BTreeMap<String, String> = before
        .roles
        .iter()
        .filter_map(|(id, it)| Some((it.name.clone(), name(after, id)?)))
        .filter(|(old, new)| old != new)
        .collect();
    changed + rings(&renamed)
}

/// Whether something is no longer permitted; what is permitted everywhere is so within every limit.
fn narrows(old: &Value, new: &Value) -> bool {
    let (old, new) = (permitted(old), permitted(new));
    old.iter().any(|it| !new.contains(it) && !new.contains(&(String::new(), it.1.clone())))
}

/// Every permission of a tree, with what it is limited to.
pub fn permitted(tree: &Value) -> BTreeSet<(String, String)> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let mut found: BTreeSet<_> = texts(&tree["permissions"]).into_iter().map(|it| (String::new(), it)).collect();
    for entry in tree["entries"].as_array().into_iter().flatten() {
        let mut sides = vec![&entry["condition"]];
        while let Some(side) = sides.pop() {
            if side["__type"] == "PermissionExpressionOr" {
                sides.extend([&side["left"], &side["right"]]);
            } else {
                let limited = texts(&entry["subNode"]["permissions"]).into_iter().map(|it| (side.to_string(), it));
                found.extend(limited);
            }
        }
    }
    found
}

/// Names that go round: for each ring, one of them steps aside first.
fn rings(renamed: &BTreeMap<String, String>) -> usize {
    let mut seen = BTreeSet::new();
    let mut rings = 0;
    for start in renamed.keys() {
        let mut name = start;
        while seen.insert(name.clone()) {
            match renamed.get(name) {
                Some(next) if next == start => {
                    rings += 1;
                    break;
                }
                Some(next) => name = next,
                None => break,
            }
        }
    }
    rings
}

fn teams(before: &State, after: &State, creator: Option<&str>, lists: &dyn Fn(&str) -> bool) -> usize {
    let stays = |login: &str| after.members.contains_key(&login.to_lowercase());
    // A person who was removed from the organization is in no team by that.
    let gone = |user: &str| after.directory.get(user).is_none_or(|it| it.active && after.joined(&it.login).is_none());
    let fill = |old: &Team, new: &Team| -> usize {
        let mut count = 0;
        if new.kind == "pulumi" {
            count += keyed(&old.members, &new.members, |_, _| 1, |level| if level == "admin" { 2 } else { 1 }, |_| 0);
            count += old.members.keys().filter(|it| !new.members.contains_key(*it) && stays(it)).count();
        } else if new.kind == "scim" && lists(&new.display_name) {
            let people = |state: &State, team: &Team| {
                let here = |login: &str| team.members.keys().any(|it| it.eq_ignore_ascii_case(login));
                // Whoever is deactivated leaves by that, and is taken out all the same.
                let belongs = |login: &str| state.joined(login).is_some();
                let users = state.directory.values().filter(|it| it.active && here(&it.login) && belongs(&it.login));
                users.map(|it| it.id.clone()).collect::<BTreeSet<_>>()
            };
            let (was, is) = (people(before, old), people(after, new));
            count += is.difference(&was).count() + was.difference(&is).filter(|it| !gone(it)).count();
        }
        count += keyed(&old.stacks, &new.stacks, |_, _| 1, |_| 1, |_| 1);
        count += keyed(&old.environments, &new.environments, |_, _| 1, |_| 1, |_| 1);
        count + usize::from(old.roles != new.roles)
    };
    let fresh = |new: &Team| -> usize {
        let mut empty = Team { kind: new.kind.clone(), ..Team::default() };
        if let Some(creator) = creator.filter(|_| new.kind == "pulumi") {
            empty.members.insert(creator.to_owned(), "admin".to_owned());
        }
        1 + fill(&empty, new)
    };
    keyed(
        &before.teams,
        &after.teams,
        |old, new| {
            if old.kind != new.kind {
                return 1 + fresh(new);
            }
            let texts = old.display_name != new.display_name || old.description != new.description;
            usize::from(texts) + fill(old, new)
        },
        fresh,
        |_| 1,
    )
}

/// A service is the same under another name if it was made at the same moment.
fn services(before: &State, after: &State) -> usize {
    let by_birth = |state: &State| -> BTreeMap<i64, Service> {
        state.services.values().map(|it| (it.created, it.clone())).collect()
    };
    let made = |state: &State| state.services.values().filter(|it| it.created == crate::support::NOW_SECONDS).count();
    let (mut old, mut new) = (by_birth(before), by_birth(after));
    old.remove(&crate::support::NOW_SECONDS);
    new.remove(&crate::support::NOW_SECONDS);
    let renamed: BTreeMap<String, String> = old
        .iter()
        .filter_map(|(birth, it)| Some((it.name.clone(), new.get(birth)?.name.clone())))
        .filter(|(old, new)| old != new)
        .collect();
    let changed = |old: &Service, new: &Service| {
        let added = new.items.keys().filter(|it| !old.items.contains_key(*it)).count();
        let removed = old.items.keys().filter(|it| !new.items.contains_key(*it)).count();
        // The name goes first and alone, so that nobody else waits for the rest.
        let texts = old.description != new.description || old.properties != new.properties;
        usize::from(old.name != new.name) + usize::from(texts) + added.div_ceil(BATCH) + removed
    };
    // What is made takes its first items along.
    made(after) - made(before) + keyed(&old, &new, changed, |_| 1, |_| 1) + rings(&renamed)
}

fn tokens(before: &State, after: &State, gives_up: &dyn Fn(&str) -> bool) -> usize {
    // A team that is deleted takes its tokens along. One that is given up by itself goes before: it is not to live on
    // where the team is not deleted after all.
    let anew = |team: &str| match (before.teams.get(team), after.teams.get(team)) {
        (Some(old), Some(new)) => old.kind != new.kind,
        _ => true,
    };
    let falls = |it: &Token| it.team.as_deref().is_some_and(anew) && !gives_up(&it.name);
    keyed(&before.tokens, &after.tokens, |_, _| 0, |_| 1, |it| usize::from(!falls(it)))
}

fn issuers(before: &State, after: &State) -> usize {
    let policies = |state: &State, id: &str| state.policies.get(id).map(|it| it.policies.clone()).unwrap_or_default();
    keyed(
        &before.issuers,
        &after.issuers,
        |old, new| {
            let same =
                (&old.name, &old.thumbprints, old.max_expiration) == (&new.name, &new.thumbprints, new.max_expiration);
            usize::from(!same)
        },
        |_| 1,
        |_| 1,
    ) + after
        .issuers
        .iter()
        .filter(|(id, it)| match before.issuers.get(*id) {
            Some(old) => policies(before, &old.policies) != policies(after, &it.policies),
            // What a new one starts with: one entry that denies.
            None => after.policies.get(&it.policies).is_some_and(|it| it.version > 1),
        })
        .count()
}

fn settings(before: &State, after: &State) -> usize {
    let (old, new) = (&before.organization, &after.organization);
    let number = |settings: &BTreeMap<String, serde_json::Value>, name: &str| {
        settings.get(name).and_then(|it| it.as_i64().or(it.as_bool().map(i64::from))).unwrap_or(0)
    };
    // What loosens and what restrains are two requests, because others stand between them.
    let mut halves = BTreeSet::new();
    for name in ["defaultStackPermission", "membersCanCreateTeams", "maxAccessTokenExpiryDays"] {
        let (was, is) = (number(&old.settings, name), number(&new.settings, name));
        if was != is {
            // No limit is 0.
            let limit = name == "maxAccessTokenExpiryDays";
            let loosens = if limit { is == 0 || (was != 0 && is > was) } else { is > was };
            halves.insert(loosens);
        }
    }
    halves.len() + usize::from(old.default_role != new.default_role)
}
