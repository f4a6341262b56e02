//! Settings of the organization: what newcomers and members may do, and how long tokens live.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod read;
mod rehearsal;
mod steps;

use crate::kinds::member::built_in_role_like;
use crate::kinds::words::RoleName;
use crate::kinds::{self, Draft, Facts, Kind, Reader, Recipients, Right, Shape, World};
use crate::model::{
    Action, Call, Change, Desired, Duration, FieldRule, LiveObject, Problem, Reference, ResourceId, Scope, Verb,
};

/// The kind.
pub struct Settings;

/// Settings of the organization. A setting that is left out is not managed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Settings")]
pub struct SettingsSpec {
    /// The role that newcomers get, and that everybody has who was given no other: `member`, or the name of a custom
    /// role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_role: Option<DefaultRole>,
    /// What every member may do with every stack, besides what teams and roles give them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_stack_permission: Option<DefaultStackPermission>,
    /// Whether members can create teams. Teams they create are in no manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_can_create_teams: Option<bool>,
    /// How long access tokens live at most, in whole days such as `365d`; `0d` says without limit. Every token needs
    /// an end then, and one that would live longer is refused, personal ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_token_lifetime: Option<Duration>,
}

/// What every member may do with every stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DefaultStackPermission {
    /// Nothing.
    None,
    /// See the stack, its outputs and its history.
    Read,
    /// Update the stack as well.
    Write,
    /// Everything: delete it, and decide who else may do what.
    Admin,
}

/// The role of newcomers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DefaultRole(pub RoleName);

impl JsonSchema for DefaultRole {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DefaultRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`member`, or the name of a custom role from `roles`.",
            "pattern": r"^[^/\\]+$",
            "patternErrorMessage": "Write member, or the name of a role.",
        })
    }
}

/// The service's numbers for what members may do with stacks.
const STACK_PERMISSIONS: [(DefaultStackPermission, i64); 4] = [
    (DefaultStackPermission::None, 0),
    (DefaultStackPermission::Read, 101),
    (DefaultStackPermission::Write, 102),
    (DefaultStackPermission::Admin, 103),
];

const DAY: i64 = 86_400;

/// How long tokens may live by the manifest; nothing where that is not limited, or not said.
pub(crate) fn token_lifetime(desired: &Desired) -> Option<Duration> {
    let entry = desired.entries.get(&ResourceId::new(FACTS.word, ""))?;
    let lifetime: Duration = entry.node.get("maxTokenLifetime")?.text()?.parse().ok()?;
    (lifetime.seconds > 0).then_some(lifetime)
}

static FACTS: Facts = Facts {
    word: "settings",
    section: "settings",
    about: "Settings of the organization. What is left out is not managed.",
    key_about: "",
    name_pattern: None,
    snippet: || json!({"defaultStackPermission": "${1:none}", "membersCanCreateTeams": false, "maxTokenLifetime": "${2:365d}"}),
    ignores_case: false,
    shape: Shape::One,
    fields: &[
        ("defaultRole", FieldRule::Value),
        ("defaultStackPermission", FieldRule::Value),
        ("membersCanCreateTeams", FieldRule::Value),
        ("maxTokenLifetime", FieldRule::Value),
    ],
    renamable: false,
    prunable: false,
    deletion_is_dangerous: false,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: None,
};

static RIGHTS: &[Right] = &[
    // Which permission the service wants for these is not documented.
    Right::new("PATCH /api/orgs/*", &[]),
    Right::new("PATCH /api/orgs/*/roles/*/default", &["role:update"]),
];

impl Kind for Settings {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<SettingsSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<SettingsSpec>(spec)
    }

    fn check(&self, _name: &str, spec: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let role = spec["defaultRole"].as_str().unwrap_or_default();
        if let Some(built_in) = built_in_role_like(role).filter(|it| *it != role || *it != "member") {
            let message = format!("`{built_in}` cannot be what everybody gets by default");
            let help = "write `member`, or the name of a custom role";
            problems.push(Problem::error("E0409", "/defaultRole", message).help(help));
        }
        let longest = spec["maxTokenLifetime"].as_str().and_then(|it| it.parse::<Duration>().ok());
        if let Some(it) = longest.filter(|it| it.seconds % DAY != 0 || it.seconds > 730 * DAY) {
            let message = format!("`maxTokenLifetime` is {it}; it is counted in whole days, and 730 are the most");
            problems.push(Problem::error("E0413", "/maxTokenLifetime", message).help("write it as `365d`"));
        }
        problems
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let Some(role) = spec["defaultRole"].as_str().filter(|it| built_in_role_like(it).is_none()) else {
            return Vec::new();
        };
        let to = ResourceId::new("role", role);
        vec![Reference { pointer: "/defaultRole".to_owned(), part: None, to, role: "give newcomers a role" }]
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::SettingsReader::new(scope))
    }

    fn holds(&self, name: &str, spec: &Value) -> Vec<ResourceId> {
        self.references(name, spec).into_iter().map(|it| it.to).collect()
    }

    fn recipients(&self, name: &str, _spec: &Value, _live: Option<&LiveObject>) -> Recipients {
        // Everybody who was given no other role, newcomers included.
        Recipients { open: true, ..Recipients::one(ResourceId::new(FACTS.word, name)) }
    }

    fn is_of_caller(&self, _name: &str, world: &World) -> Option<bool> {
        // What everybody gets who was given nothing else, a person among them perhaps.
        if world.live.caller.token.is_some() { Some(false) } else { None }
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
            Verb::Create => &["organization-settings-changed"],
            Verb::Update | Verb::Rename | Verb::Replace => &["organization-settings-changed"],
            Verb::Delete => &["organization-settings-changed"],
        })
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Settings;
    use crate::kinds::Kind;

    #[test]
    fn nobody_administers_by_default() {
        let problems = |role: &str| Settings.check("", &json!({"defaultRole": role})).len();
        assert_eq!(["admin", "billing-manager", "Member"].map(problems), [1, 1, 1]);
        assert_eq!(["member", "stack-auditor"].map(problems), [0, 0]);
    }

    #[test]
    fn tokens_live_for_whole_days() {
        let problems = |most: &str| Settings.check("", &json!({"maxTokenLifetime": most})).len();
        assert_eq!(["36h", "731d"].map(problems), [1, 1]);
        assert_eq!(["0d", "24h", "365d", "730d"].map(problems), [0, 0, 0, 0]);
    }
}
