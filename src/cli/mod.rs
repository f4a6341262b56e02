//! The shell: flags and commands. Alone it reads manifests and the environment, prints, and exits.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod arguments;
mod attribute;
mod base;
pub mod commands;
mod connection;
pub mod exit;
pub mod files;
mod git;
mod github;
mod history;
mod output;
mod saved;
mod session;
mod ui;
mod written;

use exit::Exit;
use ui::{Color, Ui};

/// What the embedded service is called where its address would stand: its port means nothing.
const SANDBOX: &str = "sandbox";

/// The bylaws of a Pulumi Cloud organization, kept in Git.
#[derive(Debug, Parser)]
#[command(name = "bylaws", version, propagate_version = true)]
struct Cli {
    /// Whether colour is used.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// Says nothing but the result.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Says more about what happens.
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(commands::plan::Args),
    Apply(commands::apply::Args),
    Drift(commands::drift::Args),
    Import(commands::import::Args),
    Validate(commands::validate::Args),
    Show(commands::show::Args),
    Access(commands::access::Args),
    Schema(commands::schema::Args),
    Explain(commands::explain::Args),
    Sandbox(commands::sandbox::Args),
}

/// Runs the program with the process's own arguments.
pub async fn run() -> Exit {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let ui = Ui::new(cli.color, cli.quiet, cli.verbose);
    match cli.command {
        Command::Plan(args) => commands::plan::run(args, &ui).await,
        Command::Apply(args) => commands::apply::run(args, &ui).await,
        Command::Drift(args) => commands::drift::run(args, &ui).await,
        Command::Import(args) => commands::import::run(args, &ui).await,
        Command::Validate(args) => commands::validate::run(&args, &ui),
        Command::Access(args) => commands::access::run(args, &ui).await,
        Command::Show(args) => commands::show::run(&args, &ui),
        Command::Schema(args) => commands::schema::run(&args, &ui),
        Command::Explain(args) => commands::explain::run(&args, &ui),
        Command::Sandbox(args) => commands::sandbox::run(args, &ui).await,
    }
}

fn parse() -> Result<Cli, Exit> {
    let matches = Cli::command().after_help(exit_codes()).try_get_matches();
    let parsed = matches.and_then(|it| Cli::from_arg_matches(&it));
    parsed.map_err(|error| {
        let help = !error.use_stderr();
        let _ = error.print();
        if help { Exit::Done } else { Exit::Invalid }
    })
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in exit::TABLE {
        text.push_str(&format!("  {:>3}  {meaning}\n", exit.code()));
    }
    text
}
