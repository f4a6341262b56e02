//! Every example is planned and applied, and leaves nothing to do; and the README's commands are what they say.

use std::path::PathBuf;

use bylaws::cli::exit::TABLE;

use crate::support::{self, Stage, root};

/// Every folder of examples that holds manifests; `ci` holds workflows.
pub fn manifests() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root().join("examples")).unwrap().map(|it| it.unwrap().path());
    folders.filter(|it| !it.ends_with("ci")).collect()
}

#[test]
fn every_example_is_applied_and_plans_empty_afterwards() {
    let mut count = 0;
    for example in manifests() {
        let stage = Stage::demo();
        support::copy(&example, &stage.folder.path().join("manifest"));
        stage.run(&["validate", "manifest"]).ended(0);
        stage.run(&["plan", "manifest", "--expect-no-changes"]).ended(7);
        let applied = stage.run(&["apply", "--yes", "manifest"]).ended(0);
        let last = applied.stdout.trim_end().lines().last().unwrap();
        assert_eq!(last, "Applied, and verified: no changes left.", "{}", example.display());
        let again = stage.run(&["plan", "manifest", "--expect-no-changes", "--detailed-exitcode"]).ended(0);
        assert!(again.stdout.starts_with("No changes."), "{}", again.stdout);
        // A second apply finds nothing, and sends nothing.
        let writes = stage.writes().len();
        stage.run(&["apply", "--yes", "manifest"]).ended(0);
        assert_eq!(stage.writes().len(), writes);
        count += 1;
    }
    assert!(count >= 3);
}

/// The loader's reader and another one agree on every example, so that no file means two things.
#[test]
fn another_reader_of_yaml_reads_every_example_alike() {
    for example in manifests() {
        for file in std::fs::read_dir(example).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let mut other: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
            other.apply_merge().unwrap();
            let other = serde_json::to_value(other).unwrap();
            let named = vec![
                ("organization.yaml".to_owned(), b"organization: acme\n".to_vec()),
                ("x.yaml".to_owned(), text.into_bytes()),
            ];
            let files = if other.get("organization").is_some() { named[1..].to_vec() } else { named };
            let ours =
                bylaws::manifest::load(files).unwrap_or_else(|it| panic!("{}: {:#?}", path.display(), it.diagnostics));
            for entry in ours.entries.values() {
                let section = bylaws::kinds::by_word(&entry.id.kind).unwrap().facts().section;
                let theirs = section.split('.').fold(&other, |value, part| &value[part]);
                let written = if entry.id.name.is_empty() { theirs } else { &theirs[&entry.id.name] };
                assert_eq!(entry.node.to_value(), *written, "{} in {}", entry.id, path.display());
            }
        }
    }
}

#[test]
fn the_readme_says_which_codes_there_are() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let help = support::run(&root(), &["--help"], &[]).ended(0).stdout;
    for (exit, meaning) in TABLE {
        let row = format!("| {} | {meaning} |", exit.code());
        assert!(readme.contains(&row), "the README lacks `{row}`");
        assert!(help.contains(&exit.code().to_string()) && help.contains(meaning.split(' ').next().unwrap()), "{help}");
    }
}

#[test]
fn the_service_can_be_served_to_another_process() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    support::copy(&root().join("examples/small"), folder.path());
    let mut serving = Command::new(env!("CARGO_BIN_EXE_bylaws"))
        .args(["sandbox", "serve", "--port", "0", "--log", "requests.jsonl"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let token = [("PULUMI_ACCESS_TOKEN", "pul-sandbox")];
    let backend = url.trim();
    let plan = support::run(folder.path(), &["plan", "--backend", backend], &token).ended(0);
    assert!(plan.stdout.contains("+ mobile"), "{}", plan.stdout);
    support::run(folder.path(), &["apply", "--yes", "--backend", backend], &token).ended(0);
    let again = support::run(folder.path(), &["plan", "--backend", backend, "--expect-no-changes"], &token).ended(0);
    assert!(again.stdout.starts_with("No changes."));
    // Without a token the service is not asked, and another host never gets this one's token.
    let log = || std::fs::read_to_string(folder.path().join("requests.jsonl")).unwrap().lines().count();
    let before = log();
    let denied = support::run(folder.path(), &["plan", "--backend", backend], &[]).ended(3);
    assert!(denied.stderr.contains("PULUMI_ACCESS_TOKEN"), "{}", denied.stderr);
    assert_eq!(log(), before);
    serving.kill().unwrap();
    serving.wait().unwrap();
    support::judge(&folder.path().join("requests.jsonl"));
}

#[test]
fn a_saved_plan_is_shown_again_without_the_service() {
    let stage = Stage::demo();
    support::copy(&root().join("examples/acme"), stage.folder.path());
    let plan = stage.run(&["plan", ".", "--write", "json=plan.json", "--write", "markdown=plan.md"]).ended(0);
    let shown = support::run(stage.folder.path(), &["show", "plan.json"], &[]).ended(0);
    assert_eq!(shown.stdout, plan.stdout.replace("bylaws apply . --expect", "bylaws apply --plan plan.json --expect"));
    let markdown = support::run(stage.folder.path(), &["show", "plan.json", "--format", "markdown"], &[]).ended(0);
    assert_eq!(markdown.stdout, std::fs::read_to_string(stage.folder.path().join("plan.md")).unwrap());
}

#[test]
fn only_the_reviewed_plan_is_applied() {
    let stage = Stage::demo();
    support::copy(&root().join("examples/small"), stage.folder.path());
    let plan = stage.run(&["plan", "--format", "json"]).ended(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let checksum = plan["checksum"].as_str().unwrap();
    stage.run(&["apply", "--expect", "0123456789ab"]).ended(5);
    stage.run(&["apply", "--expect", "0123"]).ended(2);
    // Without a terminal nobody can be asked.
    stage.run(&["apply"]).ended(2);
    assert!(stage.writes().is_empty());
    stage.run(&["apply", "--expect", checksum]).ended(0);
    assert!(!stage.writes().is_empty());
}
