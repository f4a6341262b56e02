//! Whether a request may go now: how many are under way, how fast, and whether the service asked for a rest.
//!
//! Pure: every moment is handed in, as the time since the client was made.

use std::time::Duration;

use crate::api::pace::Pace;
use crate::api::retry::LONGEST_WAIT;

/// How many requests are under way at first.
const AT_FIRST: f64 = 8.0;
/// The first rest when the service refuses and does not say for how long; it doubles.
const FIRST_REST: Duration = Duration::from_secs(1);

/// Which requests go before which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Pages of lists: each names the next, so their chains decide how long a reading takes.
    List,
    /// Writes.
    Write,
    /// Everything that nothing waits for.
    Detail,
}

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Go,
    /// Not before this moment.
    NotBefore(Duration),
    /// Not before another one is done.
    Full,
}

/// What became of a request, as far as the gate minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer.
    Clean,
    /// 429, and the rest that was asked for, if any.
    Refused(Option<Duration>),
    /// 503 or no answer in time, and the rest that was asked for, if any.
    Overloaded(Option<Duration>),
    /// Something that says nothing about the service's load.
    Other,
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    class: Class,
    sent: Duration,
}

/// The state of the one gate that every request of a client passes.
#[derive(Clone, Debug)]
pub struct Gate {
    ceiling: f64,
    most_writes: usize,
    room: f64,
    under_way: usize,
    writes: usize,
    /// Nothing was ever refused: room grows with every answer, not with every round of them.
    untroubled: bool,
    /// Requests sent before this moment have had their effect on the room already.
    cut_at: Option<Duration>,
    /// Requests sent before this moment belong to the last wave of refusals.
    wave: Option<Duration>,
    rests_until: Duration,
    /// The rest is over, or will be, and one request goes ahead of the others.
    scouting: bool,
    rests_in_a_row: u32,
    pace: Pace,
}

impl Gate {
    /// A gate for at most `ceiling` requests at once, `most_writes` of them writes, at no more than `most` a second.
    pub fn new(ceiling: usize, most_writes: usize, most: Option<f64>) -> Self {
        let ceiling = f64::from(u32::try_from(ceiling.max(1)).unwrap_or(u32::MAX));
        Self {
            ceiling,
            most_writes: most_writes.max(1),
            room: AT_FIRST.min(ceiling),
            under_way: 0,
            writes: 0,
            untroubled: true,
            cut_at: None,
            wave: None,
            rests_until: Duration::ZERO,
            scouting: false,
            rests_in_a_row: 0,
            pace: Pace::new(most),
        }
    }

    /// Whether a request may go now.
    pub fn may_go(&mut self, now: Duration) -> Verdict {
        if now < self.rests_until {
            return Verdict::NotBefore(self.rests_until);
        }
        // The room is at least one, and whole requests are counted.
        if self.under_way > 0 && (self.scouting || (self.under_way + 1) as f64 > self.room) {
            return Verdict::Full;
        }
        match self.pace.ready_at(now) {
            ready if ready > now => Verdict::NotBefore(ready),
            _ => Verdict::Go,
        }
    }

    /// Whether there is room for another request of this class, apart from all else.
    pub fn takes(&self, class: Class) -> bool {
        class != Class::Write || self.writes < self.most_writes
    }

    /// A request goes.
    pub fn go(&mut self, class: Class, now: Duration) -> Ticket {
        self.under_way += 1;
        self.writes += usize::from(class == Class::Write);
        self.pace.take();
        Ticket { class, sent: now }
    }

    /// A request is done.
    pub fn done(&mut self, ticket: Ticket, outcome: Outcome, now: Duration) {
        self.under_way -= 1;
        self.writes -= usize::from(ticket.class == Class::Write);
        let after_rest = ticket.sent >= self.rests_until;
        match outcome {
            Outcome::Clean => {
                self.scouting &= !after_rest;
                if after_rest {
                    self.rests_in_a_row = 0;
                }
                self.pace.let_through(ticket.sent);
                self.grow();
            }
            Outcome::Refused(rest) => {
                if self.wave.is_none_or(|it| ticket.sent >= it) {
                    self.wave = Some(now);
                    if !self.pace.is_learned() {
                        self.cut(ticket.sent, now, AT_FIRST);
                    }
                    self.pace.refused(ticket.sent);
                    let rest = rest.unwrap_or_else(|| self.own_rest());
                    self.rest(rest, now);
                } else if let Some(rest) = rest
                    && self.rests_until < now + rest.mul_f64(0.75)
                {
                    // More than what the wave's first answer said, apart from chance.
                    self.rest(rest, now);
                }
            }
            Outcome::Overloaded(rest) => {
                self.cut(ticket.sent, now, f64::INFINITY);
                if let Some(rest) = rest {
                    self.rest(rest, now);
                }
            }
            Outcome::Other => self.scouting &= !after_rest,
        }
    }

