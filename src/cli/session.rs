//! What `plan` and `apply` have in common: the manifest, the connection, one reading of the service, the plan.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::api::{self, ApiError, AuthError, Failure, ReadClient};
use crate::cli::SANDBOX;
use crate::cli::base;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::output;
use crate::cli::ui::Ui;
use crate::manifest;
use crate::model::plan::Source;
use crate::model::{Caller, Desired, Instant, Organization, Plan, ResourceId, Scope, Secret, Snapshot};
use crate::plan;
use crate::render::problem;
use crate::sandbox;
use crate::snapshot;

/// Where the embedded service keeps its organization.
pub const SANDBOX_FILE: &str = ".bylaws/sandbox.json";

/// What has to be read, by kind.
pub type Scopes = BTreeMap<&'static str, Scope>;

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

/// Reads and checks the manifest; what is wrong with it is said.
///
/// # Errors
/// The exit code.
pub fn load_or_say(args: &ManifestArgs, ui: &Ui) -> Result<Desired, Exit> {
    load(args).map_err(|unloaded| match unloaded {
        Unloaded::Files(problems) => unreadable(ui, &problems),
        Unloaded::Manifest(failure) => {
            ui.problems(&problem::text(&failure.diagnostics, &failure.files, 20));
            ui.say("Nothing was read from or sent to Pulumi Cloud.");
            Exit::Invalid
        }
    })
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
    let mut desired = load_or_say(manifest, ui)?;
    if let Some(wanted) = &plan.base {
        base::add(&mut desired, wanted, &manifest.paths).map_err(|problem| {
            ui.error(&problem);
            ui.say("Nothing was read from or sent to Pulumi Cloud.");
            Exit::Invalid
        })?;
    }
    let options = options(manifest, &desired, plan, ui)?;
    enter(desired, options, connection, ui).await
}

/// Connects without a manifest: to the organization of this name, or to the only one that the caller has.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn open_live(organization: Option<String>, connection: &ConnectionArgs, ui: &Ui) -> Result<Session, Exit> {
    let desired = Desired { organization: organization.unwrap_or_default(), ..Desired::default() };
    enter(desired, plan::Options::default(), connection, ui).await
}

async fn enter(
    mut desired: Desired,
    options: plan::Options,
    connection: &ConnectionArgs,
    ui: &Ui,
) -> Result<Session, Exit> {
    let (sandbox, target, backend) = connect(connection, ui).await?;
    let client = client(target, connection, ui)?;
    let now = connection.now.unwrap_or_else(clock);
    let found = async {
        if desired.organization.is_empty() {
            desired.organization = snapshot::only_organization(&client).await?;
        }
        snapshot::preflight(&client, &desired.organization, now).await
    };
    match found.await {
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
        let known = allowed.split_once(':').filter(|it| it.1.parse::<ResourceId>().is_ok());
        let Some(danger) = known.and_then(|it| plan::policy::danger(it.0)) else {
            ui.error(&format!(
                "`--allow {allowed}` is not CODE:ID; write it as the plan prints it, such as delete-team:team/data-eng"
            ));
            return Err(Exit::Invalid);
        };
        if danger.acceptance == plan::policy::Acceptance::Never {
            ui.error(&format!("`{}` cannot be allowed: {}", danger.code, danger.help));
            return Err(Exit::Invalid);
        }
    }
    let paths = if manifest.paths.is_empty() {
        vec![default_root(desired)]
    } else {
        manifest.paths.iter().map(|it| files::shown(it)).collect()
    };
    Ok(plan::Options {
        allow: plan.allow.iter().cloned().collect(),
        source: Source { paths, files: desired.files.len(), base: desired.base.as_ref().map(|it| it.shown.clone()) },
    })
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

fn client(connection: api::Connection, args: &ConnectionArgs, ui: &Ui) -> Result<ReadClient, Exit> {
    let extra_ca = match &args.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            ui.error(&format!("failed to read `{}`: {error}", path.display()));
            Exit::Invalid
        })?),
    };
    let hook = ui.verbose.then(|| request_log(*ui));
    let mut options = api::Options { extra_ca, max_rps: args.max_rps, hook, ..api::Options::default() };
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
        let plan = self.plan_for(&self.read_more(|it| it, ui).await?);
        for allowed in &self.options.allow {
            let found = plan.diagnostics.iter().any(|it| {
                let id = it.change.as_ref().map(ToString::to_string).unwrap_or_default();
                allowed.split_once(':').is_some_and(|(code, of)| code == it.code && of.eq_ignore_ascii_case(&id))
            });
            if !found {
                ui.say(&format!("note: `--allow {allowed}` allows nothing in this plan"));
            }
        }
        Ok(plan)
    }

    /// Reads what the plan needs, and whatever `widen` adds to it.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn read_more(&self, widen: impl FnOnce(Scopes) -> Scopes, ui: &Ui) -> Result<Snapshot, Exit> {
        let scopes = plan::scopes(&self.desired, &self.organization, self.now);
        let live = self.read(widen(scopes), ui).await?;
        self.resolved(&live, ui)?;
        Ok(live)
    }

    /// The plan for what was read.
    pub fn plan_for(&self, live: &Snapshot) -> Plan {
        plan::plan(&self.desired, live, &self.options)
    }

    fn resolved(&self, live: &Snapshot, ui: &Ui) -> Result<(), Exit> {
        let mistakes = self.unresolved(live);
        if mistakes.is_empty() {
            return Ok(());
        }
        ui.problems(&problem::text(&mistakes, &self.desired.files, 20));
        ui.say("Nothing was changed.");
        Err(Exit::Invalid)
    }

    /// Asks again who the caller is and what the organization is: an apply has changed its numbers.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn look_again(&mut self, ui: &Ui) -> Result<(), Exit> {
        // What this manifest asked for on top of the base branch has been asked for: a rename is not new again.
        if let Some(base) = self.desired.base.take() {
            let mut merged = (*base).clone();
            merged.desired.entries.extend(self.desired.entries.clone());
            self.desired.base = Some(merged.into());
        }
        let found = snapshot::preflight(&self.client, &self.desired.organization, self.now).await;
        (self.caller, self.organization) = found.map_err(|error| {
            ui.error(&error.to_string());
            exit_of(&error)
        })?;
        Ok(())
    }

    /// The command that applies a plan of this session.
    pub fn command(&self, plan: &Plan) -> String {
        output::command(plan, &self.options.allow)
    }

    async fn read(&self, scopes: Scopes, ui: &Ui) -> Result<Snapshot, Exit> {
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
            .map(|it| count(live.kind(it.facts().word).objects.len(), it.facts().word))
            .collect();
        let name = self.name();
        if counts.is_empty() {
            ui.say(&format!("Read {name}"))
        } else {
            ui.say(&format!("Read {name}: {}", counts.join(", ")))
        }
        Ok(live)
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
