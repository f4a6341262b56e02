//! Services as the service answers them: a paged list without items, and a paged answer for each wanted one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kinds::{self, Finished, Reader, things};
use crate::model::{Covers, LiveObject, Read, Scope, Snapshot};

/// How many entries a page is asked for: the most the service allows.
pub(super) const PAGE: &str = "1000";

/// What an item can be.
const ITEMS: [&str; 2] = ["stack", "environment"];

/// Reads the services, and the items of those that are wanted.
pub(super) struct ServiceReader {
    scope: Scope,
    listed: Vec<Record>,
    /// `OWNER/NAME` of each.
    names: BTreeSet<String>,
    detailed: BTreeMap<String, (Record, Vec<Item>)>,
    /// What items can be, as an import reads it: ids and names, by word. One that could not be read is not here.
    things: BTreeMap<&'static str, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Services {
    services: Vec<Record>,
}

#[derive(Deserialize)]
struct Detail {
    service: Record,
    items: Vec<Item>,
}

#[derive(Clone, Deserialize)]
struct Record {
    owner: Party,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    members: Option<Vec<Party>>,
    #[serde(default)]
    properties: Option<Vec<Property>>,
}

#[derive(Clone, Deserialize, PartialEq)]
struct Party {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

#[derive(Clone, Deserialize)]
struct Property {
    key: String,
    #[serde(default)]
    value: Value,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    order: i64,
}

#[derive(Clone, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

impl ServiceReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, listed: Vec::new(), names: BTreeSet::new(), detailed: BTreeMap::new(), things: BTreeMap::new() }
    }
}

impl Reader for ServiceReader {
    fn start(&mut self) -> Vec<Read> {
        let path = kinds::org_path(&self.scope.organization.name, ["services"]);
        let mut reads = vec![Read::whole("services", path).paged().query("maxResults", PAGE)];
        if self.scope.imported {
            for word in ITEMS {
                self.things.insert(word, BTreeMap::new());
                reads.extend(things::list(word, &self.scope.organization.name).map(|it| Read {
                    tag: word.to_owned(),
                    covers: Covers::Nothing,
                    ..it
                }));
            }
        }
        reads
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        if let Some(name) = read.tag.strip_prefix("service ") {
            let Detail { service, items } = kinds::page(body)?;
            if service.name != name {
                return Err(format!("asked for the service `{name}`, and was told of `{}`", service.name));
            }
            let entry = self.detailed.entry(name.to_owned()).or_insert_with(|| (service, Vec::new()));
            entry.1.extend(items);
            return Ok(Vec::new());
        }
        if let Some(known) = self.things.get_mut(read.tag.as_str()) {
            known.extend(things::ids_and_names(&read.tag, body)?);
            return Ok(Vec::new());
        }
        let mut reads = Vec::new();
        for record in kinds::page::<Services>(body)?.services {
            // A list that moves while it is read shows an entry twice.
            if !self.names.insert(format!("{}/{}/{}", record.owner.kind, record.owner.name, record.name)) {
                continue;
            }
            if self.scope.wants(&record.name) {
                let rest = ["services", &record.owner.kind, &record.owner.name, &record.name];
                let path = kinds::org_path(&self.scope.organization.name, rest);
                let read = Read::whole(format!("service {}", record.name), path).paged().query("maxResults", PAGE);
                reads.push(read.of(&record.name));
            }
            self.listed.push(record);
        }
        Ok(reads)
    }

    fn lost(&mut self, read: &Read) {
        self.things.remove(read.tag.as_str());
    }

    fn finish(self: Box<Self>, _before: &Snapshot) -> Finished {
        let Self { scope, listed, mut detailed, mut things, .. } = *self;
        let org = scope.organization.name;
        let prefix = format!("{org}/");
        let mut prefixed = false;
        let mut objects = Vec::new();
        for outline in listed {
            match detailed.remove(&outline.name) {
                Some((record, items)) => {
                    prefixed |=
                        items.iter().any(|it| it.name.matches('/').count() == 2 && it.name.starts_with(&prefix));
                    objects.push(live(record, Some(items), &prefix));
                }
                None if scope.everything
                    || scope.declared.contains_key(&outline.name)
                    || scope.doomed.contains_key(&outline.name) => {}
                None => objects.push(live(outline, None, &prefix)),
            }
        }
        let mut facts = Map::from_iter([("prefixedItems".to_owned(), json!(prefixed))]);
        for word in ITEMS {
            if let Some(known) = things.remove(word) {
                facts.insert(format!("{word}s"), things::by_name(true, known));
            }
        }
        Finished { objects, facts: facts.into(), ..Finished::default() }
    }
}

fn live(record: Record, items: Option<Vec<Item>>, prefix: &str) -> LiveObject {
    let mut properties = record.properties.unwrap_or_default();
    properties.sort_by_key(|it| it.order);
    let properties: Vec<Value> = properties
        .into_iter()
        .map(|it| {
            let value = match it.value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            match it.kind.filter(|it| it != "string") {
                Some(kind) => json!({"key": it.key, "value": value, "type": kind}),
                None => json!({"key": it.key, "value": value}),
            }
        })
        .collect();
    let mut spec = Map::new();
    spec.insert("owner".to_owned(), json!(format!("{}/{}", record.owner.kind, record.owner.name)));
    spec.insert("description".to_owned(), json!(record.description.unwrap_or_default()));
    spec.insert("properties".to_owned(), json!(properties));
    let outline = items.is_none();
    let (mut stacks, mut environments, mut wire, mut foreign) = (Vec::new(), Vec::new(), Map::new(), Vec::new());
    for item in items.unwrap_or_default() {
        // Some organizations list items as ORG/PROJECT/NAME, some as PROJECT/NAME: one and the same (CONTRACT D15).
        let short = match item.name.strip_prefix(prefix) {
            Some(rest) if rest.contains('/') => rest,
            _ => &item.name,
        };
        match item.kind.as_str() {
            "stack" => stacks.push(short.to_owned()),
            "environment" => environments.push(short.to_owned()),
            _ => {
                foreign.push(json!({"type": item.kind, "name": item.name}));
                continue;
            }
        }
        wire.insert(format!("{}s/{short}", item.kind), json!(item.name));
    }
    if !outline {
        stacks.sort();
        stacks.dedup();
        environments.sort();
        environments.dedup();
        spec.insert("items".to_owned(), json!({"stacks": stacks, "environments": environments}));
    }
    let others: Vec<String> = record
        .members
        .unwrap_or_default()
        .into_iter()
        .filter(|it| *it != record.owner)
        .map(|it| format!("{}/{}", it.kind, it.name))
        .collect();
    LiveObject {
        name: record.name,
        spec: Value::Object(spec),
        facts: json!({"items": wire, "foreignItems": foreign, "members": others}),
        outline,
        ..LiveObject::default()
    }
}
