//! `bylaws apply`: plans anew, carries the plan out, and reads again whether it is so.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::apply::{self, Event, Means, Secrets, Sinks};
use crate::cli::commands::plan::refusal;
use crate::cli::connection::ConnectionArgs;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::saved;
use crate::cli::session::{self, ManifestArgs, PlanArgs, Session};
use crate::cli::ui::Ui;
use crate::kinds;
use crate::model::{
    Change, FieldChange, Outcome, Phase, Plan, Report, ResourceId, Secret, StepReport, Unsettled, Verb, Verification,
};
use crate::render;

/// Makes the organization what the manifest says.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    options: PlanArgs,
    /// Applies a plan that was saved with `plan --write json=FILE`, provided that nothing it touches has
    /// moved since. Needs no manifest.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "base"])]
    plan: Option<PathBuf>,
    /// Prints the requests in their order, and sends none of them.
    #[arg(long)]
    dry_run: bool,
    /// Applies without asking. Needed without a terminal, unless `--expect` is given.
    #[arg(long)]
    yes: bool,
    /// Applies only the plan with this checksum (at least 12 digits of it): the one that was reviewed.
    #[arg(long, value_name = "CHECKSUM", value_parser = checksum)]
    expect: Option<String>,
    /// Writes the report to a file: `report=FILE`. May be given again.
    #[arg(long, value_name = "report=FILE", value_parser = report_file)]
    write: Vec<PathBuf>,
    /// How the report is written to standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// `bylaws.report`, versioned.
    Json,
}

fn checksum(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_lowercase();
    let sound = (12..=64).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit());
    if sound { Ok(digits) } else { Err("a checksum has 12 to 64 hexadecimal digits".to_owned()) }
}

fn report_file(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("report", path)) if !path.is_empty() => Ok(path.into()),
        _ => Err(format!("`{text}` is not report=FILE")),
    }
}

