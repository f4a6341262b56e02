//! Faults: what goes wrong, for which requests, and how often; and their text form for the command line.

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use std::str::FromStr;
use std::time::Duration;

/// A fault and the requests it strikes.
///
/// In text: `METHOD PATH=WHAT[,retry-after=…][,message=…][,times=N][,after=N][,every=N]`, for example
/// `PATCH /api/orgs/acme/teams/*=429,retry-after=1,times=1,after=2`. The method may be `*`. In the path, which is
/// compared as it was sent, `*` stands for anything within a segment, `**` for anything; a lone `*` is every path.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// `None` is every method.
    pub method: Option<String>,
    pub path: String,
    pub what: What,
    /// The request takes effect first: WHAT ended in `-after`.
    pub applied: bool,
    /// Strikes this often; `None` is for ever.
    pub times: Option<u32>,
    /// Lets this many matching requests pass first.
    pub after: u32,
    /// Then strikes every so many requests; 1 is each.
    pub every: u32,
}

/// What goes wrong. `reset`, `timeout`, `html`, `empty`, `body`, `redirect`, `hide` and statuses keep the request from
/// taking effect, unless their name goes on with `-after`: `500-after`, `reset-after`, `body-after={}`. With all
/// others it takes effect.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// `429`, `503`, …: an error in the service's shape.
    Status { status: u16, retry_after: Option<String>, message: Option<String> },
    /// The connection is cut before any byte of the answer.
    Reset,
    /// The effect, the headers and half of the body; then the connection is cut.
    Truncate,
    /// The whole answer, a byte at a time: `drip=50ms` a byte.
    Drip(Duration),
    /// No answer ever.
    Timeout,
    /// The answer comes this much later: `delay=200ms`.
    Delay(Duration),
    /// Reads show the organization as it was this long ago, or when the fault was asked for if that is later:
    /// `lag=500ms`.
    Lag(Duration),
    /// 200 with a login page.
    Html,
    /// 200 with nothing.
    Empty,
    /// `body=RAW`: 200 with these bytes, said to be JSON.
    Body(String),
    /// `redirect=URL`: 302.
    Redirect(String),
    /// 404, as for things the caller must not see.
    Hide,
    /// Lists in the answer become null.
    NullList,
    /// Lists in the answer lose their last entry: `drop-item`.
    DropItem,
    /// Lists in the answer show their first entry twice: `repeat-item`.
    RepeatItem,
    /// An empty page comes before the first one, with a token that leads on: `empty-page`.
    EmptyPage,
    /// The list ends here, whatever is left of it: `lost-token`.
    LostToken,
    /// The same continuation token again, for ever.
    RepeatToken,
    /// The answer comes with the service's header for warnings: `warning=TEXT`.
    Warning(String),
    /// Pages after the first answer this status: `missing-page`, `missing-page=404`.
    MissingPage(u16),
}

/// What WHAT may be, for people.
pub const FAULTS: &str = "\
Instead of an answer: a status (400, 429, 503, …), reset, timeout, html, empty, body=RAW, redirect=URL, hide. The request \
has no effect then, unless the name goes on with -after, as in 500-after or body-after={}.
With the answer of the service: truncate, drip=50ms, delay=200ms, lag=500ms, warning=TEXT, null-list, drop-item, repeat-item, \
empty-page, lost-token, repeat-token, missing-page, missing-page=404.
Options: times=N (strikes so often), after=N (lets so many pass first), every=N (then strikes every so many); with a status \
also retry-after=… and message=….";

/// A fault under way.
#[derive(Debug)]
pub struct Armed {
    fault: Fault,
    seen: u32,
    struck: u32,
}

impl Armed {
    pub fn new(fault: Fault) -> Armed {
        Armed { fault, seen: 0, struck: 0 }
    }

    /// Whether this request is struck. Counts the request if it matches.
    pub fn strikes(&mut self, method: &str, path: &str, query: &str) -> Option<&Fault> {
        if !self.fault.matches(method, path, query) {
            return None;
        }
        self.seen += 1;
        let turn = self.seen.checked_sub(self.fault.after + 1)?;
        let due = turn.is_multiple_of(self.fault.every.max(1));
        if !due || self.fault.times.is_some_and(|it| self.struck >= it) {
            return None;
        }
        self.struck += 1;
        Some(&self.fault)
    }
}

