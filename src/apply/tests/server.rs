//! A tiny HTTP server that answers as a test says, and remembers what it was asked and when.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `POST /api/orgs/acme/teams`.
    pub line: String,
    pub body: Value,
}

/// What the server does about it.
pub enum Reply {
    Json(u16, Value),
    Text(u16, &'static str),
    /// 429, with the rest that is asked for.
    Rest(&'static str),
    /// Closes the connection without an answer.
    HangUp,
    /// Answers when the test says so.
    Wait(watch::Receiver<bool>),
    /// Answers 204 after some time.
    Slow(u64),
}

pub fn done() -> Reply {
    Reply::Text(204, "")
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    /// `> LINE` when it came, `< LINE` when it was answered.
    order: Vec<String>,
    open: usize,
    most: usize,
}

pub struct Server {
    pub url: String,
    log: Arc<Mutex<Log>>,
}

impl Server {
    pub async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Log::default()));
        let (kept, answer) = (Arc::clone(&log), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // Dropped by `HangUp`, which closes the connection.
                let (closing, mut closed) = watch::channel(());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        take(request, Arc::clone(&log), Arc::clone(&answer), closing.clone())
                    });
                    let serving =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::select! { _ = serving => {}, _ = closed.changed() => {} }
                });
            }
        });
        Self { url, log: kept }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().seen.clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|it| it.line).collect()
    }

    /// How many requests were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.log.lock().unwrap().most
    }

    /// Whether the first was answered before the second came.
    pub fn before(&self, first: &str, second: &str) -> bool {
        let log = self.log.lock().unwrap();
        let place = |it: &str| log.order.iter().position(|line| line == it).unwrap_or_else(|| panic!("no {it}"));
        place(&format!("< {first}")) < place(&format!("> {second}"))
    }
}

async fn take(
    request: Request<Incoming>,
    log: Arc<Mutex<Log>>,
    answer: Arc<impl Fn(&Seen) -> Reply>,
    closing: watch::Sender<()>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let bytes = request.into_body().collect().await.map(|it| it.to_bytes()).unwrap_or_default();
    let seen = Seen { line: line.clone(), body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) };
    {
        let mut log = log.lock().unwrap();
        log.order.push(format!("> {line}"));
        log.seen.push(seen.clone());
        log.open += 1;
        log.most = log.most.max(log.open);
    }
    let mut rest = "";
    let (status, kind, text) = match answer(&seen) {
        Reply::Json(status, value) => (status, "application/json", value.to_string()),
        Reply::Text(status, text) => (status, "text/plain", text.to_owned()),
        Reply::Rest(seconds) => {
            rest = seconds;
            (429, "application/json", r#"{"code":429,"message":"slow down"}"#.to_owned())
        }
        Reply::HangUp => {
            closing.send(()).unwrap();
            pending().await
        }
        Reply::Wait(mut until) => {
            until.wait_for(|it| *it).await.unwrap();
            (204, "text/plain", String::new())
        }
        Reply::Slow(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            (204, "text/plain", String::new())
        }
    };
    {
        let mut log = log.lock().unwrap();
        log.order.push(format!("< {line}"));
        log.open -= 1;
    }
    let body = Full::new(Bytes::from(text));
    let response = Response::builder().status(status).header("content-type", kind);
    let response = if rest.is_empty() { response } else { response.header("retry-after", rest) };
    Ok(response.body(body).unwrap())
}
