//! Members: who belongs to the organization, and with which role.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod access;
mod invite;
mod read;
mod rehearsal;
mod steps;

use crate::kinds::rights::switched_off;
use crate::kinds::words::{Email, Login, RoleName};
use crate::kinds::{self, Budget, Draft, Facts, Kind, Reader, Right, Shape, World, role};
use crate::model::access::{Grants, Part};
use crate::model::{
    Action, Call, Change, FieldChange, FieldRule, LiveObject, Organization, Problem, Reference, ResourceId, Scope, Verb,
};

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
    /// The address to which an invitation is sent while this login does not belong to the organization.
    /// Until it is accepted, the person is in no team. Left out: the login is added at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite: Option<Email>,
}

/// A built-in role, or the name of a custom role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberRole(pub RoleName);

/// What is said of an invitation instead of its address.
const BY_EMAIL: &str = "by e-mail";

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
    shape: Shape::Map,
    fields: &[("role", FieldRule::Value), ("invite", FieldRule::Private(BY_EMAIL))],
    renamable: false,
    prunable: true,
    deletion_is_dangerous: false,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: Some(("protectedMembers", "Logins that no plan removes or demotes.")),
};

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/members", &["org_member:read"]),
    Right::new("GET /api/orgs/*/saml/admins", &["saml:read"]),
    Right::new("POST /api/orgs/*/members/*", &["org_member:add"]),
    Right::new("PATCH /api/orgs/*/members/*", &["org_member:update"]),
    Right::new("DELETE /api/orgs/*/members/*", &["org_member:delete"]),
    Right::new("GET /api/orgs/*/invites", &["invites:read"]),
    Right::new("POST /api/orgs/*/invites/unverified/batch", &["invites:create"]),
    Right::new("DELETE /api/orgs/*/invites/*", &["invites:create"]),
];

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

    fn due(&self, _spec: &Value, live: &LiveObject, _world: &World) -> Vec<(FieldRule, FieldChange)> {
        invite::due(live)
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn rehearse(
        &self,
        call: &Call,
        change: &Change,
        live: Option<LiveObject>,
        world: &World,
    ) -> Result<Option<LiveObject>, String> {
        rehearsal::rehearse(call, &change.name, live, world)
    }

    fn administers(&self, spec: &Value) -> bool {
        spec["role"] == "admin"
    }

    fn only_asks(&self, spec: &Value) -> bool {
        spec.get("invite").is_some()
    }

    fn gives_less(&self, field: &str, before: &Value, after: &Value, world: &World) -> bool {
        field == "role" && role::permits_less(before.as_str(), after.as_str(), world)
    }

    fn budget(&self) -> Budget {
        Budget { percent: 10, least: 1, most: 10 }
    }

    fn administrators(&self, name: &str, spec: &Value) -> Vec<String> {
        // Whoever was only invited does not yet.
        if self.administers(spec) && spec.get("invite").is_none() { vec![name.to_lowercase()] } else { Vec::new() }
    }

    fn carries_caller(&self, live: &LiveObject, world: &World) -> bool {
        live.name.eq_ignore_ascii_case(&world.live.caller.login)
    }

    fn is_of_caller(&self, name: &str, world: &World) -> Option<bool> {
        let caller = &world.live.caller;
        // A machine's token is nobody's.
        Some(caller.token.is_none() && name.eq_ignore_ascii_case(&caller.login))
    }

    fn events(&self, verb: Verb) -> Option<&'static [&'static str]> {
        Some(match verb {
            Verb::Create => &["member-removed"],
            Verb::Update | Verb::Rename | Verb::Replace => {
                &["member-role-changed", "member-added", "organization-invite-accepted"]
            }
            Verb::Delete => &["member-added", "organization-invite-accepted"],
        })
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn forbidden(&self, call: &Call) -> Option<String> {
        invite::forbidden(call)
    }

    fn unsettled(&self, _fields: &[FieldChange], organization: &Organization) -> Option<String> {
        let kind = organization.kind.as_deref()?;
        let provider = match kind {
            "saml" => "its SAML identity provider",
            "github" => "GitHub",
            "gitlab" => "GitLab",
            "bitbucket" => "Bitbucket",
            _ => return None,
        };
        Some(format!(
            "the role is controlled by the identity provider of this organization ({provider}), which takes a change \
             made here back; change it there, or leave `role` out of the manifest"
        ))
    }

    fn permissions_of_caller(&self, live: &LiveObject, world: &World) -> Option<BTreeSet<String>> {
        // A machine token acts for somebody, and not with their role.
        let is_caller = world.live.caller.token.is_none() && self.carries_caller(live, world);
        role::permissions(world, live.spec["role"].as_str().filter(|_| is_caller)?)
    }

    fn unavailable(&self, spec: &Value, organization: &Organization) -> Option<String> {
        let role = spec["role"].as_str()?;
        let custom = BUILT_IN_ROLES.iter().all(|it| it.0 != role);
        switched_off(organization, "usersCustomRolesEnabled", "custom roles for people").filter(|_| custom)
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
