//! Teams as the service answers them: a list without details, and one answer for each team that is wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kinds::token;
use crate::kinds::{self, Finished, Reader};
use crate::model::node::pointer_part;
use crate::model::{Duration, LiveObject, Read, Scope, Snapshot};

/// Reads the teams, and the tokens of those that shall go.
pub(super) struct TeamReader {
    scope: Scope,
    listed: Vec<Record>,
    detailed: BTreeMap<String, Record>,
    /// By team, the tokens that would go with it, and when each was used last.
    tokens: BTreeMap<String, BTreeMap<String, Option<i64>>>,
}

#[derive(Deserialize)]
struct Teams {
    teams: Vec<Record>,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    name: String,
    #[serde(default)]
    last_used: Value,
}

/// Lists may be left out, and are empty then; one that is null says nothing, and is `None`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(default)]
    kind: String,
    name: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "none_of_them")]
    members: Option<Vec<Person>>,
    #[serde(default = "none_of_them")]
    stacks: Option<Vec<StackGrant>>,
    #[serde(default = "none_of_them")]
    environments: Option<Vec<EnvironmentGrant>>,
    #[serde(default = "none_of_them")]
    role_ids: Option<Vec<String>>,
    #[serde(default)]
    list_members_error: Option<String>,
}

fn none_of_them<T>() -> Option<Vec<T>> {
    Some(Vec::new())
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    github_login: String,
    #[serde(default)]
    role: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StackGrant {
    project_name: String,
    stack_name: String,
    permission: i64,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentGrant {
    project_name: String,
    env_name: String,
    permission: String,
    #[serde(default)]
    max_open_duration: Option<String>,
}

impl TeamReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, listed: Vec::new(), detailed: BTreeMap::new(), tokens: BTreeMap::new() }
    }
}

impl Reader for TeamReader {
    fn start(&mut self) -> Vec<Read> {
        vec![Read::whole("teams", kinds::org_path(&self.scope.organization.name, ["teams"]))]
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        let org = &self.scope.organization.name;
        if let Some(name) = read.tag.strip_prefix("team ") {
            let record: Record = kinds::page(body)?;
            if record.name != name {
                return Err(format!("asked for the team `{name}`, and was told of `{}`", record.name));
            }
            self.detailed.insert(name.to_owned(), record);
            return Ok(Vec::new());
        }
        if let Some(name) = read.tag.strip_prefix("tokens of ") {
            let tokens = kinds::page::<Tokens>(body)?.tokens;
            let names = tokens.into_iter().map(|it| (it.name, token::moment(&it.last_used)));
            // A list that moves while it is read shows an entry twice; so it is with every list below.
            self.tokens.entry(name.to_owned()).or_default().extend(names);
            return Ok(Vec::new());
        }
        let mut seen = BTreeSet::new();
        self.listed = kinds::page::<Teams>(body)?.teams;
        self.listed.retain(|it| seen.insert(it.name.clone()));
        let mut reads = Vec::new();
        for Record { name, kind, .. } in self.listed.iter().filter(|it| self.scope.wants(&it.name)) {
            reads.push(Read::whole(format!("team {name}"), kinds::org_path(org, ["teams", name])).of(name));
            // A team that goes takes its tokens with it; whoever reviews that has to see them.
            let declared = self.scope.declared.get(name);
            let anew = declared.and_then(|it| it["kind"].as_str()).is_some_and(|it| it != kind);
            if anew || self.scope.doomed.contains_key(name) || (self.scope.pruned && declared.is_none()) {
                let path = kinds::org_path(org, ["teams", name, "tokens"]);
                reads.push(Read::whole(format!("tokens of {name}"), path).paged().query("filter", "active").of(name));
            }
        }
        Ok(reads)
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let Self { scope, listed, mut detailed, mut tokens } = *self;
        let (mut objects, mut unknown) = (Vec::new(), BTreeMap::new());
        for outline in listed {
            let wanted = scope.wants(&outline.name);
            let tokens = tokens.remove(&outline.name).unwrap_or_default();
            match detailed.remove(&outline.name) {
                Some(Record { name, members, stacks, environments, role_ids, .. })
                    if members.is_none() || stacks.is_none() || environments.is_none() || role_ids.is_none() =>
                {
                    unknown.insert(name, "a list of it is null".to_owned());
                }
                Some(record) => objects.push(live(record, tokens, before)),
                // A wanted team without its detail is unknown; the reading has said so already.
                None if wanted => {}
                None => objects.push(LiveObject { outline: true, ..live(outline, tokens, before) }),
            }
        }
        Finished { objects, unknown, ..Finished::default() }
    }
}

