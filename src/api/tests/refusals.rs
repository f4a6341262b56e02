//! A service that goes on refusing, whatever it says about when to come back; its clock goes as fast as nobody is busy.

use std::time::Duration;

use tokio::time::Instant;

use super::server::{Does, Server};
use super::{client, ms, path};
use crate::api::{Failure, Options, Timeouts};

/// Waits are those of the program itself.
fn patient() -> Options {
    Options {
        timeouts: Timeouts { attempt: ms(3_600_000), first_byte: ms(3_600_000), ..Timeouts::default() },
        ..Options::default()
    }
}

/// How a service can ask for a wait, or not, with every refusal; and the first rest that is taken, in seconds.
fn forms() -> Vec<(&'static str, std::ops::Range<u64>)> {
    // Soon, in each form of a date; what is waited counts from when the answer came.
    let soon = |format: &str| -> &'static str {
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(40);
        format!("Retry-After: {}\r\n", then.strftime(format)).leak()
    };
    vec![
        (soon("%a, %d %b %Y %H:%M:%S GMT"), 30..49),
        (soon("%A, %d-%b-%y %H:%M:%S GMT"), 30..49),
        (soon("%a %b %e %H:%M:%S %Y"), 30..49),
        ("", 1..2),
        ("Retry-After: 1\r\n", 1..2),
        ("Retry-After: 7\r\n", 7..9),
        ("Retry-After: 60\r\n", 60..75),
        ("Retry-After: 0\r\n", 1..2),
        ("Retry-After: -1\r\n", 1..2),
        ("Retry-After: 1.5\r\n", 1..2),
        ("Retry-After: 1e20\r\n", 1..2),
        ("Retry-After: soon\r\n", 1..2),
        ("Retry-After:\r\n", 1..2),
        ("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 1..2),
        ("Retry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 1..2),
        ("Retry-After: Sun Nov  6 08:49:37 1994\r\n", 1..2),
        ("Retry-After: 2\r\nRetry-After: 5\r\n", 5..7),
        ("Retry-After: junk\r\nRetry-After: 3\r\n", 3..4),
    ]
}

/// What a service that refuses for ever is asked, when, and how long it took to give up.
async fn refused(headers: &'static str) -> (Vec<Duration>, Duration, Failure) {
    let begun = Instant::now();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let notes = std::sync::Arc::clone(&asked);
    let server = Server::start(move |_, _| {
        notes.lock().expect("the list").push(begun.elapsed());
        Does::Answers(429, headers, b"{\"code\":429,\"message\":\"slow down\"}".to_vec())
    })
    .await;
    let error = client(&server.address, patient()).get(&path("api/orgs/acme/teams"), &[]).await.expect_err("a refusal");
    let asked = asked.lock().expect("the list").clone();
    (asked, begun.elapsed(), error.failure)
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn endless_refusals_come_to_an_end_in_every_form() {
    for (headers, first) in forms() {
        let (asked, took, failure) = refused(headers).await;
        assert!(matches!(failure, Failure::TooManyRequests { .. }), "{headers:?}: {failure:?}");
        // Long enough for a window of five minutes to pass, and not much longer.
        assert!((300..900).contains(&took.as_secs()), "{headers:?}: {took:?}");
        assert!((5..=330).contains(&asked.len()), "{headers:?}: {} requests", asked.len());
        let rest = (asked[1] - asked[0]).as_secs();
        assert!(first.contains(&rest), "{headers:?}: the first rest was {rest} s");
        assert!(asked.windows(2).all(|it| it[1] - it[0] >= ms(990)), "{headers:?}: {asked:?}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn endless_refusals_that_ask_for_too_much_end_at_once() {
    for headers in [
        "Retry-After: 61\r\n",
        "Retry-After: 99999999999999999999\r\n",
        "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
        "Retry-After: Thursday, 01-Jan-60 00:00:00 GMT\r\n",
        "Retry-After: Fri Jan  1 00:00:00 2100\r\n",
        "Retry-After: 1\r\nRetry-After: 3600\r\n",
    ] {
        let (asked, took, failure) = refused(headers).await;
        assert!(matches!(failure, Failure::TooManyRequests { wait: Some(_) }), "{headers:?}: {failure:?}");
        assert_eq!((asked.len(), took.as_secs()), (1, 0), "{headers:?}");
    }
}
