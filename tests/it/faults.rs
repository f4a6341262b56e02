//! Every read request of a plan, failing in every way: the same plan, or a clear error; never another deletion.

mod exits;
mod leaks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use bylaws::api::{self, Backoff, Timeouts};
use bylaws::kinds;
use bylaws::model::{Desired, Phase, Plan};
use bylaws::sandbox::seed::{Seed, allow};
use bylaws::sandbox::state::DirectoryUser;
use bylaws::sandbox::{self, Config, Running, State};
use serde_json::json;

use crate::support::NOW_SECONDS;
use crate::support::engine::{self, Engine};
use crate::support::published::{self, Side};

/// Every kind, with something that changes, something that goes by name and something that is pruned.
const MANIFEST: &str = "
organization: acme
members:
  bob: {role: admin}
  carol: {role: auditor}
  erin: {invite: erin@example.com}
roles:
  auditor:
    description: Reads the shop.
    grants:
      - {permissions: [stack:read], stacks: [shop/prod]}
      - {permissions: [environment:read], environments: [shop/prod]}
teams:
  platform:
    description: Runs it all.
    members: [alice, dave]
    role: auditor
    stacks: {shop/prod: read}
services:
  checkout:
    owner: team/platform
    items: {stacks: [shop/prod, shop/next]}
  other: {owner: user/bob}
tokens:
  ci: {scope: organization, rotation: 2, lifetime: 90d, saveTo: 'file:ci'}
  bot: {scope: team/platform, lifetime: 90d, saveTo: 'file:bot'}
  fresh: {scope: team/platform, lifetime: 90d, saveTo: 'file:fresh'}
webhooks:
  audit: {displayName: Audit, url: 'https://hooks.example/audit', groups: [stacks], filters: []}
oidcIssuers:
  ci:
    url: https://ci.example
    policies: [{decision: allow, tokenType: organization, role: auditor, rules: {sub: main}}]
scim:
  users: {dave@example.com: {active: true}}
  groups: {Pushed: {members: [dave@example.com]}}
settings: {defaultRole: auditor, membersCanCreateTeams: true, maxTokenLifetime: 365d}
removed:
  members: [mallory]
  roles: [stale]
  teams: [old]
  tokens: [one, four, five]
  webhooks: [spare]
  oidcIssuers: [unused]
prune: {services: true}
safety:
  acknowledge: [{danger: delete-service, of: service/forgotten}]
";

fn organization() -> State {
    let mut seed = Seed::new("acme", "Acme", NOW_SECONDS);
    for (login, role) in
        [("alice", "admin"), ("bob", "admin"), ("carol", "member"), ("dave", "member"), ("mallory", "member")]
    {
        seed.member(login, login, role);
    }
    let shop = seed.stack("shop/prod", "bob");
    for name in ["shop/next", "shop/old"] {
        seed.stack(name, "bob");
    }
    for name in ["shop/prod", "shop/next", "shop/old"] {
        seed.environment(name, "bob");
    }
    let one = json!({
        "__type": "PermissionDescriptorCondition",
        "condition": {
            "__type": "PermissionExpressionEqual",
            "left": {"__type": "PermissionExpressionStack"},
            "right": {"__type": "PermissionLiteralExpressionStack", "identity": shop},
        },
        "subNode": allow(&["stack:read"]),
    });
    let auditor = seed.role("auditor", "Audits.", json!({"__type": "PermissionDescriptorGroup", "entries": [one]}));
    seed.role("stale", "", allow(&["stack:read"]));
    let team = seed.team("pulumi", "platform", "Platform", &["alice*", "bob", "dave"]);
    team.stacks.insert("shop/prod".to_owned(), 102);
    team.stacks.insert("shop/old".to_owned(), 101);
    team.roles.push(auditor.clone());
    seed.team("pulumi", "old", "Old", &["carol"]);
    seed.team("scim", "pushed", "Pushed", &["dave"]);
    for (id, login) in [("su-1", "dave"), ("su-2", "carol"), ("su-3", "bob")] {
        let user = DirectoryUser {
            id: id.to_owned(),
            user_name: format!("{login}@example.com"),
            given_name: String::new(),
            family_name: String::new(),
            active: true,
            login: login.to_owned(),
        };
        seed.state.directory.insert(user.id.clone(), user);
    }
    seed.issuer("ci", "https://ci.example", &auditor, json!({"sub": "other"}));
    seed.issuer("unused", "https://unused.example", &auditor, json!({"sub": "x"}));
    for name in ["audit", "spare", "other"] {
        seed.hook(name, name, &format!("https://hooks.example/{name}"), &["stacks"]);
    }
    let items = ["stack/shop/prod", "stack/shop/old", "environment/shop/prod"];
    seed.service("team/platform", "checkout", "Takes money.", &items, &[("tier", "1", "string")]);
    seed.service("team/platform", "forgotten", "", &["stack/shop/old"], &[]);
    seed.service("user/bob", "other", "", &[], &[]);
    for (name, team) in [
        ("ci", None),
        ("one", None),
        ("two", None),
        ("bot.1-abcdef", Some("platform")),
        ("three", Some("platform")),
        ("four", Some("platform")),
        ("five", Some("old")),
    ] {
        seed.token(name, "alice", team).expires = NOW_SECONDS + 80 * 86_400;
    }
    seed.state
}

