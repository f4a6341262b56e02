//! Sends the calls of a step one after another, and looks after what the answers give.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::api::{Answer, ApiError, Failure as Cause, Request, WriteClient};
use crate::apply::holes::{self, Filled, Filling, Given, Kept};
use crate::apply::sinks::{self, Sinks};
use crate::model::{Action, Call, Instant, Into, Method, Outcome, ResourceId, Segment};

/// How often a call may be turned away with 429 and sent again.
const REFUSALS: u32 = 10;
/// The longest rest a service may ask for; beyond it, the call fails.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Sends calls, and remembers between them what later ones need.
pub(super) struct Sender<'a> {
    pub(super) client: &'a WriteClient,
    pub(super) sinks: Arc<Sinks>,
    pub(super) now: Box<dyn Fn() -> Instant>,
    pub(super) nonce: Box<dyn Fn() -> Result<String, String>>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) given: Given,
    pub(super) kept: RefCell<Kept>,
    /// Shapes of calls for which this service has no route.
    pub(super) no_route: RefCell<BTreeSet<Shape>>,
}

/// How a step ended.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// What it says about calls that have nothing to do with it.
    pub(super) sign: Sign,
}

/// What a step's end says about the service as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The service answers.
    Answering,
    /// The service could not be reached, or broke down.
    Broken,
    /// The service asks for a longer rest than is waited, or still turns calls away after many rests.
    Overrun,
    /// The service no longer accepts who we are.
    Unauthorized,
    /// Nothing was sent.
    Nothing,
}

/// Why a call failed.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) uncertain: bool,
    pub(super) sign: Sign,
}

/// What sending one call came to.
enum Sent {
    Done(Vec<String>),
    /// The service has no such route, and the call has another to fall back to.
    NoRoute,
}

/// Calls that go to the same route: all but the names in the path.
pub(super) type Shape = (Method, usize, Vec<String>);

impl Sender<'_> {
    /// Carries out a step.
    pub(super) async fn step(&self, id: &ResourceId, action: &Action) -> Ended {
        let mut remarks = Vec::new();
        let count = action.calls.len();
        for (index, call) in action.calls.iter().enumerate() {
            if *self.stop.borrow() {
                return cancelled(index, count);
            }
            match self.call(id, call).await {
                Ok(said) => remarks.extend(said),
                Err(Failure { message, uncertain, sign }) => {
                    let place = if count > 1 { format!("call {} of {count}: ", index + 1) } else { String::new() };
                    let outcome = Outcome::Failed { message: format!("{place}{message}"), uncertain };
                    return Ended { outcome, sign };
                }
            }
        }
        remarks.dedup();
        let remark = if remarks.is_empty() { None } else { Some(remarks.join(", ")) };
        Ended { outcome: Outcome::Done { remark }, sign: Sign::Answering }
    }

    /// Sends a call, or what stands for it where the service is older.
    pub(super) async fn call(&self, id: &ResourceId, call: &Call) -> Result<Vec<String>, Failure> {
        let mut call = call;
        loop {
            let Some(other) = call.otherwise.as_deref() else {
                return match self.send_one(id, call).await? {
                    Sent::Done(remarks) => Ok(remarks),
                    Sent::NoRoute => Err(Failure::unsent("the service has no such route")),
                };
            };
            let shape = shape(call, other);
            if !self.no_route.borrow().contains(&shape) {
                if let Sent::Done(remarks) = self.send_one(id, call).await? {
                    return Ok(remarks);
                }
                self.no_route.borrow_mut().insert(shape);
            }
            call = other;
        }
    }

    /// The one place where a call is sent. It is sent once; whatever the answer leaves open stays open.
    async fn send_one(&self, id: &ResourceId, call: &Call) -> Result<Sent, Failure> {
        let secret = call.captures.iter().any(|it| matches!(it.into, Into::Sink(_)));
        if let Some(address) = sinks::of_call(call).into_iter().find(|it| !self.sinks.has(it)) {
            return Err(Failure::unsent(format!("`{address}` was not opened, and the value would be lost")));
        }
        let Filled { request, names, private } = {
            let kept = self.kept.borrow();
            let filling = Filling { kept: &kept, given: &self.given, now: (self.now)(), nonce: &*self.nonce };
            holes::fill(call, &filling).map_err(Failure::unsent)?
        };
        let error = match self.pass(&request, secret).await {
            Ok(answer) => return self.receive(id, call, answer, &names).await.map(Sent::Done),
            Err(error) => error,
        };
        if error.is_no_route() && call.otherwise.is_some() {
            return Ok(Sent::NoRoute);
        }
        match error.status() {
            Some(404) if call.method == Method::Delete => return Ok(Sent::Done(vec!["was gone already".to_owned()])),
            // A token of this name that is there already is somebody else's: its value is not ours to have.
            Some(status) if call.already.contains(&status) && !secret => {
                return Ok(Sent::Done(vec!["was so already".to_owned()]));
            }
            Some(_) | None => {}
        }
        let failure = Failure::of(error, &names, secret);
        Err(Failure { message: Filled::discreet(&private, &failure.message), ..failure })
    }

    /// Sends a request once, not counting the times it was turned away at the door: 429 says that nothing
    /// was done, and the client lets nothing through before the rest it asks for is over.
    async fn pass(&self, request: &Request, secret: bool) -> Result<Answer, ApiError> {
        let mut refusals = 0;
        loop {
            let sent =
                if secret { self.client.send_once_fresh(request).await } else { self.client.send(request).await };
            match &sent {
                Err(ApiError { failure: Cause::TooManyRequests { wait }, .. })
                    if wait.is_none_or(|it| it <= LONGEST_REST) && refusals < REFUSALS && !*self.stop.borrow() =>
                {
                    refusals += 1;
                }
                Ok(_) | Err(_) => return sent,
            }
        }
    }
}

