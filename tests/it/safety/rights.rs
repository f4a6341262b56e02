//! Callers who may do too little, and organizations that have too little: told before anything is written.

use bylaws::sandbox::seed::allow;
use bylaws::sandbox::state::Role;
use bylaws::sandbox::{Config, TokenKind};
use serde_json::Value;

use crate::support::{self, NOW, Run, Stage};

/// The program run by somebody else than the administrator.
fn run_as(stage: &Stage, login: &str, arguments: &[&str]) -> Run {
    let url = stage.service().url();
    let arguments = [arguments, &["--backend", &url, "--now", NOW]].concat();
    support::run(stage.folder.path(), &arguments, &[("PULUMI_ACCESS_TOKEN", &format!("pul-{login}"))])
}

/// A stage whose manifest is this.
fn with(text: &str) -> Stage {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", &format!("organization: acme\n{text}"));
    stage
}

/// Gives somebody a role made of these permissions.
fn give(stage: &Stage, login: &str, permissions: &[&str]) {
    stage.service().change(|state| {
        let role = Role {
            id: "r-keeper".to_owned(),
            name: "keeper".to_owned(),
            resource_type: "global".to_owned(),
            ux_purpose: "role".to_owned(),
            details: allow(permissions),
            version: 1,
            ..state.roles.values().next().unwrap().clone()
        };
        let role = Role { default_identifier: None, ..role };
        state.roles.insert(role.id.clone(), role);
        state.members.get_mut(login).unwrap().role = "r-keeper".to_owned();
    });
}

fn switch_off(stage: &Stage, switch: &str) {
    stage.service().change(|state| {
        assert_eq!(state.organization.features.insert(switch.to_owned(), false), Some(true), "{switch}");
    });
}

/// The messages of a JSON plan with a code, and the plan.
fn told(run: &Run, code: &str) -> (Vec<String>, Value) {
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let all = plan["diagnostics"].as_array().unwrap().iter().filter(|it| it["code"] == code);
    (all.map(|it| it["message"].as_str().unwrap().to_owned()).collect(), plan)
}

#[test]
fn a_read_that_is_refused_names_the_permission_it_needs() {
    for (section, login, permission) in [
        ("members: {carol: {role: admin}}", "dana", "org_member:read"),
        ("roles: {stack-auditor: {description: x}}", "dana", "role:read"),
        ("teams: {platform: {description: x}}", "dana", "team:list"),
        ("tokens: {ci-deploy: {scope: organization}}", "carol", "org_token:read"),
        ("removed: {tokens: [platform-bot]}", "carol", "org_token:read"),
        ("tokens: {platform-bot: {scope: team/platform}}", "carol", "team:list_tokens"),
    ] {
        let stage = with(section);
        let run = run_as(&stage, login, &["plan", "--format", "json"]).ended(4);
        let (messages, plan) = told(&run, "not-visible");
        let named = messages.iter().any(|it| it.contains(&format!("it needs the permission `{permission}`")));
        assert!(named, "{section}: {messages:#?}");
        assert_eq!(plan["status"]["applyable"], false, "{section}");
        run_as(&stage, login, &["apply", "--yes"]).ended(4);
        assert!(stage.writes().is_empty(), "{section}: {:?}", stage.writes());
    }
}

#[test]
fn a_write_that_would_be_refused_is_told_with_its_permission() {
    let text = "teams: {platform: {description: New words., stacks: {shop/prod: admin}}}\nmembers: {erin: {}}\n";
    let stage = with(text);
    give(&stage, "carol", &["org_member:add", "stack_access:update"]);
    let run = run_as(&stage, "carol", &["plan", "--format", "json"]).ended(0);
    let (messages, _) = told(&run, "missing-permission");
    let wanted = "applying team/platform needs the permission `team:update`, which the roles of `carol` do not give";
    assert_eq!(messages, [wanted]);
    // An administrator lacks nothing.
    let (messages, _) = told(&stage.run(&["plan", "--format", "json"]).ended(0), "missing-permission");
    assert!(messages.is_empty(), "{messages:?}");
    give(&stage, "carol", &["org_member:add", "stack_access:update", "team:update"]);
    let run = run_as(&stage, "carol", &["plan", "--format", "json"]).ended(0);
    assert!(told(&run, "missing-permission").0.is_empty(), "{}", run.stdout);
    run_as(&stage, "carol", &["apply", "--yes"]).ended(0);
}

