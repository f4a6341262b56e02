//! Access tokens of the organization and of teams: which are alive, and where a new one's value goes.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod access;
mod read;
mod rehearsal;
mod steps;
mod traces;

pub(crate) use read::{logical_name, moment};
pub(crate) use steps::was_just_used;

use crate::kinds::member::built_in_role_like;
use crate::kinds::rights::switched_off;
use crate::kinds::settings;
use crate::kinds::words::{Date, RoleName, SinkAddress, TokenScope};
use crate::kinds::{self, Draft, Facts, Kind, Reader, Right, Shape, World, role};
use crate::model::access::{Grants, Part};
use crate::model::{
    Action, Call, Change, Desired, Duration, FieldChange, FieldRule, Instant, LiveObject, Organization, Phase, Problem,
    Reference, ResourceId, Scope, Severity, Verb, name,
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
    shape: Shape::Map,
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

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/tokens", &["org_token:read"]),
    Right::new("GET /api/orgs/*/teams/*/tokens", &["team:list_tokens"]),
    Right::new("POST /api/orgs/*/tokens", &["org_token:create"]),
    Right::new("POST /api/orgs/*/teams/*/tokens", &["team:create_token"]),
    Right::new("DELETE /api/orgs/*/tokens/*", &["org_token:delete"]),
    Right::new("DELETE /api/orgs/*/teams/*/tokens/*", &["team:delete_token"]),
];

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

    fn check(&self, name: &str, spec: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if name.chars().count() > LONGEST_NAME {
            let message = format!("`{name}` has {} characters; {LONGEST_NAME} is the most", name.chars().count());
            let help = "the service keeps names of 40 characters, and bylaws adds the rotation and a nonce";
            problems.push(Problem::error("E0417", "", message).help(help));
        }
        problems.extend(check_role(name, spec));
        problems.extend(check_times(name, spec));
        problems.extend(spec["saveTo"].as_str().and_then(check_sink));
        problems
    }

    fn check_beside(&self, name: &str, spec: &Value, desired: &Desired) -> Vec<Problem> {
        let (Some(most), Some(lifetime)) = (settings::token_lifetime(desired), spec["lifetime"].as_str()) else {
            return Vec::new();
        };
        if lifetime.parse::<Duration>().is_ok_and(|it| it <= most) {
            return Vec::new();
        }
        let message = format!("token `{name}` would live longer than the {most} that `settings` allow");
        let problem = Problem::error("E0421", "/lifetime", message);
        vec![problem.help("write a shorter `lifetime`, or a longer `settings.maxTokenLifetime`")]
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let mut references = Vec::new();
        if let Some(team) = spec["scope"].as_str().and_then(|it| it.strip_prefix("team/")) {
            references.push(Reference {
                pointer: "/scope".to_owned(),
                part: Some(("team/".len(), team.chars().count())),
                to: ResourceId::new("team", team),
                role: "belongs to a team",
            });
        }
        if let Some(role) = spec["role"].as_str().filter(|it| built_in_role_like(it) != Some(it)) {
            let to = ResourceId::new("role", role);
            references.push(Reference { pointer: "/role".to_owned(), part: None, to, role: "has a role" });
        }
        references
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::TokenReader::new(scope))
    }

    fn holds(&self, name: &str, spec: &Value) -> Vec<ResourceId> {
        self.references(name, spec).into_iter().map(|it| it.to).collect()
    }

    fn goes_with(&self, live: &LiveObject) -> Option<ResourceId> {
        // A team's tokens die with it, and revoking them one by one before would be no safer (CONTRACT 3.5).
        live.spec["scope"].as_str()?.strip_prefix("team/").map(|it| ResourceId::new("team", it))
    }

    fn imported(&self, live: &LiveObject) -> Result<Value, String> {
        let older = steps::generations(live).map(|it| it.older).unwrap_or_default();
        if !older.is_empty() {
            // Declared, it would be one token, and the others its predecessors, which are revoked in time.
            let names: Vec<String> = older.iter().map(|it| format!("`{}`", it.name)).collect();
            return Err(format!(
                "{} is alive under the same name, and would be revoked as its predecessor",
                names.join(", ")
            ));
        }
        let mut spec = kinds::without_empty(live, &[]);
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|field, value| field != "rotation" || *value != 1);
        }
        Ok(spec)
    }

    fn import_remark(&self) -> Option<&'static str> {
        Some("where the value of a token goes is not known: give it `saveTo` before it is rotated or renewed")
    }

    fn lets_go(&self, change: &Change, of: &ResourceId) -> bool {
        // While a predecessor overlaps with its successor, it holds on to what it was made with.
        let revoked = change.steps.iter().any(|it| it.phase == Phase::Delete);
        revoked && !self.holds(&change.name, &change.after).contains(of)
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
        change: &Change,
        live: Option<LiveObject>,
        world: &World,
    ) -> Result<Option<LiveObject>, String> {
        rehearsal::rehearse(call, &change.name, live, world)
    }

    fn reports_on(&self) -> &'static [&'static str] {
        &["member"]
    }

    fn ends(&self, live: &LiveObject) -> Option<Instant> {
        steps::generations(live).map(|it| Instant(it.current.expires)).filter(|it| it.0 != 0)
    }

    fn traces(&self, live: &LiveObject, world: &World) -> Vec<(ResourceId, String)> {
        steps::generations(live).map(|it| traces::of(&it, &live.spec, world.now())).unwrap_or_default()
    }

    fn administers(&self, spec: &Value) -> bool {
        spec["role"] == "admin"
    }

    fn lasting(&self, live: &LiveObject) -> Value {
        // A token that is used is the same token.
        let unused = |it: &read::LiveToken| read::LiveToken { last_used: None, ..it.clone() };
        let tokens = steps::generations(live)
            .map(|it| read::Generations { current: unused(&it.current), older: it.older.iter().map(unused).collect() });
        serde_json::to_value(tokens).unwrap_or_default()
    }

    fn carries_caller(&self, live: &LiveObject, world: &World) -> bool {
        let generations =
            steps::generations(live).into_iter().flat_map(|it| std::iter::once(it.current).chain(it.older));
        generations.into_iter().any(|it| steps::is_in_use_by_caller(&it, world))
    }

    fn is_of_caller(&self, name: &str, world: &World) -> Option<bool> {
        Some(world.live.caller.token.as_deref().is_some_and(|it| read::logical_name(it).0 == name))
    }

    fn forbidden(&self, call: &Call) -> Option<String> {
        steps::is_of_organization(call).then(|| {
            "a token of the organization that was made as an administrator's before roles had scopes may do everything \
             but make and revoke tokens of the organization: if one is in use, use a person's token, or one with a role \
             that says so"
                .to_owned()
        })
    }

    fn out_of_reach(&self, call: &Call, world: &World) -> Option<String> {
        let caller = &world.live.caller;
        let name = caller.token.as_ref().filter(|_| caller.team.is_none() && steps::is_of_organization(call))?;
        let tokens = world.live.kind(FACTS.word);
        let role = tokens.objects.values().find_map(|live| {
            let current = steps::generations(live)?.current;
            steps::is_in_use_by_caller(&current, world).then(|| live.spec["role"].as_str().unwrap_or("member"))
        });
        // Another role was given when roles had scopes, and says what it permits.
        role.is_none_or(|it| it == "admin").then(|| {
            format!(
                "the token in use, `{name}`, is one of the organization's: if it was made as an administrator's before \
                 roles had scopes, which the service does not tell, it may do everything but make and revoke tokens of \
                 the organization; a person's token may, or one with a role that says so"
            )
        })
    }

    fn events(&self, verb: Verb) -> Option<&'static [&'static str]> {
        match verb {
            Verb::Create => Some(&["organization-token-deleted", "team-token-deleted"]),
            Verb::Delete => Some(&["organization-token-created", "team-token-created"]),
            // Nobody can change a token: it comes to its end, or the manifest asks for another.
            Verb::Update | Verb::Rename | Verb::Replace => None,
        }
    }

    fn is_called(&self, name: &str, change: &Change, _live: Option<&LiveObject>) -> bool {
        read::logical_name(name).0 == change.name
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn permissions_of_caller(&self, live: &LiveObject, world: &World) -> Option<BTreeSet<String>> {
        let current = steps::generations(live)?.current;
        // Without a role of its own, it may do what a regular member may do.
        let role = live.spec["role"].as_str().unwrap_or("member");
        role::permissions(world, Some(role).filter(|_| steps::is_in_use_by_caller(&current, world))?)
    }

    fn unavailable(&self, spec: &Value, organization: &Organization) -> Option<String> {
        let custom = spec["role"].as_str().is_some_and(|it| built_in_role_like(it) != Some(it));
        let roles = switched_off(organization, "customRolesEnabled", "custom roles, which tokens are given,");
        let tokens = "access tokens of organizations and teams";
        switched_off(organization, "machineTokensEnabled", tokens).or(roles.filter(|_| custom))
    }

    fn part(&self) -> Part {
        Part::Acts
    }

    fn access<'a>(&self, name: &'a str, spec: &'a Value, _live: Option<&'a LiveObject>) -> Grants<'a> {
        access::grants(name, spec)
    }

    fn access_scope(&self, scope: &mut Scope) {
        scope.in_full = true;
    }
}

