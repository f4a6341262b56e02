//! What a plan must refuse, and what it must never send.

mod rights;

use bylaws::sandbox::{Config, TokenKind};

use crate::support::{Run, Stage};

fn plan(text: &str, more: &[&str]) -> (Stage, Run) {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", text);
    let run = stage.run(&[&["plan"], more].concat());
    (stage, run)
}

/// The plan is shown, ends with 5, names the danger, and an apply of it sends no write.
#[track_caller]
fn refused(text: &str, code: &str, id: &str) {
    let (stage, run) = plan(text, &["--format", "json"]);
    let run = run.ended(5);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let danger = plan["diagnostics"].as_array().unwrap().iter().find(|it| it["code"] == code && it["change"] == id);
    let danger = danger.unwrap_or_else(|| panic!("no {code} of {id} in {:#}", plan["diagnostics"]));
    assert_eq!(danger["blocking"], true);
    assert_eq!(plan["status"]["applyable"], false);
    stage.run(&["apply", "--yes"]).ended(5);
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    // Whoever is locked out by it cannot allow it either.
    if matches!(code, "last-admin" | "self-lockout" | "protected" | "token-immutable") {
        stage.run(&["apply", "--yes", "--allow", &format!("{code}:{id}")]).ended(2);
        assert!(stage.writes().is_empty());
    }
}

#[test]
fn the_caller_never_loses_their_own_access() {
    refused("organization: acme\nmembers: {alice: {role: member}}\n", "self-lockout", "member/alice");
    refused("organization: acme\nremoved: {members: [Alice]}\n", "self-lockout", "member/alice");
}

#[test]
fn the_last_administrator_stays() {
    let text = "organization: acme\nmembers: {alice: {role: member}, bob: {role: member}}\n";
    refused(text, "last-admin", "member/bob");
}

#[test]
fn few_administrators_need_a_word() {
    let text = "organization: acme\nmembers: {bob: {role: member}}\n";
    refused(text, "few-admins", "member/bob");
    plan(text, &["--allow", "few-admins:member/bob"]).1.ended(0);
    let reviewed = "safety: {acknowledge: [{danger: few-admins, of: member/bob}]}\n";
    plan(&format!("{text}{reviewed}"), &[]).1.ended(0);
    let over = "safety: {acknowledge: [{danger: few-admins, of: member/bob, until: 2026-11-21}]}\n";
    plan(&format!("{text}{over}"), &[]).1.ended(5);
    plan(&format!("{text}safety: {{minimumAdmins: 1}}\n"), &[]).1.ended(0);
    // Somebody else takes the duty over: never fewer than before.
    let swap = "organization: acme\nmembers: {bob: {role: member}, carol: {role: admin}}\n";
    let (stage, run) = plan(swap, &[]);
    run.ended(0);
    stage.run(&["apply", "--yes"]).ended(0);
    let roles: Vec<_> = stage.writes();
    assert_eq!(roles, ["PATCH /api/orgs/acme/members/carol", "PATCH /api/orgs/acme/members/bob"]);
}

#[test]
fn an_allowance_of_nothing_is_told() {
    let text = "organization: acme\nmembers: {bob: {role: member}}\n";
    let run = plan(text, &["--allow", "few-admins:member/bob", "--allow", "delete-team:team/data-eng"]).1.ended(0);
    assert!(run.stderr.contains("delete-team:team/data-eng` allows nothing"), "{}", run.stderr);
    assert!(!run.stderr.contains("few-admins:member/bob` allows"), "{}", run.stderr);
    for wrong in ["delete-everything:team/x", "few-admins", "few-admins:", "nonsense:team/x"] {
        plan(text, &["--allow", wrong]).1.ended(2);
    }
}

