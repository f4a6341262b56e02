//! The queue before the gate: who waits, in which order they go, and who wakes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::api::gate::{Class, Gate, Outcome, Ticket, Verdict};

/// One queue and one gate for all requests of a client.
#[derive(Clone)]
pub struct Limiter(Arc<Shared>);

struct Shared {
    born: Instant,
    state: Mutex<State>,
}

struct State {
    gate: Gate,
    /// By class; within a class the oldest goes first, and a request that is sent again keeps its place.
    waiting: [BTreeMap<u64, oneshot::Sender<Permit>>; 3],
    next_place: u64,
    /// When somebody will look again, if a moment is being waited for.
    alarm: Option<Duration>,
}

/// The right to have one request under way.
pub struct Permit {
    limiter: Limiter,
    ticket: Option<Ticket>,
}

impl Limiter {
    /// A limiter around this gate.
    pub fn new(gate: Gate) -> Self {
        let state = State { gate, waiting: Default::default(), next_place: 0, alarm: None };
        Self(Arc::new(Shared { born: Instant::now(), state: Mutex::new(state) }))
    }

    /// A place in the queue. Lower goes first.
    pub fn place(&self) -> u64 {
        let mut state = self.state();
        state.next_place += 1;
        state.next_place
    }

    /// Waits until a request of this class, at this place of the queue, may go.
    pub async fn permit(&self, class: Class, place: u64) -> Permit {
        loop {
            let (wakes, woken) = oneshot::channel();
            self.state().waiting[class as usize].insert(place, wakes);
            self.dispatch();
            // It ends without a permit only when the place was given away, which nobody does.
            if let Ok(permit) = woken.await {
                return permit;
            }
        }
    }

    /// How long nothing is sent from now on, because the service asked for it.
    pub fn rests_for(&self) -> Duration {
        self.state().gate.rests_for(self.now())
    }

    fn now(&self) -> Duration {
        self.0.born.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everybody go who may.
    fn dispatch(&self) {
        while let Some((wakes, ticket)) = self.admit() {
            // Whoever no longer waits gives the permit back by dropping it.
            drop(wakes.send(Permit { limiter: self.clone(), ticket: Some(ticket) }));
        }
    }

    /// The next who may go, taken out of the queue.
    fn admit(&self) -> Option<(oneshot::Sender<Permit>, Ticket)> {
        let now = self.now();
        let mut state = self.state();
        let State { gate, waiting, .. } = &mut *state;
        for class in [Class::List, Class::Write, Class::Detail] {
            let queue = &mut waiting[class as usize];
            while queue.first_entry().is_some_and(|it| it.get().is_closed()) {
                queue.pop_first();
            }
            if queue.is_empty() || !gate.takes(class) {
                continue;
            }
            return match gate.may_go(now) {
                Verdict::Go => queue.pop_first().map(|(_, wakes)| (wakes, gate.go(class, now))),
                Verdict::Full => None,
                Verdict::NotBefore(moment) => {
                    if state.alarm.is_none_or(|it| moment < it) {
                        state.alarm = Some(moment);
                        tokio::spawn(wake(Arc::downgrade(&self.0), self.0.born + moment));
                    }
                    None
                }
            };
        }
        None
    }

    fn finish(&self, ticket: Ticket, outcome: Outcome) {
        let now = self.now();
        self.state().gate.done(ticket, outcome, now);
        self.dispatch();
    }
}

/// Looks again at a moment, if the client is still there.
async fn wake(limiter: Weak<Shared>, moment: Instant) {
    tokio::time::sleep_until(moment).await;
    if let Some(shared) = limiter.upgrade() {
        let limiter = Limiter(shared);
        limiter.state().alarm = None;
        limiter.dispatch();
    }
}

impl Permit {
    /// The request is done.
    pub fn done(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.limiter.finish(ticket, outcome);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.limiter.finish(ticket, Outcome::Other);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::Limiter;
    use crate::api::gate::{Class, Gate, Outcome};

    #[tokio::test(flavor = "current_thread")]
    async fn lists_go_before_writes_and_details_whoever_came_first() {
        let limiter = Limiter::new(Gate::new(1, 1, None));
        let busy = limiter.permit(Class::Detail, limiter.place()).await;
        let order = Rc::new(RefCell::new(Vec::new()));
        let waiting = tokio::task::LocalSet::new();
        for (name, class) in
            [("detail", Class::Detail), ("write", Class::Write), ("list", Class::List), ("list 2", Class::List)]
        {
            let (limiter, order) = (limiter.clone(), Rc::clone(&order));
            waiting.spawn_local(async move {
                let permit = limiter.permit(class, limiter.place()).await;
                order.borrow_mut().push(name);
                permit.done(Outcome::Clean);
            });
        }
        waiting.spawn_local(async move { drop(busy) });
        waiting.await;
        assert_eq!(*order.borrow(), ["list", "list 2", "write", "detail"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whoever_gives_up_waiting_keeps_nobody_else_from_going() {
        let limiter = Limiter::new(Gate::new(1, 1, None));
        let busy = limiter.permit(Class::List, limiter.place()).await;
        let mut gives_up = Box::pin(limiter.permit(Class::List, limiter.place()));
        tokio::select! {
            biased;
            _ = &mut gives_up => panic!("there is room for one only"),
            () = std::future::ready(()) => {}
        }
        drop(gives_up);
        drop(busy);
        limiter.permit(Class::Detail, limiter.place()).await.done(Outcome::Clean);
    }
}
