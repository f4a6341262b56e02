//! What `plan` and `apply` have in common: the manifest, the connection, one reading of the service, the plan.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::api::{self, ApiError, AuthError, Failure, ReadClient};
use crate::cli::SANDBOX;
use crate::cli::base;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::output;
use crate::cli::ui::Ui;
use crate::kinds;
use crate::manifest;
use crate::model::plan::Source;
use crate::model::{Caller, Desired, Instant, Organization, Plan, ResourceId, Secret, Snapshot};
use crate::plan;
use crate::plan::policy::Allowance;
use crate::render::problem;
use crate::sandbox;
use crate::snapshot;

/// Where the embedded service keeps its organization.
pub const SANDBOX_FILE: &str = ".bylaws/sandbox.json";
/// What the embedded service's directory is asked with.
const SANDBOX_SCIM_TOKEN: &str = "scim-sandbox";

/// Which manifest.
#[derive(Debug, clap::Args)]
pub struct ManifestArgs {
    /// Files, or folders whose *.yaml and *.yml files are read. Left out: `bylaws.yaml`, or `bylaws/`.
    pub paths: Vec<PathBuf>,
}

/// Which service, and how it is asked.
#[derive(Debug, clap::Args)]
pub struct ConnectionArgs {
    /// The service: a URL, or `sandbox[:FILE]` for the embedded one. Left out: `PULUMI_BACKEND_URL`,
    /// `PULUMI_API`, the current login of the Pulumi credentials file, Pulumi Cloud.
    #[arg(long, value_name = "URL")]
    pub backend: Option<String>,
    /// At most this many requests at once.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
    /// At most this many requests a second.
    #[arg(long, value_name = "N")]
    pub max_rps: Option<f64>,
    /// Certificates (PEM) that are trusted beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The moment against which age is judged, instead of the clock's (RFC 3339).
    #[arg(long, hide = true, value_parser = Instant::parse)]
    pub now: Option<Instant>,
}

/// What decides about a plan.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// Accepts a danger: `CODE:ID`, as the plan prints it. May be given again.
    #[arg(long, value_name = "CODE:ID")]
    pub allow: Vec<String>,
    /// Compares with the manifest of the base branch: a git revision (`origin/main`), or a folder that
    /// holds another checkout (`../base`). What this change no longer declares is deleted, and what it
    /// does not ask for is shown as drift.
    #[arg(long, value_name = "REF|DIR")]
    pub base: Option<String>,
    /// Changes only this resource (`team/platform`), with whatever it cannot go without. May be given again.
    #[arg(long, value_name = "ID")]
    pub target: Vec<ResourceId>,
    /// Changes the identity provider's directory too (SCIM): makes and deactivates users, and changes
    /// who is in its groups. Without it, `scim` is only compared.
    #[arg(long)]
    pub scim_writes: bool,
}

/// Why there is no manifest.
pub enum Unloaded {
    /// Files are missing or unreadable.
    Files(Vec<String>),
    /// The manifest has mistakes.
    Manifest(manifest::Failure),
}

/// Reads and checks the manifest.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(args: &ManifestArgs) -> Result<Desired, Unloaded> {
    let files = files::read(&args.paths).map_err(Unloaded::Files)?;
    manifest::load(files).map_err(Unloaded::Manifest)
}

/// Says that files could not be read.
pub fn unreadable(ui: &Ui, problems: &[String]) -> Exit {
    for problem in problems {
        ui.error(problem);
    }
    ui.say("Nothing was read from or sent to Pulumi Cloud.");
    Exit::Invalid
}

/// `3 files`, `1 file`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// An open session: a valid manifest, and a service that knows the caller.
pub struct Session {
    /// The manifest.
    pub desired: Desired,
    /// Asks the service.
    pub client: ReadClient,
    caller: Caller,
    organization: Organization,
    backend: String,
    now: Instant,
    fixed: Option<Instant>,
    /// The most writes at once, if somebody said so.
    concurrency: Option<usize>,
    options: plan::Options,
    /// The base branch, as it was given.
    base: Option<String>,
    sandbox: Option<sandbox::Running>,
}

