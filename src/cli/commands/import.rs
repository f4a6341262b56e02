//! `bylaws import`: the live organization as a manifest. Sends nothing but GET and HEAD.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::connection::ConnectionArgs;
use crate::cli::exit::Exit;
use crate::cli::session::{self, Session, count};
use crate::cli::ui::Ui;
use crate::cli::{files, output, written};
use crate::kinds::{self, Kind, World};
use crate::manifest;
use crate::manifest::write::{Import, LeftOut, Target, Unwritable, Wanted};
use crate::model::{Change, Desired, Plan, ResourceId, Snapshot, name};
use crate::plan;
use crate::render::{problem, text};

/// Writes the live organization as a manifest that plans empty. Changes nothing on the service.
///
/// What is written is loaded and planned against the same reading first: unless that plan is empty, nothing
/// is written. What the service alone keeps, such as the values of tokens and where they went, cannot be
/// imported; what no manifest can say is listed.
///
/// Nothing is overwritten. Where files are there already, only what they do not name is added, and every
/// line of theirs stays as it is: new entries go to the end of their section, in the file that has most of it;
/// a section that no file has goes to `SECTION.yaml` in a folder, or to the end of the file.
/// Fields that are empty or have their default value are left out, and so are not managed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder, a file (*.yaml or *.yml), or `-` for standard output.
    /// Left out: `bylaws.yaml` where it is there, else `bylaws/`.
    #[arg(long, value_name = "DIR|FILE|-")]
    out: Option<PathBuf>,
    /// Gives every team and every service a file of its own.
    #[arg(long)]
    split: bool,
    /// Only these sections, such as `teams`. May be given again, or with commas.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    only: Vec<&'static str>,
    /// The organization. Left out: what the manifest there says, or the only one of the caller.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// A kind by its section or its word.
fn kind(text: &str) -> Result<&'static str, String> {
    let found = kinds::by_section(text).or_else(|| kinds::by_word(text));
    found.map(|it| it.facts().word).ok_or_else(|| {
        let all: Vec<&str> = kinds::ALL.iter().map(|it| it.facts().section).collect();
        format!("there are {}", all.join(", "))
    })
}

/// Where it goes, and what is there already.
struct Place {
    target: Target,
    existing: Option<Desired>,
    to_output: bool,
}

/// Runs it.
pub async fn run(args: Args, ui: &Ui) -> Exit {
    let place = match look(&args, ui) {
        Ok(place) => place,
        Err(exit) => return exit,
    };
    let mut desired = place.existing.clone().unwrap_or_default();
    if let Some(organization) = &args.organization {
        if place.existing.is_some() && desired.organization != *organization {
            let there = &desired.organization;
            ui.error(&format!("the manifest there is of the organization `{there}`, not of `{organization}`"));
            return Exit::Invalid;
        }
        desired.organization.clone_from(organization);
    }
    let options = plan::Options::default();
    let asked = session::Wanted { desired, options, base: None, backend: None };
    match session::connected(asked, &args.connection, ui).await {
        Ok(session) => {
            let ended = import(&args, &place, &session, ui).await;
            session.close(ui).await;
            ended.unwrap_or_else(|exit| exit)
        }
        Err(exit) => exit,
    }
}

