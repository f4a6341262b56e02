//! `bylaws access`: who may do what, and why. Sends nothing but GET and HEAD.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::connection::ConnectionArgs;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::session::{self, ManifestArgs, PlanArgs, Session};
use crate::cli::ui::Ui;
use crate::kinds::{self, World, things};
use crate::manifest;
use crate::model::access::State;
use crate::model::{ResourceId, Snapshot};
use crate::plan::impact::{Question, listing, scopes_for};
use crate::render;

/// Tells who may do what, and through what: a team, a role, or by themselves.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// About whom or what: user/LOGIN, team/NAME, role/NAME, token/NAME, service/NAME, stack/PROJECT/STACK,
    /// environment/PROJECT/NAME, organization. Left out: about everybody.
    #[arg(value_name = "ID", value_parser = things::asked)]
    ids: Vec<ResourceId>,
    /// Tells it as it would be once the manifest is applied, not as it is.
    #[arg(long)]
    desired: bool,
    /// A file or a folder of the manifest. May be given again. Left out: `bylaws.yaml`, or `bylaws/`.
    #[arg(long, value_name = "PATH", conflicts_with = "organization")]
    manifest: Vec<PathBuf>,
    /// The organization, where no manifest tells it. Left out: the manifest's, or the only one that the
    /// caller belongs to.
    #[arg(long, value_name = "NAME", conflicts_with = "desired")]
    organization: Option<String>,
    /// How the answer is written to standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// `bylaws.access`, versioned: for programs.
    Json,
}

/// Runs it.
pub async fn run(args: Args, ui: &Ui) -> Exit {
    let session = match open(&args, ui).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let ended = answer(&args, &session, ui).await;
    session.close(ui).await;
    ended.err().unwrap_or(Exit::Done)
}

/// With the manifest where it is asked for; else only the organization's name is taken from it.
async fn open(args: &Args, ui: &Ui) -> Result<Session, Exit> {
    let manifest = ManifestArgs { paths: args.manifest.clone() };
    if args.desired {
        let plan = PlanArgs::default();
        return session::open(&manifest, &args.connection, &plan, ui).await;
    }
    let mut organization = args.organization.clone();
    if organization.is_none() && (!args.manifest.is_empty() || crate::cli::files::has_default()) {
        organization = Some(session::load_or_say(&manifest, ui)?.organization);
    }
    session::open_live(organization, &args.connection, ui).await
}

async fn answer(args: &Args, session: &Session, ui: &Ui) -> Result<(), Exit> {
    let state = if args.desired { State::Desired } else { State::Live };
    let live = session.read_more(|it| scopes_for(&args.ids, it), ui).await?;
    let plan = args.desired.then(|| session.plan_for(&live));
    let changes: Vec<_> = plan.iter().flat_map(|it| it.all_changes()).collect();
    let resend = std::collections::BTreeSet::new();
    let world = World { desired: &session.desired, live: &live, resend: &resend, renames: &kinds::NO_RENAMES };
    let (listing, unknown) = listing(&world, &changes, Question { of: &args.ids, state });
    let mut strangers = false;
    for id in &unknown {
        strangers |= is_strange(id, &live, session, ui).await?;
    }
    if strangers {
        return Err(Exit::Invalid);
    }
    ui.result(&match args.format {
        Format::Human => {
            let sandbox = live.backend == crate::cli::SANDBOX;
            render::text::access(&listing, render::text::Options { sandbox, ..output::screen(ui) })
        }
        Format::Json => render::json::access(&listing),
    });
    // What could not be read is told in the answer, and must not pass for the whole of it.
    if live.unseen.is_empty() { Ok(()) } else { Err(Exit::Service) }
}

/// Whether something that nothing speaks of does not exist either; then that is said.
async fn is_strange(id: &ResourceId, live: &Snapshot, session: &Session, ui: &Ui) -> Result<bool, Exit> {
    let mut names: Vec<String> = Vec::new();
    match things::list(&id.kind, &session.desired.organization) {
        None => {
            let state = live.kind(&id.kind);
            // Nobody can tell what a list lacks that was not read to its end.
            if state.incomplete.is_some()
                || state.unknown_objects.contains_key(&kinds::matching_key(&id.kind, &id.name))
            {
                return Ok(false);
            }
            names.extend(state.objects.values().map(|it| it.name.clone()));
            names.extend(session.desired.entries.keys().filter(|it| it.kind == id.kind).map(|it| it.name.clone()));
        }
        Some(list) => {
            let read = session.client.pages(&list, |page| {
                names.extend(things::names(&id.kind, page)?);
                Ok(())
            });
            read.await.map_err(|error| {
                ui.error(&error.to_string());
                session::exit_of(&error)
            })?;
        }
    }
    if names.contains(&id.name) {
        return Ok(false);
    }
    let help = match manifest::nearest(&id.name, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{}`?", render::escape::terminal(&format!("{}/{near}", id.kind))),
        None => String::new(),
    };
    let shown = render::escape::terminal(&id.to_string());
    ui.error(&format!("there is no `{shown}` in {} that this token can see{help}", session.name()));
    Ok(true)
}
