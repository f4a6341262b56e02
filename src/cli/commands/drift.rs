//! `bylaws drift`: what is live and not as the manifest says; with `--write` the manifest follows.
//! Sends nothing but GET and HEAD.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cli::attribute::{NOT_ATTRIBUTED, attribute};
use crate::cli::connection::ConnectionArgs;
use crate::cli::exit::Exit;
use crate::cli::session::{self, ManifestArgs, PlanArgs, Session, count};
use crate::cli::ui::Ui;
use crate::cli::{output, written};
use crate::kinds;
use crate::manifest::write::{Acceptance, Accepted, accept};
use crate::model::{Change, Desired, Diagnostic, Plan, ResourceId, Snapshot, name};
use crate::plan;
use crate::render::{problem, text};

/// Shows what is live and not as the manifest says. With `--write` the manifest follows what is live.
///
/// Only the lines that say something else are changed: comments, anchors, aliases and the order stay. What was
/// written is loaded and planned before it takes its place, and must differ in exactly what was accepted.
/// Whatever cannot be written so is left as it is, with the reason: what comes from an alias or a merge key,
/// what several places share, what holds comments, a rotation or a rename that is still to do. Where the manifest
/// refers to something that is gone, that is shown as `plan` shows it, and ends with 2.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Writes what is live into the files of the manifest.
    #[arg(long)]
    write: bool,
    /// Says who made the drift and when, as far as the audit log of the last 30 days tells (its newest 20 pages).
    /// The log names things in prose only, and does not tell of everything, so that it is a hint.
    #[arg(long)]
    attribute: bool,
    /// Ends with 7 if there is drift; with `--write`, if any is left.
    #[arg(long)]
    expect_no_changes: bool,
}

/// Runs it.
pub async fn run(args: Args, ui: &Ui) -> Exit {
    // Nothing is written here, so that the directory is compared like everything else.
    let compared = PlanArgs { scim_writes: true, ..PlanArgs::default() };
    match session::open(&args.manifest, &args.connection, &compared, ui).await {
        Ok(session) => {
            let ended = drift(&args, &session, ui).await;
            session.close(ui).await;
            ended.unwrap_or_else(|exit| exit)
        }
        Err(exit) => exit,
    }
}

async fn drift(args: &Args, session: &Session, ui: &Ui) -> Result<Exit, Exit> {
    let live = session.read_with(&BTreeSet::new(), ui).await?;
    let mut plan = plan::plan(&session.desired, &live, &session.options);
    if args.attribute {
        attribute(&mut plan, &live, session, ui).await;
    }
    ui.result(&text::drift(&plan, output::human(&plan, ui, "")));
    for sentence in plan.diagnostics.iter().filter(|it| it.code == "not-visible") {
        ui.say(&format!("not seen: {}", name::visible(&sentence.message)));
    }
    for it in plan.diagnostics.iter().filter(|it| it.code == NOT_ATTRIBUTED) {
        ui.say(&format!("note: {}", name::visible(&it.message)));
    }
    if plan.status.errored {
        return Err(Exit::Bug);
    }
    let mistakes = session::unresolved(&session.desired, &live);
    let complete = if plan.status.complete { Exit::Done } else { Exit::Service };
    if plan.is_empty() || !args.write {
        wrong(&mistakes, &session.desired, ui)?;
    }
    if plan.is_empty() {
        return Ok(complete);
    }
    if !args.write {
        let of_directory = |it: &Change| kinds::by_word(&it.kind).is_some_and(|it| it.is_of_directory());
        let writes = if plan.all_changes().any(of_directory) { " --scim-writes" } else { "" };
        ui.say(&format!(
            "The manifest follows with bylaws drift --write; the organization follows with bylaws apply{writes}."
        ));
        return Ok(if complete == Exit::Done && args.expect_no_changes { Exit::Changes } else { complete });
    }
    let mistakes = mistakes.into_iter().map(|it| it.message).collect();
    let outcome = Search { session, live: &live, before: &plan, imported: imported(&plan, &live), mistakes }.run();
    if let Some(accepted) = &outcome.accepted {
        written::write(&accepted.files).map_err(|why| {
            ui.error(&why);
            Exit::Other
        })?;
    }
    ui.result(&report(&outcome));
    let desired = outcome.accepted.as_ref().map_or(&session.desired, |it| &it.desired);
    wrong(&session::unresolved(desired, &live), desired, ui)?;
    match (outcome.refused.is_empty(), complete, args.expect_no_changes) {
        (true, complete, _) => Ok(complete),
        (false, Exit::Done, true) => Ok(Exit::Changes),
        (false, Exit::Done, false) => Ok(Exit::Refused),
        (false, incomplete, _) => Ok(incomplete),
    }
}

