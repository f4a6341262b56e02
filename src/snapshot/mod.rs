//! Reads the live organization: every kind's lists and details at once, through one queue.
//!
//! First [`preflight`] finds out who asks and what the organization is; then [`read`] runs the kinds'
//! readers (`queue` holds what is to be asked, `gather` asks it, `repeats` sees what came twice). What could not be read is
//! marked, and never taken for empty. Who changed what is in the [`AuditLog`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::api::{ApiError, ReadClient};
use crate::kinds;
use crate::model::{Caller, Instant, Organization, Scope, Snapshot};
use crate::snapshot::gather::{Wanted, gather};

mod audit;
mod gather;
mod preflight;
mod queue;
mod repeats;

#[cfg(test)]
mod tests;

pub use audit::{AUDIT_DAYS, AUDIT_PAGES, AuditLog};
pub use preflight::{capabilities, organizations, preflight};

/// How many requests [`preflight`] takes.
pub const PREFLIGHT: usize = 2;

/// How far a reading has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests that were answered.
    pub done: usize,
    /// Requests that are known to be needed. Grows while lists are read.
    pub known: usize,
    /// How long nothing is sent, because the service asked for a rest.
    pub rest: Duration,
    /// What the service warned of since the last time, each text once.
    pub warnings: Vec<String>,
    /// What was odd about the last answer, though nothing is wrong with what was made of it.
    pub remark: Option<String>,
}

/// Reads every kind that has a scope, and leaves the others unread.
///
/// A request that fails makes what it covers unknown, with a sentence in [`Snapshot::unseen`].
///
/// # Errors
/// When going on would be pointless or unsafe: the token is not accepted, the service redirects,
/// breaks the contract, or still refuses after every wait.
pub async fn read(
    client: &ReadClient,
    org: &str,
    scopes: BTreeMap<&'static str, Scope>,
    caller: Caller,
    organization: Organization,
    now: Instant,
    progress: &dyn Fn(Progress),
) -> Result<Snapshot, ApiError> {
    let wanted = kinds::ALL.iter().filter_map(|kind| {
        let facts = kind.facts();
        if kind.is_of_directory() && !client.knows_directory() {
            return None;
        }
        let scope = scopes.get(facts.word).filter(|it| !it.is_empty())?;
        let spoken_of = scope.everything || !scope.declared.is_empty() || !scope.doomed.is_empty();
        let unavailable = kind.unavailable(&Value::Null, &organization);
        let wanted = Wanted::new(facts.word, facts.section, kind.reader(scope.clone()));
        Some(wanted.unavailable(unavailable, spoken_of))
    });
    let wanted = wanted.collect();
    let snapshot = Snapshot {
        backend: client.backend().to_owned(),
        organization: Organization { name: org.to_owned(), ..organization },
        caller,
        now,
        ..Snapshot::default()
    };
    gather(client, wanted, snapshot, progress).await
}
