//! Whether a file would be seen by git: a secret must never lie where `git add` picks it up.

use std::path::Path;
use std::process::{Command, Stdio};

/// What would point git to another repository than the one the file lies in, or is none of its business.
const NOT_FOR_GIT: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_LITERAL_PATHSPECS",
    "PULUMI_ACCESS_TOKEN",
    "BYLAWS_SCIM_TOKEN",
];

/// Refuses `target`, absolute and perhaps not there yet, when it is in a work tree that does not ignore it.
///
/// # Errors
/// When git would see the file, or cannot be asked.
pub(super) fn unseen(target: &Path) -> Result<(), String> {
    let Some(work_tree) = target.ancestors().skip(1).find(|it| it.join(".git").symlink_metadata().is_ok()) else {
        return Ok(());
    };
    let shown = work_tree.display();
    let mut command = Command::new("git");
    // A repository's own settings may name programs to run; this one is run for every look at the index.
    command.args(["-c", "core.fsmonitor=false", "-C"]).arg(work_tree).args(["check-ignore", "-q", "--"]).arg(target);
    command.stdin(Stdio::null());
    for name in NOT_FOR_GIT {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| {
        format!("it is inside the git work tree `{shown}`, and git cannot be asked whether it is ignored: {error}")
    })?;
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(format!(
            "it is inside the git work tree `{shown}` and not ignored; add it to `.gitignore`, so that nobody commits it"
        )),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("no reason given");
            Err(format!("it is inside the git work tree `{shown}`, and git cannot tell whether it is ignored: {said}"))
        }
    }
}
