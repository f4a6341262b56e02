//! Settings as the organization's metadata tells them, which was read before anything else.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kinds::settings::{DAY, STACK_PERMISSIONS, SettingsSpec};
use crate::kinds::{self, Finished, Reader};
use crate::model::{Duration, LiveObject, Read, Scope, Snapshot};

/// Makes settings of the metadata; asks for the tokens where they are to live less long than today.
pub(super) struct SettingsReader {
    scope: Scope,
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    name: String,
    /// Unix seconds; 0 is never.
    #[serde(default)]
    expires: i64,
}

impl SettingsReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, tokens: Vec::new() }
    }

    /// How long tokens may live, in seconds, where that is shorter than today.
    fn shorter(&self) -> Option<i64> {
        let spec: SettingsSpec = kinds::typed(self.scope.declared.get("")?).ok()?;
        let wanted = spec.max_token_lifetime?.seconds;
        let live = self.scope.organization.max_access_token_expiry_days.unwrap_or(0) * DAY;
        (wanted > 0 && (live == 0 || wanted < live)).then_some(wanted)
    }
}

impl Reader for SettingsReader {
    fn start(&mut self) -> Vec<Read> {
        if self.shorter().is_none() {
            return Vec::new();
        }
        let path = kinds::org_path(&self.scope.organization.name, ["tokens"]);
        vec![Read::whole("tokens", path).paged().query("filter", "all").query("maxResults", "1000")]
    }

    fn page(&mut self, _read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        self.tokens.extend(kinds::page::<Tokens>(body)?.tokens);
        Ok(Vec::new())
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let organization = &self.scope.organization;
        let mut spec = Map::new();
        let mut unknown = BTreeSet::new();
        let roles = before.kind("role");
        let role = match &organization.default_role_id {
            None => Some("member".to_owned()),
            Some(id) => roles.objects.values().find(|it| it.facts["id"] == id.as_str()).map(|it| it.name.clone()),
        };
        let permission = organization.default_stack_permission;
        let permission = permission.and_then(|it| STACK_PERMISSIONS.iter().find(|known| known.1 == it));
        for (field, value) in [
            ("defaultRole", role.map(Value::from)),
            ("defaultStackPermission", permission.map(|it| json!(it.0))),
            ("membersCanCreateTeams", organization.members_can_create_teams.map(Value::from)),
            // Without a limit the service leaves it out.
            ("maxTokenLifetime", {
                let seconds = organization.max_access_token_expiry_days.unwrap_or(0) * DAY;
                Some(json!(Duration { seconds }))
            }),
        ] {
            match value {
                Some(value) => drop(spec.insert(field.to_owned(), value)),
                None => drop(unknown.insert(format!("/{field}"))),
            }
        }
        let outlived: BTreeSet<&str> = match self.shorter() {
            None => BTreeSet::new(),
            Some(most) => {
                let now = self.scope.now.0;
                let alive = self.tokens.iter().filter(|it| it.expires == 0 || it.expires > now);
                let outlives = |it: &&Token| it.expires == 0 || it.expires - now > most;
                alive.filter(outlives).map(|it| it.name.as_str()).collect()
            }
        };
        let spec = Value::Object(spec);
        let object = LiveObject {
            name: String::new(),
            spec: kinds::canonical::<SettingsSpec>(spec.clone()).unwrap_or(spec),
            facts: json!({"outlived": outlived}),
            unknown,
            ..LiveObject::default()
        };
        Finished { objects: vec![object], ..Finished::default() }
    }
}
