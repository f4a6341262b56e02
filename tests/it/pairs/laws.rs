//! The laws, each judged by what stands here: the pair itself, the organization before and after, and the calls.

use std::collections::{BTreeMap, BTreeSet};

use bylaws::kinds::{self, Shape};
use bylaws::model::{Change, Desired, Phase, Plan, ResourceId, Snapshot, Verb};
use bylaws::plan::{self, Options};
use bylaws::sandbox::State;
use serde_json::{Value, json};

use super::access;
use super::dice::Dice;
use super::fewest;
use super::pair::Pair;
use super::play::{self, Play};
use super::service::{Service, Troubles};

/// What holds of a plan, or what does not.
pub type Held = Result<(), String>;

fn ensure(holds: bool, say: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(say()) }
}

/// Rehearsed, a plan that could ever be applied leaves nothing to do.
pub fn converges(plan: &Plan) -> Held {
    if exchange_names_and_owners(plan) {
        return Ok(());
    }
    let ordered = !plan.diagnostics.iter().any(|it| it.code == "no-order");
    ensure(plan.status.converges != Some(false) && !plan.status.errored && ordered, || {
        let wrong = plan.diagnostics.iter().filter(|it| ["no-convergence", "no-order"].contains(&it.code.as_str()));
        wrong.map(|it| it.message.clone()).collect::<Vec<_>>().join("; ")
    })
}

/// Services that get each other's names and other owners in one change are told to have no order, and nothing is
/// applied: each would have to be deleted before the other is made. In two changes it works.
fn exchange_names_and_owners(plan: &Plan) -> bool {
    let replaced: Vec<&Change> =
        plan.all_changes().filter(|it| it.verb == Verb::Replace && it.renamed_from.is_some()).collect();
    let known = replaced.len() > 1 || plan.all_changes().any(|it| it.verb == Verb::Rename && !replaced.is_empty());
    known && plan.diagnostics.iter().any(|it| it.code == "no-order")
}

/// The same words in another order, and the same answers in another order, make the same plan.
pub fn order_is_nothing(pair: &Pair, service: &Service, plan: &Plan, dice: &mut Dice) -> Held {
    let again = pair.desired_in_another_order(dice)?;
    let live = service.read(&again, &Troubles { turned: true, ..Troubles::default() });
    let other = plan::plan(&again, &live, &pair.options);
    let telling = |plan: &Plan| {
        let bare = |it: &Change| Change { source: None, ..it.clone() };
        let found: BTreeSet<String> = plan
            .diagnostics
            .iter()
            .map(|it| format!("{} {:?} {} {}", it.code, it.change, it.blocking, it.message))
            .collect();
        json!({
            "checksum": plan.checksum, "summary": plan.summary, "status": plan.status, "impact": plan.impact,
            "changes": plan.changes.iter().map(bare).collect::<Vec<_>>(),
            "drift": plan.drift.iter().map(bare).collect::<Vec<_>>(),
            "unmanaged": plan.unmanaged, "found": found,
        })
    };
    let (one, other) = (telling(plan), telling(&other));
    let mut differing = Vec::new();
    differences("", &one, &other, &mut differing);
    ensure(differing.is_empty(), || format!("another order makes another plan: {}", differing.join("\n")))
}

/// Where two values differ, the order of keys included.
fn differences(place: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            one.iter().for_each(|(key, it)| differences(&format!("{place}/{key}"), it, &other[key], found));
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs.for_each(|(index, it)| differences(&format!("{place}/{index}"), it.0, it.1, found));
        }
        _ if one == other && !one.is_object() => {}
        _ => found.push(format!("{place}: {one} and {other}")),
    }
}

/// The same input twice makes the same bytes.
pub fn twice_the_same(pair: &Pair, live: &Snapshot, plan: &Plan) -> Held {
    let again = plan::plan(pair.desired, live, &pair.options);
    let bytes = |plan: &Plan| serde_json::to_vec(plan).unwrap();
    ensure(bytes(&again) == bytes(plan), || "planned twice, it is not the same".to_owned())
}

