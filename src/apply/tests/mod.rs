//! Whole runs over HTTP.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::api::{Backend, Clients, Connection, Options, Timeouts, WriteClient};
use crate::apply::file_sink::tests::private_directory;
use crate::apply::{CANCELLED, Event, Means, Secrets, Sinks, addresses, run, touched, variables};
use crate::model::{
    Action, Call, Change, Check, Expected, Hole, Instant, Into, Method, Origin, Outcome, Phase, Plan, Report,
    ResourceId, Secret, Segment, Verb,
};

mod guarding;
mod sandboxed;
mod secrets;
mod server;

use server::{Reply, Seen, Server, done};

/// What every variable of the environment holds here.
const CANARY: &str = "canary-of-the-environment";

fn client(url: &str) -> WriteClient {
    client_with(url, Options::default())
}

fn client_with(url: &str, options: Options) -> WriteClient {
    let connection = Connection {
        backend: Backend::parse(url).unwrap(),
        token: Secret::new("pul-of-the-caller".to_owned()),
        backend_source: String::new(),
        token_source: String::new(),
    };
    Clients::new(connection, options).unwrap().write_client()
}

/// A step that sends one request, `POST /NAME`.
fn step(number: usize, phase: Phase, name: &str, after: &[usize]) -> Change {
    steps_of(name, vec![action(number, phase, after, vec![Call::new(Method::Post, [name])])])
}

fn action(step: usize, phase: Phase, after: &[usize], calls: Vec<Call>) -> Action {
    Action { step, after: after.to_vec(), ..Action::new(phase, "do it", calls) }
}

fn steps_of(name: &str, steps: Vec<Action>) -> Change {
    Change {
        id: ResourceId::new("team", name),
        kind: "team".to_owned(),
        name: name.to_owned(),
        verb: Verb::Create,
        origin: Origin::Manifest,
        reason: "declared".to_owned(),
        renamed_from: None,
        source: None,
        removal: None,
        attribution: None,
        before: Value::Null,
        after: Value::Null,
        declared: serde_json::Value::Null,
        relies_on: std::collections::BTreeMap::new(),
        accepted: std::collections::BTreeSet::new(),
        fields: Vec::new(),
        drifted: Vec::new(),
        unknown: Vec::new(),
        remarks: Vec::new(),
        destructive: false,
        diagnostics: Vec::new(),
        steps,
    }
}

fn plan(changes: Vec<Change>) -> Plan {
    let mut plan: Plan = serde_json::from_value(json!({
        "format": "bylaws.plan", "formatVersion": "1.0", "tool": {"name": "bylaws", "version": "0"},
        "organization": "acme", "backend": "http://localhost", "source": {"paths": [], "files": 0},
        "checksum": "sha256:00", "status": {"applyable": true, "complete": true, "errored": false, "converges": true},
        "summary": {"create": 0, "update": 0, "rename": 0, "replace": 0, "delete": 0, "unchanged": 0,
            "destructive": false, "blocked": 0},
        "changes": [], "drift": [], "unmanaged": [], "diagnostics": [],
    }))
    .unwrap();
    plan.changes = changes;
    plan
}

/// What a run left behind.
struct Ran {
    report: Report,
    events: Vec<Event>,
}

impl Ran {
    fn outcome(&self, step: usize) -> &Outcome {
        &self.report.steps.iter().find(|it| it.step == step).unwrap().outcome
    }

    fn is_done(&self, step: usize) -> bool {
        matches!(self.outcome(step), Outcome::Done { .. })
    }

    fn remark(&self, step: usize) -> &str {
        match self.outcome(step) {
            Outcome::Done { remark } => remark.as_deref().unwrap_or(""),
            other => panic!("step {step}: {other:?}"),
        }
    }

    /// The message of a step that failed, and whether it is uncertain.
    fn failed(&self, step: usize) -> (&str, bool) {
        match self.outcome(step) {
            Outcome::Failed { message, uncertain } => (message, *uncertain),
            other => panic!("step {step}: {other:?}"),
        }
    }

    fn skipped(&self, step: usize) -> &str {
        match self.outcome(step) {
            Outcome::Skipped { because } => because,
            other => panic!("step {step}: {other:?}"),
        }
    }
}

