//! What people see: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::render::escape;

/// Whether colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where the stream is a terminal and nothing in the environment speaks against it.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// How this run speaks.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// Colour on standard output.
    pub color: bool,
    /// Colour on standard error.
    pub color_errors: bool,
    /// Nothing but the result.
    pub quiet: bool,
    /// More about what happens.
    pub verbose: bool,
    /// Whether the locale can show more than ASCII.
    pub unicode: bool,
    /// Columns of the terminal; 120 where there is none.
    pub width: usize,
    /// Lines of the terminal, if there is one.
    pub height: Option<usize>,
}

impl Ui {
    /// Decides from the flags and the environment: `--color`, then `NO_COLOR`, then `CLICOLOR_FORCE` or
    /// `FORCE_COLOR`, then `CLICOLOR=0` or `TERM=dumb`, then whether the stream is a terminal.
    pub fn new(color: Color, quiet: bool, verbose: bool) -> Self {
        let set = |name: &str| std::env::var(name).is_ok_and(|it| !it.is_empty());
        let forced = |name: &str| std::env::var(name).is_ok_and(|it| !it.is_empty() && it != "0");
        let decide = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") => true,
            Color::Auto => {
                let dumb = std::env::var("TERM").is_ok_and(|it| it == "dumb");
                let off = std::env::var("CLICOLOR").is_ok_and(|it| it == "0");
                terminal && !dumb && !off
            }
        };
        let terminal = io::stdout().is_terminal();
        let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<usize>().ok());
        Self {
            color: decide(terminal),
            color_errors: decide(io::stderr().is_terminal()),
            quiet,
            verbose,
            unicode: speaks_unicode(),
            width: number("COLUMNS").unwrap_or(120),
            height: terminal.then(|| number("LINES")).flatten(),
        }
    }

    /// The result. A reader who has gone away (a closed pipe) is no failure of ours.
    pub fn result(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Something about the run.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{}", escape::log(text));
        }
    }

    /// Something only `-v` shows.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            self.say(text);
        }
    }

    /// What went wrong; `-q` does not hide it.
    pub fn error(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", escape::log(&format!("error: {text}")));
    }

    /// Several lines about what went wrong, as they are.
    pub fn problems(&self, text: &str) {
        self.commands(&escape::log(text));
    }

    /// Lines that the runner of a pipeline shall obey. Everything else on standard error is made harmless.
    pub fn commands(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Asks a yes-or-no question; nothing without a terminal.
    pub fn ask(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question} Only `yes` is taken for yes: ").and_then(|()| err.flush());
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim() == "yes")
    }
}

fn speaks_unicode() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|it| std::env::var(it).ok().filter(|it| !it.is_empty()));
    // Without any locale the output is most likely read by something that takes UTF-8.
    locale.is_none_or(|it| it.to_lowercase().replace('-', "").contains("utf8"))
}
