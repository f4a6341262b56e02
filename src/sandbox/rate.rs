//! A rate limit: a token bucket that says how long to wait.

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use std::str::FromStr;
use tokio::time::Instant;

/// How many requests are let through. In text `50/s`, `600/m`, or `50/s,burst=100`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    /// How many may come at once; one second's worth if nothing else is said.
    pub burst: u32,
}

/// A bucket that fills at a rate.
#[derive(Debug)]
pub struct Bucket {
    rate: Rate,
    left: f64,
    filled: Instant,
}

impl Bucket {
    pub fn new(rate: Rate) -> Bucket {
        Bucket { rate, left: f64::from(rate.burst), filled: Instant::now() }
    }

    /// Lets a request through, or says after how many whole seconds to come back.
    pub fn take(&mut self) -> Result<(), u64> {
        self.take_at(Instant::now())
    }

    fn take_at(&mut self, now: Instant) -> Result<(), u64> {
        let gained = (now - self.filled).as_secs_f64() * self.rate.per_second;
        self.left = (self.left + gained).min(f64::from(self.rate.burst));
        self.filled = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.left) / self.rate.per_second;
        Err((wait.ceil() as u64).max(1))
    }
}

impl FromStr for Rate {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Rate> {
        let (pace, burst) = match text.split_once(",burst=") {
            Some((pace, burst)) => (pace, Some(burst)),
            None => (text, None),
        };
        let (number, unit) = pace.split_once('/').context("a rate looks like `50/s`")?;
        let number: f64 = number.parse().context("a rate looks like `50/s`")?;
        let per_second = match unit {
            "s" => number,
            "m" => number / 60.0,
            _ => bail!("a rate is per `s` or `m`"),
        };
        if !per_second.is_finite() || per_second <= 0.0 {
            bail!("a rate is more than nothing");
        }
        let burst = match burst {
            Some(text) => text.parse().context("`burst` is a whole number")?,
            None => per_second.ceil().max(1.0) as u32,
        };
        if burst == 0 {
            bail!("a burst is at least one request");
        }
        Ok(Rate { per_second, burst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_text() {
        assert_eq!("50/s".parse::<Rate>().expect("a rate"), Rate { per_second: 50.0, burst: 50 });
        let rate: Rate = "50/s,burst=100".parse().expect("a rate");
        assert_eq!(rate, Rate { per_second: 50.0, burst: 100 });
        for text in ["", "50", "50/h", "0/s", "-1/s", "50/s,burst=0", "x/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_bucket_asks_for_whole_seconds() {
        let mut bucket = Bucket::new(Rate { per_second: 0.5, burst: 2 });
        let start = bucket.filled;
        assert_eq!(bucket.take_at(start), Ok(()));
        assert_eq!(bucket.take_at(start), Ok(()));
        assert_eq!(bucket.take_at(start), Err(2));
        let later = start + std::time::Duration::from_secs(2);
        assert_eq!(bucket.take_at(later), Ok(()));
        assert_eq!(bucket.take_at(later), Err(2));
    }
}