impl Fault {
    /// Strikes every request that matches, from the first on and for ever.
    pub fn new(method: &str, path: &str, what: What) -> Fault {
        let method = (method != "*").then(|| method.to_uppercase());
        Fault { method, path: path.to_owned(), what, applied: false, times: None, after: 0, every: 1 }
    }

    fn matches(&self, method: &str, path: &str, query: &str) -> bool {
        let later_page = query.split('&').any(|it| it.starts_with("continuationToken="));
        if matches!(self.what, What::MissingPage(_)) && !later_page {
            return false;
        }
        let same = self.method.as_ref().is_none_or(|it| it == method);
        same && (self.path == "*" || glob(self.path.as_bytes(), path.as_bytes()))
    }
}

/// `*` is anything but a slash, `**` is anything.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|it| glob(rest, &text[it..])),
        [b'*', rest @ ..] => {
            let end = text.iter().position(|it| *it == b'/').unwrap_or(text.len());
            (0..=end).any(|it| glob(rest, &text[it..]))
        }
        [first, rest @ ..] => text.split_first().is_some_and(|(it, text)| it == first && glob(rest, text)),
    }
}

/// The options after WHAT. A comma that none of these follows belongs to the value before it.
const OPTIONS: [&str; 5] = ["retry-after=", "message=", "times=", "after=", "every="];

fn split_options(text: &str) -> (&str, Vec<&str>) {
    let starts: Vec<usize> = text
        .match_indices(',')
        .map(|(at, _)| at)
        .filter(|at| OPTIONS.iter().any(|it| text[at + 1..].starts_with(it)))
        .collect();
    let Some(first) = starts.first() else { return (text, Vec::new()) };
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let options = starts.iter().zip(ends).map(|(start, end)| &text[start + 1..end]);
    (&text[..*first], options.collect())
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Fault> {
        let (method, rest) = text.trim().split_once(' ').context("a fault begins with a method and a path")?;
        let (path, rest) = rest.trim_start().split_once('=').context("a fault needs `PATH=WHAT`")?;
        let (what, options) = split_options(rest);
        let (what, applied) = parse_what(what)?;
        let mut fault = Fault { applied, ..Fault::new(method, path, what) };
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let number = || value.parse().with_context(|| format!("`{option}` is not a number"));
            match (name, &mut fault.what) {
                ("times", _) => fault.times = Some(number()?),
                ("after", _) => fault.after = number()?,
                ("every", _) => fault.every = number()?,
                ("retry-after", What::Status { retry_after, .. }) => {
                    *retry_after = Some(value.to_owned());
                }
                ("message", What::Status { message, .. }) => *message = Some(value.to_owned()),
                _ => bail!("`{name}` goes with a status only"),
            }
        }
        Ok(fault)
    }
}

/// What goes wrong, and whether the request takes effect first.
fn parse_what(text: &str) -> Result<(What, bool)> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let (name, applied) = match name.strip_suffix("-after") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let what = match (name, value) {
        ("reset", None) => What::Reset,
        ("timeout", None) => What::Timeout,
        ("html", None) => What::Html,
        ("empty", None) => What::Empty,
        ("body", Some(raw)) => What::Body(raw.to_owned()),
        ("redirect", Some(url)) => What::Redirect(url.to_owned()),
        ("hide", None) => What::Hide,
        (_, None) if name.parse::<u16>().is_ok() => {
            What::Status { status: status(name)?, retry_after: None, message: None }
        }
        _ if applied => return unknown(text),
        ("truncate", None) => What::Truncate,
        ("drip", Some(text)) => What::Drip(duration(text)?),
        ("delay", Some(text)) => What::Delay(duration(text)?),
        ("lag", Some(text)) => What::Lag(duration(text)?),
        ("null-list", None) => What::NullList,
        ("drop-item", None) => What::DropItem,
        ("repeat-item", None) => What::RepeatItem,
        ("empty-page", None) => What::EmptyPage,
        ("lost-token", None) => What::LostToken,
        ("repeat-token", None) => What::RepeatToken,
        ("warning", Some(text)) => What::Warning(text.to_owned()),
        ("missing-page", None) => What::MissingPage(500),
        ("missing-page", Some(code)) => What::MissingPage(status(code)?),
        _ => return unknown(text),
    };
    Ok((what, applied))
}

fn unknown<T>(text: &str) -> Result<T> {
    bail!("unknown fault `{text}`\n{FAULTS}")
}