async fn apply(plan: &Plan, server: &Server) -> Ran {
    apply_in(plan, server, private_directory().path(), 8).await
}

async fn apply_in(plan: &Plan, server: &Server, base: &Path, concurrency: usize) -> Ran {
    let (_never, stop) = watch::channel(false);
    let sinks = Sinks::open(base, addresses(plan).into_iter()).unwrap();
    apply_with(plan, server, sinks, concurrency, stop).await
}

async fn apply_with(
    plan: &Plan,
    server: &Server,
    sinks: Sinks,
    concurrency: usize,
    stop: watch::Receiver<bool>,
) -> Ran {
    apply_at(plan, &server.url, sinks, concurrency, stop).await
}

async fn apply_at(plan: &Plan, url: &str, sinks: Sinks, concurrency: usize, stop: watch::Receiver<bool>) -> Ran {
    apply_through(plan, &client(url), sinks, concurrency, stop).await
}

async fn apply_through(
    plan: &Plan,
    client: &WriteClient,
    sinks: Sinks,
    concurrency: usize,
    stop: watch::Receiver<bool>,
) -> Ran {
    let events = RefCell::new(Vec::new());
    let count = AtomicUsize::new(0);
    let secrets = Secrets::look_up(variables(plan).into_iter(), |_| Some(Secret::new(CANARY.to_owned()))).unwrap();
    let means = Means {
        sinks,
        secrets,
        given: crate::apply::Given::new(),
        concurrency,
        now: Box::new(|| Instant(1_000_000)),
        nonce: Box::new(move || Ok(format!("nonce{}", count.fetch_add(1, Ordering::Relaxed)))),
        pause: std::time::Duration::from_millis(10),
        stop,
    };
    let report = run(plan, client, means, &|it| events.borrow_mut().push(it)).await;
    let events = events.into_inner();
    let ended: Vec<_> = events.iter().filter(|it| matches!(it, Event::Finished { .. })).collect();
    assert_eq!(ended.len(), report.steps.len(), "every step ends once: {events:?}");
    Ran { report, events }
}

/// Refuses the named ones with 409.
fn refusing(lines: &'static [&'static str]) -> impl Fn(&Seen) -> Reply {
    move |seen| match lines.contains(&seen.line.as_str()) {
        true => Reply::Json(409, json!({"code": 409, "message": "Conflict: already exists"})),
        false => done(),
    }
}

