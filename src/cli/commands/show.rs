//! `bylaws show PLAN`: a saved plan, rendered again without the service.

use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::saved;
use crate::cli::ui::Ui;
use crate::plan;

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
    match saved::read(&args.plan) {
        Ok(plan) => {
            if let Err(problem) = plan::saved::check(&plan) {
                ui.say(&format!("note: this plan was edited and cannot be applied: {problem}"));
            }
            let command = output::saved_command(&plan, &args.plan.to_string_lossy(), &[]);
            ui.result(&output::rendered(&plan, args.format, ui, &command));
            Exit::Done
        }
        Err(problem) => {
            ui.error(&problem);
            Exit::Invalid
        }
    }
}
