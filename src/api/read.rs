//! The client that reads, and can do nothing else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use tokio::time::Instant;

use crate::api::answer::Answer;
use crate::api::auth::Connection;
use crate::api::error::{ApiError, Failure};
use crate::api::gate::Class;
use crate::api::options::Options;
use crate::api::paging::{Chain, next_token};
use crate::api::retry::{ATTEMPTS, Again, Refusals, again};
use crate::api::wire::{Over, Right, Wire, chance, outcome};
use crate::model::Read;

/// Reads, and can do nothing else: no other method is sent, whatever is asked of it.
#[derive(Clone)]
pub struct ReadClient {
    wire: Arc<Wire>,
}

/// One page of an answer.
#[derive(Clone)]
pub struct Page {
    /// The page as it came.
    pub body: Bytes,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
    /// What the service warns of.
    pub warnings: Vec<String>,
}

impl ReadClient {
    /// A client of this service. Opens no connection yet.
    ///
    /// # Errors
    /// When the extra certificates cannot be read.
    pub fn new(connection: Connection, options: Options) -> anyhow::Result<Self> {
        Ok(Self { wire: Arc::new(Wire::new(connection, options)?) })
    }

    /// The service's address, without a trailing `/`.
    pub fn backend(&self) -> &str {
        self.wire.backend.as_str()
    }

    /// Whether it has the token of the identity provider's directory (SCIM).
    pub fn knows_directory(&self) -> bool {
        self.wire.options.directory_token.is_some()
    }

    /// How many requests may be under way at most.
    pub fn concurrency(&self) -> usize {
        self.wire.options.concurrency.max(1)
    }

    /// How many requests one reading of an organization may take.
    pub fn allowance(&self) -> Option<usize> {
        self.wire.options.max_requests
    }

    /// How long nothing is sent from now on, because the service asked for a rest.
    pub fn rests_for(&self) -> Duration {
        self.wire.limiter.rests_for()
    }

    /// Reads one thing. Sent again, within bounds, when that may help.
    ///
    /// # Errors
    /// When there is no answer, or one that says no, or one that is not JSON.
    pub async fn get(&self, path: &[String], query: &[(String, String)]) -> Result<Answer, ApiError> {
        self.fetch(path, query, Class::List).await
    }

    /// Reads one page of `read`: the first, or the one that `token` names.
    ///
    /// # Errors
    /// As [`ReadClient::get`], and when the token of the next page cannot be read.
    pub async fn get_page(&self, read: &Read, token: Option<&str>) -> Result<Page, ApiError> {
        let class = if read.is_detail() && token.is_none() { Class::Detail } else { Class::List };
        let answer = match token {
            None => self.fetch(&read.path, &read.query, class).await?,
            Some(token) => {
                let mut query = read.query.clone();
                query.push(("continuationToken".to_owned(), token.to_owned()));
                self.fetch(&read.path, &query, class).await?
            }
        };
        let next = next_token(read.paging, &answer).map_err(|what| self.failed(read, Failure::Contract(what)))?;
        Ok(Page { body: answer.body, next, warnings: answer.warnings })
    }

    /// Reads every page of `read`.
    ///
    /// # Errors
    /// As [`ReadClient::get_page`]; when the pages do not come to an end; and when `on_page` finds
    /// that one breaks the contract.
    pub async fn pages(
        &self,
        read: &Read,
        mut on_page: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), ApiError> {
        let mut chain = Chain::default();
        let mut token = None;
        loop {
            let page = self.get_page(read, token.as_deref()).await?;
            on_page(&page.body).map_err(|what| self.failed(read, Failure::Contract(what)))?;
            let more = chain.follow(page.next.as_deref());
            if !more.map_err(|what| self.failed(read, Failure::Incomplete(what)))? {
                return Ok(());
            }
            token = page.next;
        }
    }

    /// A failure of `read`, found in what it was answered.
    pub fn failed(&self, read: &Read, failure: Failure) -> ApiError {
        ApiError::new(failure, "GET", self.wire.shown(&read.path))
    }

    /// A client over a connection that is there already.
    pub(super) fn over(wire: &Arc<Wire>) -> Self {
        Self { wire: Arc::clone(wire) }
    }

    #[cfg(test)]
    pub(super) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    async fn fetch(&self, path: &[String], query: &[(String, String)], class: Class) -> Result<Answer, ApiError> {
        let wire = &*self.wire;
        let outgoing = wire.outgoing(Method::GET, path, query, None)?;
        let place = wire.limiter.place();
        let (mut attempts, mut refusals) = (0, Refusals::default());
        loop {
            let permit = wire.limiter.permit(class, place).await;
            let result = wire.attempt(Right::Read, Over::Any, &outgoing, attempts + refusals.count() + 1).await;
            permit.done(outcome(&result));
            let error = match result {
                Ok(answer) => {
                    wire.budget(|it| it.earn());
                    return Ok(answer);
                }
                Err(error) => error,
            };
            match again(&error) {
                Again::Never => return Err(error),
                Again::AtTheGate => {
                    if !refusals.bear(&error, Instant::now()) {
                        return Err(error);
                    }
                    wire.tell_rest();
                }
                Again::After(price) => {
                    attempts += 1;
                    if attempts == ATTEMPTS || !wire.budget(|it| it.spend(price)) {
                        return Err(error);
                    }
                    tokio::time::sleep(wire.options.backoff.wait(attempts, chance())).await;
                }
            }
        }
    }
}

impl fmt::Debug for ReadClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadClient").field("backend", &self.backend()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("bytes", &self.body.len()).field("more", &self.next.is_some()).finish()
    }
}
