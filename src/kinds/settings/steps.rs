//! The calls that change settings: what loosens first, what restrains after access was given elsewhere.

use serde_json::{Map, Value, json};

use crate::kinds::settings::{DAY, STACK_PERMISSIONS, SettingsSpec};
use crate::kinds::{Draft, World, role, typed};
use crate::model::{Action, Call, FieldChange, Method, Phase, ResourceId, Segment};

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let (Ok(before), Ok(after)) =
        (typed::<SettingsSpec>(&draft.change.before), typed::<SettingsSpec>(&draft.change.after))
    else {
        return Vec::new();
    };
    let (mut loosened, mut restrained) = (Map::new(), Map::new());
    let mut names = (Vec::new(), Vec::new());
    for FieldChange { path, .. } in &draft.change.fields {
        let (field, value, loosens) = match path.as_str() {
            "/defaultStackPermission" => {
                let number = STACK_PERMISSIONS.iter().find(|it| Some(it.0) == after.default_stack_permission);
                let loosens = after.default_stack_permission > before.default_stack_permission;
                ("setDefaultStackPermission", number.map(|it| json!(it.1)), loosens)
            }
            "/membersCanCreateTeams" => {
                let can = after.members_can_create_teams;
                ("setMembersCanCreateTeams", can.map(Value::from), can == Some(true))
            }
            "/maxTokenLifetime" => {
                let days = |spec: &SettingsSpec| spec.max_token_lifetime.map_or(0, |it| it.seconds / DAY);
                let loosens = days(&after) == 0 || (days(&before) != 0 && days(&after) > days(&before));
                // 0 takes the limit away.
                ("setMaxAccessTokenExpiryDays", Some(json!(days(&after))), loosens)
            }
            _ => continue,
        };
        let (body, names) = if loosens { (&mut loosened, &mut names.0) } else { (&mut restrained, &mut names.1) };
        body.extend(value.map(|it| (field.to_owned(), it)));
        names.push(path[1..].to_owned());
    }
    if draft.field("/maxTokenLifetime").is_some() && restrained.contains_key("setMaxAccessTokenExpiryDays") {
        tell_of_tokens(draft, world);
    }
    let path = || ["api", "orgs", world.org()].map(Segment::from);
    let mut actions = Vec::new();
    if !loosened.is_empty() {
        let call = Call::new(Method::Patch, path()).body(Value::Object(loosened));
        actions.push(Action::new(Phase::Grow, format!("set {}", names.0.join(", ")), vec![call]));
    }
    if draft.field("/defaultRole").is_some() {
        let name = after.default_role.map(|it| it.0.0).unwrap_or_default();
        let Some(id) = role::id_of(world, &name) else {
            draft.findings.push(("unresolved".into(), format!("there is no role `{name}`")));
            return Vec::new();
        };
        let sentence = "changes at once what everybody may do who was given no other role";
        draft.change.remarks.push(sentence.to_owned());
        let segments = path().into_iter().chain(["roles".into(), id, "default".into()]);
        let action =
            Action::new(Phase::Shrink, format!("default role: {name}"), vec![Call::new(Method::Patch, segments)]);
        actions.push(action.needs(ResourceId::new("role", name)));
    }
    if !restrained.is_empty() {
        let call = Call::new(Method::Patch, path()).body(Value::Object(restrained));
        actions.push(Action::new(Phase::Shrink, format!("set {}", names.1.join(", ")), vec![call]));
    }
    actions
}

/// Tokens that would live longer than the new limit stop working at once.
fn tell_of_tokens(draft: &mut Draft, world: &World) {
    let outlived = draft.live.and_then(|it| it.facts["outlived"].as_array()).cloned().unwrap_or_default();
    let names: Vec<&str> = outlived.iter().filter_map(Value::as_str).collect();
    let caller = &world.live.caller;
    if let Some(token) = caller.token.as_deref().filter(|it| caller.team.is_none() && names.contains(it)) {
        let sentence = format!("`{token}` is the token in use, and lives longer than tokens would be allowed to");
        draft.findings.push(("self-lockout".into(), sentence));
    }
    if !names.is_empty() {
        let sentence = format!("these tokens of the organization stop working: {}", names.join(", "));
        draft.change.remarks.push(sentence);
    }
    let sentence = "tokens of teams and of people that live longer stop working as well";
    draft.change.remarks.push(sentence.to_owned());
}