/// 40, which the service allows, without the dot, four digits of rotation, the hyphen and six of nonce.
const LONGEST_NAME: usize = 28;

fn check_role(name: &str, spec: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(role) = spec["role"].as_str() else { return problems };
    if spec["scope"].as_str().is_some_and(|it| it.starts_with("team/")) {
        let message = format!("token `{name}` belongs to a team and cannot have a `role`");
        let help = "leave it out: it may do what the team may do; or give it `scope: organization`";
        problems.push(Problem::error("E0412", "/role/#", message).help(help));
    }
    problems.extend(check_token_role(&format!("token `{name}`"), role, "/role"));
    problems
}

/// A role that no token can have, whoever makes it.
pub(super) fn check_token_role(whose: &str, role: &str, pointer: &str) -> Option<Problem> {
    match built_in_role_like(role)? {
        "admin" if role == "admin" => None,
        "admin" => {
            let message = format!("`{role}` is not how the built-in role `admin` is written");
            Some(Problem::error("E0409", pointer, message).help("write `admin`"))
        }
        _ => {
            let message = format!("{whose} cannot have the built-in role `{role}`");
            let help = "name a custom role, or `admin`; left out, it may do what a regular member may do";
            Some(Problem::error("E0409", pointer, message).help(help))
        }
    }
}

