//! Values to text.

mod excerpt;
pub mod problem;
