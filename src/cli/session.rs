//! What `plan` and `apply` have in common: the manifest, the connection, one reading of the service, the plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{ApiError, Clients, Failure, ReadClient};
use crate::cli::SANDBOX;
use crate::cli::arguments::options;
pub use crate::cli::arguments::{ManifestArgs, PlanArgs, check_allowed};
use crate::cli::base;
use crate::cli::connection::{self, ConnectionArgs};
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::github;
use crate::cli::output;
use crate::cli::ui::Ui;
use crate::kinds;
use crate::manifest;
use crate::model::{Caller, Desired, Instant, Organization, Plan, ResourceId, Scope, Snapshot};
use crate::plan;
use crate::plan::policy::Allowance;
use crate::render::{escape, problem};
use crate::sandbox;
use crate::snapshot;

/// What has to be read, by kind.
pub type Scopes = BTreeMap<&'static str, Scope>;

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
            github::annotate(&failure.diagnostics, ui);
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
    /// What the client was made of, for whoever applies.
    pub clients: Clients,
    caller: Caller,
    organization: Organization,
    backend: String,
    now: Instant,
    fixed: Option<Instant>,
    /// The most writes at once, if somebody said so.
    concurrency: Option<usize>,
    /// What decides about plans.
    pub options: plan::Options,
    /// What `--base` said.
    base: Option<String>,
    sandbox: Option<sandbox::Running>,
}

/// What is to be planned, and how.
pub struct Wanted {
    /// The manifest.
    pub desired: Desired,
    /// What the command line adds to it.
    pub options: plan::Options,
    /// What `--base` said.
    pub base: Option<String>,
    /// The only service that may be asked, if there is one.
    pub backend: Option<String>,
}

/// Connects without a manifest: to the organization of this name, or to the only one that the caller has.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn open_live(organization: Option<String>, connection: &ConnectionArgs, ui: &Ui) -> Result<Session, Exit> {
    let desired = Desired { organization: organization.unwrap_or_default(), ..Desired::default() };
    let wanted = Wanted { desired, options: plan::Options::default(), base: None, backend: None };
    connected(wanted, connection, ui).await
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
    connected(Wanted { desired, options, base: plan.base.clone(), backend: None }, connection, ui).await
}

