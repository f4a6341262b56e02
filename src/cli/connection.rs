//! Which service is asked, and how: from the flags and the environment to a client.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use crate::api::{self, AuthError, Clients};
use crate::cli::SANDBOX;
use crate::cli::arguments::{at_least_one, rate};
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::model::{Instant, Secret};
use crate::sandbox;

/// Where the embedded service keeps its organization.
pub const SANDBOX_FILE: &str = ".bylaws/sandbox.json";
/// What the embedded service's directory is asked with.
const SANDBOX_SCIM_TOKEN: &str = "scim-sandbox";

/// Which service, and how it is asked.
#[derive(Debug, clap::Args)]
pub struct ConnectionArgs {
    /// The service: a URL, or `sandbox[:FILE]` for the embedded one. Left out: `PULUMI_BACKEND_URL`,
    /// `PULUMI_API`, the current login of the Pulumi credentials file, Pulumi Cloud.
    #[arg(long, value_name = "URL")]
    pub backend: Option<String>,
    /// At most this many requests at once.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub concurrency: Option<usize>,
    /// At most this many requests a second.
    #[arg(long, value_name = "N", value_parser = rate)]
    pub max_rps: Option<f64>,
    /// Reads with no more requests than this; what needs more is refused before they are sent.
    #[arg(long, value_name = "N")]
    pub max_requests: Option<usize>,
    /// Certificates (PEM) that are trusted beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The moment against which age is judged, instead of the clock's (RFC 3339).
    #[arg(long, hide = true, value_parser = Instant::parse)]
    pub now: Option<Instant>,
}

/// The connection, and the service it goes to if that is our own.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn connect(
    args: &ConnectionArgs,
    ui: &Ui,
) -> Result<(Option<sandbox::Running>, api::Connection, String), Exit> {
    let embedded = args
        .backend
        .as_deref()
        .and_then(|it| it.strip_prefix(SANDBOX))
        .filter(|it| it.is_empty() || it.starts_with(':'));
    let Some(file) = embedded else {
        let connection = api::choose(&inputs(args)).map_err(|error| {
            ui.error(&error.to_string());
            match error {
                AuthError::Backend { .. } => Exit::Invalid,
                AuthError::Missing(_) | AuthError::Unusable(_) => Exit::Denied,
            }
        })?;
        ui.detail(&format!(
            "backend {} ({}), token from {}",
            connection.backend.as_str(),
            connection.backend_source,
            connection.token_source
        ));
        let backend = connection.backend.as_str().to_owned();
        return Ok((None, connection, backend));
    };
    let file = file.strip_prefix(':').unwrap_or(SANDBOX_FILE);
    // One JSON line for each request, as `sandbox serve --log` writes them.
    let log = std::env::var_os("BYLAWS_SANDBOX_LOG").map(PathBuf::from);
    let now = args.now.map(|it| it.0);
    let config = sandbox::Config { file: Some(file.into()), now, log, ..sandbox::Config::default() };
    let running = sandbox::start(config).await.map_err(|error| {
        ui.error(&format!("the sandbox does not start: {error:#}"));
        Exit::Other
    })?;
    let own = api::Inputs {
        flag: Some(running.url()),
        access_token: Some(Secret::new("pul-sandbox".to_owned())),
        ..api::Inputs::default()
    };
    let connection = api::choose(&own).map_err(|error| {
        ui.error(&error.to_string());
        Exit::Bug
    })?;
    Ok((Some(running), connection, SANDBOX.to_owned()))
}

/// What a variable of the environment holds, if anything. What is no text keeps a character that stands for it, so that it
/// is refused where it is used and not taken for absent.
fn set(name: &str) -> Option<String> {
    std::env::var_os(name).filter(|it| !it.is_empty()).map(|it| it.to_string_lossy().into_owned())
}

/// The proxy that the environment names for encrypted requests: one that cannot be used is an error, and not passed over.
fn check_proxy() -> Result<(), String> {
    for names in [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]] {
        let Some(name) = names.into_iter().find(|it| std::env::var_os(it).is_some()) else { continue };
        let Some(text) = set(name) else { continue };
        return api::check_proxy(&text).map_err(|what| format!("cannot use the proxy from {name}: {what}"));
    }
    Ok(())
}

/// What the environment and the credentials file say. The token's value goes nowhere else.
fn inputs(args: &ConnectionArgs) -> api::Inputs {
    let folder_at = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let home = folder_at("PULUMI_HOME").or_else(|| Some(std::env::home_dir()?.join(".pulumi")));
    let path = folder_at("PULUMI_CREDENTIALS_PATH").or(home).map(|it| it.join("credentials.json")).unwrap_or_default();
    let (credentials, credentials_unreadable) = match std::fs::read_to_string(&path) {
        Ok(text) => (Some(Secret::new(text)), None),
        Err(error) if error.kind() == ErrorKind::NotFound => (None, None),
        Err(error) => (None, Some(error.to_string())),
    };
    api::Inputs {
        flag: args.backend.clone(),
        backend_url: set("PULUMI_BACKEND_URL"),
        api: set("PULUMI_API"),
        access_token: set("PULUMI_ACCESS_TOKEN").map(Secret::new),
        credentials,
        credentials_unreadable,
        credentials_path: path.display().to_string(),
    }
}

/// The clients of that service.
///
/// # Errors
/// The exit code, after everything was said.
pub fn clients(connection: api::Connection, is_own: bool, args: &ConnectionArgs, ui: &Ui) -> Result<Clients, Exit> {
    let extra_ca = match &args.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            ui.error(&format!("failed to read `{}`: {error}", path.display()));
            Exit::Invalid
        })?),
    };
    // Unencrypted, only this machine is spoken to, past every proxy.
    if !connection.backend.is_plain() {
        check_proxy().map_err(|problem| {
            ui.error(&problem);
            Exit::Invalid
        })?;
    }
    let hook = ui.verbose.then(|| request_log(*ui));
    let own = is_own.then(|| SANDBOX_SCIM_TOKEN.to_owned());
    let token = set("BYLAWS_SCIM_TOKEN").or(own);
    let directory_token = token.map(|it| Arc::new(Secret::new(it)));
    let mut options = api::Options {
        extra_ca,
        max_rps: args.max_rps,
        max_requests: args.max_requests,
        directory_token,
        hook,
        ..api::Options::default()
    };
    if let Some(most) = args.concurrency {
        options.concurrency = most;
        options.writes = most;
    }
    Clients::new(connection, options).map_err(|error| {
        ui.error(&format!("{error:#}"));
        Exit::Invalid
    })
}

/// Every request on standard error; what a request holds beside its address is never in it.
fn request_log(ui: Ui) -> api::Hook {
    std::sync::Arc::new(move |event| match event {
        api::Event::Attempt { method, path, attempt, outcome, request_id, took } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let number = request_id.as_ref().map(|it| format!(", request {it}")).unwrap_or_default();
            ui.detail(&format!("{method} {path}: {outcome} in {} ms{again}{number}", took.as_millis()));
        }
        api::Event::Rest(pause) => ui.detail(&format!("the service asks for a rest of {} s", pause.as_secs_f32())),
    })
}