#[test]
fn where_nobody_tells_what_a_caller_may_do_that_is_told() {
    let stage = with("services: {storefront: {owner: team/web, description: New words.}}\n");
    give(&stage, "carol", &["services:read"]);
    let run = run_as(&stage, "carol", &["plan", "--format", "json"]).ended(0);
    let (messages, _) = told(&run, "missing-permission");
    assert!(messages.len() == 1 && messages[0].contains("`services:write`; whether `carol`"), "{messages:?}");
    assert_eq!(run_as(&stage, "carol", &["apply", "--yes"]).code, 4);
}

#[test]
fn a_caller_who_is_not_known_to_be_an_administrator_deletes_nothing() {
    let text = "removed: {teams: [data-eng]}\nprune: {services: true}\nservices: {storefront: {owner: team/web}}\n";
    let stage = with(text);
    give(&stage, "carol", &["services:read", "team:delete", "team:list_tokens"]);
    let run = run_as(&stage, "carol", &["plan", "--format", "json"]).ended(4);
    let (messages, plan) = told(&run, "not-visible");
    assert!(messages.iter().any(|it| it.starts_with("team/data-eng is not deleted, because `carol`")), "{messages:#?}");
    assert_eq!(plan["summary"]["delete"], 0);
    run_as(&stage, "carol", &["apply", "--yes"]).ended(4);
    assert!(stage.writes().is_empty());
}

#[test]
fn a_feature_that_is_off_is_never_an_empty_list() {
    for (switch, section) in [
        ("teamsEnabled", "teams: {platform: {description: New words.}, fresh: {}}"),
        ("teamsEnabled", "removed: {teams: [data-eng, gone]}"),
        ("teamsEnabled", "prune: {teams: true}\nteams: {platform: {}}"),
        ("customRolesEnabled", "roles: {fresh: {permissions: ['stack:read']}}"),
        ("customRolesEnabled", "roles: {stack-auditor: {description: New words.}}"),
        ("machineTokensEnabled", "tokens: {fresh: {scope: organization, saveTo: 'file:fresh'}}"),
        ("machineTokensEnabled", "removed: {tokens: [gone]}"),
    ] {
        let stage = with(section);
        switch_off(&stage, switch);
        let run = stage.run(&["plan", "--format", "json"]).ended(4);
        let (messages, plan) = told(&run, "not-visible");
        assert!(messages.iter().any(|it| it.contains(&format!("(`{switch}` is off)"))), "{section}: {messages:#?}");
        assert_eq!((&plan["summary"]["create"], &plan["summary"]["delete"]), (&0.into(), &0.into()), "{section}");
        assert!(told(&run, "tombstone-done").0.is_empty(), "{section}");
        stage.run(&["apply", "--yes"]).ended(4);
        assert!(stage.writes().is_empty(), "{section}");
        // A switch that the service does not mention is not off.
        if switch == "customRolesEnabled" {
            stage.breaks_on_purpose("\"customRolesEnabled\" is a required property");
        }
        stage.service().change(|state| state.organization.features.retain(|name, _| name != switch));
        let run = stage.run(&["plan", "--format", "json"]);
        assert!(told(&run, "not-visible").0.is_empty(), "{section}: {}", run.stdout);
    }
}

#[test]
fn a_field_that_needs_what_is_off_stops_its_change_only() {
    for (switch, section, id) in [
        ("usersCustomRolesEnabled", "members: {carol: {role: stack-auditor}}", "member/carol"),
        ("customRolesEnabled", "teams: {platform: {role: stack-auditor}}", "team/platform"),
        (
            "customRolesEnabled",
            "tokens: {fresh: {scope: organization, role: stack-auditor, saveTo: 'file:fresh'}}",
            "token/fresh",
        ),
    ] {
        let stage = with(section);
        switch_off(&stage, switch);
        let run = stage.run(&["plan", "--format", "json"]).ended(5);
        let (messages, _) = told(&run, "switched-off");
        let clear = messages.len() == 1 && messages[0].starts_with(id) && messages[0].contains(switch);
        assert!(clear, "{section}: {messages:#?}");
        stage.run(&["apply", "--yes"]).ended(5);
        assert!(stage.writes().is_empty(), "{section}");
    }
    // Built-in roles and whatever else changes need nothing of it.
    let stage = with("members: {carol: {role: admin}}\nteams: {platform: {description: New words.}}\n");
    switch_off(&stage, "usersCustomRolesEnabled");
    switch_off(&stage, "customRolesEnabled");
    stage.run(&["plan"]).ended(0);
}