/// Whatever goes was given up by somebody: in a tombstone, by pruning its kind, or since the base branch.
pub fn deletions_have_a_cause(pair: &Pair, plan: &Plan) -> Held {
    for change in plan.all_changes().filter(|it| it.verb == Verb::Delete) {
        let facts = kinds::by_word(&change.kind).map(kinds::Kind::facts).unwrap();
        let same = |name: &str| match change.kind.as_str() {
            "member" => name.eq_ignore_ascii_case(&change.name),
            _ => name == change.name,
        };
        let listed = |of: &Value, list: &str| {
            of[list][facts.section].as_array().into_iter().flatten().filter_map(Value::as_str).any(same)
        };
        let declared = |of: &Value| of[facts.section].as_object().into_iter().flatten().any(|it| same(it.0));
        let head = pair.head;
        let base = pair.base;
        let pruned = head["prune"][facts.section] == true;
        let removed = listed(head, "removed");
        ensure(removed || pruned || base.is_some_and(declared), || format!("{} goes for no reason", change.id))?;
        ensure(!declared(head), || format!("{} goes though it is declared", change.id))?;
        ensure(!listed(head, "external"), || format!("{} goes though it is external", change.id))?;
        let guarded = |of: &Value| {
            let listed = of["safety"]["protectedMembers"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let own = of[facts.section].as_object().into_iter().flatten().find(|it| same(it.0));
            (change.kind == "member" && listed.into_iter().any(same)) || own.is_some_and(|it| it.1["protect"] == true)
        };
        ensure(!plan.status.applyable || !(guarded(head) || base.is_some_and(guarded)), || {
            format!("{} goes though it is protected", change.id)
        })?;
        let theirs = change.kind == "team" && change.before["kind"] == "scim";
        ensure(!theirs || !plan.status.applyable, || format!("{} is the identity provider's, and goes", change.id))?;
    }
    Ok(())
}

/// What was not read takes nothing away and makes nothing.
pub fn doubt_takes_nothing(pair: &Pair, service: &Service, plan: &Plan, dice: &mut Dice) -> Result<bool, String> {
    let percent = *dice.pick(&[5, 20, 60]);
    let troubles = Troubles { failing: Some((dice.next(), percent)), turned: false };
    let live = service.read(pair.desired, &troubles);
    let struck = !live.unseen.is_empty();
    let doubtful = plan::plan(pair.desired, &live, &pair.options);
    converges(&doubtful).map_err(|why| {
        let planned = doubtful.all_changes().map(|it| format!("{:?} {} {:?}", it.verb, it.id, it.fields));
        format!("in doubt ({:?}) {why}; planned: {}", live.unseen, planned.collect::<Vec<_>>().join("; "))
    })?;
    let (certain, taken) = (taken_away(plan), taken_away(&doubtful));
    let gone: BTreeSet<String> =
        plan.all_changes().filter(|it| it.verb == Verb::Delete).map(|it| it.id.to_string().to_lowercase()).collect();
    for (what, of) in &taken {
        // What goes as a whole needs not be taken apart before.
        let covered = of.iter().any(|it| gone.contains(it));
        ensure(certain.contains_key(what) || covered, || {
            format!("in doubt ({:?}), this is taken: {what}", live.unseen)
        })?;
    }
    for change in doubtful.all_changes() {
        let state = live.kind(&change.kind);
        let unknown = state.incomplete.is_some() || !state.read || state.unknown_objects.contains_key(&change.name);
        ensure(change.verb != Verb::Create || !unknown, || format!("{} is made, and may be there", change.id))?;
        ensure(change.verb != Verb::Delete || !unknown, || format!("{} goes, and was not read", change.id))?;
    }
    Ok(struck)
}

/// Every call that withdraws something, and the resources with which it would go anyway.
fn taken_away(plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let mut taken = BTreeMap::new();
    for change in plan.all_changes() {
        if change.verb == Verb::Update && change.before["role"] == "admin" && change.after["role"] != "admin" {
            taken.insert(format!("{} is demoted", change.id), Vec::new());
        }
        for call in change.steps.iter().flat_map(|it| &it.calls) {
            let body = call.body.clone().unwrap_or_default();
            let withdraws = ["remove", "demote"].iter().any(|it| body["memberAction"] == *it)
                || ["removeStack", "removeEnvironment"].iter().any(|it| body.get(it).is_some());
            if call.method != bylaws::model::Method::Delete && !withdraws {
                continue;
            }
            let mut with = vec![change.id.to_string().to_lowercase()];
            let path = call.path_texts();
            let team = path.iter().position(|it| *it == "teams").and_then(|it| path.get(it + 1));
            with.extend(team.map(|it| format!("team/{}", it.to_lowercase())));
            with.extend(body["member"].as_str().map(|it| format!("member/{}", it.to_lowercase())));
            taken.insert(format!("{} {} {body}", call.method, call.display_path()), with);
        }
    }
    taken
}

/// What came of carrying a plan out.
pub struct Carried {
    pub writes: usize,
    /// Whether somebody was without something in between, which the plan told.
    pub gaps: usize,
}

/// Carried out call by call in an order by chance: every beginning is safe, nothing is sent in vain or twice,
/// and nothing is left to do.
pub fn carried_out(
    pair: &Pair,
    live: &Snapshot,
    service: &Service,
    plan: &Plan,
    dice: &mut Dice,
) -> Result<Carried, String> {
    let before = service.state();
    let mut fewest_admins = administrators(&before).len();
    let caller = pair.caller.as_deref();
    let start = dangling(pair, &before);
    let mut watch = access::Watch::default();
    let mut look = |state: &State, half: bool| -> Held {
        watch.look(state);
        let admins = administrators(state);
        fewest_admins = fewest_admins.min(admins.len());
        if let Some(caller) = caller {
            ensure(admins.contains(caller), || format!("{caller}, who applies it, is no administrator any more"))?;
        } else {
            let alive = state.tokens.values().any(|it| it.name == super::live::MACHINE && it.admin);
            ensure(alive, || "the token in use is gone".to_owned())?;
        }
        let lost: Vec<String> = if half {
            Vec::new()
        } else {
            dangling(pair, state).into_iter().filter(|it| !start.contains(it)).collect()
        };
        ensure(lost.is_empty(), || format!("something refers to what is not there: {}", lost.join(", ")))
    };
    let mut play = Play::new(service, pair.desired);
    play.run(plan, dice, &mut look)?;
    let writes = play.writes;
    let after = service.state();
    let least = administrators(&before).len().min(administrators(&after).len());
    ensure(fewest_admins >= least, || format!("on the way there are {fewest_admins} administrators, not {least}"))?;
    let gaps = watch.gaps(&before, &after, live);
    let told = plan.all_changes().flat_map(|it| &it.remarks).any(|it| it.contains("which has to wait for it"));
    ensure(gaps.is_empty() || told, || format!("on the way some are without what they keep: {}", gaps.join("; ")))?;
    untouched(pair, &before, &after)?;
    let lists = |group: &str| {
        let entry = pair.desired.entries.get(&ResourceId::new("scim-group", group));
        entry.is_some_and(|it| it.node.get("members").is_some())
    };
    let gives_up = |token: &str| gives_up(pair.head, plan, token);
    let wanted = fewest::Wanted { creator: caller, lists: &lists, gives_up: &gives_up };
    let fewest = fewest::writes(&play::meaning(before), &after, &wanted);
    ensure(writes == fewest, || format!("{writes} writes were sent, where {fewest} would do"))?;
    let merged = pair.desired.merged();
    let again = plan::plan(&merged, &service.read(&merged, &Troubles::default()), &pair.options);
    let old_default = &pair.state.organization.default_role;
    let old_default = pair.state.roles.get(old_default).map(|it| format!("role/{}", it.name)).unwrap_or_default();
    ensure(again.all_changes().all(|it| it.verb == Verb::Delete && it.id.to_string() == old_default), || {
        let left = again.all_changes().map(|it| format!("{:?} {} {:?}", it.verb, it.id, it.fields));
        format!("carried out, it leaves something to do: {}", left.collect::<Vec<_>>().join("; "))
    })?;
    Ok(Carried { writes, gaps: gaps.len() })
}

/// Whether a manifest wants a live token gone, whatever becomes of its team: by a tombstone, or because its successor
/// takes its place at once. A predecessor in a team that nobody asked for its tokens is not known.
fn gives_up(head: &Value, plan: &Plan, live: &str) -> bool {
    let is_generation = |name: &str| {
        let rest = live.strip_prefix(name).unwrap_or(".");
        let generation = rest.strip_prefix('.').and_then(|it| it.split_once('-'));
        rest.is_empty() || generation.is_some_and(|it| it.0.parse::<u32>().is_ok() && it.1.len() == 6)
    };
    let removed = head["removed"]["tokens"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let known = |name: &str| {
        let id = ResourceId::new("token", name);
        plan.all_changes().any(|it| it.id == id && it.verb == Verb::Replace)
    };
    let declared = head["tokens"].as_object().into_iter().flatten();
    let mut replaced = declared.filter(|it| it.1["overlap"] == "0d" && known(it.0));
    removed.into_iter().any(is_generation) || replaced.any(|it| is_generation(it.0))
}

/// People who administer the organization, in lower case.
fn administrators(state: &State) -> BTreeSet<String> {
    let admin = state.role_by_identifier("admin").map(|it| it.id.clone()).unwrap_or_default();
    let people = state.members.values().filter(|it| it.known && !it.virtual_admin && it.role == admin);
    people.map(|it| it.login.to_lowercase()).collect()
}

/// Whoever refers to what is not there.
fn dangling(pair: &Pair, state: &State) -> BTreeSet<String> {
    // Policies that no manifest gives keep the id of a role that goes: nothing at the service holds it back, and
    // whoever exchanges a token by them gets none.
    let given_policies = |name: &str| pair.head["oidcIssuers"][name].get("policies").is_some();
    let mut found = BTreeSet::new();
    let mut refers = |who: String, there: bool| {
        if !there {
            found.insert(who);
        }
    };
    for member in state.members.values().filter(|it| it.known) {
        refers(format!("member {} to a role", member.login), state.roles.contains_key(&member.role));
    }
    for team in state.teams.values() {
        for login in team.members.keys() {
            refers(format!("team {} to {login}", team.name), state.joined(login).is_some());
        }
        for role in &team.roles {
            refers(format!("team {} to the role {role}", team.name), state.roles.contains_key(role));
        }
    }
    for service in state.services.values() {
        let owner = &service.owner;
        let there = if owner.kind == "team" {
            state.teams.contains_key(&owner.name)
        } else {
            state.joined(&owner.name).is_some()
        };
        refers(format!("service {} to its owner {}", service.name, owner.name), there);
    }
    for token in state.tokens.values() {
        refers(
            format!("token {} to a team", token.name),
            token.team.as_ref().is_none_or(|it| state.teams.contains_key(it)),
        );
        refers(
            format!("token {} to a role", token.name),
            token.role.as_ref().is_none_or(|it| state.roles.contains_key(it)),
        );
    }
    for issuer in state.issuers.values().filter(|it| given_policies(&it.name)) {
        for policy in state.policies.get(&issuer.policies).into_iter().flat_map(|it| &it.policies) {
            let text = |field: &str| policy[field].as_str().filter(|it| !it.is_empty());
            refers(
                format!("issuer {} to a role", issuer.name),
                text("roleID").is_none_or(|it| state.roles.contains_key(it)),
            );
            refers(
                format!("issuer {} to a team", issuer.name),
                text("teamName").is_none_or(|it| state.teams.contains_key(it)),
            );
            refers(
                format!("issuer {} to a person", issuer.name),
                text("userLogin").is_none_or(|it| state.joined(it).is_some()),
            );
        }
    }
    refers("the default role".to_owned(), state.roles.contains_key(&state.organization.default_role));
    found
}

/// What is external is as it was, and what is protected is there.
fn untouched(pair: &Pair, before: &State, after: &State) -> Held {
    let names = |of: &Value, section: &str| -> Vec<String> {
        of["external"][section].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let head = pair.head;
    for name in names(head, "services") {
        ensure(before.services.get(&name) == after.services.get(&name), || {
            format!("the external service {name} changed")
        })?;
    }
    for name in names(head, "webhooks") {
        ensure(before.hooks.get(&name) == after.hooks.get(&name), || format!("the external webhook {name} changed"))?;
    }
    for name in names(head, "members") {
        let role = |state: &State| state.member(&name).map(|it| it.explicit.then(|| it.role.clone()));
        ensure(role(before) == role(after), || format!("the external member {name} changed"))?;
    }
    for login in head["safety"]["protectedMembers"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let there = |state: &State| state.joined(login).is_some();
        ensure(!there(before) || there(after), || format!("{login} is protected, and gone"))?;
    }
    for (name, entry) in head["teams"].as_object().into_iter().flatten().filter(|it| it.1["protect"] == true) {
        let kind = |state: &State| state.teams.get(name).map(|it| it.kind.clone());
        ensure(kind(before).is_none() || kind(before) == kind(after), || format!("team {name} is protected: {entry}"))?;
    }
    Ok(())
}

/// What is live, written as an import writes it, plans nothing.
pub fn imported_plans_empty(service: &Service) -> Result<usize, String> {
    let live = service.read_everything();
    let mut written = json!({"organization": "acme"});
    let mut count = 0;
    for kind in kinds::ALL {
        let facts = kind.facts();
        for object in
            live.kind(facts.word).objects.values().filter(|it| it.managed_by.is_none() && it.awaited.is_none())
        {
            let Ok(spec) = kind.imported(object) else { continue };
            let mut place = &mut written;
            for part in facts.section.split('.') {
                place = &mut place[part];
            }
            match facts.shape {
                Shape::One => *place = spec,
                Shape::Map => place[&object.name] = spec,
            }
            count += 1;
        }
    }
    let text = serde_yaml::to_string(&written).unwrap();
    let desired = super::pair::loaded(&text).map_err(|why| format!("what was imported is refused: {why}\n{text}"))?;
    let plan = plan::plan(&desired, &service.read(&desired, &Troubles::default()), &Options::default());
    // Two groups of one display name are not told apart.
    ensure(plan.is_empty() && (plan.status.complete || !live.unseen.is_empty()), || {
        let left = plan.all_changes().map(|it| format!("{:?} {} {:?}", it.verb, it.id, it.fields));
        format!("imported, it plans {} {:#?}\n{text}", left.collect::<Vec<_>>().join("; "), plan.diagnostics)
    })?;
    Ok(count)
}

/// Whether some step of a phase is in a plan.
pub fn has(plan: &Plan, phase: Phase) -> bool {
    plan.all_changes().flat_map(|it| &it.steps).any(|it| it.phase == phase)
}

/// Whether the manifest refers to something that is certainly not live.
pub fn refers_to_nothing(desired: &Desired, live: &Snapshot) -> bool {
    let exists = |id: &bylaws::model::ResourceId| {
        let (state, key) = (live.kind(&id.kind), kinds::matching_key(&id.kind, &id.name));
        let told = state.read && state.incomplete.is_none() && !state.unknown_objects.contains_key(&key);
        if state.objects.contains_key(&key) { Some(true) } else { told.then_some(false) }
    };
    let found = bylaws::manifest::unresolved(desired, exists);
    found.iter().any(|it| it.severity == bylaws::model::Severity::Error)
}
