//! What a signal, a refusal and an older service do to an apply.

use std::process::{Command, Stdio};
use std::time::Duration;

use bylaws::sandbox::{self, Config};
use serde_json::Value;

use crate::support::engine::ENVIRONMENT_SECRET;
use crate::support::{self, NOW, NOW_SECONDS, Stage};

#[test]
fn the_first_signal_lets_what_runs_finish_and_reports() {
    let stage = Stage::with(Config { latency: Duration::from_millis(150), ..Config::default() });
    crate::support::copy(&crate::support::root().join("examples/full"), stage.folder.path());
    let mut apply = Command::new(env!("CARGO_BIN_EXE_bylaws"))
        .args(["apply", "--yes", ".", "--now", NOW, "--backend", &stage.service().url()])
        .current_dir(stage.folder.path())
        .env("PULUMI_ACCESS_TOKEN", "pul-sandbox")
        .env("AUDIT_HOOK_SECRET", ENVIRONMENT_SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first write is under way: now somebody cancels the job.
    while stage.writes().is_empty() {
        assert!(apply.try_wait().unwrap().is_none(), "it ended before it wrote anything");
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("sh").args(["-c", &format!("kill -TERM {}", apply.id())]).status().unwrap();
    let output = apply.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(8), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("cancelled"), "{text}");
    assert!(!stage.writes().iter().any(|it| it.starts_with("DELETE ")), "{:?}", stage.writes());
    // The next apply goes on from there.
    stage.run(&["apply", "--yes", "."]).ended(0);
}

#[test]
fn a_failure_skips_what_depends_on_it_and_every_deletion() {
    let stage = Stage::demo();
    crate::support::copy(&crate::support::root().join("examples/acme"), stage.folder.path());
    stage.service().inject("POST /api/orgs/acme/members/erin=403".parse().unwrap());
    let run = stage.run(&["apply", "--yes", "."]).ended(4);
    for line in ["FAILED   member/erin", "skipped  team/payments", "skipped  team/data-eng", "done     token/ci-deploy"]
    {
        assert!(run.stdout.contains(line), "`{line}` is not in\n{}", run.stdout);
    }
    assert!(!stage.writes().iter().any(|it| it.starts_with("DELETE ")), "{:?}", stage.writes());
    stage.service().clear_faults();
    let again = stage.run(&["apply", "--yes", "."]).ended(0);
    assert!(again.stdout.ends_with("Applied, and verified: no changes left.\n"), "{}", again.stdout);
}

#[test]
fn a_lost_answer_to_a_creation_is_never_sent_again() {
    for fault in ["POST /api/orgs/acme/tokens=reset-after,times=1", "POST /api/orgs/acme/services=500-after,times=1"] {
        let stage = Stage::demo();
        stage.write(
            "bylaws.yaml",
            "organization: acme\ntokens: {fresh: {scope: organization, saveTo: file:fresh}}\nservices: {fresh: {owner: team/web}}\n",
        );
        stage.service().inject(fault.parse().unwrap());
        let run = stage.run(&["apply", "--yes"]).ended(4);
        assert!(run.stdout.contains("FAILED"), "{}", run.stdout);
        assert_eq!(stage.writes().len(), 2, "{:?}", stage.writes());
    }
}

#[test]
fn an_older_service_is_sent_the_older_routes() {
    let stage = Stage::with(Config { old_server: true, ..Config::default() });
    crate::support::copy(&crate::support::root().join("examples/full"), stage.folder.path());
    stage.run(&["apply", "--yes", "."]).ended(0);
    stage.run(&["plan", ".", "--expect-no-changes"]).ended(0);
}

#[test]
fn item_names_with_and_without_the_organization_are_the_same() {
    let stage = Stage::with(Config { org_prefix_items: true, page_size: Some(2), ..Config::default() });
    let text = "organization: acme\nservices:\n  storefront:\n    owner: team/web\n    items:\n      stacks: [shop/prod, shop/staging]\n      environments: [shop/prod]\n";
    stage.write("bylaws.yaml", text);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
    stage.write("bylaws.yaml", &text.replace("[shop/prod, shop/staging]", "[shop/prod, etl/prod]"));
    stage.run(&["apply", "--yes"]).ended(0);
    assert!(
        stage.writes().iter().any(|it| it.ends_with("/v2/items/stack/acme%2Fshop%2Fstaging")),
        "{:?}",
        stage.writes()
    );
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

/// What is deleted was looked at twice: what somebody changes in between stays.
#[test]
fn what_somebody_changes_before_the_first_deletion_is_not_deleted() {
    for before_the_second in [true, false] {
        let stage = Stage::with(Config { latency: Duration::from_millis(100), ..Config::default() });
        stage.write("bylaws.yaml", "organization: acme\nremoved: {webhooks: [chat]}\n");
        let service = stage.service();
        let run = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                while !service.requests().iter().any(|it| it.path.ends_with("/hooks")) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if before_the_second {
                    service.change(|state| state.hooks.get_mut("chat").unwrap().active = true);
                }
            });
            let run = stage.run(&["apply", "--yes"]);
            other.join().unwrap();
            run
        });
        assert_eq!(stage.service().state().hooks.contains_key("chat"), before_the_second);
        match before_the_second {
            true => assert!(run.ended(5).stderr.contains("webhook/chat is no longer what it was")),
            false => drop(run.ended(0)),
        }
    }
}

