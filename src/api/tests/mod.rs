//! The clients against a server that does whatever a test says.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::api::wire::{Over, Right};
use crate::api::{
    ApiError, Backend, Backoff, Connection, Event, Failure, Options, ReadClient, Request, Timeouts, WriteClient,
};
use crate::model::{self, Read, Secret};

mod refusals;
pub(crate) mod server;
mod tls;

use server::{Does, Server};

/// What no output may hold.
const CANARY: &str = "pul-c4n4ry0123456789";

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Options whose waits a test can afford.
pub(crate) fn quick() -> Options {
    Options {
        backoff: Backoff { base: ms(1), cap: ms(4) },
        timeouts: Timeouts { connect: ms(500), first_byte: ms(150), idle: ms(100), attempt: ms(400), pool: ms(5000) },
        ..Options::default()
    }
}

pub(crate) fn connection(address: &str) -> Connection {
    Connection {
        backend: Backend::parse(address).expect("an address"),
        token: Secret::new(CANARY.to_owned()),
        backend_source: String::new(),
        token_source: String::new(),
    }
}

pub(crate) fn client(address: &str, options: Options) -> ReadClient {
    ReadClient::new(connection(address), options).expect("a client")
}

/// A client that writes where another reads, which only this module can make of it.
fn writer(reads: &ReadClient) -> WriteClient {
    WriteClient::over(reads.wire())
}

