//! One pair: what is live, what is wanted, and how it is planned; all of it comes back from its seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use bylaws::manifest;
use bylaws::model::{Base, Desired, Plan, Snapshot};
use bylaws::plan::{self, Options};
use bylaws::sandbox::State;
use serde_json::{Value, json};

use super::dice::Dice;
use super::service::{Service, Troubles};
use super::{draft, laws, wanted};

/// A manifest, and what the loader made of it.
pub struct Manifest {
    pub head: Value,
    pub base: Option<Value>,
    pub desired: Desired,
}

/// What is live, and what is wanted.
pub struct Pair<'a> {
    pub state: &'a State,
    pub head: &'a Value,
    pub base: Option<&'a Value>,
    pub desired: &'a Desired,
    pub options: Options,
    /// The person who applies; nobody where a machine does.
    pub caller: Option<String>,
}

/// A manifest of one text; an error says what is wrong with it.
pub fn loaded(text: &str) -> Result<Desired, String> {
    load(vec![("bylaws.yaml".to_owned(), text.as_bytes().to_vec())])
}

fn load(files: Vec<(String, Vec<u8>)>) -> Result<Desired, String> {
    manifest::load(files).map_err(|failure| {
        let found = failure.diagnostics.iter().map(|it| format!("{} {}", it.code, it.message));
        found.collect::<Vec<_>>().join("; ")
    })
}

fn text(manifest: &Value) -> String {
    serde_yaml::to_string(manifest).unwrap()
}

fn files(manifest: &Value) -> Vec<(String, Vec<u8>)> {
    vec![("bylaws.yaml".to_owned(), text(manifest).into_bytes())]
}

impl Manifest {
    /// A manifest as it is written.
    pub fn written(head: Value, base: Option<Value>) -> Result<Self, String> {
        let mut desired = load(files(&head))?;
        if let Some(base) = &base {
            desired.base = Some(Arc::new(Base {
                desired: load(files(base))?,
                shown: "main@0000000".to_owned(),
                ..Base::default()
            }));
        }
        Ok(Self { head, base, desired })
    }

    /// A manifest for organizations that come of this draft.
    pub fn of(dice: &mut Dice, origin: &Value) -> Result<Self, String> {
        let changed = draft::changed(dice, origin);
        let wanted::Wanted { head, base } = wanted::manifest(dice, &changed, origin);
        Self::written(head, base)
    }
}

impl<'a> Pair<'a> {
    /// A manifest for the organization that the service has, and what comes of it; nothing where it refers to
    /// what is not there.
    pub fn of(
        dice: &mut Dice,
        service: &Service,
        state: &'a State,
        manifest: &'a Manifest,
    ) -> Option<(Self, Snapshot, Plan)> {
        let Manifest { head, base, desired } = manifest;
        // Who is in the directory is in the organization: pruned there and declared here, it never ends.
        let directory_writes = head["prune"]["members"] != true && dice.chance(60);
        let mut options = Options { directory_writes, ..Options::default() };
        let read = service.read(desired, &Troubles::default());
        if laws::refers_to_nothing(desired, &read) {
            return None;
        }
        let mut plan = plan::plan(desired, &read, &options);
        if dice.chance(50) {
            options.allow = allowances(&plan);
            if !options.allow.is_empty() {
                plan = plan::plan(desired, &read, &options);
            }
        }
        let caller = read.caller.token.is_none().then(|| read.caller.login.to_lowercase());
        Some((Self { state, head, base: base.as_ref(), desired, options, caller }, read, plan))
    }

    /// The same manifest in other files, its keys and its files in another order.
    pub fn desired_in_another_order(&self, dice: &mut Dice) -> Result<Desired, String> {
        let mut parts = vec![json!({"organization": "acme"}), json!({}), json!({})];
        for (section, value) in dice.reordered(self.head).as_object().into_iter().flatten() {
            match (section.as_str(), value) {
                ("organization", _) => {}
                ("roles" | "members" | "teams" | "services" | "tokens", Value::Object(entries)) => {
                    for (name, entry) in entries {
                        parts[dice.below(3)][section][name] = entry.clone();
                    }
                }
                _ => parts[dice.below(3)][section] = value.clone(),
            }
        }
        parts.retain(|it| it.as_object().is_some_and(|it| !it.is_empty()));
        dice.shuffle(&mut parts);
        let files = parts.iter().enumerate().map(|(index, it)| (format!("{index}.yaml"), text(it).into_bytes()));
        let mut desired = load(files.collect())?;
        desired.base.clone_from(&self.desired.base);
        Ok(desired)
    }

    /// Everything that is needed to see it again.
    pub fn told(&self) -> String {
        let base = self.base.as_ref().map(|it| format!("--- the base branch's\n{}", text(it))).unwrap_or_default();
        let live = serde_json::to_string(self.state).unwrap();
        format!("--- manifest\n{}{base}--- options\n{:?}\n--- live\n{live}", text(self.head), self.options)
    }
}

/// Whatever the plan itself says how to allow.
fn allowances(plan: &Plan) -> BTreeSet<String> {
    let open = plan.diagnostics.iter().filter(|it| it.blocking);
    open.filter_map(|it| Some(it.help.as_deref()?.split_once("--allow ")?.1.to_owned())).collect()
}
