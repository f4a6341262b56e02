//! The calls that make, change and delete a team: one change per request, what is given before what is taken.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kinds::role;
use crate::kinds::team::managed_elsewhere;
use crate::kinds::token;
use crate::kinds::{Draft, World, org_path, typed};
use crate::model::call;
use crate::model::{Action, Call, Duration, FieldChange, Guard, Method, Phase, ResourceId, Verb};

/// Calls on one team, for both halves of a change.
struct Team<'a> {
    world: &'a World<'a>,
    name: String,
    grow: Half,
    shrink: Half,
}

/// What is given, or what is taken.
#[derive(Default)]
struct Half {
    calls: Vec<Call>,
    what: Vec<String>,
    /// Whose access it is about.
    about: Vec<String>,
    needs: Vec<ResourceId>,
}

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let name = draft.change.name.clone();
    let path = org_path(world.org(), ["teams", &name]);
    let mut team = Team { world, name, grow: Half::default(), shrink: Half::default() };
    match draft.verb() {
        Verb::Delete => {
            remark_on_loss(draft, world);
            let guard = guard(draft, &path);
            return vec![Action::new(Phase::Delete, "delete", vec![Call::new(Method::Delete, path)]).guarded(guard)];
        }
        Verb::Create | Verb::Replace => {
            let Some(create) = create(draft, world, &team.name) else { return Vec::new() };
            if draft.verb() == Verb::Replace {
                remark_on_loss(draft, world);
                team.grow.calls.push(Call::new(Method::Delete, path));
            }
            team.grow.calls.push(create);
            let after = draft.change.after.clone();
            fill(&mut team, &after, draft);
            let mut action = Action::new(Phase::Grow, "create", Vec::new());
            if draft.verb() == Verb::Replace {
                action = Action::new(Phase::Replace, "delete and create anew", Vec::new());
                action.guard = Some(guard(draft, &org_path(world.org(), ["teams", &draft.change.name])));
            }
            action.calls = team.grow.calls;
            action.calls.extend(team.shrink.calls);
            action.gains.extend(team.grow.about);
            action.needs.extend(team.grow.needs);
            return vec![action];
        }
        Verb::Update | Verb::Rename => {}
    }
    if is_managed_elsewhere(draft) {
        return Vec::new();
    }
    let fields = draft.change.fields.clone();
    if fields.iter().any(|it| matches!(it.path.as_str(), "/displayName" | "/description")) {
        let after = &draft.change.after;
        // Both texts each time: a body without a known field is accepted and does nothing.
        let body = json!({"newDisplayName": after["displayName"], "newDescription": after["description"]});
        team.grow.push(team.patch(body), "change its text".to_owned());
    }
    for field in &fields {
        team.field(field, draft);
    }
    let (grow, shrink) = (team.grow, team.shrink);
    let mut actions = Vec::new();
    if !grow.calls.is_empty() {
        let mut action = Action::new(Phase::Grow, grow.what.join("; "), grow.calls);
        action.gains.extend(grow.about);
        action.needs.extend(grow.needs);
        actions.push(action);
    }
    if !shrink.calls.is_empty() {
        let mut action = Action::new(Phase::Shrink, shrink.what.join("; "), shrink.calls);
        action.loses.extend(shrink.about);
        actions.push(action);
    }
    actions
}

/// Whether the manifest, which need not say the team's kind, gives what only somebody else may change.
fn is_managed_elsewhere(draft: &mut Draft) -> bool {
    let (from, theirs) = managed_elsewhere(draft.change.before["kind"].as_str().unwrap_or_default());
    for field in theirs.iter().filter(|it| draft.change.fields.iter().any(|field| field.path[1..] == ***it)) {
        let sentence = format!("`{field}` of {} is managed by {from}", draft.change.id);
        draft.findings.push(("managed-elsewhere".into(), sentence));
    }
    !draft.findings.is_empty()
}

