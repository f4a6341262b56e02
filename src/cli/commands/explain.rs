//! `bylaws explain CODE`: one page on a diagnostic or a danger.

use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::manifest;
use crate::plan::policy::{self, Acceptance};

/// Explains a code: what it means, why it matters, what to do.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The code, such as `E0203` or `last-admin`. Without one, all codes are listed.
    code: Option<String>,
}

/// Runs it.
pub fn run(args: &Args, ui: &Ui) -> Exit {
    let Some(code) = &args.code else {
        ui.result(&list());
        return Exit::Done;
    };
    match page(code) {
        Some(page) => {
            ui.result(&page);
            Exit::Done
        }
        None => {
            ui.error(&format!("there is no code `{code}`; `bylaws explain` lists them"));
            Exit::Invalid
        }
    }
}

fn page(code: &str) -> Option<String> {
    if let Some((code, title, page)) = manifest::CODES.iter().find(|it| it.0.eq_ignore_ascii_case(code)) {
        return Some(format!("{code}: {title}\n\n{page}\n"));
    }
    if let Some((code, page)) = policy::NOTES.iter().find(|it| it.0 == code) {
        return Some(format!("{code}: a note that never blocks\n\n{page}\n"));
    }
    let danger = policy::danger(code)?;
    let accepted = match danger.acceptance {
        Acceptance::Never => "Nobody can accept it.".to_owned(),
        Acceptance::Allowed => format!("Accepted by `safety.acknowledge` in the manifest, or by `--allow {code}:ID`."),
        Acceptance::Tombstone => {
            format!("Accepted by a line under `removed`, by `safety.acknowledge`, or by `--allow {code}:ID`.")
        }
        Acceptance::Counted => {
            format!("Accepted by `--allow` with the exact number, as the plan prints it: `--allow {code}…=COUNT`.")
        }
    };
    Some(format!("{code}: a danger that blocks\n\n{}\n\nWhat to do: {}.\n{accepted}\n", danger.page, danger.help))
}

fn list() -> String {
    let mut text = String::from("Mistakes in a manifest:\n");
    for (code, title, _) in manifest::CODES {
        text.push_str(&format!("  {code}  {title}\n"));
    }
    text.push_str("\nDangers of a plan:\n");
    for danger in policy::DANGERS {
        let kind = if danger.code.ends_with('-') { "KIND" } else { "" };
        text.push_str(&format!("  {}{kind}\n", danger.code));
    }
    text.push_str("\nNotes of a plan:\n");
    for (code, _) in policy::NOTES {
        text.push_str(&format!("  {code}\n"));
    }
    text
}
