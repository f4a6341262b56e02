//! The audit log, newest first: who did what, for whoever asks.

use serde::Deserialize;

use crate::api::{ApiError, Failure, ReadClient};
use crate::model::{AuditEvent, Instant, Organization, Read};

/// How far back the log is read.
pub const AUDIT_DAYS: i64 = 30;
/// How many pages of it are read at most.
pub const AUDIT_PAGES: usize = 20;

/// The permission that reading it takes.
const PERMISSION: &str = "audit_logs:read";
/// The feature of the organization that it is.
const FEATURE: &str = "auditLogsEnabled";

/// The audit log of an organization, page by page.
pub struct AuditLog<'a> {
    client: &'a ReadClient,
    org: &'a str,
    read: Read,
    /// The next page's token; nothing before the first page.
    next: Option<String>,
    pages: usize,
    ended: bool,
}

impl<'a> AuditLog<'a> {
    /// The log of the days before this moment. Asks for nothing yet.
    ///
    /// # Errors
    /// With the reason where the organization's metadata says that it keeps none.
    pub fn of(client: &'a ReadClient, organization: &'a Organization, now: Instant) -> Result<Self, String> {
        if organization.features.get(FEATURE) == Some(&false) {
            return Err(format!("the audit log is not in the organization's subscription (`{FEATURE}` is off)"));
        }
        let org = &organization.name;
        // In this version of the route the time is a lower bound; in the one before, an upper one.
        let since = now.0.saturating_sub(AUDIT_DAYS * 24 * 60 * 60).max(0);
        let read = Read::whole("audit", ["api", "orgs", org, "auditlogs", "v2"]).paged();
        let read = read.query("startTime", &since.to_string());
        Ok(Self { client, org, read, next: None, pages: 0, ended: false })
    }

    /// The events of the next page, newest first; nothing when there is none.
    ///
    /// # Errors
    /// With the reason why it could not be read.
    pub async fn page(&mut self) -> Result<Option<Vec<AuditEvent>>, String> {
        if self.ended || self.is_cut_off() {
            return Ok(None);
        }
        let page = self.client.get_page(&self.read, self.next.as_deref()).await.map_err(|it| reason(&it))?;
        self.pages += 1;
        // A page that leads back to itself ends the log as well.
        self.ended = page.next.is_none() || page.next == self.next;
        self.next = page.next;
        let events = events(&page.body, self.org);
        events.map(Some).map_err(|what| reason(&self.client.failed(&self.read, Failure::Contract(what))))
    }

    /// How many pages were read.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Whether it goes on further back than it is read.
    pub fn is_cut_off(&self) -> bool {
        let most = self.client.allowance().map_or(AUDIT_PAGES, |it| it.min(AUDIT_PAGES));
        !self.ended && self.pages >= most
    }
}

/// Why the log could not be read, and what it takes where that may be why.
fn reason(error: &ApiError) -> String {
    match error.failure {
        Failure::Forbidden => format!("{}; it needs the permission `{PERMISSION}`", error.reason()),
        _ => error.reason(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    audit_log_events: Option<Vec<Record>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    timestamp: i64,
    event: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    token_name: Option<String>,
    #[serde(default)]
    actor_name: Option<String>,
    #[serde(default)]
    auth_failure: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    github_login: Option<String>,
}

fn events(body: &[u8], org: &str) -> Result<Vec<AuditEvent>, String> {
    let page: Page = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let records = page.audit_log_events.ok_or("an answer without `auditLogEvents`")?;
    let mut events: Vec<AuditEvent> = records
        .into_iter()
        // Whoever was turned away has changed nothing.
        .filter(|it| it.auth_failure != Some(true))
        .map(|it| {
            let login = it.user.and_then(|it| it.github_login);
            AuditEvent {
                at: Instant(it.timestamp),
                event: spelled(&it.event),
                description: it.description.unwrap_or_default(),
                // A machine's token acts in the organization's own name.
                login: shown(login).filter(|it| !it.eq_ignore_ascii_case(org)),
                token: shown(it.token_name).or(shown(it.actor_name)),
            }
        })
        .collect();
    events.sort_by_key(|it| std::cmp::Reverse(it.at));
    Ok(events)
}

/// A name that may be shown: an e-mail address is nobody's name here.
fn shown(name: Option<String>) -> Option<String> {
    name.filter(|it| !it.is_empty() && !it.contains('@'))
}

/// An event's id in the one spelling of ours: the service is known to use `team-updated`, `team.updated`
/// and `Team Updated`.
fn spelled(event: &str) -> String {
    let lower = event.to_lowercase();
    let parts = lower.split(|it: char| it.is_whitespace() || matches!(it, '.' | '_' | '-'));
    parts.filter(|it| !it.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{events, spelled};

    fn actor(record: Value) -> (Option<String>, Option<String>) {
        let mut event = json!({"timestamp": 1, "event": "team-updated", "description": "", "sourceIP": ""});
        event.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        let body = json!({"auditLogEvents": [event]}).to_string();
        let event = events(body.as_bytes(), "acme").unwrap().remove(0);
        (event.login, event.token)
    }

    #[test]
    fn an_event_is_known_by_any_of_its_spellings() {
        for event in ["team-updated", "team.updated", "Team Updated", "TEAM__updated"] {
            assert_eq!(spelled(event), "team-updated");
        }
    }

    #[test]
    fn an_actor_is_a_login_or_a_token_and_never_an_address() {
        let (zoe, ci) = (Some("zoe".to_owned()), Some("ci".to_owned()));
        let user = |it: &str| json!({"githubLogin": it, "name": "Zoe Z", "email": "zoe@example.invalid"});
        assert_eq!(actor(json!({"user": user("zoe")})), (zoe.clone(), None));
        assert_eq!(actor(json!({"user": user("zoe"), "tokenName": "ci"})), (zoe, ci.clone()));
        assert_eq!(actor(json!({"user": user("acme"), "tokenName": "ci"})), (None, ci.clone()));
        assert_eq!(actor(json!({"user": user(""), "actorName": "ci"})), (None, ci));
        let nobody = json!({"user": user("zoe@example.invalid"), "tokenName": "zoe@example.invalid"});
        assert_eq!(actor(nobody), (None, None));
    }

    #[test]
    fn a_page_is_newest_first_and_without_whoever_was_turned_away() {
        let event = |at: i64, failed: bool| json!({"timestamp": at, "event": "e", "authFailure": failed});
        let body = json!({"auditLogEvents": [event(1, false), event(3, true), event(2, false)]}).to_string();
        let times: Vec<i64> = events(body.as_bytes(), "acme").unwrap().iter().map(|it| it.at.0).collect();
        assert_eq!(times, [2, 1]);
        assert!(events(b"{}", "acme").is_err());
    }
}
