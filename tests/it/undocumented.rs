//! What nobody documents (CONTRACT 10): whichever way the service behaves, a run does the safe thing and says so.

use bylaws::sandbox::Config;
use bylaws::sandbox::seed::{Seed, allow};
use serde_json::{Value, json};

use crate::support::{NOW, NOW_SECONDS, Run, Stage};

fn stage(text: &str) -> Stage {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", &format!("organization: acme\n{text}"));
    stage
}

fn told(stage: &Stage, faults: &[&str]) {
    for fault in faults {
        stage.service().inject(fault.parse().unwrap());
    }
}

/// The program, run by somebody else than the demo administrator.
fn run_as(stage: &Stage, token: &str, arguments: &[&str]) -> Run {
    let url = stage.service().url();
    let all = [arguments, &["--backend", &url, "--now", NOW]].concat();
    crate::support::run(stage.folder.path(), &all, &[("PULUMI_ACCESS_TOKEN", token)])
}

/// What was printed, on one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn items(stage: &Stage, service: &str) -> Vec<String> {
    stage.service().state().services[service].items.keys().cloned().collect()
}

#[test]
fn a_grant_that_somebody_else_made_meanwhile_is_changed() {
    let stage = stage("teams: {platform: {stacks: {shop/prod: write, etl/prod: read}}}\n");
    told(&stage, &["PATCH /api/orgs/acme/teams/platform=409-after,times=1"]);
    stage.run(&["apply", "--yes"]).ended(0);
    assert_eq!(stage.writes().len(), 2);
    let bodies: Vec<Value> =
        stage.service().requests().into_iter().filter(|it| it.method == "PATCH").filter_map(|it| it.body).collect();
    assert!(bodies[0]["addStackPermission"].is_object() && bodies[1]["editStackPermission"].is_object(), "{bodies:?}");
    assert_eq!(stage.service().state().teams["platform"].stacks["etl/prod"], 101);
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_parts() {
    let text = "services: {alerting: {owner: team/sre, items: \
                {stacks: [shop/prod, shop/staging, etl/prod], environments: [shop/prod]}}}\n";
    let stage = stage(text);
    told(&stage, &["POST /api/orgs/acme/services/team/sre/alerting/v2/items=413,times=2"]);
    stage.run(&["apply", "--yes"]).ended(0);
    assert_eq!(items(&stage, "alerting").len(), 4);
    let sizes: Vec<usize> = stage
        .service()
        .requests()
        .iter()
        .filter(|it| it.method == "POST")
        .map(|it| it.body.as_ref().unwrap()["items"].as_array().unwrap().len())
        .collect();
    // All of them; the first half; its parts; and the second half. What was taken is not sent again.
    assert_eq!(sizes, [4, 2, 1, 1, 2]);
}

#[test]
fn a_removal_that_missed_is_tried_under_the_other_spelling() {
    let stage = Stage::with(Config { org_prefix_removals: true, ..Config::default() });
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices: {storefront: {owner: team/web, items: \
         {stacks: [shop/prod], environments: [shop/prod]}}}\n",
    );
    stage.run(&["apply", "--yes"]).ended(0);
    assert_eq!(items(&stage, "storefront"), ["environment/shop/prod", "stack/shop/prod"]);
    let path = "DELETE /api/orgs/acme/services/team/web/storefront/v2/items/stack";
    assert_eq!(stage.writes(), [format!("{path}/shop%2Fstaging"), format!("{path}/acme%2Fshop%2Fstaging")]);
}

#[test]
fn a_removal_that_missed_is_tried_with_bare_slashes_last() {
    let stage = Stage::with(Config { bare_slash_removals: true, ..Config::default() });
    stage.breaks_on_purpose("items/stack/shop/staging");
    stage.write(
        "bylaws.yaml",
        "organization: acme\nservices: {storefront: {owner: team/web, items: \
         {stacks: [shop/prod], environments: [shop/prod]}}}\n",
    );
    stage.run(&["apply", "--yes"]).ended(0);
    assert_eq!(items(&stage, "storefront"), ["environment/shop/prod", "stack/shop/prod"]);
    let path = "DELETE /api/orgs/acme/services/team/web/storefront/v2/items/stack";
    let spelled = ["shop%2Fstaging", "acme%2Fshop%2Fstaging", "shop/staging"].map(|it| format!("{path}/{it}"));
    assert_eq!(stage.writes(), spelled);
}

