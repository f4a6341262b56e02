//! The rules of manifests: smallest YAML in, findings out.

mod laws;
mod meaning;
mod reading;
mod shapes;
