//! One request from the connection to the answer: log, pace, latency, faults, compression.

use crate::sandbox::ask::Refusal;
use crate::sandbox::caller;
use crate::sandbox::caller::TokenKind;
use crate::sandbox::clock;
use crate::sandbox::fault::Armed;
use crate::sandbox::fault::Fault;
use crate::sandbox::fault::What;
use crate::sandbox::hold::Hold;
use crate::sandbox::log::Log;
use crate::sandbox::log::LoggedRequest;
use crate::sandbox::rate::Bucket;
use crate::sandbox::router::Behind;
use crate::sandbox::router::Moment;
use crate::sandbox::router::Told;
use crate::sandbox::router::Who;
use crate::sandbox::spoil;
use crate::sandbox::store::Store;
use crate::sandbox::wire::Cut;
use crate::sandbox::wire::Outgoing;
use crate::sandbox::wire::Scissors;
use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header;
use hyper::http::HeaderValue;
use hyper::http::request::Parts;
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

/// What every connection of a server shares.
#[derive(Debug)]
pub struct Shared {
    pub store: Arc<Store>,
    /// The store's file, until nobody writes it any more.
    pub hold: Mutex<Option<Hold>>,
    pub router: Router,
    pub log: Log,
    pub faults: Mutex<Vec<Armed>>,
    pub bucket: Option<Mutex<Bucket>>,
    pub latency: Duration,
    pub token_kind: TokenKind,
    /// A fixed clock, in Unix seconds.
    pub now: Option<i64>,
    pub requests: AtomicU64,
}

/// An answer before it is sent.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(header::HeaderName, HeaderValue)>,
    pub bytes: Bytes,
    pub told: Option<Value>,
}

impl Shared {
    pub fn now(&self) -> i64 {
        self.now.unwrap_or_else(clock::system)
    }

    /// Asks for a fault.
    pub fn inject(&self, fault: Fault) {
        if matches!(fault.what, What::Lag(_)) {
            self.store.remember();
        }
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(Armed::new(fault));
    }

    /// The fault that strikes a request: of those that match, the one that was asked for first.
    fn fate(&self, parts: &Parts) -> Option<Fault> {
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or(""));
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fate = None;
        for fault in faults.iter_mut() {
            if fate.is_none() {
                fate = fault.strikes(parts.method.as_str(), path, query).cloned();
            }
        }
        fate
    }

    /// 429 when the rate is used up.
    fn throttle(&self) -> Option<Reply> {
        let bucket = self.bucket.as_ref()?;
        let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let seconds = taken.err()?;
        let mut reply = Reply::refusal(&Refusal::new(429, "rate limit exceeded"));
        reply.headers.push((header::RETRY_AFTER, seconds.into()));
        Some(reply)
    }
}

impl Reply {
    pub fn new(status: u16, content_type: &'static str, bytes: impl Into<Bytes>) -> Reply {
        let headers = match content_type {
            "" => Vec::new(),
            text => vec![(header::CONTENT_TYPE, HeaderValue::from_static(text))],
        };
        Reply { status, headers, bytes: bytes.into(), told: None }
    }

    pub fn refusal(refusal: &Refusal) -> Reply {
        let body = refusal.body();
        let mut reply = Reply::new(refusal.status, "application/json", body.to_string());
        reply.told = Some(body);
        reply
    }

    async fn of(response: Response) -> Result<Reply, Cut> {
        let (mut parts, body) = response.into_parts();
        let told = parts.extensions.remove::<Told>().map(|it| it.0);
        let bytes = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let kept = [header::CONTENT_TYPE];
        let headers = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        let headers = headers.filter(|(name, _)| kept.contains(name)).collect();
        Ok(Reply { status: parts.status.as_u16(), headers, bytes, told })
    }

    /// Takes other JSON instead.
    pub fn retell(&mut self, value: Value) {
        self.bytes = value.to_string().into();
        self.told = Some(value);
    }
}

/// How an answer leaves.
enum Manner {
    Whole,
    Half,
    Slow(Duration),
}

