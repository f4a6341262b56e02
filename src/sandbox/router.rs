//! The service without its faults: from a request to the answer of its route.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::ask::Rules;
use crate::sandbox::caller::Caller;
use crate::sandbox::routes;
use crate::sandbox::routes::Door;
use crate::sandbox::routes::Route;
use crate::sandbox::store::Store;
use axum::Router;
use axum::extract::RawPathParams;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::MethodFilter;
use axum::routing::on;
use hyper::StatusCode;
use hyper::header;
use serde_json::Value;
use std::sync::Arc;
use tokio::time::Instant;

/// The outcome of looking at the credentials, which travels with the request.
#[derive(Clone, Debug)]
pub struct Who(pub Result<Caller, Refusal>);

/// When the request is handled, which travels with it too: Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub i64);

/// The past that a read is answered from, which travels with the request too.
#[derive(Clone, Copy, Debug)]
pub struct Behind(pub Instant);

/// The JSON of an answer, which travels with the response.
#[derive(Clone, Debug)]
pub struct Told(pub Value);

/// What routes work with.
#[derive(Clone, Debug)]
pub struct Desk {
    pub store: Arc<Store>,
    pub rules: Arc<Rules>,
}

/// The router of a server.
pub fn build(desk: &Desk) -> Router {
    let mut router = Router::new();
    for route in routes::all(&desk.rules) {
        let desk = desk.clone();
        let handler = move |request: Request| answer(desk.clone(), route, request);
        router = router.route(route.path, on(filter(route.method), handler));
    }
    let unknown = || async { refuse(&Refusal::unknown_route()) };
    let wrong = || async {
        let message = "Method Not Allowed\n".to_owned();
        refuse(&Refusal { status: 405, message, plain: true })
    };
    router.fallback(unknown).method_not_allowed_fallback(wrong)
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        "HEAD" => MethodFilter::HEAD,
        _ => MethodFilter::GET,
    }
}

async fn answer(desk: Desk, route: Route, request: Request) -> Response {
    match perform(desk, route, request).await {
        Ok(answer) => respond(answer),
        Err(refusal) => refuse(&refusal),
    }
}

async fn perform(desk: Desk, route: Route, request: Request) -> Outcome {
    let (mut parts, body) = request.into_parts();
    let who = match parts.extensions.remove::<Who>() {
        Some(Who(Ok(caller))) => caller,
        Some(Who(Err(_))) if route.door == Door::Open => Caller::default(),
        Some(Who(Err(refusal))) => return Err(refusal),
        None => return Err(Refusal::unauthorized("No credentials provided or are invalid.")),
    };
    let now = parts.extensions.get::<Moment>().map_or(0, |it| it.0);
    let text = |name| parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let content_type = text(header::CONTENT_TYPE).to_owned();
    let bearer = text(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| Refusal::bad_request("invalid query"))?;
    let named = axum::RequestPartsExt::extract::<RawPathParams>(&mut parts)
        .await
        .map_err(|_| Refusal::bad_request("invalid path"))?;
    let named = named.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Refusal::bad_request("invalid body"))?;
    let reads = matches!(route.method, "GET" | "HEAD");
    let mut past = parts.extensions.get::<Behind>().filter(|_| reads).map(|it| desk.store.as_of(it.0));
    let (outcome, revision) = desk.store.with(|state| {
        let state = past.as_mut().unwrap_or(state);
        let mut ask = Ask {
            state,
            caller: &who,
            rules: &desk.rules,
            now,
            parts: named,
            query: query.0,
            content_type,
            bearer,
            bytes,
        };
        let outcome = enter(&mut ask, route);
        let changed = outcome.is_ok() && !reads;
        (outcome, changed)
    });
    if let Some(revision) = revision
        && let Err(error) = desk.store.settled(revision).await
    {
        return Err(Refusal::new(500, format!("{error:#}")));
    }
    outcome
}

/// An organization that does not exist and one that the caller does not belong to look alike.
fn enter(ask: &mut Ask, route: Route) -> Outcome {
    if route.door == Door::Organization {
        let slug = ask.part("org");
        if slug != ask.state.organization.slug || !ask.caller.belongs {
            return Err(Refusal::not_found("Organization", &slug));
        }
    }
    (route.work)(ask)
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn respond(answer: Answer) -> Response {
    let Some(value) = answer.body.filter(|it| !it.is_null()) else {
        return code(answer.status).into_response();
    };
    tell(answer.status, value)
}

fn tell(status: u16, value: Value) -> Response {
    let text = value.to_string();
    let head = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (code(status), head, text).into_response();
    response.extensions_mut().insert(Told(value));
    response
}

/// A refusal as a response.
pub fn refuse(refusal: &Refusal) -> Response {
    if refusal.plain {
        return (code(refusal.status), refusal.message.clone()).into_response();
    }
    tell(refusal.status, refusal.body())
}
