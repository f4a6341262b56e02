//! Sends the calls of a step one after another, and looks after what the answers give.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant as Moment;

use crate::api::{Answer, ApiError, Failure as Cause, Refusals, Request, WriteClient};
use crate::apply::Secrets;
use crate::apply::holes::{self, Filled, Filling, Given, Kept};
use crate::apply::sinks::{self, Sinks};
use crate::model::{Action, Call, Instant, Into, Method, Outcome, Phase, ResourceId, Segment};

/// Sends calls, and remembers between them what later ones need.
pub(super) struct Sender<'a> {
    pub(super) client: &'a WriteClient,
    pub(super) sinks: Arc<Sinks>,
    pub(super) secrets: Secrets,
    pub(super) now: Box<dyn Fn() -> Instant>,
    pub(super) nonce: Box<dyn Fn() -> Result<String, String>>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) given: Given,
    pub(super) kept: RefCell<Kept>,
    /// Shapes of calls for which this service has no route.
    pub(super) no_route: RefCell<BTreeSet<Shape>>,
    /// What the service no longer takes (the words of [`crate::model::Common`]), and what it said.
    pub(super) refused: RefCell<BTreeMap<String, String>>,
    /// How long what was just written is given to be seen, between two readings.
    pub(super) pause: Duration,
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
    /// What it was answered, if it was.
    pub(super) status: Option<u16>,
}

/// What sending one call came to.
enum Sent<'a> {
    Done(Vec<String>),
    /// The service has no such route, and the call has another to fall back to.
    NoRoute(&'a Call),
    /// The thing is there already, and the call has another that changes it.
    Conflict(&'a Call),
}

/// Calls that go to the same route: all but the names in the path.
pub(super) type Shape = (Method, usize, Vec<String>);

impl Sender<'_> {
    /// Carries out a step. `lost` says what to add where it fails after something was deleted.
    pub(super) async fn step(&self, id: &ResourceId, action: &Action, lost: impl Fn() -> String) -> Ended {
        let (sent, mut ended) = self.calls(id, action).await;
        let deleted = action.calls.iter().take(sent).any(|it| it.method == Method::Delete);
        if let Outcome::Failed { message, .. } = &mut ended.outcome
            && action.phase == Phase::Replace
            && deleted
        {
            message.push_str(&lost());
        }
        ended
    }

    /// How many calls of a step may have been carried out, and what became of it.
    async fn calls(&self, id: &ResourceId, action: &Action) -> (usize, Ended) {
        let mut remarks = Vec::new();
        let count = action.calls.len();
        if let Some(guard) = action.guard.as_ref().filter(|_| !*self.stop.borrow())
            && let Err(failure) = self.guard(guard).await
        {
            return (0, failure.ends(""));
        }
        for (index, call) in action.calls.iter().enumerate() {
            if *self.stop.borrow() {
                return (index, cancelled(index, count));
            }
            let place = if count > 1 { format!("call {} of {count}: ", index + 1) } else { String::new() };
            if let Some(because) = self.given_up(call) {
                let outcome = match index {
                    0 => Outcome::Skipped { because },
                    _ => Outcome::Failed { message: format!("{place}{because}"), uncertain: false },
                };
                return (index, Ended { outcome, sign: Sign::Nothing });
            }
            match self.call(id, call).await {
                Ok(said) => remarks.extend(said),
                Err(failure) => {
                    self.learn(call, &failure);
                    return (index + usize::from(failure.uncertain), failure.ends(&place));
                }
            }
        }
        if let Some(check) = &action.check
            && let Err(failure) = self.check(id, check).await
        {
            return (count, failure.ends(""));
        }
        remarks.dedup();
        let remark = if remarks.is_empty() { None } else { Some(remarks.join(", ")) };
        (count, Ended { outcome: Outcome::Done { remark }, sign: Sign::Answering })
    }

    /// Why a call is not sent: another like it was refused for a reason that holds for all of them.
    fn given_up(&self, call: &Call) -> Option<String> {
        let what = &call.common.as_ref()?.what;
        let refused = self.refused.borrow();
        refused.get(what).map(|why| format!("{what} was refused before, and is not tried again: {why}"))
    }

    /// Remembers a refusal that speaks for all calls like this one.
    fn learn(&self, call: &Call, failure: &Failure) {
        let (Some(common), Some(status)) = (&call.common, failure.status) else { return };
        // Who we are, a slow proxy, and the pace are about everything, and judged elsewhere.
        if (400..500).contains(&status) && !matches!(status, 401 | 408 | 429) && !common.alone.contains(&status) {
            self.refused.borrow_mut().entry(common.what.clone()).or_insert_with(|| failure.message.clone());
        }
    }

    /// Sends a call; in parts, where it may be and the service does not take it whole.
    pub(super) async fn call(&self, id: &ResourceId, call: &Call) -> Result<Vec<String>, Failure> {
        match self.whole(id, call).await {
            Err(failure) if failure.is_about_size() => match call.apart.as_deref() {
                Some(rest) => self.apart(id, call, rest, failure).await,
                None => self.in_halves(id, call, failure).await,
            },
            ended => ended,
        }
    }

    /// Sends a call, or what stands for it where the service is older or has the thing already.
    pub(super) async fn whole(&self, id: &ResourceId, call: &Call) -> Result<Vec<String>, Failure> {
        let mut call = call;
        loop {
            if let Some(older) = call.otherwise.as_deref()
                && self.no_route.borrow().contains(&shape(call, older))
            {
                call = older;
                continue;
            }
            call = match self.send_one(id, call).await? {
                Sent::Done(remarks) => return Ok(remarks),
                Sent::NoRoute(older) => {
                    self.no_route.borrow_mut().insert(shape(call, older));
                    older
                }
                Sent::Conflict(change) => change,
            };
        }
    }

    /// The one place where a call is sent. It is sent once; whatever the answer leaves open stays open.
    async fn send_one<'c>(&self, id: &ResourceId, call: &'c Call) -> Result<Sent<'c>, Failure> {
        let secret = call.captures.iter().any(|it| matches!(it.into, Into::Sink(_)));
        if let Some(address) = sinks::of_call(call).into_iter().find(|it| !self.sinks.has(it)) {
            return Err(Failure::unsent(format!("`{address}` was not opened, and the value would be lost")));
        }
        let Filled { request, names, private } = {
            let kept = self.kept.borrow();
            let filling = Filling {
                kept: &kept,
                given: &self.given,
                now: (self.now)(),
                nonce: &*self.nonce,
                secrets: &self.secrets,
            };
            holes::fill(call, &filling).map_err(Failure::unsent)?
        };
        let error = match self.pass(&request, secret).await {
            Ok(answer) => {
                let warnings: Vec<String> =
                    answer.warnings.iter().map(|it| format!("the service warns: {it}")).collect();
                let remarks = self.receive(id, call, answer, &names).await?;
                return Ok(Sent::Done(remarks.into_iter().chain(warnings).collect()));
            }
            Err(error) => error,
        };
        if let Some(older) = call.otherwise.as_deref().filter(|_| error.is_no_route()) {
            return Ok(Sent::NoRoute(older));
        }
        if let Some(change) = call.on_conflict.as_deref().filter(|_| error.status() == Some(409)) {
            return Ok(Sent::Conflict(change));
        }
        match error.status() {
            Some(404) if call.method == Method::Delete => return Ok(Sent::Done(vec!["was gone already".to_owned()])),
            // A token of this name that is there already is somebody else's: its value is not ours to have.
            Some(status) if call.already.contains(&status) && !secret => {
                return Ok(Sent::Done(vec!["was so already".to_owned()]));
            }
            Some(_) | None => {}
        }
        let failure = Failure::of(error, call, &names, secret);
        Err(Failure { message: Filled::discreet(&private, &failure.message), ..failure })
    }

    /// Sends a request once, not counting the times it was turned away at the door: 429 says that nothing
    /// was done, and the client lets nothing through before the rest it asks for is over.
    async fn pass(&self, request: &Request, secret: bool) -> Result<Answer, ApiError> {
        let mut refusals = Refusals::default();
        loop {
            let sent =
                if secret { self.client.send_once_fresh(request).await } else { self.client.send(request).await };
            match &sent {
                Err(error) if refusals.bear(error, Moment::now()) && !*self.stop.borrow() => {}
                Ok(_) | Err(_) => return sent,
            }
        }
    }
}

