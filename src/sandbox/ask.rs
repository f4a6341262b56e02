//! One request as a route sees it, and the two ways to answer: an `Answer` or a `Refusal`.

use crate::sandbox::body::Body;
use crate::sandbox::caller::Caller;
use crate::sandbox::state::Event;
use crate::sandbox::state::State;
use bytes::Bytes;
use serde_json::Value;
use serde_json::json;

/// What a route makes of a request. A route that refuses has changed nothing.
pub type Outcome = Result<Answer, Refusal>;

/// A route's work.
pub type Work = fn(&mut Ask) -> Outcome;

/// The switches that change what the service does.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub page_size: Option<usize>,
    pub old_server: bool,
    pub org_prefix_items: bool,
    pub org_prefix_removals: bool,
    pub bare_slash_removals: bool,
    pub member_role_by_name: bool,
}

/// An answer that is not an error.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Option<Value>,
}

/// An error in the service's shape.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    /// Plain text instead of JSON, as routers answer what they do not know.
    pub plain: bool,
}

impl Answer {
    pub fn ok(body: Value) -> Outcome {
        Ok(Answer { status: 200, body: Some(body) })
    }

    pub fn created(body: Value) -> Outcome {
        Ok(Answer { status: 201, body: Some(body) })
    }

    pub fn nothing() -> Outcome {
        Ok(Answer { status: 204, body: None })
    }
}

impl Refusal {
    /// `{"code":404,"message":"Not Found: …"}`
    pub fn new(status: u16, detail: impl AsRef<str>) -> Refusal {
        let message = match (title(status), detail.as_ref()) {
            (title, "") => title.to_owned(),
            (title, detail) => format!("{title}: {detail}"),
        };
        Refusal { status, message, plain: false }
    }

    /// What the router says of a route it does not have.
    pub fn unknown_route() -> Refusal {
        Refusal { status: 404, message: "404 page not found\n".to_owned(), plain: true }
    }

    pub fn bad_request(detail: impl AsRef<str>) -> Refusal {
        Refusal::new(400, detail)
    }

    pub fn unauthorized(detail: impl AsRef<str>) -> Refusal {
        Refusal::new(401, detail)
    }

    pub fn forbidden(detail: impl AsRef<str>) -> Refusal {
        Refusal::new(403, detail)
    }

    pub fn conflict(detail: impl AsRef<str>) -> Refusal {
        Refusal::new(409, detail)
    }

    /// `Not Found: User 'erin' not found`
    pub fn not_found(sort: &str, name: &str) -> Refusal {
        Refusal::new(404, format!("{sort} '{name}' not found"))
    }

    pub fn body(&self) -> Value {
        json!({"code": self.status, "message": self.message})
    }
}

/// The text of a status, with which messages begin.
pub fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

/// A request on its way through a route.
pub struct Ask<'a> {
    pub state: &'a mut State,
    pub caller: &'a Caller,
    pub rules: &'a Rules,
    /// Unix seconds.
    pub now: i64,
    pub parts: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub content_type: String,
    /// What follows `Bearer`, for the directory: routes of the organization know nothing of it.
    pub bearer: String,
    pub bytes: Bytes,
}

impl Ask<'_> {
    /// A decoded segment of the path.
    pub fn part(&self, name: &str) -> String {
        let found = self.parts.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A query parameter; an empty one counts as absent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(it, value)| it == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// A boolean query parameter, false when absent.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.query(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Refusal::bad_request(format!("invalid query parameter '{name}'"))),
        }
    }

    /// An integer query parameter.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parsed = self.query(name).map(str::parse).transpose();
        parsed.map_err(|_| Refusal::bad_request(format!("invalid query parameter '{name}'")))
    }

    /// The body, which must be a JSON object.
    pub fn body(&self) -> Result<Body, Refusal> {
        if !self.content_type.starts_with("application/json") {
            return Err(Refusal::bad_request("Content-Type must be application/json"));
        }
        Body::parse(&self.bytes)
    }

    /// Refuses callers whose role lacks a scope.
    pub fn need(&self, scope: &str) -> Result<(), Refusal> {
        if self.caller.may(scope) {
            return Ok(());
        }
        let detail = format!("You do not have permission to do this; '{scope}' is required.");
        Err(Refusal::forbidden(detail))
    }

    /// Refuses what the plan of the organization lacks. A switch that is not there is not off.
    pub fn need_feature(&self, name: &str) -> Result<(), Refusal> {
        if self.state.organization.features.get(name) == Some(&false) {
            let detail = format!("This feature is not available on your plan ({name}).");
            return Err(Refusal::bad_request(detail));
        }
        Ok(())
    }

    /// Appends to the audit log.
    pub fn audit(&mut self, event: &str, description: impl Into<String>) {
        let machine = self.caller.machine.as_ref();
        let event = Event {
            timestamp: self.now,
            event: event.to_owned(),
            description: description.into(),
            login: self.caller.login.clone(),
            token_id: machine.map(|it| it.id.clone()).filter(|it| !it.is_empty()),
            token_name: machine.map(|it| it.name.clone()),
            reason: self.query("reason").map(str::to_owned),
            admin: self.caller.admin,
        };
        self.state.audit.push(event);
    }
}
