//! `bylaws show PLAN`: a saved plan, rendered again without the service.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::ui::Ui;
use crate::render;

/// Shows a plan that was saved with `--write json=FILE`. Sends nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The saved plan.
    plan: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs it.
pub fn run(args: &Args, ui: &Ui) -> Exit {
    let text = match std::fs::read_to_string(&args.plan) {
        Ok(text) => text,
        Err(error) => {
            ui.error(&format!("failed to read `{}`: {error}", args.plan.display()));
            return Exit::Invalid;
        }
    };
    match render::json::parse(&text) {
        Ok(plan) => {
            let command = output::command(&plan, &BTreeSet::new(), None, false);
            ui.result(&output::rendered(&plan, args.format, ui, &command));
            Exit::Done
        }
        Err(problem) => {
            ui.error(&format!("`{}` is no plan: {problem}", args.plan.display()));
            Exit::Invalid
        }
    }
}