#[test]
fn a_service_that_is_too_large_at_once_is_made_without_its_items_and_gets_them_in_parts() {
    let text = "services: {cart: {owner: team/sre, description: Cart., items: \
                {stacks: [shop/prod, shop/staging, etl/prod], environments: [shop/prod]}}}\n";
    let stage = stage(text);
    let items_of = "POST /api/orgs/acme/services/team/sre/cart/v2/items";
    told(&stage, &["POST /api/orgs/acme/services=413,times=1", &format!("{items_of}=400,times=1")]);
    stage.run(&["apply", "--yes"]).ended(0);
    let state = stage.service().state();
    assert_eq!((state.services["cart"].items.len(), state.services["cart"].description.as_str()), (4, "Cart."));
    let sent: Vec<(String, usize)> = stage
        .service()
        .requests()
        .iter()
        .filter(|it| it.method == "POST")
        .map(|it| (it.path.clone(), it.body.as_ref().unwrap()["items"].as_array().unwrap().len()))
        .collect();
    let (service, items_of) = ("/api/orgs/acme/services", items_of.trim_start_matches("POST "));
    let expected = [(service, 4), (service, 0), (items_of, 4), (items_of, 2), (items_of, 2)];
    assert_eq!(sent, expected.map(|(path, count)| (path.to_owned(), count)));
}

#[test]
fn a_service_that_is_refused_for_anything_else_is_asked_for_without_its_items_once_and_not_made() {
    let stage = stage("services: {cart: {owner: team/sre, items: {stacks: [shop/prod, etl/prod]}}}\n");
    told(&stage, &["POST /api/orgs/acme/services=400"]);
    stage.run(&["apply", "--yes"]).ended(4);
    assert_eq!(stage.writes(), ["POST /api/orgs/acme/services"; 2]);
    assert!(!stage.service().state().services.contains_key("cart"));
}

#[test]
fn a_service_whose_answer_was_lost_is_never_asked_for_again() {
    let stage = stage("services: {cart: {owner: team/sre, items: {stacks: [shop/prod, etl/prod]}}}\n");
    told(&stage, &["POST /api/orgs/acme/services=500-after,times=1"]);
    stage.run(&["apply", "--yes"]);
    assert_eq!(stage.writes(), ["POST /api/orgs/acme/services"]);
}

#[test]
fn an_item_that_is_refused_while_its_service_is_made_is_named() {
    let stage = stage("services: {cart: {owner: team/sre, items: {stacks: [shop/prod, shop/nowhere, etl/prod]}}}\n");
    let run = stage.run(&["apply", "--yes"]).ended(4);
    for said in ["it was made, but not with all of its 3 entries", "all but one entry were taken", "shop/nowhere"] {
        assert!(flat(&run.stdout).contains(said), "{said}\n{}", run.stdout);
    }
    assert_eq!(items(&stage, "cart"), ["stack/etl/prod", "stack/shop/prod"]);
}

#[test]
fn a_permission_that_cannot_be_edited_stays_and_the_way_out_is_told() {
    let stage = stage("teams: {platform: {stacks: {shop/prod: read}}}\n");
    let before = stage.service().state().teams["platform"].stacks.clone();
    told(&stage, &["PATCH /api/orgs/acme/teams/platform=400"]);
    let run = stage.run(&["apply", "--yes"]).ended(4);
    assert!(flat(&run.stdout).contains("the team keeps what it has on shop/prod"), "{}", run.stdout);
    assert_eq!(stage.writes().len(), 1, "nothing is withdrawn: {:?}", stage.writes());
    assert_eq!(stage.service().state().teams["platform"].stacks, before);
}

/// A role by the names of stacks, which is why their list is read.
const READS_STACKS: &str = "roles: {deployer: {grants: [{permissions: [stack:read], stacks: [shop/prod]}]}}\n";

fn without_staging(text: &str) -> Stage {
    let stage = stage(text);
    stage.service().change(|state| drop(state.stacks.remove("shop/staging")));
    stage
}

