//! In a pipeline: how much may be asked, what the runner is told, and the workflows to copy.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bylaws::sandbox::State;
use serde_json::Value;

use crate::support::{self, NOW, Run, Stage, root};

const SMALL: &str = "organization: acme\nteams: {platform: {description: All.}, web: {description: Web.}}\n";

#[test]
fn a_reading_stays_within_what_is_allowed() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", SMALL);
    let run = stage.run(&["plan", "--format", "json"]).ended(0);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let taken = stage.requests().len();
    assert!(run.stderr.contains(&format!(" with {taken} requests: ")), "{taken}: {}", run.stderr);
    assert_eq!(plan["summary"]["writes"], 2);
    assert!(!run.stdout.contains(&format!("{taken} requests")), "how a plan was read is no part of it");

    for allowed in 1..taken + 2 {
        stage.service().clear_requests();
        let run = stage.run(&["plan", "--max-requests", &allowed.to_string()]);
        assert!(stage.requests().len() <= allowed.max(2), "{allowed}: {:?}", stage.requests());
        if allowed < taken {
            let run = run.ended(5);
            assert!(run.stdout.is_empty());
            assert!(run.stderr.contains(&format!("or more, and {allowed} are allowed")), "{}", run.stderr);
        } else {
            run.ended(0);
        }
    }
}

/// The runner's files, and what they hold afterwards.
struct Runner {
    stage: Stage,
}

