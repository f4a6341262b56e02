//! What the laws found once, cut down to a few lines.

use bylaws::model::{Phase, Plan, Verb};
use bylaws::plan::{self, Options};
use bylaws::sandbox::State;
use bylaws::sandbox::seed::allow;
use serde_json::{Value, json};

use super::dice::Dice;
use super::pair::{Manifest, Pair};
use super::service::{Service, Troubles};
use super::{draft, laws, live};

/// An organization of these sections, and alice, who administers it with bob.
fn organization(sections: Value) -> State {
    let mut draft = json!({"members": {"alice": {"role": "admin"}, "bob": {"role": "admin"}}, "settings": {"defaultRole": "member"}});
    for (section, entries) in sections.as_object().unwrap() {
        draft[section] = entries.clone();
    }
    live::state(&mut Dice::new(7), &draft)
}

/// The plan of a manifest, after every law that it is held to; with a base branch where one is given.
fn held(state: &State, head: Value, base: Option<Value>) -> Plan {
    let service = Service::new();
    service.is(state, "pul-sandbox");
    let organized = |mut manifest: Value| {
        manifest["organization"] = json!("acme");
        manifest
    };
    let manifest = Manifest::written(organized(head), base.map(organized)).unwrap();
    let mut dice = Dice::new(1);
    let (pair, live, plan) = Pair::of(&mut dice, &service, state, &manifest).unwrap();
    laws::converges(&plan).unwrap();
    laws::order_is_nothing(&pair, &service, &plan, &mut dice).unwrap();
    if plan.status.applyable {
        laws::carried_out(&pair, &live, &service, &plan, &mut dice).unwrap();
    }
    plan
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.diagnostics.iter().map(|it| it.code.as_str()).collect()
}

const BOTH: [&str; 2] = ["reader", "größe"];

/// Two roles that permit different things.
fn two_roles() -> Value {
    json!({BOTH[0]: {"permissions": ["stack:read"]}, BOTH[1]: {"permissions": ["stack:write"]}})
}

/// The same with each other's names.
fn swapped() -> Value {
    json!({
        BOTH[0]: {"permissions": ["stack:write"], "renamedFrom": BOTH[1]},
        BOTH[1]: {"permissions": ["stack:read"], "renamedFrom": BOTH[0]},
    })
}

#[test]
fn a_role_that_gets_anothers_name_is_the_one_that_is_given() {
    let state = organization(json!({"roles": two_roles()}));
    let head = json!({"roles": swapped(), "members": {"bob": {"role": "größe"}}, "settings": {"defaultRole": "größe"}});
    let plan = held(
        &state,
        json!({"safety": {"minimumAdmins": 1}, "roles": head["roles"], "settings": head["settings"]}),
        Some(json!({"roles": two_roles()})),
    );
    assert!(plan.status.applyable, "{:#?}", plan.diagnostics);
    let id = state.roles.values().find(|it| it.name == BOTH[0]).map(|it| it.id.clone()).unwrap();
    let calls: Vec<String> = plan
        .all_changes()
        .filter(|it| it.kind == "settings")
        .flat_map(|it| &it.steps)
        .flat_map(|it| &it.calls)
        .map(|it| it.display_path())
        .collect();
    assert_eq!(calls, [format!("/api/orgs/acme/roles/{id}/default")]);
}

#[test]
fn a_policy_whose_role_is_renamed_needs_no_call() {
    let policies = |role: &str| {
        json!([
            {"decision": "allow", "tokenType": "organization", "role": "admin", "rules": {"sub": "b"}},
            {"decision": "allow", "tokenType": "organization", "role": role, "rules": {"sub": "a"}},
        ])
    };
    let issuer =
        |role: &str| json!({"github": {"url": draft::ADDRESSES[0], "maxExpiration": "1h", "policies": policies(role)}});
    let state =
        organization(json!({"roles": {"zebra": {"permissions": ["stack:read"]}}, "oidcIssuers": issuer("zebra")}));
    let plan =
        held(&state, json!({"roles": {"Aardvark": {"renamedFrom": "zebra"}}, "oidcIssuers": issuer("Aardvark")}), None);
    assert_eq!(plan.all_changes().map(|it| it.id.to_string()).collect::<Vec<_>>(), ["role/Aardvark"]);
}