#[test]
fn what_a_service_holds_of_what_is_gone_is_told_where_the_list_was_read_and_left_alone() {
    let service = "services: {storefront: {owner: team/web, items: {stacks: [shop/prod, shop/staging], environments: [shop/prod]}}}\n";
    let stage = without_staging(&format!("{READS_STACKS}{service}"));
    let run = stage.run(&["plan"]).ended(0);
    assert!(
        flat(&run.stdout).contains("service/storefront names what is not there any more: stack shop/staging"),
        "{}",
        run.stdout
    );
    stage.run(&["apply", "--yes"]).ended(0);
    assert!(stage.writes().iter().all(|it| it.contains("/roles")), "{:?}", stage.writes());
    assert!(items(&stage, "storefront").contains(&"stack/shop/staging".to_owned()));
    // Taken out of the manifest, it goes, and there is nothing more to tell.
    stage.write("bylaws.yaml", &format!("organization: acme\n{READS_STACKS}{}", service.replace(", shop/staging", "")));
    let run = stage.run(&["apply", "--yes"]).ended(0);
    assert!(!run.stdout.contains("dangling-reference"), "{}", run.stdout);
    assert_eq!(items(&stage, "storefront"), ["environment/shop/prod", "stack/shop/prod"]);
}

#[test]
fn no_list_is_read_only_to_look_for_what_is_gone() {
    let service = "services: {storefront: {owner: team/web, items: {stacks: [shop/prod, shop/staging]}}}\n";
    let stage = without_staging(service);
    let run = stage.run(&["plan"]).ended(0);
    assert!(!run.stdout.contains("dangling-reference"), "{}", run.stdout);
    assert!(
        !stage.requests().iter().any(|it| it.contains("/user/stacks") || it.contains("/esc/")),
        "{:?}",
        stage.requests()
    );
}

#[test]
fn what_is_not_there_stops_a_change_that_would_name_it_before_the_first_request() {
    for (what, text) in [
        ("service/alerting", "services: {alerting: {owner: team/sre, items: {stacks: [shop/staging]}}}\n"),
        ("service/cart", "services: {cart: {owner: team/sre, items: {stacks: [shop/staging]}}}\n"),
        ("service/storefront", "services: {storefront: {owner: team/sre, items: {stacks: [shop/staging]}}}\n"),
        ("team/sre", "teams: {sre: {stacks: {shop/staging: read}}}\n"),
    ] {
        let stage = without_staging(&format!("{READS_STACKS}{text}"));
        let run = stage.run(&["apply", "--yes", "--allow", "replace-service:service/storefront"]).ended(5);
        let said = format!("{what} would name what is not there: stack shop/staging");
        assert!(flat(&format!("{}{}", run.stdout, run.stderr)).contains(&said), "{said}\n{}{}", run.stdout, run.stderr);
        assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    }
}

#[test]
fn an_import_always_tells_what_is_gone_unless_the_list_cannot_be_read() {
    let gone = "service/storefront names what is not there any more: stack shop/staging";
    let stage = without_staging("");
    let run = stage.run(&["import", "--only", "services", "--out", "all"]).ended(0);
    assert!(flat(&run.stdout).contains(gone), "{}", run.stdout);
    told(&stage, &["GET /api/user/stacks=403"]);
    let run = stage.run(&["import", "--only", "services", "--out", "again"]).ended(0);
    assert!(!run.stdout.contains("not there any more"), "{}", run.stdout);
}

#[test]
fn what_was_accepted_and_is_not_so_is_reported_as_failed() {
    let text = "services:\n  storefront: {owner: team/web, items: {stacks: [shop/prod, etl/prod], environments: []}}\n\
                \x20 payments-checkout: {owner: team/payments, properties: [{key: tier, value: '1'}]}\n";
    let stage = stage(text);
    stage.breaks_on_purpose("items/stack/shop/staging");
    stage.breaks_on_purpose("items/environment/shop/prod");
    told(
        &stage,
        &[
            "DELETE /api/orgs/acme/services/team/web/storefront/**=204",
            "POST /api/orgs/acme/services/team/web/storefront/v2/items=204",
            "PATCH /api/orgs/acme/services/team/payments/payments-checkout=204",
        ],
    );
    let run = stage.run(&["apply", "--yes", "--allow", "emptied:service/storefront"]).ended(4);
    for said in [
        "was not taken: stack etl/prod; is still there:",
        "stack shop/staging",
        "environment shop/prod",
        "is still there: the property runbook",
        "2 failed",
    ] {
        assert!(flat(&run.stdout).contains(said), "{said}\n{}", run.stdout);
    }
}

