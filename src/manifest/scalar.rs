//! What a plain scalar means: the core schema of YAML 1.2, with `true` and `false` as the only booleans.

use serde_json::Number;

/// What a plain scalar means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that JSON can hold.
    Number(Number),
    /// `.inf`, `.nan`, or a number too large for anything.
    Endless,
    /// Anything else.
    Text,
}

/// Reads a plain scalar.
pub(super) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" => return Plain::Bool(true),
        "false" => return Plain::Bool(false),
        _ => {}
    }
    let Some(first) = text.bytes().next() else { return Plain::Null };
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return Plain::Text;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::Endless;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let sound = !digits.is_empty() && digits.chars().all(|it| it.is_digit(radix));
            return match u64::from_str_radix(digits, radix) {
                Ok(value) if sound => Plain::Number(value.into()),
                _ if sound => Plain::Endless,
                _ => Plain::Text,
            };
        }
    }
    if unsigned.bytes().all(|it| it.is_ascii_digit()) && !unsigned.is_empty() {
        if let Ok(value) = text.parse::<i64>() {
            return Plain::Number(value.into());
        }
        if let Ok(value) = text.parse::<u64>() {
            return Plain::Number(value.into());
        }
        return float(text);
    }
    if is_float(unsigned) { float(text) } else { Plain::Text }
}

/// `\.[0-9]+` or `[0-9]+(\.[0-9]*)?`, then perhaps `[eE][-+]?[0-9]+`.
fn is_float(unsigned: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let sound_mantissa = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    sound_mantissa && exponent.is_none_or(|it| digits(it.strip_prefix(['+', '-']).unwrap_or(it)))
}

fn float(text: &str) -> Plain {
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(value) => Plain::Number(value),
        None => Plain::Endless,
    }
}

/// What readers of YAML 1.1 take an unquoted text for, if not for a text.
pub(super) fn read_elsewhere(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "no" | "on" | "off" | "true" | "false" => return Some("a boolean"),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|it: char| it.is_ascii_digit()) {
        return None;
    }
    let number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit() || it == b'_');
    let mut parts = unsigned.split(':');
    let whole = parts.next().is_some_and(number);
    let below_sixty = |it: &str| number(it) && it.parse::<u8>().is_ok_and(|it| it < 60);
    (whole && parts.all(below_sixty)).then_some("a number")
}

#[cfg(test)]
mod tests {
    use super::{Plain, plain, read_elsewhere};

    #[test]
    fn only_true_and_false_are_booleans() {
        assert_eq!(plain("true"), Plain::Bool(true));
        for text in ["yes", "no", "on", "off", "True", "FALSE", "y"] {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
    }

    #[test]
    fn numbers_follow_the_core_schema() {
        for text in ["0", "-0", "+5", "0123", "1e3", "1.", ".5", "-1.5E-3", "0x1f", "0o17", "18446744073709551616"] {
            assert!(matches!(plain(text), Plain::Number(_)), "{text}");
        }
        for text in ["1:30", "2024-01-01", "1_000", "0x", "0xg", "0o8", ".", "+", "-", "1e", "e3", "1.2.3", "..", "-x"]
        {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
        for text in [".inf", "-.INF", ".nan", "1e999", "0xfffffffffffffffff"] {
            assert_eq!(plain(text), Plain::Endless, "{text}");
        }
        assert_eq!(plain("~"), Plain::Null);
    }

    #[test]
    fn what_other_readers_take_for_something_else_is_known() {
        for text in ["no", "ON", "True", "1:30", "1_000", "12:30:45"] {
            assert!(read_elsewhere(text).is_some(), "{text}");
        }
        for text in ["nobody", "2024-01-01", "1:75", "a:1", "alice", "1:30:x", "shop/prod"] {
            assert!(read_elsewhere(text).is_none(), "{text}");
        }
    }
}
