//! Users of the identity provider's directory (SCIM): who they are, and whether they are active.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kinds::{self, Draft, Facts, Finished, Kind, Reader, Shape, World};
use crate::model::{
    Action, Call, FieldRule, Into, LiveObject, Method, Phase, Problem, Read, Reference, Scope, Segment, Snapshot, Verb,
};

/// The kind.
pub struct ScimUser;

/// A user of the identity provider's directory, under their user name.
///
/// Nobody is deleted there; `active: false` ends their access.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "SCIM user")]
pub struct ScimUserSpec {
    /// The given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Whether the user may sign in. Left out: stays as it is, and newcomers are active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

static FACTS: Facts = Facts {
    word: "scim-user",
    section: "scim.users",
    about: "Users of the identity provider's directory, by user name.",
    key_about: "The user name, often an e-mail address. Upper and lower case are one. It cannot change.",
    name_pattern: None,
    snippet: || json!({"${1:erin@example.com}": {"givenName": "${2:Erin}", "familyName": "${3:Ek}", "active": true}}),
    ignores_case: true,
    shape: Shape::Map,
    fields: &[("givenName", FieldRule::Value), ("familyName", FieldRule::Value), ("active", FieldRule::Value)],
    renamable: false,
    prunable: false,
    deletion_is_dangerous: false,
    leans_on: &[],
    holds_back: &[],
    protected_list: None,
};

impl Kind for ScimUser {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<ScimUserSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<ScimUserSpec>(spec)
    }

    fn check(&self, _name: &str, _spec: &Value) -> Vec<Problem> {
        Vec::new()
    }

    fn references(&self, _name: &str, _spec: &Value) -> Vec<Reference> {
        Vec::new()
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(UserReader { scope, users: Vec::new(), total: None })
    }

    fn is_of_directory(&self) -> bool {
        true
    }

    fn steps(&self, draft: &mut Draft, world: &World) -> Vec<Action> {
        match draft.verb() {
            Verb::Create => vec![create(draft, world)],
            Verb::Update => change(draft, world).into_iter().collect(),
            // Nobody is deleted, renamed or made anew.
            Verb::Delete | Verb::Rename | Verb::Replace => Vec::new(),
        }
    }
}

/// The danger of a group with a user who is not active.
pub(super) const INACTIVE: &str = "inactive-user";

/// A path of the directory: `scim/v2/ORG/…`.
pub(super) fn path<S: AsRef<str>>(org: &str, rest: impl IntoIterator<Item = S>) -> Vec<String> {
    let mut path = vec!["scim".to_owned(), "v2".to_owned(), org.to_owned()];
    path.extend(rest.into_iter().map(|it| it.as_ref().to_owned()));
    path
}

/// A request that changes parts of a resource.
pub(super) fn patch(path: Vec<String>, operations: Vec<Value>) -> Call {
    const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    Call::new(Method::Patch, path).body(json!({"schemas": [SCHEMA], "Operations": operations}))
}

/// The id of a user, or the place of it where the same plan makes the user.
pub(super) fn id_of(world: &World, name: &str) -> Option<Segment> {
    if let Some(live) = world.live("scim-user", name) {
        return live.facts["id"].as_str().map(Segment::from);
    }
    let id = world.entry("scim-user", name)?.id.clone();
    Some(Segment::Hole(crate::model::Hole::Kept { of: id, what: "id".to_owned() }))
}

/// Whether a user is not active once the plan is carried out.
pub(super) fn ends_inactive(world: &World, name: &str) -> bool {
    let declared = world.entry("scim-user", name).map(|it| world.spec(it)["active"].clone());
    let active =
        declared.filter(Value::is_boolean).or_else(|| Some(world.live("scim-user", name)?.spec["active"].clone()));
    active == Some(json!(false))
}

