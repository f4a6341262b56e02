//! `bylaws sandbox`: the embedded service, for other programs, and its organization.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use crate::cli::arguments::at_least_one;
use crate::cli::connection::SANDBOX_FILE;
use crate::cli::exit::Exit;
use crate::cli::session::stop_signal;
use crate::cli::ui::Ui;
use crate::sandbox::{self, Config, Fault, Rate, TokenKind};

/// The embedded service: an organization to try things on. Nothing leaves this machine.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves it over HTTP on this machine, until it is interrupted.
    Serve(Serve),
    /// Prints the organization as it is now, as JSON.
    Show(Where),
    /// Puts the demo organization back.
    Reset(Where),
}

#[derive(Debug, clap::Args)]
struct Where {
    /// The file that holds the organization.
    #[arg(long, default_value = SANDBOX_FILE)]
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Serve {
    #[command(flatten)]
    place: Where,
    /// The port on the loopback address; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A fault, such as `PATCH /api/orgs/acme/teams/*=429,retry-after=1,times=1`. May be given again.
    #[arg(long = "fault", value_name = "FAULT", long_help = fault_help())]
    faults: Vec<Fault>,
    /// Every answer takes this much longer, such as `20ms`.
    #[arg(long, value_parser = latency, default_value = "0ms")]
    latency: Duration,
    /// The most entries of a page.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    page_size: Option<usize>,
    /// How many requests are let through: `50/s` or `600/m`. At once may come what one second lets through, or as many
    /// as `50/s,burst=100` says.
    #[arg(long)]
    rate: Option<Rate>,
    /// What a token that nobody issued stands for.
    #[arg(long, value_enum, default_value_t = Kind::Personal)]
    token_kind: Kind,
    /// Serves only the first version of the routes for service items.
    #[arg(long)]
    old_server: bool,
    /// Shows item names with the organization in front.
    #[arg(long)]
    org_prefix_items: bool,
    /// Removes items only by names with the organization in front, however they are shown.
    #[arg(long)]
    org_prefix_removals: bool,
    /// Removes items only by paths with the slashes of their names as they are, not encoded.
    #[arg(long)]
    bare_slash_removals: bool,
    /// Appends one JSON line for each request to this file.
    #[arg(long)]
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A person's own token.
    Personal,
    /// A token of the organization.
    Organization,
    /// A token of a team.
    Team,
}

fn fault_help() -> String {
    format!(
        "A fault, such as `PATCH /api/orgs/acme/teams/*=429,retry-after=1,times=1`: METHOD PATH=WHAT, then options. \
         The method may be `*`; in the path `*` stands for anything within a segment, `**` for anything. May be given \
         again.\n\n{}",
        sandbox::FAULTS
    )
}

fn latency(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| format!("`{text}` is no time; write 20ms or 1s"));
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => number(digits).map(Duration::from_millis),
        (None, Some(digits)) => number(digits).map(Duration::from_secs),
        (None, None) => Err(format!("`{text}` has no unit; write 20ms or 1s")),
    }
}

/// Runs it.
pub async fn run(args: Args, ui: &Ui) -> Exit {
    match args.command {
        Command::Serve(serve) => self::serve(serve, ui).await,
        Command::Show(place) => show(place, ui).await,
        Command::Reset(place) => reset(&place, ui).await,
    }
}

async fn serve(serve: Serve, ui: &Ui) -> Exit {
    let token_kind = match serve.token_kind {
        Kind::Personal => TokenKind::Personal,
        Kind::Organization => TokenKind::Organization,
        Kind::Team => TokenKind::Team,
    };
    let config = Config {
        file: Some(serve.place.file),
        port: serve.port,
        faults: serve.faults,
        latency: serve.latency,
        page_size: serve.page_size,
        rate: serve.rate,
        token_kind,
        old_server: serve.old_server,
        org_prefix_items: serve.org_prefix_items,
        org_prefix_removals: serve.org_prefix_removals,
        bare_slash_removals: serve.bare_slash_removals,
        log: serve.log,
        ..Config::default()
    };
    let running = match sandbox::start(config).await {
        Ok(running) => running,
        Err(error) => {
            ui.error(&format!("the sandbox does not start: {error:#}"));
            return Exit::Other;
        }
    };
    // The address is the result: a script can read it and go on.
    ui.result(&format!("{}\n", running.url()));
    ui.say(
        "Serving acme (sandbox). Any token that begins with `pul-` is taken; `pul-sandbox` is alice. Ctrl-C ends it.",
    );
    stop_signal().await;
    finish(running, ui).await
}

async fn open(config: Config, ui: &Ui) -> Result<sandbox::Running, Exit> {
    sandbox::start(config).await.map_err(|error| {
        ui.error(&format!("the sandbox does not start: {error:#}"));
        Exit::Other
    })
}

async fn finish(running: sandbox::Running, ui: &Ui) -> Exit {
    match running.stop().await {
        Ok(()) => Exit::Done,
        Err(error) => {
            ui.error(&format!("the sandbox could not be kept: {error:#}"));
            Exit::Other
        }
    }
}

async fn show(place: Where, ui: &Ui) -> Exit {
    // Only looked at, also while somebody serves it: the file is always whole.
    if place.file.exists() {
        return match sandbox::kept(&place.file) {
            Ok(state) => {
                print(&state, ui);
                Exit::Done
            }
            Err(error) => {
                ui.error(&format!("{error:#}"));
                Exit::Other
            }
        };
    }
    let config = Config { file: Some(place.file), ..Config::default() };
    let running = match open(config, ui).await {
        Ok(running) => running,
        Err(exit) => return exit,
    };
    print(&running.state(), ui);
    finish(running, ui).await
}

fn print(state: &sandbox::State, ui: &Ui) {
    let text = serde_json::to_string_pretty(state).unwrap_or_default();
    ui.result(&format!("{text}\n"));
}

async fn reset(place: &Where, ui: &Ui) -> Exit {
    match open(Config { file: Some(place.file.clone()), anew: true, ..Config::default() }, ui).await {
        Ok(running) => {
            let exit = finish(running, ui).await;
            ui.say(&format!("{} holds the demo organization acme again.", place.file.display()));
            exit
        }
        Err(exit) => exit,
    }
}
