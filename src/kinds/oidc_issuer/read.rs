//! Issuers as the service answers them, under the names that the manifest gives to their addresses.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kinds::oidc_issuer::policy;
use crate::kinds::{self, Finished, Reader};
use crate::model::{Duration, LiveObject, Read, Scope, Snapshot};

/// Reads the list of issuers, and the policies of those that the plan is about.
pub(super) struct IssuerReader {
    scope: Scope,
    /// With the name it goes by here.
    issuers: Vec<(String, Record)>,
    /// By the issuer's id.
    policies: BTreeMap<String, Policies>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issuers {
    #[serde(default)]
    oidc_issuers: Option<Vec<Record>>,
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    name: String,
    url: String,
    #[serde(default)]
    thumbprints: Option<Vec<String>>,
    #[serde(default)]
    max_expiration: Option<i64>,
    #[serde(default)]
    jwks: Value,
}

#[derive(Deserialize)]
struct Policies {
    id: String,
    policies: Vec<Value>,
}

impl IssuerReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, issuers: Vec::new(), policies: BTreeMap::new() }
    }
}

impl Reader for IssuerReader {
    fn start(&mut self) -> Vec<Read> {
        vec![Read::whole("issuers", kinds::org_path(&self.scope.organization.name, ["oidc", "issuers"]))]
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        if let Some(id) = read.tag.strip_prefix("policies ") {
            self.policies.insert(id.to_owned(), kinds::page(body)?);
            return Ok(Vec::new());
        }
        let listed = kinds::page::<Issuers>(body)?.oidc_issuers.ok_or("an answer without `oidcIssuers`")?;
        let mut records: Vec<Record> = Vec::with_capacity(listed.len());
        for record in listed {
            // The same one told twice is not two issuers with one address.
            if !records.contains(&record) {
                records.push(record);
            }
        }
        let names = names(&records, &self.scope);
        self.issuers = names.into_iter().zip(records).collect();
        let wanted = self.issuers.iter().filter(|it| self.scope.wants(&it.0));
        let read = |(name, it): &(String, Record)| {
            let path = ["auth", "policies", "oidcissuers", &it.id];
            Read::whole(format!("policies {}", it.id), kinds::org_path(&self.scope.organization.name, path)).of(name)
        };
        Ok(wanted.map(read).collect())
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let Self { scope, issuers, mut policies } = *self;
        let mut objects = Vec::new();
        // Which of several with one address is meant nobody knows, whatever they are called (CONTRACT U24).
        let mut by_url: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, issuer) in &issuers {
            by_url.entry(issuer.url.clone()).or_default().push(name.clone());
        }
        let mut several = BTreeMap::new();
        for (url, names) in by_url.into_iter().filter(|it| it.1.len() > 1) {
            let count = names.len();
            let why = format!("there are {count} issuers with the url `{url}`; leave one of them, in the console");
            several.extend(names.into_iter().map(|it| (it, why.clone())));
        }
        for (name, issuer) in issuers {
            let declared = scope.declared.get(&name);
            let mut spec = Map::new();
            spec.insert("url".to_owned(), json!(issuer.url));
            if let Some(seconds) = issuer.max_expiration.filter(|it| *it > 0) {
                spec.insert("maxExpiration".to_owned(), json!(Duration { seconds }));
            }
            // The service looks after the fingerprints, unless somebody else says that they do.
            if declared.is_some_and(|it| it.get("thumbprints").is_some()) {
                let prints: Vec<String> =
                    issuer.thumbprints.iter().flatten().map(|it| policy::thumbprint(it)).collect();
                spec.insert("thumbprints".to_owned(), json!(prints));
            }
            let mut facts = json!({"id": issuer.id, "name": issuer.name, "keys": !issuer.jwks.is_null()});
            let mut unknown = BTreeSet::new();
            let set = policies.remove(&issuer.id);
            let outline = set.is_none();
            if let Some(Policies { id, policies }) = set {
                match spelled(&policies, before) {
                    Some(written) => drop(spec.insert("policies".to_owned(), policy::sorted(&json!(written)))),
                    None => drop(unknown.insert("/policies".to_owned())),
                }
                facts["policySet"] = json!(id);
                facts["policies"] = json!(policies);
            }
            objects.push(LiveObject { name, spec: spec.into(), facts, unknown, outline, ..LiveObject::default() });
        }
        Finished { objects, unknown: several, ..Finished::default() }
    }
}