/// A deletion may come long after both readings; whoever joins in between is not thrown out.
#[test]
fn whoever_joins_while_it_is_applied_keeps_the_team() {
    for joins in [true, false] {
        let stage = Stage::demo();
        let text = "organization: acme\nteams: {fresh: {}}\nremoved: {teams: [data-eng], webhooks: [chat]}\n";
        stage.write("bylaws.yaml", text);
        stage.service().inject("POST /api/orgs/acme/teams/pulumi=delay=1500ms".parse().unwrap());
        let service = stage.service();
        let run = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let readings = || service.requests().iter().filter(|it| it.path.ends_with("/teams/data-eng")).count();
                while readings() < 2 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                // Past the second comparison, and long before the team that is made first is there.
                std::thread::sleep(Duration::from_millis(400));
                if joins {
                    service.change(|state| {
                        let team = state.teams.get_mut("data-eng").unwrap();
                        team.members.insert("dave".to_owned(), team.members.values().next().unwrap().clone());
                    });
                }
            });
            let run = stage.run(&["apply", "--yes"]);
            other.join().unwrap();
            run
        });
        let requests = stage.requests();
        for path in ["teams/data-eng", "hooks/chat"] {
            let gone = requests.iter().position(|it| *it == format!("DELETE /api/orgs/acme/{path}"));
            let stays = joins && path.starts_with("teams");
            assert_eq!(gone.is_none(), stays, "{requests:?}");
            // Beside the two readings of whole lists, in which only teams are read one by one.
            let before = &requests[..gone.unwrap_or(requests.len())];
            let readings = before.iter().filter(|it| **it == format!("GET /api/orgs/acme/{path}")).count();
            assert!(readings >= if path.starts_with("teams") { 3 } else { 1 }, "{requests:?}");
        }
        assert_eq!(stage.service().state().teams.contains_key("data-eng"), joins);
        if joins {
            let run = run.ended(4);
            assert!(run.stdout.contains("the member `dave` has come"), "{}", run.stdout);
        } else {
            run.ended(0);
        }
    }
}

