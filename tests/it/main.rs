//! Everything that is tested from outside, in one binary.

mod editor;
mod hazards;
mod laws;
mod mistakes;
mod renames;
mod safety;
mod scenarios;
mod schemas;
mod support;
mod tidy;