/// Times that no clock is needed for to see that they are wrong.
fn check_times(name: &str, spec: &Value) -> Vec<Problem> {
    const DAY: i64 = 86_400;
    let mut problems = Vec::new();
    let seconds = |field: &str| spec[field].as_str().and_then(|it| it.parse::<Duration>().ok()).map(|it| it.seconds);
    if spec.get("lifetime").is_some() && spec.get("expires").is_some() {
        let message = format!("token `{name}` has both `lifetime` and `expires`");
        problems.push(Problem::error("E0411", "/expires/#", message).help("give one of them"));
    }
    match seconds("lifetime") {
        Some(0) => problems.push(Problem::error("E0413", "/lifetime", format!("token `{name}` would never be alive"))),
        Some(lifetime) if lifetime > 731 * DAY => {
            let message = format!("token `{name}` would live longer than the two years that the service allows");
            problems.push(Problem::error("E0413", "/lifetime", message).help("write at most `730d`"));
        }
        Some(lifetime) if seconds("renewBefore").is_some_and(|it| it >= lifetime) => {
            let message =
                format!("token `{name}` would be renewed by every plan: `renewBefore` is not below `lifetime`");
            problems.push(Problem::error("E0413", "/renewBefore", message).help("write a shorter time"));
        }
        _ => {}
    }
    if let Some(expires) = spec["expires"].as_str() {
        let sensible = |it: &Instant| (2025..2101).any(|year| it.to_text().starts_with(&year.to_string()));
        match Instant::parse(expires) {
            Err(_) => {
                let message = format!("`{expires}` is no day of the calendar");
                problems.push(Problem::error("E0413", "/expires", message).help("write a day such as 2027-05-01"));
            }
            Ok(moment) if !sensible(&moment) => {
                let message =
                    format!("token `{name}` cannot expire on `{expires}`: the service allows two years from now");
                problems.push(Problem::error("E0413", "/expires", message));
            }
            Ok(_) => {}
        }
    }
    if spec.get("renewBefore").is_some() && spec.get("lifetime").is_none() {
        let message = match spec.get("expires") {
            None => format!("token `{name}` never expires, so that `renewBefore` does nothing"),
            Some(_) => format!("token `{name}` has no `lifetime`: renewed, its successor would expire on the same day"),
        };
        let problem =
            Problem::error("E0413", "/renewBefore/#", message).help("give it a `lifetime`, or leave this out");
        problems.push(Problem { severity: Severity::Warning, ..problem });
    }
    problems
}

