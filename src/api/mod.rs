//! Carries calls to the service over HTTP: signs, paces, retries, pages, and tells failures apart.
//!
//! In reading order: where to and with which token (`backend`, `auth`), past which proxy (`proxy`); the address of a request
//! (`address`); what can go wrong (`error`) and when it is sent again (`retry`); who may go when
//! (`pace`, `gate`, `limit`); one attempt (`wire`) and what came back (`incoming`,
//! `body`, `answer`, `redact`, `paging`). The way in is [`Clients`]: of
//! [`ReadClient`], which cannot write, and [`WriteClient`].

mod address;
mod answer;
pub mod auth;
mod backend;
mod body;
mod clients;
mod error;
mod gate;
mod incoming;
mod limit;
mod options;
mod pace;
mod paging;
mod proxy;
mod read;
mod redact;
mod retry;
mod wire;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use answer::Answer;
pub use auth::{AuthError, Connection, Inputs, choose};
pub use backend::Backend;
pub use clients::Clients;
pub use error::{About, ApiError, Failure};
pub use options::{Event, Hook, Options, Timeouts};
pub use paging::Chain;
pub use proxy::check_proxy;
pub use read::{Page, ReadClient};
pub use retry::{Backoff, LONGEST_WAIT, Refusals};
pub use write::{Request, WriteClient};
