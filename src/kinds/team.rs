//! Teams: who is in them, who administers them, and which stacks and environments they reach.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod access;
mod read;
mod rehearsal;
mod steps;

use crate::kinds::member::built_in_role_like;
use crate::kinds::rights::switched_off;
use crate::kinds::words::{Login, QualifiedName, RoleName};
use crate::kinds::{self, Budget, Draft, Facts, Kind, Reader, Recipients, Right, Shape, World, role, things};
use crate::model::access::{Grants, Part};
use crate::model::node::pointer_part;
use crate::model::{
    Action, Call, Change, Duration, FieldRule, LiveObject, Organization, Problem, Reference, ResourceId, Scope,
    Severity, Verb, name,
};

/// The kind.
pub struct Team;

/// A team: people who reach the same stacks and environments.
///
/// A field that is left out keeps its live value; an empty list says "nobody" or "nothing".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Team")]
pub struct TeamSpec {
    /// Where the team's people come from. Left out: `pulumi`. Changing it deletes the team and makes it anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<TeamKind>,
    /// The number of the GitHub team. Needed to make a team of kind `github`, and only for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub github_team_id: Option<i64>,
    /// The name people see, at most 100 characters. Left out: the live one stays, and a new team shows its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub display_name: Option<String>,
    /// What the team is for. `""` says that there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Logins. The team holds exactly these people, who must be members of the organization; `[]` says nobody.
    /// Left out: whoever is in the team stays. Not for teams of kind `github` or `scim`, whose people come
    /// from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub members: Option<Vec<Login>>,
    /// Logins, out of `members`: exactly these people administer the team, which means that they can add and
    /// remove people. Left out: whoever administers it still does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub admins: Option<Vec<Login>>,
    /// A role that everybody in the team has besides their own: the name of a custom role, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<TeamRole>,
    /// Permissions on stacks, by `project/stack`. The team has exactly these; `{}` says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacks: Option<BTreeMap<QualifiedName, StackPermission>>,
    /// Permissions on environments, by `project/environment`. The team has exactly these; `{}` says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeMap<QualifiedName, EnvironmentGrant>>,
}

/// Where a team's people come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TeamKind {
    /// From this manifest, or from the console.
    Pulumi,
    /// From a team on GitHub; its people and its name are never written here.
    Github,
    /// From the identity provider, over SCIM; its people and its name are never written here.
    Scim,
}

/// What a team may do with a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StackPermission {
    /// See the stack, its outputs and its history.
    Read,
    /// Update the stack as well.
    Write,
    /// Everything: delete it, and decide who else may do what.
    Admin,
}

/// What a team may do with an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentPermission {
    /// See the definition, without secrets.
    Read,
    /// Open it, and so see its secrets.
    Open,
    /// Change it as well.
    Write,
    /// Everything: delete it, and decide who else may do what.
    Admin,
}

/// A team's permission on one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "EnvironmentGrant")]
pub struct EnvironmentGrant {
    /// What the team may do with it.
    pub permission: EnvironmentPermission,
    /// How long it may be held open at most, such as `1h`. Left out: as long as the service allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_open_duration: Option<Duration>,
}

/// A custom role, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeamRole(pub RoleName);

impl JsonSchema for TeamRole {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TeamRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The name of a custom role from `roles`, or `none`.",
            "pattern": r"^[^/\\]+$",
            "patternErrorMessage": "Write the name of a role, or none.",
        })
    }
}

static FACTS: Facts = Facts {
    word: "team",
    section: "teams",
    about: "Teams, by name.",
    key_about: "The team's name, as in addresses. A team cannot be renamed; its display name can.",
    name_pattern: None,
    snippet: || json!({"${1:name}": {"description": "${2:What it does.}", "members": ["${3:login}"]}}),
    ignores_case: false,
    shape: Shape::Map,
    fields: &[
        ("kind", FieldRule::Replaces),
        ("githubTeamId", FieldRule::Instruction),
        ("displayName", FieldRule::Value),
        ("description", FieldRule::Value),
        ("members", FieldRule::Logins),
        ("admins", FieldRule::Logins),
        ("role", FieldRule::Value),
        ("stacks", FieldRule::Map),
        ("environments", FieldRule::Map),
    ],
    renamable: false,
    prunable: true,
    deletion_is_dangerous: true,
    leans_on: &["role"],
    holds_back: &[],
    protected_list: None,
};

