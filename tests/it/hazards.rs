//! Manifests and organizations that lead an unwary plan astray.

use bylaws::sandbox::state::Item;
use bylaws::sandbox::{Config, State, TokenKind, demo};
use serde_json::Value;

use crate::support::{NOW, NOW_SECONDS, Run, Stage, run};

const DAY: i64 = 86_400;

fn stage(text: &str, change: impl FnOnce(&mut State)) -> Stage {
    let mut seed = demo(NOW_SECONDS);
    change(&mut seed);
    let stage = Stage::with(Config { seed: Some(seed), ..Config::default() });
    stage.write("bylaws.yaml", &format!("organization: acme\n{text}"));
    stage
}

fn plan(stage: &Stage) -> (Value, i32) {
    let run = stage.run(&["plan", "--format", "json"]);
    (serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}\n{}", run.stdout, run.stderr)), run.code)
}

#[track_caller]
fn unchanged(stage: &Stage) {
    let (plan, code) = plan(stage);
    assert!(plan["changes"].as_array().unwrap().is_empty(), "{:#}", plan["changes"]);
    assert_eq!(code, 0, "{:#}", plan["diagnostics"]);
}

#[track_caller]
fn converges(stage: &Stage) {
    stage.run(&["apply", "--yes"]).ended(0);
    unchanged(stage);
}

/// The plan is blocked by this danger of this change, and nothing is sent.
#[track_caller]
fn refused(stage: &Stage, code: &str, id: &str) {
    let (plan, ended) = plan(stage);
    let diagnostics = plan["diagnostics"].as_array().unwrap();
    let found = diagnostics.iter().any(|it| it["code"] == code && it["change"] == id && it["blocking"] == true);
    assert!(found, "no {code} of {id} in {:#}", plan["diagnostics"]);
    assert_eq!(ended, 5);
    stage.run(&["apply", "--yes"]).ended(5);
    assert!(stage.writes().is_empty());
}

/// A successor made by hand as this program would have made it.
fn successor(state: &mut State, of: &str, name: &str, created: i64) {
    let mut token = state.tokens.values().find(|it| it.name == of).unwrap().clone();
    token.id = format!("{}-next", token.id);
    name.clone_into(&mut token.name);
    token.created = created;
    token.hash = format!("of {name}");
    state.burnt_token_names.insert(name.to_owned());
    state.tokens.insert(token.id.clone(), token);
}

#[test]
fn an_owner_is_the_same_person_in_whatever_case() {
    unchanged(&stage("services: {playground: {owner: user/Carol}}\n", |_| ()));
}

#[test]
fn people_of_a_github_team_are_not_written_even_if_the_manifest_forgets_its_kind() {
    let stage = stage("teams: {web: {members: [grace, heidi, ken]}}\n", |_| ());
    refused(&stage, "managed-elsewhere", "team/web");
}

#[test]
fn administrators_of_a_scim_team_are_set_once() {
    let stage = stage("teams: {sre: {kind: scim, admins: [ivan]}}\n", |_| ());
    converges(&stage);
    assert_eq!(stage.writes(), ["PATCH /api/orgs/acme/teams/sre"]);
}

#[test]
fn a_team_that_becomes_a_github_team_takes_nobody_with_it() {
    let stage = stage("teams: {mobile: {kind: github, githubTeamId: 4242}}\n", |state| {
        let mut team = state.teams["data-eng"].clone();
        team.name = "mobile".to_owned();
        state.teams.insert(team.name.clone(), team);
    });
    stage.run(&["apply", "--yes", "--allow", "replace-team:team/mobile"]).ended(0);
    unchanged(&stage);
    assert_eq!(stage.service().state().teams["mobile"].kind, "github");
}

#[test]
fn a_team_is_not_made_anew_under_its_tokens() {
    let text = "teams: {platform: {kind: github, githubTeamId: 4242}}\n\
                tokens: {platform-bot: {scope: team/platform, saveTo: file:bot}}\n";
    refused(&stage(text, |_| ()), "still-held", "team/platform");
}

#[test]
fn a_team_of_a_kind_nobody_knows_is_left_alone() {
    let stage = stage("removed: {teams: [web]}\n", |state| {
        state.teams.get_mut("web").unwrap().kind = "gitlab".to_owned();
    });
    refused(&stage, "protected", "team/web");
}

#[test]
fn what_others_manage_is_not_pruned() {
    let all = "teams: {platform: {}, payments: {}, data-eng: {}}\nprune: {teams: true}\n";
    unchanged(&stage(all, |_| ()));
    let external = "teams: {platform: {}, payments: {}}\nprune: {teams: true}\nexternal: {teams: [data-eng]}\n";
    unchanged(&stage(external, |_| ()));
}

#[test]
fn a_team_administrator_becomes_a_member_of_the_team() {
    converges(&stage("teams: {crew: {admins: [carol]}}\n", |_| ()));
    converges(&stage("teams: {platform: {admins: [carol]}}\n", |_| ()));
}

#[test]
fn the_creators_grant_is_no_drift() {
    for permission in ["read", "admin"] {
        let stage = stage(&format!("teams: {{payments: {{stacks: {{checkout-web/prod: {permission}}}}}}}\n"), |_| ());
        unchanged(&stage);
        assert_eq!(stage.service().state().teams["payments"].stacks["checkout-web/prod"], 104);
    }
}

#[test]
fn logins_in_another_case_are_the_same_people_everywhere() {
    let text = "members: {Zoe: {role: member}}\nteams: {platform: {members: [ALICE, Bob, ZOE], admins: [Alice]}}\n\
                prune: {members: true}\nexternal: {members: [CAROL, Dana, frank, grace, heidi, ivan, judy, ken, Mallory, Bob, Alice]}\n";
    unchanged(&stage(text, |_| ()));
}
