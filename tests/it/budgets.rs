//! How much one change may take away: faulty files, lists that came back empty, renames nobody spelled out.

use bylaws::sandbox::seed::allow;
use bylaws::sandbox::state::{Hook, Role, Service};
use bylaws::sandbox::{self, Config, Size, demo};
use serde_json::Value;

use crate::support::{NOW_SECONDS, Stage};

fn stage() -> Stage {
    let size = Size { members: 40, teams: 12, services: 12, items_per_service: 4, tokens: 8 };
    Stage::with(Config { seed: Some(sandbox::generated(&size, NOW_SECONDS)), ..Config::default() })
}

/// The live organization's teams, as a manifest.
fn teams(stage: &Stage, members: impl Fn(usize, &[String]) -> Vec<String>) -> String {
    let mut text = format!("organization: {}\nteams:\n", stage.service().state().organization.slug);
    for (index, team) in stage.service().state().teams.values().enumerate() {
        let logins: Vec<String> = team.members.keys().cloned().collect();
        text.push_str(&format!("  {}: {{members: [{}]}}\n", team.name, members(index, &logins).join(", ")));
    }
    text
}

fn plan(stage: &Stage, text: &str, more: &[&str]) -> (i32, Value) {
    stage.write("bylaws.yaml", text);
    let run = stage.run(&[&["plan", "--format", "json"], more].concat());
    (run.code, serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}")))
}

