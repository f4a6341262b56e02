//! The client that writes: each request once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::api::answer::Answer;
use crate::api::error::{ApiError, Failure};
use crate::api::gate::Class;
use crate::api::read::ReadClient;
use crate::api::retry::{ATTEMPTS, Again, again};
use crate::api::wire::{Over, Right, Wire, chance, outcome};
use crate::model;

/// Writes, through the same queue as the client that reads. Made by [`crate::api::Clients`] only.
#[derive(Clone)]
pub struct WriteClient {
    wire: Arc<Wire>,
}

/// One writing request, with every hole filled.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// What it does.
    pub method: model::Method,
    /// Path segments, unencoded, from `api` on.
    pub path: Vec<String>,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// The JSON body. May hold a secret, and is never shown.
    pub body: Option<Value>,
    /// Whether the body holds a secret: then what the service says about it is not repeated, since it may
    /// quote what it was sent.
    pub confidential: bool,
}

impl WriteClient {
    /// A client over a connection that is there already.
    pub(super) fn over(wire: &Arc<Wire>) -> Self {
        Self { wire: Arc::clone(wire) }
    }

    /// The client that reads where it writes.
    pub fn reads(&self) -> ReadClient {
        ReadClient::over(&self.wire)
    }

    /// Sends a request once. It is sent again only when nothing of it can have left this machine.
    ///
    /// # Errors
    /// When it was refused, or its answer was lost: [`ApiError::maybe_applied`] tells which. After a
    /// 429 it was not applied, and sending it again waits for the end of the rest.
    pub async fn send(&self, request: &Request) -> Result<Answer, ApiError> {
        self.send_over(Over::Any, request).await
    }

    /// The same, over a connection of its own: for what can be neither repeated nor read back.
    ///
    /// # Errors
    /// As [`WriteClient::send`].
    pub async fn send_once_fresh(&self, request: &Request) -> Result<Answer, ApiError> {
        self.send_over(Over::Fresh, request).await
    }

    async fn send_over(&self, over: Over, request: &Request) -> Result<Answer, ApiError> {
        let wire = &*self.wire;
        let Request { method, path, query, body, confidential } = request;
        let method = match method {
            // A look-up between two writes is a read like any other, and may be sent again.
            model::Method::Get => return ReadClient::over(&self.wire).get(path, query).await,
            model::Method::Post => Method::POST,
            model::Method::Patch => Method::PATCH,
            model::Method::Delete => Method::DELETE,
        };
        let body = body.as_ref().map(|it| Bytes::from_owner(Zeroizing::new(it.to_string().into_bytes())));
        let mut outgoing = wire.outgoing(method, path, query, body)?;
        outgoing.confidential = *confidential;
        let place = wire.limiter.place();
        let mut attempts = 0;
        loop {
            let permit = wire.limiter.permit(Class::Write, place).await;
            attempts += 1;
            let result = wire.attempt(Right::Write, over, &outgoing, attempts).await;
            permit.done(outcome(&result));
            let error = match result {
                Ok(answer) => {
                    wire.budget(|it| it.earn());
                    return Ok(answer);
                }
                Err(error) => error,
            };
            wire.tell_rest();
            let Again::After(price) = again(&error) else { return Err(error) };
            if !never_left(&error) || attempts == ATTEMPTS || !wire.budget(|it| it.spend(price)) {
                return Err(error);
            }
            tokio::time::sleep(wire.options.backoff.wait(attempts, chance())).await;
        }
    }
}

/// Whether nothing of the request can have left this machine.
fn never_left(error: &ApiError) -> bool {
    matches!(
        error.failure,
        Failure::Connection { maybe_applied: false, .. } | Failure::Timeout { maybe_applied: false, .. }
    )
}

impl fmt::Debug for WriteClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteClient").field("backend", &self.wire.backend.as_str()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, query: _, body: _, confidential: _ } = self;
        f.debug_struct("Request").field("method", method).field("path", path).finish_non_exhaustive()
    }
}
