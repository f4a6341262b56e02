//! The organization as data: what the state file holds.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Everything the sandbox knows: one organization, and the accounts and groups around it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    pub organization: Organization,
    /// People with an account of the service, whether or not they belong to the organization. By login in lower case.
    #[serde(default)]
    pub accounts: BTreeMap<String, Account>,
    /// The people of both rosters. By login in lower case.
    #[serde(default)]
    pub members: BTreeMap<String, Member>,
    /// Built-in and custom roles, by id.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    #[serde(default)]
    pub teams: BTreeMap<String, Team>,
    /// By name, which is unique in the organization whoever the owner is.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Live access tokens of every kind, by id.
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
    /// Names of organization and team tokens, alive or deleted: none is given out twice.
    #[serde(default)]
    pub burnt_token_names: BTreeSet<String>,
    /// Hashes of revoked values, which are refused for ever.
    #[serde(default)]
    pub revoked: BTreeSet<String>,
    /// By `project/stack`.
    #[serde(default)]
    pub stacks: BTreeMap<String, Stack>,
    /// By `project/environment`.
    #[serde(default)]
    pub environments: BTreeMap<String, Environment>,
    /// The identity provider's users, by id. Its groups are teams of the kind `scim`.
    #[serde(default)]
    pub directory: BTreeMap<String, DirectoryUser>,
    #[serde(default)]
    pub invites: BTreeMap<String, Invite>,
    #[serde(default)]
    pub hooks: BTreeMap<String, Hook>,
    #[serde(default)]
    pub issuers: BTreeMap<String, Issuer>,
    /// Policy sets by their own id; `Issuer::policies` names it.
    #[serde(default)]
    pub policies: BTreeMap<String, PolicySet>,
    #[serde(default)]
    pub saml_admin: Option<String>,
    /// Teams that exist at GitHub, by id.
    #[serde(default)]
    pub github_teams: BTreeMap<i64, GithubTeam>,
    /// Oldest first.
    #[serde(default)]
    pub audit: Vec<Event>,
    /// The last number given out, by the letter ids begin with.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    pub id: String,
    /// The name in addresses.
    pub slug: String,
    pub name: String,
    /// `single-user`, `bitbucket`, `github`, `gitlab`, `pulumi` or `saml`.
    pub kind: String,
    pub product: String,
    pub locked: String,
    pub created: i64,
    pub default_role: String,
    pub max_members: Option<i64>,
    /// Some organizations appear among their own members.
    #[serde(default)]
    pub lists_itself: bool,
    /// Settings by their name in the metadata answer.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// Feature switches; one that is left out is left out of answers too.
    #[serde(default)]
    pub features: BTreeMap<String, bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    pub id: String,
    pub login: String,
    /// The display name, which may be empty.
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    pub login: String,
    /// The id of a role; empty for a potential member.
    pub role: String,
    /// The role was given to this person, not taken from the organization's default.
    #[serde(default)]
    pub explicit: bool,
    pub created: Option<i64>,
    /// Listed with `type=frontend`.
    pub frontend: bool,
    /// Listed with `type=backend`.
    pub backend: bool,
    /// False for people of the identity provider who never joined.
    pub known: bool,
    #[serde(default)]
    pub virtual_admin: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    pub id: String,
    pub name: String,
    pub description: String,
    pub resource_type: String,
    pub ux_purpose: String,
    /// The permission tree, verbatim.
    pub details: Value,
    /// Marks a built-in role.
    pub default_identifier: Option<String>,
    pub version: i64,
    pub created: i64,
    pub modified: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Team {
    /// `pulumi`, `github` or `scim`.
    pub kind: String,
    pub name: String,
    pub display_name: String,
    pub description: String,
    /// Login to `member` or `admin`.
    #[serde(default)]
    pub members: BTreeMap<String, String>,
    /// `project/stack` to 101, 102, 103 or 104.
    #[serde(default)]
    pub stacks: BTreeMap<String, i64>,
    #[serde(default)]
    pub environments: BTreeMap<String, EnvironmentGrant>,
    /// Role ids. The API sets one; the console may have set more.
    #[serde(default)]
    pub roles: Vec<String>,
    pub github_id: Option<i64>,
    /// When set, membership cannot be listed and this is why.
    pub list_members_error: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentGrant {
    pub permission: String,
    pub max_open_duration: Option<String>,
}

/// A person or a team, as owners and service members are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// `user` or `team`.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    pub name: String,
    pub owner: Party,
    pub description: String,
    pub created: i64,
    /// The owner and whoever else was let in.
    #[serde(default)]
    pub members: Vec<Party>,
    /// By `type/project/name`.
    #[serde(default)]
    pub items: BTreeMap<String, Item>,
    #[serde(default)]
    pub properties: Vec<Property>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Item {
    #[serde(rename = "type")]
    pub kind: String,
    /// `project/name`.
    pub name: String,
    pub created: i64,
    pub added_by: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    pub key: String,
    pub value: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub order: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    pub id: String,
    /// `organization`, `team` or `personal`.
    pub kind: String,
    pub team: Option<String>,
    pub name: String,
    pub description: String,
    pub created: i64,
    pub created_by: String,
    /// Unix seconds; 0 is never.
    pub last_used: i64,
    /// Unix seconds; 0 is never.
    pub expires: i64,
    pub admin: bool,
    pub role: Option<String>,
    /// SHA-256 of the value, in hex. The value itself is kept nowhere.
    pub hash: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stack {
    pub id: String,
    pub last_update: Option<i64>,
    pub resources: i64,
    pub version: i64,
    pub creator: String,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Login to 101, 102, 103 or 104.
    #[serde(default)]
    pub collaborators: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    pub id: String,
    pub owner: String,
    pub created: i64,
    pub modified: i64,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A user of the identity provider's directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectoryUser {
    pub id: String,
    pub user_name: String,
    pub given_name: String,
    pub family_name: String,
    pub active: bool,
    /// Who they are in the organization.
    pub login: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    pub id: String,
    /// Empty for a link.
    pub email: String,
    pub role: String,
    pub role_id: Option<String>,
    /// `pending`, `accepted`, `expired` or `canceled`.
    pub status: String,
    pub sent_at: i64,
    pub sent_by: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    pub name: String,
    pub display_name: String,
    pub payload_url: String,
    pub active: bool,
    pub format: String,
    #[serde(default)]
    pub filters: Vec<String>,
    #[serde(default)]
    pub groups: Vec<String>,
    /// Stands for the secret, which is kept nowhere; empty when there is none.
    pub secret_hash: String,
    #[serde(default)]
    pub deliveries: Vec<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    pub id: String,
    pub name: String,
    pub url: String,
    #[serde(default)]
    pub thumbprints: Vec<String>,
    pub max_expiration: Option<i64>,
    pub jwks: Option<Value>,
    pub created: i64,
    pub modified: i64,
    /// The id of its policy set.
    pub policies: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySet {
    pub id: String,
    pub version: i64,
    pub policies: Vec<Value>,
    pub created: i64,
    pub modified: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GithubTeam {
    /// The GitHub organization it belongs to.
    pub organization: String,
    pub name: String,
    pub slug: String,
    pub description: String,
    #[serde(default)]
    pub members: Vec<String>,
}

/// One line of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    pub timestamp: i64,
    pub event: String,
    pub description: String,
    pub login: String,
    pub token_id: Option<String>,
    pub token_name: Option<String>,
    pub reason: Option<String>,
    pub admin: bool,
}

impl State {
    /// The next id of a sort: `r-1`, `r-2`, …
    pub fn next_id(&mut self, letter: &str) -> String {
        let counter = self.counters.entry(letter.to_owned()).or_default();
        *counter += 1;
        format!("{letter}-{counter}")
    }

    /// Somebody of either roster.
    pub fn member(&self, login: &str) -> Option<&Member> {
        self.members.get(&login.to_lowercase())
    }

    /// Somebody who has joined, under whatever spelling of the login.
    pub fn joined(&self, login: &str) -> Option<&Member> {
        self.member(login).filter(|it| it.known)
    }

    pub fn role_by_identifier(&self, identifier: &str) -> Option<&Role> {
        self.roles.values().find(|it| it.default_identifier.as_deref() == Some(identifier))
    }

    /// The old projection of a member's role: a built-in one by name, any other as `member`.
    pub fn plain_role(&self, member: &Member) -> &str {
        if !member.known {
            return "potential-member";
        }
        let identifier = self.roles.get(&member.role).and_then(|it| it.default_identifier.as_deref());
        match identifier {
            Some(known @ ("admin" | "billing-manager")) => known,
            _ => "member",
        }
    }

    /// People whose seat counts: billing managers and strangers do not.
    pub fn member_count(&self) -> usize {
        self.members
            .values()
            .filter(|it| it.known && it.frontend)
            .filter(|it| self.plain_role(it) != "billing-manager")
            .count()
    }

    /// Ends a token's life: its value is refused from now on, and its name stays burnt.
    pub fn revoke(&mut self, id: &str) -> Option<Token> {
        let token = self.tokens.remove(id)?;
        self.revoked.insert(token.hash.clone());
        Some(token)
    }
}