impl Failure {
    pub(super) fn unsent(message: impl std::convert::Into<String>) -> Self {
        Self { message: message.into(), uncertain: false, sign: Sign::Nothing, status: None }
    }

    /// Whether less at once might be taken.
    pub(super) fn is_about_size(&self) -> bool {
        matches!(self.status, Some(400 | 413))
    }

    fn ends(self, place: &str) -> Ended {
        let Self { message, uncertain, sign, status: _ } = self;
        Ended { outcome: Outcome::Failed { message: format!("{place}{message}"), uncertain }, sign }
    }

    fn of(mut error: ApiError, call: &Call, names: &[String], secret: bool) -> Self {
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
        if matches!(error.failure, Cause::Forbidden) {
            message.push_str(&on_forbidden(call));
        }
        let status = error.status();
        if let (Some(advice), Some(400..500)) = (&call.refused, status)
            && !matches!(status, Some(401 | 403 | 408 | 429))
        {
            message.push_str(&format!("; {advice}"));
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
            Cause::Unsendable(_) | Cause::Budget { .. } => Sign::Nothing,
            Cause::BadRequest
            | Cause::Forbidden
            | Cause::NotFound { .. }
            | Cause::MethodNotAllowed { .. }
            | Cause::Conflict
            | Cause::Precondition
            | Cause::Refused => Sign::Answering,
        };
        Self { message, uncertain, sign, status }
    }
}

/// What a 403 to a call may mean, as far as the plan knows.
fn on_forbidden(call: &Call) -> String {
    let permissions: Vec<String> = call.permissions.iter().map(|it| format!("`{it}`")).collect();
    let needed = match permissions.as_slice() {
        [] => String::new(),
        [one] => format!("; it needs the permission {one}"),
        several => format!("; it needs the permissions {}", several.join(" and ")),
    };
    let hint = call.forbidden.as_ref().map(|it| format!("; {it}")).unwrap_or_default();
    format!("{needed}{hint}")
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
