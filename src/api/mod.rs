//! Carries calls to the service.
pub mod address;
pub mod auth;
pub mod backend;
pub mod body;
pub mod error;
pub mod gate;
pub mod limit;
pub mod pace;
pub mod paging;
pub mod redact;
pub mod retry;
