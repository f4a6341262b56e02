//! Everything that is tested from outside, in one binary.

mod contract;
mod editor;
mod examples;
mod faults;
mod laws;
mod mistakes;
mod safety;
mod scenarios;
mod schemas;
mod support;
mod tidy;