#[tokio::test]
async fn a_step_waits_for_what_it_needs_and_for_nothing_else() {
    let (answering, until) = watch::channel(false);
    let server = Server::start(move |it| {
        if it.line == "POST /d" {
            answering.send(true).unwrap();
        }
        if it.line == "POST /a" { Reply::Wait(until.clone()) } else { done() }
    })
    .await;
    let plan = plan(vec![
        step(3, Phase::Grow, "c", &[1, 2]),
        step(1, Phase::Rename, "a", &[]),
        step(2, Phase::Grow, "b", &[]),
        step(4, Phase::Shrink, "d", &[2]),
    ]);
    let ran = apply(&plan, &server).await;
    assert_eq!(ran.report.counts(), (4, 0, 0));
    assert_eq!(ran.report.steps.iter().map(|it| it.step).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(server.before("POST /a", "POST /c") && server.before("POST /b", "POST /c"));
    assert!(server.before("POST /d", "POST /c"), "a slow stranger does not hold it up: {:?}", server.lines());
}

#[tokio::test]
async fn so_many_at_once_and_no_more() {
    let server = Server::start(|_| Reply::Slow(10)).await;
    let plan = plan((1..=20).map(|it| step(it, Phase::Grow, &format!("s{it}"), &[])).collect());
    let ran = apply_in(&plan, &server, private_directory().path(), 3).await;
    assert_eq!(ran.report.counts(), (20, 0, 0));
    assert_eq!(server.most_at_once(), 3);
}

#[tokio::test]
async fn the_longest_way_goes_first_then_the_plans_order() {
    let server = Server::start(|_| done()).await;
    let plan = plan(vec![
        step(1, Phase::Grow, "short1", &[]),
        step(2, Phase::Grow, "short2", &[]),
        step(3, Phase::Grow, "long", &[]),
        step(4, Phase::Shrink, "longer", &[3]),
        step(5, Phase::Shrink, "longest", &[4]),
    ]);
    apply_in(&plan, &server, private_directory().path(), 1).await;
    assert_eq!(server.lines(), ["POST /long", "POST /longer", "POST /short1", "POST /short2", "POST /longest"]);
}

#[tokio::test]
async fn secrets_are_made_one_at_a_time_beside_everything_else() {
    let (answering, until) = watch::channel(false);
    let server = Server::start(move |it| {
        if it.line == "POST /token3" {
            answering.send(true).unwrap();
        }
        if it.line == "POST /other" { Reply::Wait(until.clone()) } else { Reply::Slow(5) }
    })
    .await;
    let mut changes: Vec<Change> = (1..=3).map(|it| step(it, Phase::Issue, &format!("token{it}"), &[])).collect();
    changes.push(step(4, Phase::Grow, "other", &[]));
    let ran = apply(&plan(changes), &server).await;
    assert_eq!(ran.report.counts(), (4, 0, 0));
    assert_eq!(server.most_at_once(), 2);
    assert!(server.before("POST /token1", "POST /token2") && server.before("POST /token2", "POST /token3"));
}

#[tokio::test]
async fn a_deletion_waits_for_everything_before_it() {
    let server = Server::start(|it| if it.line == "POST /slow" { Reply::Slow(40) } else { done() }).await;
    let plan = plan(vec![
        step(1, Phase::Grow, "slow", &[]),
        step(2, Phase::Replace, "replace", &[]),
        step(3, Phase::Grow, "rebuild", &[2]),
        step(4, Phase::Delete, "delete", &[]),
    ]);
    let ran = apply(&plan, &server).await;
    assert_eq!(ran.report.counts(), (4, 0, 0));
    assert_eq!(server.lines(), ["POST /slow", "POST /replace", "POST /rebuild", "POST /delete"]);
    assert!(server.before("POST /slow", "POST /replace") && server.before("POST /rebuild", "POST /delete"));
}

#[tokio::test]
async fn a_failure_skips_its_dependents_and_every_deletion_and_nothing_else() {
    let server = Server::start(refusing(&["POST /bad"])).await;
    let plan = plan(vec![
        step(1, Phase::Grow, "bad", &[]),
        step(2, Phase::Grow, "child", &[1]),
        step(3, Phase::Shrink, "grandchild", &[2]),
        step(4, Phase::Grow, "stranger", &[]),
        step(5, Phase::Shrink, "after-stranger", &[4]),
        step(6, Phase::Replace, "replace", &[]),
        step(7, Phase::Grow, "rebuild", &[6]),
        step(8, Phase::Delete, "delete", &[4]),
    ]);
    let ran = apply(&plan, &server).await;
    assert!(ran.failed(1).0.contains("already exists") && !ran.failed(1).1);
    assert_eq!(ran.skipped(2), "waits for step 1 (`team/bad`), which failed");
    assert_eq!(ran.skipped(3), "waits for step 2 (`team/child`), which was skipped");
    assert!(ran.is_done(4) && ran.is_done(5));
    assert_eq!(ran.skipped(6), "nothing is deleted after a failure: step 1 (`team/bad`) failed");
    assert_eq!(ran.skipped(7), "waits for step 6 (`team/replace`), which was skipped");
    assert!(ran.skipped(8).starts_with("nothing is deleted after a failure"));
    assert_eq!(server.lines().len(), 3);
    let names: Vec<String> = touched(&ran.report).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["team/after-stranger", "team/bad", "team/stranger"]);
}

#[tokio::test]
async fn a_replacement_that_was_begun_is_completed() {
    let server = Server::start(refusing(&["POST /bad"])).await;
    let plan = plan(vec![
        step(1, Phase::Replace, "bad", &[]),
        step(2, Phase::Replace, "take-down", &[]),
        step(3, Phase::Replace, "put-up", &[2]),
        step(4, Phase::Grow, "furnish", &[3]),
        step(5, Phase::Delete, "delete", &[]),
    ]);
    let ran = apply_in(&plan, &server, private_directory().path(), 1).await;
    // The longest way first: only the end of it is after the failure.
    assert_eq!(server.lines(), ["POST /take-down", "POST /put-up", "POST /bad", "POST /furnish"]);
    assert!(ran.skipped(5).starts_with("nothing is deleted"));
    let server = Server::start(refusing(&["POST /bad"])).await;
    let ran = apply_in(&plan, &server, private_directory().path(), 2).await;
    assert!(ran.is_done(2) && ran.is_done(3) && ran.is_done(4), "{:?}", ran.report);
}

