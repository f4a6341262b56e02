//! The calls that issue, renew, rotate and revoke a token: the new one is delivered before the old one goes.

use serde_json::{Value, json};

use crate::kinds::role;
use crate::kinds::settings;
use crate::kinds::token::TokenSpec;
use crate::kinds::token::read::{Generations, LiveToken};
use crate::kinds::{Draft, World, org_path, typed};
use crate::model::{
    Action, Call, Duration, FieldChange, FieldRule, Hole, Instant, Into, LiveObject, Method, Phase, ResourceId,
    Segment, Verb,
};

const DAY: i64 = 86_400;

/// The field that says that a live token is inside its `renewBefore`.
const RENEWAL: &str = "/renewal";
/// The field that lists predecessors that can go.
const PREDECESSORS: &str = "/predecessors";

pub(super) fn generations(live: &LiveObject) -> Option<Generations> {
    typed(&live.facts).ok()
}

/// A successor that is due, and predecessors whose overlap has passed.
pub(super) fn due(spec: &Value, live: &LiveObject, world: &World) -> Vec<(FieldRule, FieldChange)> {
    let (Ok(spec), Some(tokens)) = (typed::<TokenSpec>(spec), generations(live)) else { return Vec::new() };
    let mut fields = Vec::new();
    let left = tokens.current.expires - world.now().0;
    // A successor with the same end would be inside the window too, and so on with every plan.
    let end = spec.expires.as_ref().and_then(|it| Instant::parse(&it.0).ok());
    let lasts = end.is_none_or(|it| it.0 > tokens.current.expires);
    if let Some(window) = spec.renew_before.filter(|it| lasts && tokens.current.expires != 0 && left <= it.seconds) {
        let before = json!(format!("expires {}", Instant(tokens.current.expires)));
        let after = json!(format!("a successor, {window} before the end"));
        fields.push((FieldRule::Renews, FieldChange::value(RENEWAL, before, after)));
    }
    // A successor that is itself to be replaced keeps its predecessors until that one is delivered.
    let succeeded = fields.is_empty() && spec.rotation.is_none_or(|it| it == tokens.current.rotation);
    let overlap = spec.overlap.map_or(DAY, |it| it.seconds);
    let passed = tokens.current.created.is_some_and(|it| it + overlap <= world.now().0);
    if succeeded && passed && !tokens.older.is_empty() {
        let mut names: Vec<String> = tokens.older.iter().map(|it| it.name.clone()).collect();
        names.sort();
        let mut field = FieldChange::value(PREDECESSORS, json!(names), Value::Null);
        field.removed = names;
        fields.push((FieldRule::Value, field));
    }
    fields
}

pub(super) fn steps(draft: &mut Draft, world: &World) -> Vec<Action> {
    let tokens = draft.live.and_then(generations);
    match draft.verb() {
        Verb::Delete => {
            let Some(tokens) = tokens else { return Vec::new() };
            // The predecessors first: what is left of an apply that ends in between is then the token itself.
            let all: Vec<&LiveToken> = tokens.older.iter().chain([&tokens.current]).collect();
            for token in &all {
                findings_on_revocation(draft, token, world);
            }
            let calls = all.iter().map(|it| revoke(it, world)).collect();
            vec![Action::new(Phase::Delete, "revoke", calls)]
        }
        Verb::Update => {
            let Some(tokens) = tokens else { return Vec::new() };
            if draft.field(PREDECESSORS).is_none() {
                return Vec::new();
            }
            let names: Vec<&str> = tokens.older.iter().map(|it| it.name.as_str()).collect();
            for token in tokens.older.iter().filter(|it| is_in_use_by_caller(it, world)) {
                draft.findings.push(("self-lockout".into(), format!("`{}` is the token in use", token.name)));
            }
            let calls = tokens.older.iter().map(|it| revoke(it, world)).collect();
            vec![Action::new(Phase::Delete, format!("revoke {}", names.join(", ")), calls)]
        }
        Verb::Create | Verb::Replace | Verb::Rename => issue(draft, world, tokens),
    }
}