/// Connects, and asks who the caller is. Where the manifest names no organization, it is the caller's only one.
///
/// # Errors
/// The exit code, after everything was said.
pub async fn connected(wanted: Wanted, args: &ConnectionArgs, ui: &Ui) -> Result<Session, Exit> {
    let Wanted { mut desired, options, base, backend: expected } = wanted;
    let (sandbox, target, backend) = connection::connect(args, ui).await?;
    if let Some(expected) = expected.filter(|it| *it != backend) {
        ui.error(&format!("the plan was made for {}, and this is {backend}", escape::terminal(&expected)));
        ui.say("Nothing was read from or sent to Pulumi Cloud.");
        close(sandbox, ui).await;
        return Err(Exit::Refused);
    }
    let clients = connection::clients(target, sandbox.is_some(), args, ui)?;
    let client = clients.read_client();
    let now = args.now.unwrap_or_else(clock);
    if desired.organization.is_empty() {
        match only_organization(&client, ui).await {
            Ok(name) => desired.organization = name,
            Err(exit) => {
                close(sandbox, ui).await;
                return Err(exit);
            }
        }
    }
    match snapshot::preflight(&client, &desired.organization, now).await {
        Ok((caller, organization)) => {
            ui.detail(&format!("{} as {}", desired.organization, caller.login));
            // Nothing depends on it, so that it is asked only for whoever wants to know.
            if ui.verbose {
                ui.detail(&capabilities(&client).await);
            }
            Ok(Session {
                desired,
                client,
                clients,
                caller,
                organization,
                backend,
                now,
                fixed: args.now,
                concurrency: args.concurrency,
                options,
                base,
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

/// What the service says it can do, in one line: which version somebody's own installation is.
async fn capabilities(client: &ReadClient) -> String {
    match snapshot::capabilities(client).await {
        Ok(told) => format!("the service's capabilities: {}", crate::model::name::visible(&told)),
        Err(error) => format!("the service's capabilities are not known: {}", error.reason()),
    }
}

async fn only_organization(client: &ReadClient, ui: &Ui) -> Result<String, Exit> {
    let names = snapshot::organizations(client).await.map_err(|error| {
        ui.error(&error.to_string());
        exit_of(&error)
    })?;
    match <[String; 1]>::try_from(names) {
        Ok([only]) => Ok(only),
        Err(names) => {
            let names: Vec<String> = names.iter().map(|it| format!("`{}`", crate::model::name::visible(it))).collect();
            match names.as_slice() {
                [] => ui.error("this token belongs to no organization"),
                several => {
                    ui.error(&format!(
                        "there are several organizations; name one with --organization: {}",
                        several.join(", ")
                    ));
                }
            }
            Err(Exit::Invalid)
        }
    }
}

/// The clock's moment.
pub fn clock() -> Instant {
    Instant(jiff::Timestamp::now().as_second())
}

/// How a run ends that failed at the service.
pub fn exit_of(error: &ApiError) -> Exit {
    match error.failure {
        Failure::Unauthorized | Failure::Forbidden => Exit::Denied,
        Failure::Budget { .. } => Exit::Refused,
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

/// Says which allowances accept nothing.
pub fn note_idle<'a>(allowed: impl Iterator<Item = &'a String>, plan: &Plan, ui: &Ui) {
    for allowed in allowed {
        let found = Allowance::parse(allowed).is_ok_and(|it| it.speaks_of(&plan.diagnostics));
        if !found {
            ui.say(&format!("note: `--allow {allowed}` allows nothing in this plan"));
        }
    }
}

impl Session {
    /// Reads what the plan needs and makes the plan.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn plan(&self, ui: &Ui) -> Result<Plan, Exit> {
        self.plan_and_live(ui).await.map(|it| it.0)
    }

    /// The same, with what was read.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn plan_and_live(&self, ui: &Ui) -> Result<(Plan, Snapshot), Exit> {
        let (plan, live) = self.plan_again(ui).await?;
        let (plan, live) = self.with_traces(plan, live, ui).await?;
        note_idle(self.options.allow.iter(), &plan, ui);
        Ok((plan, live))
    }

    /// The same plan, with what those leave behind whose access it takes. Where that cannot all be read the first one
    /// stays: it says that this was not counted, and is applied without it.
    async fn with_traces(&self, plan: Plan, live: Snapshot, ui: &Ui) -> Result<(Plan, Snapshot), Exit> {
        let Some(scopes) = plan::scopes_after(&plan, &self.desired, &self.organization, self.now) else {
            return Ok((plan, live));
        };
        let mut wider = self.read(scopes, ui).await?;
        if wider.unseen.len() > live.unseen.len() {
            return Ok((plan, live));
        }
        wider.requests += live.requests;
        Ok((self.plan_for(&wider), wider))
    }

    /// The same for a plan that was made before: what it was allowed with speaks of that one.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn plan_again(&self, ui: &Ui) -> Result<(Plan, Snapshot), Exit> {
        let live = self.read_with(&BTreeSet::new(), ui).await?;
        self.resolved(&live, ui)?;
        let plan = self.plan_for(&live);
        let unknown: Vec<&ResourceId> = self.options.targets.iter().filter(|it| !self.is_known(it, &live)).collect();
        for target in &unknown {
            ui.error(&format!("`--target {target}` is nothing that the manifest or the organization knows"));
        }
        if !unknown.is_empty() {
            return Err(Exit::Invalid);
        }
        for id in &self.options.resend {
            if !plan.all_changes().any(|it| crate::kinds::matching_id(&it.id) == *id) {
                ui.say(&format!("note: `--resend {id}` sends nothing: it is not live, or has nothing to send again"));
            }
        }
        Ok((plan, live))
    }

    /// What was to be sent again has been sent: later plans ask for it no more.
    pub fn sent(&mut self) {
        self.options.resend.clear();
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
        let mistakes = unresolved(&self.desired, live);
        if mistakes.is_empty() {
            return Ok(());
        }
        ui.problems(&problem::text(&mistakes, &self.desired.files, 20));
        github::annotate(&mistakes, ui);
        ui.say("Nothing was changed.");
        Err(Exit::Invalid)
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
        output::command(plan, self.base.as_deref(), &self.options)
    }

    /// Reads what the manifest needs, and every object of some kinds in full.
    ///
    /// # Errors
    /// The exit code, after everything was said.
    pub async fn read_with(&self, kinds: &BTreeSet<&'static str>, ui: &Ui) -> Result<Snapshot, Exit> {
        self.read(plan::scopes_with(&self.desired, &self.organization, self.now, kinds), ui).await
    }

    async fn read(&self, scopes: Scopes, ui: &Ui) -> Result<Snapshot, Exit> {
        let caller = self.caller.clone();
        let rested = std::cell::Cell::new(false);
        let progress = |it: snapshot::Progress| {
            for warning in &it.warnings {
                ui.say(&format!("{} warns: {}", self.name(), escape::terminal(warning)));
            }
            if let Some(remark) = &it.remark {
                ui.detail(&escape::terminal(remark));
            }
            let rest = it.rest.as_secs();
            if rest > 0 && !rested.replace(true) {
                ui.say(&format!("{} asks for a rest; going on in {}", self.name(), count(rest as usize, "second")));
            }
            rested.set(rested.get() && rest > 0);
        };
        let read = snapshot::read(
            &self.client,
            &self.desired.organization,
            scopes,
            caller,
            self.organization.clone(),
            self.now,
            &progress,
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
        let (name, requests) = (self.name(), count(live.requests, "request"));
        if counts.is_empty() {
            ui.say(&format!("Read {name} with {requests}"))
        } else {
            ui.say(&format!("Read {name} with {requests}: {}", counts.join(", ")))
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

    /// What the organization is, as it was told last.
    pub fn organization(&self) -> &Organization {
        &self.organization
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

/// References to what is certainly not there: mistakes that only the live organization can tell.
pub fn unresolved(desired: &Desired, live: &Snapshot) -> Vec<crate::model::Diagnostic> {
    let mut found = manifest::unresolved(desired, |id| exists(live, id));
    found.retain(|it| it.severity == crate::model::Severity::Error);
    found
}

/// Whether something is live, if that is known.
pub fn exists(live: &Snapshot, id: &ResourceId) -> Option<bool> {
    let state = live.kind(&id.kind);
    let key = crate::kinds::matching_key(&id.kind, &id.name);
    if live.has(id, &key) {
        return Some(true);
    }
    if state.unknown_objects.contains_key(&key) {
        return None;
    }
    (state.read && state.incomplete.is_none()).then_some(false)
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

#[cfg(test)]
mod tests {
    use super::exit_of;
    use crate::api::{ApiError, Failure};
    use crate::cli::exit::Exit;

    #[test]
    fn a_service_that_does_not_answer_has_failed() {
        let failure = Failure::Timeout { what: "nothing came".to_owned(), maybe_applied: false };
        assert_eq!(exit_of(&ApiError::new(failure, "GET", "/api/user")), Exit::Service);
    }
}