#[tokio::test]
async fn a_step_stops_at_its_first_failing_call() {
    let server = Server::start(refusing(&["POST /b"])).await;
    let calls = ["a", "b", "c"].map(|it| Call::new(Method::Post, [it])).to_vec();
    let plan = plan(vec![steps_of("x", vec![action(1, Phase::Grow, &[], calls)])]);
    let ran = apply(&plan, &server).await;
    assert!(ran.failed(1).0.starts_with("call 2 of 3: "), "{}", ran.failed(1).0);
    assert_eq!(server.lines(), ["POST /a", "POST /b"]);
}

#[tokio::test]
async fn what_is_so_already_is_done() {
    let server = Server::start(|it| match it.line.as_str() {
        "DELETE /gone" => Reply::Json(404, json!({"code": 404, "message": "Not Found"})),
        _ => Reply::Json(409, json!({"code": 409, "message": "Conflict"})),
    })
    .await;
    let one = |number, call| action(number, Phase::Grow, &[], vec![call]);
    let plan = plan(vec![steps_of(
        "x",
        vec![
            one(1, Call::new(Method::Delete, ["gone"])),
            one(2, Call::new(Method::Patch, ["there"]).already(409)),
            one(3, Call::new(Method::Patch, ["gone"])),
            one(4, Call::new(Method::Delete, ["there"])),
        ],
    )]);
    let ran = apply(&plan, &server).await;
    assert_eq!((ran.remark(1), ran.remark(2)), ("was gone already", "was so already"));
    assert!(!ran.is_done(3) && !ran.is_done(4));
}

#[tokio::test]
async fn an_older_service_is_found_out_once_for_each_route() {
    let server = Server::start(|it| match it.line.split('/').nth(8) {
        Some("v2") => Reply::Text(404, "404 page not found"),
        _ => done(),
    })
    .await;
    let path = |name: &str, rest: &[&str]| {
        let path =
            ["api", "orgs", "acme", "services", "team", "platform", name].into_iter().chain(rest.iter().copied());
        path.map(Segment::from).collect::<Vec<_>>()
    };
    let add = |name: &str| {
        let body = json!({"items": [name]});
        Call::new(Method::Post, path(name, &["v2", "items"]))
            .body(body.clone())
            .otherwise(Call::new(Method::Post, path(name, &["items"])).body(body))
    };
    let drop = |name: &str| {
        Call::new(Method::Delete, path(name, &["v2", "items", "stack", "a"]))
            .otherwise(Call::new(Method::Delete, path(name, &["items", "stack", "a"])))
    };
    // A service called as the route is no other route.
    let calls = vec![add("one"), add("two"), drop("one"), drop("two"), add("v2"), add("items"), drop("v2")];
    let plan = plan(vec![steps_of("x", vec![action(1, Phase::Grow, &[], calls)])]);
    let ran = apply(&plan, &server).await;
    assert!(ran.is_done(1), "{:?}", ran.report);
    let lines: Vec<String> =
        server.lines().iter().map(|it| it.replace("/api/orgs/acme/services/team/platform", "")).collect();
    assert_eq!(
        lines,
        [
            "POST /one/v2/items",
            "POST /one/items",
            "POST /two/items",
            "DELETE /one/v2/items/stack/a",
            "DELETE /one/items/stack/a",
            "DELETE /two/items/stack/a",
            "POST /v2/items",
            "POST /items/items",
            "DELETE /v2/items/stack/a",
        ]
    );
    assert_eq!(server.seen()[1].body, json!({"items": ["one"]}));
}

#[tokio::test]
async fn a_missing_thing_is_no_missing_route() {
    let server = Server::start(|_| Reply::Json(404, json!({"code": 404, "message": "Not Found"}))).await;
    let call = Call::new(Method::Post, ["v2", "items"]).otherwise(Call::new(Method::Post, ["items"]));
    let plan = plan(vec![steps_of("x", vec![action(1, Phase::Grow, &[], vec![call])])]);
    let ran = apply(&plan, &server).await;
    assert!(!ran.is_done(1));
    assert_eq!(server.lines(), ["POST /v2/items"]);
}