/// The request that makes the team; nothing, with a finding, where it cannot be made from here.
fn create(draft: &mut Draft, world: &World, name: &str) -> Option<Call> {
    let after = &mut draft.change.after;
    let post = |kind: &str| Call::new(Method::Post, org_path(world.org(), ["teams", kind]));
    match after["kind"].as_str().unwrap_or("pulumi") {
        "github" if after["githubTeamId"].is_null() => {
            let sentence = format!("the GitHub team behind `{name}` is known by its number only; give `githubTeamId`");
            draft.findings.push(("cannot-create".into(), sentence));
            None
        }
        "github" => {
            // Neither its people nor its name are carried over from a team of another kind.
            if let Some(after) = after.as_object_mut() {
                after.retain(|field, _| !managed_elsewhere("github").1.contains(&field.as_str()));
            }
            // The team is called as GitHub calls it, and only the answer tells how.
            let call = post("github").body(json!({"githubTeamID": after["githubTeamId"]}));
            let refused =
                "look in GitHub whether the number is right, and in Pulumi Cloud whether a team is made of it already";
            Some(call.capture("/name", call::Into::Same(name.to_owned())).refused(refused))
        }
        "scim" => {
            let sentence =
                format!("the team `{name}` comes with the identity provider over SCIM; push its group there first");
            draft.findings.push(("cannot-create".into(), sentence));
            None
        }
        _ => {
            let display_name = after.get("displayName").cloned().unwrap_or_else(|| json!(name));
            let description = after.get("description").cloned().unwrap_or_else(|| json!(""));
            Some(post("pulumi").body(json!({"name": name, "displayName": display_name, "description": description})))
        }
    }
}

/// Everything a new team gets after it was made.
fn fill(team: &mut Team, after: &Value, draft: &mut Draft) {
    // Whoever makes a team with a token of their own is in it from the start, as its administrator
    // (CONTRACT 3.5); who is in a team that a machine made is unknown, and found by reading again.
    let caller = &team.world.live.caller;
    let creator = caller.token.is_none().then(|| caller.login.to_lowercase()).filter(|_| after["kind"] != "github");
    let (members, admins) = (list(&after["members"]), list(&after["admins"]));
    let is_creator = |login: &String| creator.as_deref() == Some(login.to_lowercase().as_str());
    // Where `members` is left out, whoever is to administer the team has to be brought into it as well.
    let people = if after.get("members").is_some() { &members } else { &admins };
    for login in people.iter().filter(|it| !is_creator(it)) {
        team.member("add", login);
    }
    for login in admins.iter().filter(|it| !is_creator(it)) {
        team.member("promote", login);
    }
    if let Some(creator) = &creator {
        let stays = members.iter().any(is_creator) || after.get("members").is_none();
        if !stays {
            team.member("remove", creator);
        } else if after.get("admins").is_some() && !admins.iter().any(is_creator) {
            team.member("demote", creator);
        }
    }
    for (field, kind) in [("stacks", Entity::Stack), ("environments", Entity::Environment)] {
        for (target, value) in after[field].as_object().into_iter().flatten() {
            team.grant(kind, target, value, true);
        }
    }
    if let Some(role) = after["role"].as_str().filter(|it| *it != "none") {
        team.role(role, draft);
    }
}

/// Everybody who is in the live team.
/// Nobody may have come to a team that goes.
fn guard(draft: &Draft, path: &[String]) -> Guard {
    let kind = draft.change.before["kind"].as_str().unwrap_or_default();
    let guard = Guard::new(path.to_vec()).still("the kind", "/kind", kind);
    guard.within("member", "/members", &["/githubLogin"], people(draft))
}