#[test]
fn an_organization_of_one_person_has_no_teams() {
    let stage = with("teams: {fresh: {}}\n");
    stage.service().change(|state| state.organization.kind = "single-user".to_owned());
    let run = stage.run(&["plan", "--format", "json"]).ended(4);
    let (messages, _) = told(&run, "not-visible");
    assert!(messages.iter().any(|it| it.contains("an organization of one person has no teams")), "{messages:#?}");
    assert!(stage.writes().is_empty());
}

#[test]
fn whoever_may_not_see_all_grants_withdraws_none() {
    let stage = with("teams: {platform: {stacks: {etl/prod: read}}}\n");
    give(&stage, "carol", &["team:update", "stack_access:update"]);
    let run = run_as(&stage, "carol", &["plan", "--format", "json"]).ended(4);
    let (messages, plan) = told(&run, "not-visible");
    assert!(messages.iter().any(|it| it.starts_with("stacks/shop/prod of team/platform is not")), "{messages:#?}");
    let change = &plan["changes"][0];
    assert_eq!(change["fields"][0]["added"], serde_json::json!(["etl/prod"]), "{change:#}");
    assert!(change["fields"][0].get("removed").is_none_or(|it| it == &serde_json::json!([])), "{change:#}");
    assert!(!change["steps"].to_string().contains("removeStack"), "{change:#}");
    // An administrator sees them all.
    let run = stage.run(&["plan", "--format", "json"]).ended(0);
    assert!(run.stdout.contains("removeStack"), "{}", run.stdout);
}

#[test]
fn a_custom_role_called_like_a_built_in_one_is_neither_it_nor_touched() {
    for name in ["admin", "member", "none"] {
        let text = "members: {bob: {role: member}, carol: {role: member}}\nroles: {stack-auditor: {}}\n\
                    prune: {roles: true}\nsafety: {minimumAdmins: 1}\n";
        let stage = with(text);
        give(&stage, "carol", &["stack:read"]);
        stage.service().change(|state| {
            state.roles.get_mut("r-keeper").unwrap().name = name.to_owned();
            state.teams.get_mut("platform").unwrap().roles = vec!["r-keeper".to_owned()];
        });
        let run = stage.run(&["plan", "--format", "json"]);
        let (unseen, plan) = told(&run, "not-visible");
        assert!(unseen.is_empty(), "{name}: {unseen:#?}");
        let changes = plan["changes"].as_array().unwrap();
        let ids: Vec<&str> = changes.iter().map(|it| it["id"].as_str().unwrap()).collect();
        // Its holder is no administrator and no plain member; the other custom role is all there is to prune.
        assert_eq!(ids, ["role/deployer", "member/bob", "member/carol"], "{name}");
        assert_eq!(changes[2]["before"]["role"], format!("custom/{name}"), "{name}");
    }
}

/// A manifest of roles alone does not read who has them, unless one of them may come to permit less.
#[test]
fn whoever_applies_it_does_not_narrow_their_own_role() {
    for (text, code) in [
        ("roles: {keeper: {permissions: [stack:read]}}", 5),
        ("roles: {guard: {renamedFrom: keeper, permissions: [stack:read]}}", 5),
        ("roles: {keeper: {permissions: [stack:read, role:read, role:update, org_member:read, team:list]}}", 0),
        ("roles: {keeper: {description: New words.}}", 0),
    ] {
        for through_team in [false, true] {
            let stage = with(text);
            give(&stage, "carol", &["stack:read", "role:read", "role:update", "org_member:read"]);
            if through_team {
                stage.service().change(|state| {
                    let member = state.role_by_identifier("member").unwrap().id.clone();
                    state.members.get_mut("carol").unwrap().role = member;
                    let team = state.teams.values_mut().find(|it| it.members.contains_key("carol")).unwrap();
                    team.roles = vec!["r-keeper".to_owned()];
                });
            }
            let run = run_as(&stage, "carol", &["plan", "--format", "json"]);
            let (lockout, plan) = told(&run, "self-lockout");
            assert_eq!((run.code, lockout.len()), (code, usize::from(code == 5)), "{text}\n{plan:#}");
            // Who administers the organization by themselves relies on no role.
            stage.run(&["plan", "--quiet"]).ended(0);
        }
    }
}

