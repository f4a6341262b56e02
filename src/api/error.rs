//! What can go wrong with a request, told apart where somebody acts on it.

use std::fmt;
use std::time::Duration;

/// A request that did not get the answer it was sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What happened.
    pub failure: Failure,
    /// To which request. Holds no secret: texts of others were made harmless on their way in.
    pub about: Box<About>,
}

/// What can happen to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 400: our request is wrong, the plan lacks the feature, or the kind of object forbids it.
    BadRequest,
    /// 401: the token is missing, wrong, expired or revoked.
    Unauthorized,
    /// 403, or a token of another organization: not allowed.
    Forbidden,
    /// 404: absent, hidden, or (without JSON) perhaps no such route.
    NotFound {
        /// Whether the service itself spoke, rather than a router in front of it.
        json: bool,
    },
    /// 405.
    MethodNotAllowed {
        /// Whether the service itself spoke, rather than a router in front of it.
        json: bool,
    },
    /// 409: already there, still in use, or changed at the same time.
    Conflict,
    /// 412: the deletion wants to be confirmed.
    Precondition,
    /// 429, still, or with a longer wait than is waited.
    TooManyRequests {
        /// How long the service asks to wait, if it says.
        wait: Option<Duration>,
    },
    /// Another status from 400 to 499.
    Refused,
    /// 5xx: the outcome is unknown.
    Server {
        /// How long the service asks to wait, if it says.
        wait: Option<Duration>,
    },
    /// 3xx: never followed.
    Redirect {
        /// The host it points to, and nothing else of it.
        to_host: String,
    },
    /// An answer that breaks the contract.
    Contract(String),
    /// A list whose pages do not come to an end.
    Incomplete(String),
    /// No answer in time.
    Timeout {
        /// What took too long.
        what: String,
        /// Whether the request may have had its effect.
        maybe_applied: bool,
    },
    /// No connection, or a broken one.
    Connection {
        /// What happened to it.
        what: String,
        /// Whether the request may have had its effect.
        maybe_applied: bool,
    },
    /// Never sent: it cannot be, or must not be.
    Unsendable(String),
    /// Not sent, because more requests would be needed than somebody allowed.
    Budget {
        /// How many are known to be needed.
        needed: usize,
        /// How many were allowed.
        allowed: usize,
    },
}

/// Which request it was, and what the service said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The method.
    pub method: &'static str,
    /// The path for people: unencoded, one line.
    pub path: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What the service said, at most 500 characters; empty if nothing.
    pub message: String,
    /// The service's number for the request.
    pub request_id: Option<String>,
}

impl ApiError {
    /// A failure without an answer.
    pub fn new(failure: Failure, method: &'static str, path: impl Into<String>) -> Self {
        Self { failure, about: Box::new(About { method, path: path.into(), ..About::default() }) }
    }

    /// The same with words of its own.
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.about.message = message.into();
        self
    }

    /// Whether a write may have had its effect all the same: then it is settled by reading, never by sending again.
    pub fn maybe_applied(&self) -> bool {
        if matches!(self.about.method, "GET" | "HEAD") {
            return false;
        }
        match &self.failure {
            Failure::Timeout { maybe_applied, .. } | Failure::Connection { maybe_applied, .. } => *maybe_applied,
            Failure::Server { .. } | Failure::Redirect { .. } | Failure::Contract(_) => true,
            // A proxy says this about a request it may have passed on.
            Failure::Refused => self.about.status == Some(408),
            Failure::BadRequest
            | Failure::Unauthorized
            | Failure::Forbidden
            | Failure::NotFound { .. }
            | Failure::MethodNotAllowed { .. }
            | Failure::Conflict
            | Failure::Precondition
            | Failure::TooManyRequests { .. }
            | Failure::Incomplete(_)
            | Failure::Unsendable(_)
            | Failure::Budget { .. } => false,
        }
    }

    /// Whether an older server may lack the route: 404 or 405 without JSON.
    pub fn is_no_route(&self) -> bool {
        matches!(self.failure, Failure::NotFound { json: false } | Failure::MethodNotAllowed { json: false })
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.about.status
    }

    /// What happened, without the service's number for the request: the same words for the same failure.
    pub fn reason(&self) -> String {
        let About { method, path, status, message, request_id: _ } = &*self.about;
        let status = status.map_or_else(|| "no status".to_owned(), |it| it.to_string());
        let what = match &self.failure {
            Failure::Unauthorized => format!("the service does not accept the token ({status})"),
            Failure::Forbidden => "not allowed (403)".to_owned(),
            Failure::TooManyRequests { wait: Some(wait) } => {
                format!("too many requests ({status}); the service asks to wait {} s", wait.as_secs())
            }
            Failure::TooManyRequests { wait: None } => format!("still too many requests ({status})"),
            Failure::Server { .. } => format!("the service failed ({status})"),
            Failure::Redirect { to_host } => {
                format!(
                    "answered by a redirect to `{to_host}` ({status}), which is never followed; check the backend's address"
                )
            }
            Failure::Contract(what) => format!("an answer that breaks the contract: {what}"),
            Failure::Incomplete(what) => format!("the list is incomplete: {what}"),
            Failure::Timeout { what, .. } => format!("timed out: {what}"),
            Failure::Connection { what, .. } => format!("no answer: {what}"),
            Failure::Unsendable(what) => format!("not sent: {what}"),
            Failure::Budget { needed, allowed } => {
                return format!(
                    "reading what the manifest needs takes {needed} requests or more, and {allowed} are allowed; allow \
                     more, or read less (`prune` and tombstones ask for more than entries do)"
                );
            }
            Failure::BadRequest
            | Failure::NotFound { .. }
            | Failure::MethodNotAllowed { .. }
            | Failure::Conflict
            | Failure::Precondition
            | Failure::Refused => format!("answered {status}"),
        };
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        format!("{method} {path}: {what}{message}")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        match &self.about.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::{ApiError, Failure};

    #[test]
    fn only_a_write_whose_answer_is_lost_may_have_been_applied() {
        let lost = |failure: Failure| ApiError::new(failure, "POST", "/api/orgs/acme/tokens").maybe_applied();
        assert!(lost(Failure::Server { wait: None }));
        assert!(lost(Failure::Contract("the answer is not JSON".to_owned())));
        assert!(lost(Failure::Timeout { what: String::new(), maybe_applied: true }));
        assert!(!lost(Failure::Connection { what: String::new(), maybe_applied: false }));
        assert!(!lost(Failure::TooManyRequests { wait: None }));
        assert!(!lost(Failure::Conflict));
        assert!(!ApiError::new(Failure::Server { wait: None }, "GET", "/api/user").maybe_applied());
    }

    #[test]
    fn a_reason_names_the_request_and_what_the_service_said() {
        let error =
            ApiError::new(Failure::Forbidden, "GET", "/api/orgs/acme/roles").with_message("role:read is missing");
        assert_eq!(error.to_string(), "GET /api/orgs/acme/roles: not allowed (403): role:read is missing");
    }
}