fn look(args: &Args, ui: &Ui) -> Result<Place, Exit> {
    let default = if Path::new("bylaws.yaml").exists() { "bylaws.yaml" } else { "bylaws" };
    let out = args.out.clone().unwrap_or_else(|| default.into());
    let to_output = out == Path::new("-");
    let is_file = to_output || (!out.is_dir() && out.extension().is_some_and(|it| it == "yaml" || it == "yml"));
    if is_file && args.split {
        ui.error("`--split` writes many files: give `--out` a folder");
        return Err(Exit::Invalid);
    }
    let shown = files::shown(&out);
    // From a place that the working directory does not contain, nobody knows the way back.
    let inside = out.is_relative() && !shown.split('/').any(|it| it == "..");
    let target = Target {
        path: if shown == "." { String::new() } else { shown },
        folder: !is_file,
        split: args.split,
        schema: inside.then(|| SCHEMA.to_owned()),
    };
    if to_output || !holds_yaml(&out) {
        return Ok(Place { target, existing: None, to_output });
    }
    let manifest = session::ManifestArgs { paths: vec![out] };
    match session::load(&manifest) {
        Ok(desired) => Ok(Place { target, existing: Some(desired), to_output }),
        Err(session::Unloaded::Files(problems)) => Err(session::unreadable(ui, &problems)),
        Err(session::Unloaded::Manifest(failure)) => {
            ui.problems(&problem::text(&failure.diagnostics, &failure.files, 20));
            ui.say("Nothing was read from Pulumi Cloud, and nothing was written.");
            Err(Exit::Invalid)
        }
    }
}

/// Where editors look for the schema, from the working directory.
const SCHEMA: &str = "schemas/manifest.schema.json";

fn holds_yaml(out: &Path) -> bool {
    if !out.is_dir() {
        return out.exists();
    }
    files::any(out)
}

async fn import(args: &Args, place: &Place, session: &Session, ui: &Ui) -> Result<Exit, Exit> {
    let wanted: BTreeSet<&'static str> = match args.only.as_slice() {
        [] => kinds::ALL.iter().map(|it| it.facts().word).collect(),
        only => only.iter().copied().collect(),
    };
    let live = session.read_with(&wanted, ui).await?;
    let existing = place.existing.as_ref();
    let (entries, mut left_out) = specs(existing, &wanted, &live);
    let wanted = Wanted { organization: session.desired.organization.clone(), entries, kinds: wanted };
    let exists = |id: &ResourceId| session::exists(&live, id);
    let mut import = manifest::write::import(existing, wanted, &place.target, &exists).map_err(|why| match why {
        Unwritable::Refused(why) => {
            ui.error(&format!("{why}; nothing was written"));
            Exit::Invalid
        }
        Unwritable::Bug(diagnostics) => {
            ui.problems(&problem::text(&diagnostics, &[], 20));
            ui.error("what was to be written is no valid manifest: this is a bug in bylaws; nothing was written");
            Exit::Bug
        }
    })?;
    left_out.append(&mut import.left_out);
    let paths = if place.target.path.is_empty() { ".".to_owned() } else { place.target.path.clone() };
    let source = plan::Options {
        source: crate::model::plan::Source {
            paths: vec![paths],
            files: import.desired.files.len(),
            ..Default::default()
        },
        ..plan::Options::default()
    };
    let after = plan::plan(&import.desired, &live, &source);
    let before = existing.map(|it| plan::plan(it, &live, &source));
    if let Some(wrong) = unexpected(&after, before.as_ref()) {
        ui.problems(&text::plan(&after, output::human(&after, ui, "bylaws apply")));
        ui.error(&format!(
            "a plan of what was to be written is not empty ({wrong}): this is a bug in bylaws; nothing was written"
        ));
        return Err(Exit::Bug);
    }
    if !place.to_output {
        written::write(&import.files).map_err(|why| {
            ui.error(&why);
            Exit::Other
        })?;
    }
    let report = Report { import: &import, left_out: &left_out, live: &live, after: &after, name: session.name() };
    match place.to_output {
        true => {
            ui.result(&import.files.iter().map(|it| it.text.as_str()).collect::<String>());
            ui.say(report.text(false).trim_end());
        }
        false => ui.result(&report.text(true)),
    }
    if !place.to_output && place.target.schema.is_some() && !import.files.is_empty() && !Path::new(SCHEMA).exists() {
        ui.say(&format!("Editors complete the files once `{SCHEMA}` is there: bylaws schema > {SCHEMA}"));
    }
    if after.status.complete { Ok(Exit::Done) } else { Ok(Exit::Service) }
}

