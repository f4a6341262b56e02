//! One attempt: the only place where a request leaves this machine.

use std::error::Error;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Client, Method, Response, Url};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use crate::api::address;
use crate::api::answer::{Answer, Reply, judge};
use crate::api::auth::Connection;
use crate::api::backend::Backend;
use crate::api::error::{ApiError, Failure};
use crate::api::gate::{Gate, Outcome};
use crate::api::incoming::Incoming;
use crate::api::limit::Limiter;
use crate::api::options::{Event, LOWEST_LEVEL, Options};
use crate::api::redact::harmless;
use crate::api::retry::{Budget, retry_after};
use crate::model::Secret;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Only GET and HEAD.
    Read,
    /// Everything.
    Write,
}

/// Over which connection a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// One that is already open, if there is one.
    Any,
    /// One of its own, so that it cannot meet one that the service is closing at this moment.
    Fresh,
}

/// A request, ready to be sent once or more.
pub struct Outgoing<'a> {
    method: Method,
    url: Url,
    path: &'a [String],
    body: Option<Bytes>,
    /// Whether the body holds a secret, which the service may quote.
    pub confidential: bool,
}

/// Whether a path is the identity provider's directory's (CONTRACT 7), which knows a token of its own only.
fn is_of_directory(path: &[String]) -> bool {
    path.first().is_some_and(|it| it == "scim")
}

/// How the directory is asked: with another scheme, another token, another type of content.
fn directory_headers(token: &Secret) -> anyhow::Result<HeaderMap> {
    let mut authorization = HeaderValue::from_str(&Zeroizing::new(format!("Bearer {}", token.expose())))
        .ok()
        .context("the SCIM token holds a character that no token has")?;
    authorization.set_sensitive(true);
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, authorization),
        (ACCEPT, HeaderValue::from_static("application/scim+json, application/json")),
        (CONTENT_TYPE, HeaderValue::from_static("application/scim+json")),
    ]))
}

/// What clients share: the service, the right to speak to it, the queue, and the connections.
pub struct Wire {
    pub backend: Backend,
    pub options: Options,
    pub limiter: Limiter,
    token: Secret,
    headers: HeaderMap,
    /// What is sent instead to the directory, if its token is known.
    directory: Option<HeaderMap>,
    extra_ca: Vec<reqwest::Certificate>,
    budget: Mutex<Budget>,
    // Made when the first request is sent: reading the machine's certificates takes longer than `--help` may.
    pooled: OnceLock<Result<Client, String>>,
    fresh: OnceLock<Result<Client, String>>,
}

