//! What happens to the value of a new token.

use super::*;

const CANARY: &str = "pul-canary-0123456789abcdef";
const NAME: &str = "ci.1-nonce0";

/// One step that makes a token, and a second that depends on it.
fn token_plan(undo: bool) -> Plan {
    let own: Vec<Segment> = vec!["tokens".into(), id_of("ci").into()];
    let mut make = Call::new(Method::Post, ["tokens"])
        .body(json!({"name": null}))
        .hole("/name", Hole::FreshName { stem: "ci.1".to_owned() })
        .capture("/tokenValue", Into::Sink("file:secrets/ci".to_owned()))
        .capture("/id", Into::Keep("id".to_owned()));
    make.undo = undo.then(|| Box::new(Call::new(Method::Delete, own)));
    plan(vec![
        steps_of("ci", vec![action(1, Phase::Issue, &[], vec![make])]),
        step(2, Phase::Shrink, "revoke-old", &[1]),
    ])
}

fn answering(value: Value) -> impl Fn(&Seen) -> Reply {
    move |seen| match seen.line.as_str() {
        "POST /tokens" => Reply::Json(200, value.clone()),
        _ => done(),
    }
}

fn kept(base: &TempDir) -> Option<String> {
    std::fs::read_to_string(base.path().join("secrets/ci")).ok()
}

