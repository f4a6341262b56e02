//! A moment, in Unix seconds: the one moment against which a plan judges age.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment in Unix seconds. Read from the clock only by the shell, and handed down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads an RFC 3339 full-date (midnight UTC at the start of that day) or date-time.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(moment.as_second()));
        }
        let wrong = || format!("`{text}` is no date; write 2027-05-01 or 2027-05-01T12:00:00Z");
        let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        if text.len() != 10 {
            return Err(wrong());
        }
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        Ok(Self(midnight.timestamp().as_second()))
    }

    /// As a date-time (RFC 3339, UTC), at midnight as well; nothing where it is beyond the calendar.
    pub fn to_date_time(self) -> Option<String> {
        jiff::Timestamp::from_second(self.0).ok().map(|it| it.to_string())
    }

    /// As `2027-05-01` at midnight UTC, else as a date-time: the form [`Instant::parse`] reads back.
    pub fn to_text(self) -> String {
        let Ok(moment) = jiff::Timestamp::from_second(self.0) else { return self.0.to_string() };
        let text = moment.to_string();
        match text.strip_suffix("T00:00:00Z") {
            Some(date) => date.to_owned(),
            None => text,
        }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
