//! Values to text.

pub mod problem;