#[test]
fn a_name_that_is_given_away_is_made_anew_where_the_base_branch_tells() {
    let mut state = organization(json!({"roles": {"reader": {"permissions": ["stack:read"]}}}));
    let plan = held(&state, json!({"roles": swapped()}), Some(json!({"roles": two_roles()})));
    let verbs: Vec<Verb> = plan.all_changes().map(|it| it.verb).collect();
    assert_eq!(verbs, [Verb::Rename, Verb::Create], "{:#?}", plan.diagnostics);
    // Without it, the next plan could not know that the rename was done.
    let plan = held(&state, json!({"roles": swapped()}), None);
    assert!(codes(&plan).contains(&"rename-ambiguous"));
    state.roles.retain(|_, it| it.default_identifier.is_some());
    assert!(codes(&held(&state, json!({"roles": swapped()}), None)).contains(&"rename-ambiguous"));
}

#[test]
fn the_predecessors_of_a_token_go_before_it() {
    let mut state = organization(json!({"tokens": {"ci": {"scope": "organization", "rotation": 1}}}));
    let mut older = state.tokens.values().find(|it| it.name.starts_with("ci")).cloned().unwrap();
    (older.id, older.name, older.created) = ("t-90".to_owned(), "ci.1-zzzzzz".to_owned(), older.created - 86_400);
    state.tokens.insert(older.id.clone(), older);
    let plan = held(&state, json!({"removed": {"tokens": ["ci"]}}), None);
    assert!(plan.status.applyable, "{:#?}", plan.diagnostics);
}

#[test]
fn nobody_gives_up_a_name_for_what_could_not_be_read() {
    let services =
        json!({"shop": {"owner": "user/alice"}, "cart": {"owner": "user/bob"}, "till": {"owner": "user/alice"}});
    let service = Service::new();
    service.is(&organization(json!({"services": services})), "pul-sandbox");
    let head = json!({"organization": "acme", "services": {
        "till": {"owner": "user/alice", "renamedFrom": "shop"}, "shop": {"owner": "user/bob", "renamedFrom": "cart"},
    }});
    let manifest = Manifest::written(head, None).unwrap();
    let mut live = service.read(&manifest.desired, &Troubles::default());
    let state = live.kinds.get_mut("service").unwrap();
    state.objects.remove("till");
    state.unknown_objects.insert("till".to_owned(), "it was not answered".to_owned());
    live.unseen.push("service/till: it was not answered".to_owned());
    let plan = plan::plan(&manifest.desired, &live, &Options::default());
    laws::converges(&plan).unwrap();
    assert!(plan.all_changes().all(|it| it.steps.is_empty()), "shop is not free");
}

#[test]
fn whoever_is_to_have_a_name_of_which_nobody_knows_whose_it_is_waits() {
    let items = json!({"stacks": ["shop/prod"]});
    let services = json!({
        "shop": {"owner": "user/bob", "items": items}, "cart": {"owner": "user/alice"},
    });
    let service = Service::new();
    service.is(&organization(json!({"services": services})), "pul-sandbox");
    // What is `shop` today may be on its way to be `cart`, and is not emptied to be the `shop` of the manifest.
    let head = json!({"organization": "acme", "services": {
        "cart": {"owner": "user/bob", "renamedFrom": "shop"},
        "shop": {"owner": "user/bob", "renamedFrom": "till", "items": {"stacks": []}},
    }});
    let manifest = Manifest::written(head, None).unwrap();
    let mut live = service.read(&manifest.desired, &Troubles::default());
    let state = live.kinds.get_mut("service").unwrap();
    state.objects.remove("cart");
    state.unknown_objects.insert("cart".to_owned(), "it was not answered".to_owned());
    live.unseen.push("service/cart: it was not answered".to_owned());
    let plan = plan::plan(&manifest.desired, &live, &Options::default());
    laws::converges(&plan).unwrap();
    assert!(plan.all_changes().all(|it| it.steps.is_empty()), "the item of what may be `cart` is taken");
}

#[test]
fn what_may_be_renamed_is_not_pruned() {
    let service = Service::new();
    let services = json!({"cart": {"owner": "user/alice"}, "shop": {"owner": "user/alice"}});
    service.is(&organization(json!({"services": services})), "pul-sandbox");
    let head = json!({
        "organization": "acme", "prune": {"services": true},
        "services": {"till": {"owner": "user/alice", "renamedFrom": "cart"}},
    });
    let manifest = Manifest::written(head, None).unwrap();
    let mut live = service.read(&manifest.desired, &Troubles::default());
    let state = live.kinds.get_mut("service").unwrap();
    state.unknown_objects.insert("till".to_owned(), "it was not answered".to_owned());
    let plan = plan::plan(&manifest.desired, &live, &Options::default());
    assert_eq!(plan.all_changes().map(|it| it.id.to_string()).collect::<Vec<_>>(), ["service/shop"]);
}