/// Loads the manifest, then connects; a wrong manifest sends no request at all.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn open(
    manifest: &ManifestArgs,
    connection: &ConnectionArgs,
    plan: &PlanArgs,
    ui: &Ui,
) -> Result<Session, Exit> {
    let desired = match load(manifest) {
        Ok(desired) => desired,
        Err(Unloaded::Files(problems)) => return Err(unreadable(ui, &problems)),
        Err(Unloaded::Manifest(failure)) => {
            ui.problems(&problem::text(&failure.diagnostics, &failure.files, 20));
            ui.say("Nothing was read from or sent to Pulumi Cloud.");
            return Err(Exit::Invalid);
        }
    };
    let mut desired = desired;
    if let Some(wanted) = &plan.base {
        base::add(&mut desired, wanted, &manifest.paths).map_err(|problem| {
            ui.error(&problem);
            ui.say("Nothing was read from or sent to Pulumi Cloud.");
            Exit::Invalid
        })?;
    }
    let options = options(manifest, &desired, plan, ui)?;
    let (sandbox, target, backend) = connect(connection, ui).await?;
    let client = client(target, sandbox.is_some(), connection, ui)?;
    let now = connection.now.unwrap_or_else(clock);
    match snapshot::preflight(&client, &desired.organization, now).await {
        Ok((caller, organization)) => {
            ui.detail(&format!("{} as {}", desired.organization, caller.login));
            Ok(Session {
                desired,
                client,
                caller,
                organization,
                backend,
                now,
                fixed: connection.now,
                concurrency: connection.concurrency,
                options,
                base: plan.base.clone(),
                sandbox,
            })
        }
        Err(error) => {
            ui.error(&error.to_string());
            close(sandbox, ui).await;
            Err(exit_of(&error))
        }
    }
}

fn options(manifest: &ManifestArgs, desired: &Desired, plan: &PlanArgs, ui: &Ui) -> Result<plan::Options, Exit> {
    for allowed in &plan.allow {
        if let Err(problem) = Allowance::parse(allowed) {
            ui.error(&problem);
            return Err(Exit::Invalid);
        }
    }
    let paths = if manifest.paths.is_empty() {
        vec![default_root(desired)]
    } else {
        manifest.paths.iter().map(|it| files::shown(it)).collect()
    };
    let targets: BTreeSet<ResourceId> = plan.target.iter().cloned().collect();
    if let Some(unknown) = targets.iter().find(|it| kinds::by_word(&it.kind).is_none()) {
        let words: Vec<_> = kinds::ALL.iter().map(|it| it.facts().word).collect();
        ui.error(&format!(
            "`--target {unknown}`: there is no kind `{}`; the kinds are {}",
            unknown.kind,
            words.join(", ")
        ));
        return Err(Exit::Invalid);
    }
    let source = Source {
        paths,
        files: desired.files.len(),
        base: desired.base.as_ref().map(|it| it.shown.clone()),
        targets: targets.iter().cloned().collect(),
    };
    let directory_writes = plan.scim_writes;
    Ok(plan::Options { allow: plan.allow.iter().cloned().collect(), targets, directory_writes, source })
}

fn default_root(desired: &Desired) -> String {
    let first = desired.files.first().map(|it| it.path.as_str()).unwrap_or_default();
    first.split_once('/').map_or(first, |it| it.0).to_owned()
}