fn people(draft: &Draft) -> Vec<String> {
    draft.live.map(|it| list(&it.facts["people"])).unwrap_or_default()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

/// What goes with a team; its tokens are what somebody may notice at once.
fn remark_on_loss(draft: &mut Draft, world: &World) {
    let Some(live) = draft.live else { return };
    let people = people(draft);
    let tokens: BTreeMap<String, Option<i64>> = typed(&live.facts["tokens"]).unwrap_or_default();
    let mut remarks = Vec::new();
    if !people.is_empty() {
        let who = if people.len() == 1 { "person loses" } else { "people lose" };
        remarks.push(format!("{} {who} it: {}", people.len(), people.join(", ")));
    }
    for (field, word) in [("stacks", "stack permission"), ("environments", "environment permission")] {
        let names: Vec<String> = live.spec[field]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                format!("{name} ({})", value.as_str().or(value["permission"].as_str()).unwrap_or_default())
            })
            .collect();
        if !names.is_empty() {
            let ending = if names.len() == 1 { " goes" } else { "s go" };
            remarks.push(format!("{} {word}{ending} with it: {}", names.len(), names.join(", ")));
        }
    }
    if !tokens.is_empty() {
        let ending = if tokens.len() == 1 { " dies" } else { "s die" };
        let names = tokens.keys().cloned().collect::<Vec<_>>().join(", ");
        remarks.push(format!("{} token{ending} with it: {names}", tokens.len()));
    }
    for (name, _) in tokens.iter().filter(|it| token::was_just_used(*it.1, world.now())) {
        let sentence = format!("`{name}` was used in the last 24 hours and stops working when this is applied");
        draft.findings.push(("token-in-use".into(), sentence));
    }
    draft.change.remarks.extend(remarks);
}

#[derive(Clone, Copy, PartialEq)]
enum Entity {
    Stack,
    Environment,
}