impl Failure {
    fn unsent(message: impl std::convert::Into<String>) -> Self {
        Self { message: message.into(), uncertain: false, sign: Sign::Nothing }
    }

    fn of(mut error: ApiError, names: &[String], secret: bool) -> Self {
        let uncertain = error.maybe_applied();
        if uncertain && secret {
            // What was answered may hold the value, in whatever is left of the answer.
            error.about.message.clear();
        }
        let mut message = error.to_string();
        if uncertain && secret && !names.is_empty() {
            let names = names.join("`, `");
            message.push_str(&format!(
                "; if it was made, it is called `{names}` and its value is lost: revoke it by hand"
            ));
        }
        let sign = match error.failure {
            Cause::Unauthorized => Sign::Unauthorized,
            Cause::TooManyRequests { .. } => Sign::Overrun,
            Cause::Server { .. }
            | Cause::Redirect { .. }
            | Cause::Contract(_)
            | Cause::Incomplete(_)
            | Cause::Timeout { .. }
            | Cause::Connection { .. } => Sign::Broken,
            Cause::Unsendable(_) => Sign::Nothing,
            Cause::BadRequest
            | Cause::Forbidden
            | Cause::NotFound { .. }
            | Cause::MethodNotAllowed { .. }
            | Cause::Conflict
            | Cause::Precondition
            | Cause::Refused => Sign::Answering,
        };
        Self { message, uncertain, sign }
    }
}

fn cancelled(sent: usize, count: usize) -> Ended {
    let outcome = match sent {
        0 => Outcome::Skipped { because: super::CANCELLED.to_owned() },
        _ => Outcome::Failed { message: format!("cancelled after call {sent} of {count}"), uncertain: false },
    };
    Ended { outcome, sign: Sign::Nothing }
}

/// Where the path of a call differs from that of its fallback is the route; the rest holds names.
/// The first four segments, down to the organization's collection, tell one kind from another.
fn shape(call: &Call, other: &Call) -> Shape {
    let text = |it: &Segment| it.to_string();
    let (path, other) = (&call.path, &other.path);
    let before = path.iter().zip(other).take_while(|(a, b)| a == b).count();
    let rest = path.len().min(other.len()) - before;
    let behind = path.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let start = path.iter().take(before.min(4)).map(text);
    let route = path[before..path.len() - behind].iter().map(text);
    (call.method, path.len(), start.chain(route).collect())
}