fn blocking(plan: &Value) -> Vec<(String, String)> {
    let all = plan["diagnostics"].as_array().unwrap().iter().filter(|it| it["blocking"] == true);
    all.map(|it| (it["code"].as_str().unwrap().to_owned(), it["help"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

#[test]
fn a_file_that_empties_every_team_is_refused() {
    let stage = stage();
    let (code, found) = plan(&stage, &teams(&stage, |_, _| Vec::new()), &[]);
    assert_eq!(code, 5);
    let codes: Vec<String> = blocking(&found).into_iter().map(|it| it.0).collect();
    assert!(codes.contains(&"emptied".to_owned()) && codes.contains(&"budget".to_owned()), "{codes:?}");
    stage.run(&["apply", "--yes"]).ended(5);
    assert!(stage.writes().is_empty());
}

#[test]
fn a_budget_is_allowed_in_its_exact_number_only() {
    let stage = stage();
    let text = teams(&stage, |_, all| all.iter().take(1).cloned().collect());
    let (code, found) = plan(&stage, &text, &[]);
    assert_eq!(code, 5);
    let help = blocking(&found).into_iter().find(|it| it.0 == "budget").unwrap().1;
    let exact = help.split("--allow ").nth(1).unwrap().to_owned();
    let (what, count) = exact.split_once('=').unwrap();
    let off = format!("{what}={}", count.parse::<usize>().unwrap() + 1);
    assert_eq!(plan(&stage, &text, &["--allow", &off]).0, 5);
    assert_eq!(plan(&stage, &text, &["--allow", &exact]).0, 0);
}

#[test]
fn a_pruned_kind_never_becomes_empty_by_itself() {
    let stage = stage();
    let slug = stage.service().state().organization.slug;
    let (code, found) = plan(&stage, &format!("organization: {slug}\nprune: {{services: true}}\n"), &[]);
    assert_eq!(code, 5);
    let emptied = blocking(&found).into_iter().find(|it| it.0 == "emptied").unwrap();
    assert!(emptied.1.ends_with("--allow emptied:service"), "{emptied:?}");
}

#[test]
fn tombstones_are_their_own_budget() {
    let stage = stage();
    let slug = stage.service().state().organization.slug;
    let names: Vec<String> = stage.service().state().services.keys().cloned().collect();
    let (code, found) =
        plan(&stage, &format!("organization: {slug}\nremoved: {{services: [{}]}}\n", names.join(", ")), &[]);
    assert_eq!((code, blocking(&found)), (0, vec![]));
}

#[test]
fn three_new_administrators_need_a_word() {
    let stage = Stage::demo();
    let admin = |names: &[&str]| {
        let lines: String = names.iter().map(|it| format!("  {it}: {{role: admin}}\n")).collect();
        format!("organization: acme\nmembers:\n{lines}")
    };
    assert_eq!(plan(&stage, &admin(&["carol", "frank"]), &[]).0, 0);
    let three = admin(&["carol", "frank", "grace"]);
    let (code, found) = plan(&stage, &three, &[]);
    assert_eq!((code, blocking(&found)[0].0.as_str()), (5, "new-admins"));
    assert_eq!(plan(&stage, &three, &["--allow", "new-admins=2"]).0, 5);
    assert_eq!(plan(&stage, &three, &["--allow", "new-admins=3"]).0, 0);
    let reviewed = |who: &[&str]| -> String {
        let lines: String = who.iter().map(|it| format!("    - {{danger: new-admins, of: member/{it}}}\n")).collect();
        format!("{three}safety:\n  acknowledge:\n{lines}")
    };
    assert_eq!(plan(&stage, &reviewed(&["carol", "frank"]), &[]).0, 5);
    assert_eq!(plan(&stage, &reviewed(&["carol", "frank", "grace"]), &[]).0, 0);
}

#[test]
fn what_looks_like_a_rename_has_to_be_said() {
    let stage = Stage::demo();
    let text = |rest: &str| {
        format!(
            "organization: acme\nservices: {{billing_batch: {{owner: team/payments{rest}}}, ledger: {{owner: team/payments}}}}\n"
        )
    };
    let gone = "removed: {services: [billing-batch]}\n";
    let (code, found) = plan(&stage, &format!("{}{gone}", text("")), &[]);
    assert_eq!((code, blocking(&found)[0].0.as_str()), (5, "suspected-rename"));
    assert_eq!(
        plan(&stage, &format!("{}{gone}", text("")), &["--allow", "suspected-rename:service/billing_batch"]).0,
        0
    );
    assert_eq!(plan(&stage, &text(", renamedFrom: billing-batch"), &[]).0, 0);
    // Another name, and the same contents.
    let items = "stacks: [shop/prod, shop/staging], environments: [shop/prod]";
    let moved = format!(
        "organization: acme\nservices: {{vitrine: {{owner: team/platform, items: {{{items}}}}}}}\nremoved: {{services: [storefront]}}\n"
    );
    let (code, found) = plan(&stage, &moved, &[]);
    assert_eq!((code, blocking(&found)[0].0.as_str()), (5, "suspected-rename"), "{found:#}");
}

/// The service, where the role `keeper` has these permissions, and dave has it.
fn with_keeper(permissions: &str) -> Stage {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", &format!("organization: acme\nroles: {{keeper: {{permissions: [{permissions}]}}}}\n"));
    stage.run(&["apply", "--yes"]).ended(0);
    stage
}

const KEEPER: &str = "organization: acme\nroles: {keeper: {permissions: [\"org_member:update\"]}}\n";

/// What the plan says of new administrators, if it does.
fn newcomers(plan: &Value) -> Option<String> {
    let all = plan["diagnostics"].as_array().unwrap();
    all.iter().find(|it| it["code"] == "new-admins").map(|it| it["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_role_that_makes_administrators_makes_them() {
    let stage = with_keeper("stack:read, org_member:update");
    let given = |who: &[&str]| {
        let lines: String = who.iter().map(|it| format!("  {it}: {{role: keeper}}\n")).collect();
        format!("organization: acme\nmembers:\n{lines}")
    };
    assert_eq!(plan(&stage, &given(&["carol", "frank"]), &[]).0, 0);
    let three = given(&["carol", "frank", "grace"]);
    let (code, found) = plan(&stage, &three, &[]);
    let told = "3 would newly administer the organization: member/carol, member/frank, member/grace";
    assert_eq!((code, newcomers(&found).as_deref()), (5, Some(told)));
    assert_eq!(plan(&stage, &three, &["--allow", "new-admins=2"]).0, 5);
    assert_eq!(plan(&stage, &three, &["--allow", "new-admins=3"]).0, 0);
    let lines: String = ["carol", "frank", "grace"]
        .iter()
        .map(|it| format!("    - {{danger: new-admins, of: member/{it}}}\n"))
        .collect();
    assert_eq!(plan(&stage, &format!("{three}safety:\n  acknowledge:\n{lines}"), &[]).0, 0);

    // A role that only may look gives nobody anything.
    let stage = with_keeper("stack:read, org_member:read, role:read");
    assert_eq!(newcomers(&plan(&stage, &three, &[]).1), None);
}

#[test]
fn whoever_gets_such_a_role_in_several_ways_counts_once() {
    let stage = with_keeper("role:update");
    let token = "tokens: {keys: {scope: organization, role: keeper, lifetime: 30d, saveTo: \"file:secrets/keys\"}}\n";
    let issuer = "oidcIssuers: {ci: {url: \"https://ci.example\", policies: [{decision: allow, tokenType: organization, \
                  role: keeper, rules: {sub: x}}]}}\n";
    let team = |people: &str| format!("teams: {{keepers: {{members: [{people}], role: keeper}}}}\n");
    let one = "organization: acme\nmembers: {carol: {role: keeper}}\n";
    // Alice administers already, and carol is there twice.
    let text = format!("{one}{}{token}", team("alice, carol"));
    assert_eq!(newcomers(&plan(&stage, &text, &[]).1), None);
    let (code, found) = plan(&stage, &format!("{text}{issuer}"), &[]);
    let told = "3 would newly administer the organization: member/carol, member/carol by team/keepers, \
                oidc-issuer/ci, token/keys";
    assert_eq!((code, newcomers(&found).as_deref()), (5, Some(told)));
    let (code, found) = plan(&stage, &format!("{one}{}", team("alice, carol, frank, grace")), &[]);
    let told = newcomers(&found).unwrap();
    assert_eq!(code, 5);
    assert!(
        told.starts_with("3 would") && told.ends_with("member/frank by team/keepers, member/grace by team/keepers"),
        "{told}"
    );
    // The team's role is acknowledged with the team, once for all of its people.
    let reviewed = format!(
        "organization: acme\n{}safety: {{acknowledge: [{{danger: new-admins, of: team/keepers}}]}}\n",
        team("carol, frank, grace")
    );
    assert_eq!(plan(&stage, &reviewed, &[]).0, 0);
}

#[test]
fn a_role_that_comes_to_make_administrators_asks_who_has_it() {
    let stage = with_keeper("stack:read");
    stage.write(
        "bylaws.yaml",
        "organization: acme\nmembers: {carol: {role: keeper}, frank: {role: keeper}}\n\
         teams: {keepers: {members: [grace, carol], role: keeper}}\n",
    );
    stage.run(&["apply", "--yes"]).ended(0);
    let (code, found) = plan(&stage, KEEPER, &[]);
    let told = newcomers(&found).unwrap();
    // The team is not declared, so that who is in it was not read.
    let by =
        "member/carol by role/keeper, member/frank by role/keeper, an unknown number by team/keepers by role/keeper";
    assert_eq!((code, told.as_str()), (5, format!("3 would newly administer the organization: {by}").as_str()));
    assert_eq!(plan(&stage, KEEPER, &["--allow", "new-admins=3"]).0, 0);
    let declared = format!("{KEEPER}teams: {{keepers: {{members: [grace, carol]}}}}\n");
    let told = newcomers(&plan(&stage, &declared, &[]).1).unwrap();
    assert!(told.starts_with("3 would") && told.ends_with("member/grace by role/keeper"), "{told}");
    let reviewed = format!("{KEEPER}safety: {{acknowledge: [{{danger: new-admins, of: role/keeper}}]}}\n");
    assert_eq!(plan(&stage, &reviewed, &[]).0, 0);
    // Whoever gets another role with it does not come to administer.
    let leaving = format!(
        "{KEEPER}members: {{carol: {{role: member}}}}\nteams: {{keepers: {{members: [grace, carol], role: none}}}}\n"
    );
    assert_eq!(newcomers(&plan(&stage, &leaving, &[]).1), None);
    // Who has a role is asked only where that can matter.
    let before = stage.requests().len();
    plan(&stage, "organization: acme\nroles: {keeper: {permissions: [\"stack:read\", \"stack:write\"]}}\n", &[]);
    assert!(!stage.requests()[before..].iter().any(|it| it.contains("/users")));
}

#[test]
fn a_default_role_that_makes_administrators_always_needs_a_word() {
    let stage = with_keeper("invites:create");
    let text = "organization: acme\nsettings: {defaultRole: keeper}\n";
    let (code, found) = plan(&stage, text, &[]);
    let told = "1 would newly administer the organization: an unknown number by settings";
    assert_eq!((code, newcomers(&found).as_deref()), (5, Some(told)));
    let reviewed = format!("{text}safety: {{acknowledge: [{{danger: new-admins, of: settings}}]}}\n");
    assert_eq!(plan(&stage, &reviewed, &[]).0, 0);
    stage.run(&["apply", "--yes"]).ended(0);
    assert_eq!(newcomers(&plan(&stage, text, &[]).1), None);

    let stage = with_keeper("stack:read");
    stage.write("bylaws.yaml", text);
    stage.run(&["apply", "--yes"]).ended(0);
    let (code, found) = plan(&stage, KEEPER, &[]);
    let told = "1 would newly administer the organization: an unknown number by settings by role/keeper";
    assert_eq!((code, newcomers(&found).as_deref()), (5, Some(told)));
}

#[test]
fn a_role_leaves_no_administrator_behind() {
    // Who could make themselves an administrator is none: alice would be the only one.
    let stage = with_keeper("role:update");
    let (code, found) = plan(&stage, "organization: acme\nmembers: {bob: {role: keeper}}\n", &[]);
    assert_eq!((code, blocking(&found)[0].0.as_str()), (5, "few-admins"));
}

#[test]
fn the_permissions_that_make_administrators_are_the_service_s_own() {
    let role = bylaws::kinds::by_word("role").unwrap();
    let (desired, live) = Default::default();
    let world = bylaws::kinds::World {
        desired: &desired,
        live: &live,
        resend: &Default::default(),
        renames: &bylaws::kinds::NO_RENAMES,
    };
    let decisive = |it: &str| role.empowers("r", &serde_json::json!({"permissions": [it]}), &world) == Some(true);
    let catalogue = sandbox::scopes::catalogue();
    let groups = catalogue.as_object().unwrap().values().flat_map(|it| it.as_array().unwrap());
    let scopes = groups.flat_map(|it| it["scopes"].as_array().unwrap());
    let page = &bylaws::plan::policy::danger("new-admins").unwrap().page;
    let found: Vec<&str> = scopes.map(|it| it["name"].as_str().unwrap()).filter(|it| decisive(it)).collect();
    assert_eq!(found.len(), 8, "{found:?}");
    assert!(found.iter().all(|it| page.contains(&format!("`{it}`"))), "{found:?}");
}

#[test]
fn permissions_that_are_lowered_count_like_those_that_go() {
    let stage = stage();
    stage.service().change(|state| {
        for team in state.teams.values_mut() {
            team.stacks.clear();
            team.stacks.extend([("shop/a".to_owned(), 103), ("shop/b".to_owned(), 102)]);
        }
    });
    let text = |level: &str| {
        let mut text = format!("organization: {}\nteams:\n", stage.service().state().organization.slug);
        for team in stage.service().state().teams.values() {
            text.push_str(&format!("  {}: {{stacks: {{shop/a: {level}, shop/b: write}}}}\n", team.name));
        }
        text
    };
    assert_eq!(plan(&stage, &text("admin"), &[]).0, 0);
    let (code, found) = plan(&stage, &text("read"), &[]);
    let told = blocking(&found);
    assert_eq!((code, told.len(), told[0].0.as_str()), (5, 1, "budget"), "{told:?}");
    assert!(told[0].1.contains("--allow budget:grant=12"), "{told:?}");
    assert_eq!(plan(&stage, &text("read"), &["--allow", "budget:grant=12"]).0, 0);
    // What is raised takes nothing away.
    let raised = text("admin").replace("shop/b: write", "shop/b: admin");
    assert_eq!(plan(&stage, &raised, &[]).0, 0);
}

#[test]
fn a_role_that_comes_to_permit_nothing_needs_a_word() {
    let stage = Stage::demo();
    let (code, found) = plan(&stage, "organization: acme\nroles: {deployer: {grants: []}}\n", &[]);
    let told = blocking(&found);
    assert!(code == 5 && told.iter().any(|it| it.0 == "emptied"), "{told:?}");
}

/// What a plan would lose of a kind, as `budget` tells it.
fn lost(plan: &Value, what: &str) -> Option<usize> {
    let prefix = format!("--allow budget:{what}=");
    blocking(plan).iter().find_map(|it| it.1.split_once(&prefix)?.1.parse().ok())
}

/// The demo with the role `keeper`, which permits more than `stack-auditor`, for twelve teams and four people.
fn with_roles() -> Stage {
    let mut seed = demo(NOW_SECONDS);
    let auditor = seed.roles.values().find(|it| it.name == "stack-auditor").unwrap().clone();
    let (id, details) = ("r-keeper".to_owned(), allow(&["stack:read", "stack:write"]));
    let keeper = Role { id, name: "keeper".to_owned(), details, ..auditor };
    seed.roles.insert(keeper.id.clone(), keeper.clone());
    for index in 0..12 {
        let mut team = seed.teams["data-eng"].clone();
        team.name = format!("team-{index}");
        team.roles = vec![keeper.id.clone()];
        seed.teams.insert(team.name.clone(), team);
    }
    for login in ["carol", "frank", "heidi", "grace"] {
        seed.members.get_mut(login).unwrap().role = keeper.id.clone();
    }
    Stage::with(Config { seed: Some(seed), ..Config::default() })
}

#[test]
fn a_role_that_is_taken_or_permits_less_counts_as_a_loss() {
    let stage = with_roles();
    let teams = |role: &str| {
        let lines: String = (0..12).map(|it| format!("  team-{it}: {{role: {role}}}\n")).collect();
        format!("organization: acme\nteams:\n{lines}")
    };
    for role in ["none", "stack-auditor"] {
        let (code, found) = plan(&stage, &teams(role), &[]);
        assert_eq!((code, lost(&found, "grant")), (5, Some(12)), "{role}: {:#}", found["diagnostics"]);
    }
    let members = |role: &str| {
        let lines: String =
            ["carol", "frank", "heidi", "grace"].iter().map(|it| format!("  {it}: {{role: {role}}}\n")).collect();
        format!("organization: acme\nmembers:\n{lines}")
    };
    for role in ["stack-auditor", "billing-manager"] {
        let (code, found) = plan(&stage, &members(role), &[]);
        assert_eq!((code, lost(&found, "grant")), (5, Some(4)), "{role}: {:#}", found["diagnostics"]);
    }
    // Deployers may do something that keepers may not.
    assert_eq!(plan(&stage, &members("deployer"), &[]).0, 0);
}

#[test]
fn each_kind_within_its_own_budget_may_be_too_much_together() {
    let size = Size { members: 120, teams: 4, services: 60, items_per_service: 1, tokens: 1 };
    let mut seed = sandbox::generated(&size, NOW_SECONDS);
    let hook = demo(NOW_SECONDS).hooks.remove("ops").unwrap();
    for index in 0..60 {
        let name = format!("hook-{index:02}");
        seed.hooks.insert(name.clone(), Hook { name, ..hook.clone() });
    }
    let stage = Stage::with(Config { seed: Some(seed), ..Config::default() });
    let state = stage.service().state();
    // So many of each are left out, and nobody who administers anything.
    let manifest = |gone: usize| {
        let slug = &state.organization.slug;
        let mut text = format!("organization: {slug}\nprune: {{members: true, services: true, webhooks: true}}\n");
        let mut section = |name: &str, entries: Vec<(&String, String)>| {
            text.push_str(&format!("{name}:\n"));
            entries.iter().skip(gone).for_each(|it| text.push_str(&format!("  {}: {{{}}}\n", it.0, it.1)));
        };
        let mut people: Vec<(&String, bool)> = state.members.iter().map(|it| (it.0, it.1.role == "admin")).collect();
        people.sort_by_key(|it| it.1);
        section("members", people.into_iter().map(|it| (it.0, String::new())).collect());
        let service = |it: &Service| format!("owner: {}/{}", it.owner.kind, it.owner.name);
        section("services", state.services.iter().map(|it| (it.0, service(it.1))).collect());
        section("webhooks", state.hooks.keys().map(|it| (it, "url: 'https://hooks.example/ops'".to_owned())).collect());
        text
    };
    assert_eq!(lost(&plan(&stage, &manifest(8), &[]).1, "all"), None);
    let (code, found) = plan(&stage, &manifest(10), &[]);
    assert_eq!((code, lost(&found, "all"), lost(&found, "member")), (5, Some(30), None), "{:#}", found["diagnostics"]);
    let allowed = plan(&stage, &manifest(10), &["--allow", "budget:all=30"]).1;
    assert_eq!(lost(&allowed, "all"), None);
    // What is too much of one kind is asked for by itself, and not once more.
    let found = plan(&stage, &manifest(12), &[]).1;
    assert_eq!((lost(&found, "all"), lost(&found, "webhook")), (None, Some(12)), "{:#}", found["diagnostics"]);
}