fn issue(draft: &mut Draft, world: &World, tokens: Option<Generations>) -> Vec<Action> {
    let name = draft.change.name.clone();
    let Some(spec) = draft.entry.and_then(|it| typed::<TokenSpec>(&world.spec(it)).ok()) else { return Vec::new() };
    let rotation = spec.rotation.or(tokens.as_ref().map(|it| it.current.rotation)).unwrap_or(1);
    if let Some(live) = &tokens {
        draft.change.reason = if rotation == live.current.rotation { "renewal" } else { "rotation" }.to_owned();
        if rotation < live.current.rotation {
            let sentence = format!(
                "`rotation` is {} on the service and can only be raised; it says {rotation}",
                live.current.rotation
            );
            draft.findings.push(("token-immutable".into(), sentence));
            return Vec::new();
        }
    }
    let Some(sink) = &spec.save_to else {
        draft.findings.push((
            "token-without-sink".into(),
            format!("the token `{name}` needs `saveTo`: its value is shown only once"),
        ));
        return Vec::new();
    };
    for unknown in ["/liveName", "/id"] {
        draft.change.after[&unknown[1..]] = Value::Null;
        draft.change.unknown.push(unknown.to_owned());
    }
    let stem = format!("{name}.{rotation}");
    let path = |rest: &[&str]| -> Vec<String> {
        match spec.scope.team() {
            Some(team) => org_path(world.org(), ["teams", team, "tokens"].iter().chain(rest)),
            None => org_path(world.org(), ["tokens"].iter().chain(rest)),
        }
    };
    let mut body =
        json!({"name": Value::Null, "description": spec.description.clone().unwrap_or_default(), "expires": 0});
    let expires = spec.expires.as_ref().and_then(|it| Instant::parse(&it.0).ok());
    if let Some(expires) = expires {
        body["expires"] = json!(expires.0);
    }
    findings_on_expiry(draft, &spec, expires, world);
    let mut undo: Vec<Segment> = path(&[]).into_iter().map(std::convert::Into::into).collect();
    undo.push(Segment::Hole(Hole::Kept { of: draft.change.id.clone(), what: "id".to_owned() }));
    let mut call = Call::new(Method::Post, path(&[]));
    if spec.scope.team().is_none() {
        let role = spec.role.as_ref().map(|it| it.0.0.as_str());
        body["admin"] = json!(role == Some("admin"));
        if let Some(role) = role.filter(|it| *it != "admin") {
            body["roleID"] = Value::Null;
            call.body = Some(body);
            let Some(id) = role::id_of(world, role) else {
                draft.findings.push(("unresolved".into(), format!("there is no role `{role}`")));
                return Vec::new();
            };
            call = role::with_role_id(call, "/roleID", id);
        } else {
            call.body = Some(body);
        }
    } else {
        call.body = Some(body);
    }
    if let Some(lifetime) = spec.lifetime {
        if let Some(expires) = call.body.as_mut().and_then(|it| it.get_mut("expires")) {
            *expires = Value::Null;
        }
        call = call.hole("/expires", Hole::After { duration: lifetime });
    }
    call = call
        .hole("/name", Hole::FreshName { stem: stem.clone() })
        .capture("/id", Into::Keep("id".to_owned()))
        .capture("/tokenValue", Into::Sink(sink.0.clone()));
    call.undo = Some(Box::new(Call::new(Method::Delete, undo)));
    let mut action = Action::new(Phase::Issue, format!("create {stem}-…, value to {}", sink.0), vec![call]);
    if let Some(team) = spec.scope.team() {
        action.needs.insert(ResourceId::new("team", team));
    }
    if let Some(role) = &spec.role {
        action.needs.insert(ResourceId::new("role", role.0.0.clone()));
    }
    let mut actions = vec![action];
    actions.extend(tokens.and_then(|it| retire(draft, &it, &spec, world)));
    actions
}

