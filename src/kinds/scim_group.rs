//! Groups of the identity provider's directory (SCIM): who is in them. The organization sees them as teams.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kinds::scim_user::{self, patch, path};
use crate::kinds::words::UserName;
use crate::kinds::{self, Draft, Facts, Finished, Kind, Reader, Shape, World};
use crate::model::{
    Action, Call, Change, FieldRule, Hole, LiveObject, Phase, Problem, Read, Reference, ResourceId, Scope, Segment,
    Snapshot, Verb,
};

/// The kind.
pub struct ScimGroup;

/// A group of the identity provider's directory, under its display name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "SCIM group")]
pub struct ScimGroupSpec {
    /// User names. The group holds exactly these users. Left out: whoever is in it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub members: Option<Vec<UserName>>,
}

static FACTS: Facts = Facts {
    word: "scim-group",
    section: "scim.groups",
    about: "Groups of the identity provider's directory, by display name.",
    key_about: "The display name, at most 100 characters.",
    name_pattern: None,
    snippet: || json!({"${1:Platform}": {"members": ["${2:erin@example.com}"]}}),
    ignores_case: false,
    shape: Shape::Map,
    fields: &[("members", FieldRule::Logins)],
    renamable: false,
    prunable: false,
    deletion_is_dangerous: false,
    leans_on: &["scim-user", "team"],
    holds_back: &[],
    protected_list: None,
};

impl Kind for ScimGroup {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<ScimGroupSpec>()
    }

    fn canonical(&self, spec: Value) -> Result<Value, String> {
        kinds::canonical::<ScimGroupSpec>(spec)
    }

    fn check(&self, _name: &str, _spec: &Value) -> Vec<Problem> {
        Vec::new()
    }

    fn references(&self, _name: &str, spec: &Value) -> Vec<Reference> {
        let members = spec["members"].as_array().into_iter().flatten().filter_map(Value::as_str).enumerate();
        let reference = |(index, name): (usize, &str)| Reference {
            pointer: format!("/members/{index}"),
            part: None,
            to: ResourceId::new("scim-user", name),
            role: "holds a user",
        };
        members.map(reference).collect()
    }

    fn reader(&self, scope: Scope) -> Box<dyn Reader> {
        Box::new(GroupReader { scope, groups: Vec::new() })
    }

    fn is_of_directory(&self) -> bool {
        true
    }

    fn guarded_fields(&self) -> &'static [&'static str] {
        &["members"]
    }

    fn rehearse(
        &self,
        call: &Call,
        _change: &Change,
        live: Option<LiveObject>,
        world: &World,
    ) -> Result<Option<LiveObject>, String> {
        let mut live = live.ok_or("there is no such group")?;
        let mut members: Vec<String> = kinds::typed(&live.spec["members"])?;
        if let Some(user) = call.segment("/Operations/0/value/0/value") {
            members.push(match user {
                Segment::Hole(Hole::Kept { of, .. }) => of.name,
                Segment::Hole(hole) => return Err(format!("{hole} is no user's id")),
                Segment::Text(id) => {
                    let mut users = world.live.kind("scim-user").objects.values();
                    users.find(|it| it.facts["id"] == *id).ok_or("no user has this id")?.name.clone()
                }
            });
        } else {
            let path = call.text("/Operations/0/path");
            let ids = live.facts["members"].as_object().into_iter().flatten();
            let gone = ids.filter(|it| it.1.as_str().is_some_and(|id| path.contains(&json!(id).to_string())));
            let gone: Vec<&String> = gone.map(|it| it.0).collect();
            members.retain(|it| !gone.contains(&&it.to_lowercase()));
        }
        live.spec["members"] = json!(members);
        Ok(Some(live))
    }

    fn steps(&self, draft: &mut Draft, world: &World) -> Vec<Action> {
        let Some(live) = draft.live else {
            let sentence = format!("{} is not in the directory, and groups are not made from here", draft.change.id);
            draft.findings.push(("cannot-create".into(), sentence));
            return Vec::new();
        };
        let (Verb::Update, Some(id)) = (draft.verb(), live.facts["id"].as_str()) else { return Vec::new() };
        let Some(field) = draft.field("/members").cloned() else { return Vec::new() };
        let path = path(world.org(), ["Groups", id]);
        let mut actions = Vec::new();
        // One unknown user would make the service refuse the whole list, so that each is a request of its own.
        for name in &field.added {
            let Some(user) = scim_user::id_of(world, name) else {
                draft.findings.push(("unresolved".into(), format!("there is no user `{name}` in the directory")));
                return Vec::new();
            };
            if scim_user::ends_inactive(world, name) {
                let sentence = format!("{name} is not active, and {} would have them as a member", draft.change.id);
                draft.findings.push((scim_user::INACTIVE.into(), sentence));
                continue;
            }
            let mut call =
                patch(path.clone(), vec![json!({"op": "add", "path": "members", "value": [{"value": Value::Null}]})]);
            let place = "/Operations/0/value/0/value";
            match user {
                Segment::Hole(hole) => call = call.hole(place, hole),
                Segment::Text(id) => {
                    call.body = call.body.map(|mut body| {
                        body["Operations"][0]["value"][0]["value"] = json!(id);
                        body
                    });
                }
            }
            let action = Action::new(Phase::Grow, format!("add {name}"), vec![call]);
            actions.push(action.needs(ResourceId::new("scim-user", name.clone())));
        }
        for name in &field.removed {
            let Some(id) = live.facts["members"][name.to_lowercase()].as_str() else { continue };
            let which = format!("members[value eq {}]", json!(id));
            let call = patch(path.clone(), vec![json!({"op": "remove", "path": which})]);
            actions.push(Action::new(Phase::Shrink, format!("remove {name}"), vec![call]));
        }
        actions
    }
}

