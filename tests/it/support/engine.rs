//! The pipeline without the shell: text in, plan out, applied over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use bylaws::api::{self, ApiError, Clients, ReadClient};
use bylaws::apply::{self, Means, Secrets, Sinks};
use bylaws::model::node::Key;
use bylaws::model::{Desired, Entry, Instant, Node, Outcome, Plan, Report, ResourceId, Scope, Secret, Snapshot, Span};
use bylaws::sandbox::Running;
use bylaws::{kinds, manifest, plan, snapshot};

use super::NOW_SECONDS;

/// What every environment variable holds here.
pub const ENVIRONMENT_SECRET: &str = "a-secret-of-the-environment";

/// A client of one service.
pub struct Engine {
    client: ReadClient,
    clients: Clients,
    org: String,
    folder: tempfile::TempDir,
}

impl Engine {
    pub fn new(service: &Running) -> Self {
        Self::with(service, api::Options::default())
    }

    /// A client that waits as long as a test can afford.
    pub fn with(service: &Running, options: api::Options) -> Self {
        let inputs = api::Inputs {
            flag: Some(service.url()),
            access_token: Some(Secret::new("pul-sandbox".to_owned())),
            ..api::Inputs::default()
        };
        let directory_token = Some(Arc::new(Secret::new("scim-sandbox".to_owned())));
        let options = api::Options { directory_token, ..options };
        let clients = Clients::new(api::choose(&inputs).unwrap(), options).unwrap();
        Self {
            client: clients.read_client(),
            clients,
            org: service.state().organization.slug,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Everything that the kinds can read.
    pub async fn read_everything(&self) -> Snapshot {
        self.read(&|scopes| {
            for scope in scopes.values_mut() {
                scope.everything = true;
            }
        })
        .await
    }

    async fn read(&self, want: &dyn Fn(&mut BTreeMap<&'static str, Scope>)) -> Snapshot {
        let now = Instant(NOW_SECONDS);
        let (caller, organization) = snapshot::preflight(&self.client, &self.org, now).await.unwrap();
        let mut scopes = plan::scopes(&Desired::default(), &organization, now);
        want(&mut scopes);
        snapshot::read(&self.client, &self.org, scopes, caller, organization, now, &|_| {}).await.unwrap()
    }

    /// The plan for a manifest, from a fresh reading.
    pub async fn plan(&self, desired: &Desired) -> Plan {
        self.try_plan(desired).await.unwrap()
    }

    /// The same, or why there is none. The service's port is not in it, so that plans of two services can be compared.
    pub async fn try_plan(&self, desired: &Desired) -> Result<Plan, ApiError> {
        self.plan_with(desired, &plan::Options { directory_writes: true, ..plan::Options::default() }).await
    }

    async fn plan_with(&self, desired: &Desired, options: &plan::Options) -> Result<Plan, ApiError> {
        let now = Instant(NOW_SECONDS);
        let (caller, organization) = snapshot::preflight(&self.client, &self.org, now).await?;
        let scopes = plan::scopes(desired, &organization, now);
        let mut live = snapshot::read(&self.client, &self.org, scopes, caller, organization, now, &|_| {}).await?;
        live.backend = "sandbox".to_owned();
        Ok(plan::plan(desired, &live, options))
    }

    /// The plan with every danger allowed that its own help says how to allow.
    pub async fn plan_allowing(&self, desired: &Desired) -> Plan {
        let plan = self.plan(desired).await;
        let open = plan.diagnostics.iter().filter(|it| it.blocking);
        let named = open.filter_map(|it| it.help.as_deref()?.split_once("--allow ").map(|it| it.1.to_owned()));
        let options = plan::Options { allow: named.collect(), ..plan::Options::default() };
        if options.allow.is_empty() { plan } else { self.plan_with(desired, &options).await.unwrap() }
    }

    /// Carries a plan out.
    pub async fn apply(&self, plan: &Plan) -> Report {
        let sinks = Sinks::open(self.folder.path(), apply::addresses(plan).into_iter()).unwrap();
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let secrets =
            Secrets::look_up(apply::variables(plan).into_iter(), |_| Some(Secret::new(ENVIRONMENT_SECRET.to_owned())));
        let means = Means {
            sinks,
            secrets: secrets.unwrap(),
            given: apply::Given::new(),
            concurrency: apply::CONCURRENCY,
            now: Box::new(|| Instant(NOW_SECONDS)),
            nonce: Box::new(apply::secure_nonce),
            pause: bylaws::apply::PAUSE,
            stop: stopped,
        };
        apply::run(plan, &self.clients.write_client(), means, &|_| {}).await
    }
}

/// A manifest from one text.
pub fn desired(text: &str) -> Desired {
    match manifest::load(vec![("bylaws.yaml".to_owned(), text.as_bytes().to_vec())]) {
        Ok(desired) => desired,
        Err(failure) => panic!("{text}\n{:#?}", failure.diagnostics),
    }
}

/// The manifest that says exactly what is live: what an import would write.
pub fn as_it_is(live: &Snapshot) -> Desired {
    let mut desired = Desired { organization: live.organization.name.clone(), ..Desired::default() };
    for kind in kinds::ALL {
        let word = kind.facts().word;
        for object in live.kind(word).objects.values().filter(|it| it.managed_by.is_none()) {
            assert!(!object.outline, "{word}/{} was only listed", object.name);
            let id = ResourceId::new(word, object.name.clone());
            let key = Key { text: object.name.as_str().into(), span: Span::default() };
            let node = Node::from_value(&object.spec, Span::default());
            desired.entries.insert(id.clone(), Entry { id, key, node, protect: false, renamed_from: None });
        }
    }
    desired
}

/// Every step of a report that was not done, for the message of a failure.
pub fn failures(report: &Report) -> Vec<String> {
    let failed = report.steps.iter().filter(|it| !matches!(it.outcome, Outcome::Done { .. }));
    failed.map(|it| format!("{} {}: {:?}", it.id, it.what, it.outcome)).collect()
}