/// What the manifest refers to and is not live any more: somebody has to decide what stands there instead.
fn wrong(mistakes: &[Diagnostic], desired: &Desired, ui: &Ui) -> Result<(), Exit> {
    if mistakes.is_empty() {
        return Ok(());
    }
    ui.problems(&problem::text(mistakes, &desired.files, 20));
    Err(Exit::Invalid)
}

/// What an import would write of everything that has drifted.
fn imported(plan: &Plan, live: &Snapshot) -> BTreeMap<ResourceId, Value> {
    let of = |change: &Change| {
        let key = kinds::matching_key(&change.kind, &change.name);
        let kind = kinds::by_word(&change.kind)?;
        Some((change.id.clone(), kind.imported(live.object(&change.kind, &key)?).ok()?))
    };
    plan.all_changes().filter_map(of).collect()
}

/// What was accepted, and what was not.
#[derive(Default)]
struct Outcome {
    accepted: Option<Accepted>,
    ids: BTreeSet<ResourceId>,
    refused: BTreeMap<ResourceId, String>,
}

/// Looks for the most that can be accepted.
struct Search<'a> {
    session: &'a Session,
    live: &'a Snapshot,
    before: &'a Plan,
    imported: BTreeMap<ResourceId, Value>,
    /// What is wrong with the manifest as it is: something it refers to is not live any more.
    mistakes: BTreeSet<String>,
}

impl<'a> Search<'a> {
    /// All at once if that can be, else one after another, as long as one more can be had: what refers to
    /// something can only go before it.
    fn run(&self) -> Outcome {
        let all: Vec<&Change> = self.before.all_changes().collect();
        let ids = |changes: &[&Change]| changes.iter().map(|it| it.id.clone()).collect();
        if let Ok(accepted) = self.attempt(&all) {
            return Outcome { accepted: Some(accepted), ids: ids(&all), refused: BTreeMap::new() };
        }
        let (mut taken, mut rest, mut outcome) = (Vec::new(), all, Outcome::default());
        loop {
            let mut left = Vec::new();
            outcome.refused.clear();
            for change in std::mem::take(&mut rest) {
                taken.push(change);
                match self.attempt(&taken) {
                    Ok(accepted) => outcome.accepted = Some(accepted),
                    Err(why) => {
                        taken.pop();
                        outcome.refused.insert(change.id.clone(), why);
                        left.push(change);
                    }
                }
            }
            let progress = taken.len() > outcome.ids.len();
            outcome.ids = ids(&taken);
            if left.is_empty() || !progress {
                return outcome;
            }
            rest = left;
        }
    }

    /// The manifest with these accepted, if the plan then lacks exactly them.
    fn attempt(&self, changes: &[&Change]) -> Result<Accepted, String> {
        let acceptances: Vec<Acceptance> =
            changes.iter().map(|it| Acceptance { change: it, imported: self.imported.get(&it.id) }).collect();
        let accepted = accept(&self.session.desired, &acceptances)?;
        let mistakes = session::unresolved(&accepted.desired, self.live);
        if let Some(mistake) = mistakes.iter().find(|it| !self.mistakes.contains(&it.message)) {
            return Err(format!("the manifest would be wrong then: {}", mistake.message));
        }
        let after = plan::plan(&accepted.desired, self.live, &self.session.options);
        let gone: BTreeSet<&ResourceId> = changes.iter().map(|it| &it.id).collect();
        let kept: Vec<&Change> = self.before.all_changes().filter(|it| !gone.contains(&it.id)).collect();
        if let Some(left) = after.all_changes().find(|it| gone.contains(&it.id)) {
            return Err(format!("{} would still differ", left.id));
        }
        let same =
            |it: &Change, other: &Change| (&it.id, it.verb, &it.fields) == (&other.id, other.verb, &other.fields);
        let now: Vec<&Change> = after.all_changes().collect();
        let other = kept.iter().zip(&now).find(|it| !same(it.0, it.1)).map(|it| it.0.id.to_string());
        match (other, kept.len() == now.len()) {
            (None, true) => Ok(accepted),
            (other, _) => Err(format!(
                "the plan would change elsewhere ({})",
                other.unwrap_or_else(|| "more or fewer changes".to_owned())
            )),
        }
    }
}

fn report(outcome: &Outcome) -> String {
    let mut text = String::from("\n");
    let files = outcome.accepted.as_ref().map(|it| it.files.as_slice()).unwrap_or_default();
    if outcome.ids.is_empty() {
        text.push_str("Nothing was written.\n");
    } else {
        text.push_str(&format!(
            "Accepted {} into {}:\n",
            count(outcome.ids.len(), "change"),
            count(files.len(), "file")
        ));
        files.iter().for_each(|it| text.push_str(&format!("~ {}\n", name::visible(&it.path))));
    }
    if !outcome.refused.is_empty() {
        text.push_str("\nNot accepted, and as it was:\n");
        for (id, why) in &outcome.refused {
            text.push_str(&format!("  {}: {}\n", name::visible(&id.to_string()), name::visible(why)));
        }
    }
    text
}
