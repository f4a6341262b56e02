//! Plans in every format, to standard output and to files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;

use crate::cli::SANDBOX;
use crate::cli::ui::Ui;
use crate::model::Plan;
use crate::render::{self, text};

/// A format of plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// `bylaws.plan`, versioned: for programs, for `show`, and for a later apply.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// Counts, for GitLab's merge request widget.
    Gitlab,
    /// The requests, in their order.
    Calls,
}

/// `FORMAT=FILE`.
#[derive(Clone, Debug)]
pub struct Write {
    format: Format,
    path: PathBuf,
}

impl FromStr for Write {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = text.split_once('=').ok_or_else(|| format!("`{text}` is not FORMAT=FILE"))?;
        let format = Format::from_str(format, false).map_err(|_| {
            let all: Vec<String> = Format::value_variants()
                .iter()
                .filter_map(|it| it.to_possible_value())
                .map(|it| it.get_name().to_owned())
                .collect();
            format!("there is no format `{format}`; there are {}", all.join(", "))
        })?;
        if path.is_empty() {
            return Err(format!("`{text}` names no file"));
        }
        Ok(Self { format, path: path.into() })
    }
}

/// A plan as text.
///
/// `command` is what applies it.
pub fn rendered(plan: &Plan, format: Format, ui: &Ui, command: &str) -> String {
    match format {
        Format::Human => text::plan(plan, human(plan, ui, command)),
        Format::Json => render::json::plan(plan),
        Format::Markdown => render::markdown::plan(plan, markdown(plan)),
        Format::Gitlab => render::gitlab::plan(plan),
        Format::Calls => render::calls::plan(plan),
    }
}

/// The command that applies a plan, as somebody would type it again.
pub fn command(plan: &Plan, allowed: &BTreeSet<String>, base: Option<&str>, directory: bool) -> String {
    let backend = if plan.backend == SANDBOX { " --backend sandbox" } else { "" };
    let paths: String = plan.source.paths.iter().map(|it| format!(" {}", render::escape::shell(it))).collect();
    let allowed: String = allowed.iter().map(|it| format!(" --allow {}", render::escape::shell(it))).collect();
    let base = base.map(|it| format!(" --base {}", render::escape::shell(it))).unwrap_or_default();
    let targets = plan.source.targets.iter();
    let targets: String = targets.map(|it| format!(" --target {}", render::escape::shell(&it.to_string()))).collect();
    let directory = if directory { " --scim-writes" } else { "" };
    format!("bylaws apply{backend}{paths}{base}{targets}{directory}{allowed}")
}

/// How people see it here.
pub fn human<'a>(plan: &Plan, ui: &Ui, command: &'a str) -> text::Options<'a> {
    text::Options { sandbox: plan.backend == SANDBOX, command, ..screen(ui) }
}

fn markdown(plan: &Plan) -> render::markdown::Options<'static> {
    render::markdown::Options { sandbox: plan.backend == SANDBOX, ..render::markdown::Options::default() }
}

/// How people see anything here.
pub fn screen(ui: &Ui) -> text::Options<'static> {
    text::Options {
        width: ui.width,
        height: ui.height.unwrap_or(usize::MAX),
        color: ui.color,
        utf8: ui.unicode,
        ..text::Options::default()
    }
}

/// Writes the plan to every file that was asked for.
///
/// # Errors
/// The first file that cannot be written.
pub fn write_all(plan: &Plan, writes: &[Write], ui: &Ui, command: &str) -> Result<(), String> {
    // A file is read by programs and other people: no colours, and the width of nobody's terminal.
    let plain = Ui { color: false, unicode: true, width: 120, height: None, ..*ui };
    for write in writes {
        write_file(&write.path, &rendered(plan, write.format, &plain, command))?;
    }
    Ok(())
}

/// Writes a text file whole, or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_file(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("failed to write `{}`: {error}", path.display());
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    // A rendering is no secret, and the step that uploads it may run as somebody else.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
