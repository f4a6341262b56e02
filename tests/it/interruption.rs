//! What a signal, a refusal and an older service do to an apply.

use std::process::{Command, Stdio};
use std::time::Duration;

use bylaws::sandbox::Config;

use crate::support::engine::ENVIRONMENT_SECRET;
use crate::support::{NOW, Stage};

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
