//! A length of time as people write it: `90d`, `12h`, `1h30m`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole seconds; printed in one canonical way, so that `60m`, `1h` and the
/// service's `1h0m0s` are one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Seconds.
    pub seconds: i64,
}

/// What a duration must look like, for the schema and its message.
pub const DURATION_PATTERN: &str = "^([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,9}s)?$";

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no duration; write 90d, 12h, 15m or 1h30m");
        let mut seconds: i64 = 0;
        let mut digits = String::new();
        let mut last_unit = i64::MAX;
        for character in text.chars() {
            if character.is_ascii_digit() {
                digits.push(character);
                continue;
            }
            let unit = match character {
                'd' => 86_400,
                'h' => 3_600,
                'm' => 60,
                's' => 1,
                _ => return Err(wrong()),
            };
            let number: i64 = digits.parse().map_err(|_| wrong())?;
            if unit >= last_unit {
                return Err(wrong());
            }
            last_unit = unit;
            digits.clear();
            seconds = number.checked_mul(unit).and_then(|it| it.checked_add(seconds)).ok_or_else(wrong)?;
        }
        if !digits.is_empty() || last_unit == i64::MAX {
            return Err(wrong());
        }
        Ok(Self { seconds })
    }
}

impl Duration {
    /// As Go prints durations, which is how the service keeps them: `1h0m0s`.
    pub fn to_go(self) -> String {
        let (hours, minutes, seconds) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        match (hours, minutes) {
            (0, 0) => format!("{seconds}s"),
            (0, _) => format!("{minutes}m{seconds}s"),
            _ => format!("{hours}h{minutes}m{seconds}s"),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds;
        for (unit, letter) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
            if rest >= unit {
                write!(f, "{}{letter}", rest / unit)?;
                rest %= unit;
            }
        }
        if self.seconds == 0 { f.write_str("0d") } else { Ok(()) }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time: days, hours, minutes or seconds, such as `90d`, `12h`, `15m` or `1h30m`.",
            "minLength": 2,
            "pattern": DURATION_PATTERN,
            "patternErrorMessage": "Write a length of time such as 90d, 12h, 15m or 1h30m.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn equal_lengths_print_alike() {
        for text in ["60m", "1h", "1h0m0s", "3600s"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), "1h");
        }
        assert_eq!("90d".parse::<Duration>().unwrap().to_string(), "90d");
        assert_eq!("90m".parse::<Duration>().unwrap().to_go(), "1h30m0s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "90", "d", "1m1h", "1h 2m", "-1h", "1w", "99999999999999999999d"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