/// Runs it.
pub async fn run(args: Args, ui: &Ui) -> Exit {
    let (saved, mut session) = match open(&args, ui).await {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let plan = match saved {
        Some(saved) => held(saved, &session, &args, ui).await,
        None => session.plan(ui).await,
    };
    let exit = match plan {
        Ok(plan) => go(&plan, &mut session, &args, ui).await,
        Err(exit) => exit,
    };
    session.close(ui).await;
    exit
}

async fn open(args: &Args, ui: &Ui) -> Result<(Option<Plan>, Session), Exit> {
    match &args.plan {
        None => Ok((None, session::open(&args.manifest, &args.connection, &args.options, ui).await?)),
        Some(path) => {
            let (plan, session) = saved::open(path, &args.connection, &args.options, ui).await?;
            Ok((Some(plan), session))
        }
    }
}

/// A saved plan that can be carried out as it is; or one that cannot, which [`go`] shows and refuses.
async fn held(plan: Plan, session: &Session, args: &Args, ui: &Ui) -> Result<Plan, Exit> {
    if plan.is_empty() || !plan.status.complete || plan.status.errored || !is_expected(&plan, args) {
        return Ok(plan);
    }
    saved::hold(&plan, session, &args.options.allow, ui).await
}

fn is_expected(plan: &Plan, args: &Args) -> bool {
    args.expect.as_ref().is_none_or(|it| plan.checksum.trim_start_matches("sha256:").starts_with(it.as_str()))
}

/// Says that this is not the plan that was reviewed, where that is so.
fn unexpected(plan: &Plan, args: &Args, ui: &Ui) -> Option<Exit> {
    let expected = args.expect.as_ref().filter(|_| !is_expected(plan, args))?;
    let is = if args.plan.is_some() { "the saved plan is" } else { "the plan is now" };
    ui.error(&format!(
        "{is} {}, not the one that was reviewed ({expected}); nothing was changed",
        plan.short_checksum()
    ));
    Some(Exit::Refused)
}

async fn go(plan: &Plan, session: &mut Session, args: &Args, ui: &Ui) -> Exit {
    if args.dry_run {
        ui.result(&render::calls::plan(plan));
        return refusal(plan).err().or_else(|| unexpected(plan, args, ui)).unwrap_or(Exit::Done);
    }
    if args.format == Format::Human {
        // Whoever applies already need not be told how to; only how to accept what blocks.
        let command = if refusal(plan).is_ok() { String::new() } else { command(plan, session, args) };
        ui.result(&output::rendered(plan, output::Format::Human, ui, &command));
    }
    if let Err(exit) = refusal(plan) {
        ui.error("this plan cannot be applied; nothing was changed");
        return exit;
    }
    if let Some(exit) = unexpected(plan, args, ui) {
        return exit;
    }
    if plan.is_empty() {
        return Exit::Done;
    }
    let asked = !args.yes && args.expect.is_none();
    if asked {
        match ui.ask(&format!("Apply this to {}?", session.name())) {
            Some(true) => {}
            Some(false) => {
                ui.say("Nothing was changed.");
                return Exit::Cancelled;
            }
            None => {
                ui.error(
                    "there is no terminal to ask on; give --yes, or --expect with the checksum of the reviewed plan",
                );
                return Exit::Invalid;
            }
        }
    }
    // A saved plan has been held against a second reading already, unless somebody was asked since.
    let again = asked || (args.plan.is_none() && withdraws(plan));
    if again && let Err(exit) = second_look(plan, session, args, ui).await {
        return exit;
    }
    carry_out(plan, session, args, ui).await
}

/// Whether something is taken away, from whomever.
fn withdraws(plan: &Plan) -> bool {
    plan.all_changes().flat_map(|it| &it.steps).any(|it| it.phase >= Phase::Shrink)
}

/// Refuses what a second reading does not bear out.
async fn second_look(plan: &Plan, session: &Session, args: &Args, ui: &Ui) -> Result<(), Exit> {
    let again = saved::hold_again(plan, session, &args.options.allow, ui).await?;
    refusal(&again).inspect_err(|_| ui.error("something speaks against this plan by now; nothing was changed"))
}

async fn carry_out(plan: &Plan, session: &mut Session, args: &Args, ui: &Ui) -> Exit {
    let base = std::env::current_dir().unwrap_or_default();
    let sinks = match Sinks::open(&base, apply::addresses(plan).into_iter()) {
        Ok(sinks) => sinks,
        Err(problems) => {
            for problem in problems {
                ui.error(&problem);
            }
            ui.say("A token's value could not be kept, so that nothing was changed.");
            return Exit::Invalid;
        }
    };
    let look_up = |name: &str| std::env::var(name).ok().map(Secret::new);
    let secrets = match Secrets::look_up(apply::variables(plan).into_iter(), look_up) {
        Ok(secrets) => secrets,
        Err(problems) => {
            for problem in problems {
                ui.error(&problem);
            }
            ui.say("A secret that the plan sends is missing, so that nothing was changed.");
            return Exit::Invalid;
        }
    };
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let watching = tokio::spawn(async move {
        session::stop_signal().await;
        let _ = stop.send(true);
        // Kept until the run is over, so that nobody takes its end for a signal.
        std::future::pending::<()>().await;
    });
    let terminal = std::io::stderr().is_terminal();
    let on_event = |event: Event| progress(&event, terminal, ui);
    let now = session.clock();
    let value = |of: &ResourceId, pointer: &str| session.desired.entries.get(of)?.spec().pointer(pointer).cloned();
    let given = apply::wanted(plan).into_iter().filter_map(|it| Some((it.clone(), value(&it.0, &it.1)?)));
    let means = Means {
        sinks,
        secrets,
        given: given.collect(),
        concurrency: session.writes(),
        now: Box::new(move || now.unwrap_or_else(session::clock)),
        nonce: Box::new(apply::secure_nonce),
        pause: apply::PAUSE,
        stop: stopped.clone(),
    };
    let client = session.clients.write_client();
    let mut report = apply::run(plan, &client, means, &on_event).await;
    watching.abort();
    let cancelled = *stopped.borrow();
    if !cancelled && !apply::touched(&report).is_empty() {
        session.sent();
        report.verification = verify(plan, &report, session, ui).await;
    }
    // What was done is no longer as it was when the plan was saved: only a new plan goes on from here.
    let command = session.command(plan);
    finish(plan, &report, cancelled, &command, args, ui)
}

/// What was typed, to be typed again with what is missing.
fn command(plan: &Plan, session: &Session, args: &Args) -> String {
    match &args.plan {
        None => session.command(plan),
        Some(path) => output::saved_command(plan, &path.to_string_lossy(), &args.options.allow),
    }
}

/// Reads what the manifest speaks of again, and says what is left to do.
async fn verify(plan: &Plan, report: &Report, session: &mut Session, ui: &Ui) -> Verification {
    let quiet = Ui { quiet: true, verbose: false, ..*ui };
    let mut left = Vec::new();
    for reading in 0..apply::READINGS {
        if reading > 0 {
            tokio::time::sleep(apply::PAUSE).await;
        }
        if session.look_again(&quiet).await.is_err() {
            return Verification::Unread { message: "the service could not be read again".to_owned() };
        }
        match session.plan(&quiet).await {
            Ok(plan) if !plan.status.complete => {
                let message = "the service could not be read completely".to_owned();
                return Verification::Unread { message };
            }
            Ok(plan) => left = plan.all_changes().cloned().collect(),
            Err(_) => return Verification::Unread { message: "the service could not be read again".to_owned() },
        }
        if left.is_empty() {
            return Verification::Converged;
        }
    }
    let unsettled = unsettled(plan, report, &left, session);
    Verification::Left { ids: left.into_iter().map(|it| it.id).collect(), unsettled }
}

/// What was written with success and is not so all the same.
fn unsettled(plan: &Plan, report: &Report, left: &[Change], session: &Session) -> Vec<Unsettled> {
    let undone = |it: &StepReport| !matches!(it.outcome, Outcome::Done { .. });
    let undone: BTreeSet<&ResourceId> = report.steps.iter().filter(|it| undone(it)).map(|it| &it.id).collect();
    let written = |id: &ResourceId| plan.all_changes().find(|it| it.id == *id && !undone.contains(id));
    let of = |change: &Change| {
        let before = written(&change.id)?;
        let again = |it: &&FieldChange| before.verb == Verb::Create || before.fields.iter().any(|a| a.path == it.path);
        let fields: Vec<FieldChange> = change.fields.iter().filter(again).cloned().collect();
        let kind = kinds::by_word(&change.kind)?;
        let because = kind.unsettled(&fields, session.organization());
        (!fields.is_empty()).then(|| Unsettled { id: change.id.clone(), fields, because })
    };
    left.iter().filter_map(of).collect()
}

fn finish(plan: &Plan, report: &Report, cancelled: bool, command: &str, args: &Args, ui: &Ui) -> Exit {
    let text = match args.format {
        Format::Human => render::text::report(report, output::human(plan, ui, command)),
        Format::Json => render::json::report(report),
    };
    ui.result(&text);
    for path in &args.write {
        if let Err(problem) = output::write_file(path, &render::json::report(report)) {
            ui.error(&problem);
            return Exit::Other;
        }
    }
    let complete = report.steps.iter().all(|it| matches!(it.outcome, Outcome::Done { .. }));
    match &report.verification {
        _ if cancelled => Exit::Cancelled,
        Verification::Converged if complete => Exit::Done,
        _ => Exit::Service,
    }
}

fn progress(event: &Event, terminal: bool, ui: &Ui) {
    let Event::Finished { step, id, outcome } = event else { return };
    // A line for each step where nobody watches; on a terminal the report says it in a moment.
    if !terminal || ui.verbose {
        let outcome = match outcome {
            Outcome::Done { .. } => "done",
            Outcome::Failed { .. } => "FAILED",
            Outcome::Skipped { .. } => "skipped",
        };
        ui.say(&format!("  step {step}: {id} {outcome}"));
    }
}
