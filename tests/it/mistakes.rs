//! A wrong manifest: each mistake has its own clear error, ends with 2, and sends no request at all.

use crate::support::Stage;

/// What is written, and what has to be said about it, with the place.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("an unknown key", "organization: acme\nteam: {}\n", &["`team`", "teams", "bylaws.yaml:2:1"]),
    (
        "an unknown field",
        "organization: acme\nteams:\n  a:\n    membres: []\n",
        &["membres", "members", "bylaws.yaml:4:5"],
    ),
    (
        "a wrong choice",
        "organization: acme\nteams:\n  a:\n    kind: gitlab\n",
        &["gitlab", "github", "bylaws.yaml:4:11"],
    ),
    ("a name that changes addresses", "organization: acme\nteams:\n  ..: {}\n", &["`..`", "bylaws.yaml:3:3"]),
    ("an empty file", "", &["empty", "bylaws.yaml"]),
    ("only comments", "# nothing\n", &["bylaws.yaml"]),
    ("no organization", "teams: {}\n", &["organization"]),
    ("a null", "organization: acme\nteams:\n", &["null", "bylaws.yaml:2"]),
    (
        "a duplicate key",
        "organization: acme\nteams:\n  a: {}\n  a: {}\n",
        &["`a`", "bylaws.yaml:4:3", "bylaws.yaml:3:3"],
    ),
    (
        "a word for a boolean",
        "organization: acme\nteams: {a: {protect: yes}}\n",
        &["protect", "true", "bylaws.yaml:2:22"],
    ),
    (
        "a team that nobody has, where the manifest names all of them",
        "organization: acme\nprune: {teams: true}\nteams: {payments: {}}\nservices: {web: {owner: team/paymets}}\n",
        &["`paymets`", "payments", "bylaws.yaml:4:30"],
    ),
    (
        "somebody the same manifest removes",
        "organization: acme\nremoved: {members: [mallory]}\nteams: {web: {members: [Mallory]}}\n",
        &["`Mallory`", "removed", "bylaws.yaml:3:25"],
    ),
    ("broken text", "organization: [acme\n", &["bylaws.yaml"]),
    ("a tag", "organization: !!python/name acme\n", &["tag", "bylaws.yaml:1"]),
];

#[test]
fn every_mistake_is_told_and_nothing_is_sent() {
    for (what, text, said) in MISTAKES {
        let stage = Stage::demo();
        stage.write("bylaws.yaml", text);
        for command in ["plan", "apply", "validate"] {
            let run = stage.run(&[command]).ended(2);
            for word in *said {
                assert!(run.stderr.contains(word), "{what}: `{word}` is not in\n{}", run.stderr);
            }
            assert!(run.stderr.contains("Nothing was read from or sent to Pulumi Cloud"), "{}", run.stderr);
            assert_eq!(run.stdout, "", "{what}");
        }
        assert!(stage.requests().is_empty(), "{what}: {:?}", stage.requests());
    }
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let stage = Stage::demo();
    stage.write("bylaws/a.yaml", "organization: acme\nteams:\n  one: {kind: gitlab}\n  two: {membres: []}\n");
    stage.write("bylaws/b.yaml", "organization: acme\nteams:\n  one: {}\nservices:\n  web: {owner: nobody}\n");
    stage.write("bylaws/c.yaml", "teams: [\n");
    let run = stage.run(&["plan"]).ended(2);
    for word in ["gitlab", "membres", "bylaws/b.yaml:3:3", "nobody", "bylaws/c.yaml"] {
        assert!(run.stderr.contains(word), "`{word}` is not in\n{}", run.stderr);
    }
    assert!(stage.requests().is_empty());
}

/// A built-in role is no custom one: `prune: {roles: true}` does not do away with it.
#[test]
fn built_in_names_need_no_entry() {
    let stage = Stage::demo();
    let text = "organization: acme\nprune: {roles: true}\nroles: {deployer: {}, stack-auditor: {}}\n\
                members: {carol: {role: member}}\nteams: {platform: {role: none}}\n";
    stage.write("bylaws.yaml", text);
    stage.run(&["plan"]).ended(0);
}

#[test]
fn paths_that_match_nothing_are_mistakes() {
    let stage = Stage::demo();
    std::fs::create_dir(stage.folder.path().join("nothing-in-it")).unwrap();
    for path in ["missing.yaml", "*.yaml", "nothing-in-it"] {
        let run = stage.run(&["plan", path]).ended(2);
        assert!(run.stderr.contains(path), "{}", run.stderr);
    }
    stage.run(&["plan"]).ended(2);
    assert!(stage.requests().is_empty());
}

#[test]
fn a_name_nobody_has_is_found_by_looking_and_nothing_is_written() {
    let stage = Stage::demo();
    let text = "organization: acme\nteams:\n  payments: {}\nservices:\n  checkout:\n    owner: team/paymets\n";
    stage.write("bylaws.yaml", text);
    let run = stage.run(&["apply", "--yes"]).ended(2);
    for word in ["`paymets`", "payments", "bylaws.yaml:6:17"] {
        assert!(run.stderr.contains(word), "`{word}` is not in\n{}", run.stderr);
    }
    assert!(stage.writes().is_empty());
}

#[test]
fn a_pipe_and_a_device_are_no_manifest() {
    let stage = Stage::demo();
    let run = stage.run(&["plan", "/dev/zero"]).ended(2);
    assert!(run.stderr.contains("no regular file"), "{}", run.stderr);
}
