//! What a GitHub workflow is told besides the log: its summary, its outputs, and annotations.

use std::fs::OpenOptions;
use std::io::Write;

use crate::cli::SANDBOX;
use crate::cli::ui::Ui;
use crate::model::{Diagnostic, Plan};
use crate::render::{markdown, problem};

/// A summary of a step may have 1 MiB; above it the runner drops it whole.
const LONGEST_SUMMARY: usize = 1_000_000;

/// Whether a GitHub workflow runs this.
pub fn is_here() -> bool {
    std::env::var("GITHUB_ACTIONS").is_ok_and(|it| it == "true")
}

/// Where this run can be read, whose summary has the whole plan.
pub fn run_link() -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let link = || {
        let (server, repository) = (set("GITHUB_SERVER_URL")?, set("GITHUB_REPOSITORY")?);
        Some(format!("{server}/{repository}/actions/runs/{}", set("GITHUB_RUN_ID")?))
    };
    if is_here() { link() } else { None }
}

/// Puts the plan into the summary of the step, and its facts into the outputs.
///
/// # Errors
/// When one of the runner's files cannot be written: a gate that reads the outputs must not take their
/// absence for "no changes".
pub fn tell(plan: &Plan, ui: &Ui) -> Result<(), String> {
    if !is_here() {
        return Ok(());
    }
    let sandbox = plan.backend == SANDBOX;
    let options = markdown::Options { max_bytes: LONGEST_SUMMARY, sandbox, ..markdown::Options::default() };
    append("GITHUB_STEP_SUMMARY", &markdown::plan(plan, options))?;
    // Three words of ours and 64 hex digits: nothing in them can be taken for another line.
    let checksum = plan.checksum.strip_prefix("sha256:").unwrap_or(&plan.checksum);
    append(
        "GITHUB_OUTPUT",
        &format!(
            "changed={}\ndestructive={}\nblocked={}\nchecksum={checksum}\n",
            !plan.is_empty(),
            plan.summary.destructive,
            plan.summary.blocked > 0,
        ),
    )?;
    annotate(&plan.diagnostics, ui);
    Ok(())
}

/// Shows diagnostics at their lines. On standard error, where the runner looks for commands as well, so that
/// the result stays what it is.
pub fn annotate(diagnostics: &[Diagnostic], ui: &Ui) {
    if is_here() {
        ui.commands(&problem::github(diagnostics));
    }
}

fn append(variable: &str, text: &str) -> Result<(), String> {
    let Some(path) = std::env::var_os(variable).filter(|it| !it.is_empty()) else { return Ok(()) };
    let written =
        OpenOptions::new().append(true).create(true).open(&path).and_then(|mut it| it.write_all(text.as_bytes()));
    written.map_err(|error| format!("failed to write `{}` (${variable}): {error}", path.display()))
}
