//! Desired state to YAML text: what an import writes, and what is added to files that are there.
//!
//! In reading order: one text (`scalar`), values as lines (`emit`), sections as files and additions to files
//! (`place`), and the loop that leaves out what no manifest can say ([`import`]); then one value that becomes
//! another in its place (`edit`, `flow`, `lines`), and drift that is accepted so ([`accept`]). Whatever is
//! written here is loaded again before anybody sees it.

mod accept;
mod edit;
mod emit;
mod flow;
pub mod import;
mod lines;
mod place;
mod scalar;

use std::sync::Arc;

pub use accept::{Acceptance, Accepted, accept};
pub use import::{Import, LeftOut, Unwritable, Wanted, import};
pub use place::Target;

/// A file as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// Its path, with `/` between its parts.
    pub path: String,
    /// What it holds now; nothing for a file that is not there.
    pub before: Option<Arc<str>>,
    /// What it shall hold.
    pub text: String,
}
