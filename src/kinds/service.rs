//! Services: catalogue entries that group stacks and environments under an owner.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod access;
mod read;
mod rehearsal;
mod steps;

use crate::kinds::words::{Owner, QualifiedName};
use crate::kinds::{self, Draft, Facts, Kind, Reader, Right, Shape, World, things};
use crate::model::access::{Grants, Part};
use crate::model::{Action, Call, Change, FieldRule, LiveObject, Problem, Reference, ResourceId, Scope, Verb, name};

/// The kind.
pub struct Service;

/// A service: an entry in the catalogue that groups stacks and environments under one owner.
///
/// Its name is unique in the organization. To rename it, change the key and add `renamedFrom`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Service")]
pub struct ServiceSpec {
    /// Who owns it: `team/NAME` or `user/LOGIN`. The service has no way to change it: a change deletes it and makes it anew.
    pub owner: Owner,
    /// What the service is. `""` says that there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free facts about it, shown in this order. The service has exactly these; `[]` says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<Vec<Property>>,
    /// The stacks and environments it consists of, which must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Items>,
}

/// One fact about a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Property")]
pub struct Property {
    /// Its name, once per service.
    #[schemars(length(min = 1))]
    pub key: String,
    /// Its value, always a text: write `"1"` with quotes.
    pub value: String,
    /// What the console makes of the value, such as `url` for a link; any text. Left out: `string`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// What a service consists of. A list that is given is exact; one that is left out keeps what is live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Items")]
pub struct Items {
    /// Stacks, as `project/stack`. The service holds exactly these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub stacks: Option<Vec<QualifiedName>>,
    /// Environments, as `project/environment`. The service holds exactly these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub environments: Option<Vec<QualifiedName>>,
}

static FACTS: Facts = Facts {
    word: "service",
    section: "services",
    about: "Services, by name: what the organization runs, and who owns it.",
    key_about: "The service's name, unique in the organization.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"owner": "team/${2:name}", "description": "${3:What it does.}", "items": {"stacks": ["${4:project/stack}"]}}}),
    ignores_case: false,
    shape: Shape::Map,
    fields: &[
        ("owner", FieldRule::Replaces),
        ("description", FieldRule::Value),
        ("properties", FieldRule::List),
        ("items", FieldRule::Sets),
    ],
    renamable: true,
    prunable: true,
    deletion_is_dangerous: true,
    leans_on: &[],
    holds_back: &["team", "member"],
    protected_list: None,
};

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/services", &["services:read"]),
    Right::new("GET /api/orgs/*/services/*/*/*", &["services:read"]),
    Right::new("POST /api/orgs/*/services", &["services:create"]),
    Right::new("PATCH /api/orgs/*/services/*/*/*", &["services:write"]),
    Right::new("POST /api/orgs/*/services/*/*/*/v2/items", &["services:write"]),
    Right::new("DELETE /api/orgs/*/services/*/*/*/v2/items/*/*", &["services:write"]),
    Right::new("POST /api/orgs/*/services/*/*/*/items", &["services:write"]),
    Right::new("DELETE /api/orgs/*/services/*/*/*/items/*/*", &["services:write"]),
    Right::new("DELETE /api/orgs/*/services/*/*/*", &["services:admin"]),
];

impl Kind for Service {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<ServiceSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        let mut spec: ServiceSpec = kinds::typed(&spec)?;
        for property in spec.properties.iter_mut().flatten() {
            property.kind.take_if(|it| it == "string");
        }
        kinds::canonical::<ServiceSpec>(serde_json::to_value(spec).map_err(|error| error.to_string())?)
    }

    fn check(&self, name: &str, spec: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut keys = BTreeSet::new();
        for (index, property) in spec["properties"].as_array().into_iter().flatten().enumerate() {
            let key = property["key"].as_str().unwrap_or_default();
            if !keys.insert(key) {
                let message = format!("service `{name}` has two properties `{}`", name::visible(key));
                problems.push(Problem::error("E0410", format!("/properties/{index}/key"), message));
            }
        }
        for list in ["stacks", "environments"] {
            for (index, it) in spec["items"][list].as_array().into_iter().flatten().enumerate() {
                if let Some(why) = name::qualified_refusal(it.as_str().unwrap_or_default()) {
                    let message = format!("service `{name}` holds something that cannot exist: {why}");
                    problems.push(Problem::error("E0201", format!("/items/{list}/{index}"), message));
                }
            }
        }
        problems
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let Some((kind, name)) = spec["owner"].as_str().and_then(|it| it.split_once('/')) else { return Vec::new() };
        let (to, role) = match kind {
            "user" => (ResourceId::new("member", name), "is owned by a person"),
            _ => (ResourceId::new("team", name), "is owned by a team"),
        };
        vec![Reference { pointer: "/owner".to_owned(), part: Some((kind.len() + 1, name.chars().count())), to, role }]
    }

    fn things(&self, spec: &Value) -> Vec<(&'static str, String)> {
        things::named(&spec["items"])
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::ServiceReader::new(scope))
    }

    fn imported(&self, live: &LiveObject) -> Result<Value, String> {
        let mut live = live.clone();
        if let Some(items) = live.spec["items"].as_object_mut() {
            items.retain(|_, list| list.as_array().is_none_or(|it| !it.is_empty()));
        }
        Ok(kinds::without_empty(&live, &[]))
    }

    fn fills_a_file(&self) -> bool {
        true
    }

    fn holds(&self, name: &str, spec: &Value) -> Vec<ResourceId> {
        self.references(name, spec).into_iter().map(|it| it.to).collect()
    }

    fn is_listed_by_caller(&self) -> bool {
        // CONTRACT 2: the list depends on the caller's rights.
        true
    }

    fn guarded_fields(&self) -> &'static [&'static str] {
        &["items"]
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn rehearse(
        &self,
        call: &Call,
        _change: &Change,
        live: Option<LiveObject>,
        world: &World,
    ) -> Result<Option<LiveObject>, String> {
        rehearsal::rehearse(call, live, world)
    }

    fn events(&self, verb: Verb) -> Option<&'static [&'static str]> {
        Some(match verb {
            Verb::Create => &["service-deleted"],
            Verb::Update | Verb::Rename | Verb::Replace => &["service-updated", "service-created"],
            Verb::Delete => &["service-created"],
        })
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn part(&self) -> Part {
        Part::Owned
    }

    fn access<'a>(&self, name: &'a str, spec: &'a Value, _live: Option<&'a LiveObject>) -> Grants<'a> {
        access::grants(name, spec)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Service;
    use crate::kinds::Kind;
    use crate::model::ResourceId;

    #[test]
    fn properties_have_keys_of_their_own() {
        let spec =
            json!({"properties": [{"key": "a", "value": ""}, {"key": "b", "value": ""}, {"key": "a", "value": ""}]});
        let problems = Service.check("shop", &spec);
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].code, problems[0].pointer.as_str()), ("E0410", "/properties/2/key"));
    }

    #[test]
    fn items_have_names_that_can_exist() {
        let problems = Service.check("shop", &json!({"items": {"stacks": ["a/b", "../b"]}}));
        assert_eq!((problems[0].code, problems[0].pointer.as_str()), ("E0201", "/items/stacks/1"));
    }

    #[test]
    fn the_owner_is_a_reference_to_part_of_the_text() {
        let owner = |text: &str| Service.references("shop", &json!({"owner": text})).remove(0);
        assert_eq!(owner("team/ünal").part, Some((5, 4)));
        assert_eq!(owner("user/bob").to, ResourceId::new("member", "bob"));
    }
}
