//! The token goes to the service and nowhere else, and a new token's value to its file: whatever fails, however much
//! is told.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bylaws::sandbox::Config;

use crate::support::{self, NOW, Run, Stage};

/// What no output may hold.
const CANARY: &str = "pul-c4n4ry0123456789";

const MANIFEST: &str = "organization: acme
members: {carol: {role: admin}}
teams: {platform: {members: [alice], description: New words.}}
tokens: {fresh: {scope: organization, saveTo: 'file:kept'}}
removed: {members: [mallory]}
";

/// The ways in which a secret may be written.
fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|it| format!("{it:02x}")).collect();
    // Its own part is enough: the beginning is every token's.
    let bare = secret.trim_start_matches("pul-");
    vec![bare.to_lowercase(), hex, base64(secret), base64(&format!("token {secret}"))]
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |number: u32, place: u32| char::from(DIGITS[(number >> place & 63) as usize]);
    // Whole groups only: what stands at the end depends on what follows.
    let groups = text.as_bytes().chunks_exact(3);
    let numbers = groups.map(|it| it.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)));
    numbers.flat_map(|it| [18, 12, 6, 0].map(|place| digit(it, place))).collect()
}

/// Every file below a folder, and what a run printed.
fn outputs(folder: &Path, run: &Run) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::from([
        ("standard output".to_owned(), run.stdout.clone().into_bytes()),
        ("standard error".to_owned(), run.stderr.clone().into_bytes()),
    ]);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[track_caller]
fn tell_nothing(outputs: &BTreeMap<String, Vec<u8>>, secrets: &[&str], what: &str) {
    for (place, bytes) in outputs {
        let text = String::from_utf8_lossy(bytes);
        let lower = text.to_lowercase();
        for secret in secrets {
            for spelling in spellings(secret) {
                let found = lower.contains(&spelling.to_lowercase());
                assert!(!found, "{what}: `{spelling}` is in {place}:\n{text}");
            }
        }
    }
}

/// Everything that may go wrong, at reading and at writing, some of it with the token in what comes back.
fn faults() -> Vec<String> {
    let echo = format!("{{\"message\":\"bad header Authorization: token {CANARY}\"}}");
    let mut faults = vec!["GET /none=500".to_owned()];
    for what in ["401", "403", "404", "409", "500", "html", "empty", "null-list", "reset", "truncate", "drip=1ms"] {
        faults.push(format!("GET /api/orgs/acme/teams={what}"));
    }
    for what in ["400", "403", "409", "500-after", "reset-after", "truncate", "html-after", "empty-after"] {
        faults.push(format!("POST /api/orgs/acme/tokens={what}"));
    }
    for path in ["GET /api/user", "GET /api/orgs/acme/metadata", "GET /api/orgs/acme/teams/platform"] {
        faults.push(format!("{path}=body={echo}"));
        faults.push(format!("{path}=403,message=refused {CANARY}"));
        faults.push(format!("{path}=redirect=https://{CANARY}.example/{CANARY}?token={CANARY}"));
    }
    faults.push(format!("PATCH /api/orgs/acme/teams/platform=400,message=Authorization: token {CANARY}"));
    faults
        .push(format!("POST /api/orgs/acme/tokens=body-after={{\"id\":\"t-99\",\"tokenValue\":\"{CANARY}\\u0000\"}}"));
    faults
}

