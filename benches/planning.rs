//! What planning costs against reading the manifest's YAML alone: `cargo bench --bench planning`.
//!
//! Everything happens in one process and one run; the organization is read once over HTTP beforehand.
//! Names of rows as arguments (`M`, `L`, `2 L`, `deletions`) print only these.
//! Nothing here is a test: the figures go into `benches/README.md`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bylaws::api::{self, ReadClient};
use bylaws::model::{self, Desired, Scope, Secret, Snapshot};
use bylaws::render::markdown;
use bylaws::sandbox::{self, Config, Size};
use bylaws::{manifest, plan, snapshot};
use granit_parser::Parser;

fn main() {
    println!("| what | changes | manifest | YAML alone | load | plan | render | all ÷ YAML |");
    println!("|---|---|---|---|---|---|---|---|");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    for (what, size) in [("M", &Size::M), ("L", &Size::L), ("2 L", &twice(&Size::L))] {
        if wanted.is_empty() || wanted.iter().any(|it| it == what) {
            row(what, size, manifest_of);
        }
    }
    if wanted.is_empty() || wanted.iter().any(|it| it == DELETIONS) {
        let size = Size { members: 10, teams: 10, services: 20_000, items_per_service: 1, tokens: 1 };
        row(DELETIONS, &size, without_services);
    }
}

/// The row of a plan that only deletes.
const DELETIONS: &str = "deletions";

fn twice(size: &Size) -> Size {
    Size {
        members: size.members * 2,
        teams: size.teams * 2,
        services: size.services * 2,
        items_per_service: size.items_per_service,
        tokens: size.tokens * 2,
    }
}

fn row(what: &str, size: &Size, manifest_of: fn(&Snapshot) -> String) {
    let live = read(size);
    let text = manifest_of(&live);
    let (yaml, ()) = best(|| events(&text));
    let (load, desired) =
        best(|| manifest::load(vec![("bylaws.yaml".to_owned(), text.clone().into_bytes())]).expect("a manifest"));
    let options = plan::Options::default();
    let (planning, made) = best(|| plan::plan(&desired, &live, &options));
    let (render, _) = best(|| black_box(markdown::plan(&made, markdown::Options::default())).len());
    let all = (load + planning + render).as_secs_f64() / yaml.as_secs_f64();
    println!(
        "| {what} | {} | {:.1} MB | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {all:.2} |",
        made.changes.len(),
        text.len() as f64 / 1e6,
        yaml.as_secs_f64() * 1e3,
        load.as_secs_f64() * 1e3,
        planning.as_secs_f64() * 1e3,
        render.as_secs_f64() * 1e3,
    );
}

/// The shortest of three, and what came out of it.
fn best<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut all: Vec<(Duration, T)> = (0..3)
        .map(|_| {
            let started = Instant::now();
            let made = work();
            (started.elapsed(), made)
        })
        .collect();
    all.sort_by_key(|it| it.0);
    all.swap_remove(0)
}

/// Every event of the text, and nothing made of them.
fn events(text: &str) {
    for event in Parser::new_from_str(text) {
        black_box(event.expect("YAML"));
    }
}

/// Everything that is live, read as for a manifest that names everything.
fn read(size: &Size) -> Snapshot {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let state = sandbox::generated(size, jiff::Timestamp::now().as_second());
        let service = sandbox::start(Config { seed: Some(state), ..Config::default() }).await.expect("a service");
        let inputs = api::Inputs {
            flag: Some(service.url()),
            access_token: Some(Secret::new("pul-sandbox".to_owned())),
            ..api::Inputs::default()
        };
        let client =
            ReadClient::new(api::choose(&inputs).expect("a connection"), api::Options::default()).expect("a client");
        let now = model::Instant(jiff::Timestamp::now().as_second());
        let (caller, organization) = snapshot::preflight(&client, "acme", now).await.expect("a caller");
        let mut scopes: BTreeMap<&'static str, Scope> = plan::scopes(&Desired::default(), &organization, now);
        scopes.values_mut().for_each(|it| it.everything = true);
        let live =
            snapshot::read(&client, "acme", scopes, caller, organization, now, &|_| {}).await.expect("a reading");
        service.stop().await.expect("an end");
        live
    })
}

/// What is live, with another role for most people and another description for every team and service.
fn manifest_of(live: &Snapshot) -> String {
    use std::fmt::Write as _;
    let mut text = "organization: acme\nmembers:\n".to_owned();
    for it in live.kind("member").objects.values() {
        let role = it.spec["role"].as_str().unwrap_or("member");
        let role = if role == "member" { "auditor" } else { role };
        let _ = writeln!(text, "  {}:\n    role: {role}", it.name);
    }
    text.push_str("roles:\n  auditor:\n    description: Reads.\n    permissions: [stack:read]\nteams:\n");
    let list = |text: &mut String, name: &str, items: &serde_json::Value, indent: &str| {
        let items: Vec<&str> = items.as_array().into_iter().flatten().filter_map(|it| it.as_str()).collect();
        if items.is_empty() {
            let _ = writeln!(text, "{indent}{name}: []");
        } else {
            let _ = writeln!(text, "{indent}{name}:");
            items.iter().for_each(|it| {
                let _ = writeln!(text, "{indent}  - {it}");
            });
        }
    };
    for it in live.kind("team").objects.values() {
        let _ = writeln!(text, "  {}:\n    description: Another one.", it.name);
        list(&mut text, "members", &it.spec["members"], "    ");
    }
    text.push_str("services:\n");
    for it in live.kind("service").objects.values() {
        let owner = it.spec["owner"].as_str().unwrap_or_default();
        let _ = writeln!(text, "  {}:\n    owner: {owner}\n    description: Another one.\n    items:", it.name);
        for sort in ["stacks", "environments"] {
            list(&mut text, sort, &it.spec["items"][sort], "      ");
        }
    }
    text
}

/// A tombstone for every service.
fn without_services(live: &Snapshot) -> String {
    let names: Vec<&str> = live.kind("service").objects.values().map(|it| it.name.as_str()).collect();
    format!("organization: acme\nremoved:\n  services:\n    - {}\n", names.join("\n    - "))
}
