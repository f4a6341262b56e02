//! How the program ends when a read fails, what it says, and what it never tells anybody.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{self, NOW, Run, Stage};

/// What no output may hold.
const CANARY: &str = "pul-c4n4ry0123456789";

const MANIFEST: &str = "
organization: acme
members: {carol: {role: member}}
teams: {platform: {members: [alice]}}
services: {storefront: {owner: team/web, description: New words.}}
tokens: {platform-bot: {scope: team/platform}}
removed: {members: [mallory], tokens: [legacy-deploy]}
";

const PATHS: &[&str] = &[
    "/api/user",
    "/api/orgs/acme/metadata",
    "/api/orgs/acme/members",
    "/api/orgs/acme/roles",
    "/api/orgs/acme/teams",
    "/api/orgs/acme/teams/platform",
    "/api/orgs/acme/services",
    "/api/orgs/acme/services/team/web/storefront",
    "/api/orgs/acme/tokens",
    "/api/orgs/acme/teams/platform/tokens",
];

fn plan(fault: &str, more: &[&str]) -> (Stage, Run) {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", MANIFEST);
    stage.service().inject(fault.parse().unwrap());
    let url = stage.service().url();
    let arguments = [&["plan", "--backend", &url, "--now", NOW], more].concat();
    let run = support::run(stage.folder.path(), &arguments, &[("PULUMI_ACCESS_TOKEN", CANARY)]);
    (stage, run)
}

#[track_caller]
fn tells_no_secret(fault: &str, run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        let shown = text.to_lowercase();
        for word in ["c4n4ry", "authorization", "token pul"] {
            assert!(!shown.contains(word), "{fault}: {word}\n{text}");
        }
    }
}

#[test]
fn a_read_that_fails_ends_with_3_or_4_and_is_named() {
    let faults = ["401", "403", "404", "429,retry-after=3600", "500", "html", "empty", "null-list", "body={\"a\":"];
    std::thread::scope(|scope| {
        for path in PATHS {
            scope.spawn(move || {
                for what in faults {
                    let fault = format!("GET {path}={what}");
                    // Neither has a list that anybody reads.
                    if what == "null-list" && (path.ends_with("/user") || path.ends_with("/metadata")) {
                        continue;
                    }
                    let (stage, run) = plan(&fault, &[]);
                    let said = format!("--- stdout\n{}\n--- stderr\n{}", run.stdout, run.stderr);
                    let denied = what == "401" || (what == "403" && PATHS[..2].contains(path));
                    assert_eq!(run.code, if denied { 3 } else { 4 }, "{fault}\n{said}");
                    // By its address, or as people call what it is about: `team/platform`.
                    let called = || path.split('/').skip(4).all(|it| said.contains(it.trim_end_matches('s')));
                    let named = said.contains(path) || (said.contains("Not seen") && called());
                    assert!(named, "{fault}\n{said}");
                    assert!(stage.writes().is_empty(), "{fault}");
                    tells_no_secret(&fault, &run);
                }
            });
        }
    });
}

#[test]
fn no_output_holds_the_token_however_much_is_told() {
    let echo = format!("Authorization: token {CANARY}");
    for fault in [
        "GET /none=500".to_owned(),
        "GET /api/orgs/acme/teams=500,times=2".to_owned(),
        "GET /api/user=401".to_owned(),
        format!("GET /api/orgs/acme/teams=403,message=refused {CANARY}"),
        format!("GET /api/orgs/acme/roles=body={CANARY}"),
    ] {
        for more in [&["-v"][..], &["-v", "--format", "json"]] {
            let (_stage, run) = plan(&fault, more);
            assert!(run.stderr.contains("GET /api/user"), "{fault}\n{}", run.stderr);
            tells_no_secret(&fault, &run);
        }
    }
    // What the service says may hold the word; never the value.
    let (_stage, run) = plan(&format!("GET /api/orgs/acme/teams=400,message={echo}"), &["-v"]);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("c4n4ry"));
}