/// Reads all groups. Their list is not paged.
struct GroupReader {
    scope: Scope,
    groups: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    total_results: usize,
    #[serde(rename = "Resources", default)]
    resources: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    display_name: String,
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    value: String,
}

impl Reader for GroupReader {
    fn start(&mut self) -> Vec<Read> {
        vec![Read::whole("groups", path(&self.scope.organization.name, ["Groups"]))]
    }

    fn page(&mut self, _read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        let page: Groups = kinds::page(body)?;
        if page.total_results > page.resources.len() {
            let (total, listed) = (page.total_results, page.resources.len());
            return Err(format!("the directory says that it has {total} groups, and lists {listed}"));
        }
        self.groups.extend(page.resources);
        Ok(Vec::new())
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let users = before.kind("scim-user").objects.values();
        let names: BTreeMap<&str, &str> =
            users.filter_map(|it| Some((it.facts["id"].as_str()?, it.name.as_str()))).collect();
        let teams = &before.kind("team").objects;
        let mut finished = Finished::default();
        for group in self.groups {
            // The search also finds teams that the directory does not manage, and a name is not unique.
            let alike = teams.values().filter(|it| it.spec["displayName"] == *group.display_name);
            let foreign = alike.clone().count() > 0 && !alike.clone().any(|it| it.spec["kind"] == "scim");
            let known = group.members.iter().all(|it| names.contains_key(it.value.as_str()));
            let mut members: Vec<&str> = group.members.iter().filter_map(|it| names.get(&*it.value).copied()).collect();
            members.sort_unstable();
            let ids: BTreeMap<String, &str> = group
                .members
                .iter()
                .filter_map(|it| Some((names.get(&*it.value)?.to_lowercase(), it.value.as_str())))
                .collect();
            finished.objects.push(LiveObject {
                spec: json!({"members": members}),
                facts: json!({"id": group.id, "members": ids}),
                unknown: if known { Default::default() } else { ["/members".to_owned()].into() },
                managed_by: foreign
                    .then(|| "the organization itself: it is a team that SCIM does not manage".to_owned()),
                name: group.display_name,
                ..LiveObject::default()
            });
        }
        finished
    }
}
