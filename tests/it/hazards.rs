//! Manifests and organizations that lead an unwary plan astray.

use std::path::Path;

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
fn a_team_is_not_made_anew_without_what_could_not_be_read() {
    let stage = stage("teams: {web: {kind: pulumi}}\n", |state| {
        // A permission that nobody knows: the service would go on to have it, a new team would not.
        state.teams.get_mut("web").unwrap().stacks.insert("shop/prod".to_owned(), 105);
    });
    stage.breaks_on_purpose("105");
    let run = stage.run(&["apply", "--yes", "--allow", "replace-team:team/web"]).ended(4);
    assert!(run.stdout.contains("stacks of team/web could not be read, and would be lost"), "{}", run.stdout);
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
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
    stage.breaks_on_purpose("/kind: \"gitlab\" is not one of");
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
    let base = "organization: acme\ntokens: {platform-bot: {scope: team/platform, saveTo: file:bot}}\n";
    for scope in ["team/payments", "organization"] {
        let text = format!("tokens: {{platform-bot: {{scope: {scope}, saveTo: file:bot}}}}\n");
        let moved = stage(&text, |_| ());
        moved.write("base/bylaws.yaml", base);
        let run = moved.run(&["plan", "--base", "./base", "--format", "json"]).ended(5);
        assert!(run.stdout.contains("\"token-immutable\""), "{}", run.stdout);
        // The list is read anyway, because of another token or because somebody goes.
        for other in ["tokens: {x: {scope: team/platform, saveTo: file:x}, ", "removed: {members: [zoe]}\ntokens: {"] {
            let text = text.replace("tokens: {", other);
            refused(&stage(&text, |_| ()), "token-immutable", "token/platform-bot");
        }
    }
}

#[test]
fn only_lists_of_tokens_that_the_manifest_names_are_read() {
    let lists = |text: &str| {
        let stage = stage(text, |_| ());
        stage.run(&["plan"]);
        let asked = stage.requests().into_iter().filter(|it| it.ends_with("/tokens"));
        asked.map(|it| it.replace("GET /api/orgs/acme/", "")).collect::<Vec<_>>()
    };
    assert_eq!(lists("tokens: {new: {scope: team/web, saveTo: file:new}}\n"), ["teams/web/tokens"]);
    assert_eq!(lists("tokens: {new: {scope: organization, saveTo: file:new}}\n"), ["tokens"]);
    assert_eq!(lists("members: {zoe: {role: member}}\n"), [""; 0]);
    assert_eq!(lists("removed: {members: [zoe]}\n").len(), 6);
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

#[test]
fn one_person_in_two_spellings_goes_once() {
    let stage = stage("removed: {members: [mallory, Mallory]}\n", |_| ());
    let run = stage.run(&["plan", "--format", "json"]);
    if run.code != 2 {
        stage.run(&["apply", "--yes"]).ended(0);
        assert_eq!(stage.writes(), ["DELETE /api/orgs/acme/members/mallory"]);
    }
}

#[test]
fn one_person_in_two_spellings_is_declared_once() {
    let stage = stage("members: {zoe: {role: member}, Zoe: {role: admin}}\n", |_| ());
    stage.run(&["plan"]).ended(2);
}

#[test]
fn a_grant_on_nothing_is_no_grant_on_everything() {
    let stage = stage("roles: {reader: {grants: [{permissions: [\"stack:read\"], stacks: []}]}}\n", |_| ());
    stage.run(&["plan"]).ended(2);
}

#[test]
fn a_github_team_without_its_number_is_not_made() {
    let stage = stage("teams: {mobile: {kind: github}}\n", |_| ());
    refused(&stage, "cannot-create", "team/mobile");
}

#[test]
fn a_role_that_was_listed_without_its_permissions_keeps_them() {
    let stage = stage("roles: {stack-auditor: {description: New words.}}\n", |state| {
        state.roles.values_mut().find(|it| it.name == "stack-auditor").unwrap().details = Value::Null;
    });
    stage.breaks_on_purpose("/details: null is not of type");
    let run = stage.run(&["apply", "--yes"]);
    assert!(stage.writes().is_empty(), "{}", run.stdout);
}

#[test]
fn a_custom_role_in_the_callers_place_is_theirs_to_keep() {
    let stage = stage("members: {alice: {role: stack-auditor}}\n", |_| ());
    refused(&stage, "self-lockout", "member/alice");
}

#[test]
fn a_member_of_the_organization_who_administers_nothing_goes_with_few_administrators() {
    // Whoever brings the number down is asked, nobody else.
    converges(&stage("removed: {members: [mallory]}\n", |state| {
        let member = state.members["carol"].role.clone();
        state.members.get_mut("bob").unwrap().role = member;
    }));
}

#[test]
fn the_default_role_stays() {
    let stage = stage("removed: {roles: [stack-auditor]}\n", |state| {
        let id = state.roles.values().find(|it| it.name == "stack-auditor").unwrap().id.clone();
        state.organization.default_role = id;
    });
    refused(&stage, "protected", "role/stack-auditor");
}

#[test]
fn a_token_goes_on_after_every_rotation_and_renewal() {
    let text = |rotation: u32| {
        format!(
            "tokens: {{ci-deploy: {{scope: organization, role: deployer, lifetime: 30d, renewBefore: 10d, \
             rotation: {rotation}, overlap: 1d, saveTo: file:ci}}}}\n"
        )
    };
    let stage = stage(&text(2), |_| ());
    converges(&stage);
    stage.write("bylaws.yaml", &format!("organization: acme\n{}", text(3)));
    converges(&stage);
    let live: Vec<String> = stage.service().state().tokens.into_values().map(|it| it.name).collect();
    let generations = live.iter().filter(|it| it.starts_with("ci-deploy")).count();
    assert_eq!(generations, 3, "{live:?}");
    // A day later the predecessors go; the one that counts stays.
    stage.service().change(|state| {
        for token in state.tokens.values_mut().filter(|it| it.name.starts_with("ci-deploy")) {
            token.created -= 2 * DAY;
        }
    });
    converges(&stage);
    let live: Vec<String> = stage.service().state().tokens.into_values().map(|it| it.name).collect();
    let left: Vec<&String> = live.iter().filter(|it| it.starts_with("ci-deploy")).collect();
    assert!(left.len() == 1 && left[0].starts_with("ci-deploy.3-"), "{left:?}");
}

#[test]
fn a_token_that_moved_is_revoked_where_it_was() {
    let text = "tokens: {platform-bot: {scope: team/payments, rotation: 2, overlap: 0d, saveTo: file:bot}}\n";
    let stage = stage(text, |_| ());
    stage.write("base/bylaws.yaml", "organization: acme\ntokens: {platform-bot: {scope: team/platform}}\n");
    stage.run(&["apply", "--yes", "--base", "./base"]).ended(0);
    unchanged(&stage);
    let state = stage.service().state();
    let left: Vec<_> = state.tokens.values().filter(|it| it.name.starts_with("platform-bot")).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].team.as_deref(), Some("payments"));
}