#[test]
fn nothing_is_sent_where_a_redirect_points() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    let (connections, bytes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (accepted, received) = (Arc::clone(&connections), Arc::clone(&bytes));
    std::thread::spawn(move || {
        for stream in elsewhere.incoming() {
            accepted.fetch_add(1, Ordering::SeqCst);
            let mut buffer = Vec::new();
            let _ = stream.unwrap().read_to_end(&mut buffer);
            received.fetch_add(buffer.len(), Ordering::SeqCst);
        }
    });
    for path in PATHS {
        let fault = format!("GET {path}=redirect=http://{address}/login?{CANARY}");
        let (stage, run) = plan(&fault, &["-v"]);
        let run = run.ended(4);
        assert!(run.stderr.contains("127.0.0.1") && run.stdout.is_empty(), "{}", run.stderr);
        assert!(stage.writes().is_empty());
        tells_no_secret(&fault, &run);
    }
    assert_eq!((connections.load(Ordering::SeqCst), bytes.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn what_the_service_warns_of_and_the_rest_it_asks_for_are_told() {
    let (_, run) = plan("GET *=warning=this route goes away", &[]);
    let told = run.stderr.matches("acme warns: this route goes away").count();
    assert_eq!(told, 1, "{}", run.stderr);
    let (_, run) = plan("GET /api/orgs/acme/members=429,retry-after=2,times=1", &[]);
    assert_eq!(run.stderr.matches("acme asks for a rest; going on in").count(), 1, "{}", run.stderr);

    let stage = Stage::demo();
    stage.write("bylaws.yaml", "organization: acme\nteams: {platform: {description: New words.}}\n");
    stage.service().inject("PATCH *=warning=soon with another body".parse().unwrap());
    let run = stage.run(&["apply", "--yes"]).ended(0);
    assert!(run.stdout.contains("the service warns: soon with another body"), "{}", run.stdout);
}

#[test]
fn what_can_only_be_a_mistake_in_the_environment_or_the_flags_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bylaws.yaml"), "organization: acme\n").unwrap();
    let run = |arguments: &[&str], environment: &[(&str, &str)]| support::run(folder.path(), arguments, environment);
    let token = ("PULUMI_ACCESS_TOKEN", CANARY);
    for (flags, says) in [
        (&["--max-rps", "0"][..], "above 0"),
        (&["--max-rps", "nan"], "above 0"),
        (&["--max-rps", "1e400"], "above 0"),
        (&["--concurrency", "0"], "1 or more"),
        (&["--backend", "pul-hunter2"], "no address"),
    ] {
        let run = run(&[&["plan"], flags].concat(), &[token]).ended(2);
        assert!(run.stderr.contains(says) && !run.stderr.contains("hunter2"), "{flags:?}\n{}", run.stderr);
    }
    let address = ("PULUMI_BACKEND_URL", "alice:hunter2@api.example.com");
    assert!(!run(&["plan"], &[token, address]).ended(2).stderr.contains("hunter2"));
    let unread = run(&["sandbox", "serve", "--page-size", "0"], &[]).ended(2);
    assert!(unread.stderr.contains("1 or more"), "{}", unread.stderr);
    let help = run(&["sandbox", "serve", "--help"], &[]).ended(0).stdout;
    assert!(help.contains("repeat-token") && help.contains("burst="), "{help}");
    let proxy = ("HTTPS_PROXY", "http://somebody:hunter2@proxy:port");
    let misled = run(&["plan", "--backend", "https://service.example"], &[token, proxy]).ended(2);
    assert!(misled.stderr.contains("HTTPS_PROXY") && !misled.stderr.contains("hunter2"), "{}", misled.stderr);
    // A folder where the file should be.
    std::fs::create_dir_all(folder.path().join("pulumi/credentials.json")).unwrap();
    let home = folder.path().join("pulumi").display().to_string();
    let unread = run(&["plan"], &[("PULUMI_HOME", &home)]).ended(3);
    assert!(
        unread.stderr.contains("failed to read") && unread.stderr.contains("credentials.json"),
        "{}",
        unread.stderr
    );
    std::fs::remove_dir(folder.path().join("pulumi/credentials.json")).unwrap();
    std::fs::write(folder.path().join("pulumi/credentials.json"), b"{\"\xff\"}").unwrap();
    let unread = run(&["plan"], &[("PULUMI_HOME", &home)]).ended(3);
    assert!(unread.stderr.contains("UTF-8"), "{}", unread.stderr);
}

#[test]
#[cfg(unix)]
fn a_token_that_is_no_text_is_not_taken_for_absent() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bylaws.yaml"), "organization: acme\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bylaws"))
        .arg("plan")
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("PULUMI_ACCESS_TOKEN", std::ffi::OsStr::from_bytes(b"pul-\xff"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("malformed access token in PULUMI_ACCESS_TOKEN"), "{said}");
}
