//! What a change is put down to: the commit that removed an entry, and who made a drift.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::Stage;

const BOTH: &str = "organization: acme\nteams:\n  platform: {}\n  data-eng: {}\n";
const ONE: &str = "organization: acme\nteams:\n  platform: {}\n";

/// git in a folder, always at the same moment, so that the same history has the same hashes.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let name = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.args(name).args(arguments).current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    let moment = "2026-11-20T10:00:00Z";
    command.env("GIT_AUTHOR_DATE", moment).env("GIT_COMMITTER_DATE", moment);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Commits everything; its hash.
fn commit(folder: &Path, message: &str) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A repository whose branch `main` has both teams, in a file of its own, and a branch that is checked out.
fn repository() -> Stage {
    let stage = Stage::demo();
    let folder = stage.folder.path();
    git(folder, &["init", "-q"]);
    stage.write("bylaws/teams.yaml", BOTH);
    commit(folder, "base");
    git(folder, &["switch", "-q", "-c", "change"]);
    stage
}

/// The deletion of `data-eng` in the plan against `main`.
fn deletion(stage: &Stage, more: &[&str]) -> Value {
    let run = stage.run(&[&["plan", "--base", "main", "--format", "json"], more].concat());
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let mut changes = plan["changes"].as_array().unwrap().iter();
    changes.find(|it| it["id"] == "team/data-eng").unwrap_or_else(|| panic!("{plan:#}")).clone()
}

#[test]
fn a_deletion_names_the_commit_that_removed_the_entry_wherever_its_file_went() {
    let stage = repository();
    let folder = stage.folder.path();
    git(folder, &["mv", "bylaws/teams.yaml", "bylaws/groups.yaml"]);
    commit(folder, "move");
    stage.write("bylaws/more.yaml", "members: {zoe: {}}\n");
    commit(folder, "beside");
    stage.write("bylaws/groups.yaml", ONE);
    let removing = commit(folder, "remove");
    git(folder, &["mv", "bylaws/groups.yaml", "bylaws/everybody.yaml"]);
    commit(folder, "move again");
    stage.write("README", "no manifest");
    commit(folder, "after");
    let base = git(folder, &["rev-parse", "--short=7", "main"]);
    let found = deletion(&stage, &[]);
    assert_eq!(found["removal"]["commit"], removing.as_str());
    assert_eq!(found["removal"]["file"], "bylaws/teams.yaml");
    assert_eq!(found["removal"]["line"], 4);
    assert_eq!(found["removal"]["base"], format!("main@{base}"));
    let remark = format!("removed in {} (bylaws/teams.yaml:4 of main@{base})", &removing[..7]);
    assert_eq!(found["remarks"][0], remark.as_str());
    assert!(!found.to_string().contains("example.invalid"), "{found:#}");
    // The same for single files and other folders, from wherever one stands.
    git(folder, &["mv", "bylaws/everybody.yaml", "bylaws/teams.yaml"]);
    commit(folder, "move back");
    let of_file = deletion(&stage, &["bylaws/teams.yaml"]);
    let moved = git(folder, &["rev-list", "--max-count=1", "--skip=5", "HEAD"]);
    assert_eq!(of_file["removal"]["commit"], moved.as_str(), "for this file alone, it went when it was moved");
    assert_eq!(deletion(&stage, &["bylaws"])["removal"]["commit"], removing.as_str());
}

#[test]
fn the_last_removal_counts_and_one_that_is_not_committed_says_so() {
    let stage = repository();
    let folder = stage.folder.path();
    stage.write("bylaws/teams.yaml", ONE);
    let uncommitted = deletion(&stage, &[]);
    assert_eq!(uncommitted["removal"]["uncommitted"], true);
    assert_eq!(uncommitted["removal"]["commit"], Value::Null);
    assert!(uncommitted["remarks"][0].as_str().unwrap().contains("not committed yet"), "{uncommitted:#}");
    let first = commit(folder, "remove");
    let before = stage.run(&["plan", "--base", "main", "--format", "json"]).stdout;
    assert_eq!(deletion(&stage, &[])["removal"]["commit"], first.as_str());
    stage.write("bylaws/teams.yaml", BOTH);
    commit(folder, "add again");
    stage.write("bylaws/teams.yaml", ONE);
    let last = commit(folder, "remove again");
    assert_eq!(deletion(&stage, &[])["removal"]["commit"], last.as_str());
    // In which commit it went is not what is reviewed.
    let after = stage.run(&["plan", "--base", "main", "--format", "json"]).stdout;
    let checksum = |it: &str| serde_json::from_str::<Value>(it).unwrap()["checksum"].clone();
    assert_eq!(checksum(&before), checksum(&after));
    assert_ne!(before, after);
}

#[test]
fn a_merge_is_not_what_removed_it_and_a_broken_commit_hides_it() {
    let stage = repository();
    let folder = stage.folder.path();
    stage.write("bylaws/teams.yaml", ONE);
    let removing = commit(folder, "remove");
    git(folder, &["switch", "-q", "main"]);
    stage.write("bylaws/more.yaml", "members: {zoe: {}}\n");
    commit(folder, "meanwhile");
    // What a pipeline checks out for a pull request: its branch merged into the base.
    git(folder, &["switch", "-q", "--detach", "main"]);
    git(folder, &["merge", "-q", "--no-ff", "-m", "merge", "change"]);
    assert_eq!(deletion(&stage, &[])["removal"]["commit"], removing.as_str());
    git(folder, &["switch", "-q", "change"]);
    stage.write("bylaws/teams.yaml", "teams: {platform: [\n");
    commit(folder, "broken");
    stage.write("bylaws/teams.yaml", ONE);
    commit(folder, "mended");
    let found = deletion(&stage, &[]);
    assert_eq!(found["removal"]["commit"], Value::Null);
    assert!(found["remarks"][0].as_str().unwrap().starts_with("declared at "), "{found:#}");
}
