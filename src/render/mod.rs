//! Values to text: plans and reports for people and for machines, escaped for where the text goes.
//!
//! In reading order: how foreign text is made harmless ([`escape`]), how a value is shown ([`value`]),
//! what is said about one change ([`lines`]), about who may do what ([`access`]) and about a whole plan
//! ([`digest`]), and the renderings:
//! [`text`] for terminals, [`markdown`] for pull requests, [`calls`] for a dry run, [`json`] and
//! [`gitlab`] for machines. Mistakes have a place of their own, in every form ([`problem`], [`sarif`]). Everything
//! here is pure, and the same value gives the same bytes.

pub mod access;
pub mod calls;
pub mod digest;
pub mod escape;
mod excerpt;
pub mod gitlab;
pub mod json;
pub mod lines;
pub mod markdown;
pub mod problem;
pub mod sarif;
pub mod text;
pub mod value;

#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod sample;
