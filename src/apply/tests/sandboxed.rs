//! The same against the sandbox: another reading of what the service does.

use sha2::{Digest, Sha256};

use super::*;
use crate::published;
use crate::sandbox::{self, Config, Running};

/// The demo organization, told to do wrong.
async fn sandbox(old_server: bool, fault: Option<&str>) -> Running {
    let faults = fault.into_iter().map(|it| it.parse().unwrap()).collect();
    sandbox::start(Config { old_server, faults, ..Config::default() }).await.unwrap()
}

async fn apply_there(plan: &Plan, sandbox: &Running, base: &TempDir) -> Ran {
    let (_never, stop) = watch::channel(false);
    let sinks = Sinks::open(base.path(), addresses(plan).into_iter()).unwrap();
    let ran = apply_at(plan, &sandbox.url(), sinks, 8, stop).await;
    published::hold(&sandbox.requests(), published::Side::Both);
    ran
}

fn issue_and_revoke() -> Plan {
    let path = ["api", "orgs", "acme", "tokens"];
    let own: Vec<Segment> = path.into_iter().map(Segment::from).chain([id_of("ci").into()]).collect();
    let mut make = Call::new(Method::Post, path)
        .body(json!({"name": null, "description": "", "expires": 0, "admin": false}))
        .hole("/name", Hole::FreshName { stem: "ci.1".to_owned() })
        .capture("/tokenValue", Into::Sink("file:secrets/ci".to_owned()))
        .capture("/id", Into::Keep("id".to_owned()));
    make.undo = Some(Box::new(Call::new(Method::Delete, own.clone())));
    plan(vec![
        steps_of("ci", vec![action(1, Phase::Issue, &[], vec![make])]),
        steps_of("old", vec![action(2, Phase::Delete, &[1], vec![Call::new(Method::Delete, own)])]),
    ])
}

#[tokio::test]
async fn a_token_is_made_kept_and_revoked() {
    let (sandbox, base, mut plan) = (sandbox(false, None).await, private_directory(), issue_and_revoke());
    let revoking = plan.changes.pop().unwrap();
    let ran = apply_there(&plan, &sandbox, &base).await;
    assert_eq!(ran.remark(1), "as ci.1-nonce0, value in file:secrets/ci");
    let value = std::fs::read(base.path().join("secrets/ci")).unwrap();
    let hash: String = Sha256::digest(&value).iter().map(|it| format!("{it:02x}")).collect();
    assert!(sandbox.state().tokens.values().any(|it| it.name == "ci.1-nonce0" && it.hash == hash));

    let (sandbox, base) = (self::sandbox(false, None).await, private_directory());
    plan.changes.push(revoking);
    let ran = apply_there(&plan, &sandbox, &base).await;
    assert_eq!(ran.report.counts(), (2, 0, 0), "{:?}", ran.report);
    assert!(sandbox.state().tokens.values().all(|it| it.name != "ci.1-nonce0"));
}

#[tokio::test]
async fn every_broken_answer_is_uncertain_asked_for_once_and_shows_nothing() {
    for what in ["reset-after", "truncate", "500-after", "html-after"] {
        let fault = format!("POST /api/orgs/acme/tokens={what}");
        let (sandbox, base) = (sandbox(false, Some(&fault)).await, private_directory());
        let ran = apply_there(&issue_and_revoke(), &sandbox, &base).await;
        let (message, uncertain) = ran.failed(1);
        assert!(uncertain && message.contains("`ci.1-nonce0`"), "{what}: {message}");
        assert!(!format!("{:?}{:?}", ran.report, ran.events).contains("pul-"), "{what}");
        assert_eq!(sandbox.requests().len(), 1, "{what}");
        assert!(sandbox.state().tokens.values().any(|it| it.name == "ci.1-nonce0"), "{what}");
        assert!(!base.path().join("secrets/ci").exists(), "{what}");
    }
}

#[tokio::test]
async fn a_token_without_its_value_is_gone_again() {
    let (sandbox, base) = (sandbox(false, None).await, private_directory());
    let mut plan = issue_and_revoke();
    plan.changes[0].steps[0].calls[0].captures[0].pointer = "/noSuchValue".to_owned();
    let ran = apply_there(&plan, &sandbox, &base).await;
    assert!(ran.failed(1).0.contains("it was revoked") && !ran.failed(1).1, "{}", ran.failed(1).0);
    assert!(sandbox.state().tokens.values().all(|it| it.name != "ci.1-nonce0"));
}

#[tokio::test]
async fn an_older_server_gets_its_items_by_the_older_route() {
    let path = |rest: &[&'static str]| {
        ["api", "orgs", "acme", "services"].into_iter().chain(rest.iter().copied()).collect::<Vec<_>>()
    };
    for old_server in [false, true] {
        let sandbox = sandbox(old_server, None).await;
        let service = sandbox.state().services.values().find(|it| it.items.is_empty()).cloned();
        let service = service.or_else(|| sandbox.state().services.values().next().cloned()).unwrap();
        let stack =
            sandbox.state().stacks.keys().find(|it| service.items.values().all(|item| item.name != **it)).cloned();
        let stack = stack.unwrap();
        let at: Vec<String> = vec![service.owner.kind.clone(), service.owner.name.clone(), service.name.clone()];
        let to = |rest: &[&'static str]| {
            let start = path(&[]).into_iter().map(str::to_owned).chain(at.clone());
            start.chain(rest.iter().map(|it| (*it).to_owned())).collect::<Vec<_>>()
        };
        let body = json!({"items": [{"type": "stack", "name": stack}]});
        let add = Call::new(Method::Post, to(&["v2", "items"]))
            .body(body.clone())
            .otherwise(Call::new(Method::Post, to(&["items"])).body(body));
        let plan = plan(vec![steps_of("x", vec![action(1, Phase::Grow, &[], vec![add])])]);
        let ran = apply_there(&plan, &sandbox, &private_directory()).await;
        assert!(ran.is_done(1), "{:?}", ran.report);
        let now = sandbox.state().services.values().find(|it| it.name == service.name).cloned().unwrap();
        assert_eq!(now.items.len(), service.items.len() + 1);
        assert_eq!(sandbox.requests().len(), 1 + usize::from(old_server));
    }
}
