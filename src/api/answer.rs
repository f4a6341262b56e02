//! What came back, and whether it is an answer or a failure.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::api::body;
use crate::api::error::{About, ApiError, Failure};
use crate::api::redact::harmless;

/// The most characters of the service's words that are kept.
const LONGEST_MESSAGE: usize = 500;
/// The most characters that are shown of an answer that should have been JSON.
const LONGEST_SNIPPET: usize = 200;

/// An answer that says yes.
#[derive(Clone)]
pub struct Answer {
    /// From 200 to 299.
    pub status: u16,
    /// What was answered. May hold a secret: it is never shown, and that of a write is wiped when dropped.
    pub body: Bytes,
    /// How many entries its longest list has.
    pub entries: usize,
    /// What the service warns of.
    pub warnings: Vec<String>,
    /// The service's number for the request.
    pub request_id: Option<String>,
}

impl Answer {
    /// The body as JSON, if it is that.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body, entries, warnings, request_id } = self;
        f.debug_struct("Answer")
            .field("status", status)
            .field("bytes", &body.len())
            .field("entries", entries)
            .field("warnings", warnings)
            .field("request_id", request_id)
            .finish()
    }
}

/// What came back, whatever it is.
pub(super) struct Reply {
    pub status: u16,
    pub body: Bytes,
    pub warnings: Vec<String>,
    pub request_id: Option<String>,
    /// The rest that the service asks for.
    pub wait: Option<Duration>,
    /// The host of a redirect.
    pub to_host: Option<String>,
}

/// Whether the reply is an answer, or what it says went wrong. `path` makes the path for people.
pub(super) fn judge(
    reply: Reply,
    method: &'static str,
    token: &str,
    path: impl FnOnce() -> String,
) -> Result<Answer, ApiError> {
    let Reply { status, body, warnings, request_id, wait, to_host } = reply;
    let snippet = |body: &[u8]| {
        // The broken answer to a write may hold what it made: a token's value, cut where no pattern finds it.
        if method != "GET" && !(400..500).contains(&status) {
            return String::new();
        }
        harmless(&String::from_utf8_lossy(&body[..body.len().min(4096)]), token, LONGEST_SNIPPET)
    };
    let (failure, message) = match status {
        200..=299 => {
            // A write may be answered by nothing; a read that is answered by nothing was not answered.
            let silent = method != "GET" && body.trim_ascii().is_empty();
            match body::entries(&body) {
                Ok(entries) => return Ok(Answer { status, body, entries, warnings, request_id }),
                Err(_) if silent => return Ok(Answer { status, body, entries: 0, warnings, request_id }),
                Err(refusal) => (Failure::Contract(refusal.to_owned()), snippet(&body)),
            }
        }
        300..=399 => {
            (Failure::Redirect { to_host: to_host.unwrap_or_else(|| "an unknown host".to_owned()) }, String::new())
        }
        _ => {
            let said = serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object);
            let json = said.is_some();
            let message = said.map_or_else(|| snippet(&body), |it| harmless(&words(&it), token, LONGEST_MESSAGE));
            (failure(status, json, wait), message)
        }
    };
    let about = About { method, path: path(), status: Some(status), message, request_id };
    Err(ApiError { failure, about: Box::new(about) })
}

fn failure(status: u16, json: bool, wait: Option<Duration>) -> Failure {
    match status {
        400 => Failure::BadRequest,
        401 => Failure::Unauthorized,
        403 => Failure::Forbidden,
        404 => Failure::NotFound { json },
        405 => Failure::MethodNotAllowed { json },
        409 => Failure::Conflict,
        412 => Failure::Precondition,
        429 => Failure::TooManyRequests { wait },
        402..=499 => Failure::Refused,
        500..=599 => Failure::Server { wait },
        _ => Failure::Contract(format!("a status that does not exist: {status}")),
    }
}

/// What the service says in an error: its message, and what it says of single fields.
fn words(error: &Value) -> String {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut said = text(error, "message");
    if said.is_empty() {
        // SCIM's word for it.
        said = text(error, "detail");
    }
    for single in error.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let place = [text(single, "resource"), text(single, "attribute")].join(" ");
        let what = match (text(single, "customMessage"), text(single, "errorType")) {
            (custom, _) if !custom.is_empty() => custom,
            (_, kind) => kind,
        };
        if !what.is_empty() && !said.contains(&what) {
            said = [said.as_str(), format!("{} {what}", place.trim()).trim()].join("; ");
        }
    }
    said.trim_start_matches("; ").to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Answer, Reply, judge};
    use crate::api::error::{ApiError, Failure};

    fn reply(status: u16, body: &str) -> Reply {
        let body = Bytes::from(body.to_owned());
        Reply { status, body, warnings: Vec::new(), request_id: None, wait: None, to_host: None }
    }

    fn judged(method: &'static str, status: u16, body: &str) -> Result<Answer, ApiError> {
        judge(reply(status, body), method, "s3cret-canary", || "/api/x".to_owned())
    }

    #[test]
    fn a_write_may_be_answered_by_nothing_and_a_read_may_not() {
        assert!(judged("DELETE", 204, "").is_ok());
        assert!(judged("POST", 200, "{}").is_ok());
        for (method, body) in [("GET", ""), ("GET", "<html>"), ("POST", "<html>login"), ("GET", "{\"a\":")] {
            let error = judged(method, 200, body).expect_err(body);
            assert!(matches!(error.failure, Failure::Contract(_)), "{error}");
        }
    }

    #[test]
    fn what_the_service_says_is_kept_without_secrets() {
        let body = r#"{"code":409,"message":"Conflict: s3cret-canary","errors":[
            {"resource":"team","attribute":"name","errorType":"already_exists"},{"customMessage":"Conflict"}]}"#;
        let error = judged("POST", 409, body).expect_err("a conflict");
        assert_eq!(error.failure, Failure::Conflict);
        assert_eq!(error.about.message, "Conflict: [secret]; team name already_exists");
        assert_eq!(judged("POST", 409, &"x".repeat(9000)).expect_err("a conflict").about.message.chars().count(), 201);
    }

    #[test]
    fn what_a_proxy_answers_is_shown_by_its_status_and_its_beginning() {
        let page = format!("<html><title>Blocked</title>{}{{\"message\":\"no\"}}", "x".repeat(600));
        for (status, method) in [(403, "GET"), (403, "PATCH"), (429, "GET"), (429, "POST"), (502, "GET")] {
            let error = judged(method, status, &page).expect_err("a refusal");
            assert_eq!(error.status(), Some(status));
            assert!(
                error.about.message.starts_with("<html><title>Blocked") && error.about.message.chars().count() == 201
            );
            let error = judged(method, status, "").expect_err("a refusal without a word");
            assert!(error.to_string().contains(&status.to_string()) && error.about.message.is_empty(), "{error}");
        }
    }

    #[test]
    fn a_broken_answer_to_a_write_is_not_quoted() {
        for status in [200, 500] {
            let error = judged("POST", status, r#"{"id":"t-1","tokenValue":"canary"#).expect_err("broken");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_router_in_front_of_the_service_is_told_from_the_service() {
        let missing = |body| judged("GET", 404, body).expect_err("nothing there");
        assert!(missing("404 page not found").is_no_route());
        assert!(!missing(r#"{"code":404,"message":"Not Found"}"#).is_no_route());
    }
}