/// The report's word on the only step of an apply that ends so.
fn only_step(stage: &Stage, allow: &str, code: i32) -> String {
    stage.run(&["apply", "--yes", "--allow", allow, "--write", "report=report.json"]).ended(code);
    let report = std::fs::read_to_string(stage.folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    report["steps"][0]["outcome"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn nothing_is_lost_as_long_as_nothing_was_deleted() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", "organization: acme\nservices: {payments-checkout: {owner: team/platform}}\n");
    stage.service().inject("DELETE /api/orgs/acme/services/**=403".parse().unwrap());
    let message = only_step(&stage, "replace-service:service/payments-checkout", 4);
    assert!(message.contains("403") && !message.contains("deleted first"), "{message}");
}

/// Something is deleted, and cannot be made anew, by a manifest that says no more than why; how what else it had is
/// written.
#[track_caller]
fn tells_what_only_the_old_one_held(entry: &str, allow: &str, create: &str, carried: &[&str]) {
    let mut state = sandbox::demo(NOW_SECONDS);
    state.teams.get_mut("data-eng").unwrap().kind = "github".to_owned();
    let stage = Stage::with(Config { seed: Some(state), ..Config::default() });
    stage.write("bylaws.yaml", &format!("organization: acme\n{entry}}}}}\n"));
    stage.service().inject(format!("POST /api/orgs/acme/{create}=403,times=1").parse().unwrap());
    let message = only_step(&stage, allow, 4);
    let (_, told) = message.split_once("before the next run: ").unwrap_or_else(|| panic!("{message}"));
    for value in carried {
        assert!(told.contains(&format!("`{value}")), "`{value}` is not in\n{told}");
    }
    // Written where the message says, as the message says, it is all there again.
    let fields = told.trim_matches('`').replace("`, `", ", ");
    stage.write("bylaws.yaml", &format!("organization: acme\n{entry}, {fields}}}}}\n"));
    stage.run(&["apply", "--yes"]).ended(0);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

#[test]
fn what_only_an_old_service_held_is_told_when_the_new_one_cannot_be_made() {
    tells_what_only_the_old_one_held(
        "services: {payments-checkout: {owner: team/platform",
        "replace-service:service/payments-checkout",
        "services",
        &[
            "description: \"Card payments.\"",
            "properties: [{\"key\":\"tier\"",
            "items: {\"stacks\":[\"checkout-web/prod\"]",
        ],
    );
}

#[test]
fn what_only_an_old_team_held_is_told_when_the_new_one_cannot_be_made() {
    tells_what_only_the_old_one_held(
        "teams: {data-eng: {kind: pulumi",
        "replace-team:team/data-eng",
        "teams/pulumi",
        &["displayName: \"Data Engineering\"", "stacks: {\"etl/prod\":\"write\"}"],
    );
}

#[test]
fn what_only_an_old_issuer_held_is_told_when_the_new_one_cannot_be_made() {
    tells_what_only_the_old_one_held(
        "oidcIssuers: {github-actions: {url: 'https://token.elsewhere.example'",
        "replace-oidc-issuer:oidc-issuer/github-actions",
        "oidc/issuers",
        &["maxExpiration: \"2h\"", "policies: [{"],
    );
}

/// Each has a server of its own, and the file is one.
#[test]
fn programs_that_share_a_sandbox_file_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let logins = ["carol", "dana", "mallory"];
    let run = |login: &str| {
        let manifest = format!("{login}.yaml");
        let text = format!("organization: acme\nmembers: {{{login}: {{role: billing-manager}}}}\n");
        std::fs::write(folder.path().join(&manifest), text).unwrap();
        let all = ["apply", "--yes", &manifest, "--backend", "sandbox:acme.json"];
        support::run(folder.path(), &all, &[]).ended(0);
    };
    std::thread::scope(|scope| logins.map(|login| scope.spawn(move || run(login))).map(|it| it.join().unwrap()));
    let state = bylaws::sandbox::kept(&folder.path().join("acme.json")).unwrap();
    let role = |login: &str| state.plain_role(state.member(login).unwrap());
    assert_eq!(logins.map(role), ["billing-manager"; 3]);
}
