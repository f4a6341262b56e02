//! The identity provider's directory: read with its own token, compared, and written only on request.

use bylaws::sandbox::{Config, demo};
use serde_json::Value;

use crate::support::{NOW_SECONDS, Run, Stage};

const TOKEN: &str = "scim-5ecret-canary";
const USERS: &str = "  users:\n    judy@acme.example: {active: false}\n    ivan@acme.example: {givenName: Iwan}\n    \
                     erin@acme.example: {givenName: Erin, familyName: Ek}\n";
const GROUPS: &str = "  groups:\n    SRE: {members: [Ivan@acme.example, erin@acme.example]}\n";

fn stage(text: &str) -> Stage {
    let stage = Stage::with(Config { seed: Some(demo(NOW_SECONDS)), page_size: Some(2), ..Config::default() });
    stage.write("bylaws.yaml", &format!("organization: acme\n{text}"));
    stage
}

#[track_caller]
fn run(stage: &Stage, arguments: &[&str], code: i32) -> Run {
    let run = stage.run_with(arguments, &[("BYLAWS_SCIM_TOKEN", TOKEN)]).ended(code);
    assert!(!run.stdout.contains("canary") && !run.stderr.contains("canary"), "{}{}", run.stdout, run.stderr);
    run
}

fn codes(run: &Run) -> Vec<String> {
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    plan["diagnostics"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_its_token_the_directory_is_not_asked_and_the_rest_is_planned() {
    let stage = stage(&format!("members: {{erin: {{role: member}}}}\nscim:\n{USERS}{GROUPS}"));
    let run = stage.run(&["plan", "--format", "json", "--scim-writes"]).ended(0);
    assert_eq!(codes(&run), ["not-visible", "not-visible"]);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1);
    assert_eq!(plan["status"]["complete"], true);
    assert!(!stage.requests().iter().any(|it| it.contains("/scim/")));
}

#[test]
fn differences_are_only_told_unless_writing_was_asked_for() {
    let stage = stage(&format!("scim:\n{USERS}{GROUPS}"));
    let run = run(&stage, &["plan", "--format", "json"], 0);
    assert_eq!(codes(&run), ["directory-differs"; 4]);
    assert!(serde_json::from_str::<Value>(&run.stdout).unwrap()["changes"].as_array().unwrap().is_empty());
    self::run(&stage, &["apply", "--yes"], 0);
    assert!(stage.writes().is_empty());
}

#[test]
fn what_is_left_to_the_directory_is_not_said_to_match() {
    let stage = stage(&format!("scim:\n{USERS}{GROUPS}"));
    let shown = run(&stage, &["plan"], 0).stdout;
    assert!(shown.starts_with("No changes. acme differs from bylaws.yaml in what is left to"), "{shown}");
    let shown = run(&stage, &["plan", "--format", "markdown"], 0).stdout;
    assert!(!shown.contains("It matches"), "{shown}");
}

#[test]
fn drift_is_what_differs_whoever_is_to_change_it_and_the_manifest_can_follow() {
    let stage = stage(&format!("scim:\n{USERS}{GROUPS}"));
    let Run { stdout: shown, stderr, .. } = run(&stage, &["drift", "--expect-no-changes"], 7);
    assert!(stderr.contains("bylaws apply --scim-writes"), "{stderr}");
    for id in ["- erin@acme.example", "~ ivan@acme.example", "~ judy@acme.example", "~ SRE"] {
        assert!(shown.contains(id), "`{id}` is not in\n{shown}");
    }
    run(&stage, &["drift", "--write"], 0);
    run(&stage, &["drift", "--expect-no-changes"], 0);
    let kept = std::fs::read_to_string(stage.folder.path().join("bylaws.yaml")).unwrap();
    assert!(!kept.contains("erin") && kept.contains("judy@acme.example: {active: true}"), "{kept}");
    assert!(stage.writes().is_empty());
}

#[test]
fn users_are_made_and_deactivated_and_groups_get_their_members() {
    let stage = stage(&format!("scim:\n{USERS}{GROUPS}"));
    run(&stage, &["apply", "--yes", "-v", "--scim-writes"], 0);
    let writes = stage.writes();
    assert!(!writes.iter().any(|it| it.starts_with("DELETE") || it.starts_with("PUT")), "{writes:?}");
    let state = stage.service().state();
    let user = |name: &str| state.directory.values().find(|it| it.user_name == format!("{name}@acme.example")).unwrap();
    assert!(!user("judy").active && user("erin").active);
    assert_eq!((user("ivan").given_name.as_str(), user("ivan").family_name.as_str()), ("Iwan", "Ilic"));
    assert_eq!(state.teams["sre"].members.keys().collect::<Vec<_>>(), ["erin", "ivan"]);
    run(&stage, &["plan", "--expect-no-changes", "--scim-writes"], 0);
    // What leaves the manifest stays in the directory.
    stage.write("base/bylaws.yaml", &format!("organization: acme\nscim:\n{USERS}{GROUPS}"));
    stage.write("bylaws.yaml", "organization: acme\n");
    run(&stage, &["plan", "--expect-no-changes", "--scim-writes", "--base", "./base"], 0);
}

#[test]
fn a_group_that_the_directory_does_not_manage_is_left_alone() {
    let stage = stage("scim:\n  groups:\n    Payments: {members: []}\n    Nobody: {}\n");
    let run = run(&stage, &["plan", "--format", "json", "--scim-writes"], 5);
    let mut codes = codes(&run);
    codes.sort();
    assert_eq!(codes, ["cannot-create", "externally-managed"]);
}

/// The service refuses every change of a group that has a user who is not active.
#[test]
fn whoever_is_or_becomes_inactive_is_put_into_no_group() {
    let put = |users: &str, of: &str| {
        let stage = stage(&format!("scim:\n{users}  groups:\n    SRE: {{members: [{of}]}}\n"));
        let run = run(&stage, &["plan", "--format", "json", "--scim-writes"], 5);
        assert_eq!(codes(&run), ["inactive-user"], "{}", run.stdout);
        assert!(run.stdout.contains(of), "{}", run.stdout);
    };
    put("  users: {judy@acme.example: {active: false}}\n", "judy@acme.example");
    put("  users: {ivan@acme.example: {active: false}}\n", "ivan@acme.example");
    put("  users: {zoe@acme.example: {active: false}}\n", "zoe@acme.example");
    let stage = stage("scim:\n  groups:\n    SRE: {members: [ivan@acme.example, judy@acme.example]}\n");
    let deactivated =
        stage.service().state().directory.values().find(|it| it.user_name.starts_with("judy")).unwrap().id.clone();
    let body = serde_json::json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    let user = ["scim", "v2", "acme", "Users", &deactivated].map(str::to_owned);
    assert_eq!(stage.send("PATCH", &user, &body), 200);
    assert_eq!(codes(&run(&stage, &["plan", "--format", "json", "--scim-writes"], 5)), ["inactive-user"]);
    // The activation goes first, whatever the order of names.
    stage.write("more.yaml", "scim: {users: {judy@acme.example: {active: true}}}\n");
    let plan = run(&stage, &["plan", ".", "--format", "json", "--scim-writes"], 0).stdout;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["changes"][1]["steps"][0]["after"], serde_json::json!([1]), "{plan:#}");
    run(&stage, &["apply", ".", "--yes", "--scim-writes"], 0);
    run(&stage, &["plan", ".", "--expect-no-changes", "--scim-writes"], 0);
}

#[test]
fn a_token_that_the_directory_does_not_know_is_told_and_not_shown() {
    let stage = stage(&format!("scim:\n{USERS}"));
    let run = stage.run_with(&["plan", "-v"], &[("BYLAWS_SCIM_TOKEN", "pul-canary-5ecret")]).ended(3);
    assert!(!run.stdout.contains("canary") && !run.stderr.contains("canary"), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("/scim/v2/acme/Users"), "{}", run.stderr);
}

#[test]
fn mistakes_are_told_where_they_are() {
    let stage = stage("scim:\n  users:\n    erin@acme.example: {acitve: true}\n    a: {active: yes}\n  grups: {}\n");
    let run = stage.run(&["validate"]).ended(2);
    for part in ["`active`", "scim-user `erin@acme.example`", "`grups`", "did you mean `groups`"] {
        assert!(run.stderr.contains(part) || run.stdout.contains(part), "{part} in {}{}", run.stdout, run.stderr);
    }
    stage.write("bylaws.yaml", "organization: acme\nremoved: {scim: {users: [a]}}\n");
    stage.run(&["validate"]).ended(2);
}
