//! Roles as the service answers them, and as a person would have written them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kinds::member::BUILT_IN_ROLES;
use crate::kinds::role::{power, tree};
use crate::kinds::token::logical_name;
use crate::kinds::{self, Finished, Reader, things};
use crate::model::{LiveObject, Paging, Read, Scope, Snapshot};

/// Reads the custom roles; the built-in ones come with them, and are needed to resolve names to ids.
pub(super) struct RoleReader {
    scope: Scope,
    records: Vec<Record>,
    /// Names by id.
    stacks: BTreeMap<String, String>,
    environments: BTreeMap<String, String>,
    asked: (bool, bool),
    /// By the role's name: `member/alice`, `team/web`, `token/ci`.
    holders: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Roles {
    roles: Vec<Record>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    details: Value,
    // Empty for custom roles.
    #[serde(default, deserialize_with = "kinds::told")]
    default_identifier: Option<String>,
    #[serde(default)]
    is_org_default: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stacks {
    #[serde(default)]
    stacks: Option<Vec<Stack>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stack {
    #[serde(default)]
    id: String,
    project_name: String,
    stack_name: String,
}

#[derive(Deserialize)]
struct Environments {
    #[serde(default)]
    environments: Option<Vec<Environment>>,
}

#[derive(Deserialize)]
struct Environment {
    #[serde(default)]
    id: String,
    #[serde(default)]
    project: Option<String>,
    name: String,
}

#[derive(Deserialize)]
struct Holders {
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    teams: Vec<Named>,
    #[serde(default)]
    tokens: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    github_login: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl RoleReader {
    /// Who has the roles that shall go, because the service refuses to delete a role that somebody has; those that
    /// shall let people make administrators; and those that may come to permit less, to the caller perhaps.
    fn holder_reads(&self) -> Vec<Read> {
        let org = &self.scope.organization.name;
        let going = |name: &String| {
            self.scope.doomed.contains_key(name) || (self.scope.pruned && !self.scope.declared.contains_key(name))
        };
        let mut reads = Vec::new();
        let asked = |it: &&Record| going(&it.name) || self.gains_power(it) || self.is_narrowed(it);
        for record in self.records.iter().filter(|it| it.default_identifier.is_none()).filter(asked) {
            for (kind, list) in [("member", "users"), ("team", "teams"), ("token", "tokens")] {
                let path = kinds::org_path(org, ["roles", &record.id, list]);
                reads.push(Read::whole(format!("holders {kind} {}", record.name), path).of(&record.name));
            }
        }
        reads
    }

    /// Whether a role may come to decide who administers the organization, and does not yet.
    fn gains_power(&self, record: &Record) -> bool {
        self.scope.declared.get(&record.name).is_some_and(power::may_empower) && !power::may_empower(&record.details)
    }

    /// Whether the manifest leaves out something that a role permits.
    fn is_narrowed(&self, record: &Record) -> bool {
        let declared = self.scope.declared.get(&record.name);
        declared.is_some_and(|it| power::may_narrow(&record.details, it))
    }

    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            records: Vec::new(),
            stacks: BTreeMap::new(),
            environments: BTreeMap::new(),
            asked: (false, false),
            holders: BTreeMap::new(),
        }
    }

    /// The lists that turn the ids of a tree into names, each asked for once, and only when a tree needs it.
    fn look_ups(&mut self, stacks: bool, environments: bool) -> Vec<Read> {
        let org = &self.scope.organization.name;
        let mut reads = Vec::new();
        if stacks && !self.asked.0 {
            self.asked.0 = true;
            reads.push(stack_list(org));
        }
        if environments && !self.asked.1 {
            self.asked.1 = true;
            reads.push(environment_list(org));
        }
        reads
    }
}

/// Whether a custom role has a name that stands for something else wherever a manifest names a role.
fn is_taken(name: &str) -> bool {
    name == "none" || BUILT_IN_ROLES.iter().any(|it| it.0 == name)
}

/// The stacks that the caller can see.
pub(crate) fn stack_list(org: &str) -> Read {
    Read::whole("stacks", ["api", "user", "stacks"]).paged().query("organization", org)
}

/// The environments that the caller can see.
pub(crate) fn environment_list(org: &str) -> Read {
    let mut read = Read::whole("environments", ["api", "esc", "environments", org]);
    read.paging = Paging::NextToken;
    read
}

/// The ids and names of a page of stacks.
pub(crate) fn stack_names(body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let stacks = kinds::page::<Stacks>(body)?.stacks.ok_or("an answer without `stacks`")?;
    Ok(stacks.into_iter().map(|it| (it.id, format!("{}/{}", it.project_name, it.stack_name))).collect())
}

/// The ids and names of a page of environments.
pub(crate) fn environment_names(body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let environments = kinds::page::<Environments>(body)?.environments.ok_or("an answer without `environments`")?;
    let name = |it: &Environment| format!("{}/{}", it.project.as_deref().unwrap_or("default"), it.name);
    Ok(environments.into_iter().map(|it| (it.id.clone(), name(&it))).collect())
}

impl Reader for RoleReader {
    fn start(&mut self) -> Vec<Read> {
        let org = &self.scope.organization.name;
        // Without this parameter the service answers 400 (CONTRACT D12).
        let mut reads = vec![Read::whole("roles", kinds::org_path(org, ["roles"])).query("uxPurpose", "role")];
        let uses = |field: &str| {
            let grants = self.scope.declared.values().filter_map(|it| it.get("grants")?.as_array());
            grants.flatten().any(|it| it.get(field).is_some())
        };
        let (stacks, environments) = (uses("stacks"), uses("environments"));
        reads.extend(self.look_ups(stacks, environments));
        reads
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        if let Some((kind, name)) = read.tag.strip_prefix("holders ").and_then(|it| it.split_once(' ')) {
            let page: Holders = kinds::page(body)?;
            let names = page.users.into_iter().map(|it| it.github_login);
            let names = names.chain(page.teams.into_iter().map(|it| it.name));
            let names = names.chain(page.tokens.iter().map(|it| logical_name(&it.name).0.to_owned()));
            self.holders.entry(name.to_owned()).or_default().extend(names.map(|it| format!("{kind}/{it}")));
            return Ok(Vec::new());
        }
        match read.tag.as_str() {
            "stacks" => {
                self.stacks.extend(stack_names(body)?);
                Ok(Vec::new())
            }
            "environments" => {
                self.environments.extend(environment_names(body)?);
                Ok(Vec::new())
            }
            _ => {
                self.records = kinds::page::<Roles>(body)?.roles;
                let wanted: Vec<Value> =
                    self.records.iter().filter(|it| self.scope.wants(&it.name)).map(|it| it.details.clone()).collect();
                let (stacks, environments) = (
                    wanted.iter().any(|it| tree::mentions(it, tree::STACK_LITERAL)),
                    wanted.iter().any(|it| tree::mentions(it, tree::ENVIRONMENT_LITERAL)),
                );
                let mut reads = self.look_ups(stacks, environments);
                reads.extend(self.holder_reads());
                Ok(reads)
            }
        }
    }

    fn finish(mut self: Box<Self>, _before: &Snapshot) -> Finished {
        let by_default =
            self.records.iter().find(|it| it.is_org_default && (self.gains_power(it) || self.is_narrowed(it)));
        if let Some(name) = by_default.map(|it| it.name.clone()) {
            // Whoever has it because they were given no other is not listed (CONTRACT 3.4).
            self.holders.entry(name).or_default().push("settings".to_owned());
        }
        let Self { scope, records, stacks, environments, asked, mut holders } = *self;
        let names = tree::Names { stacks: &stacks, environments: &environments };
        let mut objects = Vec::new();
        for record in &records {
            let facts = json!({
                "id": record.id, "name": record.name, "builtIn": record.default_identifier, "details": record.details,
                "holders": holders.remove(&record.name).unwrap_or_default(),
            });
            if let Some(built_in) = &record.default_identifier {
                objects.push(LiveObject {
                    name: built_in.clone(),
                    spec: json!({}),
                    facts,
                    managed_by: Some("Pulumi Cloud, as a built-in role".to_owned()),
                    protected: Some("it is a built-in role".to_owned()),
                    ..LiveObject::default()
                });
                continue;
            }
            // Its name means something else in a manifest, so that it goes under one that nobody can write.
            if is_taken(&record.name) {
                objects.push(LiveObject {
                    name: format!("custom/{}", record.name),
                    spec: json!({}),
                    facts,
                    managed_by: Some("whoever gave it a name that means something else here".to_owned()),
                    ..LiveObject::default()
                });
                continue;
            }
            let mut spec = Map::new();
            spec.insert("description".to_owned(), json!(record.description.clone().unwrap_or_default()));
            if !record.details.is_null() {
                // Whoever wrote the tree word for word is compared word for word.
                let verbatim = scope.declared.get(&record.name).is_some_and(|it| it.get("details").is_some());
                let (field, value) =
                    if verbatim { ("details", record.details.clone()) } else { tree::read(&record.details, &names) };
                spec.insert(field.to_owned(), value);
            }
            objects.push(LiveObject {
                name: record.name.clone(),
                spec: kinds::canonical::<super::RoleSpec>(Value::Object(spec.clone()))
                    .map_or(Value::Object(spec), |it| tree::sorted(&it)),
                facts,
                outline: !scope.wants(&record.name),
                protected: record.is_org_default.then(|| "it is the organization's default role".to_owned()),
                ..LiveObject::default()
            });
        }
        Finished {
            objects,
            facts: json!({"stacks": things::by_name(asked.0, stacks), "environments": things::by_name(asked.1, environments)}),
            ..Finished::default()
        }
    }
}