/// Answers one request; an error cuts the connection.
pub async fn handle(
    shared: Arc<Shared>,
    scissors: Scissors,
    connection: u64,
    request: Request<Incoming>,
) -> Result<hyper::Response<Outgoing>, Cut> {
    let (mut parts, body) = request.into_parts();
    let bytes = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let head = parts.method.as_str() == "HEAD";
    let gzip = accepts_gzip(&parts);
    let (who, _) = shared.store.with(|state| {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        caller::authenticate(state, header, shared.token_kind, shared.now())
    });
    let mut entry = LoggedRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        body: serde_json::from_slice(&bytes).ok(),
        authorization_ok: who.is_ok(),
        status: 0,
        answer: None,
        connection,
        fault: None,
    };
    parts.extensions.insert(Who(who));
    parts.extensions.insert(Moment(shared.now()));

    let throttled = shared.throttle();
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let mut manner = Manner::Whole;
    let reply = match throttled {
        Some(reply) => reply,
        None => match shared.fate(&parts) {
            None => route(&shared, parts, bytes).await?,
            Some(fault) => {
                entry.fault = Some(format!("{:?}", fault.what));
                match strike(&shared, &fault, parts, bytes, &mut manner).await? {
                    Some(reply) => reply,
                    None => {
                        shared.log.note(entry);
                        if fault.what == What::Timeout {
                            std::future::pending::<()>().await;
                        }
                        scissors.cut();
                        return Err(Cut);
                    }
                }
            }
        },
    };
    let number = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    entry.status = reply.status;
    entry.answer = reply.told.clone();
    shared.log.note(entry);
    send(reply, manner, number, gzip, head)
}

/// The answer of the service itself.
async fn route(shared: &Shared, parts: Parts, bytes: Bytes) -> Result<Reply, Cut> {
    let request = Request::from_parts(parts, axum::body::Body::from(bytes));
    let response = shared.router.clone().oneshot(request).await.map_err(|_| Cut)?;
    Reply::of(response).await
}

/// The answer of a request that a fault strikes; none for faults that leave it unanswered.
async fn strike(
    shared: &Shared,
    fault: &Fault,
    mut parts: Parts,
    bytes: Bytes,
    manner: &mut Manner,
) -> Result<Option<Reply>, Cut> {
    if let Some(reply) = spoil::instead(&fault.what) {
        if fault.applied {
            route(shared, parts, bytes).await?;
        }
        return Ok(reply);
    }
    match &fault.what {
        What::Delay(length) => tokio::time::sleep(*length).await,
        What::Lag(length) => {
            let instant = Instant::now().checked_sub(*length).unwrap_or_else(Instant::now);
            parts.extensions.insert(Behind(instant));
        }
        What::Truncate => *manner = Manner::Half,
        What::Drip(pause) => *manner = Manner::Slow(*pause),
        _ => {}
    }
    let page = spoil::before(&fault.what, &mut parts);
    let esc = parts.uri.path().contains("/esc/environments");
    let mut reply = route(shared, parts, bytes).await?;
    spoil::after(&fault.what, &page, if esc { "nextToken" } else { "continuationToken" }, &mut reply);
    Ok(Some(reply))
}

fn accepts_gzip(parts: &Parts) -> bool {
    let accepted = parts.headers.get(header::ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
    accepted.is_some_and(|it| it.split(',').any(|it| it.trim().starts_with("gzip")))
}

/// Bodies below this many bytes are not worth compressing.
const SMALL: usize = 512;

fn compress(bytes: &Bytes) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn send(
    mut reply: Reply,
    manner: Manner,
    number: u64,
    gzip: bool,
    head: bool,
) -> Result<hyper::Response<Outgoing>, Cut> {
    if gzip
        && !head
        && reply.bytes.len() >= SMALL
        && let Some(bytes) = compress(&reply.bytes)
    {
        reply.bytes = bytes;
        reply.headers.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response = response.header("x-pulumi-request-id", format!("request-{number}"));
    let body = match manner {
        _ if head => Outgoing::whole(Bytes::new()),
        Manner::Whole => Outgoing::whole(reply.bytes),
        Manner::Half => {
            response = response.header(header::CONTENT_LENGTH, reply.bytes.len());
            Outgoing::half(&reply.bytes)
        }
        Manner::Slow(pause) => Outgoing::slow(&reply.bytes, pause),
    };
    response.body(body).map_err(|_| Cut)
}
