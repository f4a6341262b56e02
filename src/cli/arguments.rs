//! What `plan`, `apply` and their kin are given: which manifest, and what decides about the plan.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::ui::Ui;
use crate::kinds;
use crate::model::plan::Source;
use crate::model::{Desired, ResourceId};
use crate::plan;
use crate::plan::policy::Allowance;

/// Which manifest.
#[derive(Debug, clap::Args)]
pub struct ManifestArgs {
    /// Files, or folders whose *.yaml and *.yml files are read. Left out: `bylaws.yaml`, or `bylaws/`.
    pub paths: Vec<PathBuf>,
}

/// What decides about a plan.
#[derive(Debug, Default, clap::Args)]
pub struct PlanArgs {
    /// Accepts a danger: `CODE:ID`, as the plan prints it. May be given again.
    #[arg(long, value_name = "CODE:ID")]
    pub allow: Vec<String>,
    /// Compares with the manifest of the base branch: a git revision (`origin/main`), or a folder that
    /// holds another checkout (`../base`). What this change no longer declares is deleted, and what it
    /// does not ask for is shown as drift. Of a revision, the commits since then (100 at most) tell which of
    /// them removed what is deleted.
    #[arg(long, value_name = "REF|DIR")]
    pub base: Option<String>,
    /// Changes only this resource (`team/platform`), with whatever it cannot go without. May be given again.
    #[arg(long, value_name = "ID")]
    pub target: Vec<ResourceId>,
    /// Sends what the service never tells back, such as a webhook's secret, again: `webhook/NAME`. May be given again.
    #[arg(long, value_name = "ID")]
    pub resend: Vec<ResourceId>,
    /// Deletes and withdraws although this token is not known to administer the organization: says that it sees
    /// enough of it all the same, as a machine's token with a role of its own may.
    #[arg(long)]
    pub allow_partial_view: bool,
    /// Changes the identity provider's directory too (SCIM): makes and deactivates users, and changes
    /// who is in its groups. Without it, `scim` is only compared.
    #[arg(long)]
    pub scim_writes: bool,
}

/// A count of which nothing would mean that nothing is ever done.
///
/// # Errors
/// When it is no whole number from 1 on.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("it is a whole number, 1 or more".to_owned()),
    }
}

/// How many requests there may be a second.
///
/// # Errors
/// When no request could ever be sent, or when it is no limit at all.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("it is a number above 0, such as 5 or 0.5; leave the flag out for no limit".to_owned()),
    }
}

/// Whether every `--allow` names a danger that can be accepted.
///
/// # Errors
/// The exit code, after it was said.
pub fn check_allowed(allow: &[String], ui: &Ui) -> Result<(), Exit> {
    for allowed in allow {
        if let Err(problem) = Allowance::parse(allowed) {
            ui.error(&problem);
            return Err(Exit::Invalid);
        }
    }
    Ok(())
}

/// What decides about a plan, from what was given.
///
/// # Errors
/// The exit code, after it was said what is wrong.
pub fn options(manifest: &ManifestArgs, desired: &Desired, plan: &PlanArgs, ui: &Ui) -> Result<plan::Options, Exit> {
    check_allowed(&plan.allow, ui)?;
    let paths = if manifest.paths.is_empty() {
        vec![default_root(desired)]
    } else {
        manifest.paths.iter().map(|it| files::shown(it)).collect()
    };
    let targets: BTreeSet<ResourceId> = plan.target.iter().cloned().collect();
    if let Some(unknown) = targets.iter().find(|it| kinds::by_word(&it.kind).is_none()) {
        let words: Vec<_> = kinds::ALL.iter().map(|it| it.facts().word).collect();
        ui.error(&format!(
            "`--target {unknown}`: there is no kind `{}`; the kinds are {}",
            unknown.kind,
            words.join(", ")
        ));
        return Err(Exit::Invalid);
    }
    let source = Source {
        paths,
        files: desired.files.len(),
        base: desired.base.as_ref().map(|it| it.shown.clone()),
        targets: targets.iter().cloned().collect(),
        resend: plan.resend.clone(),
    };
    let resend = plan.resend.iter().map(kinds::matching_id).collect();
    let allow = plan.allow.iter().cloned().collect();
    Ok(plan::Options {
        allow,
        targets,
        resend,
        partial_view: plan.allow_partial_view,
        directory_writes: plan.scim_writes,
        source,
    })
}

fn default_root(desired: &Desired) -> String {
    let first = desired.files.first().map(|it| it.path.as_str()).unwrap_or_default();
    first.split_once('/').map_or(first, |it| it.0).to_owned()
}