fn batch(size: usize) -> Plan {
    let list: Vec<usize> = (1..=size).collect();
    let call = Call::new(Method::Post, ["items"]).body(json!({"items": list})).splits("/items");
    plan(vec![steps_of("x", vec![action(1, Phase::Grow, &[], vec![call])])])
}

#[tokio::test]
async fn a_batch_goes_on_in_parts_around_what_is_refused_by_itself() {
    let server = Server::start(|it| match it.body["items"].as_array().unwrap().contains(&json!(5)) {
        true => Reply::Json(400, json!({"code": 400, "message": "stack 'five' does not exist"})),
        false => done(),
    })
    .await;
    let ran = apply(&batch(8), &server).await;
    assert!(ran.failed(1).0.starts_with("all but one entry were taken: "), "{}", ran.failed(1).0);
    assert!(ran.failed(1).0.contains("stack 'five' does not exist"));
    let sent: Vec<String> = server.seen().iter().map(|it| it.body["items"].to_string()).collect();
    assert_eq!(sent, ["[1,2,3,4,5,6,7,8]", "[1,2,3,4]", "[5,6,7,8]", "[5,6]", "[5]", "[6]", "[7,8]"]);
}

#[tokio::test]
async fn a_refusal_that_is_not_about_size_is_found_out_soon() {
    let server = Server::start(|_| Reply::Json(400, json!({"code": 400, "message": "no such feature"}))).await;
    let ran = apply(&batch(64), &server).await;
    assert!(ran.failed(1).0.contains("no such feature"));
    assert!(server.lines().len() < 12, "{:?}", server.lines());
}

/// A step that removes one item, and reads whether it is gone.
fn removal(retries: Vec<Call>) -> Plan {
    let mut action = action(1, Phase::Grow, &[], vec![Call::new(Method::Delete, ["items", "a"])]);
    let mut check = Check::new(vec!["items".to_owned()]);
    let list = "/items".to_owned();
    check.shows.push(Expected {
        what: "item a".to_owned(),
        list,
        any_of: vec![json!({"name": "a"})],
        there: false,
        retries,
    });
    action.check = Some(check);
    plan(vec![steps_of("x", vec![action])])
}

#[tokio::test]
async fn what_was_just_written_is_given_a_moment_to_be_seen() {
    for (stale, done_in_the_end) in [(0, true), (2, true), (3, false)] {
        let readings = AtomicUsize::new(0);
        let server = Server::start(move |it| match it.line.as_str() {
            "GET /items" if readings.fetch_add(1, Ordering::Relaxed) < stale => {
                Reply::Json(200, json!({"items": [{"name": "a"}, {"name": "b"}]}))
            }
            "GET /items" => Reply::Json(200, json!({"items": [{"name": "b"}]})),
            _ => done(),
        })
        .await;
        let ran = apply(&removal(Vec::new()), &server).await;
        assert_eq!(ran.is_done(1), done_in_the_end, "{stale}: {:?}", ran.report);
        assert_eq!(server.lines().len(), 1 + (stale + 1).min(3), "{stale}");
        if !done_in_the_end {
            assert!(ran.failed(1).0.ends_with("is still there: item a") && !ran.failed(1).1, "{}", ran.failed(1).0);
        }
    }
}

#[tokio::test]
async fn a_list_that_is_not_told_proves_nothing() {
    for list in [json!({"items": null}), json!({}), json!([])] {
        let server = Server::start(move |it| match it.line.as_str() {
            "GET /items" => Reply::Json(200, list.clone()),
            _ => done(),
        })
        .await;
        let ran = apply(&removal(vec![Call::new(Method::Delete, ["items", "b"])]), &server).await;
        assert!(ran.failed(1).1 && ran.failed(1).0.contains("could not be read"), "{:?}", ran.report);
        assert_eq!(server.lines(), ["DELETE /items/a", "GET /items"]);
    }
}

fn id_of(name: &str) -> Hole {
    Hole::Kept { of: ResourceId::new("team", name), what: "id".to_owned() }
}

