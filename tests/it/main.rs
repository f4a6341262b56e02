//! Everything that is tested from outside, in one binary.

mod base;
mod budgets;
mod calls;
mod contract;
mod editor;
mod examples;
mod faults;
mod hazards;
mod interruption;
mod invites;
mod laws;
mod mistakes;
mod renames;
mod safety;
mod scenarios;
mod schemas;
mod scim;
mod support;
mod target;
mod tidy;
