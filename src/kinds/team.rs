//! Teams: who is in them, who administers them, and which stacks and environments they reach.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod read;
mod steps;

use crate::kinds::words::{Login, QualifiedName, RoleName};
use crate::kinds::{self, Draft, Facts, Kind, Reader, World};
use crate::model::{Action, Duration, FieldRule, LiveObject, Problem, Reference, ResourceId, Scope};

/// The kind.
pub struct Team;

/// A team: people who reach the same stacks and environments.
///
/// A field that is left out keeps its live value; an empty list says "nobody" or "nothing".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Team")]
pub struct TeamSpec {
    /// Where the team's people come from. Left out: `pulumi`. Changing it deletes the team and makes it anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<TeamKind>,
    /// The number of the GitHub team. Needed to make a team of kind `github`, and only for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub github_team_id: Option<i64>,
    /// The name people see, at most 100 characters. Left out: the live one stays, and a new team shows its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub display_name: Option<String>,
    /// What the team is for. `""` says that there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Logins. The team holds exactly these people, who must be members of the organization; `[]` says nobody.
    /// Left out: whoever is in the team stays. Not for teams of kind `github` or `scim`, whose people come
    /// from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub members: Option<Vec<Login>>,
    /// Logins, out of `members`: exactly these people administer the team, which means that they can add and
    /// remove people. Left out: whoever administers it still does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub admins: Option<Vec<Login>>,
    /// A role that everybody in the team has besides their own: the name of a custom role, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<TeamRole>,
    /// Permissions on stacks, by `project/stack`. The team has exactly these; `{}` says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacks: Option<BTreeMap<QualifiedName, StackPermission>>,
    /// Permissions on environments, by `project/environment`. The team has exactly these; `{}` says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeMap<QualifiedName, EnvironmentGrant>>,
}

/// Where a team's people come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TeamKind {
    /// From this manifest, or from the console.
    Pulumi,
    /// From a team on GitHub; its people and its name are never written here.
    Github,
    /// From the identity provider, over SCIM; its people and its name are never written here.
    Scim,
}

/// What a team may do with a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StackPermission {
    /// See the stack, its outputs and its history.
    Read,
    /// Update the stack as well.
    Write,
    /// Everything: delete it, and decide who else may do what.
    Admin,
}

/// What a team may do with an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentPermission {
    /// See the definition, without secrets.
    Read,
    /// Open it, and so see its secrets.
    Open,
    /// Change it as well.
    Write,
    /// Everything: delete it, and decide who else may do what.
    Admin,
}

/// A team's permission on one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "EnvironmentGrant")]
pub struct EnvironmentGrant {
    /// What the team may do with it.
    pub permission: EnvironmentPermission,
    /// How long it may be held open at most, such as `1h`. Left out: as long as the service allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_open_duration: Option<Duration>,
}

/// A custom role, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeamRole(pub RoleName);

impl JsonSchema for TeamRole {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TeamRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The name of a custom role from `roles`, or `none`.",
            "pattern": r"^[^/\\]+$",
            "patternErrorMessage": "Write the name of a role, or none.",
        })
    }
}

static FACTS: Facts = Facts {
    word: "team",
    section: "teams",
    about: "Teams, by name.",
    key_about: "The team's name, as in addresses. A team cannot be renamed; its display name can.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"description": "${2:What it does.}", "members": ["${3:login}"]}}),
    ignores_case: false,
    fields: &[
        ("kind", FieldRule::Replaces),
        ("githubTeamId", FieldRule::Instruction),
        ("displayName", FieldRule::Value),
        ("description", FieldRule::Value),
        ("members", FieldRule::Logins),
        ("admins", FieldRule::Logins),
        ("role", FieldRule::Value),
        ("stacks", FieldRule::Map),
        ("environments", FieldRule::Map),
    ],
    renamable: false,
    prunable: true,
    deletion_is_dangerous: true,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: None,
};

impl Kind for Team {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<TeamSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<TeamSpec>(spec)
    }

    fn check(&self, _name: &str, _spec: &Value) -> Vec<Problem> {
        Vec::new()
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let mut references = Vec::new();
        for (index, login) in spec["members"].as_array().into_iter().flatten().enumerate() {
            references.push(Reference {
                pointer: format!("/members/{index}"),
                part: None,
                to: ResourceId::new("member", login.as_str().unwrap_or_default()),
                role: "lists a member",
            });
        }
        references
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::TeamReader::new(scope))
    }

    fn holds(&self, _name: &str, spec: &Value) -> Vec<ResourceId> {
        spec["role"].as_str().map(|it| ResourceId::new("role", it)).into_iter().collect()
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn carries_caller(&self, live: &LiveObject, world: &World) -> bool {
        world.live.caller.team.as_deref() == Some(live.name.as_str())
    }
}