/// The policies with names for ids; nothing where a role may be one that could not be read.
fn spelled(policies: &[Value], before: &Snapshot) -> Option<Vec<Value>> {
    let roles = before.kind("role");
    let spell = |wire: &Value| {
        let Some(id) = wire["roleID"].as_str().filter(|it| !it.is_empty()) else {
            return Some(policy::written(wire, None));
        };
        let role = match roles.objects.values().find(|it| it.facts["id"] == id) {
            Some(role) if role.facts["builtIn"] == "member" => None,
            Some(role) => Some(role.name.clone()),
            // Nobody has given this name to a role: whatever is wanted differs from it.
            None if roles.read && roles.incomplete.is_none() && roles.unknown_objects.is_empty() => Some(id.to_owned()),
            None => return None,
        };
        Some(policy::written(wire, role))
    };
    policies.iter().map(spell).collect()
}

/// What each issuer goes by: the name of the entry with its address, else its own.
///
/// Names are free on the service, so that the same one may stand for several issuers, and for another
/// one than in the manifest. Then the address tells them apart.
fn names(records: &[Record], scope: &Scope) -> Vec<String> {
    let mut by_url: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, spec) in scope.doomed.iter().chain(&scope.declared) {
        if let Some(url) = spec["url"].as_str() {
            by_url.insert(url, name);
        }
    }
    let paired = |it: &Record| by_url.get(it.url.as_str()).copied();
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        *taken.entry(paired(record).unwrap_or(&record.name)).or_default() += 1;
    }
    // What shall go has an address; whoever has only its name is another one.
    let spared = |it: &Record| scope.doomed.get(&it.name).is_some_and(|spec| spec["url"].is_string());
    let name = |it: &Record| match paired(it) {
        Some(name) => name.to_owned(),
        None if taken[it.name.as_str()] == 1 && !spared(it) => it.name.clone(),
        None => format!("{} ({})", it.name, it.url.trim_start_matches("https://").replace('/', "-")),
    };
    records.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Record, names};
    use crate::model::Scope;

    fn record(name: &str, url: &str) -> Record {
        serde_json::from_value(json!({"id": "e", "name": name, "url": url})).unwrap()
    }

    #[test]
    fn an_issuer_goes_by_the_name_of_the_entry_with_its_address() {
        let mut scope = Scope::default();
        scope.declared.insert("ci".to_owned(), json!({"url": "https://one.example"}));
        scope.doomed.insert("old".to_owned(), json!({"url": "https://two.example"}));
        let live = [record("shown", "https://one.example"), record("shown too", "https://two.example")];
        assert_eq!(names(&live, &scope), ["ci", "old"]);
        // Somebody else has the name on the service.
        let live = [record("ci", "https://three.example/x"), record("shown", "https://one.example")];
        assert_eq!(names(&live, &scope), ["ci (three.example-x)", "ci"]);
        // Without one of this address, the name tells whose address is to change.
        assert_eq!(names(&live[..1], &scope), ["ci"]);
    }

    #[test]
    fn an_issuer_of_another_address_is_not_the_one_that_goes() {
        let mut scope = Scope::default();
        scope.doomed.insert("ci".to_owned(), json!({"url": "https://one.example"}));
        let live = [record("ci", "https://two.example"), record("shown", "https://one.example")];
        assert_eq!(names(&live, &scope), ["ci (two.example)", "ci"]);
        assert_eq!(names(&live[..1], &scope), ["ci (two.example)"]);
        // A tombstone has no address.
        scope.doomed.insert("ci".to_owned(), json!(null));
        assert_eq!(names(&live[..1], &scope), ["ci"]);
    }

    #[test]
    fn equal_names_are_told_apart() {
        let live = [record("ci", "https://one.example"), record("ci", "https://two.example/")];
        assert_eq!(names(&live, &Scope::default()), ["ci (one.example)", "ci (two.example-)"]);
    }
}
