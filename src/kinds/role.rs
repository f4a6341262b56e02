//! Custom roles: named sets of permissions, on the whole organization or on stacks and environments.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod read;
mod steps;
mod tree;

pub use steps::{id_of, with_role_id};

use crate::kinds::words::{Permission, QualifiedName};
use crate::kinds::{self, Draft, Facts, Kind, Reader, World};
use crate::model::{Action, FieldRule, LiveObject, Problem, Reference, ResourceId, Scope};

/// The kind.
pub struct Role;

/// A custom role: a named set of permissions that members, teams and tokens can have.
///
/// Give at most one of `permissions`, `grants` and `details`; with none of them, what the role permits is not managed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Role")]
pub struct RoleSpec {
    /// What the role is for, for people who choose it in the console. `""` says that there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Permissions on the whole organization, such as `stack:read`. The role has exactly these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub permissions: Option<Vec<Permission>>,
    /// Permissions on some stacks or environments only. The role has exactly these; their order means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<Grant>>,
    /// The service's own permission tree, word for word, with ids instead of names: for whatever `permissions`
    /// and `grants` cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("additionalProperties" = true))]
    pub details: Option<Map<String, Value>>,
}

/// Permissions on some stacks or environments: give one of `stacks` and `environments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Grant")]
pub struct Grant {
    /// What may be done there, such as `stack:write`.
    #[schemars(extend("uniqueItems" = true, "minItems" = 1))]
    pub permissions: Vec<Permission>,
    /// The stacks, as `project/stack`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true, "minItems" = 1))]
    pub stacks: Option<Vec<QualifiedName>>,
    /// The environments, as `project/environment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true, "minItems" = 1))]
    pub environments: Option<Vec<QualifiedName>>,
}

static FACTS: Facts = Facts {
    word: "role",
    section: "roles",
    about: "Custom roles, by name. Built-in roles (`admin`, `member`, `billing-manager`) always exist and are not listed here.",
    key_about: "The role's name.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"description": "${2:What it is for.}", "permissions": ["${3:stack:read}"]}}),
    ignores_case: false,
    fields: &[
        ("description", FieldRule::Value),
        ("permissions", FieldRule::Set),
        ("grants", FieldRule::Value),
        ("details", FieldRule::Value),
    ],
    renamable: true,
    prunable: true,
    deletion_is_dangerous: true,
    leans_on: &[],
    holds_back: &[],
    protected_list: None,
};

impl Kind for Role {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<RoleSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        Ok(tree::sorted(&kinds::canonical::<RoleSpec>(spec)?))
    }

    fn check(&self, _name: &str, _spec: &Value) -> Vec<Problem> {
        Vec::new()
    }

    fn references(&self, _name: &str, _spec: &Value) -> Vec<Reference> {
        Vec::new()
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::RoleReader::new(scope))
    }

    fn holders(&self, live: &LiveObject) -> Vec<ResourceId> {
        live.facts["holders"].as_array().into_iter().flatten().filter_map(|it| it.as_str()?.parse().ok()).collect()
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }
}
