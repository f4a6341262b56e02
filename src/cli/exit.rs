//! The exit codes, each with its name: a promise to scripts.

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done. For `plan`: with or without changes.
    Done = 0,
    /// An error of no class of its own. With `--detailed-exitcode`: any error.
    Other = 1,
    /// Wrong usage, or an invalid manifest. With `--detailed-exitcode`: there are changes.
    Invalid = 2,
    /// Not authenticated, or not allowed.
    Denied = 3,
    /// The service failed or refused, the view was incomplete, or an apply may be partial.
    Service = 4,
    /// Refused by a safety rule, a stale plan, a checksum or a lock.
    Refused = 5,
    /// `--expect-no-changes`, and there are some.
    Changes = 7,
    /// Cancelled.
    Cancelled = 8,
    /// A time limit of the whole run. A request without an answer is the service failing.
    TimedOut = 9,
    /// A bug in this program.
    Bug = 255,
}

impl Exit {
    /// The number the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The table for `--help` and the README; a test compares them.
pub const TABLE: &[(Exit, &str)] = &[
    (Exit::Done, "done; `plan`: with or without changes"),
    (Exit::Other, "another error"),
    (Exit::Invalid, "wrong usage, or an invalid manifest"),
    (Exit::Denied, "not authenticated, or not allowed"),
    (Exit::Service, "the service failed or refused, the view was incomplete, or an apply may be partial"),
    (Exit::Refused, "refused by a safety rule, a stale plan, a checksum or a lock"),
    (Exit::Changes, "`--expect-no-changes`, and there are changes"),
    (Exit::Cancelled, "cancelled"),
    (Exit::TimedOut, "a time limit of the whole run; there is none yet"),
    (Exit::Bug, "a bug in this program"),
];