static RIGHTS: &[Right] = &[
    Right::new("GET /api/orgs/*/teams", &["team:list"]),
    Right::new("GET /api/orgs/*/teams/*", &["team:read"]),
    Right::new("GET /api/orgs/*/teams/*/tokens", &["team:list_tokens"]),
    Right::new("POST /api/orgs/*/teams/pulumi", &["team:create"]),
    Right::new("POST /api/orgs/*/teams/github", &["github_team:create"]),
    Right::new("PATCH /api/orgs/*/teams/*", &["team:update"]),
    Right::with("PATCH /api/orgs/*/teams/*", "addStackPermission", &["stack_access:update"]),
    Right::with("PATCH /api/orgs/*/teams/*", "editStackPermission", &["stack_access:update"]),
    Right::with("PATCH /api/orgs/*/teams/*", "removeStack", &["stack_access:update"]),
    Right::with("PATCH /api/orgs/*/teams/*", "addEnvironmentPermission", &["environment_access:update"]),
    Right::with("PATCH /api/orgs/*/teams/*", "editEnvironmentPermission", &["environment_access:update"]),
    Right::with("PATCH /api/orgs/*/teams/*", "removeEnvironment", &["environment_access:update"]),
    Right::new("POST /api/orgs/*/teams/*/roles/*", &["role:update", "team:update"]),
    Right::new("DELETE /api/orgs/*/teams/*/roles/*", &["role:update", "team:update"]),
    Right::new("DELETE /api/orgs/*/teams/*", &["team:delete"]),
];