/// What is to be written of every live object, and what cannot be.
fn specs(
    existing: Option<&Desired>,
    wanted: &BTreeSet<&'static str>,
    live: &Snapshot,
) -> (BTreeMap<ResourceId, serde_json::Value>, Vec<LeftOut>) {
    let mut spoken_of = BTreeSet::new();
    if let Some(desired) = existing {
        spoken_of.extend(
            desired.entries.keys().chain(desired.removed.keys()).chain(&desired.external).map(kinds::matching_id),
        );
        let renamed =
            desired.entries.values().filter_map(|it| Some(ResourceId::new(&*it.id.kind, it.renamed_from.as_ref()?)));
        spoken_of.extend(renamed.map(|it| kinds::matching_id(&it)));
    }
    let (mut entries, mut left_out) = (BTreeMap::new(), Vec::new());
    for kind in kinds::ALL.iter().filter(|it| wanted.contains(it.facts().word)) {
        let state = live.kind(kind.facts().word);
        for object in state.objects.values() {
            let id = ResourceId::new(kind.facts().word, object.name.clone());
            if spoken_of.contains(&kinds::matching_id(&id)) {
                continue;
            }
            match spec(*kind, object) {
                Ok(spec) => {
                    for field in &object.unknown {
                        let field = Some(field.trim_start_matches('/').to_owned());
                        left_out.push(LeftOut { id: id.clone(), field, why: "could not be read".to_owned() });
                    }
                    entries.insert(id, spec);
                }
                Err(why) => left_out.push(LeftOut { id, field: None, why }),
            }
        }
    }
    (entries, left_out)
}

/// One object as somebody would have written it, its fields in the order of the manual.
fn spec(kind: &dyn Kind, object: &crate::model::LiveObject) -> Result<serde_json::Value, String> {
    if let Some(by) = &object.managed_by {
        return Err(format!("managed by {by}"));
    }
    if object.outline {
        return Err("not told in full".to_owned());
    }
    if let Some(why) = name::refusal(&object.name).filter(|_| !object.name.is_empty()) {
        return Err(format!("cannot be written in a manifest: {why}"));
    }
    let spec = kind.imported(object)?;
    let serde_json::Value::Object(mut fields) = spec else { return Ok(spec) };
    let mut ordered = serde_json::Map::new();
    for (field, _) in kind.facts().fields {
        ordered.extend(fields.shift_remove_entry(*field));
    }
    ordered.extend(fields);
    Ok(ordered.into())
}

/// A change that was not there before what was added, if there is one.
fn unexpected(after: &Plan, before: Option<&Plan>) -> Option<String> {
    let same = |it: &Change, other: &Change| {
        (&it.id, it.verb, &it.fields, &it.after) == (&other.id, other.verb, &other.fields, &other.after)
    };
    let known = |it: &&Change| before.is_some_and(|plan| plan.all_changes().any(|other| same(it, other)));
    let change = after.all_changes().find(|it| !known(it));
    let blocking =
        |plan: &Plan| plan.diagnostics.iter().filter(|it| it.blocking).map(|it| it.code.clone()).collect::<Vec<_>>();
    let earlier = before.map(blocking).unwrap_or_default();
    change
        .map(|it| it.id.to_string())
        .or_else(|| blocking(after).into_iter().find(|it| before.is_some() && !earlier.contains(it)))
}

/// What is said at the end.
struct Report<'a> {
    import: &'a Import,
    left_out: &'a [LeftOut],
    live: &'a Snapshot,
    after: &'a Plan,
    name: String,
}

