//! `bylaws schema`: the JSON Schemas of manifests, of plans, and of answers about access.

use clap::ValueEnum;

use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Prints a JSON Schema: the manifest's, for completion in editors, or one of what programs read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which document the schema describes.
    #[arg(long = "for", value_enum, default_value_t = Document::Manifest)]
    document: Document,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    /// What you write.
    Manifest,
    /// What `plan --write json=FILE` writes.
    Plan,
    /// What `access --format json` writes.
    Access,
}

/// Runs it.
pub fn run(args: &Args, ui: &Ui) -> Exit {
    let schema = match args.document {
        Document::Manifest => crate::schema::manifest(),
        Document::Plan => crate::schema::plan(),
        Document::Access => crate::schema::access(),
    };
    ui.result(&crate::schema::render(&schema));
    Exit::Done
}
