//! Webhooks as the service answers them: one list, without their secrets.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kinds::webhook::WebhookSpec;
use crate::kinds::{self, Finished, Reader};
use crate::model::{LiveObject, Read, Scope, Snapshot};

/// Reads the webhooks.
pub(super) struct WebhookReader {
    scope: Scope,
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    name: String,
    display_name: String,
    payload_url: String,
    active: bool,
    #[serde(default, deserialize_with = "kinds::told")]
    format: Option<String>,
    #[serde(default)]
    groups: Option<BTreeSet<String>>,
    #[serde(default)]
    filters: Option<BTreeSet<String>>,
    #[serde(default)]
    has_secret: Option<bool>,
    /// Told for webhooks of a stack or an environment, which are none of the organization's.
    #[serde(default, deserialize_with = "kinds::told")]
    stack_name: Option<String>,
    #[serde(default, deserialize_with = "kinds::told")]
    env_name: Option<String>,
}

impl WebhookReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, records: Vec::new() }
    }
}

impl Reader for WebhookReader {
    fn start(&mut self) -> Vec<Read> {
        vec![Read::whole("webhooks", kinds::org_path(&self.scope.organization.name, ["hooks"]))]
    }

    fn page(&mut self, _read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        self.records = kinds::page::<Vec<Record>>(body)?;
        Ok(Vec::new())
    }

    fn finish(self: Box<Self>, _before: &Snapshot) -> Finished {
        let of_organization = |it: &Record| it.stack_name.is_none() && it.env_name.is_none();
        let objects = self.records.into_iter().filter(of_organization).map(live).collect();
        Finished { objects, ..Finished::default() }
    }
}

fn live(record: Record) -> LiveObject {
    let Record { name, display_name, payload_url, active, format, groups, filters, has_secret, .. } = record;
    let format = format.unwrap_or("raw".to_owned());
    let mut spec = Map::new();
    spec.insert("displayName".to_owned(), json!(display_name));
    spec.insert("url".to_owned(), json!(payload_url));
    // A format that this version does not know stays as it is, unless the manifest names another.
    if kinds::typed::<super::WebhookFormat>(&json!(format)).is_ok() {
        spec.insert("format".to_owned(), json!(format));
    }
    spec.insert("groups".to_owned(), json!(groups.unwrap_or_default()));
    spec.insert("filters".to_owned(), json!(filters.unwrap_or_default()));
    spec.insert("active".to_owned(), json!(active));
    LiveObject {
        name,
        spec: kinds::canonical::<WebhookSpec>(Value::Object(spec.clone())).unwrap_or(Value::Object(spec)),
        facts: json!({"format": format, "hasSecret": has_secret}),
        ..LiveObject::default()
    }
}