fn path(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

async fn get(server: &Server) -> Result<crate::api::Answer, ApiError> {
    client(&server.address, quick()).get(&path("api/orgs/acme/teams"), &[]).await
}

fn post(to: &str) -> Request {
    Request {
        method: model::Method::Post,
        path: path(to),
        query: Vec::new(),
        body: Some(json!({"secret": CANARY})),
        confidential: true,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn every_request_carries_the_headers_of_the_contract() {
    let server = Server::start(|_, _| Does::json("{}")).await;
    let reads = client(&server.address, quick());
    reads.get(&path("api/user"), &[("a b".to_owned(), "c&d".to_owned())]).await.expect("an answer");
    writer(&reads).send(&post("api/orgs/acme/stack/a b")).await.expect("an answer");
    assert_eq!(server.lines(), ["GET /api/user?a%20b=c%26d", "POST /api/orgs/acme/stack/a%20b"]);
    let seen = server.seen.lock().expect("the log").clone();
    for request in &seen {
        let head = request.head.to_lowercase();
        for line in [
            &format!("authorization: token {CANARY}"),
            "accept: application/vnd.pulumi+8",
            "content-type: application/json",
            "accept-encoding: gzip",
            "user-agent: bylaws/",
        ] {
            assert!(head.contains(&format!("\r\n{line}")), "{line} in {head}");
        }
        assert!(!head.contains("referer") && !head.contains("cookie"));
    }
    assert_eq!(seen[1].body, format!(r#"{{"secret":"{CANARY}"}}"#));
}

#[tokio::test(flavor = "current_thread")]
async fn answers_are_asked_for_in_a_level_that_is_never_below_the_contracts() {
    for (level, sent) in [(3, 8), (9, 9)] {
        let server = Server::start(|_, _| Does::json("{}")).await;
        let reads = client(&server.address, Options { level, ..quick() });
        reads.get(&path("api/user"), &[]).await.expect("an answer");
        let head = server.seen.lock().expect("the log")[0].head.to_lowercase();
        assert!(head.contains(&format!("\r\naccept: application/vnd.pulumi+{sent}\r\n")), "{head}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_that_can_be_printed_holds_the_token() {
    let echo = format!("{{\"message\":\"bad header Authorization: token {CANARY}\"}}");
    let server = Server::start(move |number, _| {
        let headers = "X-Pulumi-Request-ID: pul-c4n4ry0123456789\r\nX-Pulumi-Warning: token pul-c4n4ry0123456789\r\n";
        match number {
            0 => Does::Answers(200, headers, b"{}".to_vec()),
            1 => Does::Answers(200, "", format!("<html>{CANARY}").into_bytes()),
            2 => Does::Answers(
                302,
                "Location: https://pul-c4n4ry0123456789.example/pul-c4n4ry0123456789\r\n",
                Vec::new(),
            ),
            3 => Does::Sends(format!("{CANARY}\r\n\r\n").into_bytes()),
            _ => Does::Answers(400 + u16::try_from(number).unwrap_or(0), headers, echo.clone().into_bytes()),
        }
    })
    .await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let options = Options {
        hook: Some(Arc::new(move |event: &Event| hears.lock().expect("the list").push(format!("{event:?}")))),
        ..quick()
    };
    let reads = client(&server.address, options.clone());
    let writes = writer(&reads);
    let mut shown = format!("{reads:?} {writes:?} {options:?} {:?} {:?}", connection(&server.address), post("api/x"));
    for _ in 0..30 {
        shown += &match writes.send_once_fresh(&post(&format!("api/{CANARY}"))).await {
            Ok(answer) => format!("{answer:?} {:?}", answer.warnings),
            Err(error) => format!("{error:?} {error} {}", error.reason()),
        };
    }
    shown += &told.lock().expect("the list").join(" ");
    assert_eq!(server.count(), 30);
    assert!(shown.contains("[secret]") && !shown.contains("c4n4ry"), "{shown}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_read_is_sent_again_until_it_is_answered() {
    let server = Server::start(|number, _| match number {
        0 => Does::Answers(500, "", Vec::new()),
        1 => Does::HangsUp,
        2 => Does::Sends(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"teams\":".to_vec()),
        3 => Does::Sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n".to_vec()),
        _ => Does::json("{\"teams\":[]}"),
    })
    .await;
    assert_eq!(get(&server).await.expect("an answer").body, "{\"teams\":[]}");
    assert_eq!(server.count(), 5);
}

#[tokio::test(flavor = "current_thread")]
async fn five_attempts_are_enough() {
    let server = Server::start(|_, _| Does::Answers(503, "", b"down".to_vec())).await;
    let error = get(&server).await.expect_err("a failure");
    assert_eq!((server.count(), error.status(), error.about.message.as_str()), (5, Some(503), "down"));
}

#[tokio::test(flavor = "current_thread")]
async fn what_no_repetition_helps_is_sent_once() {
    for (status, body) in
        [(200, "<html>"), (200, ""), (204, ""), (400, "{}"), (401, "{}"), (403, "no"), (404, "{}"), (501, "")]
    {
        let server = Server::start(move |_, _| Does::Answers(status, "", body.as_bytes().to_vec())).await;
        let error = get(&server).await.expect_err("a failure");
        assert_eq!(server.count(), 1, "{error}");
        assert_eq!(error.status(), Some(status));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_refusal_rests_the_whole_client_for_as_long_as_it_is_asked() {
    let server = Server::start(|number, _| match number {
        0 => Does::Answers(429, "Retry-After: 1\r\n", b"slow down".to_vec()),
        _ => Does::json("{}"),
    })
    .await;
    let reads = client(&server.address, quick());
    let begun = Instant::now();
    reads.get(&path("api/a"), &[]).await.expect("an answer");
    assert!((ms(1000)..ms(1500)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(server.count(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn a_wait_that_is_too_long_is_not_waited() {
    for status in [429, 503] {
        let server = Server::start(move |_, _| Does::Answers(status, "Retry-After: 61\r\n", Vec::new())).await;
        let error = get(&server).await.expect_err("a failure");
        assert_eq!(server.count(), 1, "{error}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn redirects_are_never_followed() {
    let elsewhere = Server::start(|_, _| Does::json("{}")).await;
    for (status, line) in [
        (301, "Location: http://localhost:PORT/api/user\r\n"),
        (302, "Location: https://evil.example/x\r\n"),
        (303, "Location: /login\r\n"),
        (307, "Location: http://127.0.0.1:PORT/\r\n"),
        (308, "Location: ::junk\r\n"),
    ] {
        let port = elsewhere.address.rsplit(':').next().expect("a port");
        let line: &'static str = line.replace("PORT", port).leak();
        let server = Server::start(move |_, _| Does::Answers(status, line, b"{}".to_vec())).await;
        let reads = client(&server.address, quick());
        for error in [
            reads.get(&path("api/user"), &[]).await.expect_err("a redirect"),
            writer(&reads).send(&post("api/x")).await.expect_err("a redirect"),
        ] {
            assert!(matches!(error.failure, Failure::Redirect { .. }), "{error}");
        }
        assert_eq!(server.count(), 2);
    }
    assert_eq!(elsewhere.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn answers_that_never_come_to_an_end_are_given_up() {
    for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"teams\":"] {
        let server = Server::start(move |_, _| Does::Stalls(bytes.as_bytes().to_vec())).await;
        let reads = client(&server.address, quick());
        let error = writer(&reads).send(&post("api/x")).await.expect_err("a failure");
        assert!(matches!(error.failure, Failure::Timeout { maybe_applied: true, .. }), "{error}");
        assert!(error.maybe_applied());
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_is_sent_once_whatever_comes_back() {
    let lost: [(&str, bool); 6] = [
        ("", true),
        ("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", true),
        ("HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 409 X\r\nContent-Length: 0\r\n\r\n", false),
    ];
    for (bytes, maybe_applied) in lost {
        let server = Server::start(move |_, _| Does::Sends(bytes.as_bytes().to_vec())).await;
        let writes = writer(&client(&server.address, quick()));
        let error = writes.send(&post("api/x")).await.expect_err("a failure");
        assert_eq!((server.count(), error.maybe_applied()), (1, maybe_applied), "{error}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_that_never_left_is_tried_again() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let attempts = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&attempts);
    let hook: crate::api::Hook = Arc::new(move |_: &Event| {
        counts.fetch_add(1, Ordering::SeqCst);
    });
    let writes = writer(&client(&closed, Options { hook: Some(hook), ..quick() }));
    let error = writes.send(&post("api/x")).await.expect_err("a failure");
    assert!(!error.maybe_applied(), "{error}");
    assert_eq!(attempts.load(Ordering::SeqCst), 5);
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_that_reads_refuses_to_write() {
    let server = Server::start(|_, _| Does::json("{}")).await;
    let reads = client(&server.address, quick());
    let path = path("api/x");
    for method in [Method::POST, Method::PATCH, Method::DELETE, Method::PUT] {
        let outgoing = reads.wire().outgoing(method, &path, &[], None).expect("an address");
        let refused = reads.wire().attempt(Right::Read, Over::Any, &outgoing, 1).await.expect_err("a refusal");
        assert!(matches!(refused.failure, Failure::Unsendable(_)));
    }
    let error = reads.get(&["api".to_owned(), "..".to_owned()], &[]).await.expect_err("a refusal");
    assert!(matches!(error.failure, Failure::Unsendable(_)));
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn a_fresh_connection_is_used_for_one_request() {
    let server = Server::start(|_, _| Does::json("{}")).await;
    let reads = client(&server.address, quick());
    let writes = writer(&reads);
    reads.get(&path("api/x"), &[]).await.expect("an answer");
    writes.send(&post("api/x")).await.expect("an answer");
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    for _ in 0..3 {
        writes.send_once_fresh(&post("api/x")).await.expect("an answer");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 4);
}

#[tokio::test(flavor = "current_thread")]
async fn no_more_connections_are_opened_than_requests_are_under_way() {
    let server = Server::start(|_, _| Does::Waits(ms(2), Box::new(Does::json("{}")))).await;
    let reads = client(&server.address, Options { concurrency: 8, ..quick() });
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let reads = reads.clone();
        tasks.spawn(async move { reads.get(&path(&format!("api/{number}")), &[]).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!((server.count(), server.most.load(Ordering::SeqCst)), (200, 8));
    assert!(server.connections.load(Ordering::SeqCst) <= 8);
}

#[tokio::test(flavor = "current_thread")]
async fn pages_are_followed_to_the_end_and_not_in_a_circle() {
    let read = Read::whole("teams", ["api", "teams"]).query("maxResults", "2").paged();
    let server = Server::start(|_, seen| match seen.line.split_once("continuationToken=").map(|it| it.1) {
        None => Does::json(r#"{"x":1,"continuationToken":"a b"}"#),
        Some("a%20b") => Does::json(r#"{"x":[],"continuationToken":"c"}"#),
        Some(_) => Does::json(r#"{"x":3,"continuationToken":""}"#),
    })
    .await;
    let mut pages = 0;
    let reads = client(&server.address, quick());
    let count = |_: &[u8]| {
        pages += 1;
        Ok(())
    };
    reads.pages(&read, count).await.expect("all pages");
    assert_eq!((pages, server.lines()[1].as_str()), (3, "GET /api/teams?maxResults=2&continuationToken=a%20b"));

    let server = Server::start(|_, _| Does::json(r#"{"continuationToken":"again"}"#)).await;
    let error = client(&server.address, quick()).pages(&read, |_| Ok(())).await.expect_err("a circle");
    assert!(matches!(error.failure, Failure::Incomplete(_)), "{error}");
    assert_eq!(server.count(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn compressed_answers_are_read_and_bombs_are_not() {
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    };
    let small = gzip(b"{\"teams\":[]}");
    let bomb = gzip(&vec![b' '; 17 << 20]);
    let server = Server::start(move |number, _| {
        Does::Answers(200, "Content-Encoding: gzip\r\n", if number == 0 { small.clone() } else { bomb.clone() })
    })
    .await;
    assert_eq!(get(&server).await.expect("an answer").body, "{\"teams\":[]}");
    let reads = client(&server.address, Options { timeouts: Timeouts::default(), ..quick() });
    let error = reads.get(&path("api/x"), &[]).await.expect_err("a bomb");
    assert!(matches!(&error.failure, Failure::Contract(what) if what.contains("100 times")), "{error}");
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_said_before_the_encryption_stands() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("https://{}", listener.local_addr().expect("an address"));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 4096];
            let count = stream.read(&mut bytes).await.unwrap_or(0);
            hears.lock().expect("the list").extend_from_slice(&bytes[..count]);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await);
        }
    });
    let error = writer(&client(&address, quick())).send(&post("api/x")).await.expect_err("no TLS there");
    assert!(matches!(error.failure, Failure::Connection { maybe_applied: false, .. }), "{error}");
    let heard = heard.lock().expect("the list").clone();
    assert!(!String::from_utf8_lossy(&heard).contains("c4n4ry"));
}