impl Wire {
    pub fn new(connection: Connection, options: Options) -> anyhow::Result<Self> {
        let Connection { backend, token, .. } = connection;
        let mut authorization = HeaderValue::from_str(&Zeroizing::new(format!("token {}", token.expose())))
            .ok()
            .context("the access token holds a character that no token has")?;
        authorization.set_sensitive(true);
        let accept = format!("application/vnd.pulumi+{}", options.level.max(LOWEST_LEVEL));
        let accept = HeaderValue::from_str(&accept).context("a number cannot be sent")?;
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, authorization),
            (ACCEPT, accept),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
        ]);
        let directory = options.directory_token.as_deref().map(directory_headers).transpose()?;
        let extra_ca = match &options.extra_ca {
            Some(pem) => reqwest::Certificate::from_pem_bundle(pem).ok().filter(|it| !it.is_empty()),
            None => Some(Vec::new()),
        };
        let extra_ca = extra_ca.context("the extra certificates (--ca-file) are not a PEM file of certificates")?;
        let gate = Gate::new(options.concurrency, options.writes, options.max_rps);
        Ok(Self {
            backend,
            limiter: Limiter::new(gate),
            options,
            token,
            headers,
            directory,
            extra_ca,
            budget: Mutex::default(),
            pooled: OnceLock::new(),
            fresh: OnceLock::new(),
        })
    }

    /// A request with its address.
    pub fn outgoing<'a>(
        &self,
        method: Method,
        path: &'a [String],
        query: &[(String, String)],
        body: Option<Bytes>,
    ) -> Result<Outgoing<'a>, ApiError> {
        match address::build(&self.backend, path, query) {
            Ok(url) => Ok(Outgoing { method, url, path, body, confidential: false }),
            Err(refusal) => Err(ApiError::new(Failure::Unsendable(refusal), name(&method), self.shown(path))),
        }
    }

    /// Sends a request once, and judges what comes back.
    pub async fn attempt(
        &self,
        right: Right,
        over: Over,
        outgoing: &Outgoing<'_>,
        attempt: u32,
    ) -> Result<Answer, ApiError> {
        let method = name(&outgoing.method);
        let begun = Instant::now();
        let result = match self.exchange(right, over, outgoing).await {
            Ok(reply) => judge(reply, method, self.token_for(outgoing.path), || self.shown(outgoing.path)),
            Err(failure) => Err(ApiError::new(failure, method, self.shown(outgoing.path))),
        };
        let result = result.map_err(|error| match outgoing.confidential && !error.about.message.is_empty() {
            true => error.with_message("what the service said is not shown, because the request holds a secret"),
            false => error,
        });
        if let Some(hook) = &self.options.hook {
            let (outcome, request_id) = match &result {
                Ok(answer) => (answer.status.to_string(), answer.request_id.clone()),
                Err(error) => (error.reason(), error.about.request_id.clone()),
            };
            let path = self.shown(outgoing.path);
            hook(&Event::Attempt { method, path, attempt, took: begun.elapsed(), outcome, request_id });
        }
        result
    }

    async fn exchange(&self, right: Right, over: Over, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        if right == Right::Read && !matches!(outgoing.method, Method::GET | Method::HEAD) {
            return Err(Failure::Unsendable("a client that reads was asked to write".to_owned()));
        }
        let limits = self.options.timeouts;
        let deadline = Instant::now() + limits.attempt;
        let client = self.client(over)?;
        let mut request = reqwest::Request::new(outgoing.method.clone(), outgoing.url.clone());
        if is_of_directory(outgoing.path) {
            let headers = self.directory.clone();
            let unknown = || Failure::Unsendable("the token of the directory (SCIM) is not known".to_owned());
            request.headers_mut().extend(headers.ok_or_else(unknown)?);
        }
        *request.body_mut() = outgoing.body.clone().map(Into::into);

        let most = limits.first_byte.min(limits.attempt);
        let response = match timeout(most, client.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.broken(error)),
            Err(_) => return Err(late(format!("nothing came within {} s", most.as_secs_f64()))),
        };
        let mut reply = self.head(&response);
        if !(300..400).contains(&reply.status) {
            reply.body = self.read_body(response, deadline, right).await?;
        }
        // The connection goes back to its pool only now; without this, the next request opens another.
        tokio::task::yield_now().await;
        Ok(reply)
    }

    /// All of the reply but its body.
    fn head(&self, response: &Response) -> Reply {
        let text = |value: &HeaderValue| self.safe(&String::from_utf8_lossy(value.as_bytes()), 500);
        let headers = response.headers();
        let waits = headers.get_all(RETRY_AFTER).iter().filter_map(|it| it.to_str().ok());
        let to = headers.get(LOCATION).and_then(|it| response.url().join(it.to_str().ok()?).ok());
        Reply {
            status: response.status().as_u16(),
            body: Bytes::new(),
            warnings: headers.get_all("x-pulumi-warning").iter().map(text).collect(),
            request_id: headers.get("x-pulumi-request-id").map(text),
            wait: retry_after(waits, unix_now()),
            to_host: to.and_then(|it| it.host_str().map(|host| self.safe(host, 255))),
        }
    }

    async fn read_body(&self, mut response: Response, deadline: Instant, right: Right) -> Result<Bytes, Failure> {
        let encoding = response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        let mut incoming = Incoming::new(encoding, response.content_length()).map_err(Failure::Contract)?;
        let idle = self.options.timeouts.idle;
        loop {
            let most = idle.min(deadline.saturating_duration_since(Instant::now()));
            let chunk = match timeout(most, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(self.broken(error)),
                Err(_) => return Err(late("the answer did not come to its end".to_owned())),
            };
            incoming.take(chunk).map_err(Failure::Contract)?;
        }
        let whole = incoming.end().map_err(Failure::Contract)?;
        match right {
            Right::Read => Ok(whole),
            // It may hold a token's value.
            Right::Write => Ok(Bytes::from_owner(Zeroizing::new(whole.to_vec()))),
        }
    }

    /// What an error of the connection means. Its own text names the address; ours does not.
    fn broken(&self, error: reqwest::Error) -> Failure {
        let mut what = String::new();
        let mut cause = error.source();
        while let Some(it) = cause {
            let text = it.to_string();
            if !what.ends_with(&text) {
                what = if what.is_empty() { text } else { format!("{what}: {text}") };
            }
            cause = it.source();
        }
        let mut what = self.safe(&what, 300);
        if what.contains("certificate") {
            what.push_str("; the certificates of an authority of your own are given with --ca-file");
        }
        let maybe_applied = !error.is_connect();
        match error.is_timeout() {
            true => Failure::Timeout { what: "no connection in time".to_owned(), maybe_applied },
            false => Failure::Connection { what, maybe_applied },
        }
    }

    fn client(&self, over: Over) -> Result<&Client, Failure> {
        let (place, idle) = match over {
            Over::Any => (&self.pooled, usize::MAX),
            Over::Fresh => (&self.fresh, 0),
        };
        let client = place.get_or_init(|| self.make_client(idle).map_err(|error| self.cannot_build(&error)));
        client.as_ref().map_err(|what| Failure::Connection { what: what.clone(), maybe_applied: false })
    }

    fn make_client(&self, idle: usize) -> reqwest::Result<Client> {
        let builder = Client::builder()
            .default_headers(self.headers.clone())
            .user_agent(&self.options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            // The library would send again after a GOAWAY that leaves open what became of the request.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .referer(false)
            .connect_timeout(self.options.timeouts.connect)
            .pool_idle_timeout(self.options.timeouts.pool)
            .pool_max_idle_per_host(idle);
        let builder = if self.backend.is_plain() {
            builder.no_proxy().tls_certs_only(std::iter::empty())
        } else {
            builder.https_only(true).tls_certs_merge(self.extra_ca.iter().cloned())
        };
        builder.build()
    }

    fn cannot_build(&self, error: &reqwest::Error) -> String {
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        format!("TLS cannot be set up: {}", self.safe(&cause, 300))
    }

    /// A path for people.
    pub fn shown(&self, path: &[String]) -> String {
        self.safe(&format!("/{}", path.join("/")), 500)
    }

    /// Foreign text that may be shown.
    fn safe(&self, text: &str, most: usize) -> String {
        let text = match &self.options.directory_token {
            Some(token) => harmless(text, token.expose(), most),
            None => text.to_owned(),
        };
        harmless(&text, self.token.expose(), most)
    }

    fn token_for(&self, path: &[String]) -> &str {
        let directory = self.options.directory_token.as_deref().filter(|_| is_of_directory(path));
        directory.unwrap_or(&self.token).expose()
    }

    /// The budget of sending again.
    pub fn budget<T>(&self, with: impl FnOnce(&mut Budget) -> T) -> T {
        with(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells that nothing is sent for a while, if so.
    pub fn tell_rest(&self) {
        let rest = self.limiter.rests_for();
        if let Some(hook) = self.options.hook.as_ref().filter(|_| !rest.is_zero()) {
            hook(&Event::Rest(rest));
        }
    }
}

/// What the gate makes of a result.
pub fn outcome(result: &Result<Answer, ApiError>) -> Outcome {
    // So that many clients do not come back at the same moment.
    let later =
        |wait: &Option<Duration>| wait.map(|it| it.min(Duration::from_secs(3600)).mul_f64(1.0 + 0.2 * chance()));
    match result {
        Ok(_) => Outcome::Clean,
        Err(error) => match &error.failure {
            Failure::TooManyRequests { wait } => Outcome::Refused(later(wait)),
            Failure::Server { wait } if error.status() == Some(503) => Outcome::Overloaded(later(wait)),
            Failure::Timeout { .. } => Outcome::Overloaded(None),
            Failure::Connection { .. } | Failure::Unsendable(_) => Outcome::Other,
            _ => Outcome::Clean,
        },
    }
}

/// A number from 0 to 1 that nobody can foretell.
pub fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |it| f64::from(it) / f64::from(u32::MAX))
}

fn late(what: String) -> Failure {
    Failure::Timeout { what, maybe_applied: true }
}

fn unix_now() -> i64 {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
