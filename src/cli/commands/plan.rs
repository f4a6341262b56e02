//! `bylaws plan`: what would change. Sends nothing but GET and HEAD.

use crate::cli::attribute::attribute;
use crate::cli::connection::ConnectionArgs;
use crate::cli::exit::Exit;
use crate::cli::github;
use crate::cli::output::{self, Format, Write};
use crate::cli::session::{self, ManifestArgs, PlanArgs, Session};
use crate::cli::ui::Ui;
use crate::model::Plan;

/// Shows what would change, and what speaks against it. Changes nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    plan: PlanArgs,
    /// Says who made the drift and when, as far as the audit log of the last 30 days tells (its newest 20 pages):
    /// with `--base` of what is drift, without it of whatever is live and not as the manifest says. The log names
    /// things in prose only, and does not tell of everything, so that it is a hint. Where it cannot be read, the
    /// plan says so and is the same otherwise.
    #[arg(long)]
    attribute: bool,
    /// How the plan is written to standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Writes the plan to a file as well, such as `json=plan.json`. May be given again.
    #[arg(long, value_name = "FORMAT=FILE")]
    write: Vec<Write>,
    /// Ends with 0 without changes, 2 with changes, 1 on any error.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Ends with 7 if there are changes.
    #[arg(long)]
    expect_no_changes: bool,
}

/// Runs it.
pub async fn run(args: Args, ui: &Ui) -> Exit {
    let ended = match session::open(&args.manifest, &args.connection, &args.plan, ui).await {
        Ok(session) => {
            let ended = match session.plan_and_live(ui).await {
                Ok((mut plan, live)) => {
                    if args.attribute {
                        attribute(&mut plan, &live, &session, ui).await;
                    }
                    show(&plan, &session, &args, ui)
                }
                Err(exit) => Err(exit),
            };
            session.close(ui).await;
            ended
        }
        Err(exit) => Err(exit),
    };
    match ended {
        Ok(true) if args.detailed_exitcode => Exit::Invalid,
        Ok(true) if args.expect_no_changes => Exit::Changes,
        Ok(_) => Exit::Done,
        Err(_) if args.detailed_exitcode => Exit::Other,
        Err(exit) => exit,
    }
}

/// Writes the plan, and says whether there are changes.
fn show(plan: &Plan, session: &Session, args: &Args, ui: &Ui) -> Result<bool, Exit> {
    let command = session.command(plan);
    // Also a plan that is blocked or incomplete is written: whoever reviews has to see why.
    if let Err(problem) = output::write_all(plan, &args.write, ui, &command) {
        ui.error(&problem);
        return Err(Exit::Other);
    }
    ui.result(&output::rendered(plan, args.format, ui, &command));
    if let Err(problem) = github::tell(plan, ui) {
        ui.error(&problem);
        return Err(Exit::Other);
    }
    refusal(plan)?;
    Ok(!plan.is_empty())
}

/// Why a plan cannot be applied, as an exit code.
///
/// # Errors
/// The code.
pub fn refusal(plan: &Plan) -> Result<(), Exit> {
    if plan.status.errored {
        return Err(Exit::Bug);
    }
    // What could not be seen comes first: some of what blocks may only be its consequence.
    if !plan.status.complete {
        return Err(Exit::Service);
    }
    if plan.summary.blocked > 0 { Err(Exit::Refused) } else { Ok(()) }
}
