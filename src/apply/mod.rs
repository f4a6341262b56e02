//! Carries out a plan. So far: where new secrets go ([`sinks`]).

mod file_sink;
mod git;
mod sinks;

pub use sinks::{Sinks, addresses};
