//! Organizations of any size, for measuring.

use crate::sandbox::clock::DAY;
use crate::sandbox::seed::Seed;
use crate::sandbox::seed::allow;
use crate::sandbox::state::EnvironmentGrant;
use crate::sandbox::state::State;
use serde_json::json;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub members: usize,
    pub teams: usize,
    pub services: usize,
    pub items_per_service: usize,
    pub tokens: usize,
}

impl Size {
    pub const S: Size = Size { members: 50, teams: 10, services: 20, items_per_service: 10, tokens: 10 };
    pub const M: Size = Size { members: 1_000, teams: 200, services: 500, items_per_service: 20, tokens: 200 };
    pub const L: Size = Size { members: 10_000, teams: 2_000, services: 5_000, items_per_service: 20, tokens: 1_000 };
    pub const XL: Size = Size { members: 50_000, teams: 5_000, services: 20_000, items_per_service: 20, tokens: 1_000 };
}

/// People of a team, as far as there are enough.
const PEOPLE: usize = 8;

/// The first people keep the names the sandbox's tokens know.
fn login(number: usize) -> String {
    match number {
        0 => "alice".to_owned(),
        1 => "bob".to_owned(),
        _ => format!("user-{number:05}"),
    }
}

/// The organization `acme` in a size. The same size and instant give the same organization.
pub fn generated(size: &Size, now: i64) -> State {
    let mut seed = Seed::new("acme", "Acme", now);
    for number in 0..size.members {
        let role = if number < 2 { "admin" } else { "member" };
        seed.member(&login(number), &format!("Person {number}"), role);
    }
    let stacks: Vec<String> =
        (0..size.teams.max(2 * size.items_per_service)).map(|it| format!("project-{it:05}/prod")).collect();
    for name in &stacks {
        seed.stack(name, "alice");
    }
    let environments: Vec<String> = (0..size.teams.max(1)).map(|it| format!("project-{it:05}/prod")).collect();
    for name in &environments {
        seed.environment(name, "alice");
    }
    let reader = seed.role("stack-auditor", "Reads every stack.", allow(&["stack:read"]));
    for number in 0..size.teams {
        team(&mut seed, size, number, &stacks, &environments, &reader);
    }
    for number in 0..size.services {
        service(&mut seed, size, number, &stacks);
    }
    for number in 0..size.tokens {
        let token = seed.token(&format!("robot-{number:05}"), "alice", None);
        token.expires = now + 90 * DAY;
        token.last_used = now - DAY;
        token.role = Some(reader.clone());
    }
    seed.hook("audit", "Audit", "https://hooks.example/audit", &["stacks"]);
    seed.issuer("pipeline", "https://issuer.example", &reader, json!({"sub": "pipeline"}));
    seed.state
}

fn team(seed: &mut Seed, size: &Size, number: usize, stacks: &[String], environments: &[String], reader: &str) {
    let people = (0..PEOPLE.min(size.members)).map(|it| login((number * 7 + it * 131) % size.members));
    let people: Vec<String> = people.collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let team = seed.team("pulumi", &format!("team-{number:05}"), &format!("Team {number}"), &people);
    team.description = format!("Team number {number}.");
    for (step, permission) in [(0, 102), (3, 101)] {
        team.stacks.insert(stacks[(number + step) % stacks.len()].clone(), permission);
    }
    let max_open_duration = Some("1h0m0s".to_owned());
    let grant = EnvironmentGrant { permission: "open".to_owned(), max_open_duration };
    team.environments.insert(environments[number % environments.len()].clone(), grant);
    if number.is_multiple_of(4) {
        team.roles.push(reader.to_owned());
    }
}

fn service(seed: &mut Seed, size: &Size, number: usize, stacks: &[String]) {
    let owner = match size.teams {
        0 => format!("user/{}", login(number % size.members.max(1))),
        teams => format!("team/team-{:05}", number % teams),
    };
    let items = (0..size.items_per_service).map(|it| format!("stack/{}", stacks[(number + it) % stacks.len()]));
    let items: Vec<String> = items.collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let properties = [("tier", "2", "string"), ("runbook", "https://wiki.example/runbook", "url")];
    let name = format!("service-{number:05}");
    seed.service(&owner, &name, &format!("Service number {number}."), &items, &properties);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_has_the_size_that_was_asked_for() {
        let state = generated(&Size::S, 1_787_306_400);
        assert_eq!((state.members.len(), state.teams.len()), (50, 10));
        assert_eq!((state.services.len(), state.tokens.len()), (20, 10));
        assert!(state.services.values().all(|it| it.items.len() == 10));
        assert!(state.teams.values().all(|it| it.members.len() == PEOPLE));
        assert_eq!(state, generated(&Size::S, 1_787_306_400));
    }

    #[test]
    fn even_nothing_is_a_size() {
        let nothing = Size { members: 0, teams: 0, services: 0, items_per_service: 0, tokens: 0 };
        assert!(generated(&nothing, 0).members.is_empty());
        let lonely = Size { members: 1, teams: 1, services: 1, items_per_service: 0, tokens: 0 };
        assert_eq!(generated(&lonely, 0).teams.len(), 1);
    }
}
