//! How long the reading for a plan takes against what is possible: `cargo bench --bench reading`.
//!
//! The service runs in a process of its own, its requests are counted from its log, and every figure
//! is a ratio taken within one run. Nothing here is a test: the figures go into `benches/README.md`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bylaws::api::{self, ReadClient};
use bylaws::model::{self, Desired, Scope, Secret};
use bylaws::sandbox::{self, Size};
use bylaws::{plan, snapshot};
use serde_json::Value;

/// A service of the given size, in a process of its own.
struct Service {
    process: Child,
    url: String,
    folder: tempfile::TempDir,
}

impl Service {
    fn start(size: &Size, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let now = jiff::Timestamp::now().as_second();
        let state = folder.path().join("state.json");
        let bytes = serde_json::to_vec(&sandbox::generated(size, now)).expect("the state");
        sandbox::store::write(&state, &bytes).expect("the file");
        let mut process = Command::new(env!("CARGO_BIN_EXE_bylaws"))
            .args(["sandbox", "serve", "--file", "state.json", "--log", "log.jsonl"])
            .args(more)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the service");
        let mut url = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut url).expect("its address");
        Self { process, url: url.trim().to_owned(), folder }
    }

    /// How many requests were answered, and how many of them by 429.
    fn requests(&self) -> (usize, usize) {
        let log = read(&self.folder.path().join("log.jsonl"));
        let refused = log.iter().filter(|it| it["status"] == 429).count();
        (log.len(), refused)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|it| serde_json::from_str(it).ok()).collect()
}

/// Reads everything, as a plan of a manifest that names everything would; how long it took.
fn full_read(url: &str, max_rps: Option<f64>) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let inputs = api::Inputs {
            flag: Some(url.to_owned()),
            access_token: Some(Secret::new("pul-sandbox".to_owned())),
            ..api::Inputs::default()
        };
        let options = api::Options { max_rps, ..api::Options::default() };
        let client = ReadClient::new(api::choose(&inputs).expect("a connection"), options).expect("a client");
        let started = Instant::now();
        let now = model::Instant(jiff::Timestamp::now().as_second());
        let (caller, organization) = snapshot::preflight(&client, ORG, now).await.expect("a caller");
        let mut scopes: BTreeMap<&'static str, Scope> = plan::scopes(&Desired::default(), &organization, now);
        scopes.values_mut().for_each(|it| it.everything = true);
        let live = snapshot::read(&client, ORG, scopes, caller, organization, now, &|_| {}).await.expect("a reading");
        assert!(live.unseen.is_empty(), "{:?}", live.unseen);
        started.elapsed()
    })
}

const ORG: &str = "acme";

fn main() {
    println!("| what | goal | requests | refused | wall | ideal | wall ÷ ideal |");
    println!("|---|---|---|---|---|---|---|");
    // Words after the command name rows: all of them take some minutes.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_wanted = |what: &str| wanted.is_empty() || wanted.iter().any(|it| what.contains(it.as_str()));
    for (what, size) in [("M", &Size::M), ("2,000 requests", &LONG)] {
        for (rate, max_rps, goal) in [("rate unknown", None, "P6 ≤ 1.05"), ("`--max-rps 50`", Some(50.0), "P6 ≤ 1.02")]
        {
            let what = format!("{what} at 50/s, burst 100, {rate}");
            if is_wanted(&what) {
                under_a_rate(&what, goal, size, max_rps);
            }
        }
    }
    for (what, goal, size, milliseconds) in
        [("M at 80 ms", "P2 ≤ 1.06", &Size::M, 80), ("L at 20 ms", "P1 ≤ 1.10", &Size::L, 20)]
    {
        let what = format!("{what}, 32 in flight");
        if is_wanted(&what) {
            against_latency(&what, goal, size, milliseconds);
        }
    }
}

/// An organization of which a full reading takes about 2,000 requests.
const LONG: Size = Size { members: 2_000, teams: 450, services: 1_080, items_per_service: 20, tokens: 400 };

/// P6: what the rate itself costs is ideal.
fn under_a_rate(what: &str, goal: &str, size: &Size, max_rps: Option<f64>) {
    let service = Service::start(size, &["--rate", "50/s,burst=100"]);
    let wall = full_read(&service.url, max_rps).as_secs_f64();
    let (requests, refused) = service.requests();
    let ideal = (requests - refused).saturating_sub(100) as f64 / 50.0;
    println!("| {what} | {goal} | {requests} | {refused} | {wall:.2} s | {ideal:.2} s | {:.3} |", wall / ideal);
}

/// P1, P2: requests ÷ concurrency × latency is the floor, as long as no chain of pages is longer.
fn against_latency(what: &str, goal: &str, size: &Size, milliseconds: u64) {
    let service = Service::start(size, &["--latency", &format!("{milliseconds}ms")]);
    let wall = full_read(&service.url, None).as_secs_f64();
    let (requests, refused) = service.requests();
    let floor = (requests as f64 / 32.0).ceil() * milliseconds as f64 / 1000.0;
    println!("| {what} | {goal} | {requests} | {refused} | {wall:.2} s | {floor:.2} s | {:.3} |", wall / floor);
}
