//! What the service says, in the words of the manifest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Instant, ResourceId};

/// One object as it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveObject {
    /// Its name, as the service spells it.
    pub name: String,
    /// What a person would have written to get it: the shape of the kind's spec.
    pub spec: Value,
    /// Ids and whatever else the kind needs to make its calls. Never compared, never shown.
    #[serde(default)]
    pub facts: Value,
    /// Fields of the spec that could not be read (JSON pointers): unknown, never empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown: BTreeSet<String>,
    /// Entries of mappings (JSON pointers) that the service itself gives and holds on to: never compared,
    /// neither given nor taken.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub inherent: BTreeSet<String>,
    /// Whether only the list was read, so that the spec lacks what the detail would tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outline: bool,
    /// Who manages it, where that is not us: the whole object is recognized and left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// Why it is not there yet though it was asked for, where somebody outside has to agree first: it is
    /// not asked for again, and nothing can refer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<String>,
    /// Why it must never be deleted, where the service itself says so (built-in, default role, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<String>,
}

/// All that was read of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KindState {
    /// By the kind's matching key (a login in lower case, any other name as it is).
    pub objects: BTreeMap<String, LiveObject>,
    /// Why the list may lack something; then nothing is deleted or created on the strength of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Objects that are there, or may be, but could not be read, by matching key, and why: nothing is
    /// planned for them, and they are in no other list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_objects: BTreeMap<String, String>,
    /// What the kind needs to know beside its objects, such as the ids of stacks. Never compared, never shown.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
    /// Whether the list was read at all. Not read is not empty.
    pub read: bool,
}

/// Who is asking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The login, as `GET /api/user` tells it.
    pub login: String,
    /// The name of the machine token in use; `None` for a person's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The team the machine token belongs to, if to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// What `GET /api/orgs/{org}/metadata` says that matters here. Absent is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// The slug in URLs.
    pub name: String,
    /// `pulumi`, `github`, `saml`, `single-user`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The caller's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_role: Option<String>,
    /// `not-locked`, or why it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// How many people it has, billing managers not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_count: Option<u64>,
    /// The longest life of a token, in days; 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_access_token_expiry_days: Option<i64>,
    /// The id of the role that newcomers get; left out by the service where that is the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_role_id: Option<String>,
    /// What every member may do with every stack, as the service numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_stack_permission: Option<i64>,
    /// Whether members can create teams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_can_create_teams: Option<bool>,
    /// What every regular member may do with every environment, such as `read`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_environment_permission: Option<String>,
    /// Switches of the plan, by name. Absent is unknown, not off.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<String, bool>,
}

/// The live organization as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The service's address, for people and the checksum.
    pub backend: String,
    /// The organization.
    pub organization: Organization,
    /// Who asked.
    pub caller: Caller,
    /// By the kind's word.
    pub kinds: BTreeMap<String, KindState>,
    /// What could not be seen, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
    /// The moment against which age is judged.
    #[serde(default = "epoch")]
    pub now: Instant,
    /// How many requests it took to read all this.
    #[serde(default)]
    pub requests: usize,
}

fn epoch() -> Instant {
    Instant(0)
}

impl Snapshot {
    /// The state of a kind; an unread one where it was not read.
    pub fn kind(&self, kind: &str) -> &KindState {
        static UNREAD: KindState = KindState {
            objects: BTreeMap::new(),
            incomplete: None,
            unknown_objects: BTreeMap::new(),
            facts: Value::Null,
            read: false,
        };
        self.kinds.get(kind).unwrap_or(&UNREAD)
    }

    /// The live object under its kind's matching key.
    pub fn object(&self, kind: &str, key: &str) -> Option<&LiveObject> {
        self.kind(kind).objects.get(key)
    }

    /// Whether `id` is live, where `key` is its kind's matching key.
    pub fn has(&self, id: &ResourceId, key: &str) -> bool {
        self.object(&id.kind, key).is_some()
    }
}
