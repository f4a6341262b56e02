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
fn a_role_without_permissions_has_none_whatever_form_they_had() {
    let stage = stage("roles: {deployer: {permissions: []}}\n", |_| ());
    assert_eq!(plan(&stage).0["changes"].as_array().unwrap().len(), 1);
    converges(&stage);
}

#[test]
fn the_saml_administrator_stays() {
    let change = |state: &mut State| {
        state.saml_admin = Some("carol".to_owned());
        state.organization.kind = "saml".to_owned();
        state.services.remove("playground");
    };
    refused(&stage("removed: {members: [Carol]}\n", change), "protected", "member/carol");
}

#[test]
fn a_role_goes_only_when_the_old_token_has_gone() {
    let text = |overlap: &str| {
        format!(
            "removed: {{roles: [deployer]}}\ntokens: {{ci-deploy: {{scope: organization, role: stack-auditor, \
             rotation: 2, overlap: {overlap}, saveTo: file:ci}}}}\n"
        )
    };
    refused(&stage(&text("1d"), |_| ()), "still-held", "role/deployer");
    converges(&stage(&text("0d"), |_| ()));
    // A token is known by its logical name, whatever it is called on the service.
    let renamed = |state: &mut State| {
        let token = state.tokens.values_mut().find(|it| it.name == "ci-deploy").unwrap();
        token.name = "ci-deploy.1-abcdef".to_owned();
    };
    converges(&stage(&text("0d"), renamed));
}

#[test]
fn a_predecessor_in_use_by_the_caller_is_not_revoked_with_its_successor() {
    let mut seed = demo(NOW_SECONDS);
    successor(&mut seed, "legacy-deploy", "legacy-deploy.2-abcdef", NOW_SECONDS - DAY);
    let stage = Stage::with(Config { seed: Some(seed), token_kind: TokenKind::Organization, ..Config::default() });
    stage.write("bylaws.yaml", "organization: acme\nremoved: {tokens: [legacy-deploy]}\n");
    let run: Run = run(
        stage.folder.path(),
        &["plan", "--backend", &stage.service().url(), "--now", NOW],
        &[("PULUMI_ACCESS_TOKEN", "pul-legacy-deploy")],
    );
    assert!(run.ended(5).stdout.contains("self-lockout"));
}

#[test]
fn a_token_is_not_renewed_into_the_same_end() {
    let end = NOW_SECONDS + 5 * DAY;
    let change = |state: &mut State| {
        state.tokens.values_mut().find(|it| it.name == "ci-deploy").unwrap().expires = end;
    };
    let text = "tokens: {ci-deploy: {scope: organization, expires: 2026-11-27T12:00:00Z, renewBefore: 14d, saveTo: file:ci}}\n";
    unchanged(&stage(text, change));
}

#[test]
fn a_token_does_not_leave_its_team_unseen() {
    let text = "tokens: {platform-bot: {scope: team/payments, saveTo: file:bot}}\n";
    refused(&stage(text, |_| ()), "token-immutable", "token/platform-bot");
    let text = "tokens: {platform-bot: {scope: organization, saveTo: file:bot}}\n";
    refused(&stage(text, |_| ()), "token-immutable", "token/platform-bot");
}

#[test]
fn nobody_loses_a_role_before_the_team_that_replaces_it_takes_them_in() {
    let text = "members: {zoe: {role: member}}\nteams: {payments: {members: [bob, carol, zoe]}}\n";
    let stage = stage(text, |state| {
        let auditor = state.roles.values().find(|it| it.name == "stack-auditor").unwrap().id.clone();
        state.members.get_mut("zoe").unwrap().role = auditor;
    });
    stage.run(&["apply", "--yes"]).ended(0);
    assert_eq!(stage.writes(), ["PATCH /api/orgs/acme/teams/payments", "PATCH /api/orgs/acme/members/zoe"]);
}

#[test]
fn items_of_a_sort_nobody_knows_are_named_before_they_are_lost() {
    let stage = stage("services: {playground: {owner: user/bob}}\n", |state| {
        let service = state.services.get_mut("playground").unwrap();
        let item = Item { kind: "account".to_owned(), name: "aws/main".to_owned(), ..Item::default() };
        service.items.insert("account/aws/main".to_owned(), item);
    });
    let run = stage.run(&["plan", "--allow", "replace-service:service/playground"]).ended(0);
    assert!(run.stdout.contains("account aws/main"), "{}", run.stdout);
}