#[test]
fn what_is_protected_stays() {
    refused("organization: acme\nremoved: {roles: [admin]}\n", "protected", "role/admin");
    refused("organization: acme\nremoved: {teams: [sre]}\n", "protected", "team/sre");
    let list = "safety: {protectedMembers: [bob], minimumAdmins: 1}\n";
    refused(&format!("organization: acme\nremoved: {{members: [bob]}}\n{list}"), "protected", "member/bob");
    refused(&format!("organization: acme\nmembers: {{bob: {{role: member}}}}\n{list}"), "protected", "member/bob");
    let text = "organization: acme\nservices: {playground: {owner: user/bob, protect: true}}\n";
    refused(text, "protected", "service/playground");
}

#[test]
fn deletions_and_replacements_need_a_word() {
    let pruned = "organization: acme\nprune: {services: true}\nservices: {checkout: {renamedFrom: payments-checkout, owner: team/payments}}\n";
    refused(pruned, "delete-service", "service/playground");
    let moved = "organization: acme\nservices: {playground: {owner: user/bob}}\n";
    refused(moved, "replace-service", "service/playground");
    let (stage, run) = plan(moved, &["--allow", "replace-service:service/playground"]);
    run.ended(0);
    stage.run(&["apply", "--yes", "--allow", "replace-service:service/playground"]).ended(0);
    assert_eq!(
        stage.writes(),
        ["DELETE /api/orgs/acme/services/user/carol/playground", "POST /api/orgs/acme/services"]
    );
    let kind = "organization: acme\nteams: {platform: {kind: github, githubTeamId: 4242}}\n";
    refused(kind, "replace-team", "team/platform");
}

