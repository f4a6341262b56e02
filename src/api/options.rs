//! How a client behaves: how much at once, how fast, and how long it waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::retry::Backoff;
use crate::model::Secret;

/// How a client behaves.
#[derive(Clone)]
pub struct Options {
    /// Who we say we are.
    pub user_agent: String,
    /// The level of the service's API that answers are asked for in, as in `application/vnd.pulumi+8`.
    pub level: u32,
    /// The most requests under way at once.
    pub concurrency: usize,
    /// The most writes among them.
    pub writes: usize,
    /// The most requests a second; what two seconds allow may go at once.
    pub max_rps: Option<f64>,
    /// The most requests for one reading of an organization; those that are sent again are not counted.
    pub max_requests: Option<usize>,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// How long to wait before sending again.
    pub backoff: Backoff,
    /// Certificates (PEM) that are trusted besides the machine's own.
    pub extra_ca: Option<Vec<u8>>,
    /// The token of the identity provider's directory (SCIM), which nothing else is asked with.
    pub directory_token: Option<Arc<Secret>>,
    /// Told of every attempt and every rest.
    pub hook: Option<Hook>,
}

/// How long anything may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A connection, with its encryption.
    pub connect: Duration,
    /// The first byte of an answer.
    pub first_byte: Duration,
    /// The time between two parts of an answer.
    pub idle: Duration,
    /// One attempt in all.
    pub attempt: Duration,
    /// How long a connection is kept that nobody uses.
    pub pool: Duration,
}

/// Told of what a client does, for `-v`.
pub type Hook = Arc<dyn Fn(&Event) + Send + Sync>;

/// What a client does. Holds no header and no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One request was sent and answered, or was not answered.
    Attempt {
        /// The method.
        method: &'static str,
        /// The path for people.
        path: String,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// How long it took.
        took: Duration,
        /// `200`, or what went wrong.
        outcome: String,
        /// The service's number for the request.
        request_id: Option<String>,
    },
    /// The service asked for a rest, and nothing is sent for so long.
    Rest(Duration),
}

/// The lowest level that may be asked for: below it, lists that have pages are answered without them.
pub const LOWEST_LEVEL: u32 = 8;

/// The operating system, as the service's statistics know it.
const OS: &str = if cfg!(target_os = "linux") {
    "linux"
} else if cfg!(target_os = "macos") {
    "macos"
} else if cfg!(windows) {
    "windows"
} else {
    "other"
};

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: format!("bylaws/{} ({OS})", env!("CARGO_PKG_VERSION")),
            level: LOWEST_LEVEL,
            concurrency: 32,
            writes: 8,
            max_rps: None,
            max_requests: None,
            timeouts: Timeouts::default(),
            backoff: Backoff::default(),
            extra_ca: None,
            directory_token: None,
            hook: None,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(10),
            attempt: Duration::from_secs(30),
            pool: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("concurrency", &self.concurrency)
            .field("writes", &self.writes)
            .field("max_rps", &self.max_rps)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