    /// How long nothing is sent from now on.
    pub fn rests_for(&self, now: Duration) -> Duration {
        self.rests_until.saturating_sub(now)
    }

    fn grow(&mut self) {
        let step = if self.untroubled { 2.0 } else { 1.0 / self.room };
        self.room = (self.room + step).min(self.ceiling);
    }

    /// Half the room, once for all the requests that were under way together, and at most `most`.
    fn cut(&mut self, sent: Duration, now: Duration, most: f64) {
        if self.cut_at.is_none_or(|it| sent >= it) {
            self.cut_at = Some(now);
            self.untroubled = false;
            self.room = (self.room / 2.0).min(most).max(1.0);
        }
    }

    fn own_rest(&mut self) -> Duration {
        let rest = FIRST_REST.saturating_mul(1_u32.checked_shl(self.rests_in_a_row).unwrap_or(u32::MAX));
        self.rests_in_a_row += 1;
        rest
    }

    fn rest(&mut self, rest: Duration, now: Duration) {
        let until = now + rest.min(LONGEST_WAIT.mul_f64(1.25));
        if !rest.is_zero() && until > self.rests_until {
            self.rests_until = until;
            self.scouting = true;
            self.pace.resumes(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::time::Duration;

    use super::{Class, Gate, Outcome, Ticket, Verdict};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// How a service limits: a bucket that fills, or a number for each window.
    enum Limit {
        Bucket { rate: f64, burst: f64, says: bool },
        Window { most: u32, length: Duration },
    }

    /// What a client saw that sent `requests` requests through `gate` to a service with this limit.
    struct Seen {
        wall: f64,
        refused: u32,
    }

    fn simulate(mut gate: Gate, limit: &Limit, latency: Duration, mut requests: u32) -> Seen {
        let mut under_way: BinaryHeap<Reverse<(Duration, u64)>> = BinaryHeap::new();
        let mut tickets: Vec<(Ticket, Outcome)> = Vec::new();
        let (mut now, mut refused, mut used) = (Duration::ZERO, 0, 0);
        let (mut tokens, mut filled) =
            (if let Limit::Bucket { burst, .. } = limit { *burst } else { 0.0 }, Duration::ZERO);
        let mut window = 0;
        while requests > 0 || !under_way.is_empty() {
            let mut wake = None;
            while requests > 0 {
                match gate.may_go(now) {
                    Verdict::Go => {
                        requests -= 1;
                        let ticket = gate.go(Class::Detail, now);
                        let outcome = match limit {
                            Limit::Bucket { rate, burst, says } => {
                                tokens = (tokens + (now - filled).as_secs_f64() * rate).min(*burst);
                                filled = now;
                                if tokens >= 1.0 {
                                    tokens -= 1.0;
                                    Outcome::Clean
                                } else {
                                    Outcome::Refused(says.then_some(ms(1000)))
                                }
                            }
                            Limit::Window { most, length } => {
                                let current = now.as_millis() / length.as_millis();
                                (used, window) = if current == window { (used, window) } else { (0, current) };
                                used += 1;
                                if used <= *most { Outcome::Clean } else { Outcome::Refused(None) }
                            }
                        };
                        tickets.push((ticket, outcome));
                        // Answers come back in the order of sending, a microsecond apart.
                        let place = tickets.len() as u64 - 1;
                        under_way.push(Reverse((now + latency + Duration::from_micros(place % 100), place)));
                    }
                    Verdict::NotBefore(at) => {
                        wake = Some(at);
                        break;
                    }
                    Verdict::Full => break,
                }
            }
            let next = under_way.peek().map(|it| it.0.0);
            match (next, wake) {
                (Some(done), at) if at.is_none_or(|it| done <= it) => {
                    now = done;
                    let place = under_way.pop().expect("one is under way").0.1;
                    let (ticket, outcome) = tickets[usize::try_from(place).expect("a place")];
                    if matches!(outcome, Outcome::Refused(_)) {
                        refused += 1;
                        requests += 1;
                    }
                    gate.done(ticket, outcome, now);
                }
                (_, Some(at)) => now = at,
                (_, None) => panic!("the gate is stuck"),
            }
        }
        Seen { wall: now.as_secs_f64(), refused }
    }

    #[test]
    fn an_untroubled_client_soon_uses_all_the_room_it_may() {
        let mut gate = Gate::new(32, 8, None);
        let first: Vec<Ticket> = (0..8).map(|_| gate.go(Class::List, ms(0))).collect();
        assert_eq!(gate.may_go(ms(0)), Verdict::Full);
        for ticket in first {
            gate.done(ticket, Outcome::Clean, ms(20));
        }
        let room =
            std::iter::from_fn(|| (gate.may_go(ms(20)) == Verdict::Go).then(|| gate.go(Class::Detail, ms(20)))).count();
        assert_eq!(room, 24);
    }

    #[test]
    fn one_refusal_rests_the_whole_client_and_halves_its_room_once() {
        let mut gate = Gate::new(16, 8, None);
        let wave: Vec<Ticket> = (0..8).map(|_| gate.go(Class::Detail, ms(0))).collect();
        for ticket in wave {
            gate.done(ticket, Outcome::Refused(Some(ms(1000))), ms(20));
        }
        assert_eq!(gate.may_go(ms(1019)), Verdict::NotBefore(ms(1020)));
        // One goes ahead; when it is through, the others follow.
        let scout = gate.go(Class::Detail, ms(1020));
        assert_eq!(gate.may_go(ms(1020)), Verdict::Full);
        gate.done(scout, Outcome::Clean, ms(1040));
        let room =
            std::iter::from_fn(|| (gate.may_go(ms(1040)) == Verdict::Go).then(|| gate.go(Class::Detail, ms(1040))))
                .count();
        assert_eq!(room, 4);
    }

    #[test]
    fn rests_double_when_the_service_does_not_say_how_long() {
        let mut gate = Gate::new(1, 1, None);
        let mut now = Duration::ZERO;
        let mut rests = Vec::new();
        for _ in 0..9 {
            let ticket = gate.go(Class::Detail, now);
            gate.done(ticket, Outcome::Refused(None), now);
            rests.push(gate.rests_for(now).as_secs());
            now += gate.rests_for(now);
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 64, 75, 75]);
    }

    #[test]
    fn writes_have_a_ceiling_of_their_own() {
        let mut gate = Gate::new(32, 2, None);
        let first = gate.go(Class::Write, ms(0));
        gate.go(Class::Write, ms(0));
        assert!(!gate.takes(Class::Write) && gate.takes(Class::Detail));
        gate.done(first, Outcome::Other, ms(1));
        assert!(gate.takes(Class::Write));
    }

    #[test]
    fn a_limited_service_is_used_almost_fully_with_few_refusals() {
        // Bound of wall over ideal, and of refusals beyond what is in flight, as a share of the requests.
        for (rate, burst, latency, wall, share) in [
            (50.0, 100.0, 1, 1.05, 0.03),
            (50.0, 100.0, 20, 1.05, 0.03),
            (50.0, 100.0, 200, 1.10, 0.06),
            (20.0, 40.0, 20, 1.05, 0.03),
            (200.0, 400.0, 20, 1.15, 0.03),
            (50.0, 10.0, 20, 2.0, 0.06),
        ] {
            let limit = Limit::Bucket { rate, burst, says: true };
            let seen = simulate(Gate::new(32, 8, None), &limit, ms(latency), 715);
            let ratio = seen.wall / ((715.0 - burst) / rate);
            let fits = ratio <= wall && f64::from(seen.refused) <= 32.0 + 715.0 * share;
            assert!(fits, "{rate}/s, burst {burst}, {latency} ms: {ratio:.3} of ideal, {} refused", seen.refused);
        }
    }

    #[test]
    fn a_known_rate_meets_hardly_a_refusal() {
        for latency in [1, 20, 80] {
            let limit = Limit::Bucket { rate: 50.0, burst: 100.0, says: true };
            let seen = simulate(Gate::new(32, 8, Some(50.0)), &limit, ms(latency), 715);
            let ratio = seen.wall / 12.3;
            assert!(ratio <= 1.02 && seen.refused <= 7, "{latency} ms: {ratio:.3} of ideal, {} refused", seen.refused);
        }
    }

    #[test]
    fn a_service_that_says_nothing_is_survived() {
        let limit = Limit::Window { most: 300, length: Duration::from_secs(10) };
        let seen = simulate(Gate::new(32, 8, None), &limit, ms(20), 715);
        assert!(seen.wall <= 40.0 && seen.refused <= 80, "window: {:.1} s, {} refused", seen.wall, seen.refused);
        let limit = Limit::Bucket { rate: 50.0, burst: 100.0, says: false };
        let seen = simulate(Gate::new(32, 8, None), &limit, ms(20), 715);
        assert!(seen.wall <= 16.0 && seen.refused <= 60, "bucket: {:.1} s, {} refused", seen.wall, seen.refused);
    }
}
