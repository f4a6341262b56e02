//! Whether, and after which wait, a failed read is sent again. Pure: chance and the clock are handed in.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::api::error::{ApiError, Failure};

/// How often one read is sent at most.
pub const ATTEMPTS: u32 = 5;
/// How often a request is sent that is refused with 429, at least. Those waits are the whole client's.
const REFUSALS: u32 = 10;
/// How long a service may go on refusing, at least: some count over windows of five minutes, and ask for a second
/// all the while.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest wait that the service may ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long to wait before sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub base: Duration,
    /// The bound of every wait.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(250), cap: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The wait after `attempts` attempts: anything up to a bound that doubles, by `chance` from 0 to 1.
    pub fn wait(&self, attempts: u32, chance: f64) -> Duration {
        let bound = self.base.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        bound.min(self.cap).mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// How patiently one request, read or write, bears being refused with 429. Nothing was done then, so that
/// sending it again when the client's gate opens changes nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    count: u32,
    since: Option<Instant>,
}

impl Refusals {
    /// How often it was refused.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Takes a failure into account: whether it is a refusal, and not yet the last one that is borne.
    pub fn bear(&mut self, error: &ApiError, now: Instant) -> bool {
        if again(error) != Again::AtTheGate {
            return false;
        }
        self.count += 1;
        let since = *self.since.get_or_insert(now);
        self.count < REFUSALS || now.saturating_duration_since(since) < PATIENCE
    }
}

/// What a failure means for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Sending it again would change nothing.
    Never,
    /// When the client's gate opens again.
    AtTheGate,
    /// After a wait of its own, at this price.
    After(u32),
}

/// What `failure` means for a read.
pub fn again(error: &ApiError) -> Again {
    let bearable = |wait: &Option<Duration>| wait.is_none_or(|it| it <= LONGEST_WAIT);
    match &error.failure {
        Failure::TooManyRequests { wait } if bearable(wait) => Again::AtTheGate,
        Failure::Server { wait } if bearable(wait) && !matches!(error.status(), Some(501 | 505)) => Again::After(5),
        Failure::Refused if error.status() == Some(408) => Again::After(10),
        Failure::Timeout { .. } => Again::After(10),
        Failure::Connection { what, .. } if !is_lasting(what) => Again::After(5),
        _ => Again::Never,
    }
}

/// Whether a connection fails for a reason that the next attempt will meet as well.
fn is_lasting(what: &str) -> bool {
    what.contains("certificate") || what.contains("TLS cannot be set up")
}

/// How much sending again is allowed in all: a fifth of what succeeds, after the first twenty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(u32);

impl Budget {
    const FULL: u32 = 100;

    /// Takes the price of sending again, if there is enough.
    pub fn spend(&mut self, price: u32) -> bool {
        let left = self.0.checked_sub(price);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }

    /// A success gives something back.
    pub fn earn(&mut self) {
        self.0 = (self.0 + 1).min(Self::FULL);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(Self::FULL)
    }
}

/// How long the service asks to wait, from its `Retry-After` fields, or nothing that makes sense.
///
/// Seconds and all three forms of a date are read. A wait of nothing, a date that is past, and
/// whatever is neither, count as not said. Of several, the longest holds.
pub fn retry_after<'a>(fields: impl IntoIterator<Item = &'a str>, now: i64) -> Option<Duration> {
    fields.into_iter().filter_map(|it| one_wait(it.trim(), now)).max()
}

fn one_wait(text: &str, now: i64) -> Option<Duration> {
    let seconds = if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
        text.parse().unwrap_or(u64::MAX)
    } else {
        u64::try_from(moment(text)?.checked_sub(now)?).ok()?
    };
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// A date of HTTP in Unix seconds: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`
/// or `Sun Nov  6 08:49:37 1994`.
fn moment(text: &str) -> Option<i64> {
    let formats = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date: DateTime = formats.iter().find_map(|it| strtime::parse(it, text).ok()?.to_datetime().ok())?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Again, Backoff, Budget, Refusals, again, retry_after};
    use crate::api::error::{ApiError, Failure};

    const NOW: i64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    #[test]
    fn every_form_of_retry_after_is_read() {
        for (text, seconds) in [
            ("7", 7),
            (" 120 ", 120),
            ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
            ("Sunday, 06-Nov-94 08:50:07 GMT", 30),
            ("Sun Nov  6 08:50:07 1994", 30),
            ("99999999999999999999999", u64::MAX),
        ] {
            assert_eq!(retry_after([text], NOW), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_obeyed() {
        for text in [
            "",
            "0",
            "-5",
            "1.5",
            "1e20",
            "soon",
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Mon, 99 Nov 1994 08:49:36 GMT",
            "+3",
        ] {
            assert_eq!(retry_after([text], NOW), None, "{text}");
        }
        assert_eq!(retry_after(["junk", "3", "2"], NOW), Some(Duration::from_secs(3)));
        assert_eq!(retry_after([], NOW), None);
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let backoff = Backoff::default();
        let bounds: Vec<u128> = (1..=8).map(|it| backoff.wait(it, 1.0).as_millis()).collect();
        assert_eq!(bounds, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(backoff.wait(3, 0.0), Duration::ZERO);
        assert_eq!(backoff.wait(99, 0.5), Duration::from_secs(5));
    }

    #[test]
    fn steady_failure_is_paid_from_a_budget_that_ends() {
        let mut budget = Budget::default();
        assert_eq!((0..100).filter(|_| budget.spend(5)).count(), 20);
        (0..5).for_each(|_| budget.earn());
        assert!(budget.spend(5) && !budget.spend(5));
    }

    #[test]
    fn refusals_are_borne_for_five_minutes_and_ten_times_at_least() {
        let refusal = |wait| ApiError::new(Failure::TooManyRequests { wait }, "PATCH", "/");
        let begun = Instant::now();
        let borne = |every: u64| {
            let mut refusals = Refusals::default();
            let at = |count: u64| begun + Duration::from_secs(count * every);
            (0..).take_while(|it| refusals.bear(&refusal(None), at(*it))).count()
        };
        assert_eq!((borne(1), borne(30), borne(60)), (300, 10, 9));
        let mut refusals = Refusals::default();
        assert!(!refusals.bear(&refusal(Some(Duration::from_secs(61))), begun));
        assert!(!refusals.bear(&ApiError::new(Failure::Conflict, "PATCH", "/"), begun));
    }

    #[test]
    fn only_what_may_pass_is_sent_again() {
        let of = |failure| again(&ApiError::new(failure, "GET", "/"));
        assert_eq!(of(Failure::Server { wait: None }), Again::After(5));
        assert_eq!(of(Failure::Timeout { what: String::new(), maybe_applied: false }), Again::After(10));
        assert_eq!(of(Failure::TooManyRequests { wait: None }), Again::AtTheGate);
        assert_eq!(of(Failure::TooManyRequests { wait: Some(Duration::from_secs(61)) }), Again::Never);
        let bad = "invalid peer certificate: UnknownIssuer".to_owned();
        assert_eq!(of(Failure::Connection { what: bad, maybe_applied: false }), Again::Never);
        for failure in
            [Failure::Unauthorized, Failure::Forbidden, Failure::Contract(String::new()), Failure::BadRequest]
        {
            assert_eq!(of(failure), Again::Never);
        }
    }
}