#[test]
fn a_tombstone_of_a_team_covers_its_tokens() {
    // The new token makes the tokens of every team be read; what hangs on the team goes with it all the same.
    let services = "removed: {teams: [payments], services: [billing-batch, payments-checkout]}\n";
    let tokens = "tokens: {fresh: {scope: organization, saveTo: file:fresh}}\n";
    let (stage, run) = plan(&format!("organization: acme\n{services}{tokens}"), &["--format", "json"]);
    let run = run.ended(0);
    assert!(run.stdout.contains("1 token dies with it: payments-ci"), "{}", run.stdout);
    stage.run(&["apply", "--yes"]).ended(0);
    assert!(!stage.writes().iter().any(|it| it.contains("/tokens/")), "{:?}", stage.writes());
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

#[test]
fn what_is_still_held_is_not_deleted() {
    refused("organization: acme\nremoved: {roles: [deployer]}\n", "still-held", "role/deployer");
    refused("organization: acme\nremoved: {teams: [payments]}\n", "still-held", "team/payments");
    refused("organization: acme\nremoved: {members: [carol]}\n", "still-held", "member/carol");
}

#[test]
fn a_live_token_changes_only_by_a_successor() {
    let text = "organization: acme\ntokens: {ci-deploy: {scope: organization, description: Other words.}}\n";
    refused(text, "token-immutable", "token/ci-deploy");
    let text = "organization: acme\ntokens: {fresh: {scope: organization}}\n";
    refused(text, "token-without-sink", "token/fresh");
}

#[test]
fn a_token_in_use_is_revoked_only_by_a_word() {
    // The tombstone is that word; without one there is no way to say that a token shall go.
    let (stage, run) = plan("organization: acme\nremoved: {tokens: [ci-deploy]}\n", &[]);
    assert!(run.ended(0).stdout.contains("token-in-use"));
    stage.run(&["apply", "--yes"]).ended(0);
}

#[test]
fn the_token_in_use_and_its_team_stay() {
    let stage = Stage::with(Config { token_kind: TokenKind::Organization, ..Config::default() });
    stage.write("bylaws.yaml", "organization: acme\nremoved: {tokens: [legacy-deploy]}\n");
    let run = crate::support::run(
        stage.folder.path(),
        &["plan", "--backend", &stage.service().url(), "--now", crate::support::NOW],
        &[("PULUMI_ACCESS_TOKEN", "pul-legacy-deploy")],
    );
    assert!(run.ended(5).stdout.contains("self-lockout"));
}

/// A team that is made anew takes along what hangs on it, whether the manifest speaks of that or not.
#[test]
fn a_team_that_is_made_anew_tells_what_hangs_on_it() {
    let text = "organization: acme\nteams: {payments: {kind: github, githubTeamId: 4242}}\n";
    let (_, run) = plan(text, &["--allow", "replace-team:team/payments"]);
    let run = run.ended(5);
    for part in ["1 token dies with it: payments-ci", "token-in-use", "team/payments is still held by service/"] {
        assert!(run.stdout.contains(part), "{part} is not in {}", run.stdout);
    }
}

#[test]
fn what_has_no_safe_order_is_told_and_explained() {
    let stage = Stage::demo();
    stage.write("base/bylaws.yaml", "organization: acme\nservices:\n  billing-batch: {owner: team/payments}\n  data-pipeline: {owner: team/platform}\n");
    stage.write("bylaws.yaml", "organization: acme\nservices:\n  billing-batch: {owner: team/sre, renamedFrom: data-pipeline}\n  data-pipeline: {owner: team/web, renamedFrom: billing-batch}\n");
    let run = stage.run(&["plan", "--base", "./base"]).ended(5);
    assert!(run.stdout.contains("! no-order") && run.stdout.contains("do it in two changes"), "{}", run.stdout);
}

/// Every code that the source gives a finding has a page.
#[test]
fn every_code_is_explained() {
    let mut codes = std::collections::BTreeSet::new();
    for text in crate::tidy::sources().values() {
        let text = text.split("#[cfg(test)]").next().unwrap();
        for (start, _) in
            text.match_indices("findings.push((\"").chain(text.match_indices("Diagnostic::new(Severity::"))
        {
            let quoted = text[start..].split('"').nth(1).unwrap_or_default();
            let near = text[start..].find('"').is_some_and(|it| it < 60);
            if near && quoted.contains('-') && quoted.chars().all(|it| it.is_ascii_lowercase() || it == '-') {
                codes.insert(quoted.to_owned());
            }
        }
    }
    assert!(codes.len() > 10, "{codes:?}");
    let stage = Stage::demo();
    let untold: Vec<&String> = codes.iter().filter(|it| stage.run(&["explain", it]).code != 0).collect();
    assert!(untold.is_empty(), "{untold:?} of {codes:?}");
}

#[test]
fn a_caller_who_is_no_administrator_deletes_nothing() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", "organization: acme\nremoved: {teams: [data-eng]}\n");
    let run = crate::support::run(
        stage.folder.path(),
        &["apply", "--yes", "--backend", &stage.service().url(), "--now", crate::support::NOW],
        &[("PULUMI_ACCESS_TOKEN", "pul-carol")],
    );
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    assert!(stage.writes().is_empty());
}

#[test]
fn an_unknown_membership_is_left_alone() {
    let stage = Stage::demo();
    stage.service().change(|state| {
        state.teams.get_mut("platform").unwrap().list_members_error = Some("GitHub does not answer".to_owned());
    });
    stage.write("bylaws.yaml", "organization: acme\nteams: {platform: {members: [alice], description: New words.}}\n");
    let run = stage.run(&["plan", "--format", "json"]).ended(4);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["status"]["complete"], false);
    assert_eq!(plan["changes"][0]["fields"].as_array().unwrap().len(), 1, "{:#}", plan["changes"]);
}

#[test]
fn a_list_that_fails_is_not_an_empty_one() {
    for fault in ["GET /api/orgs/acme/teams=500", "GET /api/orgs/acme/teams=null-list", "GET /api/orgs/acme/teams=404"]
    {
        let stage = Stage::demo();
        stage.service().inject(fault.parse().unwrap());
        stage.write(
            "bylaws.yaml",
            "organization: acme\nteams: {platform: {}, fresh: {}}\nremoved: {teams: [data-eng]}\n",
        );
        let run = stage.run(&["apply", "--yes"]);
        assert_eq!(run.code, 4, "{fault}\n{}\n{}", run.stdout, run.stderr);
        assert!(stage.writes().is_empty(), "{fault}");
    }
}
