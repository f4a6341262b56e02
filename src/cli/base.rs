//! The base branch's manifest: read out of git, or from another checkout.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::files::{self, Files};
use crate::cli::git::{self, Git};
use crate::cli::history::{self, History};
use crate::manifest;
use crate::model::{Base, Desired, Diagnostic, ResourceId, Severity};
use crate::plan;

/// What was found of the base branch's manifest.
enum Found {
    /// Its files, which manifest it is, and where it stands in the history if it is of one.
    Files(Files, String, Option<History>),
    /// That branch has no manifest yet.
    Nothing(String),
    /// There is not enough history to tell.
    Unknown(String),
}

/// Adds the base branch's manifest to a manifest, or a warning that it is not known.
///
/// # Errors
/// When `wanted` names neither a revision nor a checkout.
pub fn add(desired: &mut Desired, wanted: &str, paths: &[PathBuf]) -> Result<(), String> {
    let (files, shown, history) = match find(wanted, paths)? {
        Found::Files(files, shown, history) => (files, shown, history),
        Found::Nothing(shown) => {
            let empty = Desired { organization: desired.organization.clone(), ..Desired::default() };
            desired.base = Some(Arc::new(Base { desired: empty, shown, ..Base::default() }));
            return Ok(());
        }
        Found::Unknown(why) => {
            desired.warnings.push(unknown(&why));
            return Ok(());
        }
    };
    match manifest::load(files) {
        Ok(base) if base.organization != desired.organization => {
            let why = format!("the manifest of {shown} is of another organization, `{}`", base.organization);
            desired.warnings.push(unknown(&why));
        }
        Ok(base) => {
            desired.base = Some(Arc::new(Base { desired: base, shown, ..Base::default() }));
            let left: Vec<ResourceId> = plan::left(desired).into_iter().map(|it| it.id.clone()).collect();
            if let (Some(base), Some(history)) = (desired.base.as_mut(), history) {
                Arc::make_mut(base).left = history.of(&left);
            }
        }
        Err(failure) => {
            let first = failure.diagnostics.iter().find(|it| it.severity == Severity::Error);
            let what = first.map(|it| format!(": {}", it.message)).unwrap_or_default();
            desired.warnings.push(unknown(&format!("the manifest of {shown} has mistakes{what}")));
        }
    }
    Ok(())
}

fn unknown(why: &str) -> Diagnostic {
    let message = format!("{why}; nothing is deleted on the ground that it is no longer declared");
    Diagnostic::new(Severity::Warning, "base-unknown", message)
}

fn find(wanted: &str, paths: &[PathBuf]) -> Result<Found, String> {
    let folder = Path::new(wanted);
    if wanted.starts_with('.') || folder.is_absolute() {
        return checkout(folder, paths);
    }
    let git = Git::here();
    let Some(commit) = git.commit(wanted)? else {
        if folder.is_dir() {
            return checkout(folder, paths);
        }
        if git.is_shallow()? {
            return Ok(Found::Unknown(format!(
                "`{wanted}` is not in this shallow clone (fetch it, or clone with the whole history: `fetch-depth: 0`)"
            )));
        }
        return Err(format!("`--base {wanted}` is neither a revision that git knows here nor a folder"));
    };
    // What the base branch gained after this branch left it is not removed by this change.
    let Some(common) = git.merge_base(&commit)? else {
        if git.is_shallow()? {
            return Ok(Found::Unknown(format!(
                "this shallow clone does not reach back to where the branch left `{wanted}` (clone with the whole \
                 history: `fetch-depth: 0`)"
            )));
        }
        return Err(format!("`--base {wanted}` and the current commit have no common history"));
    };
    let shown = format!("{wanted}@{}", common.get(..7).unwrap_or(&common));
    let files = history::files(&git, &common, paths)?;
    if files.is_empty() {
        return Ok(Found::Nothing(shown));
    }
    let contents = git.contents(files)?;
    Ok(Found::Files(contents, shown, Some(History { git, since: common, paths: paths.to_vec() })))
}

/// The same paths below another checkout.
fn checkout(folder: &Path, paths: &[PathBuf]) -> Result<Found, String> {
    if !folder.is_dir() {
        return Err(format!("`--base {}` is no folder", folder.display()));
    }
    let own: Vec<PathBuf> = if paths.is_empty() {
        files::DEFAULT_PATHS.into_iter().map(|it| folder.join(it)).filter(|it| it.exists()).take(1).collect()
    } else {
        if let Some(absolute) = paths.iter().find(|it| it.is_absolute()) {
            return Err(format!(
                "with `--base` and a folder, paths are looked up in both: `{}` is absolute",
                absolute.display()
            ));
        }
        paths.iter().map(|it| folder.join(it)).filter(|it| it.exists()).collect()
    };
    if own.is_empty() {
        return Err(format!("`--base {}` holds no manifest: give the folder of another checkout", folder.display()));
    }
    let files = files::read(&own).map_err(|problems| problems.join("; "))?;
    Ok(Found::Files(files, git::shown(folder), None))
}