#[test]
fn a_token_does_not_narrow_the_role_that_it_has() {
    let stage = Stage::with(Config { token_kind: TokenKind::Organization, ..Config::default() });
    stage.write("bylaws.yaml", "organization: acme\nroles: {keeper: {permissions: [stack:read]}}\n");
    give(&stage, "carol", &["stack:read", "role:read", "role:update", "org_member:read"]);
    let plan = || run_as(&stage, "legacy-deploy", &["plan"]);
    plan().ended(0);
    stage.service().change(|state| {
        let token = state.tokens.values_mut().find(|it| it.name == "legacy-deploy").unwrap();
        (token.admin, token.role) = (false, Some("r-keeper".to_owned()));
    });
    assert!(plan().ended(5).stdout.contains("self-lockout"));
}

#[test]
fn a_token_that_may_be_of_the_old_sort_is_warned_before_it_meets_a_refusal() {
    const OWN: &str = "tokens: {fresh: {scope: organization, lifetime: 30d, saveTo: 'file:fresh'}}";
    const TEAMS: &str = "tokens: {fresh: {scope: team/platform, saveTo: 'file:fresh'}}";
    const GOES: &str = "removed: {tokens: [drift-reader]}";
    for (text, who, warned) in [
        (OWN, "legacy-deploy", true),
        (GOES, "legacy-deploy", true),
        (TEAMS, "legacy-deploy", false),
        (OWN, "sandbox", false),
    ] {
        let stage = with(text);
        let run = run_as(&stage, who, &["plan", "--format", "json"]).ended(0);
        let (warnings, plan) = told(&run, "missing-permission");
        assert_eq!(warnings.len(), usize::from(warned), "{who}: {text}\n{plan:#}");
        assert!(warnings.iter().all(|it| it.contains("`legacy-deploy`") && it.contains("may be refused")));
    }
    // A role says what it permits.
    let stage = with(OWN);
    stage.service().change(|state| {
        let token = state.tokens.values_mut().find(|it| it.name == "legacy-deploy").unwrap();
        (token.admin, token.role) = (false, Some("r-4".to_owned()));
    });
    let run = run_as(&stage, "legacy-deploy", &["plan", "--format", "json"]);
    assert!(told(&run, "missing-permission").0.iter().all(|it| !it.contains("may be refused")));
}

#[test]
fn a_locked_organization_is_no_fault_of_the_manifest() {
    let stage = with("teams: {platform: {description: New words.}}");
    stage.service().change(|state| state.organization.locked = "bad-subscription".to_owned());
    let run = stage.run(&["plan"]).ended(5);
    assert!(run.stdout.contains("locked (bad-subscription)"), "{run:?}");
    assert!(run.stdout.contains("plan again") && !run.stdout.contains("change the manifest"), "{run:?}");
    stage.run(&["apply", "--yes"]).ended(5);
    assert!(stage.writes().is_empty());
}

/// The service lists to such a caller only the services that they have to do with.
#[test]
fn what_a_caller_may_not_see_is_neither_made_nor_renamed_nor_gone() {
    for text in [
        "services: {storefront: {owner: team/web}}",
        "services: {moved: {owner: team/web, renamedFrom: storefront}}",
        "removed: {services: [alerting]}",
    ] {
        let stage = with(text);
        let run = run_as(&stage, "carol", &["plan", "--format", "json"]);
        let (unseen, plan) = told(&run, "not-visible");
        assert_eq!((run.code, plan["changes"].as_array().unwrap().len()), (4, 0), "{text}\n{plan:#}");
        assert!(unseen.iter().any(|it| it.contains("--allow-partial-view")), "{unseen:?}");
        assert!(told(&run, "tombstone-done").0.is_empty());
    }
    // What they see is planned.
    let stage = with("services: {playground: {owner: user/carol, description: New words.}}");
    run_as(&stage, "carol", &["plan"]).ended(0);
    let stage = with("services: {new: {owner: user/carol}}");
    run_as(&stage, "carol", &["plan"]).ended(4);
    run_as(&stage, "carol", &["plan", "--allow-partial-view"]).ended(0);
}