/// A user who is to be inactive and in a group of the manifest.
fn contradiction(draft: &mut Draft, world: &World) {
    let groups = world.desired.entries.values().filter(|it| it.id.kind == "scim-group");
    for group in groups {
        let members = world.spec(group);
        let mut members = members["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if members.any(|it| it.eq_ignore_ascii_case(&draft.change.name)) {
            let sentence =
                format!("{} would not be active any more, and {} has them as a member", draft.change.id, group.id);
            draft.findings.push((INACTIVE.into(), sentence));
        }
    }
}

fn create(draft: &mut Draft, world: &World) -> Action {
    let name = draft.change.name.clone();
    let after = &mut draft.change.after;
    if after["active"].is_null() {
        after["active"] = json!(true);
    }
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "active": after["active"],
    });
    for field in ["givenName", "familyName"].into_iter().filter(|it| !after[*it].is_null()) {
        body["name"][field] = after[field].clone();
    }
    if name.contains('@') {
        body["emails"] = json!([{"type": "work", "value": name, "primary": true}]);
    }
    let call = Call::new(Method::Post, path(world.org(), ["Users"])).body(body);
    Action::new(Phase::Grow, "create", vec![call.capture("/id", Into::Keep("id".to_owned()))])
}

fn change(draft: &mut Draft, world: &World) -> Option<Action> {
    let id = draft.live?.facts["id"].as_str()?.to_owned();
    let wire = |field: &str| if field == "active" { field.to_owned() } else { format!("name.{field}") };
    let fields = draft.change.fields.iter().map(|it| (&it.path[1..], &it.after));
    let operations = fields.map(|(it, after)| json!({"op": "replace", "path": wire(it), "value": after})).collect();
    let call = patch(path(world.org(), ["Users", &id]), operations);
    let (phase, what) = match draft.field("/active").map(|it| it.after == json!(true)) {
        Some(false) => {
            contradiction(draft, world);
            (Phase::Shrink, "deactivate")
        }
        Some(true) => (Phase::Grow, "activate"),
        None => (Phase::Grow, "change"),
    };
    let mut action = Action::new(phase, what, vec![call]);
    action.enables = what == "activate";
    Some(action)
}

/// Reads all users, page by page: the first page tells how many there are.
struct UserReader {
    scope: Scope,
    users: Vec<Record>,
    total: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Users {
    total_results: usize,
    #[serde(rename = "Resources", default)]
    resources: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    user_name: String,
    #[serde(default)]
    name: Name,
    #[serde(default)]
    active: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
}

/// The most that one page may hold.
const PAGE: usize = 100;

impl UserReader {
    fn users(&self, start: usize) -> Read {
        let read = Read::whole("users", path(&self.scope.organization.name, ["Users"]));
        read.query("startIndex", &start.to_string()).query("count", &PAGE.to_string())
    }
}

impl Reader for UserReader {
    fn start(&mut self) -> Vec<Read> {
        vec![self.users(1)]
    }

    fn page(&mut self, _read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        let page: Users = kinds::page(body)?;
        // A page may hold fewer than were asked for: the next ones begin behind what the first one held.
        let held = page.resources.len();
        self.users.extend(page.resources);
        if self.total.is_some() {
            return Ok(Vec::new());
        }
        self.total = Some(page.total_results);
        let starts = if held == 0 { Vec::new() } else { (held + 1..=page.total_results).step_by(held).collect() };
        Ok(starts.into_iter().map(|it| self.users(it)).collect())
    }

    fn finish(self: Box<Self>, _before: &Snapshot) -> Finished {
        let Self { mut users, total, .. } = *self;
        users.sort_by(|a, b| a.id.cmp(&b.id));
        users.dedup_by(|a, b| a.id == b.id);
        let lacks = total.filter(|it| *it > users.len());
        let incomplete =
            lacks.map(|it| format!("the directory says that it has {it} users, and lists {}", users.len()));
        let objects = users.into_iter().map(|it| LiveObject {
            name: it.user_name,
            spec: json!({"givenName": it.name.given_name, "familyName": it.name.family_name, "active": it.active}),
            facts: json!({"id": it.id}),
            ..LiveObject::default()
        });
        Finished { objects: objects.collect(), incomplete, ..Finished::default() }
    }
}