/// Where a value may go: never out of the working directory, never to a command the manifest itself defines.
fn check_sink(address: &str) -> Option<Problem> {
    let (kind, rest) = address.split_once(':').unwrap_or((address, ""));
    let why = match kind {
        "file" => file_refusal(rest)?,
        "command" if rest.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.')) => return None,
        "command" => {
            "a command is named here and defined on the command line: letters, digits, `-`, `_` and `.`".to_owned()
        }
        "environment" => {
            let refusal = match rest.split_once('#') {
                Some((_, "")) | None => Some("it does not say where in the environment".to_owned()),
                Some((environment, path)) if path.chars().any(name::is_invisible) => {
                    name::qualified_refusal(environment).or(Some("its path holds an invisible character".to_owned()))
                }
                Some((environment, _)) => name::qualified_refusal(environment),
            };
            format!("{}; write environment:PROJECT/ENVIRONMENT#path", refusal?)
        }
        _ => return None,
    };
    Some(Problem::error("E0414", "/saveTo", format!("`{}` is no place for a value: {why}", name::visible(address))))
}

fn file_refusal(path: &str) -> Option<String> {
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with(['/', '~']) || drive {
        return Some("the path is absolute; write it relative to the working directory".to_owned());
    }
    if path.contains('\\') {
        return Some("write `/` between the parts of the path".to_owned());
    }
    if path.chars().any(name::is_invisible) || path.trim() != path {
        return Some("the path holds an invisible character or ends in white space".to_owned());
    }
    if path.split('/').any(|it| it == "..") {
        return Some("the path leads out of the working directory".to_owned());
    }
    let is_directory = matches!(path.rsplit('/').next(), None | Some("" | "."));
    is_directory.then(|| "the path names a directory".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Token;
    use crate::kinds::Kind;
    use crate::model::{LiveObject, Severity};

    fn problems(mut spec: Value) -> Vec<(&'static str, String)> {
        if spec.get("scope").is_none() {
            spec["scope"] = "organization".into();
        }
        Token.check("ci", &spec).into_iter().map(|it| (it.code, it.pointer)).collect()
    }

    fn one(code: &'static str, pointer: &str) -> Vec<(&'static str, String)> {
        vec![(code, pointer.to_owned())]
    }

    #[test]
    fn a_token_with_predecessors_is_not_imported() {
        let token = |name: &str| json!({"id": "t", "name": name, "rotation": 1, "expires": 0});
        let live = |older: Value| LiveObject {
            name: "ci".to_owned(),
            spec: json!({"scope": "organization", "description": "", "rotation": 1}),
            facts: json!({"current": token("ci"), "older": older}),
            ..LiveObject::default()
        };
        assert_eq!(Token.imported(&live(json!([]))), Ok(json!({"scope": "organization"})));
        let why = Token.imported(&live(json!([token("ci.1-abcdef")]))).unwrap_err();
        assert!(why.contains("`ci.1-abcdef`"), "{why}");
    }

    #[test]
    fn the_name_leaves_room_for_rotation_and_nonce() {
        let spec = json!({"scope": "organization"});
        assert_eq!(Token.check(&"x".repeat(28), &spec), []);
        assert_eq!(Token.check(&"x".repeat(29), &spec)[0].code, "E0417");
    }

    #[test]
    fn one_end_of_life() {
        assert_eq!(problems(json!({"lifetime": "90d", "expires": "2027-05-01"})), one("E0411", "/expires/#"));
        assert_eq!(problems(json!({"lifetime": "90d", "renewBefore": "14d"})), []);
        assert_eq!(problems(json!({"lifetime": "0d"})), one("E0413", "/lifetime"));
        assert_eq!(problems(json!({"lifetime": "3650d"})), one("E0413", "/lifetime"));
        assert_eq!(problems(json!({"lifetime": "7d", "renewBefore": "14d"})), one("E0413", "/renewBefore"));
    }

    #[test]
    fn expiry_is_a_day_of_our_time() {
        for expires in ["2027-02-30", "2027-13-01", "1970-01-01", "2106-01-01", "9999-12-31", "2027-05-01T25:00:00Z"] {
            assert_eq!(problems(json!({"expires": expires})), one("E0413", "/expires"), "{expires}");
        }
        for expires in ["2027-05-01", "2027-05-01T12:00:00+02:00"] {
            assert_eq!(problems(json!({"expires": expires})), [], "{expires}");
        }
    }

    #[test]
    fn renewal_without_an_end_is_a_warning() {
        let problems = Token.check("ci", &json!({"scope": "organization", "renewBefore": "1d"}));
        assert_eq!((problems.len(), problems[0].severity), (1, Severity::Warning));
    }

    #[test]
    fn only_tokens_of_the_organization_have_a_role() {
        assert_eq!(problems(json!({"scope": "team/web", "role": "deployer"})), one("E0412", "/role/#"));
        assert_eq!(problems(json!({"role": "admin"})), []);
        assert_eq!(problems(json!({"role": "Admin"})), one("E0409", "/role"));
        assert_eq!(problems(json!({"role": "billing-manager"})), one("E0409", "/role"));
    }

    #[test]
    fn values_stay_below_the_working_directory() {
        for place in [
            "file:/etc/passwd",
            "file:../x",
            "file:a/../../x",
            "file:C:/x",
            "file:~/x",
            "file:a\\b",
            "file:a/",
            "file:.",
            "file:a\u{200b}",
            "command:sh -c x",
            "environment:ci",
            "environment:a/b",
            "environment:a/b#",
            "environment:../b#x",
        ] {
            assert_eq!(problems(json!({"saveTo": place})), one("E0414", "/saveTo"), "{place}");
        }
        for place in
            ["file:secrets/ci", "file:./a..b", "file:.tokens/x", "command:gh-secret", "environment:ci/tokens#a.b"]
        {
            assert_eq!(problems(json!({"saveTo": place})), [], "{place}");
        }
    }

    #[test]
    fn team_and_role_are_references() {
        let spec = json!({"scope": "team/web", "role": "deployer"});
        let to: Vec<String> = Token.references("ci", &spec).into_iter().map(|it| it.to.to_string()).collect();
        assert_eq!(to, ["team/web", "role/deployer"]);
        assert_eq!(Token.references("ci", &json!({"scope": "organization", "role": "admin"})), []);
    }
}
