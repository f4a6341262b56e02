//! With the base branch's manifest: what this change removes, what it changes, and what is drift.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Run, Stage, git, run};

const A: &str = "organization: acme\nteams: {data-eng: {}, fresh: {description: A}}\n";
const B: &str = "organization: acme\nteams: {data-eng: {}, fresh: {description: B}}\n";
const NOTHING: &str = "organization: acme\nteams: {data-eng: {}}\n";

fn stage(base: &str, head: &str) -> Stage {
    let stage = Stage::demo();
    stage.write("base/bylaws.yaml", base);
    stage.write("bylaws.yaml", head);
    stage
}

fn plan(stage: &Stage, more: &[&str]) -> Value {
    let run = stage.run(&[&["plan", "--format", "json", "--base", "./base"], more].concat());
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// What was printed, without the breaks of lines.
fn flat(run: &Run) -> String {
    run.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `pull-request update` and the like, of the team `fresh`; nothing where the plan leaves it alone.
fn outcome(plan: &Value) -> Option<String> {
    let all = ["changes", "drift"].iter().flat_map(|it| plan[it].as_array().unwrap());
    let mut found = all.filter(|it| it["id"] == "team/fresh");
    let change = found.next()?;
    assert_eq!(found.count(), 0, "one change for one team");
    let origin = change["origin"].as_str().unwrap();
    let list = if origin == "drift" { "drift" } else { "changes" };
    assert!(plan[list].as_array().unwrap().contains(change), "{origin} is listed with its own");
    Some(format!("{origin} {}", change["action"].as_str().unwrap()))
}

#[test]
fn base_head_and_live_decide_what_happens_and_whose_it_is() {
    let text = |it: &str| match it {
        "A" => A,
        "B" => B,
        _ => NOTHING,
    };
    // Base, head and live: what happens to the team.
    let table = [
        ("-", "-", "-", None),
        ("-", "-", "A", None),
        ("-", "-", "B", None),
        ("-", "A", "-", Some("pull-request create")),
        ("-", "A", "A", None),
        ("-", "A", "B", Some("pull-request update")),
        ("-", "B", "-", Some("pull-request create")),
        ("-", "B", "A", Some("pull-request update")),
        ("-", "B", "B", None),
        ("A", "-", "-", None),
        ("A", "-", "A", Some("pull-request delete")),
        ("A", "-", "B", Some("pull-request delete")),
        ("A", "A", "-", Some("drift create")),
        ("A", "A", "A", None),
        ("A", "A", "B", Some("drift update")),
        ("A", "B", "-", Some("pull-request create")),
        ("A", "B", "A", Some("pull-request update")),
        ("A", "B", "B", None),
        ("B", "-", "-", None),
        ("B", "-", "A", Some("pull-request delete")),
        ("B", "-", "B", Some("pull-request delete")),
        ("B", "A", "-", Some("pull-request create")),
        ("B", "A", "A", None),
        ("B", "A", "B", Some("pull-request update")),
        ("B", "B", "-", Some("drift create")),
        ("B", "B", "A", Some("drift update")),
        ("B", "B", "B", None),
    ];
    for live in ["-", "A", "B"] {
        let stage = Stage::demo();
        if live != "-" {
            stage.write("bylaws.yaml", text(live));
            stage.run(&["apply", "--yes"]).ended(0);
        }
        for (base, head, _, expected) in table.iter().filter(|it| it.2 == live) {
            stage.write("base/bylaws.yaml", text(base));
            stage.write("bylaws.yaml", text(head));
            let plan = plan(&stage, &[]);
            assert_eq!(outcome(&plan).as_deref(), *expected, "base {base}, head {head}, live {live}");
            // Deleting a team takes more than leaving it out.
            let deleted = expected.is_some_and(|it| it.ends_with("delete"));
            assert_eq!(plan["status"]["applyable"], !deleted, "base {base}, head {head}, live {live}");
        }
    }
}

#[test]
fn what_leaves_the_manifest_goes_when_that_is_allowed() {
    let stage = stage(A, NOTHING);
    stage.write("bylaws.yaml", A);
    stage.run(&["apply", "--yes"]).ended(0);
    stage.write("bylaws.yaml", NOTHING);
    let refused = stage.run(&["plan", "--base", "./base"]).ended(5);
    for part in ["no longer declared", "declared at base/bylaws.yaml:2 of base", "--allow delete-team:team/fresh"] {
        assert!(flat(&refused).contains(part), "{part} in {}", refused.stdout);
    }
    stage.run(&["apply", "--yes", "--base", "./base", "--allow", "delete-team:team/fresh"]).ended(0);
    assert!(!stage.service().state().teams.contains_key("fresh"));
    stage.run(&["plan", "--base", "./base", "--expect-no-changes"]).ended(0);
    // Without the base nothing was ever asked.
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

#[test]
fn handing_over_or_renaming_is_no_deletion() {
    let stage = stage("organization: acme\nteams: {platform: {}}\nservices: {ledger: {owner: team/payments}}\n", "");
    stage.write("bylaws.yaml", "organization: acme\nexternal: {teams: [platform]}\nservices: {books: {owner: team/payments, renamedFrom: ledger}}\n");
    let plan = plan(&stage, &[]);
    let verbs: Vec<_> = plan["changes"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert!(!verbs.contains(&&Value::from("delete")), "{verbs:?}");
}

#[test]
fn a_token_that_leaves_the_manifest_is_revoked() {
    let tokens = "organization: acme\nmembers: {alice: {}}\n";
    let stage = stage(&format!("{tokens}tokens: {{platform-bot: {{scope: team/platform}}}}\n"), tokens);
    let plan = plan(&stage, &[]);
    assert_eq!(plan["changes"][0]["id"], "token/platform-bot");
    assert_eq!(plan["changes"][0]["action"], "delete");
}

#[test]
fn the_base_branch_keeps_its_rails_until_the_change_is_merged() {
    let protect = |it: &str| format!("organization: acme\nteams: {{data-eng: {{protect: {it}}}}}\n");
    let stage = stage(&protect("true"), "organization: acme\nremoved: {teams: [data-eng]}\n");
    let found = plan(&stage, &[]);
    let codes: Vec<_> =
        found["diagnostics"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"protected"), "{codes:?}");
    stage.write("bylaws.yaml", &protect("false"));
    assert_eq!(plan(&stage, &[])["diagnostics"][0]["code"], "rails-changed");
    // Fewer administrators are wanted only once that is on the base branch.
    stage.write("base/bylaws.yaml", "organization: acme\nmembers: {bob: {role: admin}}\n");
    stage.write("bylaws.yaml", "organization: acme\nsafety: {minimumAdmins: 1}\nmembers: {bob: {role: member}}\n");
    stage.run(&["plan"]).ended(0);
    stage.run(&["plan", "--base", "./base"]).ended(5);
}

#[test]
fn what_drifted_beside_a_change_is_told() {
    let stage = stage(
        "organization: acme\nteams: {data-eng: {description: Old., displayName: Data}}\n",
        "organization: acme\nteams: {data-eng: {description: New., displayName: Data}}\n",
    );
    let plan = plan(&stage, &[]);
    let drifted = &plan["changes"][0]["drifted"];
    assert_eq!((drifted.as_array().unwrap().len(), &drifted[0]["path"]), (1, &json!("/displayName")), "{plan:#}");
}

/// What a reviewer reads of a list in which both the pull request and somebody else had their hands.
#[test]
fn a_list_that_drifted_and_changes_is_told_in_two_parts() {
    let manifest = |members: &str, more: &str| {
        format!("organization: acme\nteams: {{platform: {{members: [{members}]{more}}}}}\n")
    };
    let stage = stage(&manifest("alice, bob", ""), &manifest("alice, bob", ""));
    stage.run(&["apply", "--yes"]).ended(0);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
    let path: Vec<String> = ["teams", "platform"].map(str::to_owned).to_vec();
    let add = json!({"memberAction": "add", "member": "zoe"});
    assert!(stage.ask_with("pul-bob", "PATCH", &path, &add) < 300);
    stage.write("bylaws.yaml", &manifest("alice, bob, carol", ""));
    let found: Value = serde_json::from_str(&stage.run(&WITH_AUTHOR).ended(0).stdout).unwrap();
    let change = &found["changes"][0];
    assert_eq!((&change["fields"][0]["added"], &change["fields"][0]["removed"]), (&json!(["carol"]), &json!(["zoe"])));
    assert_eq!((&change["drifted"][0]["added"], &change["drifted"][0]["removed"]), (&Value::Null, &json!(["zoe"])));
    assert_eq!(change["attribution"]["by"], "bob");
    let who = |impact: &str| found[impact]["effects"].to_string();
    assert!(who("impact").contains("member/carol") && !who("impact").contains("zoe"), "{}", who("impact"));
    assert!(who("driftImpact").contains("member/zoe") && !who("driftImpact").contains("carol"));
    let text = flat(&stage.run(&["plan", "--base", "./base", "--attribute"]).ended(0));
    let (own, drift) = text.split_once("drift: the organization").unwrap();
    assert!(own.contains("carol") && !own.contains("zoe"), "{text}");
    assert!(drift.contains("-zoe") && drift.contains("bob") && !drift.contains("carol"), "{text}");
    // What the pull request asks for is live already: all that is left is drift.
    stage.service().change(|state| {
        let team = state.teams.get_mut("platform").unwrap();
        let one = team.members["bob"].clone();
        team.members.insert("carol".to_owned(), one);
    });
    let found: Value = serde_json::from_str(&stage.run(&WITH_AUTHOR).ended(0).stdout).unwrap();
    assert_eq!((found["changes"].as_array().unwrap().len(), &found["drift"][0]["id"]), (0, &json!("team/platform")));
    // Both are carried out.
    stage.run(&["apply", "--base", "./base", "--yes"]).ended(0);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

const WITH_AUTHOR: [&str; 6] = ["plan", "--base", "./base", "--attribute", "--format", "json"];

/// Three services that pass their names round, all owned by one team.
fn ring(a: &str, b: &str, c: &str) -> String {
    let one = |name: &str, from: &str| {
        let renamed = if from.is_empty() { String::new() } else { format!(", renamedFrom: {from}") };
        format!("  {name}: {{owner: team/platform, description: D{renamed}}}\n")
    };
    format!("organization: acme\nservices:\n{}{}{}", one("a", a), one("b", b), one("c", c))
}

#[test]
fn names_go_round_a_ring_of_three() {
    let stage = stage(&ring("", "", ""), &ring("", "", ""));
    stage.run(&["apply", "--yes"]).ended(0);
    let facts = |stage: &Stage| -> Vec<(String, i64)> {
        let state = stage.service().state();
        let all = state.services.values().filter(|it| it.description == "D");
        all.map(|it| (it.name.clone(), it.created)).collect()
    };
    assert_eq!(facts(&stage).len(), 3);
    stage.write("bylaws.yaml", &ring("c", "a", "b"));
    let blind = stage.run(&["plan"]).ended(5);
    assert!(blind.stdout.contains("rename-ambiguous"), "{}", blind.stdout);
    let run = stage.run(&["plan", "--base", "./base"]).ended(0);
    assert!(run.stdout.contains("3 to rename"), "{}", run.stdout);
    stage.run(&["apply", "--yes", "--base", "./base"]).ended(0);
    // Merged: the base branch says the same.
    stage.write("base/bylaws.yaml", &ring("c", "a", "b"));
    stage.run(&["plan", "--base", "./base", "--expect-no-changes"]).ended(0);
}

fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", message]);
}

#[test]
fn the_base_is_where_the_branch_left_and_not_what_came_after() {
    let stage = Stage::demo();
    let folder = stage.folder.path();
    git(folder, &["init", "-q"]);
    stage.write("bylaws/teams.yaml", "organization: acme\nteams: {data-eng: {}, platform: {}}\n");
    stage.write("bylaws/notes.txt", "no manifest");
    commit(folder, "base");
    git(folder, &["switch", "-q", "-c", "change"]);
    stage.write("bylaws/teams.yaml", "organization: acme\nteams: {platform: {}}\n");
    commit(folder, "change");
    git(folder, &["switch", "-q", "main"]);
    stage.write("bylaws/more.yaml", "teams: {payments: {}}\n");
    commit(folder, "meanwhile");
    git(folder, &["switch", "-q", "change"]);
    let run = stage.run(&["plan", "--base", "main", "--format", "json"]).ended(5);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let ids: Vec<_> = plan["changes"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["team/data-eng"], "what main gained meanwhile is not removed");
    assert!(plan["source"]["base"].as_str().unwrap().starts_with("main@"));
    // From a folder below, paths are looked up there.
    std::fs::create_dir(folder.join("below")).unwrap();
    let url = stage.service().url();
    let arguments = ["plan", "../bylaws", "--base", "main", "--backend", &url, "--now", crate::support::NOW];
    let below = run_in(&folder.join("below"), &arguments);
    assert!(below.ended(5).stdout.contains("data-eng"));
}

fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    run(folder, arguments, &[("PULUMI_ACCESS_TOKEN", "pul-sandbox")])
}

#[test]
fn without_enough_history_nothing_is_deleted_on_that_ground() {
    let stage = Stage::demo();
    let origin = stage.folder.path().join("origin");
    stage.write("origin/bylaws.yaml", "organization: acme\nteams: {data-eng: {}, platform: {}}\n");
    git(&origin, &["init", "-q"]);
    commit(&origin, "base");
    git(&origin, &["switch", "-q", "-c", "change"]);
    stage.write("origin/bylaws.yaml", "organization: acme\nteams: {platform: {}}\n");
    commit(&origin, "change");
    stage.write("origin/unrelated.txt", "x");
    commit(&origin, "more");
    let from = format!("file://{}", origin.display());
    git(
        stage.folder.path(),
        &["clone", "-q", "--depth", "1", "--branch", "change", "--no-single-branch", &from, "clone"],
    );
    let clone = stage.folder.path().join("clone");
    let url = stage.service().url();
    for base in ["origin/main", "HEAD^"] {
        let run = run_in(&clone, &["plan", "--base", base, "--backend", &url, "--now", crate::support::NOW]).ended(0);
        let text = flat(&run);
        assert!(text.contains("base-unknown"), "{base}: {}", run.stdout);
        assert!(text.contains("fetch-depth: 0"), "{base}: {text}");
        assert!(run.stdout.contains("No changes"), "{base}: {}", run.stdout);
    }
    git(&clone, &["fetch", "-q", "--unshallow"]);
    let run = run_in(&clone, &["plan", "--base", "origin/main", "--backend", &url, "--now", crate::support::NOW]);
    assert!(run.ended(5).stdout.contains("data-eng"));
}

#[test]
fn a_base_that_is_nothing_is_a_mistake() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", A);
    let nowhere = stage.run(&["plan", "--base", "main"]).ended(2);
    assert!(nowhere.stderr.contains("not a git repository"), "{}", nowhere.stderr);
    assert!(stage.requests().is_empty());
    git(stage.folder.path(), &["init", "-q"]);
    commit(stage.folder.path(), "first");
    let unknown = stage.run(&["plan", "--base", "mian"]).ended(2);
    assert!(unknown.stderr.contains("`--base mian`"), "{}", unknown.stderr);
    let option = stage.run(&["plan", "--base=--output=x"]).ended(2);
    assert!(option.stderr.contains("neither a revision"), "{}", option.stderr);
    stage.run(&["plan", "--base", "./nowhere"]).ended(2);
    // A branch without a manifest: everything is new, nothing goes.
    git(stage.folder.path(), &["switch", "-q", "--orphan", "empty"]);
    git(stage.folder.path(), &["commit", "-q", "--allow-empty", "-m", "empty"]);
    git(stage.folder.path(), &["switch", "-q", "-c", "first-manifest"]);
    stage.write("bylaws.yaml", A);
    commit(stage.folder.path(), "manifest");
    let run = stage.run(&["plan", "--base", "empty", "--format", "json"]).ended(0);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["changes"][0]["origin"], "pull-request");
    // A base that is broken deletes nothing.
    stage.write("bylaws.yaml", "organization: acme\nteams: {data-eng: {membrs: []}}\n");
    commit(stage.folder.path(), "broken");
    stage.write("bylaws.yaml", A);
    let run = stage.run(&["plan", "--base", "HEAD"]).ended(0);
    assert!(run.stdout.contains("has mistakes"), "{}", run.stdout);
    assert!(run.stdout.contains("1 to add   ("), "{}", run.stdout);
}
