//! The audit log, newest first, in the two versions of its routes.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::page::DEFAULT_SIZE;
use crate::sandbox::page::decode;
use crate::sandbox::page::encode;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::state::Event;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/auditlogs", first_version),
    inside("GET", "/api/orgs/{org}/auditlogs/v2", second_version),
];

/// Here `startTime` is the upper bound, and it or a token is needed.
fn first_version(ask: &mut Ask) -> Outcome {
    ask.need("audit_logs:read")?;
    let start = ask.number("startTime")?;
    if start.is_none() && ask.query("continuationToken").is_none() {
        return Err(Refusal::bad_request("Either continuationToken or startTime is required"));
    }
    list(ask, |it| start.is_none_or(|start| it.timestamp < start))
}

/// Here `startTime` is the lower bound.
fn second_version(ask: &mut Ask) -> Outcome {
    ask.need("audit_logs:read")?;
    let (start, end) = (ask.number("startTime")?, ask.number("endTime")?);
    list(ask, |it| start.is_none_or(|start| it.timestamp >= start) && end.is_none_or(|end| it.timestamp <= end))
}

fn list(ask: &Ask, within: impl Fn(&Event) -> bool) -> Outcome {
    ask.need_feature("auditLogsEnabled")?;
    if !matches!(ask.query("format"), None | Some("json")) {
        return Err(Refusal::bad_request("invalid query parameter 'format'"));
    }
    let user = ask.query("userFilter");
    let known = |login: &str| {
        let key = login.to_lowercase();
        key == ask.state.organization.slug || ask.state.accounts.contains_key(&key)
    };
    if let Some(login) = user.filter(|it| !known(it)) {
        return Err(Refusal::not_found("user", login));
    }
    let event = ask.query("eventFilter");
    let keep = |it: &Event| {
        within(it)
            && user.is_none_or(|user| user.eq_ignore_ascii_case(&it.login))
            && event.is_none_or(|event| event == it.event)
    };
    // Events are only ever appended, so a place in the list is a good token.
    let end = match ask.query("continuationToken") {
        None => ask.state.audit.len(),
        Some(token) => decode(token, "audit")
            .and_then(|it| it.parse().ok())
            .ok_or_else(|| Refusal::bad_request("Invalid continuation token"))?,
    };
    let size = ask.rules.page_size.unwrap_or(DEFAULT_SIZE).max(1);
    let past = ask.state.audit.iter().enumerate().take(end).rev();
    let mut rest = past.filter(|(_, it)| keep(it));
    let page: Vec<(usize, &Event)> = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    let events: Vec<Value> = page.iter().map(|(_, it)| line(ask, it)).collect();
    let mut answer = json!({"auditLogEvents": events});
    if let Some((at, _)) = page.last().filter(|_| more) {
        answer["continuationToken"] = json!(encode(&at.to_string(), "audit"));
    }
    Answer::ok(answer)
}

fn line(ask: &Ask, event: &Event) -> Value {
    let description = match &event.reason {
        Some(reason) => format!("{} (reason: {reason})", event.description),
        None => event.description.clone(),
    };
    let mut line = json!({
        "timestamp": event.timestamp,
        "sourceIP": "127.0.0.1",
        "event": event.event,
        "description": description,
        "user": view::user(ask.state, &event.login),
        "reqOrgAdmin": event.admin,
    });
    if let Some(id) = &event.token_id {
        line["tokenID"] = json!(id);
    }
    if let Some(name) = &event.token_name {
        line["tokenName"] = json!(name);
    }
    line
}