#[test]
fn without_a_seat_nobody_else_is_tried_and_the_rest_goes_on() {
    let stage = stage(
        "members: {erin: {role: member}, mia: {role: member}, nina: {role: member}}\n\
         teams: {platform: {description: Other words.}}\n",
    );
    stage.service().change(|state| state.organization.max_members = Some(11));
    let run = stage.run(&["apply", "--yes", "--concurrency", "1"]).ended(4);
    let added: Vec<String> = stage.writes().into_iter().filter(|it| it.starts_with("POST")).collect();
    assert_eq!(added.len(), 1, "{added:?}");
    assert!(
        flat(&run.stdout).contains("no seats left") && run.stdout.contains("1 failed, 2 not tried"),
        "{}",
        run.stdout
    );
    assert!(flat(&run.stdout).contains("adding members was refused before, and is not tried again"), "{}", run.stdout);
    assert_eq!(stage.service().state().teams["platform"].description, "Other words.");
}

#[test]
fn a_person_nobody_knows_keeps_nobody_else_out() {
    let stage = stage("members: {mistyped: {role: member}, nina: {role: member}}\n");
    stage.run(&["apply", "--yes", "--concurrency", "1"]).ended(4);
    assert!(stage.service().state().members.contains_key("nina"));
}

#[test]
fn what_the_service_does_not_keep_is_explained_once_with_both_values() {
    let stage =
        stage("members: {carol: {role: admin}}\nroles: {stack-auditor: {permissions: [stack:read, stack:write]}}\n");
    stage.service().change(|state| state.organization.kind = "saml".to_owned());
    told(&stage, &["PATCH /api/orgs/acme/members/carol=204", "PATCH /api/orgs/acme/roles/*=204"]);
    let run = stage.run(&["apply", "--yes", "--write", "report=report.json"]).ended(4);
    assert!(
        run.stdout.contains("controlled by the identity provider of this organization (its SAML"),
        "{}",
        run.stdout
    );
    assert!(flat(&run.stdout).contains("keeps the permissions in another form"), "{}", run.stdout);
    assert!(flat(&run.stdout).contains(r#"wanted: ["stack:read","stack:write"]"#), "{}", run.stdout);
    assert_eq!(stage.writes().len(), 2, "each is sent once: {:?}", stage.writes());
    let report = std::fs::read_to_string(stage.folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let unsettled = &report["verification"]["unsettled"];
    assert_eq!((&unsettled[0]["id"], &unsettled[1]["id"]), (&json!("role/stack-auditor"), &json!("member/carol")));
    assert_eq!(unsettled[1]["fields"][0], json!({"path": "/role", "before": "member", "after": "admin"}));
}

#[test]
fn a_refusal_names_the_permission_and_what_else_may_be_behind_it() {
    let stage = stage(
        "teams: {platform: {stacks: {shop/prod: read}}}\n\
         tokens: {fresh: {scope: organization, saveTo: 'file:fresh'}}\n",
    );
    told(&stage, &["POST /api/orgs/acme/tokens=403", "PATCH /api/orgs/acme/teams/platform=403"]);
    let run = run_as(&stage, "pul-legacy-deploy", &["apply", "--yes"]);
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    for said in [
        "it needs the permission `org_token:create`",
        "may do everything but make and revoke tokens of the organization",
        "it needs the permissions `team:update` and `stack_access:update`",
    ] {
        assert!(flat(&run.stdout).contains(said), "{said}\n{}", run.stdout);
    }
}

#[test]
fn names_that_only_their_case_tells_apart_are_pointed_out() {
    let stage = stage("teams: {Platform: {}, blue: {}, Blue: {}}\nmembers: {Carol: {}}\n");
    let run = stage.run(&["plan"]).ended(0);
    for said in ["`Platform`, `platform`", "`Blue`, `blue`"] {
        assert!(flat(&run.stdout).contains(said), "{said}\n{}", run.stdout);
    }
    assert_eq!(run.stdout.matches("names-differ-by-case").count(), 2, "{}", run.stdout);
}

#[test]
fn a_name_that_goes_is_no_double() {
    let removed = stage("services: {Playground: {owner: user/carol}}\nremoved: {services: [playground]}\n");
    let renamed = stage("services: {Playground: {renamedFrom: playground, owner: user/carol}}\n");
    for stage in [removed, renamed] {
        let run = stage.run(&["plan", "--format", "json"]);
        assert!(!run.stdout.contains("names-differ-by-case"), "{}", run.stdout);
    }
}

#[test]
fn what_the_service_says_it_can_do_is_asked_only_by_the_curious() {
    let stage = stage("teams: {platform: {}}\n");
    let asked = || stage.requests().iter().filter(|it| it.contains("/api/capabilities")).count();
    stage.run(&["plan"]).ended(0);
    assert_eq!(asked(), 0);
    let run = stage.run(&["plan", "-v"]).ended(0);
    assert!(run.stderr.contains("capabilities: api-version 9"), "{}", run.stderr);
    told(&stage, &["GET /api/capabilities=404"]);
    stage.run(&["plan", "-v"]).ended(0);
    assert_eq!(asked(), 2);
}

#[test]
fn a_machine_that_may_do_enough_deletes_when_somebody_says_so() {
    let mut seed = Seed::new("acme", "Acme", NOW_SECONDS);
    seed.member("alice", "Alice", "admin");
    seed.member("bob", "Bob", "admin");
    let scopes = ["team:list", "team:read", "team:delete", "team:list_tokens", "org_member:read", "role:read"];
    let role = seed.role("gitops", "", allow(&scopes));
    seed.team("pulumi", "old", "Old", &["bob"]);
    seed.token("machine", "alice", None).role = Some(role);
    let stage = Stage::with(Config { seed: Some(seed.state), ..Config::default() });
    stage.write("bylaws.yaml", "organization: acme\nremoved: {teams: [old]}\n");
    let run = run_as(&stage, "pul-machine", &["plan"]);
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    assert!(flat(&run.stdout).contains("--allow-partial-view"), "{}", run.stdout);
    let run = run_as(&stage, "pul-machine", &["plan", "--allow-partial-view"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert!(flat(&run.stdout).contains("is not known to administer the organization"), "{}", run.stdout);
    assert!(
        flat(&run.stdout).contains("bylaws apply") && run.stdout.contains("--allow-partial-view"),
        "{}",
        run.stdout
    );
    run_as(&stage, "pul-machine", &["apply", "--yes", "--allow-partial-view"]).ended(0);
    assert!(stage.service().state().teams.is_empty());
}

#[test]
fn an_invitation_that_is_refused_points_to_the_console() {
    for status in ["400", "403"] {
        let stage = stage("members: {erin: {invite: erin@example.com}}\n");
        told(&stage, &[&format!("POST /api/orgs/acme/invites/unverified/batch={status}")]);
        let run = stage.run(&["apply", "--yes"]).ended(4);
        assert!(flat(&run.stdout).contains("invite them in the console"), "{}", run.stdout);
        assert_eq!(stage.writes().len(), 1, "{:?}", stage.writes());
    }
}

#[test]
fn two_issuers_with_one_url_are_left_alone() {
    for text in [
        "oidcIssuers: {ci: {url: 'https://issuer.example', maxExpiration: 1h}}\n",
        "oidcIssuers: {ci: {url: 'https://other.example'}}\nremoved: {oidcIssuers: [one, two]}\n",
    ] {
        let mut seed = Seed::new("acme", "Acme", NOW_SECONDS);
        seed.member("alice", "Alice", "admin");
        let role = seed.role("looks", "", allow(&["stack:read"]));
        seed.issuer("one", "https://issuer.example", &role, json!({"sub": "a"}));
        seed.issuer("two", "https://issuer.example", &role, json!({"sub": "b"}));
        let stage = Stage::with(Config { seed: Some(seed.state), ..Config::default() });
        stage.write("bylaws.yaml", &format!("organization: acme\n{text}"));
        let run = stage.run(&["apply", "--yes"]).ended(4);
        let shown = flat(&format!("{}{}", run.stdout, run.stderr));
        assert!(shown.contains("there are 2 issuers with the url `https://issuer.example`"), "{shown}");
        assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    }
}

#[test]
fn a_service_that_others_joined_meanwhile_is_not_forced_away() {
    let stage = stage("removed: {services: [alerting]}\n");
    told(&stage, &["DELETE /api/orgs/acme/services/team/sre/alerting=412"]);
    let run = stage.run(&["apply", "--yes"]).ended(4);
    assert!(flat(&run.stdout).contains("the next plan names them and asks"), "{}", run.stdout);
    assert_eq!(stage.writes(), ["DELETE /api/orgs/acme/services/team/sre/alerting"]);
}