/// The predecessors' end: in this apply with `overlap: 0d`, else at the first one after the overlap.
fn retire(draft: &mut Draft, tokens: &Generations, spec: &TokenSpec, world: &World) -> Option<Action> {
    let all: Vec<&LiveToken> = std::iter::once(&tokens.current).chain(&tokens.older).collect();
    let names = all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    let overlap = spec.overlap.unwrap_or(Duration { seconds: DAY });
    if overlap.seconds > 0 {
        draft
            .change
            .remarks
            .push(format!("{names} stays alive for {overlap} and is revoked by the first apply after that"));
        return None;
    }
    for token in all.iter().filter(|it| is_in_use_by_caller(it, world)) {
        let sentence = format!(
            "`{}` is the token in use; give the token an `overlap`, and apply again with the new one",
            token.name
        );
        draft.findings.push(("self-lockout".into(), sentence));
    }
    let calls = all.iter().map(|it| revoke(it, world)).collect();
    Some(Action::new(Phase::Delete, format!("revoke {names}"), calls))
}

fn revoke(token: &LiveToken, world: &World) -> Call {
    let path = match &token.team {
        Some(team) => org_path(world.org(), ["teams", team, "tokens", &token.id]),
        None => org_path(world.org(), ["tokens", &token.id]),
    };
    Call::new(Method::Delete, path)
}

/// Whether a call is about the organization's own tokens; a team's are below the team.
pub(super) fn is_of_organization(call: &Call) -> bool {
    matches!(call.path_texts()[..], ["api", "orgs", _, "tokens", ..])
}

pub(super) fn is_in_use_by_caller(token: &LiveToken, world: &World) -> bool {
    let caller = &world.live.caller;
    caller.token.as_deref() == Some(token.name.as_str())
        && caller.team.as_deref().unwrap_or_default() == token.team.as_deref().unwrap_or_default()
}

/// Whether something used a token in the last 24 hours, and so would miss it.
pub(crate) fn was_just_used(last_used: Option<i64>, now: Instant) -> bool {
    last_used.is_some_and(|it| now.0 - it < DAY)
}

fn findings_on_revocation(draft: &mut Draft, token: &LiveToken, world: &World) {
    if was_just_used(token.last_used, world.now()) {
        let sentence = format!("`{}` was used in the last 24 hours and stops working when this is applied", token.name);
        draft.findings.push(("token-in-use".into(), sentence));
    }
}

fn findings_on_expiry(draft: &mut Draft, spec: &TokenSpec, expires: Option<Instant>, world: &World) {
    // The limit of today is what the new token meets, and the declared one what it will live under.
    let live = world.live.organization.max_access_token_expiry_days.filter(|it| *it > 0);
    let declared = settings::token_lifetime(world.desired).map(|it| it.seconds / DAY);
    let cap = live.into_iter().chain(declared).min();
    let seconds = spec.lifetime.map(|it| it.seconds).or_else(|| expires.map(|it| it.0 - world.now().0));
    let name = &draft.change.name;
    let problem = match (seconds, cap) {
        (Some(seconds), _) if seconds <= 0 => format!("the token `{name}` would have expired already"),
        (Some(seconds), _) if seconds > 2 * 366 * DAY => {
            format!("the token `{name}` would live longer than two years, which the service refuses")
        }
        (Some(seconds), Some(cap)) if seconds > cap * DAY => {
            format!("the organization's tokens live for {cap} days at most; the token `{name}` would live longer")
        }
        (None, Some(cap)) => {
            format!(
                "the organization's tokens live for {cap} days at most; give the token `{name}` a `lifetime` or `expires`"
            )
        }
        _ => return,
    };
    draft.findings.push(("token-lifetime".into(), problem));
}
