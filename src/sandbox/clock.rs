//! Times and durations in the shapes the service writes them.

use jiff::Timestamp;

/// What the service answers for a time that was never set.
pub const UNSET: &str = "0001-01-01T00:00:00Z";

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// The system's clock, in Unix seconds.
pub fn system() -> i64 {
    Timestamp::now().as_second()
}

/// `2026-08-21T10:00:00Z`.
pub fn rfc3339(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => UNSET.to_owned(),
    }
}

/// `2026-04-19 15:07:54.693`: the shape of OIDC issuers, which has no zone.
pub fn zoneless(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S.000").to_string(),
        Err(_) => "0001-01-01 00:00:00.000".to_owned(),
    }
}

/// Reads a Go duration (`1h30m`, `90s`, `1.5h`) as nanoseconds.
pub fn parse_go_duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|it: char| it.is_ascii_digit() || it == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let scale: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        total = total.checked_add(scaled(number, scale)?)?;
        rest = after;
    }
    (total <= i128::from(i64::MAX)).then_some(if negative { -total } else { total })
}

fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale)?;
    let mut place = scale;
    for digit in part.chars() {
        place /= 10;
        total += i128::from(digit.to_digit(10)?) * place;
    }
    Some(total)
}

/// Writes nanoseconds as Go does: `1h0m0s`, `15m0s`, `1.5s`, `300ms`, `0s`.
pub fn format_go_duration(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let left = nanoseconds.unsigned_abs();
    if left == 0 {
        return "0s".to_owned();
    }
    if left < 1_000_000_000 {
        let (scale, unit) = match left {
            1_000_000.. => (1_000_000, "ms"),
            1_000.. => (1_000, "µs"),
            _ => (1, "ns"),
        };
        return format!("{sign}{}{unit}", decimal(left, scale));
    }
    let minutes = left / 60_000_000_000;
    let seconds = decimal(left % 60_000_000_000, 1_000_000_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{seconds}s")
    }
}

fn decimal(value: u128, scale: u128) -> String {
    let part = value % scale;
    if part == 0 {
        return (value / scale).to_string();
    }
    let width = scale.to_string().len() - 1;
    let digits = format!("{part:0width$}");
    format!("{}.{}", value / scale, digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_normalised() {
        let cases = [
            ("1h", "1h0m0s"),
            ("15m", "15m0s"),
            ("90s", "1m30s"),
            ("1.5h", "1h30m0s"),
            ("1500ms", "1.5s"),
            ("300ms", "300ms"),
            ("0", "0s"),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse_go_duration(text).map(format_go_duration).as_deref(), Some(wanted));
        }
        for text in ["", "h", "1", "1x", ".", "1d", "abc"] {
            assert_eq!(parse_go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn times_have_the_shapes_of_the_service() {
        assert_eq!(rfc3339(1_787_306_400), "2026-08-21T10:00:00Z");
        assert_eq!(zoneless(1_787_306_400), "2026-08-21 10:00:00.000");
    }
}
