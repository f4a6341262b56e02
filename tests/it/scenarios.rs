//! Behaviour people see: each folder of `tests/scenarios` is played and compared with its kept transcript.
//!
//! A scenario is a folder with manifests, a `transcript.txt`, and where the demo organization is not enough a
//! `seed.json` with what is laid over it. In it a line `$ bylaws …` runs the
//! program against the folder's own sandbox, and a line `console> METHOD /path {json}` is the administrator alice in
//! the console, who changes the organization behind the program's back. `provider> …` is the identity provider doing
//! the same over SCIM, and `erin> …` somebody else. A line `$ cat FILE` shows a file, `$ cp FROM TO` puts one in the
//! place of another, and `$ git …` keeps a history of them, with the same hashes in every run.
//! What follows each line is what was printed. `SNAPSHOTS=overwrite cargo test scenarios` writes the transcripts anew: read the difference.

use std::path::Path;

use bylaws::sandbox::{self, Config};
use serde_json::Value;

use crate::support::engine::ENVIRONMENT_SECRET;
use crate::support::published::{self, Side};
use crate::support::{self, NOW, NOW_SECONDS};

const STATE: &str = "state.json";

#[test]
fn every_scenario_goes_as_its_transcript_says() {
    let mut folders: Vec<_> = std::fs::read_dir(support::root().join("tests/scenarios"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.is_dir())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let kept = folder.join("transcript.txt");
        let script = std::fs::read_to_string(&kept).unwrap();
        let played = play(&folder, &script);
        snapbox::assert_data_eq!(played, snapbox::Data::read_from(&kept, None).raw());
    }
}

fn play(folder: &Path, script: &str) -> String {
    let stage = tempfile::tempdir().unwrap();
    support::copy(folder, stage.path());
    seed(stage.path());
    let mut transcript = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("$ bylaws ") {
            transcript.push_str(&format!("{line}\n{}\n", run(stage.path(), command)));
        } else if let Some((who, request)) = by_somebody(line) {
            transcript.push_str(&format!("{line}\n{}\n\n", answer(stage.path(), who, request)));
        } else if let Some(file) = line.strip_prefix("$ cat ") {
            let text = std::fs::read_to_string(stage.path().join(file)).unwrap();
            let text = text.trim_end().replace("\r\n", "␍\n");
            let lines: Vec<String> = text.lines().map(|it| format!("| {it}").trim_end().to_owned()).collect();
            transcript.push_str(&format!("{line}\n{}\n\n", lines.join("\n")));
        } else if let Some((from, to)) = line.strip_prefix("$ cp ").and_then(|it| it.split_once(' ')) {
            let to = stage.path().join(to);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(stage.path().join(from), to).unwrap();
            transcript.push_str(&format!("{line}\n\n"));
        } else if let Some(arguments) = line.strip_prefix("$ git ") {
            let said = support::git(stage.path(), &arguments.split(' ').collect::<Vec<_>>());
            let said = if said.is_empty() { said } else { said + "\n" };
            transcript.push_str(&format!("{line}\n{said}\n"));
        } else if line.starts_with("# ") {
            transcript.push_str(&format!("{line}\n"));
        }
    }
    without_nonces(&transcript)
}

/// What a `seed.json` says on top of the demo organization.
fn seed(folder: &Path) {
    let Ok(text) = std::fs::read_to_string(folder.join("seed.json")) else { return };
    let mut state = serde_json::to_value(sandbox::demo(NOW_SECONDS)).unwrap();
    lay_over(&mut state, serde_json::from_str(&text).unwrap());
    std::fs::write(folder.join(STATE), state.to_string()).unwrap();
}

fn lay_over(state: &mut Value, more: Value) {
    match (state, more) {
        (Value::Object(state), Value::Object(more)) => {
            for (key, value) in more {
                lay_over(state.entry(key).or_insert(Value::Null), value);
            }
        }
        (state, more) => *state = more,
    }
}

fn run(folder: &Path, command: &str) -> String {
    let mut arguments: Vec<&str> = command.split(' ').collect();
    let backend = format!("sandbox:{STATE}");
    if matches!(arguments[0], "plan" | "apply" | "import" | "drift" | "access") {
        arguments.extend(["--backend", &backend, "--now", NOW]);
    }
    let run = support::run(folder, &arguments, &[("AUDIT_HOOK_SECRET", ENVIRONMENT_SECRET)]);
    let mut text = String::new();
    for (stream, mark) in [(&run.stdout, ""), (&run.stderr, "2| ")] {
        // Steps end in whatever order the service answers.
        for line in stream.lines().filter(|it| !it.starts_with("  step ")) {
            // What a file's comment looks like is no remark of the scenario's.
            let mark = if mark.is_empty() && line.starts_with('#') { "| " } else { mark };
            text.push_str(format!("{mark}{line}").trim_end());
            text.push('\n');
        }
    }
    if run.code != 0 {
        text.push_str(&format!("[ends with {}]\n", run.code));
    }
    text
}

/// Who sends a request of their own, and which.
pub fn by_somebody(line: &str) -> Option<(&str, &str)> {
    let (who, request) = line.split_once("> ")?;
    let named = !who.is_empty() && who.chars().all(|it| it.is_ascii_lowercase());
    (named && request.starts_with(|it: char| it.is_ascii_uppercase())).then_some((who, request))
}

/// The status that somebody's own request is answered with.
fn answer(folder: &Path, who: &str, request: &str) -> String {
    let authorization = match who {
        "console" => "token pul-sandbox".to_owned(),
        "provider" => "Bearer scim-sandbox".to_owned(),
        login => format!("token pul-{login}"),
    };
    let mut parts = request.splitn(3, ' ');
    let (method, path, body) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = Config { file: Some(folder.join(STATE)), now: Some(NOW_SECONDS), ..Config::default() };
        let running = sandbox::start(config).await.unwrap();
        let mut request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .request(method.parse().unwrap(), format!("{}{path}", running.url()))
            .header("Authorization", authorization)
            .header("Accept", "application/vnd.pulumi+8");
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_owned());
        }
        let status = request.send().await.unwrap().status().as_u16();
        published::hold(&running.requests(), Side::Both);
        running.stop().await.unwrap();
        status.to_string()
    })
}

/// Nonces are made up anew in every run.
fn without_nonces(text: &str) -> String {
    let nonce = regex::Regex::new(r"(\.[0-9]+)-[a-z2-7]{6}\b").unwrap();
    nonce.replace_all(text, "$1-NONCE").into_owned()
}
