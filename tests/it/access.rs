//! `bylaws access`: what it reads, and how it ends.

use bylaws::sandbox::{Config, Fault};

use crate::support::Stage;

#[test]
fn only_what_the_question_needs_is_read_and_nothing_is_written() {
    let stage = Stage::demo();
    stage.run(&["access", "user/bob"]).ended(0);
    let asked = stage.requests();
    assert!(asked.iter().any(|it| it.ends_with("/teams/web")), "{asked:?}");
    assert!(!asked.iter().any(|it| it.contains("/tokens") || it.contains("/environments")), "{asked:?}");
    stage.run(&["access", "team/platform"]).ended(0);
    let asked = stage.requests().split_off(asked.len());
    let details = asked.iter().filter(|it| it.contains("/teams/") && !it.contains("/tokens"));
    assert_eq!(details.count(), 1, "{asked:?}");
    assert!(stage.writes().is_empty());
}

#[test]
fn an_answer_from_too_little_is_told_and_ends_with_4() {
    let fault: Fault = "GET /api/orgs/acme/teams/web=403".parse().unwrap();
    let stage = Stage::with(Config { faults: vec![fault], ..Config::default() });
    let run = stage.run(&["access", "stack/shop/prod", "--concurrency", "4"]).ended(4);
    assert!(run.stdout.contains("team/web"), "{}", run.stdout);
}

#[test]
fn a_broken_manifest_does_not_answer_for_another_organization() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", "organization: acme\nteams: [");
    stage.run(&["access", "organization"]).ended(2);
    assert!(stage.requests().is_empty());
    stage.run(&["access", "organization", "--organization", "acme"]).ended(0);
    let run = stage.run(&["access", "--organization", "emca"]).ended(4);
    assert!(run.stderr.contains("emca") && run.stderr.contains("acme"), "{}", run.stderr);
}