/// What a fault may do to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Law {
    /// Nothing: the plan is the same.
    Same,
    /// An error, or a plan that says that it saw too little, takes nothing more away, and cannot be applied.
    Known,
    /// Nobody can notice that something is missing; still nothing more is taken away.
    Unnoticed,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Once,
    Always,
}

/// What the service asks for with a 429 or a 503, in every form; sooner or later, or so that it makes no sense.
fn waits() -> Vec<(String, bool)> {
    let at = |seconds: i64, format: &str| {
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        then.strftime(format).to_string()
    };
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let soon = forms.iter().map(|it| (at(2, it), true));
    let late = forms.iter().take(1).map(|it| (at(86_400, it), false));
    let past = forms.iter().take(1).map(|it| (at(-86_400, it), true));
    let numbers = [("1", true), ("0", true), ("-1", true), ("1.5", true), ("1e20", true), ("soon", true)];
    let numbers = numbers.into_iter().chain([("61", false), ("99999999999999999999", false)]);
    soon.chain(late).chain(past).chain(numbers.map(|(text, soon)| (text.to_owned(), soon))).collect()
}

/// Every fault, how often it strikes, and what it may do.
fn faults() -> Vec<(String, Times, Law)> {
    use Law::{Known, Same, Unnoticed};
    use Times::{Always, Once};
    let mut faults = vec![("429".to_owned(), Once, Same), ("429,retry-after=".to_owned(), Once, Same)];
    for (wait, soon) in waits() {
        // The client waits minutes for a service that goes on refusing; a test waits for one that asks for too much.
        faults.push((format!("429,retry-after={wait}"), Once, if soon { Same } else { Known }));
        if matches!(wait.as_str(), "1" | "61" | "soon") {
            faults.push((format!("503,retry-after={wait}"), Once, if soon { Same } else { Known }));
        }
        if wait == "61" {
            faults.push((format!("429,retry-after={wait}"), Always, Known));
            faults.push((format!("503,retry-after={wait}"), Always, Known));
        }
    }
    // What passes is not noticed.
    for what in ["500", "503", "reset", "timeout", "truncate"] {
        faults.push((what.to_owned(), Once, Same));
        faults.push((what.to_owned(), Always, Known));
    }
    for what in [
        "html",
        "empty",
        "body={}",
        "body=[]",
        "null-list",
        "repeat-token",
        "missing-page",
        "missing-page=404",
        "400",
        "401",
        "403",
        "404",
        "501",
        "redirect=https://elsewhere.example/",
    ] {
        faults.push((what.to_owned(), Once, Known));
        faults.push((what.to_owned(), Always, Known));
    }
    faults.push(("empty-page".to_owned(), Always, Same));
    faults.push(("repeat-item".to_owned(), Always, Same));
    for what in ["drop-item", "lost-token"] {
        faults.push((what.to_owned(), Always, Unnoticed));
    }
    faults
}

/// What a fault may do to a list that is no page of many: it may be what it says.
fn of_path(what: &str, path: &str, law: Law) -> Law {
    match what {
        // Their list is a bare array, and this is one without any.
        "body=[]" if path.ends_with("/hooks") => Law::Unnoticed,
        // A policy may stand there twice.
        "repeat-item" if path.contains("/auth/policies/") => Law::Unnoticed,
        // An issuer that is listed twice is two of one address, which are told and left alone.
        "repeat-item" if path.ends_with("/oidc/issuers") => Law::Known,
        // Its pages are numbered: what stands there twice pushes somebody else out.
        "repeat-item" if path.ends_with("/Users") => Law::Known,
        _ => law,
    }
}

/// One cell of the table: what happens to which request.
#[derive(Clone, Debug)]
struct Cell {
    fault: String,
    law: Law,
}

/// Short waits, but long enough for a machine that is busy with something else.
fn patience() -> api::Options {
    let ms = Duration::from_millis;
    api::Options {
        backoff: Backoff { base: ms(1), cap: ms(4) },
        timeouts: Timeouts {
            connect: ms(2000),
            first_byte: ms(1000),
            idle: ms(1000),
            attempt: ms(2000),
            pool: ms(5000),
        },
        ..api::Options::default()
    }
}

async fn service() -> Running {
    let config = Config { seed: Some(organization()), page_size: Some(2), now: Some(NOW_SECONDS), ..Config::default() };
    sandbox::start(config).await.unwrap()
}

/// Every call that takes something away.
fn withdrawals(plan: &Plan) -> BTreeSet<String> {
    let steps = plan.all_changes().flat_map(|it| &it.steps);
    let steps = steps.filter(|it| matches!(it.phase, Phase::Shrink | Phase::Replace | Phase::Delete));
    steps.flat_map(|it| &it.calls).map(|it| serde_json::to_string(it).unwrap()).collect()
}

