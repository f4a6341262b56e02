//! A saved plan, from its file to a session in which it can be applied.

use std::path::Path;

use crate::apply;
use crate::cli::connection::ConnectionArgs;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::session::{self, PlanArgs, Session, Wanted};
use crate::cli::ui::Ui;
use crate::manifest;
use crate::model::{Plan, Severity, Snapshot};
use crate::plan::{Options, saved};
use crate::render::{escape, json};

const UNTOUCHED: &str = "Nothing was read from or sent to Pulumi Cloud.";

/// Reads a plan out of a file.
///
/// # Errors
/// When the file cannot be read, or is no plan of this version.
pub fn read(path: &Path) -> Result<Plan, String> {
    let bytes = files::bytes(path)?;
    let shown = escape::terminal(&path.display().to_string());
    let text = String::from_utf8(bytes).map_err(|_| format!("`{shown}` is no plan: it is not UTF-8"))?;
    json::parse(&text).map_err(|problem| format!("`{shown}`: {problem}"))
}

/// Reads a saved plan, checks that it is as it was saved, and connects to the service it was made for.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn open(
    path: &Path,
    connection: &ConnectionArgs,
    given: &PlanArgs,
    ui: &Ui,
) -> Result<(Plan, Session), Exit> {
    let allow = &given.allow;
    let refused = |problem: &str, exit: Exit| {
        ui.error(problem);
        ui.say(UNTOUCHED);
        exit
    };
    let plan = read(path).map_err(|problem| refused(&problem, Exit::Invalid))?;
    saved::check(&plan).map_err(|problem| {
        let problem = escape::terminal(&problem);
        refused(&format!("this plan is not what was saved: {problem}; plan again"), Exit::Refused)
    })?;
    // What is nobody's business, such as an address somebody is invited at, is in no plan.
    if let Some((of, pointer)) = apply::wanted(&plan).into_iter().next() {
        let what = escape::terminal(pointer.trim_start_matches('/'));
        let problem = format!(
            "this plan sends the `{what}` of {}, which only the manifest holds; apply it from there, with --expect {}",
            escape::terminal(&of.to_string()),
            plan.short_checksum()
        );
        return Err(refused(&problem, Exit::Refused));
    }
    session::check_allowed(allow, ui)?;
    let text = saved::manifest(&plan).to_string();
    let mut desired = manifest::load(vec![("the saved plan".to_owned(), text.into_bytes())]).map_err(|failure| {
        let first = failure.diagnostics.iter().find(|it| it.severity == Severity::Error);
        let what = first.map(|it| escape::terminal(&it.message)).unwrap_or_default();
        refused(&format!("this plan holds what no manifest may hold: {what}; plan again"), Exit::Refused)
    })?;
    saved::complete(&mut desired);
    // Whether what this token sees is enough is a word of whoever applies.
    let options = Options {
        partial_view: given.allow_partial_view,
        directory_writes: given.scim_writes,
        ..saved::options(&plan, allow)
    };
    let wanted = Wanted { desired, options, base: None, backend: Some(plan.backend.clone()) };
    Ok((plan, session::connected(wanted, connection, ui).await?))
}

/// Reads what the plan touches, and makes sure that the same would be planned again. The plan comes back with
/// everything that speaks against it now.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn hold(plan: &Plan, session: &Session, allow: &[String], ui: &Ui) -> Result<Plan, Exit> {
    let fresh = session.plan_again(ui).await?;
    let judged = compare(plan, fresh, allow, ui)?;
    session::note_idle(allow.iter(), &judged, ui);
    Ok(judged)
}

/// A plan that was just shown, held against a second reading: what takes something away rests on two, and whoever was
/// asked may have taken their time.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn hold_again(plan: &Plan, session: &Session, allow: &[String], ui: &Ui) -> Result<Plan, Exit> {
    let fresh = session.plan_again(&Ui { quiet: true, verbose: false, ..*ui }).await?;
    compare(plan, fresh, allow, ui)
}

fn compare(plan: &Plan, (fresh, live): (Plan, Snapshot), allow: &[String], ui: &Ui) -> Result<Plan, Exit> {
    if !fresh.status.complete {
        let unseen = fresh.diagnostics.iter().filter(|it| it.code == "not-visible");
        for it in unseen {
            ui.say(&format!("  {}", escape::terminal(&it.message)));
        }
        ui.error("not all that this plan touches could be seen; nothing was changed");
        return Err(Exit::Service);
    }
    let moved = saved::moved(plan, &live);
    if !moved.is_empty() {
        for id in &moved {
            ui.say(&format!("  {} is no longer what it was", escape::terminal(&id.to_string())));
        }
        ui.error("the organization has moved since this plan was made; nothing was changed");
        ui.say("Plan again with `bylaws plan --write json=FILE`, review the new plan, and apply that one.");
        return Err(Exit::Refused);
    }
    let judged = saved::judged(plan, &fresh, allow);
    if judged.summary.blocked > 0 {
        return Ok(judged);
    }
    let deviations = saved::deviations(plan, &fresh);
    if !deviations.is_empty() {
        for it in &deviations {
            ui.say(&format!("  {}", escape::terminal(it)));
        }
        ui.error("this is not the plan that would be made now; nothing was changed");
        ui.say(
            "It was edited, or made by another version or for another caller. Plan again with the token that applies, \
             review the new plan, and apply that one.",
        );
        return Err(Exit::Refused);
    }
    Ok(judged)
}
