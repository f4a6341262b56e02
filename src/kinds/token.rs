//! Access tokens of the organization and of teams: which are alive, and where a new one's value goes.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod read;
mod steps;

use crate::kinds::words::{Date, RoleName, SinkAddress, TokenScope};
use crate::kinds::{self, Draft, Facts, Kind, Reader, World};
use crate::model::{
    Action, Duration, FieldChange, FieldRule, Instant, LiveObject, Problem, Reference, ResourceId, Scope,
};

/// The kind.
pub struct Token;

/// An access token of the organization or of a team.
///
/// A live token cannot be changed. To change one, raise `rotation`: a successor is made and delivered,
/// then the old one is revoked. On the service it is called `NAME.ROTATION-NONCE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Token")]
pub struct TokenSpec {
    /// Where the token belongs: `organization`, or `team/NAME`.
    pub scope: TokenScope,
    /// What it is used for. It cannot be changed without a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it may do: the name of a custom role, or `admin` for an administrator's token.
    /// Only for scope `organization`. Left out: what a regular member may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<TokenRole>,
    /// How long a new token lives, such as `90d`; at most two years. A change takes effect with the next token.
    /// Left out, with `expires` left out as well: it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Duration>,
    /// When it expires, instead of `lifetime`: a day such as `2027-05-01` (its start, UTC), or a moment.
    /// At most two years ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// A plan in the last stretch of this length renews the token: a successor is made, and the old one is revoked.
    /// Left out: nothing is renewed by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<Duration>,
    /// Raise it by one to rotate the token by hand. Left out: `1` for a new token, else what is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9999))]
    pub rotation: Option<u32>,
    /// How long the old token stays alive beside its successor; `0d` revokes it in the same run. Left out: `1d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Duration>,
    /// Where the value of a new token goes. It is told only once, so nothing is made or rotated without this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_to: Option<SinkAddress>,
}

/// A custom role, or `admin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenRole(pub RoleName);

impl JsonSchema for TokenRole {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TokenRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The name of a custom role from `roles`, or `admin` for an administrator's token.",
            "pattern": r"^[^/\\]+$",
            "patternErrorMessage": "Write the name of a role, or admin.",
        })
    }
}

static FACTS: Facts = Facts {
    word: "token",
    section: "tokens",
    about: "Access tokens, by their logical name.",
    key_about: "The token's logical name, at most 28 characters. On the service it is NAME.ROTATION-NONCE.",
    name_pattern: Some((
        r"^([^./\\\x00-\x20\x7f-\xa0]([^/\\\x00-\x1f\x7f-\x9f]{0,26}[^/\\\x00-\x20\x7f-\xa0])?|\.([^./\\\x00-\x20\x7f-\xa0]|[^/\\\x00-\x1f\x7f-\x9f]{1,26}[^/\\\x00-\x20\x7f-\xa0]))$",
        "Write a name of at most 28 characters, without / or \\ and without a space at either end.",
    )),
    snippet: || json!({"${1:name}": {"scope": "organization", "description": "${2:What it is for.}", "lifetime": "${3:90d}", "saveTo": "file:${4:secrets/token}"}}),
    ignores_case: false,
    fields: &[
        ("scope", FieldRule::Immutable),
        ("description", FieldRule::Immutable),
        ("role", FieldRule::Immutable),
        ("lifetime", FieldRule::Instruction),
        ("expires", FieldRule::Immutable),
        ("renewBefore", FieldRule::Instruction),
        ("rotation", FieldRule::Renews),
        ("overlap", FieldRule::Instruction),
        ("saveTo", FieldRule::Instruction),
    ],
    renamable: false,
    prunable: false,
    deletion_is_dangerous: false,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: None,
};

impl Kind for Token {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<TokenSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        let mut spec: TokenSpec = kinds::typed(&spec)?;
        if let Some(date) = &mut spec.expires {
            date.0 = Instant::parse(&date.0)?.to_text();
        }
        serde_json::to_value(spec).map_err(|error| error.to_string())
    }

    fn check(&self, _name: &str, _spec: &Value) -> Vec<Problem> {
        Vec::new()
    }

    fn references(&self, _name: &str, _spec: &Value) -> Vec<Reference> {
        Vec::new()
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::TokenReader::new(scope))
    }

    fn holds(&self, name: &str, spec: &Value) -> Vec<ResourceId> {
        self.references(name, spec).into_iter().map(|it| it.to).collect()
    }

    fn due(&self, spec: &Value, live: &LiveObject, world: &World) -> Vec<(FieldRule, FieldChange)> {
        steps::due(spec, live, world)
    }

    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action> {
        steps::steps(change, world)
    }

    fn carries_caller(&self, live: &LiveObject, world: &World) -> bool {
        steps::generations(live).is_some_and(|it| steps::is_in_use_by_caller(&it.current, world))
    }
}
