//! Renames: one, two that swap names, and a ring that an interruption left half done.

use bylaws::sandbox::{Config, State, demo};
use serde_json::Value;

use crate::support::{NOW_SECONDS, Stage};

fn stage(change: impl FnOnce(&mut State)) -> Stage {
    let mut seed = demo(NOW_SECONDS);
    change(&mut seed);
    Stage::with(Config { seed: Some(seed), ..Config::default() })
}

fn plan(stage: &Stage, code: i32) -> Value {
    serde_json::from_str(&stage.run(&["plan", "--format", "json"]).ended(code).stdout).unwrap()
}

/// `OWNER NAME: DESCRIPTION` of the services with these names.
fn services(stage: &Stage, names: &[&str]) -> Vec<String> {
    let state = stage.service().state();
    let services = state.services.values().filter(|it| names.contains(&it.name.as_str()));
    services.map(|it| format!("{}/{} {}: {}", it.owner.kind, it.owner.name, it.name, it.description)).collect()
}

/// An apply that ends well has read again that nothing is left.
#[track_caller]
fn converges(stage: &Stage) {
    stage.run(&["apply", "--yes"]).ended(0);
    assert!(plan(stage, 0)["changes"].as_array().unwrap().is_empty());
}

/// Carries out the first steps of the plan, each of them one rename, and tells how many there are in all.
fn interrupted(stage: &Stage, done: usize) -> usize {
    let plan = plan(stage, 0);
    let changes = plan["changes"].as_array().unwrap();
    let mut steps: Vec<&Value> = changes.iter().flat_map(|it| it["steps"].as_array().unwrap()).collect();
    steps.sort_by_key(|it| it["step"].as_u64());
    stage.service().change(|state| {
        for step in steps.iter().take(done) {
            let call = &step["calls"][0];
            let old = call["path"].as_array().unwrap().last().unwrap().as_str().unwrap();
            let mut service = state.services.remove(old).unwrap();
            service.name = call["body"]["name"].as_str().unwrap().to_owned();
            assert!(!state.services.contains_key(&service.name), "{} is taken", service.name);
            state.services.insert(service.name.clone(), service);
        }
    });
    steps.len()
}

const SWAP: &str = "organization: acme\nservices:\n  playground: {renamedFrom: data-pipeline, owner: team/platform}\n  \
                    data-pipeline: {renamedFrom: playground, owner: user/carol}\n";

#[test]
fn a_rename_keeps_all_that_hangs_on_the_service() {
    let stage = stage(|_| ());
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices: {checkout: {renamedFrom: payments-checkout, owner: team/payments}}\n",
    );
    let before = stage.service().state().services["payments-checkout"].clone();
    converges(&stage);
    let state = stage.service().state();
    let after = &state.services["checkout"];
    assert_eq!((&after.items, &after.properties, after.created), (&before.items, &before.properties, before.created));
    assert_eq!(stage.writes(), ["PATCH /api/orgs/acme/services/team/payments/payments-checkout"]);
}

#[test]
fn two_services_of_different_owners_swap_names() {
    let stage = stage(|state| {
        state.services.get_mut("playground").unwrap().description = "Plays.".to_owned();
        state.services.get_mut("data-pipeline").unwrap().description = "Works.".to_owned();
    });
    stage.write("bylaws.yaml", SWAP);
    converges(&stage);
    assert_eq!(
        services(&stage, &["playground", "data-pipeline"]),
        ["user/carol data-pipeline: Plays.", "team/platform playground: Works."]
    );
    assert_eq!(stage.writes().len(), 3, "{:#?}", stage.writes());
}

#[test]
fn a_swap_goes_on_wherever_it_was_interrupted() {
    // As often as a write can be the last one.
    for done in 0..3 {
        let stage = stage(|_| ());
        stage.write("bylaws.yaml", SWAP);
        assert_eq!(interrupted(&stage, done), 3);
        converges(&stage);
        assert_eq!(
            services(&stage, &["playground", "data-pipeline"]),
            ["user/carol data-pipeline: ", "team/platform playground: "],
            "after {done} steps"
        );
        assert_eq!(stage.service().state().services.len(), 6);
    }
}

