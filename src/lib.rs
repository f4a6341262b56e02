//! bylaws.
pub mod api;
pub mod kinds;
pub mod model;
pub mod snapshot;
