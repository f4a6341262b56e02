//! Plans and reports for a terminal: signs in column 0, names whole, the important things last.

mod access;
mod drift;
mod layout;
mod plan;
mod report;

pub use access::access;
pub use drift::drift;
pub use plan::{consequences, plan};
pub use report::report;

/// How a text is made. The same options give the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Columns of the screen. Below 100 there is no column of sources.
    pub width: usize,
    /// Lines of the screen; a longer plan repeats its summary at the end.
    pub height: usize,
    /// Whether to colour; colour never carries a meaning alone.
    pub color: bool,
    /// Whether signs may be more than ASCII.
    pub utf8: bool,
    /// Whether the organization is the sandbox's.
    pub sandbox: bool,
    /// The command that applies, with everything that was given to the plan: `bylaws apply --base main`.
    pub command: &'a str,
}

impl Default for Options<'_> {
    /// A file: no screen, no colour.
    fn default() -> Self {
        Self { width: 120, height: usize::MAX, color: false, utf8: true, sandbox: false, command: "bylaws apply" }
    }
}

impl Options<'_> {
    /// The organization as every header names it.
    fn organization(&self, slug: &str) -> String {
        let slug = crate::render::escape::terminal(slug);
        if self.sandbox { format!("{slug} (sandbox)") } else { slug }
    }
}
