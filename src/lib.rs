//! bylaws.
pub mod sandbox;