#[tokio::test]
async fn what_one_answer_gives_another_call_gets() {
    let server = Server::start(|it| match it.line.as_str() {
        "POST /roles" => Reply::Json(200, json!({"role": {"id": "r/1"}})),
        _ => done(),
    })
    .await;
    let make = Call::new(Method::Post, ["roles"]).capture("/role/id", Into::Keep("id".to_owned()));
    let assign = Call::new(Method::Patch, ["members"])
        .body(json!({"fgaRoleId": null, "until": null}))
        .hole("/fgaRoleId", id_of("role"))
        .hole("/until", Hole::After { duration: "90d".parse().unwrap() });
    let plan = plan(vec![
        steps_of("role", vec![action(1, Phase::Grow, &[], vec![make])]),
        steps_of("member", vec![action(2, Phase::Grow, &[1], vec![assign])]),
    ]);
    let ran = apply(&plan, &server).await;
    assert_eq!(ran.report.counts(), (2, 0, 0), "{:?}", ran.report);
    assert_eq!(server.seen()[1].body, json!({"fgaRoleId": "r/1", "until": 1_000_000 + 90 * 86_400}));
}

#[tokio::test]
async fn without_the_id_nothing_is_sent() {
    let server = Server::start(|_| done()).await;
    let make = Call::new(Method::Post, ["roles"]).capture("/role/id", Into::Keep("id".to_owned()));
    let path: Vec<Segment> = vec!["roles".into(), id_of("role").into()];
    let plan = plan(vec![
        steps_of("role", vec![action(1, Phase::Grow, &[], vec![make])]),
        steps_of("member", vec![action(2, Phase::Grow, &[1], vec![Call::new(Method::Delete, path)])]),
    ]);
    let ran = apply(&plan, &server).await;
    assert_eq!(ran.failed(2), ("no answer has told the id of `team/role`", false));
    assert_eq!(server.lines(), ["POST /roles"]);
}

#[tokio::test]
async fn after_a_stop_nothing_new_is_sent_and_what_runs_is_finished() {
    let (answering, until) = watch::channel(false);
    let server = Server::start(move |it| if it.line == "POST /a" { Reply::Wait(until.clone()) } else { done() }).await;
    let two = vec![Call::new(Method::Post, ["a"]), Call::new(Method::Post, ["a2"])];
    let plan = plan(vec![
        steps_of("one-call", vec![action(1, Phase::Grow, &[], vec![Call::new(Method::Post, ["a"])])]),
        steps_of("two-calls", vec![action(2, Phase::Grow, &[], two)]),
        step(3, Phase::Grow, "b", &[1]),
        step(4, Phase::Grow, "c", &[]),
        step(5, Phase::Delete, "d", &[]),
    ]);
    let (stopping, stop) = watch::channel(false);
    let running = apply_with(&plan, &server, Sinks::default(), 2, stop);
    let interrupting = async {
        while server.lines().len() < 2 {
            tokio::task::yield_now().await;
        }
        stopping.send(true).unwrap();
        answering.send(true).unwrap();
    };
    let (ran, ()) = tokio::join!(running, interrupting);
    assert_eq!(server.lines(), ["POST /a", "POST /a"]);
    assert!(ran.is_done(1));
    assert_eq!(ran.failed(2), ("cancelled after call 1 of 2", false));
    for step in [3, 5] {
        assert!(!ran.is_done(step));
    }
    assert_eq!(ran.skipped(4), CANCELLED);
    assert_eq!(ran.events.iter().filter(|it| matches!(it, Event::Started { .. })).count(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_uncertain_and_never_asked_for_twice() {
    let server = Server::start(|_| Reply::HangUp).await;
    let ran = apply(&plan(vec![step(1, Phase::Grow, "a", &[])]), &server).await;
    assert!(ran.failed(1).1);
    assert_eq!(server.lines(), ["POST /a"]);
}

#[tokio::test]
async fn what_was_turned_away_is_sent_again_after_the_rest() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Rest("0"),
        1 => done(),
        _ => Reply::Rest("100"),
    })
    .await;
    let plan = plan(vec![step(1, Phase::Grow, "a", &[]), step(2, Phase::Grow, "b", &[1])]);
    let ran = apply(&plan, &server).await;
    assert!(ran.is_done(1), "{:?}", ran.report);
    assert!(!ran.failed(2).1 && ran.failed(2).0.contains("429"));
    assert_eq!(server.lines(), ["POST /a", "POST /a", "POST /b"]);
}

