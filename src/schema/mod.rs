//! JSON Schemas: of the manifest, shaped for editors and walked by the loader, and of a plan and an
//! answer about access, for their readers.
//!
//! In reading order: the manifest from [`crate::kinds::ALL`] (`manifest`), the parts of it that belong to no kind
//! (`common`), what programs read (`plan`), and the pass that turns what `schemars` generates into what editors
//! understand (`shape`). The ways in are [`manifest`], [`plan`] and [`render`].

mod common;
mod manifest;
mod plan;
mod shape;

use serde_json::Value;

use crate::model::Plan;
use crate::model::access::Listing;

/// The JSON Schema of a manifest file, of every kind there is.
pub fn manifest() -> Value {
    manifest::schema()
}

/// The JSON Schema of a saved plan: [`crate::model::Plan`].
pub fn plan() -> Value {
    plan::of::<Plan>("bylaws plan")
}

/// The JSON Schema of an answer of `bylaws access`: [`crate::model::access::Listing`].
pub fn access() -> Value {
    plan::of::<Listing>("bylaws access")
}

/// A schema as text, the same for the same schema: indented, and with an end of line.
pub fn render(schema: &Value) -> String {
    format!("{schema:#}\n")
}
