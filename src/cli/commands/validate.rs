//! `bylaws validate`: everything that can be checked without the service, and without credentials.

use clap::ValueEnum;

use crate::cli::exit::Exit;
use crate::cli::session::{self, ManifestArgs};
use crate::cli::ui::Ui;
use crate::manifest;
use crate::render::{problem, sarif};

/// Checks the manifest offline. Sends nothing and needs no token.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// How problems are written: to standard error for people, to standard output for machines.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How problems are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Excerpts with the marked place.
    Human,
    /// `bylaws.diagnostics`, versioned.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
    /// SARIF 2.1.0, for services that keep the findings of many tools.
    Sarif,
}

/// Runs it.
pub fn run(args: &Args, ui: &Ui) -> Exit {
    let (diagnostics, files, loaded) = match session::load(&args.manifest) {
        Ok(desired) => {
            let mut diagnostics = desired.warnings.clone();
            diagnostics.extend(manifest::unresolved(&desired, |_| None));
            (diagnostics, desired.files.clone(), Some(desired))
        }
        Err(session::Unloaded::Manifest(failure)) => (failure.diagnostics, failure.files, None),
        Err(session::Unloaded::Files(problems)) => return session::unreadable(ui, &problems),
    };
    match args.format {
        Format::Human => ui.problems(&problem::text(&diagnostics, &files, 20)),
        Format::Json => {
            let text = serde_json::to_string_pretty(&problem::json(&diagnostics)).unwrap_or_default();
            ui.result(&format!("{text}\n"));
        }
        Format::Github => ui.result(&problem::github(&diagnostics)),
        Format::Sarif => ui.result(&sarif::log(&diagnostics, &title)),
    }
    match loaded {
        Some(desired) => {
            if args.format == Format::Human {
                let (count, files) = (desired.entries.len(), desired.files.len());
                ui.result(&format!("Valid: {}, {}.\n", session::count(count, "object"), session::count(files, "file")));
            }
            Exit::Done
        }
        None => {
            ui.say("Nothing was read from or sent to Pulumi Cloud.");
            Exit::Invalid
        }
    }
}

/// What a code means, in a few words.
fn title(code: &str) -> Option<String> {
    manifest::CODES.iter().find(|it| it.0 == code).map(|it| it.1.to_owned())
}