impl Runner {
    fn new(change: impl FnOnce(&mut State)) -> Self {
        let stage = Stage::demo();
        stage.service().change(change);
        Self { stage }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.stage.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let url = self.stage.service().url();
        let all: Vec<&str> = arguments.iter().copied().chain(["--backend", &url, "--now", NOW]).collect();
        let (output, summary) = (self.path("output"), self.path("summary"));
        let environment = [
            ("PULUMI_ACCESS_TOKEN", "pul-sandbox"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_OUTPUT", output.to_str().unwrap()),
            ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REPOSITORY", "acme/bylaws"),
            ("GITHUB_RUN_ID", "42"),
        ];
        support::run(self.stage.folder.path(), &all, &environment)
    }
}

#[test]
fn the_runner_is_told_the_facts_of_a_plan() {
    let runner = Runner::new(|_| ());
    for (manifest, code, changed, destructive, blocked) in [
        (SMALL, 0, true, false, false),
        ("organization: acme\nteams: {platform: {}}\n", 0, false, false, false),
        ("organization: acme\nremoved: {teams: [data-eng]}\n", 0, true, true, false),
        ("organization: acme\nprune: {teams: true}\nteams: {payments: {}}\n", 5, true, true, true),
    ] {
        runner.stage.write("bylaws.yaml", manifest);
        runner.stage.write("output", "earlier=1\n");
        runner.stage.write("summary", "Earlier.\n");
        let run = runner.run(&["plan", "--write", "json=plan.json", "--write", "markdown=plan.md"]).ended(code);
        let plan: Value = serde_json::from_str(&runner.read("plan.json")).unwrap();
        let checksum = plan["checksum"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        assert_eq!(
            runner.read("output"),
            format!(
                "earlier=1\nchanged={changed}\ndestructive={destructive}\nblocked={blocked}\nchecksum={checksum}\n"
            )
        );
        assert!(runner.read("summary").starts_with("Earlier.\n<!-- bylaws:plan org=acme -->\n"));
        assert!(runner.read("plan.md").contains("[full plan](https://github.example/acme/bylaws/actions/runs/42)"));
        assert_eq!(run.stderr.contains("::warning "), run.stdout.contains("delete-team"), "{}", run.stderr);
        assert!(!run.stdout.contains("::"), "{}", run.stdout);
    }
    // Outside of a workflow nothing is written, whatever the variables say.
    std::fs::remove_file(runner.path("output")).unwrap();
    let output = runner.path("output");
    let environment = [("PULUMI_ACCESS_TOKEN", "pul-sandbox"), ("GITHUB_OUTPUT", output.to_str().unwrap())];
    let url = runner.stage.service().url();
    support::run(runner.stage.folder.path(), &["plan", "--backend", &url, "--now", NOW], &environment).ended(5);
    assert!(!output.exists());
    // A gate must not take what could not be written for "no changes".
    std::fs::create_dir(&output).unwrap();
    assert!(runner.run(&["plan"]).ended(1).stderr.contains("$GITHUB_OUTPUT"));
}

#[test]
fn mistakes_are_shown_at_their_lines() {
    let runner = Runner::new(|_| ());
    runner.stage.write("by,laws:1.yaml", "organization: acme\nteams: {web: {descripton: \"x\"}}\n");
    let run = runner.run(&["plan", "by,laws:1.yaml"]).ended(2);
    assert!(
        run.stderr.contains("\n::error file=by%2Claws%3A1.yaml,line=2,col=15,endColumn=25,title="),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "");
    // What only the live organization tells is shown there too.
    runner.stage.write("bylaws.yaml", "organization: acme\nteams: {web: {members: [nobody-here]}}\n");
    let run = runner.run(&["plan", "bylaws.yaml"]).ended(2);
    assert!(run.stderr.contains("::error file=bylaws.yaml,line=2,col=25,"), "{}", run.stderr);
}

#[test]
fn validate_writes_what_other_services_read() {
    let runner = Runner::new(|_| ());
    runner.stage.write("bylaws.yaml", "organization: acme\nteams: {web: {descripton: \"x\"}}\n");
    let run = runner.stage.run(&["validate", "--format", "sarif"]).ended(2);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&log["version"], &result["level"]), (&"2.1.0".into(), &"error".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startColumn"], 15);
    runner.stage.write("bylaws.yaml", SMALL);
    let run = runner.stage.run(&["validate", "--format", "sarif"]).ended(0);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn no_name_and_no_description_commands_the_runner() {
    const HOSTILE: [&str; 6] = [
        "::set-output name=changed::false",
        "x\n::error file=a,line=1::forged",
        "x\r\n::add-mask::acme",
        "##[group]x",
        "EOF\nchanged=false\nchecksum=000000000000",
        "%0A::stop-commands::t",
    ];
    for text in HOSTILE {
        let runner = Runner::new(|state| {
            for team in state.teams.values_mut() {
                team.description = text.to_owned();
            }
        });
        let quoted = serde_json::to_string(text).unwrap();
        let manifest = format!(
            "organization: acme\nteams: {{platform: {{description: Mine.}}, web: {{description: {quoted}, displayName: W}}}}\n\
             removed: {{teams: [data-eng]}}\n"
        );
        runner.stage.write("bylaws.yaml", &manifest);
        for format in ["human", "json", "markdown", "calls"] {
            std::fs::remove_file(runner.path("output")).ok();
            let run = runner.run(&["plan", "--format", format, "--verbose"]);
            assert_eq!(runner.read("output").lines().count(), 4, "{text:?}");
            let own = ["::warning title=", "::warning file=bylaws.yaml,line=", "::notice title="];
            let foreign = |it: &&str| !own.iter().any(|own| it.starts_with(own));
            let lines = run.stdout.lines().chain(run.stderr.lines().filter(foreign));
            for line in lines {
                assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{text:?} {format}: {line}");
            }
        }
    }
}

/// A workflow's step: its name, its script, and its variables.
struct Step {
    name: String,
    script: String,
    environment: BTreeMap<String, String>,
}

fn jobs(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join("examples/ci").join(file)).unwrap();
    serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(&text).unwrap()).unwrap()
}

fn steps(job: &Value) -> Vec<Step> {
    let list = job["steps"].as_array().unwrap();
    list.iter()
        .map(|it| Step {
            name: it["name"].as_str().unwrap().to_owned(),
            script: it["run"].as_str().unwrap().to_owned(),
            environment: serde_json::from_value(it.get("env").cloned().unwrap_or_else(|| serde_json::json!({})))
                .unwrap(),
        })
        .collect()
}

/// A program on the path that notes how it was called, and answers as `script` says.
fn fake(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    let text = format!("#!/usr/bin/env bash\nprintf '%s\\n' \"$*\" >> \"$CALLS\"\n{script}\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A machine that runs the steps of a job: a repository with two commits, and fakes of what is not there.
struct Machine {
    stage: Stage,
    /// The token of a role that may read what the workflow says, and nothing else.
    plan_token: String,
    /// An administrator's.
    apply_token: String,
}

const BASE: &str = "organization: acme\nteams: {platform: {description: All.}, data-eng: {}}\n";
const HEAD: &str = "organization: acme\nteams: {platform: {description: Everything.}}\nremoved: {teams: [data-eng]}\n";

/// A token that can read what the workflow says, and one that can do everything.
fn tokens(stage: &Stage) -> [String; 2] {
    let text = std::fs::read_to_string(root().join("examples/ci/github.yml")).unwrap();
    let listed = text.split("Its permissions: ").nth(1).unwrap().split(", and to read").next().unwrap();
    let permissions = listed.replace(['#', '\n'], "");
    let manifest = format!(
        "organization: acme\nroles: {{plans: {{permissions: [\"{}\"]}}}}\ntokens:\n  plan: {{scope: organization, role: \
         plans, saveTo: 'file:plan'}}\n  apply: {{scope: organization, role: admin, saveTo: 'file:apply'}}\n",
        permissions.split(',').map(str::trim).collect::<Vec<_>>().join("\", \"")
    );
    stage.write("tokens.yaml", &manifest);
    stage.run(&["apply", "--yes", "tokens.yaml"]).ended(0);
    stage.service().clear_requests();
    ["plan", "apply"].map(|it| std::fs::read_to_string(stage.folder.path().join(it)).unwrap().trim().to_owned())
}

impl Machine {
    fn new() -> Self {
        let stage = Stage::demo();
        let [plan_token, apply_token] = tokens(&stage);
        let it = Self { stage, plan_token, apply_token };
        for folder in ["bin", "remote/acme", "work"] {
            std::fs::create_dir_all(it.path(folder)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bylaws"), it.path("bin/bylaws")).unwrap();
        it.shell(
            "git init --quiet -b main remote/acme/bylaws && cd remote/acme/bylaws && git config user.name a && \
             git config user.email a@example.com && printf '%s' \"$BASE\" > bylaws.yaml && git add . && \
             git commit --quiet -m base && git checkout --quiet -b topic && printf '%s' \"$HEAD\" > bylaws.yaml && \
             git commit --quiet -am head && git update-ref refs/pull/7/merge HEAD && git checkout --quiet main",
            &[("BASE", BASE), ("HEAD", HEAD)],
        )
        .ended(0);
        // What the demo organization has drifted from, so that base and live agree.
        it.stage.service().change(|state| state.teams.get_mut("platform").unwrap().description = "All.".to_owned());
        it
    }

    fn plan_token(&self) -> (&'static str, &str) {
        ("secrets.PULUMI_PLAN_TOKEN", &self.plan_token)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.stage.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn shell(&self, script: &str, environment: &[(&str, &str)]) -> Run {
        let here = self.stage.folder.path();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let url = self.stage.service().url();
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script])
            .current_dir(here)
            .env_clear()
            .envs([("PATH", path.as_str()), ("PULUMI_BACKEND_URL", url.as_str()), ("HOME", here.to_str().unwrap())])
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("CALLS", self.path("calls"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a step as GitHub would: expressions filled in, from nothing but this table.
    fn step(&self, step: &Step, reference: &str, expressions: &[(&str, &str)]) -> Run {
        let filled = |value: &String| {
            let Some(inner) = value.strip_prefix("${{").and_then(|it| it.strip_suffix("}}")) else {
                return value.clone();
            };
            let found = expressions.iter().find(|it| it.0 == inner.trim());
            found.unwrap_or_else(|| panic!("what is {value} in {}?", step.name)).1.to_owned()
        };
        let own: Vec<(String, String)> = step.environment.iter().map(|(key, it)| (key.clone(), filled(it))).collect();
        let server = format!("file://{}", self.path("remote").display());
        let (output, summary) = (self.path("output"), self.path("summary"));
        let mut all: Vec<(&str, &str)> = own.iter().map(|(key, it)| (key.as_str(), it.as_str())).collect();
        all.extend([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", server.as_str()),
            ("GITHUB_REPOSITORY", "acme/bylaws"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_REF", reference),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("GITHUB_OUTPUT", output.to_str().unwrap()),
            ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
        ]);
        self.shell(&format!("cd work\n{}", step.script), &all)
    }
}

const GH: (&str, &str) = ("github.token", "ghs-example");

#[test]
fn the_github_workflow_plans_comments_and_applies_what_was_reviewed() {
    let machine = Machine::new();
    let workflow = jobs("github.yml");
    // The pull request: a new comment.
    fake(&machine.path("bin"), "gh", "case \"$*\" in *--jq*) printf '%s' \"$ANSWER\" ;; esac");
    let pull = "refs/pull/7/merge";
    let known = [GH, machine.plan_token(), ("github.event.pull_request.number", "7")];
    for step in steps(&workflow["jobs"]["plan"]).iter().filter(|it| it.name != "Install bylaws") {
        machine.step(step, pull, &known).ended(0);
    }
    let comment = machine.read("work/plan.md");
    assert!(comment.starts_with("<!-- bylaws:plan org=acme -->\n<!-- bylaws:meta checksum="), "{comment}");
    assert!(
        comment.contains("### `acme`: 1 to change, **1 to delete**") && machine.stage.writes().is_empty(),
        "{comment}"
    );
    let calls = machine.read("calls");
    assert!(calls.contains("\napi --silent --method POST repos/acme/bylaws/issues/7/comments --field body=@plan.md\n"));
    assert!(!calls.contains("ghs-example"), "{calls}");

    // The next push: the same comment, also when there is no plan.
    let comment_step = |it: &Step| it.name == "Comment";
    let all = steps(&workflow["jobs"]["plan"]);
    let step = all.iter().find(|it| comment_step(it)).unwrap();
    fake(&machine.path("bin"), "gh", "case \"$*\" in *--jq*) echo 99; echo 100 ;; esac");
    std::fs::remove_file(machine.path("work/plan.md")).unwrap();
    machine.step(step, pull, &known).ended(0);
    assert!(
        machine.read("calls").contains("--method PATCH repos/acme/bylaws/issues/comments/99 --field body=@plan.md")
    );
    assert!(machine.read("work/plan.md").starts_with("<!-- bylaws:plan none -->\n### There is no plan\n"));

    let apply_token = ("secrets.PULUMI_APPLY_TOKEN", machine.apply_token.as_str());
    // Merged: applied with the checksum of the comment.
    machine
        .shell("cd remote/acme/bylaws && git merge --quiet topic && git rev-parse HEAD~1 > ../../../before", &[])
        .ended(0);
    machine.stage.write("comment.md", &comment);
    fake(&machine.path("bin"), "gh", "case \"$*\" in */pulls\\ *) echo 7 ;; *--jq*) cat \"$HOME/comment.md\" ;; esac");
    std::fs::remove_dir_all(machine.path("work")).unwrap();
    std::fs::create_dir(machine.path("work")).unwrap();
    let before = machine.read("before").trim().to_owned();
    for step in steps(&workflow["jobs"]["apply"]).iter().filter(|it| it.name != "Install bylaws") {
        let output = machine.read("output");
        let checksum = output.lines().filter_map(|it| it.strip_prefix("checksum=")).next_back().unwrap_or_default();
        let known =
            [GH, apply_token, ("github.event.before", before.as_str()), ("steps.reviewed.outputs.checksum", checksum)];
        let run = machine.step(step, "refs/heads/main", &known).ended(0);
        assert_eq!(run.stdout.contains("Applied, and verified"), step.name == "Apply", "{}", run.stdout);
    }
    assert_eq!(machine.stage.service().state().teams["platform"].description, "Everything.");

    // A commit that nobody reviewed is not applied; nor is one whose comment has no checksum.
    let all = steps(&workflow["jobs"]["apply"]);
    let find = all.iter().find(|it| it.name == "Find what was reviewed").unwrap();
    for answer in ["", "7; rm -rf .", "null"] {
        fake(&machine.path("bin"), "gh", &format!("echo '{answer}'"));
        machine.step(find, "refs/heads/main", &[GH]).ended(1);
    }
    fake(&machine.path("bin"), "gh", "case \"$*\" in */pulls\\ *) echo 7 ;; *) echo nothing ;; esac");
    let run = machine.step(find, "refs/heads/main", &[GH]).ended(1);
    assert!(run.stdout.contains("::error::the pull request has no comment with a plan"), "{}", run.stdout);
}

#[test]
fn the_github_workflow_reports_drift_in_one_issue() {
    let machine = Machine::new();
    let workflow = jobs("github.yml");
    let drift = |answer: &str, code: &str| {
        std::fs::remove_dir_all(machine.path("work")).unwrap();
        std::fs::create_dir(machine.path("work")).unwrap();
        std::fs::remove_file(machine.path("calls")).ok();
        fake(&machine.path("bin"), "gh", &format!("case \"$*\" in *--jq*) printf '{answer}' ;; esac"));
        for step in steps(&workflow["jobs"]["drift"]).iter().filter(|it| it.name != "Install bylaws") {
            let known = [GH, machine.plan_token(), ("steps.compare.outputs.code", code)];
            machine.step(step, "refs/heads/main", &known).ended(0);
        }
        assert!(machine.read("output").ends_with(&format!("code={code}\n")), "{}", machine.read("output"));
        machine.read("calls")
    };
    assert!(!drift("", "0").contains("--method"), "no drift, no issue");
    machine.stage.service().change(|it| it.teams.get_mut("platform").unwrap().description = "Clicked.".to_owned());
    assert!(drift("", "7").contains("--method POST repos/acme/bylaws/issues --raw-field title=The organization has"));
    let report = machine.read("work/drift.md");
    assert!(report.contains("Clicked.") && report.contains("unattributed"), "{report}");
    assert!(drift("12", "7").contains("--method PATCH repos/acme/bylaws/issues/12 --field body=@drift.md"));
    machine.stage.service().change(|it| it.teams.get_mut("platform").unwrap().description = "All.".to_owned());
    assert!(drift("12", "0").contains("--method PATCH repos/acme/bylaws/issues/12 --field state=closed"));
}

#[test]
fn the_github_workflow_asks_for_no_more_than_it_needs() {
    let workflow = jobs("github.yml");
    let text = std::fs::read_to_string(root().join("examples/ci/github.yml")).unwrap();
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    assert!(workflow["on"].get("pull_request_target").is_none() && !text.contains("uses:"));
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        for step in job["steps"].as_array().unwrap() {
            let script = step["run"].as_str().unwrap();
            assert!(!script.contains("${{"), "{name}: what a person wrote could become a command in {script}");
        }
        let text = job.to_string();
        let of_a_stranger = name == "validate";
        assert_eq!(text.contains("secrets."), !of_a_stranger, "{name}");
        assert!(job["permissions"].is_object() && job["timeout-minutes"].is_u64(), "{name}");
        if name == "plan" {
            assert!(job["if"].as_str().unwrap().contains("head.repo.full_name == github.repository"));
        }
    }
}

#[test]
fn the_gitlab_pipeline_plans_notes_and_applies_the_saved_plan() {
    let machine = Machine::new();
    let pipeline = jobs("gitlab.yml");
    let variables = [
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
        ("CI_PROJECT_ID", "1"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_JOB_URL", "https://gitlab.example/job/1"),
        ("PULUMI_PLAN_TOKEN", &machine.plan_token),
        ("PULUMI_APPLY_TOKEN", &machine.apply_token),
        ("BYLAWS_NOTE_TOKEN", "glpat-example"),
        ("CI_COMMIT_BEFORE_SHA", "origin/main"),
    ];
    let job = |name: &str| {
        let lines = pipeline[name]["script"].as_array().unwrap();
        let lines: Vec<&str> = lines.iter().map(|it| it.as_str().unwrap()).collect();
        machine.shell(&format!("cd work\n{}", lines.join("\n")), &variables)
    };
    machine
        .shell(
            "git clone --quiet remote/acme/bylaws work && cd work && git checkout --quiet --detach origin/topic",
            &[],
        )
        .ended(0);
    job("validate").ended(0);
    for (note, says) in [("", "--request POST "), ("31", "--request PUT ")] {
        // The note is on the second of two pages.
        let pages = "cat > /dev/null; case \"$*\" in *'&page=1') echo 2 ;; esac";
        fake(&machine.path("bin"), "curl", pages);
        let found = format!("grep -q 'page=2' \"$CALLS\" && printf '{note}' || true");
        fake(&machine.path("bin"), "jq", &format!("case \"$*\" in '-r .id') echo 5 ;; *) {found} ;; esac"));
        std::fs::remove_file(machine.path("calls")).ok();
        job("plan").ended(0);
        let calls = machine.read("calls");
        assert!(calls.contains(says) && calls.contains("--data-urlencode body@plan.md"), "{calls}");
        assert!(!calls.contains("glpat-example"), "{calls}");
    }
    let widget: Value = serde_json::from_str(&machine.read("work/widget.json")).unwrap();
    assert_eq!(widget, serde_json::json!({"create": 0, "update": 1, "delete": 1}));
    assert_eq!(pipeline["plan"]["artifacts"]["reports"]["terraform"], "widget.json");

    job("plan to apply").ended(0);
    let run = job("apply").ended(0);
    assert!(run.stdout.contains("Applied, and verified"), "{}", run.stdout);
    job("drift").ended(0);
    // What has moved in between is not overwritten.
    machine.stage.service().change(|it| it.teams.get_mut("platform").unwrap().description = "Clicked.".to_owned());
    job("drift").ended(7);
    job("apply").ended(5);
}