#[tokio::test]
async fn the_value_is_in_its_sink_and_nowhere_else() {
    // Written with an escape, as a service may: it is the same value.
    let server =
        Server::start(answering(json!({"id": "tok-1", "tokenValue": CANARY, "echo": [{"again": CANARY}]}))).await;
    let (plan, base) = (token_plan(true), private_directory());
    let ran = apply_in(&plan, &server, base.path(), 8).await;
    assert_eq!(ran.remark(1), format!("as {NAME}, value in file:secrets/ci"));
    assert_eq!(kept(&base).as_deref(), Some(CANARY));
    assert_eq!(server.lines(), ["POST /tokens", "POST /revoke-old"]);
    assert_eq!(server.seen()[0].body, json!({"name": NAME}));
    let said = format!(
        "{:?} {:?} {:?} {} {}",
        ran.report,
        ran.events,
        plan,
        serde_json::to_string(&ran.report).unwrap(),
        serde_json::to_string(&plan).unwrap()
    );
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn a_secret_that_is_sent_is_repeated_nowhere() {
    let secret = Hole::Environment { variable: "HOOK_KEY".to_owned() };
    let make = Call::new(Method::Post, ["hooks"]).body(json!({"secret": null})).hole("/secret", secret);
    let plan = plan(vec![steps_of("hook", vec![action(1, Phase::Grow, &[], vec![make])])]);
    assert_eq!(variables(&plan), ["HOOK_KEY"]);
    // A service that quotes what it was sent.
    for status in [400, 422] {
        let quoting = move |seen: &Seen| Reply::Json(status, json!({"code": status, "message": seen.body.to_string()}));
        let server = Server::start(quoting).await;
        let ran = apply(&plan, &server).await;
        assert_eq!(server.seen()[0].body, json!({"secret": super::CANARY}));
        let (message, uncertain) = ran.failed(1);
        assert!(message.contains(&status.to_string()) && !uncertain, "{message}");
        let said = format!("{:?} {:?} {}", ran.report, ran.events, serde_json::to_string(&plan).unwrap());
        assert!(!said.contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn a_token_whose_value_cannot_be_kept_is_revoked_at_once() {
    for value in
        [json!(""), json!("  \n                 "), json!("short"), json!(17), json!(null), json!({"a": CANARY})]
    {
        let server = Server::start(answering(json!({"id": "tok-1", "tokenValue": value}))).await;
        let base = private_directory();
        let ran = apply_in(&token_plan(true), &server, base.path(), 8).await;
        let (message, uncertain) = ran.failed(1);
        assert!(
            message.contains(NAME) && message.contains("id tok-1") && message.contains("it was revoked"),
            "{message}"
        );
        assert!(!uncertain);
        assert_eq!(server.lines(), ["POST /tokens", "DELETE /tokens/tok-1"], "{value}");
        assert!(ran.skipped(2).contains("which failed"));
        assert_eq!(kept(&base), None);
    }
}

#[tokio::test]
async fn a_sink_that_fails_after_its_trial_revokes_too_even_when_stopping() {
    let base = private_directory();
    let place = base.path().join("secrets");
    let (stopping, stop) = watch::channel(false);
    let server = Server::start(move |seen| match seen.line.as_str() {
        "POST /tokens" => {
            std::fs::remove_dir(&place).unwrap();
            std::fs::write(&place, "in the way").unwrap();
            stopping.send(true).unwrap();
            Reply::Json(200, json!({"id": "tok-1", "tokenValue": CANARY}))
        }
        _ => done(),
    })
    .await;
    let plan = token_plan(true);
    let sinks = Sinks::open(base.path(), addresses(&plan).into_iter()).unwrap();
    let ran = apply_with(&plan, &server, sinks, 8, stop).await;
    let message = ran.failed(1).0;
    assert!(message.contains("`secrets` is not a directory; it was revoked"), "{message}");
    assert_eq!(server.lines(), ["POST /tokens", "DELETE /tokens/tok-1"]);
    assert!(!format!("{:?}{:?}", ran.report, ran.events).contains("canary"));
}

#[tokio::test]
async fn a_lost_answer_to_revoking_is_asked_for_again() {
    for (lost, revoked) in [(2, true), (9, false)] {
        let count = AtomicUsize::new(0);
        let server = Server::start(move |seen| match seen.line.as_str() {
            "POST /tokens" => Reply::Json(200, json!({"id": "tok-1"})),
            _ if count.fetch_add(1, Ordering::Relaxed) < lost => Reply::HangUp,
            _ => done(),
        })
        .await;
        let ran = apply(&token_plan(true), &server).await;
        assert_eq!(ran.failed(1).0.contains("it was revoked"), revoked, "{}", ran.failed(1).0);
        assert_eq!((server.lines().len(), ran.failed(1).1), (4, !revoked));
    }
}

#[tokio::test]
async fn what_could_not_be_revoked_is_named() {
    let answer = |seen: &Seen| match seen.line.as_str() {
        "POST /tokens" => Reply::Json(200, json!({"id": "tok-1"})),
        _ => Reply::Json(403, json!({"code": 403, "message": "Forbidden"})),
    };
    for undo in [true, false] {
        let server = Server::start(answer).await;
        let ran = apply(&token_plan(undo), &server).await;
        let (message, uncertain) = ran.failed(1);
        assert!(message.contains(&format!("`{NAME}, id tok-1`")) && message.contains("by hand"), "{message}");
        assert!(uncertain);
    }
    // Without an id, there is nothing to revoke by.
    let server = Server::start(answering(json!({"token": CANARY}))).await;
    let ran = apply(&token_plan(true), &server).await;
    assert!(ran.failed(1).0.contains("no answer has told the id") && ran.failed(1).1, "{}", ran.failed(1).0);
    assert_eq!(server.lines(), ["POST /tokens"]);
}

#[tokio::test]
async fn what_is_left_of_a_broken_answer_is_not_shown() {
    for (status, answer) in [
        (200, "{\"id\":\"tok-1\",\"tokenValue\":\"pul-canary-0123456789abcdef"),
        (200, "pul-canary-0123456789abcdef"),
        (200, "{\"id\":\"tok-1\",\"tokenValue\":\"pul-canary-0123456789abcdef\"} and more"),
        (502, "pul-canary-0123456789abcdef"),
        (503, "{\"message\":\"pul-canary-0123456789abcdef\"}"),
    ] {
        let server = Server::start(move |_| Reply::Text(status, answer)).await;
        let ran = apply(&token_plan(true), &server).await;
        let (message, uncertain) = ran.failed(1);
        assert!(uncertain && message.contains(&format!("it is called `{NAME}`")), "{message}");
        assert!(!format!("{:?}{:?}", ran.report, ran.events).contains("canary"), "{message}");
        assert_eq!(server.lines(), ["POST /tokens"]);
    }
}

#[tokio::test]
async fn a_lost_answer_tells_the_name_to_look_for() {
    let server = Server::start(|_| Reply::HangUp).await;
    let ran = apply(&token_plan(true), &server).await;
    let (message, uncertain) = ran.failed(1);
    assert!(uncertain && message.contains(&format!("it is called `{NAME}`")), "{message}");
    assert_eq!(server.lines(), ["POST /tokens"]);
}

#[tokio::test]
async fn a_name_that_is_taken_is_a_failure() {
    let server =
        Server::start(|_| Reply::Json(409, json!({"code": 409, "message": "Conflict: token name already exists"})))
            .await;
    let mut plan = token_plan(true);
    plan.changes[0].steps[0].calls[0].already.push(409);
    let ran = apply(&plan, &server).await;
    assert!(ran.failed(1).0.contains("already exists") && !ran.failed(1).1);
}

#[tokio::test]
async fn without_its_sink_no_token_is_made() {
    let server = Server::start(|_| done()).await;
    let (_never, stop) = watch::channel(false);
    let ran = apply_with(&token_plan(true), &server, Sinks::default(), 8, stop).await;
    assert!(ran.failed(1).0.contains("`file:secrets/ci` was not opened"));
    assert!(server.lines().is_empty());
}