impl Kind for Team {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<TeamSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<TeamSpec>(spec)
    }

    fn check(&self, name: &str, spec: &Value) -> Vec<Problem> {
        let mut problems = check_origin(name, spec);
        problems.extend(check_people(name, spec));
        for map in ["stacks", "environments"] {
            for it in spec[map].as_object().into_iter().flatten().map(|(key, _)| key) {
                if let Some(why) = name::qualified_refusal(it) {
                    let message = format!("team `{name}` names something under `{map}` that cannot exist: {why}");
                    problems.push(Problem::error("E0201", format!("/{map}/{}/#", pointer_part(it)), message));
                }
            }
        }
        for (environment, grant) in spec["environments"].as_object().into_iter().flatten() {
            if grant["maxOpenDuration"].as_str().is_some_and(|it| it.parse().is_ok_and(|it: Duration| it.seconds == 0))
            {
                let pointer = format!("/environments/{}/maxOpenDuration", pointer_part(environment));
                problems.push(Problem::error("E0413", pointer, "an environment cannot be open for no time at all"));
            }
        }
        problems
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let mut references = Vec::new();
        // Where both lists are given, every admin is among the members: one of them speaks for both.
        let lists = [("members", "lists a member"), ("admins", "lists an admin")];
        for (list, role) in lists.into_iter().filter(|(list, _)| *list == "members" || spec.get("members").is_none()) {
            for (index, login) in spec[list].as_array().into_iter().flatten().enumerate() {
                let to = ResourceId::new("member", login.as_str().unwrap_or_default());
                references.push(Reference { pointer: format!("/{list}/{index}"), part: None, to, role });
            }
        }
        if let Some(role) = spec["role"].as_str().filter(|it| *it != "none" && built_in_role_like(it) != Some(it)) {
            let to = ResourceId::new("role", role);
            references.push(Reference { pointer: "/role".to_owned(), part: None, to, role: "has a role" });
        }
        references
    }

    fn things(&self, spec: &Value) -> Vec<(&'static str, String)> {
        things::named(spec)
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(read::TeamReader::new(scope))
    }

    fn holds(&self, _name: &str, spec: &Value) -> Vec<ResourceId> {
        spec["role"].as_str().map(|it| ResourceId::new("role", it)).into_iter().collect()
    }

    fn recipients(&self, name: &str, spec: &Value, live: Option<&LiveObject>) -> Recipients {
        access::recipients(name, spec, live)
    }

    fn imported(&self, live: &LiveObject) -> Result<Value, String> {
        // A team that holds nobody shall go on to hold nobody.
        let mut spec = kinds::without_empty(live, &["members"]);
        let (_, elsewhere) = managed_elsewhere(live.spec["kind"].as_str().unwrap_or_default());
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|field, value| match field.as_str() {
                "kind" => value != "pulumi",
                "displayName" => *value != live.name.as_str() && !elsewhere.contains(&"displayName"),
                "role" => value != "none",
                field => !elsewhere.contains(&field),
            });
        }
        Ok(spec)
    }

    fn fills_a_file(&self) -> bool {
        true
    }

    fn is_prunable(&self, live: &LiveObject) -> bool {
        live.spec["kind"] == "pulumi"
    }

    fn gives_less(&self, field: &str, before: &Value, after: &Value, world: &World) -> bool {
        access::gives_less(field, before, after, world)
    }

    fn guarded_fields(&self) -> &'static [&'static str] {
        &["members", "stacks", "environments"]
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
        change: &Change,
        live: Option<LiveObject>,
        world: &World,
    ) -> Result<Option<LiveObject>, String> {
        rehearsal::rehearse(call, &change.name, live, world)
    }

    fn lasting(&self, live: &LiveObject) -> Value {
        // That one of its tokens was used is no change of the team.
        let tokens: Vec<&String> = live.facts["tokens"].as_object().into_iter().flat_map(|it| it.keys()).collect();
        json!({"people": live.facts["people"], "tokens": tokens})
    }

    fn carries_caller(&self, live: &LiveObject, world: &World) -> bool {
        world.live.caller.team.as_deref() == Some(live.name.as_str())
    }

    fn is_of_caller(&self, name: &str, world: &World) -> Option<bool> {
        let caller = &world.live.caller;
        if caller.token.is_some() {
            return Some(caller.team.as_deref() == Some(name));
        }
        let people = world.live("team", name).filter(|it| !it.outline)?.facts["people"].as_array()?;
        Some(people.iter().filter_map(Value::as_str).any(|it| it.eq_ignore_ascii_case(&caller.login)))
    }

    fn events(&self, verb: Verb) -> Option<&'static [&'static str]> {
        Some(match verb {
            Verb::Create => &["team-deleted"],
            Verb::Update | Verb::Rename | Verb::Replace => &["team-updated", "team-created"],
            Verb::Delete => &["team-created"],
        })
    }

    fn rights(&self) -> &'static [Right] {
        RIGHTS
    }

    fn permissions_of_caller(&self, live: &LiveObject, world: &World) -> Option<BTreeSet<String>> {
        let caller = &world.live.caller;
        let is_caller = |it: &Value| it.as_str().is_some_and(|it| it.eq_ignore_ascii_case(&caller.login));
        let belongs = match &caller.token {
            Some(_) => self.carries_caller(live, world),
            None => live.facts["people"].as_array().is_some_and(|it| it.iter().any(is_caller)),
        };
        role::permissions(world, live.spec["role"].as_str().filter(|it| belongs && *it != "none")?)
    }

    fn unavailable(&self, spec: &Value, organization: &Organization) -> Option<String> {
        if organization.kind.as_deref() == Some("single-user") {
            return Some("an organization of one person has no teams".to_owned());
        }
        let gives_a_role = spec["role"].as_str().is_some_and(|it| it != "none");
        let roles = switched_off(organization, "customRolesEnabled", "custom roles, which teams are given,");
        switched_off(organization, "teamsEnabled", "teams").or(roles.filter(|_| gives_a_role))
    }

    fn part(&self) -> Part {
        Part::Gives
    }

    fn access<'a>(&self, name: &'a str, spec: &'a Value, live: Option<&'a LiveObject>) -> Grants<'a> {
        access::grants(name, spec, live)
    }

    fn tells_access(&self, live: &LiveObject) -> bool {
        !live.outline
    }

    fn access_scope(&self, scope: &mut Scope) {
        scope.in_full = true;
    }
}

