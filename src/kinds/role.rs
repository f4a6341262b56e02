//! Custom roles: named sets of permissions, on the whole organization or on stacks and environments.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod access;
mod less;
mod power;
pub(crate) mod read;
mod rehearsal;
mod steps;
mod tree;

use crate::kinds::member::built_in_role_like;
use crate::kinds::rights::switched_off;
use crate::kinds::words::{Permission, QualifiedName, TagValue};
use crate::kinds::{self, Budget, Draft, Facts, Kind, Reader, Right, Shape, World};
use crate::model::access::{Grants, Part};
use crate::model::{
    Action, Call, Change, FieldChange, FieldRule, LiveObject, Organization, Problem, Reference, ResourceId, Scope,
    Verb, name,
};
pub(super) use less::permits_less;
pub use rehearsal::named_by;
pub use steps::{id_of, left, permissions, with_role_id};

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

/// Permissions on some stacks or environments: give one of `stacks`, `environments`, `stackTags`, `environmentTags`.
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
    /// Every stack that carries one of these tags: the tag's name, and its values. One match is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = tag_name()))]
    pub stack_tags: Option<BTreeMap<String, TagValues>>,
    /// Every environment that carries one of these tags: the tag's name, and its values. One match is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1, "propertyNames" = tag_name()))]
    pub environment_tags: Option<BTreeMap<String, TagValues>>,
}

/// The values of a tag, of which one is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TagValues(#[schemars(extend("uniqueItems" = true, "minItems" = 1))] pub Vec<TagValue>);

fn tag_name() -> Value {
    json!({
        "description": "The name of a tag, such as `env`.",
        "pattern": "^.+$",
        "patternErrorMessage": "Write the name of a tag, such as env.",
    })
}

static FACTS: Facts = Facts {
    word: "role",
    section: "roles",
    about: "Custom roles, by name. Built-in roles (`admin`, `member`, `billing-manager`) always exist and are not listed here.",
    key_about: "The role's name.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"description": "${2:What it is for.}", "permissions": ["${3:stack:read}"]}}),
    ignores_case: false,
    shape: Shape::Map,
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

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/roles", &["role:read"]),
    Right::new("GET /api/orgs/*/roles/*", &["role:read"]),
    Right::new("GET /api/orgs/*/roles/*/users", &["role:read"]),
    Right::new("GET /api/orgs/*/roles/*/teams", &["role:read"]),
    Right::new("GET /api/orgs/*/roles/*/tokens", &["role:read"]),
    // Both list what the caller may see.
    Right::new("GET /api/user/stacks", &[]),
    Right::new("GET /api/esc/environments/*", &[]),
    Right::new("POST /api/orgs/*/roles", &["role:create"]),
    Right::new("PATCH /api/orgs/*/roles/*", &["role:update"]),
    Right::new("DELETE /api/orgs/*/roles/*", &["role:delete"]),
];

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

    fn check(&self, name: &str, spec: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(taken) = built_in_role_like(name).or_else(|| name.eq_ignore_ascii_case("none").then_some("none")) {
            let message = format!("a custom role cannot be called `{name}`: `{taken}` has a meaning of its own");
            problems.push(Problem::error("E0408", "", message).help("give it another name"));
        }
        let given: Vec<&str> = self.alternatives().iter().copied().filter(|it| spec.get(it).is_some()).collect();
        if let [first, second, ..] = given[..] {
            let message = format!("role `{name}` has both `{first}` and `{second}`");
            let problem = Problem::error("E0406", format!("/{second}/#"), message);
            problems.push(problem.help("give at most one of `permissions`, `grants` and `details`"));
        }
        for (index, grant) in spec["grants"].as_array().into_iter().flatten().enumerate() {
            problems.extend(check_grant(&format!("/grants/{index}"), name, grant));
        }
        problems
    }

    fn references(&self, _name: &str, _spec: &Value) -> Vec<Reference> {
        Vec::new()
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::RoleReader::new(scope))
    }

    fn alternatives(&self) -> &'static [&'static str] {
        &["permissions", "grants", "details"]
    }

    fn imported(&self, live: &LiveObject) -> Result<Value, String> {
        // Without any of them, what the role permits would not be managed.
        Ok(kinds::without_empty(live, self.alternatives()))
    }

    fn holders(&self, live: &LiveObject) -> Vec<ResourceId> {
        live.facts["holders"].as_array().into_iter().flatten().filter_map(|it| it.as_str()?.parse().ok()).collect()
    }

    fn empowers(&self, name: &str, spec: &Value, world: &World) -> Option<bool> {
        power::empowers(name, spec, world)
    }

    fn guarded_fields(&self) -> &'static [&'static str] {
        &["permissions", "grants"]
    }

    fn budget(&self) -> Budget {
        Budget { percent: 20, least: 1, most: 5 }
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
            Verb::Create => &["custom-role-deleted"],
            Verb::Update | Verb::Rename | Verb::Replace => &["custom-role-updated", "custom-role-created"],
            Verb::Delete => &["custom-role-created"],
        })
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn unsettled(&self, fields: &[FieldChange], _organization: &Organization) -> Option<String> {
        let tree = fields.iter().any(|it| matches!(it.path.as_str(), "/details" | "/permissions" | "/grants"));
        tree.then(|| {
            "the service keeps the permissions in another form than they were sent in, and sending them again would \
             not help; write `details` as the service has it"
                .to_owned()
        })
    }

    fn unavailable(&self, _spec: &Value, organization: &Organization) -> Option<String> {
        switched_off(organization, "customRolesEnabled", "custom roles")
    }

    fn part(&self) -> Part {
        Part::Gives
    }

    fn access<'a>(&self, name: &'a str, spec: &'a Value, _live: Option<&'a LiveObject>) -> Grants<'a> {
        access::grants(name, spec)
    }

    fn built_in_access<'a>(&self, organization: &'a Organization) -> Grants<'a> {
        access::built_in(organization)
    }

    fn access_scope(&self, scope: &mut Scope) {
        scope.in_full = true;
    }
}