fn status(text: &str) -> Result<u16> {
    let number: Option<u16> = text.parse().ok().filter(|it| (200..600).contains(it));
    number.with_context(|| format!("unknown fault `{text}`: a status is a number from 200 to 599"))
}

/// `200ms`, `1.5s`, `2m`.
pub fn duration(text: &str) -> Result<Duration> {
    let nanoseconds = crate::sandbox::clock::parse_go_duration(text);
    let nanoseconds = nanoseconds.and_then(|it| u64::try_from(it).ok());
    nanoseconds.map(Duration::from_nanos).with_context(|| format!("`{text}` is not a duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_fault_says_everything() {
        let text = "PATCH /api/orgs/acme/teams/*=429,retry-after=1,times=1,after=2";
        let fault: Fault = text.parse().expect("a fault");
        let what = What::Status { status: 429, retry_after: Some("1".to_owned()), message: None };
        let wanted = Fault::new("patch", "/api/orgs/acme/teams/*", what);
        assert_eq!(fault, Fault { times: Some(1), after: 2, ..wanted });
    }

    #[test]
    fn commas_and_equal_signs_in_values_survive() {
        let text = "* *=503,retry-after=Wed, 21 Oct 2026 07:28:00 GMT,times=2";
        let fault: Fault = text.parse().expect("a fault");
        assert!(matches!(
            fault.what,
            What::Status { status: 503, retry_after: Some(it), .. } if it == "Wed, 21 Oct 2026 07:28:00 GMT"
        ));
        assert_eq!(fault.times, Some(2));
        let fault: Fault = r#"GET /a=body={"a":1,"b":"x=y"},after=1"#.parse().expect("a fault");
        assert_eq!(fault.what, What::Body(r#"{"a":1,"b":"x=y"}"#.to_owned()));
        let fault: Fault = "GET /a=redirect=https://a.example/?b=c".parse().expect("a fault");
        assert_eq!(fault.what, What::Redirect("https://a.example/?b=c".to_owned()));
    }

    #[test]
    fn what_is_not_a_fault_is_refused() {
        let fault: Fault = "GET /a=500-after".parse().expect("a fault");
        assert!(fault.applied && matches!(fault.what, What::Status { status: 500, .. }));
        for text in [
            "",
            "GET",
            "GET /a=truncate-after",
            "GET /a",
            "GET /a=",
            "GET /a=frobnicate",
            "GET /a=99",
            "GET /a=429,times=x",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert!("GET /a=reset,retry-after=1".parse::<Fault>().is_err());
    }

    #[test]
    fn every_kind_of_fault_is_on_the_list_and_every_name_on_the_list_is_one() {
        let names = FAULTS.lines().take(2).flat_map(|it| it.split([' ', ',', ':'])).map(|it| it.trim_end_matches('.'));
        let known = names.filter(|it| format!("GET /a={it}").parse::<Fault>().is_ok());
        let what = known.map(|it| parse_what(it).expect("a fault").0);
        let found: std::collections::HashSet<_> = what.map(|it| std::mem::discriminant(&it)).collect();
        // Status, Reset, Timeout, Html, Empty, Body, Redirect and Hide; then those of the second line.
        assert_eq!(found.len(), 8 + 12);
        let error = format!("{:#}", "GET /a=frobnicate".parse::<Fault>().expect_err("unknown"));
        assert!(error.contains("frobnicate") && error.contains("null-list"), "{error}");
    }

    #[test]
    fn one_star_stays_within_a_segment() {
        assert!(glob(b"/teams/*", b"/teams/platform"));
        assert!(!glob(b"/teams/*", b"/teams/platform/tokens"));
        assert!(glob(b"/teams/**", b"/teams/platform/tokens"));
        assert!(glob(b"/a/*/c", b"/a/b%2Fb/c"));
    }

    #[test]
    fn counts_decide_when_a_fault_strikes() {
        let fault: Fault = "GET *=500,after=1,times=2,every=2".parse().expect("a fault");
        let mut armed = Armed::new(fault);
        let struck: Vec<bool> = (0..8).map(|_| armed.strikes("GET", "/x", "").is_some()).collect();
        assert_eq!(struck, [false, true, false, true, false, false, false, false]);
        assert!(armed.strikes("PUT", "/x", "").is_none());
    }
}