#[test]
fn no_output_of_any_run_holds_a_token() {
    let loud = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("BYLAWS_LOG", "trace"), ("DEBUG", "*")];
    let runs: &[&[&str]] = &[
        &["plan", "--write", "json=plan.json", "--write", "markdown=plan.md"],
        &["plan", "-v", "--format", "json"],
        &["apply", "--yes", "--dry-run", "-v"],
        &["apply", "--yes", "-v", "--write", "report=report.json"],
        &["apply", "--yes", "-v", "--format", "json"],
    ];
    std::thread::scope(|scope| {
        for fault in faults() {
            scope.spawn(move || {
                let logs = tempfile::tempdir().unwrap();
                let stage = Stage::with(Config { log: Some(logs.path().join("log.jsonl")), ..Config::default() });
                stage.write("bylaws.yaml", MANIFEST);
                let url = stage.service().url();
                for arguments in runs {
                    stage.service().clear_faults();
                    stage.service().inject(fault.parse().unwrap());
                    let arguments = [arguments, &["--backend", &url, "--now", NOW][..]].concat();
                    let environment = [&loud[..], &[("PULUMI_ACCESS_TOKEN", CANARY)]].concat();
                    let run = support::run(stage.folder.path(), &arguments, &environment);
                    assert!(run.code >= 0 && run.code != 255, "{fault}: {run:?}");
                    let kept = stage.folder.path().join("kept");
                    let value = std::fs::read_to_string(&kept).unwrap_or_default();
                    let mut outputs = outputs(stage.folder.path(), &run);
                    outputs.extend(self::outputs(logs.path(), &run));
                    outputs.remove(&kept.display().to_string());
                    let secrets = [&[CANARY][..], &[value.trim()]].concat();
                    let secrets: Vec<&str> = secrets.into_iter().filter(|it| !it.is_empty()).collect();
                    // What a test asks the service to answer is written down as it was asked for.
                    if fault.contains("c4n4ry") {
                        outputs.retain(|place, _| !place.ends_with("log.jsonl"));
                    }
                    tell_nothing(&outputs, &secrets, &format!("{fault}: {arguments:?}"));
                }
            });
        }
    });
}

#[test]
fn a_new_tokens_value_is_in_its_file_only() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", MANIFEST);
    let run = stage.run(&["apply", "--yes", "-v"]).ended(0);
    let kept = stage.folder.path().join("kept");
    let value = std::fs::read_to_string(&kept).unwrap();
    assert!(value.starts_with("pul-") && value.len() > 10, "{value}");
    let mut outputs = outputs(stage.folder.path(), &run);
    assert!(outputs.remove(&kept.display().to_string()).is_some());
    tell_nothing(&outputs, &[value.trim()], "apply");
}

/// A listener that hangs up on everybody, and remembers what it was told.
fn eavesdropper() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = vec![0; 4096];
            let count = stream.read(&mut bytes).unwrap_or(0);
            hears.lock().unwrap().extend_from_slice(&bytes[..count]);
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, heard)
}

fn plan_at(backend: &str, environment: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bylaws.yaml"), MANIFEST).unwrap();
    let environment = [environment, &[("PULUMI_ACCESS_TOKEN", CANARY)]].concat();
    let run = support::run(folder.path(), &["plan", "-v", "--backend", backend, "--now", NOW], &environment);
    tell_nothing(&outputs(folder.path(), &run), &[CANARY, "hunter2"], backend);
    run
}

#[test]
fn a_proxy_learns_the_host_and_nothing_else() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (proxy, heard) = eavesdropper();
        let url = format!("http://somebody:hunter2@{proxy}");
        let run = plan_at("https://service.example", &[(variable, &url)]);
        assert_eq!(run.code, 4, "{variable}: {run:?}");
        let heard = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
        assert!(heard.starts_with("CONNECT service.example:443 "), "{variable}: {heard}");
        let told = heard.to_lowercase();
        assert!(!told.contains("c4n4ry") && !told.contains("\nauthorization:"), "{variable}: {heard}");
    }
}

#[test]
fn whoever_needs_no_proxy_is_asked_directly() {
    let (proxy, heard) = eavesdropper();
    let url = format!("http://{proxy}");
    // A port that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = plan_at(&format!("https://{free}"), &[("HTTPS_PROXY", &url), ("NO_PROXY", "127.0.0.1")]);
    assert_eq!(run.code, 4, "{run:?}");
    // Unencrypted, the token stays on this machine, whatever the environment says.
    let stage = Stage::demo();
    stage.write("bylaws.yaml", MANIFEST);
    let everywhere = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|it| (it, url.as_str()));
    assert_eq!(plan_at(&stage.service().url(), &everywhere).code, 0);
    assert!(heard.lock().unwrap().is_empty(), "{}", String::from_utf8_lossy(&heard.lock().unwrap()));
}
