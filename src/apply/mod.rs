//! Carries out a plan: which step is next ([`schedule`]), its calls ([`holes`], [`send`]), what their
//! answers give ([`receive`]), what is sent in parts ([`parts`]) and read again ([`check`]), and where new secrets go ([`sinks`]). [`run`] is the way in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use crate::api::WriteClient;
use crate::model::{Hole, Instant, Outcome, Plan, Report, ResourceId, StepReport, Verification, report};
use crate::plan::carried;

mod check;
mod file_sink;
mod git;
mod guard;
mod holes;
mod parts;
mod receive;
mod schedule;
mod secrets;
mod send;
mod sinks;
#[cfg(test)]
mod tests;

pub use holes::{Given, secure_nonce};
pub use secrets::{Secrets, variables};
pub use sinks::{Sinks, addresses};

use schedule::Schedule;
use send::{Ended, Sender, Sign};

/// How many steps are under way at once, unless somebody says otherwise.
pub const CONCURRENCY: usize = 8;
/// How often the service is read again, and how long is waited in between: what was just written may take a
/// moment to be seen (CONTRACT U2).
pub const READINGS: u32 = 3;
/// See [`READINGS`].
pub const PAUSE: Duration = Duration::from_millis(1500);
/// After so many steps in a row that met a broken service, nothing more is sent.
const BREAKDOWNS: usize = 5;
const CANCELLED: &str = "cancelled before it was started";

/// What an apply needs besides the plan and the service.
pub struct Means {
    /// The plan's sinks, opened and tried.
    pub sinks: Sinks,
    /// The secrets the plan sends, looked up.
    pub secrets: Secrets,
    /// What the manifest gives and the plan must not hold: see [`wanted`].
    pub given: Given,
    /// How many steps are under way at once: [`CONCURRENCY`].
    pub concurrency: usize,
    /// Reads the clock.
    pub now: Box<dyn Fn() -> Instant>,
    /// Makes up the end of a fresh name: [`secure_nonce`].
    pub nonce: Box<dyn Fn() -> Result<String, String>>,
    /// How long is waited between two readings of what was just written: [`PAUSE`].
    pub pause: Duration,
    /// Once true, nothing new is sent; calls under way finish, and are taken back if they must be.
    pub stop: watch::Receiver<bool>,
}

/// Something that happened while a plan was being carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step's first call is sent next.
    Started {
        /// The step's number in the plan.
        step: usize,
        /// Whose step it is.
        id: ResourceId,
        /// What it is to do.
        what: String,
    },
    /// A step has ended. Skipped ones end too, without having been started.
    Finished {
        /// The step's number in the plan.
        step: usize,
        /// Whose step it is.
        id: ResourceId,
        /// What became of it.
        outcome: Outcome,
    },
}

type Running<'a> = Vec<Pin<Box<dyn Future<Output = (usize, Ended)> + 'a>>>;

/// Carries out a plan. Never fails as a whole: the report says what became of every step.
/// Reading again what was touched is left to the caller.
pub async fn run(plan: &Plan, client: &WriteClient, means: Means, on_event: &dyn Fn(Event)) -> Report {
    let Means { sinks, secrets, given, concurrency, now, nonce, pause, stop } = means;
    let mut schedule = match Schedule::of(plan) {
        Ok(schedule) => schedule,
        Err(why) => return to_report(plan, schedule::nothing_of(plan, &why)),
    };
    let sender = Sender {
        client,
        sinks: Arc::new(sinks),
        secrets,
        now,
        nonce,
        given,
        stop: stop.clone(),
        kept: RefCell::default(),
        no_route: RefCell::default(),
        refused: RefCell::default(),
        pause,
    };
    let sender = &sender;
    let finished = |schedule: &Schedule<'_>, index: usize| {
        let (id, action) = schedule.step(index);
        if let Some(outcome) = schedule.outcome(index).cloned() {
            on_event(Event::Finished { step: action.step, id: id.clone(), outcome });
        }
    };
    let mut running: Running<'_> = Vec::new();
    let mut breakdowns = 0;
    let mut given_up = None;
    loop {
        while running.len() < concurrency.max(1) && given_up.is_none() && !*stop.borrow() {
            let Some(index) = schedule.take() else { break };
            let (id, action) = schedule.step(index);
            on_event(Event::Started { step: action.step, id: id.clone(), what: action.what.clone() });
            let lost = || plan.all_changes().find(|it| it.id == *id).map(carried::lost).unwrap_or_default();
            running.push(Box::pin(async move { (index, sender.step(id, action, lost).await) }));
        }
        if running.is_empty() {
            break;
        }
        let (index, Ended { outcome, sign }) = next_ended(&mut running).await;
        breakdowns = match sign {
            Sign::Answering => 0,
            Sign::Broken => breakdowns + 1,
            Sign::Overrun | Sign::Unauthorized | Sign::Nothing => breakdowns,
        };
        given_up = given_up.or(match sign {
            Sign::Unauthorized => Some("the service no longer accepts the access token"),
            Sign::Overrun => Some("the service asks for a longer rest than is waited for"),
            Sign::Broken if breakdowns >= BREAKDOWNS => {
                Some("too many steps in a row met a service that does not answer")
            }
            Sign::Broken | Sign::Answering | Sign::Nothing => None,
        });
        let skipped = schedule.end(index, outcome);
        finished(&schedule, index);
        skipped.into_iter().for_each(|it| finished(&schedule, it));
    }
    for index in schedule.give_up(given_up.unwrap_or(CANCELLED)) {
        finished(&schedule, index);
    }
    to_report(plan, schedule.into_reports())
}

/// The values of the manifest that a plan's calls need and that the plan does not hold: of which entry, and where.
pub fn wanted(plan: &Plan) -> BTreeSet<(ResourceId, String)> {
    let calls = plan.all_changes().flat_map(|it| &it.steps).flat_map(|it| &it.calls);
    let holes = calls.flat_map(|it| it.holes.values());
    holes
        .filter_map(|it| match it {
            Hole::Given { of, pointer, .. } => Some((of.clone(), pointer.clone())),
            Hole::Kept { .. } | Hole::FreshName { .. } | Hole::After { .. } | Hole::Environment { .. } => None,
        })
        .collect()
}

/// The resources that may differ from what they were before: those of every step that was tried.
pub fn touched(report: &Report) -> BTreeSet<ResourceId> {
    let tried = report.steps.iter().filter(|it| match it.outcome {
        Outcome::Done { .. } | Outcome::Failed { .. } => true,
        Outcome::Skipped { .. } => false,
    });
    tried.map(|it| it.id.clone()).collect()
}

fn to_report(plan: &Plan, steps: Vec<StepReport>) -> Report {
    Report {
        format: report::FORMAT.to_owned(),
        format_version: report::FORMAT_VERSION.to_owned(),
        organization: plan.organization.clone(),
        checksum: plan.checksum.clone(),
        steps,
        verification: Verification::NotNeeded,
    }
}

/// Waits for whichever step ends first. There are never more than a few, so all of them are asked.
async fn next_ended(running: &mut Running<'_>) -> (usize, Ended) {
    std::future::poll_fn(|context| {
        for place in 0..running.len() {
            if let Poll::Ready(ended) = running[place].as_mut().poll(context) {
                drop(running.swap_remove(place));
                return Poll::Ready(ended);
            }
        }
        Poll::Pending
    })
    .await
}
