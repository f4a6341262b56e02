//! One file for each command: its arguments, then how it runs.

pub mod access;
pub mod apply;
pub mod drift;
pub mod explain;
pub mod import;
pub mod plan;
pub mod sandbox;
pub mod schema;
pub mod show;
pub mod validate;
