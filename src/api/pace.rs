//! How many requests a second: what was asked for, and what a service that refuses turned out to let through.
//!
//! Pure: every moment is handed in, as the time since the client was made.

use std::time::Duration;

/// Requests a second, with something saved up.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    rate: f64,
    most: f64,
    saved: f64,
    as_of: Duration,
}

impl Bucket {
    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.as_of).as_secs_f64();
        self.saved = (self.saved + passed * self.rate).min(self.most);
        self.as_of = self.as_of.max(now);
    }

    /// When there is enough for one request.
    fn ready_at(&mut self, now: Duration) -> Duration {
        self.fill(now);
        if self.saved >= 1.0 {
            return now;
        }
        now + Duration::from_secs_f64(((1.0 - self.saved) / self.rate).min(3600.0))
    }
}

/// A rate that was measured between two refusals.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Learned {
    bucket: Bucket,
    /// By how much the rate grows in a second, from `grows_from` on.
    growth: f64,
    grows_from: Duration,
}

/// The pace of the whole client.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    asked: Option<Bucket>,
    learned: Option<Learned>,
    /// When the last request was sent that found the service's own bucket empty.
    empty_at: Option<Duration>,
    /// How many were let through since.
    through: f64,
    /// How much the service lets through at once after a rest, as far as it is known.
    burst: f64,
}

/// How much faster a measured rate grows at first: it may have been measured while the service's bucket was full.
const FIRST_GROWTH: f64 = 2.0;
/// A rate that was confirmed is kept this long before more is tried.
const KEPT: Duration = Duration::from_secs(15);

impl Pace {
    /// A pace with a rate that must not be passed, if one is given. What two seconds allow may be sent at once.
    pub fn new(most: Option<f64>) -> Self {
        let asked = most.filter(|it| it.is_finite() && *it > 0.0).map(|rate| {
            let saved = (2.0 * rate).max(1.0);
            // A clock that runs a little fast must not turn the pace into refusals.
            Bucket { rate: rate * 0.998, most: saved, saved, as_of: Duration::ZERO }
        });
        Self { asked, burst: f64::INFINITY, ..Self::default() }
    }

    /// When the next request may go: `now`, or later.
    pub fn ready_at(&mut self, now: Duration) -> Duration {
        let asked = self.asked.as_mut().map_or(now, |it| it.ready_at(now));
        let learned = self.learned.as_mut().map_or(now, |it| {
            it.grow(now);
            it.bucket.ready_at(now)
        });
        asked.max(learned)
    }

    /// A request goes.
    pub fn take(&mut self) {
        for bucket in self.asked.iter_mut().chain(self.learned.iter_mut().map(|it| &mut it.bucket)) {
            bucket.saved -= 1.0;
        }
    }

    /// A request that was sent at `sent` was not refused.
    pub fn let_through(&mut self, sent: Duration) {
        if self.empty_at.is_none_or(|it| sent > it) {
            self.through += 1.0;
        }
    }

    /// Whether a rate has been measured.
    pub fn is_learned(&self) -> bool {
        self.learned.is_some()
    }

    /// The first refusal after a while: a request sent at `sent` found the service's bucket empty.
    ///
    /// Between two such moments the service let through exactly what its rate gave, unless its bucket
    /// was full in between: then it gave more than was taken. So what was measured is never too much.
    pub fn refused(&mut self, sent: Duration) {
        if self.through < 1.0 && self.empty_at.is_some() {
            // Still empty: the measuring goes on.
            return;
        }
        let through = std::mem::take(&mut self.through);
        let Some(before) = self.empty_at.replace(sent) else {
            // All that is known now is what a rested service takes at once.
            self.burst = through.max(1.0);
            return;
        };
        let measured = (through / sent.saturating_sub(before).as_secs_f64().max(0.05)).max(0.01);
        let (rate, growth, kept) = match self.learned {
            None => (measured, FIRST_GROWTH, Duration::ZERO),
            Some(known) => {
                if known.bucket.saved >= 1.0 {
                    // Refused while spending what was saved: so much cannot be saved there.
                    self.burst = self.burst.min(through.max(1.0));
                }
                let bound = 0.7 * known.bucket.rate;
                if measured >= bound {
                    (measured, 1.02, KEPT)
                } else {
                    (bound, known.growth.sqrt().max(1.02), Duration::ZERO)
                }
            }
        };
        let bucket = Bucket { rate: rate * 0.995, most: self.burst, saved: 0.0, as_of: sent };
        self.learned = Some(Learned { bucket, growth, grows_from: sent + kept });
    }

    /// Growing begins when sending does.
    pub fn resumes(&mut self, at: Duration) {
        if let Some(learned) = &mut self.learned {
            learned.grows_from = learned.grows_from.max(at);
        }
    }
}

impl Learned {
    fn grow(&mut self, now: Duration) {
        let since = now.saturating_sub(self.grows_from).as_secs_f64();
        if since > 0.0 {
            self.bucket.fill(now);
            self.bucket.rate *= self.growth.powf(since);
            self.grows_from = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nothing_waits_before_anything_is_known() {
        let mut pace = Pace::new(None);
        for _ in 0..1000 {
            assert_eq!(pace.ready_at(ms(1)), ms(1));
            pace.take();
        }
    }

    #[test]
    fn a_given_rate_is_kept_after_what_two_seconds_allow() {
        let mut pace = Pace::new(Some(50.0));
        let mut now = Duration::ZERO;
        for _ in 0..600 {
            now = pace.ready_at(now);
            pace.take();
        }
        assert!((9.9..10.1).contains(&now.as_secs_f64()), "{now:?}");
    }

    #[test]
    fn what_was_let_through_between_two_refusals_is_the_rate() {
        let mut pace = Pace::new(None);
        (0..100).for_each(|_| pace.let_through(ms(1)));
        pace.refused(ms(60));
        assert!(!pace.is_learned());
        (0..57).for_each(|it| pace.let_through(ms(1100 + it)));
        pace.refused(ms(1200));
        pace.resumes(ms(2200));
        assert!(pace.is_learned());
        // One second at fifty was saved up while nothing was sent.
        let mut sent = 0;
        while pace.ready_at(ms(2200)) == ms(2200) {
            pace.take();
            sent += 1;
        }
        assert!((48..=50).contains(&sent), "{sent}");
    }
}
