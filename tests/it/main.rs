//! Everything that is tested from outside, in one binary.

mod access;
mod base;
mod calls;
mod contract;
mod editor;
mod examples;
mod faults;
mod hazards;
mod impact;
mod interruption;
mod laws;
mod mistakes;
mod renames;
mod safety;
mod scenarios;
mod schemas;
mod support;
mod tidy;