/// The connection, and the service it goes to if that is our own.
async fn connect(args: &ConnectionArgs, ui: &Ui) -> Result<(Option<sandbox::Running>, api::Connection, String), Exit> {
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
    let config =
        sandbox::Config { file: Some(file.into()), now: args.now.map(|it| it.0), ..sandbox::Config::default() };
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

/// What the environment and the credentials file say. The token's value goes nowhere else.
fn inputs(args: &ConnectionArgs) -> api::Inputs {
    let set = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let home = set("PULUMI_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".pulumi")));
    let folder = set("PULUMI_CREDENTIALS_PATH").map(PathBuf::from).or(home);
    let path = folder.map(|it| it.join("credentials.json")).unwrap_or_default();
    api::Inputs {
        flag: args.backend.clone(),
        backend_url: set("PULUMI_BACKEND_URL"),
        api: set("PULUMI_API"),
        access_token: set("PULUMI_ACCESS_TOKEN").map(Secret::new),
        credentials: std::fs::read_to_string(&path).ok().map(Secret::new),
        credentials_path: path.display().to_string(),
    }
}

fn client(
    connection: api::Connection,
    connection_is_own: bool,
    args: &ConnectionArgs,
    ui: &Ui,
) -> Result<ReadClient, Exit> {
    let extra_ca = match &args.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            ui.error(&format!("failed to read `{}`: {error}", path.display()));
            Exit::Invalid
        })?),
    };
    let hook = ui.verbose.then(|| request_log(*ui));
    let own = connection_is_own.then(|| SANDBOX_SCIM_TOKEN.to_owned());
    let token = std::env::var("BYLAWS_SCIM_TOKEN").ok().filter(|it| !it.is_empty()).or(own);
    let directory_token = token.map(|it| Arc::new(Secret::new(it)));
    let mut options =
        api::Options { directory_token, extra_ca, max_rps: args.max_rps, hook, ..api::Options::default() };
    if let Some(most) = args.concurrency {
        options.concurrency = most.max(1);
        options.writes = most.max(1);
    }
    ReadClient::new(connection, options).map_err(|error| {
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

/// The clock's moment.
pub fn clock() -> Instant {
    Instant(jiff::Timestamp::now().as_second())
}

/// How a run ends that failed at the service.
pub fn exit_of(error: &ApiError) -> Exit {
    match error.failure {
        Failure::Unauthorized | Failure::Forbidden => Exit::Denied,
        Failure::Timeout { .. } => Exit::TimedOut,
        _ => Exit::Service,
    }
}

async fn close(sandbox: Option<sandbox::Running>, ui: &Ui) {
    if let Some(Err(error)) = match sandbox {
        Some(running) => Some(running.stop().await),
        None => None,
    } {
        ui.error(&format!("the sandbox could not be kept: {error:#}"));
    }
}

impl Session {
    /// Reads what the plan needs and makes the plan.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn plan(&self, ui: &Ui) -> Result<Plan, Exit> {
        let live = self.read(ui).await?;
        let mistakes = self.unresolved(&live);
        if !mistakes.is_empty() {
            ui.problems(&problem::text(&mistakes, &self.desired.files, 20));
            ui.say("Nothing was changed.");
            return Err(Exit::Invalid);
        }
        let plan = plan::plan(&self.desired, &live, &self.options);
        let unknown: Vec<&ResourceId> = self.options.targets.iter().filter(|it| !self.is_known(it, &live)).collect();
        for target in &unknown {
            ui.error(&format!("`--target {target}` is nothing that the manifest or the organization knows"));
        }
        if !unknown.is_empty() {
            return Err(Exit::Invalid);
        }
        for allowed in &self.options.allow {
            let found = Allowance::parse(allowed).is_ok_and(|it| it.speaks_of(&plan.diagnostics));
            if !found {
                ui.say(&format!("note: `--allow {allowed}` allows nothing in this plan"));
            }
        }
        Ok(plan)
    }

    /// Asks again who the caller is and what the organization is: an apply has changed its numbers.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn look_again(&mut self, ui: &Ui) -> Result<(), Exit> {
        self.desired = self.desired.merged();
        let found = snapshot::preflight(&self.client, &self.desired.organization, self.now).await;
        (self.caller, self.organization) = found.map_err(|error| {
            ui.error(&error.to_string());
            exit_of(&error)
        })?;
        Ok(())
    }

    /// The command that applies a plan of this session.
    pub fn command(&self, plan: &Plan) -> String {
        output::command(plan, &self.options.allow, self.base.as_deref(), self.options.directory_writes)
    }

    async fn read(&self, ui: &Ui) -> Result<Snapshot, Exit> {
        let scopes = plan::scopes(&self.desired, &self.organization, self.now);
        let caller = self.caller.clone();
        let read = snapshot::read(
            &self.client,
            &self.desired.organization,
            scopes,
            caller,
            self.organization.clone(),
            self.now,
            &|_| {},
        );
        let mut live = read.await.map_err(|error| {
            ui.error(&error.to_string());
            exit_of(&error)
        })?;
        live.backend.clone_from(&self.backend);
        let counts: Vec<String> = crate::kinds::ALL
            .iter()
            .filter(|it| live.kind(it.facts().word).read)
            .map(|it| {
                let objects = live.kind(it.facts().word).objects.values();
                count(objects.filter(|it| it.awaited.is_none()).count(), it.facts().word)
            })
            .collect();
        let name = self.name();
        if counts.is_empty() {
            ui.say(&format!("Read {name}"))
        } else {
            ui.say(&format!("Read {name}: {}", counts.join(", ")))
        }
        Ok(live)
    }

    /// Whether a resource is declared, listed for removal, or live.
    fn is_known(&self, id: &ResourceId, live: &Snapshot) -> bool {
        let own = kinds::matching_id(id);
        let desired = &self.desired;
        let mut named = desired.entries.keys().chain(desired.removed.keys());
        named.any(|it| kinds::matching_id(it) == own) || live.has(id, &own.name)
    }

    /// References to what is certainly not there: mistakes that only the live organization can tell.
    fn unresolved(&self, live: &Snapshot) -> Vec<crate::model::Diagnostic> {
        let exists = |id: &ResourceId| -> Option<bool> {
            let state = live.kind(&id.kind);
            let key = crate::kinds::matching_key(&id.kind, &id.name);
            if live.has(id, &key) {
                return Some(true);
            }
            if state.unknown_objects.contains_key(&key) {
                return None;
            }
            (state.read && state.incomplete.is_none()).then_some(false)
        };
        let mut found = manifest::unresolved(&self.desired, exists);
        found.retain(|it| it.severity == crate::model::Severity::Error);
        found
    }

    /// The organization as people see it.
    pub fn name(&self) -> String {
        let mark = if self.backend == SANDBOX { " (sandbox)" } else { "" };
        format!("{}{mark}", self.desired.organization)
    }

    /// The moment that stands for the clock's, if one was given.
    pub fn clock(&self) -> Option<Instant> {
        self.fixed
    }

    /// The most writes at once.
    pub fn writes(&self) -> usize {
        self.concurrency.map_or(crate::apply::CONCURRENCY, |it| it.max(1))
    }

    /// Ends the session; the embedded service keeps its state.
    pub async fn close(self, ui: &Ui) {
        close(self.sandbox, ui).await;
    }
}

/// Waits for the first SIGINT or SIGTERM.
pub async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