#[test]
fn three_services_go_round_and_go_on_where_they_were_interrupted() {
    let text = "organization: acme\nservices:\n  storefront: {renamedFrom: data-pipeline, owner: team/platform}\n  \
                data-pipeline: {renamedFrom: playground, owner: user/carol}\n  \
                playground: {renamedFrom: storefront, owner: team/web}\n";
    for done in 0..4 {
        let stage = stage(|_| ());
        stage.write("bylaws.yaml", text);
        assert_eq!(interrupted(&stage, done), 4);
        converges(&stage);
        let owner = |name: &str| stage.service().state().services[name].owner.name.clone();
        assert_eq!(
            [owner("storefront"), owner("data-pipeline"), owner("playground")],
            ["platform", "carol", "web"],
            "after {done} steps"
        );
    }
}

#[test]
fn a_name_that_somebody_else_keeps_is_not_taken() {
    let stage = stage(|_| ());
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices: {playground: {renamedFrom: billing-batch, owner: team/payments}}\n",
    );
    let plan = plan(&stage, 5);
    assert_eq!(plan["diagnostics"][0]["code"], "rename-ambiguous", "{plan:#}");
    stage.run(&["apply", "--yes"]).ended(5);
    assert!(stage.writes().is_empty());
}

#[test]
fn a_service_gets_another_owner_and_another_name_at_once() {
    let stage = stage(|_| ());
    stage.write("bylaws.yaml", "organization: acme\nservices: {sandpit: {renamedFrom: playground, owner: user/bob}}\n");
    stage.run(&["plan"]).ended(5);
    stage.run(&["apply", "--yes", "--allow", "replace-service:service/sandpit"]).ended(0);
    assert_eq!(services(&stage, &["sandpit", "playground"]), ["user/bob sandpit: "]);
}

#[test]
fn a_name_is_free_before_it_is_taken_from_what_is_replaced() {
    let stage = stage(|_| ());
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices:\n  sandpit: {renamedFrom: playground, owner: user/bob}\n  \
         playground: {renamedFrom: data-pipeline, owner: team/platform}\n",
    );
    stage.run(&["apply", "--yes", "--allow", "replace-service:service/sandpit"]).ended(0);
    assert_eq!(
        services(&stage, &["sandpit", "playground", "data-pipeline"]),
        ["team/platform playground: ", "user/bob sandpit: "]
    );
}

#[test]
fn an_old_name_that_cannot_be_read_is_not_made_anew_under_the_new_one() {
    let stage = stage(|_| ());
    stage.service().inject("GET /api/orgs/acme/services/team/payments/payments-checkout=500".parse().unwrap());
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices: {checkout: {renamedFrom: payments-checkout, owner: team/payments}}\n",
    );
    let plan = plan(&stage, 4);
    assert!(plan["changes"].as_array().unwrap().is_empty(), "{:#}", plan["changes"]);
}

#[test]
fn what_is_managed_elsewhere_is_not_renamed() {
    let stage = stage(|_| ());
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices: {checkout: {renamedFrom: payments-checkout, owner: team/payments}}\nexternal: {services: [payments-checkout]}\n",
    );
    stage.run(&["validate"]).ended(2);
}

#[test]
fn a_renamed_role_stays_with_whoever_has_it() {
    let stage = stage(|_| ());
    stage.write(
        "bylaws.yaml",
        "organization: acme\nroles: {shipper: {renamedFrom: deployer}}\nmembers: {zoe: {role: shipper}}\n\
         tokens: {ci-deploy: {scope: organization, role: shipper}}\nteams: {platform: {role: shipper}}\n",
    );
    converges(&stage);
}
