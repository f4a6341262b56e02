//! bylaws.
pub mod kinds;
pub mod model;
pub mod render;