/// A client whose time-outs are out of the way of a clock that goes as fast as nobody is busy.
fn patient(url: &str) -> WriteClient {
    let hour = std::time::Duration::from_secs(3600);
    let timeouts = Timeouts { attempt: hour, first_byte: hour, idle: hour, ..Timeouts::default() };
    client_with(url, Options { timeouts, ..Options::default() })
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_window_of_five_minutes_is_outlasted_however_short_the_rests() {
    let begun = tokio::time::Instant::now();
    let server = Server::start(move |it| match it.line.as_str() {
        // It asks for a second, and lets nothing through before its window is over.
        "POST /window" if begun.elapsed().as_secs() >= 290 => done(),
        _ => Reply::Rest("1"),
    })
    .await;
    let (_never, stop) = watch::channel(false);
    let plan = plan(vec![step(1, Phase::Grow, "window", &[])]);
    let ran = apply_through(&plan, &patient(&server.url), Sinks::default(), 8, stop).await;
    assert!(ran.is_done(1), "{:?}", ran.report);
    assert!((10..400).contains(&server.lines().len()), "{}", server.lines().len());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_service_that_refuses_for_ever_ends_the_run() {
    let begun = tokio::time::Instant::now();
    let server = Server::start(|_| Reply::Rest("60")).await;
    let (_never, stop) = watch::channel(false);
    let plan = plan(vec![step(1, Phase::Grow, "a", &[]), step(2, Phase::Grow, "b", &[1])]);
    let ran = apply_through(&plan, &patient(&server.url), Sinks::default(), 8, stop).await;
    assert!(!ran.failed(1).1 && ran.failed(1).0.contains("429"), "{:?}", ran.report);
    assert!((300..900).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_refused_token_stops_everything() {
    let server = Server::start(|_| Reply::Json(401, json!({"code": 401, "message": "Unauthorized"}))).await;
    let plan = plan((1..=9).map(|it| step(it, Phase::Grow, &format!("s{it}"), &[])).collect());
    let ran = apply_in(&plan, &server, private_directory().path(), 1).await;
    assert_eq!(server.lines().len(), 1);
    assert_eq!(ran.skipped(9), "the service no longer accepts the access token");
}

#[tokio::test]
async fn a_broken_service_is_left_alone_after_five_failures_in_a_row() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        4 => done(),
        _ => Reply::HangUp,
    })
    .await;
    let plan = plan((1..=20).map(|it| step(it, Phase::Grow, &format!("s{it}"), &[])).collect());
    let ran = apply_in(&plan, &server, private_directory().path(), 1).await;
    assert_eq!(ran.report.counts(), (1, 9, 10));
    assert!(ran.skipped(20).contains("does not answer"));
}

#[tokio::test]
async fn a_plan_without_an_order_is_not_begun() {
    let server = Server::start(|_| done()).await;
    for (changes, said) in [
        (vec![step(1, Phase::Grow, "a", &[2]), step(2, Phase::Grow, "b", &[1])], "step 1 waits for step 2"),
        (vec![step(1, Phase::Grow, "a", &[]), step(2, Phase::Grow, "b", &[7])], "step 2 waits for step 7"),
        (vec![step(1, Phase::Grow, "a", &[]), step(1, Phase::Grow, "b", &[])], "two steps have the number 1"),
    ] {
        let plan = plan(changes);
        let (_never, stop) = watch::channel(false);
        let means = Means {
            sinks: Sinks::default(),
            secrets: Secrets::default(),
            given: crate::apply::Given::new(),
            concurrency: 8,
            now: Box::new(|| Instant(0)),
            nonce: Box::new(|| Ok(String::new())),
            pause: std::time::Duration::ZERO,
            stop,
        };
        let report = run(&plan, &client(&server.url), means, &|_| {}).await;
        assert_eq!(report.counts(), (0, 0, 2));
        assert!(format!("{:?}", report.steps[0].outcome).contains(said));
    }
    assert!(server.lines().is_empty());
}