/// Who manages a team of this kind, and the fields that are theirs (CONTRACT 6).
fn managed_elsewhere(kind: &str) -> (&'static str, &'static [&'static str]) {
    match kind {
        "github" => ("GitHub", &["members", "admins", "displayName"]),
        "scim" => ("the identity provider", &["members", "displayName", "description"]),
        _ => ("nobody else", &[]),
    }
}

/// What may be written of a team depends on where its people come from.
fn check_origin(name: &str, spec: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let kind = spec["kind"].as_str().unwrap_or("pulumi");
    let (from, elsewhere) = managed_elsewhere(kind);
    for field in elsewhere.iter().filter(|it| spec.get(**it).is_some()) {
        let message = format!("`{field}` of team `{name}` is managed by {from}");
        problems
            .push(Problem::error("E0402", format!("/{field}/#"), message).help("leave it out, and change it there"));
    }
    match (kind, spec.get("githubTeamId").is_some()) {
        ("github", false) => {
            let message = format!("team `{name}` can only be managed once it exists: it has no `githubTeamId`");
            let problem = Problem::error("E0404", "", message).help("give the number of the GitHub team to create it");
            problems.push(Problem { severity: Severity::Note, ..problem });
        }
        ("github", true) | (_, false) => {}
        (_, true) => {
            let message = format!("team `{name}` is not from GitHub, and has a `githubTeamId`");
            problems
                .push(Problem::error("E0404", "/githubTeamId/#", message).help("add `kind: github`, or leave it out"));
        }
    }
    problems
}

/// Every login once, whatever its case, and the admins among the members.
fn check_people(name: &str, spec: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let logins = |list: &str| -> Vec<String> {
        spec[list].as_array().into_iter().flatten().map(|it| it.as_str().unwrap_or_default().to_lowercase()).collect()
    };
    for list in ["members", "admins"] {
        let mut seen = BTreeSet::new();
        for (index, login) in logins(list).into_iter().enumerate() {
            if let Some(twice) = seen.replace(login) {
                let message = format!("team `{name}` lists `{twice}` twice: upper and lower case are one");
                problems.push(Problem::error("E0405", format!("/{list}/{index}"), message));
            }
        }
    }
    if spec.get("members").is_some() {
        let members: BTreeSet<String> = logins("members").into_iter().collect();
        for (index, admin) in logins("admins").into_iter().enumerate().filter(|(_, it)| !members.contains(it)) {
            let message = format!("`{admin}` administers team `{name}` and is not among its members");
            let problem = Problem::error("E0403", format!("/admins/{index}"), message);
            problems.push(problem.help("list them under `members` as well"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Team;
    use crate::kinds::Kind;
    use crate::model::Severity;

    fn problems(spec: Value) -> Vec<(&'static str, String)> {
        Team.check("web", &spec).into_iter().map(|it| (it.code, it.pointer)).collect()
    }

    #[test]
    fn people_of_foreign_teams_are_not_written_here() {
        let spec = json!({"kind": "github", "githubTeamId": 1, "members": [], "displayName": "W"});
        let (members, display) = (("E0402", "/members/#".to_owned()), ("E0402", "/displayName/#".to_owned()));
        assert_eq!(problems(spec), [members.clone(), display]);
        assert_eq!(problems(json!({"kind": "scim", "members": [], "admins": ["a"]}))[0], members);
        assert_eq!(problems(json!({"kind": "scim", "admins": ["a"]})), []);
    }

    #[test]
    fn the_number_of_a_github_team_belongs_to_github_teams() {
        assert_eq!(problems(json!({"githubTeamId": 1})), [("E0404", "/githubTeamId/#".to_owned())]);
        assert_eq!(Team.check("web", &json!({"kind": "github"}))[0].severity, Severity::Note);
    }

    #[test]
    fn admins_are_members_and_nobody_is_listed_twice() {
        let spec = json!({"members": ["alice", "Bob"], "admins": ["bob", "carol"]});
        assert_eq!(problems(spec), [("E0403", "/admins/1".to_owned())]);
        assert_eq!(problems(json!({"admins": ["carol"]})), []);
        assert_eq!(problems(json!({"members": ["alice", "Alice"]})), [("E0405", "/members/1".to_owned())]);
    }

    #[test]
    fn stacks_and_environments_have_names_that_can_exist() {
        assert_eq!(problems(json!({"stacks": {"shop/..": "read"}})), [("E0201", "/stacks/shop~1../#".to_owned())]);
        let spec = json!({"environments": {"a/b": {"permission": "open", "maxOpenDuration": "0s"}}});
        assert_eq!(problems(spec), [("E0413", "/environments/a~1b/maxOpenDuration".to_owned())]);
    }

    #[test]
    fn people_and_roles_are_references() {
        let to = |spec: Value| -> Vec<String> {
            Team.references("web", &spec).into_iter().map(|it| format!("{} {}", it.pointer, it.to)).collect()
        };
        assert_eq!(
            to(json!({"members": ["a"], "admins": ["a"], "role": "r"})),
            ["/members/0 member/a", "/role role/r"]
        );
        assert_eq!(to(json!({"admins": ["a"], "role": "none"})), ["/admins/0 member/a"]);
    }
}
