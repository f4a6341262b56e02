//! What has emptied organizations elsewhere, by name: each is refused, and nothing is written.

use serde_json::{Value, json};

use crate::support::{Run, Stage};

/// A manifest of several of everything that can be declared, as it is live.
const WHOLE: &str = "\
organization: acme
members: {alice: {role: admin}, bob: {role: admin}, carol: {role: member}}
roles: {stack-auditor: {description: Reads every stack.}, deployer: {description: Deploys the shop.}}
teams:
  platform: {members: [alice, bob, zoe]}
  payments: {members: [bob, carol]}
  data-eng: {members: [bob, carol, frank]}
services:
  billing-batch: {owner: team/payments}
  data-pipeline: {owner: team/platform}
tokens:
  ci-deploy: {scope: organization, description: Deploys from CI., role: deployer, saveTo: file:secrets/a}
  drift-reader: {scope: organization, role: stack-auditor, saveTo: file:secrets/b}
webhooks:
  ops: {url: https://hooks.example/ops, groups: [stacks, deployments]}
  chat: {url: https://chat.example/hooks/acme, format: slack}
";

fn codes(run: &Run) -> Vec<String> {
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let blocking = plan["diagnostics"].as_array().unwrap().iter().filter(|it| it["blocking"] == true);
    blocking.map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

/// Refused as a plan and as an apply, with this danger among them.
fn refused(stage: &Stage, more: &[&str], code: &str) {
    let run = stage.run(&[&["plan", "--format", "json"], more].concat()).ended(5);
    assert!(codes(&run).iter().any(|it| it == code), "{code} in {:?}", codes(&run));
    stage.run(&[&["apply", "--yes"], more].concat()).ended(5);
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
}

#[test]
fn a_file_that_empties_every_team() {
    let stage = Stage::demo();
    stage.write("base/bylaws.yaml", WHOLE);
    let empty = ["[alice, bob, zoe]", "[bob, carol, frank]", "[bob, carol]"]
        .iter()
        .fold(WHOLE.to_owned(), |text, list| text.replace(&format!("members: {list}"), "members: []"));
    stage.write("bylaws.yaml", &empty);
    refused(&stage, &[], "emptied");
    refused(&stage, &[], "budget");
    refused(&stage, &["--base", "./base"], "emptied");
}

#[test]
fn an_empty_list_answered_with_200() {
    let stage = Stage::demo();
    stage.write("base/bylaws.yaml", WHOLE);
    stage.write("bylaws.yaml", WHOLE);
    stage.run(&["plan", "--base", "./base", "--expect-no-changes"]).ended(0);
    for (list, body, code) in [
        ("teams", json!({"teams": []}), "emptied"),
        ("services", json!({"services": []}), "emptied"),
        ("tokens", json!({"tokens": []}), "emptied"),
        ("hooks", json!([]), "emptied"),
        ("roles", json!({"roles": []}), "unresolved"),
    ] {
        stage.service().clear_faults();
        stage.service().inject(format!("GET /api/orgs/acme/{list}=body={body}").parse().unwrap());
        refused(&stage, &["--base", "./base"], code);
        // Whatever the manifest prunes: what is in no list is not deleted.
        stage.write(
            "pruning.yaml",
            &format!("{WHOLE}prune: {{teams: true, services: true, webhooks: true, roles: true}}\n"),
        );
        let run = stage.run(&["plan", "pruning.yaml", "--format", "json"]);
        let plan: Value = serde_json::from_str(&run.stdout).unwrap();
        let of_list = plan["changes"].as_array().unwrap().iter().filter(|it| it["action"] == "delete");
        let section = if list == "hooks" { "webhook" } else { list.trim_end_matches('s') };
        assert_eq!(of_list.filter(|it| it["kind"] == section).count(), 0, "{list}");
    }
    // Of members the service tells the number.
    stage.service().clear_faults();
    stage.service().inject(r#"GET /api/orgs/acme/members=body={"members":[]}"#.parse().unwrap());
    for command in [&["plan"][..], &["apply", "--yes"]] {
        let run = stage.run(command).ended(4);
        assert!(run.stdout.contains("has 11 members, and lists 0") || run.stderr.contains("has 11 members"), "{run:?}");
    }
    assert!(stage.writes().is_empty());
}

#[test]
fn two_casings_of_one_login() {
    let stage = Stage::demo();
    // The same person twice in one file, in two files, and declared in one case and removed in the other.
    for text in [
        "organization: acme\nmembers: {zoe: {role: member}, Zoe: {role: member}}\n",
        "organization: acme\nmembers: {zoe: {role: member}}\nremoved: {members: [Zoe]}\n",
        "organization: acme\nteams: {platform: {members: [alice, zoe, ZOE]}}\n",
    ] {
        stage.write("bylaws.yaml", text);
        let run = stage.run(&["apply", "--yes"]).ended(2);
        assert!(run.stderr.contains("Zoe") || run.stderr.contains("ZOE"), "{}", run.stderr);
    }
    // With the base branch: another case is nobody who left.
    stage.write("base/bylaws.yaml", "organization: acme\nmembers: {zoe: {role: member}}\n");
    stage.write("bylaws.yaml", "organization: acme\nmembers: {Zoe: {role: member}}\n");
    stage.run(&["plan", "--base", "./base", "--expect-no-changes"]).ended(0);
    assert!(stage.writes().is_empty());
}

#[test]
fn a_folder_that_moved() {
    let stage = Stage::demo();
    let (organization, rest) = WHOLE.split_once("teams:").unwrap();
    stage.write("base/org/organization.yaml", organization);
    stage.write("base/org/rest/all.yaml", &format!("teams:{rest}"));
    // What was below `org` is elsewhere now, and the command still reads `org`.
    stage.write("org/organization.yaml", organization);
    stage.write("rest/all.yaml", &format!("teams:{rest}"));
    refused(&stage, &["org", "--base", "./base"], "delete-team");
    refused(&stage, &["org", "--base", "./base"], "budget");
    // Nothing at all is there.
    let run = stage.run(&["apply", "--yes", "organisation", "--base", "./base"]).ended(2);
    assert!(run.stderr.contains("organisation"), "{}", run.stderr);
    // An empty folder, or a file that was cut off before its first byte.
    std::fs::create_dir(stage.folder.path().join("empty")).unwrap();
    stage.run(&["apply", "--yes", "empty", "--base", "./base"]).ended(2);
    stage.write("org/organization.yaml", "");
    stage.run(&["apply", "--yes", "org", "--base", "./base"]).ended(2);
    assert!(stage.writes().is_empty());
}

#[test]
fn one_team_added_to_a_manifest_of_nothing_else() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", "organization: acme\nteams: {fresh: {}}\n");
    let run = stage.run(&["plan", "--format", "json"]).ended(0);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let changes: Vec<(&Value, &Value)> =
        plan["changes"].as_array().unwrap().iter().map(|it| (&it["id"], &it["action"])).collect();
    assert_eq!(changes, [(&json!("team/fresh"), &json!("create"))]);
}

#[test]
fn a_list_that_failed_for_a_moment() {
    for status in ["401", "403", "404", "500", "html", "empty", "null-list"] {
        let stage = Stage::demo();
        stage.write("bylaws.yaml", "organization: acme\nprune: {teams: true, services: true}\nteams: {payments: {}}\n");
        for list in ["teams", "services"] {
            stage.service().inject(format!("GET /api/orgs/acme/{list}={status}").parse().unwrap());
        }
        let run = stage.run(&["apply", "--yes"]);
        assert!([3, 4].contains(&run.code), "{status}: {run:?}");
        assert!(stage.writes().is_empty(), "{status}: {:?}", stage.writes());
    }
}
