//! Members: who belongs to the organization, and with which role.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod access;
mod read;
mod steps;

use crate::kinds::words::{Login, RoleName};
use crate::kinds::{self, Draft, Facts, Kind, Reader, World};
use crate::model::access::{Grants, Part};
use crate::model::{Action, FieldRule, LiveObject, Problem, Reference, ResourceId, Scope};

/// The kind.
pub struct Member;

/// A person who belongs to the organization, under their login.
///
/// A person who is in no manifest is left alone; to remove somebody, list the login under `removed: {members: [...]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Member")]
pub struct MemberSpec {
    /// What the person may do in the organization: a built-in role, or the name of a custom role.
    /// Left out: the live role stays, and newcomers get `member`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<MemberRole>,
}

/// A built-in role, or the name of a custom role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberRole(pub RoleName);

/// The roles every organization has.
pub const BUILT_IN_ROLES: [(&str, &str); 3] = [
    ("admin", "Administers the organization: members, teams, roles, tokens, settings, everything."),
    ("member", "A regular member, with the organization's default permissions."),
    ("billing-manager", "Sees and pays the bills, and nothing else."),
];

impl JsonSchema for MemberRole {
    fn schema_name() -> Cow<'static, str> {
        "MemberRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (names, texts): (Vec<_>, Vec<_>) = BUILT_IN_ROLES.into_iter().unzip();
        json_schema!({
            "description": "A built-in role, or the name of a custom role from `roles`.",
            "anyOf": [
                {"type": "string", "enum": names, "enumDescriptions": texts, "markdownEnumDescriptions": texts},
                {"type": "string", "pattern": r"^[^/\\]+$", "patternErrorMessage": "Write the name of a role."},
            ],
        })
    }
}

static FACTS: Facts = Facts {
    word: "member",
    section: "members",
    about: "Who belongs to the organization, by login.",
    key_about: "The person's login. Upper and lower case are one.",
    name_pattern: Some(Login::PATTERN),
    snippet: || json!({"${1:login}": {"role": "${2:member}"}}),
    ignores_case: true,
    fields: &[("role", FieldRule::Value)],
    renamable: false,
    prunable: true,
    deletion_is_dangerous: false,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: Some(("protectedMembers", "Logins that no plan removes or demotes.")),
};

impl Kind for Member {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<MemberSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<MemberSpec>(spec)
    }

    fn check(&self, _name: &str, spec: &Value) -> Vec<Problem> {
        let Some(role) = spec["role"].as_str() else { return Vec::new() };
        match built_in_role_like(role) {
            Some(built_in) if built_in != role => {
                let message = format!("`{role}` is not how the built-in role `{built_in}` is written");
                vec![Problem::error("E0409", "/role", message).help(format!("write `{built_in}`"))]
            }
            _ => Vec::new(),
        }
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let role = spec["role"].as_str().filter(|it| BUILT_IN_ROLES.iter().all(|(name, _)| name != it));
        let Some(role) = role else { return Vec::new() };
        vec![Reference {
            pointer: "/role".to_owned(),
            part: None,
            to: ResourceId::new("role", role),
            role: "has a role",
        }]
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::MemberReader::new(scope))
    }

    fn holds(&self, _name: &str, spec: &Value) -> Vec<ResourceId> {
        spec["role"].as_str().map(|it| ResourceId::new("role", it)).into_iter().collect()
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn administrators(&self, name: &str, spec: &Value) -> Vec<String> {
        if spec["role"] == "admin" { vec![name.to_lowercase()] } else { Vec::new() }
    }

    fn carries_caller(&self, live: &LiveObject, world: &World) -> bool {
        live.name.eq_ignore_ascii_case(&world.live.caller.login)
    }

    fn part(&self) -> Part {
        Part::Acts
    }

    fn access<'a>(&self, name: &'a str, spec: &'a Value, _live: Option<&'a LiveObject>) -> Grants<'a> {
        access::grants(name, spec)
    }
}

/// The built-in role that a name is, but for case, spaces, hyphens and underscores: `billingManager`.
pub(super) fn built_in_role_like(name: &str) -> Option<&'static str> {
    let bare = |it: &str| it.chars().filter(|it| !matches!(it, '-' | '_' | ' ')).collect::<String>().to_lowercase();
    BUILT_IN_ROLES.into_iter().map(|(role, _)| role).find(|it| bare(it) == bare(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Member;
    use crate::kinds::Kind;
    use crate::model::ResourceId;

    #[test]
    fn built_in_roles_have_one_spelling() {
        for role in ["Admin", "billingManager", "Billing Manager", "MEMBER"] {
            let problems = Member.check("alice", &json!({"role": role}));
            assert_eq!(problems.len(), 1, "{role}");
            assert_eq!((problems[0].code, problems[0].pointer.as_str()), ("E0409", "/role"));
        }
        for role in ["admin", "billing-manager", "administrator", "auditor"] {
            assert_eq!(Member.check("alice", &json!({"role": role})), [], "{role}");
        }
    }

    #[test]
    fn only_custom_roles_are_references() {
        assert_eq!(Member.references("alice", &json!({"role": "admin"})), []);
        assert_eq!(Member.references("alice", &json!({})), []);
        let references = Member.references("alice", &json!({"role": "auditor"}));
        assert_eq!(references[0].to, ResourceId::new("role", "auditor"));
    }
}
