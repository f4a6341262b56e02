//! Plans in every format, to standard output and to files.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;

use crate::cli::SANDBOX;
use crate::cli::github;
use crate::cli::ui::Ui;
use crate::model::Plan;
use crate::plan::Options;
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
        Format::Markdown => {
            let link = github::run_link();
            let sandbox = plan.backend == SANDBOX;
            let options = render::markdown::Options { link: link.as_deref(), sandbox, ..Default::default() };
            render::markdown::plan(plan, options)
        }
        Format::Gitlab => render::gitlab::plan(plan),
        Format::Calls => render::calls::plan(plan),
    }
}

/// The command that applies a plan, as somebody would type it again.
pub fn command(plan: &Plan, base: Option<&str>, options: &Options) -> String {
    let paths: String = plan.source.paths.iter().map(|it| format!(" {}", render::escape::shell(it))).collect();
    let base = base.map(|it| flag("base", it)).unwrap_or_default();
    let targets: String = options.targets.iter().map(|it| flag("target", &it.to_string())).collect();
    let allowed: String = options.allow.iter().map(|it| flag("allow", it)).collect();
    let resent: String = options.resend.iter().map(|it| flag("resend", &it.to_string())).collect();
    let view = if options.partial_view { " --allow-partial-view" } else { "" };
    let directory = if options.directory_writes { " --scim-writes" } else { "" };
    format!("bylaws apply{}{base}{paths}{targets}{directory}{allowed}{resent}{view}", backend(plan))
}

/// The command that applies a saved plan.
pub fn saved_command(plan: &Plan, path: &str, allowed: &[String]) -> String {
    let allowed: String = allowed.iter().map(|it| flag("allow", it)).collect();
    format!("bylaws apply{} --plan {}{allowed}", backend(plan), render::escape::shell(path))
}

fn backend(plan: &Plan) -> &'static str {
    if plan.backend == SANDBOX { " --backend sandbox" } else { "" }
}

fn flag(name: &str, value: &str) -> String {
    format!(" --{name} {}", render::escape::shell(value))
}

/// How people see it here.
pub fn human<'a>(plan: &Plan, ui: &Ui, command: &'a str) -> text::Options<'a> {
    text::Options { sandbox: plan.backend == SANDBOX, command, ..screen(ui) }
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