#[test]
fn a_name_is_not_free_where_the_list_may_lack_something() {
    let service = Service::new();
    let mut state = organization(json!({}));
    let mut role = state.roles.values().next().cloned().unwrap();
    (role.id, role.name, role.default_identifier) = ("r-90".to_owned(), "reader".to_owned(), None);
    role.details = allow(&["stack:read"]);
    state.roles.insert(role.id.clone(), role);
    service.is(&state, "pul-sandbox");
    let head = json!({"organization": "acme", "roles": {"auditor": {"renamedFrom": "reader"}}});
    let manifest = Manifest::written(head, None).unwrap();
    let mut live = service.read(&manifest.desired, &Troubles::default());
    live.kinds.get_mut("role").unwrap().incomplete = Some("a page was not answered".to_owned());
    let plan = plan::plan(&manifest.desired, &live, &Options::default());
    assert!(plan.is_empty() && !plan.status.complete, "{:#?}", plan.changes);
}

/// Not declared any more, and so removed; but something that is declared cannot do without it.
#[test]
fn what_the_manifest_still_names_is_not_removed() {
    let state = organization(json!({
        "members": {"alice": {"role": "admin"}, "bob": {"role": "admin"}, "erin": {"role": "member"}, "uma": {"role": "member"}},
        "services": {"shop": {"owner": "user/uma"}},
        "teams": {"web": {"members": []}},
    }));
    let people = json!({"alice": {"role": "admin"}, "bob": {"role": "admin"}});
    let mut before =
        json!({"members": people, "services": {"shop": {"owner": "user/uma"}}, "teams": {"web": {"members": []}}});
    before["members"]["erin"] = json!({"role": "member"});
    for (section, entries) in [
        ("services", json!({"shop": {"owner": "user/erin"}})),
        ("services", json!({"shop": {"owner": "user/uma"}, "new": {"owner": "user/erin"}})),
        ("teams", json!({"web": {"members": ["erin"]}})),
    ] {
        let mut head =
            json!({"members": people, "services": {"shop": {"owner": "user/uma"}}, "teams": {"web": {"members": []}}});
        head[section] = entries;
        let plan = held(&state, head, Some(before.clone()));
        assert!(!plan.status.applyable);
        let told = plan.diagnostics.iter().find(|it| it.code == "still-held").expect("the removal is held");
        assert!(
            told.message.contains("member/erin is deleted, and the manifest still names it in"),
            "{}",
            told.message
        );
    }
}

/// The team takes its tokens along; but who gives up a token wants it gone even where the team is not deleted after all.
#[test]
fn a_token_that_is_given_up_by_itself_is_revoked_before_its_team() {
    let state = organization(json!({
        "teams": {"crew": {"members": []}},
        "tokens": {
            "ci": {"scope": "team/crew"}, "cd": {"scope": "team/crew", "lifetime": "90d"}, "a.1-b": {"scope": "team/crew"},
        },
    }));
    let moved = json!({"scope": "organization", "rotation": 2, "overlap": "0d", "saveTo": "file:1"});
    let head = json!({"removed": {"teams": ["crew"], "tokens": ["ci"]}, "tokens": {"cd": moved}});
    let plan = held(&state, head, None);
    assert!(plan.status.applyable, "{:#?}", plan.diagnostics);
    let mut revoked: Vec<&str> = plan
        .all_changes()
        .flat_map(|it| it.steps.iter().filter(|step| step.phase == Phase::Delete).map(|_| it.id.name.as_str()))
        .collect();
    revoked.sort_unstable();
    assert_eq!(revoked, ["cd", "ci", "crew"]);
}

#[test]
fn what_keeps_its_name_keeps_its_id_where_another_was_to_get_that_name() {
    let teams = json!({"sre": {"kind": "pulumi", "role": BOTH[0]}});
    let state = organization(json!({"roles": two_roles(), "teams": teams}));
    let base = json!({"roles": {BOTH[1]: {"permissions": ["stack:write"]}}, "teams": {"sre": {"role": "none"}}});
    let head = json!({
        "roles": {BOTH[0]: {"permissions": ["stack:write"], "renamedFrom": BOTH[1]}}, "teams": {"sre": {"role": "none"}},
    });
    let plan = held(&state, head, Some(base));
    assert!(codes(&plan).contains(&"rename-ambiguous"), "{:?}", codes(&plan));
    let team = plan.all_changes().find(|it| it.id.to_string() == "team/sre").unwrap();
    let calls: Vec<String> = team.steps.iter().flat_map(|it| &it.calls).map(|it| it.display_path()).collect();
    let own = state.roles.values().find(|it| it.name == BOTH[0]).unwrap();
    assert!(calls.iter().any(|it| it.ends_with(&format!("/roles/{}", own.id))), "{calls:?}, and not {}", own.id);
}
