//! Everything that is tested from outside, in one binary.

mod accepting;
mod base;
mod budgets;
mod calls;
mod ci;
mod contract;
mod editor;
mod examples;
mod faults;
mod hazards;
mod imports;
mod interruption;
mod invites;
mod laws;
mod mistakes;
mod renames;
mod roles;
mod safety;
mod saved;
mod scenarios;
mod schemas;
mod support;
mod target;
mod tidy;
mod undocumented;