fn live(record: Record, tokens: BTreeMap<String, Option<i64>>, before: &Snapshot) -> LiveObject {
    let (mut unknown, mut inherent) = (BTreeSet::new(), BTreeSet::new());
    let mut spec = Map::new();
    let mut people = record.members.unwrap_or_default();
    let mut seen = BTreeSet::new();
    people.retain(|it| seen.insert(it.github_login.clone()));
    // In which order the service tells them means nothing, and the same team makes the same plan.
    people.sort_by_cached_key(|it| (it.github_login.to_lowercase(), it.github_login.clone()));
    let logins: Vec<&str> = people.iter().map(|it| it.github_login.as_str()).collect();
    spec.insert("kind".to_owned(), json!(record.kind));
    spec.insert("displayName".to_owned(), json!(record.display_name.as_deref().unwrap_or(&record.name)));
    spec.insert("description".to_owned(), json!(record.description.unwrap_or_default()));
    if record.list_members_error.as_ref().is_some_and(|it| !it.is_empty()) {
        // The service could not ask whoever knows; an empty list here means nothing.
        unknown.extend(["/members".to_owned(), "/admins".to_owned()]);
    } else if record.kind != "github" {
        // Over SCIM people come and go; who of them administers the team is decided here.
        if record.kind == "pulumi" {
            spec.insert("members".to_owned(), json!(logins));
        }
        let admins: Vec<&str> =
            people.iter().filter(|it| it.role.as_deref() == Some("admin")).map(|it| it.github_login.as_str()).collect();
        spec.insert("admins".to_owned(), json!(admins));
    }
    let role_ids = BTreeSet::from_iter(record.role_ids.unwrap_or_default());
    match role_of(&Vec::from_iter(role_ids), before) {
        Some(role) => {
            spec.insert("role".to_owned(), json!(role));
        }
        None => {
            unknown.insert("/role".to_owned());
        }
    }
    let mut stacks = BTreeMap::new();
    for grant in record.stacks.unwrap_or_default() {
        // 104 is the creator's own and comes with the stack; 0 is nothing. What else there may be is
        // not ours to judge, so that it makes the field unknown.
        let name = format!("{}/{}", grant.project_name, grant.stack_name);
        let permission = match grant.permission {
            0 => continue,
            104 => {
                inherent.insert(format!("/stacks/{}", pointer_part(&name)));
                continue;
            }
            101 => "read",
            102 => "write",
            103 => "admin",
            _ => {
                unknown.insert("/stacks".to_owned());
                continue;
            }
        };
        stacks.insert(name, json!(permission));
    }
    let mut environments = BTreeMap::new();
    for grant in record.environments.unwrap_or_default() {
        match grant.permission.as_str() {
            "none" | "" => continue,
            "read" | "open" | "write" | "admin" => {}
            _ => {
                unknown.insert("/environments".to_owned());
                continue;
            }
        }
        let mut value = json!({"permission": grant.permission});
        if let Some(longest) =
            grant.max_open_duration.and_then(|it| it.parse::<Duration>().ok()).filter(|it| it.seconds > 0)
        {
            value["maxOpenDuration"] = json!(longest);
        }
        environments.insert(format!("{}/{}", grant.project_name, grant.env_name), value);
    }
    spec.insert("stacks".to_owned(), Map::from_iter(stacks).into());
    spec.insert("environments".to_owned(), Map::from_iter(environments).into());
    let known = matches!(record.kind.as_str(), "pulumi" | "github" | "scim");
    LiveObject {
        name: record.name,
        facts: json!({"people": logins, "tokens": tokens}),
        spec: Value::Object(spec),
        unknown,
        inherent,
        outline: false,
        awaited: None,
        managed_by: (!known)
            .then(|| format!("something this version does not know (a team of kind `{}`)", record.kind)),
        protected: match record.kind.as_str() {
            "pulumi" | "github" => None,
            "scim" => Some("the identity provider manages it over SCIM".to_owned()),
            other => Some(format!("what a team of kind `{other}` is, this version does not know")),
        },
    }
}

/// The team's one role by name, `none` without one; nothing when it has several or one nobody can name.
fn role_of(ids: &[String], before: &Snapshot) -> Option<String> {
    match ids {
        [] => Some("none".to_owned()),
        [id] => before.kind("role").objects.values().find(|it| it.facts["id"] == *id).map(|it| it.name.clone()),
        _ => None,
    }
}