/// What is wrong with the outcome of a cell, if anything is.
async fn judge(service: &Running, desired: &Desired, cell: &Cell, whole: &Plan) -> Option<String> {
    service.clear_faults();
    service.inject(cell.fault.parse().unwrap());
    let engine = Engine::with(service, patience());
    let plan = match engine.try_plan(desired).await {
        Ok(plan) => plan,
        Err(error) if cell.law == Law::Same => return Some(format!("an error: {error}")),
        Err(error) => {
            let text = error.to_string();
            let clear =
                (text.contains("/api/") || text.contains("/scim/")) && !text.contains("pul-") && text.len() < 1000;
            return (!clear).then(|| format!("an unclear error: {text}"));
        }
    };
    // With how many requests it was read says how the service answered, and not what is live.
    let mut same = plan.clone();
    same.summary.reads = whole.summary.reads;
    if same == *whole {
        return None;
    }
    let more: Vec<String> = withdrawals(&plan).difference(&withdrawals(whole)).cloned().collect();
    if !more.is_empty() {
        return Some(format!("takes away more: {more:#?}"));
    }
    match cell.law {
        Law::Unnoticed => None,
        Law::Known if !plan.status.complete && !plan.status.applyable => None,
        Law::Known | Law::Same => {
            let seen = plan.diagnostics.iter().map(|it| it.message.as_str()).collect::<Vec<_>>();
            Some(format!("another plan ({:?}): {seen:#?}", plan.status))
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// How often a path is asked for, and whether it has pages.
#[derive(Default)]
struct Asked {
    times: usize,
    paged: bool,
}

/// The plan without a fault, and the paths that are asked for.
fn without_a_fault(desired: &Desired) -> (Plan, BTreeMap<String, Asked>) {
    runtime().block_on(async {
        let service = service().await;
        let plan = Engine::with(&service, patience()).plan(desired).await;
        let mut paths: BTreeMap<String, Asked> = BTreeMap::new();
        for request in service.requests() {
            assert_eq!((request.method.as_str(), request.status), ("GET", 200), "{request:?}");
            let asked = paths.entry(request.path).or_default();
            asked.times += 1;
            asked.paged |= request.query.contains("continuationToken=");
        }
        (plan, paths)
    })
}

/// Runs every cell, each worker with a service of its own; most of the time is spent waiting for services that hang.
fn run(cells: Vec<Cell>, desired: &Desired, whole: &Plan) -> Vec<String> {
    const WORKERS: usize = 24;
    let (cells, wrong) = (Mutex::new(cells.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                runtime().block_on(async {
                    let service = service().await;
                    loop {
                        let next = cells.lock().unwrap().next();
                        let Some(cell) = next else { break };
                        if let Some(what) = judge(&service, desired, &cell, whole).await {
                            wrong.lock().unwrap().push(format!("{} ({:?}): {what}", cell.fault, cell.law));
                        }
                    }
                    let requests = service.requests();
                    published::hold(&requests, Side::Both);
                    let writes = requests.into_iter().filter(|it| it.method != "GET").count();
                    assert_eq!(writes, 0, "a plan wrote");
                });
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn whatever_a_read_meets_the_plan_is_the_same_or_says_what_it_lacks() {
    let desired = engine::desired(MANIFEST);
    let (whole, paths) = without_a_fault(&desired);
    let blocking: Vec<_> = whole.diagnostics.iter().filter(|it| it.blocking).map(|it| &it.message).collect();
    assert!(whole.status.applyable && whole.status.complete, "{blocking:#?}");
    let read = |kind: &&dyn kinds::Kind| {
        let lists =
            ["/members", "/roles", "/teams", "/services", "/tokens", "/hooks", "/oidc/issuers", "/Users", "/Groups"];
        assert_eq!(lists.len() + 1, kinds::ALL.len(), "{}", kind.facts().word);
        lists.iter().find(|it| !paths.keys().any(|path| path.ends_with(*it))).copied()
    };
    assert_eq!(kinds::ALL.iter().find_map(read), None, "what is not read cannot fail");
    assert!(withdrawals(&whole).len() >= 6, "{:#?}", withdrawals(&whole));
    let mut cells = Vec::new();
    for (what, times, law) in faults() {
        for (path, asked) in &paths {
            let law = of_path(&what, path, law);
            if what == "empty-page" && !asked.paged {
                continue;
            }
            match times {
                Times::Always => cells.push(Cell { fault: format!("GET {path}={what}"), law }),
                Times::Once => {
                    for nth in 0..asked.times {
                        cells.push(Cell { fault: format!("GET {path}={what},times=1,after={nth}"), law });
                    }
                }
            }
        }
    }
    let count = cells.len();
    let wrong = run(cells, &desired, &whole);
    assert!(wrong.is_empty(), "{} of {count} cells:\n{}", wrong.len(), wrong.join("\n"));
}
