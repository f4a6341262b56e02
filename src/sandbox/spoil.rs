//! What faults do to answers: standing in for them, and bending them.

use crate::sandbox::ask::Refusal;
use crate::sandbox::fault::What;
use crate::sandbox::serve::Reply;
use hyper::Uri;
use hyper::header;
use hyper::http::request::Parts;
use hyper::http::{HeaderName, HeaderValue};
use serde_json::Value;
use serde_json::json;

/// A continuation token that no list gave out.
const MADE_UP: &str = "again";

const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
    <body><h1>Sign in to continue</h1></body></html>\n";

/// The answer that stands in for the service's: `None` when the service answers after all, `Some(None)` when nobody
/// does.
pub fn instead(what: &What) -> Option<Option<Reply>> {
    let reply = match what {
        What::Reset | What::Timeout => return Some(None),
        What::Status { status, retry_after, message } => {
            let text = message.as_deref().unwrap_or("a fault that was asked for");
            let mut reply = Reply::refusal(&Refusal::new(*status, text));
            let retry_after = retry_after.as_ref().and_then(|it| HeaderValue::from_str(it).ok());
            reply.headers.extend(retry_after.map(|it| (header::RETRY_AFTER, it)));
            reply
        }
        What::Html => Reply::new(200, "text/html; charset=utf-8", LOGIN_PAGE),
        What::Empty => Reply::new(200, "", ""),
        What::Body(raw) => Reply::new(200, "application/json", raw.clone()),
        What::Redirect(url) => {
            let mut reply = Reply::new(302, "", "");
            let url = HeaderValue::from_str(url).ok();
            reply.headers.extend(url.map(|it| (header::LOCATION, it)));
            reply
        }
        What::Hide => Reply::refusal(&Refusal::new(404, "")),
        What::MissingPage(status) => Reply::refusal(&Refusal::new(*status, "")),
        _ => return None,
    };
    Some(Some(reply))
}

/// Prepares the request; the answer is the continuation token it came with.
pub fn before(what: &What, parts: &mut Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or("").to_owned();
    let token = query.split('&').find_map(|it| it.strip_prefix("continuationToken="));
    let token = token.filter(|it| !it.is_empty()).map(str::to_owned);
    if matches!(what, What::RepeatToken | What::EmptyPage) && token.as_deref() == Some(MADE_UP) {
        let rest: Vec<&str> = query.split('&').filter(|it| !it.starts_with("continuationToken=")).collect();
        let address = format!("{}?{}", parts.uri.path(), rest.join("&"));
        if let Ok(uri) = address.parse::<Uri>() {
            parts.uri = uri;
        }
    }
    token
}

/// Bends the answer of the service. `page` is the token the request came with, `field` where the next one stands.
pub fn after(what: &What, page: &Option<String>, field: &str, reply: &mut Reply) {
    if let What::Warning(text) = what
        && let Ok(text) = HeaderValue::from_str(text)
    {
        reply.headers.push((HeaderName::from_static("x-pulumi-warning"), text));
    }
    let Some(mut value) = reply.told.clone().filter(|_| reply.status < 300) else { return };
    match what {
        What::NullList => lists(&mut value, |it| *it = Value::Null),
        What::DropItem => lists(&mut value, |it| {
            if let Value::Array(list) = it {
                list.pop();
            }
        }),
        What::RepeatItem => lists(&mut value, |it| {
            if let Value::Array(list) = it {
                list.extend(list.first().cloned());
            }
        }),
        What::EmptyPage if page.is_none() => {
            lists(&mut value, |it| *it = json!([]));
            put(&mut value, field, Some(MADE_UP));
        }
        What::LostToken => put(&mut value, field, None),
        What::RepeatToken => {
            let given = value.get(field).and_then(Value::as_str).map(str::to_owned);
            let again = page.clone().or(given).unwrap_or_else(|| MADE_UP.to_owned());
            put(&mut value, field, Some(&again));
        }
        _ => return,
    }
    reply.retell(value);
}

/// The lists at the top of an answer, or the answer itself if it is one.
fn lists(value: &mut Value, work: impl Fn(&mut Value)) {
    match value {
        Value::Array(_) => work(value),
        Value::Object(fields) => fields.values_mut().filter(|it| it.is_array()).for_each(work),
        _ => {}
    }
}

fn put(value: &mut Value, field: &str, token: Option<&str>) {
    let Value::Object(fields) = value else { return };
    match token {
        Some(token) => fields.insert(field.to_owned(), json!(token)),
        None => fields.remove(field),
    };
}
