//! `bylaws`: the bylaws of a Pulumi Cloud organization, kept in Git.
//!
//! ```text
//!   YAML ──manifest──▶ desired ─┐
//!                               ├─plan──▶ plan ──render──▶ people, machines
//!   service ──snapshot─▶ live ──┘           │
//!      ▲                                    └──apply──▶ calls, sinks, report
//!      └────────────── api ◀────────────────────┘
//! ```
//!
//! Knowledge by kind, machinery by layer: [`kinds`] holds one file for each kind of resource, and
//! everything else loops over [`kinds::ALL`] and names none of them. In reading order:
//!
//! - [`model`]: the words everyone speaks, as plain data
//! - [`kinds`]: what a person writes, what the service answers, and the calls that close the gap
//! - [`schema`]: the JSON Schemas of the manifest and of plans
//! - [`manifest`]: YAML text to desired state, with the place of every value
//! - [`plan`]: desired × live → plan
//! - [`render`]: plans, reports and problems as text
//! - [`api`]: carries requests over HTTP
//! - [`snapshot`]: reads the live state
//! - [`apply`]: carries out a plan
//! - [`sandbox`]: a server for the same API; it shares no code with the rest
//! - [`cli`]: the shell
//!
//! What always holds, and which tests hold it:
//!
//! 1. Planning is pure: the same manifest and snapshot give the same plan, byte for byte (`laws`).
//! 2. A plan has no choices left: applying a saved plan is applying a fresh one.
//! 3. Plans and reports hold no secret (`laws`).
//! 4. Only `api` opens a socket to the service. Only `cli` prints, reads manifests and the
//!    environment, and exits. Planning is given a client that cannot express a write (`tidy`, `laws`).
//! 5. No kind is named outside `kinds` and `sandbox` (`tidy`).
//! 6. `sandbox` shares no code with the client: two readings of the contract must agree (`tidy`).
//! 7. Import then plan is empty; apply then plan is empty (`laws`).
//! 8. What is `Serialize` is promised: specs, plans, reports, snapshots.
//! 9. Mistakes in a manifest are a list, never the first one only.
//! 10. What could not be read is unknown, never empty. Nothing is deleted on the strength of it.

pub mod api;
pub mod apply;
pub mod cli;
pub mod kinds;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod render;
pub mod sandbox;
pub mod schema;
pub mod snapshot;

// The tests in here hold the sandbox against the published contract as those in `tests` do.
#[cfg(test)]
extern crate self as bylaws;
#[cfg(test)]
#[path = "../tests/it/support/published.rs"]
mod published;
#[cfg(test)]
#[path = "../tests/it/support/trials.rs"]
mod trials;