impl Report<'_> {
    fn text(&self, with_files: bool) -> String {
        let mut text = String::new();
        let counts: Vec<String> = kinds::ALL
            .iter()
            .filter_map(|kind| {
                let word = kind.facts().word;
                let number = self.import.added.iter().filter(|it| it.kind == word).count();
                (number > 0).then(|| count(number, word))
            })
            .collect();
        match counts.is_empty() {
            true => text.push_str(&format!("Nothing of {} is missing in the manifest.\n", self.name)),
            false => text.push_str(&format!("Imported {}: {}\n", self.name, counts.join(", "))),
        }
        if with_files {
            const SHOWN: usize = 20;
            for file in self.import.files.iter().take(SHOWN) {
                let mark = if file.before.is_some() { "~" } else { "+" };
                text.push_str(&format!("{mark} {}\n", name::visible(&file.path)));
            }
            if self.import.files.len() > SHOWN {
                text.push_str(&format!("  and {} more\n", count(self.import.files.len() - SHOWN, "file")));
            }
        }
        self.not_imported(&mut text);
        self.worth_knowing(&mut text);
        text.push('\n');
        let objects = count(self.import.desired.entries.len(), "object");
        match (self.after.all_changes().count(), self.after.status.complete) {
            (0, true) => {
                text.push_str(&format!("No changes. {} matches the manifest ({objects} checked).\n", self.name))
            }
            (0, false) => text.push_str(&format!(
                "No changes that could be seen ({objects} checked), but not all of {} could be read.\n",
                self.name
            )),
            (changes, _) => text.push_str(&format!(
                "What was added changes nothing. The manifest differed from {} before: {}; see bylaws plan.\n",
                self.name,
                count(changes, "change")
            )),
        }
        text
    }

    fn not_imported(&self, text: &mut String) {
        // What has one reason is one line.
        let mut reasons: BTreeMap<(usize, &str, Option<&str>), Vec<String>> = BTreeMap::new();
        for LeftOut { id, field, why } in self.left_out {
            let reason = (kinds::rank(&id.kind), why.as_str(), field.as_deref());
            reasons.entry(reason).or_default().push(id.to_string());
        }
        let mut lines: Vec<String> = Vec::new();
        for ((_, why, field), ids) in reasons {
            const NAMED: usize = 5;
            let of = field.map(|it| format!("`{it}` of ")).unwrap_or_default();
            let more = ids.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            lines.push(format!("{of}{}{more}: {why}", ids[..ids.len().min(NAMED)].join(", ")));
        }
        lines.extend(self.live.unseen.iter().cloned());
        list(text, "Not imported:", &lines);
    }

    fn worth_knowing(&self, text: &mut String) {
        let resend = BTreeSet::new();
        let world =
            World { desired: &self.import.desired, live: self.live, resend: &resend, renames: &kinds::NO_RENAMES };
        let mut lines = Vec::new();
        for id in &self.import.external {
            lines.push(format!("{id} is referred to and managed elsewhere, so that it is listed under `external`"));
        }
        for kind in kinds::ALL {
            let word = kind.facts().word;
            if self.import.added.iter().any(|it| it.kind == word) {
                lines.extend(kind.import_remark().map(str::to_owned));
            }
            for object in self.live.kind(word).objects.values() {
                let id = ResourceId::new(word, object.name.clone());
                if !self.import.added.contains(&id) {
                    continue;
                }
                if let Some(why) = &object.protected {
                    lines.push(format!("{id} is protected: {why}"));
                }
                if kind.carries_caller(object, &world) {
                    lines.push(format!("{id} is what this run itself depends on: no plan takes it away"));
                }
            }
        }
        let dangling = self.after.diagnostics.iter().filter(|it| it.code == plan::policy::DANGLING);
        lines.extend(dangling.map(|it| it.message.clone()));
        list(text, "Worth knowing:", &lines);
    }
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    const SHOWN: usize = 50;
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}\n"));
    for line in lines.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", name::visible(line)));
    }
    if lines.len() > SHOWN {
        text.push_str(&format!("  and {} more\n", lines.len() - SHOWN));
    }
}