impl Team<'_> {
    fn patch(&self, body: Value) -> Call {
        Call::new(Method::Patch, org_path(self.world.org(), ["teams", &self.name])).body(body)
    }

    fn field(&mut self, field: &FieldChange, draft: &mut Draft) {
        match field.path.as_str() {
            "/members" => {
                for login in &field.added {
                    self.member("add", login);
                }
                for login in &field.removed {
                    self.member("remove", login);
                }
            }
            "/admins" => {
                let leaving = draft.field("/members").map(|it| it.removed.clone()).unwrap_or_default();
                let there = |login: &str| people(draft).iter().any(|it| it.eq_ignore_ascii_case(login));
                let listed = draft.field("/members").is_some();
                for login in &field.added {
                    if !listed && !there(login) {
                        self.member("add", login);
                    }
                    self.member("promote", login);
                }
                for login in field.removed.iter().filter(|it| !leaving.contains(it)) {
                    self.member("demote", login);
                }
            }
            "/role" => match field.after.as_str() {
                Some(role) if role != "none" => {
                    self.role(role, draft);
                    self.grow.about.extend(field.before.as_str().map(role::left));
                }
                _ => {
                    let Some(id) = field.before.as_str().and_then(|it| role::id_of(self.world, it)) else { return };
                    let mut path: Vec<_> = org_path(self.world.org(), ["teams", &self.name, "roles"])
                        .into_iter()
                        .map(Into::into)
                        .collect();
                    path.push(id);
                    let what = format!("take the role {}", field.before.as_str().unwrap_or_default());
                    self.shrink.push(Call::new(Method::Delete, path), what);
                    self.shrink.about.push(format!("role {}", field.before.as_str().unwrap_or_default()));
                }
            },
            "/stacks" => self.grants(Entity::Stack, field),
            "/environments" => self.grants(Entity::Environment, field),
            _ => {}
        }
    }

    fn member(&mut self, verb: &str, login: &str) {
        let mut call = self.patch(json!({"memberAction": verb, "member": login}));
        // "Already in the team" is what was wanted.
        if verb == "add" {
            call = call.already(409);
        }
        let half = if matches!(verb, "add" | "promote") { &mut self.grow } else { &mut self.shrink };
        half.push(call, format!("{verb} {login}"));
        half.about.push(format!("person {}", login.to_lowercase()));
        if verb == "add" {
            half.needs.push(ResourceId::new("member", login));
        }
    }

    fn role(&mut self, role: &str, draft: &mut Draft) {
        let Some(id) = role::id_of(self.world, role) else {
            draft.findings.push(("unresolved".into(), format!("there is no role `{role}`")));
            return;
        };
        let mut path: Vec<_> =
            org_path(self.world.org(), ["teams", &self.name, "roles"]).into_iter().map(Into::into).collect();
        path.push(id);
        self.grow.push(Call::new(Method::Post, path), format!("give the role {role}"));
        self.grow.about.push(format!("role {role}"));
        self.grow.needs.push(ResourceId::new("role", role));
    }

    fn grants(&mut self, entity: Entity, field: &FieldChange) {
        for target in &field.added {
            self.grant(entity, target, &field.after[target], true);
        }
        for target in &field.changed {
            let (before, after) = (level(&field.before[target]), level(&field.after[target]));
            self.grant(entity, target, &field.after[target], false);
            if after < before {
                // The edit takes something away: it belongs to the other half.
                if let (Some(call), Some(what)) = (self.grow.calls.pop(), self.grow.what.pop()) {
                    self.grow.about.pop();
                    self.shrink.push(call, what);
                    self.shrink.about.push(about(entity, target));
                }
            }
        }
        for target in &field.removed {
            let (project, name) = target.split_once('/').unwrap_or(("", target));
            let body = match entity {
                Entity::Stack => json!({"removeStack": {"projectName": project, "stackName": name}}),
                Entity::Environment => json!({"removeEnvironment": {"projectName": project, "envName": name}}),
            };
            self.shrink.push(self.patch(body), format!("withdraw {target}"));
            self.shrink.about.push(about(entity, target));
        }
    }

    fn grant(&mut self, entity: Entity, target: &str, value: &Value, new: bool) {
        let (project, name) = target.split_once('/').unwrap_or(("", target));
        let (add, edit, grant) = match entity {
            Entity::Stack => {
                let number = 100 + level(value);
                let grant = json!({"projectName": project, "stackName": name, "permission": number});
                ("addStackPermission", "editStackPermission", grant)
            }
            Entity::Environment => {
                let mut grant = json!({"projectName": project, "envName": name, "permission": value["permission"]});
                if let Some(longest) = value["maxOpenDuration"].as_str().and_then(|it| it.parse::<Duration>().ok()) {
                    grant["maxOpenDuration"] = json!(longest.to_go());
                }
                ("addEnvironmentPermission", "editEnvironmentPermission", grant)
            }
        };
        let permission = value.as_str().or(value["permission"].as_str()).unwrap_or_default();
        // Where an edit is refused, the contract's way out is to withdraw and add. It is not taken: between the two
        // the team has no access, and none at all if the second is refused as well. A person may decide that.
        let edit = self.patch(json!({edit: grant})).refused(format!(
            "the team keeps what it has on {target}; to withdraw it and grant it anew, apply once without it in the \
             manifest and once with it: the team has no access in between"
        ));
        // Somebody may have granted something there since it was read.
        let call = if new { self.patch(json!({add: grant})).on_conflict(edit) } else { edit };
        self.grow.push(call, format!("grant {permission} on {target}"));
        self.grow.about.push(about(entity, target));
    }
}

impl Half {
    fn push(&mut self, call: Call, what: String) {
        self.calls.push(call);
        self.what.push(what);
    }
}

fn about(entity: Entity, target: &str) -> String {
    format!("{} {target}", if entity == Entity::Stack { "stack" } else { "environment" })
}

/// How much a permission allows: for stacks the service's own numbers above 100.
fn level(value: &Value) -> i64 {
    match value.as_str().or(value["permission"].as_str()) {
        Some("read") => 1,
        Some("write") if value.is_string() => 2,
        Some("admin") if value.is_string() => 3,
        Some("open") => 2,
        Some("write") => 3,
        Some("admin") => 4,
        _ => 0,
    }
}