#[test]
fn a_team_goes_with_its_people_tokens_and_role() {
    let stage = stage("removed: {teams: [data-eng], members: [frank]}\n", |state| {
        let id = state.roles.values().find(|it| it.name == "stack-auditor").unwrap().id.clone();
        state.teams.get_mut("data-eng").unwrap().roles.push(id);
    });
    converges(&stage);
}

#[test]
fn everything_changes_hands_at_once() {
    let text = "removed: {teams: [payments], members: [carol], roles: [deployer]}\n\
                services: {playground: {owner: team/crew}, payments-checkout: {owner: team/crew}, billing-batch: {owner: user/ken}}\n\
                teams: {crew: {members: [alice, ken], stacks: {checkout-web/prod: admin}}, platform: {members: [alice, bob, zoe, frank]}, data-eng: {members: [bob]}}\n\
                tokens: {ci-deploy: {scope: organization, role: shipper, rotation: 2, overlap: 0d, saveTo: file:ci}}\n\
                roles: {shipper: {permissions: [\"stack:write\"]}}\n";
    let stage = stage(text, |_| ());
    let allow = ["playground", "payments-checkout", "billing-batch"].map(|it| format!("replace-service:service/{it}"));
    let arguments: Vec<&str> =
        ["apply", "--yes"].into_iter().chain(allow.iter().flat_map(|it| ["--allow", it])).collect();
    stage.run(&arguments).ended(0);
    unchanged(&stage);
}

