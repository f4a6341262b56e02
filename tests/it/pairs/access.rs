//! Who may do what in the sandbox's own organization, and whether somebody is without it for a while: told from its
//! state alone, by what the contract says.

use std::collections::{BTreeMap, BTreeSet};

use bylaws::model::Snapshot;
use bylaws::sandbox::State;
use bylaws::sandbox::state::Team;
use serde_json::Value;

use super::fewest::permitted;

/// Who, on what, and what: a level has no name of its own, because a higher one holds the lower.
type Right = (String, String, String);
/// Rights with how high they are.
type Access = BTreeMap<Right, u8>;

const EVERY_STACK: &str = "stack *";
/// Whoever administers the organization may do everything.
const EVERYTHING: u8 = u8::MAX;

/// The organization, looked at after every call.
#[derive(Default)]
pub struct Watch {
    /// Every access there was, one after the other.
    seen: Vec<Access>,
}

impl Watch {
    /// Notes who has what now.
    pub fn look(&mut self, state: &State) {
        let now = access(state, &BTreeSet::new());
        if self.seen.last() != Some(&now) {
            self.seen.push(now);
        }
    }

    /// Everything that somebody has before and after by what was read, and had not all the time.
    ///
    /// What a team gives that is deleted and made anew is another matter: there is no other way, and `replace-team`
    /// tells it. So is what the organization lets every member do, where that changes: no impact counts it.
    pub fn gaps(&self, before: &State, after: &State, live: &Snapshot) -> Vec<String> {
        let read = |kind: &str, name: &str| live.object(kind, name).is_some_and(|it| !it.outline);
        let kind = |state: &State, name: &str| state.teams.get(name).map(|it| it.kind.clone());
        let both = |name: &str| kind(before, name).is_some() && kind(after, name).is_some();
        let counts = |it: &str| match kind(before, it) {
            Some(_) => read("team", it) && !(both(it) && kind(before, it) != kind(after, it)),
            None => true,
        };
        let all = before.teams.keys().chain(after.teams.keys());
        let without: BTreeSet<&str> = all.map(String::as_str).filter(|it| !counts(it)).collect();
        let default = |state: &State| state.organization.settings.get("defaultStackPermission").cloned();
        let (mut was, mut is) = (access(before, &without), access(after, &without));
        if default(before) != default(after) {
            was.retain(|it, _| it.1 != EVERY_STACK);
            is.retain(|it, _| it.1 != EVERY_STACK);
        }
        let rights: BTreeSet<&Right> = was.keys().chain(is.keys()).collect();
        let mut gaps = Vec::new();
        for right in rights {
            let kept = level(&was, right).min(level(&is, right));
            let least = self.seen.iter().map(|it| level(it, right)).min().unwrap_or(kept);
            if least < kept {
                gaps.push(format!("{} {} on {}: {least}, not {kept}", right.0, right.2, right.1));
            }
        }
        gaps
    }
}

/// How high somebody's right is, whatever gives it to them.
fn level(access: &Access, (who, on, may): &Right) -> u8 {
    let of = |on: &str, may: &str| access.get(&(who.clone(), on.to_owned(), may.to_owned())).copied().unwrap_or(0);
    let everywhere = match &**may {
        "" if on.starts_with("stack ") => of(EVERY_STACK, ""),
        "" => 0,
        may => of("", may),
    };
    of(on, may).max(of("", "")).max(everywhere)
}

fn access(state: &State, without: &BTreeSet<&str>) -> Access {
    let mut access = Access::new();
    for member in state.members.values().filter(|it| it.known) {
        let who = format!("member {}", member.login.to_lowercase());
        role(state, &member.role, &who, &mut access);
        let theirs = |it: &&Team| it.members.keys().any(|it| it.eq_ignore_ascii_case(&member.login));
        for given in state.teams.values().filter(|it| !without.contains(&*it.name)).filter(theirs) {
            team(state, given, &who, &mut access);
        }
    }
    for token in state.tokens.values() {
        let who = format!("token {}", token.id);
        if let Some(given) =
            token.team.as_ref().filter(|it| !without.contains(&***it)).and_then(|it| state.teams.get(it))
        {
            team(state, given, &who, &mut access);
        }
        let member = || state.role_by_identifier("member").map(|it| it.id.clone());
        if let Some(id) = token.role.clone().or_else(member) {
            role(state, &id, &who, &mut access);
        }
    }
    access
}

fn team(state: &State, team: &Team, who: &str, access: &mut Access) {
    for (stack, permission) in &team.stacks {
        // 104 is what the one who made it has: as much as `admin`.
        take(access, who, &format!("stack {stack}"), "", (permission - 100).min(3) as u8);
    }
    for (environment, grant) in &team.environments {
        let rank = ["read", "open", "write", "admin"].iter().position(|it| *it == grant.permission);
        take(access, who, &format!("environment {environment}"), "", rank.map_or(0, |it| it as u8 + 1));
    }
    team.roles.iter().for_each(|it| role(state, it, who, access));
}

fn role(state: &State, id: &str, who: &str, access: &mut Access) {
    let Some(role) = state.roles.get(id) else { return };
    match role.default_identifier.as_deref() {
        Some("admin") => take(access, who, "", "", EVERYTHING),
        Some("member") => {
            let default =
                state.organization.settings.get("defaultStackPermission").and_then(Value::as_i64).unwrap_or(0);
            take(access, who, EVERY_STACK, "", (default - 100).clamp(0, 3) as u8);
        }
        _ => {}
    }
    for (on, may) in permitted(&role.details).into_iter().filter(|_| role.default_identifier.is_none()) {
        // On a stack alone, what is about environments says nothing.
        let sort = may.split([':', '_']).next().unwrap_or_default();
        let about = on.is_empty() || on.to_lowercase().contains(&format!("permissionliteralexpression{sort}"));
        if about {
            take(access, who, &on, &may, 1);
        }
    }
}

fn take(access: &mut Access, who: &str, on: &str, may: &str, level: u8) {
    let held = access.entry((who.to_owned(), on.to_owned(), may.to_owned())).or_default();
    *held = level.max(*held);
}
