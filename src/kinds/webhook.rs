//! Webhooks of the organization: which events are sent, and where to.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod read;
mod rehearsal;
mod steps;

use crate::kinds::rights::switched_off;
use crate::kinds::words::{EventName, SecretSource, WebAddress};
use crate::kinds::{self, Draft, Facts, Kind, Reader, Right, Shape, World};
use crate::model::{Action, Call, Change, FieldChange, FieldRule, LiveObject, Organization, Problem, Reference, Scope};

/// The kind.
pub struct Webhook;

/// A webhook of the organization: events of its stacks, deployments and environments are sent to an address.
///
/// No event tells of members, teams, roles or tokens. A new webhook needs `groups` or `filters`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Webhook")]
pub struct WebhookSpec {
    /// The name people see. Left out: the live one stays, and a new webhook shows its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub display_name: Option<String>,
    /// Where events are sent. It stands in this file, in plans and in reports: whoever can read those can read it.
    pub url: WebAddress,
    /// How events are written. Left out: the live one stays, and a new webhook gets `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<WebhookFormat>,
    /// Groups of events that are sent: all of `stacks`, `deployments` or `environments`. The webhook has exactly
    /// these; where `filters` is empty as well, every event is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeSet<WebhookGroup>>,
    /// Single events that are sent, such as `stack_deleted` or `update_failed`. The webhook has exactly these;
    /// where `groups` is empty as well, every event is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<BTreeSet<EventName>>,
    /// Whether events are sent at all. Left out: the live state stays, and a new webhook is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Where the secret comes from that deliveries are signed with: `env:NAME`, looked up when the webhook is made
    /// or changed. The service never tells it back, so that a new value under the same name is no difference; to
    /// send it, run `bylaws apply --resend webhook/NAME`. Left out: the secret, if there is one, is not managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretSource>,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// The service's own JSON.
    Raw,
    /// A message for Slack.
    Slack,
    /// A message for Microsoft Teams.
    MsTeams,
}

/// A group of events. Groups that a later service knows are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookGroup(pub EventName);

impl JsonSchema for WebhookGroup {
    fn schema_name() -> Cow<'static, str> {
        "WebhookGroup".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (names, texts): (Vec<_>, Vec<_>) = [
            ("stacks", "Stacks that come and go, and their updates, previews and refreshes."),
            ("deployments", "Deployments, and what drift detection finds."),
            ("environments", "Environments that come, change and go."),
        ]
        .into_iter()
        .unzip();
        let (pattern, message) = EventName::PATTERN;
        json_schema!({
            "description": "A group of events.",
            "anyOf": [
                {"type": "string", "enum": names, "enumDescriptions": texts, "markdownEnumDescriptions": texts},
                {"type": "string", "pattern": pattern, "patternErrorMessage": message},
            ],
        })
    }
}

static FACTS: Facts = Facts {
    word: "webhook",
    section: "webhooks",
    about: "Webhooks of the organization, by name.",
    key_about: "The webhook's name. A webhook cannot be renamed: another name is another webhook.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"displayName": "${2:What people see}", "url": "https://${3:hooks.example/pulumi}", "format": "raw", "groups": ["stacks", "deployments", "environments"]}}),
    ignores_case: false,
    shape: Shape::Map,
    fields: &[
        ("displayName", FieldRule::Value),
        ("url", FieldRule::Value),
        ("format", FieldRule::Value),
        ("groups", FieldRule::Set),
        ("filters", FieldRule::Set),
        ("active", FieldRule::Value),
        ("secret", FieldRule::Instruction),
    ],
    renamable: false,
    prunable: true,
    deletion_is_dangerous: false,
    leans_on: &[],
    holds_back: &[],
    protected_list: None,
};

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/hooks", &["organization_webhook:read"]),
    Right::new("GET /api/orgs/*/hooks/*", &["organization_webhook:read"]),
    Right::new("POST /api/orgs/*/hooks", &["organization_webhook:create"]),
    Right::new("PATCH /api/orgs/*/hooks/*", &["organization_webhook:update"]),
    Right::new("DELETE /api/orgs/*/hooks/*", &["organization_webhook:delete"]),
];

impl Kind for Webhook {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<WebhookSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<WebhookSpec>(spec)
    }

    fn check(&self, name: &str, spec: &Value) -> Vec<Problem> {
        let own =
            spec["secret"].as_str().filter(|it| matches!(*it, "env:PULUMI_ACCESS_TOKEN" | "env:BYLAWS_SCIM_TOKEN"));
        let Some(source) = own else { return Vec::new() };
        let message = format!("webhook `{name}` would be given `{source}`, which is the program's own token");
        vec![Problem::error("E0418", "/secret", message).help("keep the webhook's secret in a variable of its own")]
    }

    fn references(&self, _name: &str, _spec: &Value) -> Vec<Reference> {
        Vec::new()
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::WebhookReader::new(scope))
    }

    fn due(&self, spec: &Value, live: &LiveObject, world: &World) -> Vec<(FieldRule, FieldChange)> {
        steps::due(spec, live, world)
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn rehearse(
        &self,
        call: &Call,
        _change: &Change,
        live: Option<LiveObject>,
        _world: &World,
    ) -> Result<Option<LiveObject>, String> {
        rehearsal::rehearse(call, live)
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn unavailable(&self, _spec: &Value, organization: &Organization) -> Option<String> {
        switched_off(organization, "webhooksEnabled", "webhooks")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Webhook;
    use crate::kinds::Kind;

    #[test]
    fn the_programs_own_token_is_nobodys_secret() {
        let problems = |secret: &str| Webhook.check("x", &json!({"url": "https://x.example", "secret": secret}));
        assert_eq!(problems("env:PULUMI_ACCESS_TOKEN")[0].code, "E0418");
        assert_eq!(problems("env:HOOK_SECRET"), []);
    }

    #[test]
    fn groups_and_filters_are_sets() {
        let spec = json!({"url": "https://x.example", "groups": ["stacks", "deployments"], "filters": ["b", "a"]});
        let canonical = Webhook.canonical(spec).unwrap();
        assert_eq!(canonical["groups"], json!(["deployments", "stacks"]));
        assert_eq!(canonical["filters"], json!(["a", "b"]));
    }
}
