//! bylaws.
pub mod apply;
pub mod kinds;
pub mod model;