fn check_grant(pointer: &str, role: &str, grant: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    if tree::SCOPES.iter().filter(|it| grant.get(it).is_some()).count() != 1 {
        let message =
            format!("a grant of role `{role}` needs one of {}", tree::SCOPES.map(|it| format!("`{it}`")).join(", "));
        let help = "write one grant for each of them; for the whole organization, use `permissions`";
        problems.push(Problem::error("E0407", pointer, message).help(help));
    }
    for list in ["stacks", "environments"] {
        for (index, it) in grant[list].as_array().into_iter().flatten().enumerate() {
            if let Some(why) = name::qualified_refusal(it.as_str().unwrap_or_default()) {
                let message = format!("a grant of role `{role}` names something that cannot exist: {why}");
                problems.push(Problem::error("E0201", format!("{pointer}/{list}/{index}"), message));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Role;
    use crate::kinds::Kind;

    fn problems(name: &str, spec: Value) -> Vec<(&'static str, String)> {
        Role.check(name, &spec).into_iter().map(|it| (it.code, it.pointer)).collect()
    }

    #[test]
    fn names_of_built_in_roles_are_taken() {
        for name in ["admin", "Admin", "Billing Manager", "none", "None"] {
            assert_eq!(problems(name, json!({})), [("E0408", String::new())], "{name}");
        }
        assert_eq!(problems("admins", json!({})), []);
    }

    #[test]
    fn one_way_of_saying_what_it_may_do() {
        let both = json!({"permissions": ["stack:read"], "details": {}});
        assert_eq!(problems("r", both), [("E0406", "/details/#".to_owned())]);
        assert_eq!(problems("r", json!({"permissions": []})), []);
    }

    #[test]
    fn a_grant_is_for_stacks_or_for_environments() {
        let spec = json!({"grants": [
            {"permissions": ["stack:read"], "stacks": ["a/b"]},
            {"permissions": ["stack:read"]},
            {"permissions": ["stack:read"], "stacks": ["a/b"], "environments": ["a/b"]},
            {"permissions": ["stack:read"], "stacks": ["a/.."]},
            {"permissions": ["stack:read"], "stackTags": {"env": ["prod"]}},
            {"permissions": ["stack:read"], "stackTags": {"env": ["prod"]}, "stacks": ["a/b"]},
        ]});
        assert_eq!(
            problems("r", spec),
            [
                ("E0407", "/grants/1".to_owned()),
                ("E0407", "/grants/2".to_owned()),
                ("E0201", "/grants/3/stacks/0".to_owned()),
                ("E0407", "/grants/5".to_owned()),
            ]
        );
    }
}