#[test]
fn what_is_kept_is_not_pruned_under_a_waiting_name() {
    let text = "prune: {services: true}\nexternal: {services: [billing-batch, payments-checkout, alerting, storefront]}\n\
                services:\n  playground: {renamedFrom: data-pipeline, owner: team/platform}\n  \
                data-pipeline: {renamedFrom: playground, owner: user/carol}\n";
    let stage = stage(text, |state| {
        let mut service = state.services.remove("playground").unwrap();
        service.name = "data-pipeline.bylaws-renaming".to_owned();
        state.services.insert(service.name.clone(), service);
    });
    converges(&stage);
    assert_eq!(stage.service().state().services.len(), 6);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

#[test]
fn a_role_that_moves_between_teams_is_given_before_it_is_taken() {
    let text = "teams: {payments: {role: none}, platform: {role: stack-auditor}}\n";
    let stage = stage(text, |state| {
        let id = state.roles.values().find(|it| it.name == "stack-auditor").unwrap().id.clone();
        state.teams.get_mut("payments").unwrap().roles.push(id);
    });
    let plan = plan(&stage).0;
    let step = |team: &str| {
        let changes = plan["changes"].as_array().unwrap();
        changes.iter().find(|it| it["name"] == team).unwrap()["steps"][0].clone()
    };
    assert_eq!(step("payments")["after"][0], step("platform")["step"], "{plan:#}");
}

#[test]
fn a_service_and_its_owner_go_together() {
    converges(&stage("removed: {services: [storefront, data-pipeline], teams: [web]}\n", |_| ()));
    converges(&stage("removed: {members: [carol], services: [playground]}\n", |_| ()));
}

/// Administrators change hands in every way at once; after every single write there is at least as many as
/// before or after, whichever is less.
#[test]
fn every_beginning_of_a_plan_has_its_administrators() {
    let text = "members: {bob: {role: member}, carol: {role: admin}, zoe: {role: admin}, erin: {role: admin}}\nremoved: {members: [ken]}\n";
    let stage = stage(text, |state| {
        let admin = state.members["alice"].role.clone();
        state.members.get_mut("ken").unwrap().role = admin;
    });
    let (plan, _) = plan(&stage);
    let mut steps: Vec<(&Value, &Value)> = Vec::new();
    for change in plan["changes"].as_array().unwrap() {
        steps.extend(change["steps"].as_array().unwrap().iter().map(|it| (change, it)));
    }
    let gains: Vec<&Value> =
        steps.iter().filter(|it| it.0["after"]["role"] == "admin").map(|it| &it.1["step"]).collect();
    let losses: Vec<&Value> =
        steps.iter().filter(|it| it.0["before"]["role"] == "admin").map(|it| &it.1["after"]).collect();
    assert_eq!((gains.len(), losses.len()), (3, 2));
    for after in losses {
        assert!(gains.iter().all(|it| after.as_array().unwrap().contains(it)), "{plan:#}");
    }
}

#[test]
fn whoever_administers_by_being_new_is_counted_once_they_are_there() {
    // Erin is no member yet: the last administrator waits for her.
    let text = "members: {bob: {role: member}, erin: {role: admin}}\nsafety: {minimumAdmins: 1}\n";
    let stage = stage(text, |_| ());
    stage.service().inject("POST /api/orgs/acme/members/erin=500".parse().unwrap());
    stage.run(&["apply", "--yes"]).ended(4);
    assert!(!stage.writes().iter().any(|it| it.ends_with("/bob")), "{:?}", stage.writes());
}

#[test]
fn whatever_is_about_to_end_and_is_not_renewed_is_noted() {
    for (token, days, noted) in [("", 10, true), (", renewBefore: 30d, saveTo: 'file:x'", 10, false), ("", 15, false)] {
        let stage = stage(&format!("tokens: {{ci-deploy: {{scope: organization{token}}}}}\n"), |state| {
            let token = state.tokens.values_mut().find(|it| it.name.starts_with("ci-deploy")).unwrap();
            token.expires = NOW_SECONDS + days * DAY;
        });
        let (plan, _) = plan(&stage);
        let notes = plan["diagnostics"].as_array().unwrap().iter();
        let note = notes.clone().find(|it| it["code"] == "token-expires-soon");
        assert_eq!(note.is_some(), noted, "{token} {days}: {:#}", plan["diagnostics"]);
        assert!(note.is_none_or(|it| it["change"] == "token/ci-deploy" && it["blocking"] != true), "{note:?}");
    }
    assert!(run(Path::new("."), &["explain", "token-expires-soon"], &[]).ended(0).stdout.contains("14 days"));
}

#[test]
fn what_somebody_leaves_behind_is_read_as_soon_as_they_are_known_to_leave() {
    let manifest = "members: {bob: {role: member}}\nsafety: {minimumAdmins: 1}\n";
    let stage = stage(manifest, |_| ());
    let (found, code) = plan(&stage);
    let told = |found: &Value| {
        let diagnostics = found["diagnostics"].as_array().unwrap();
        diagnostics.iter().any(|it| it["code"] == "token-outlives-member" && it["change"] == "member/bob")
    };
    assert!(code == 0 && told(&found), "{:#}", found["diagnostics"]);
    // Whoever loses nothing is not asked after.
    stage.write("bylaws.yaml", "organization: acme\nmembers: {carol: {role: billing-manager}}\n");
    let before = stage.requests().len();
    plan(&stage);
    assert!(!stage.requests()[before..].iter().any(|it| it.ends_with("/tokens")), "{:?}", stage.requests());
    // Where tokens cannot be read, the plan is the one that it is without them.
    stage.write("bylaws.yaml", &format!("organization: acme\n{manifest}"));
    stage.service().inject("GET /api/orgs/acme/tokens=403".parse().unwrap());
    let (blind, code) = plan(&stage);
    assert!(code == 0 && !told(&blind), "{:#}", blind["diagnostics"]);
    assert_eq!(blind["checksum"], found["checksum"]);
    stage.run(&["apply", "--yes"]).ended(0);
}
