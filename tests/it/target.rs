//! Part of a plan: what was asked for, and what that cannot go without.

use serde_json::Value;

use crate::support::Stage;

const TEXT: &str = "organization: acme
roles: {fresh: {permissions: [stack:read]}}
members: {carol: {role: fresh}, frank: {role: admin}}
teams: {new: {members: [carol]}, platform: {description: Other words.}}
services: {thing: {owner: team/new}}
removed: {services: [playground]}
";

fn ids(text: &str) -> Vec<String> {
    let plan: Value = serde_json::from_str(text).unwrap();
    plan["changes"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_target_brings_what_it_needs_and_tells_what_is_left_out() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", TEXT);
    let part = stage.run(&["plan", "--target", "service/thing", "--format", "json"]).ended(0).stdout;
    assert_eq!(ids(&part), ["team/new", "service/thing"]);
    let text = stage.run(&["plan", "--target", "service/thing"]).ended(0).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("team/new is needed and comes along"), "{text}");
    assert!(
        text.contains("member/carol, member/frank, role/fresh, service/playground, team/platform are left out"),
        "{text}"
    );
    assert!(text.contains("--target service/thing --expect"), "{text}");
    stage.run(&["apply", "--yes", "--target", "service/thing"]).ended(0);
    assert_eq!(stage.writes().iter().filter(|it| it.contains("members/")).count(), 0, "{:?}", stage.writes());
    // The rest is still to do.
    let rest = ids(&stage.run(&["plan", "--format", "json"]).stdout);
    assert!(rest.contains(&"member/carol".to_owned()) && !rest.contains(&"service/thing".to_owned()), "{rest:?}");
}

#[test]
fn the_dangers_of_a_part_are_its_own() {
    let stage = Stage::demo();
    let text = "organization: acme\nmembers: {bob: {role: member}, carol: {role: admin}}\n";
    stage.write("bylaws.yaml", text);
    stage.run(&["plan"]).ended(0);
    // Whoever takes the duty over comes along, because the duty is not given up before.
    let plan = stage.run(&["plan", "--target", "member/bob", "--format", "json"]).ended(0);
    assert_eq!(ids(&plan.stdout), ["member/bob", "member/carol"]);
    let other = stage.run(&["plan", "--target", "member/carol", "--format", "json"]).ended(0);
    assert_eq!(ids(&other.stdout), ["member/carol"]);
}

#[test]
fn a_target_that_is_nothing_is_a_mistake() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", TEXT);
    for wrong in ["team/nowhere", "nonsense/x", "platform", "team/"] {
        stage.run(&["plan", "--target", wrong]).ended(2);
    }
    assert!(stage.writes().is_empty());
    let idle = stage.run(&["plan", "--target", "team/web"]).ended(0);
    assert!(idle.stdout.contains("No changes"), "{}", idle.stdout);
}
