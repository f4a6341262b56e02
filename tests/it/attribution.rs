//! What a change is put down to: the commit that removed an entry, and who made a drift.

use std::path::Path;

use bylaws::sandbox::Config;
use serde_json::{Value, json};

use crate::support::{Stage, git};

const BOTH: &str = "organization: acme\nteams:\n  platform: {}\n  data-eng: {}\n";
const ONE: &str = "organization: acme\nteams:\n  platform: {}\n";

/// Commits everything; its hash.
fn commit(folder: &Path, message: &str) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A repository whose branch `main` has both teams, in a file of its own, and a branch that is checked out.
fn repository() -> Stage {
    let stage = Stage::demo();
    let folder = stage.folder.path();
    git(folder, &["init", "-q"]);
    stage.write("bylaws/teams.yaml", BOTH);
    commit(folder, "base");
    git(folder, &["switch", "-q", "-c", "change"]);
    stage
}

/// The deletion of `data-eng` in the plan against `main`.
fn deletion(stage: &Stage, more: &[&str]) -> Value {
    let run = stage.run(&[&["plan", "--base", "main", "--format", "json"], more].concat());
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let mut changes = plan["changes"].as_array().unwrap().iter();
    changes.find(|it| it["id"] == "team/data-eng").unwrap_or_else(|| panic!("{plan:#}")).clone()
}

#[test]
fn a_deletion_names_the_commit_that_removed_the_entry_wherever_its_file_went() {
    let stage = repository();
    let folder = stage.folder.path();
    git(folder, &["mv", "bylaws/teams.yaml", "bylaws/groups.yaml"]);
    commit(folder, "move");
    stage.write("bylaws/more.yaml", "members: {zoe: {}}\n");
    commit(folder, "beside");
    stage.write("bylaws/groups.yaml", ONE);
    let removing = commit(folder, "remove");
    git(folder, &["mv", "bylaws/groups.yaml", "bylaws/everybody.yaml"]);
    commit(folder, "move again");
    stage.write("README", "no manifest");
    commit(folder, "after");
    let base = git(folder, &["rev-parse", "--short=7", "main"]);
    let found = deletion(&stage, &[]);
    assert_eq!(found["removal"]["commit"], removing.as_str());
    assert_eq!(found["removal"]["file"], "bylaws/teams.yaml");
    assert_eq!(found["removal"]["line"], 4);
    assert_eq!(found["removal"]["base"], format!("main@{base}"));
    let remark = format!("removed in {} from bylaws/teams.yaml:4 of main@{base}", &removing[..7]);
    assert_eq!(found["remarks"][0], remark.as_str());
    assert!(!found.to_string().contains("example.invalid"), "{found:#}");
    // The same for single files and other folders, from wherever one stands.
    git(folder, &["mv", "bylaws/everybody.yaml", "bylaws/teams.yaml"]);
    commit(folder, "move back");
    let of_file = deletion(&stage, &["bylaws/teams.yaml"]);
    let moved = git(folder, &["rev-list", "--max-count=1", "--skip=5", "HEAD"]);
    assert_eq!(of_file["removal"]["commit"], moved.as_str(), "for this file alone, it went when it was moved");
    assert_eq!(deletion(&stage, &["bylaws"])["removal"]["commit"], removing.as_str());
}

#[test]
fn the_last_removal_counts_and_one_that_is_not_committed_says_so() {
    let stage = repository();
    let folder = stage.folder.path();
    stage.write("bylaws/teams.yaml", ONE);
    let uncommitted = deletion(&stage, &[]);
    assert_eq!(uncommitted["removal"]["uncommitted"], true);
    assert_eq!(uncommitted["removal"]["commit"], Value::Null);
    assert!(uncommitted["remarks"][0].as_str().unwrap().contains("not committed yet"), "{uncommitted:#}");
    let first = commit(folder, "remove");
    let before = stage.run(&["plan", "--base", "main", "--format", "json"]).stdout;
    assert_eq!(deletion(&stage, &[])["removal"]["commit"], first.as_str());
    stage.write("bylaws/teams.yaml", BOTH);
    commit(folder, "add again");
    stage.write("bylaws/teams.yaml", ONE);
    let last = commit(folder, "remove again");
    assert_eq!(deletion(&stage, &[])["removal"]["commit"], last.as_str());
    // In which commit it went is not what is reviewed.
    let after = stage.run(&["plan", "--base", "main", "--format", "json"]).stdout;
    let checksum = |it: &str| serde_json::from_str::<Value>(it).unwrap()["checksum"].clone();
    assert_eq!(checksum(&before), checksum(&after));
    assert_ne!(before, after);
}

#[test]
fn a_merge_is_not_what_removed_it_and_a_broken_commit_hides_it() {
    let stage = repository();
    let folder = stage.folder.path();
    stage.write("bylaws/teams.yaml", ONE);
    let removing = commit(folder, "remove");
    git(folder, &["switch", "-q", "main"]);
    stage.write("bylaws/more.yaml", "members: {zoe: {}}\n");
    commit(folder, "meanwhile");
    // What a pipeline checks out for a pull request: its branch merged into the base.
    git(folder, &["switch", "-q", "--detach", "main"]);
    git(folder, &["merge", "-q", "--no-ff", "-m", "merge", "change"]);
    assert_eq!(deletion(&stage, &[])["removal"]["commit"], removing.as_str());
    git(folder, &["switch", "-q", "change"]);
    stage.write("bylaws/teams.yaml", "teams: {platform: [\n");
    commit(folder, "broken");
    stage.write("bylaws/teams.yaml", ONE);
    commit(folder, "mended");
    let found = deletion(&stage, &[]);
    assert_eq!(found["removal"]["commit"], Value::Null);
    assert!(found["remarks"][0].as_str().unwrap().starts_with("declared at "), "{found:#}");
}

/// One entry of every kind that the demo organization has something of, as it is live.
const MANIFEST: &str = "organization: acme
members: {carol: {role: member}}
roles: {stack-auditor: {description: Reads every stack.}}
teams: {platform: {description: Runs the shared clusters.}, data-eng: {}}
services: {storefront: {owner: team/web, description: The shop window.}}
tokens: {ci-deploy: {scope: organization, role: deployer}}
webhooks: {ops: {displayName: Operations, url: 'https://hooks.example/ops'}}
oidcIssuers: {actions: {url: 'https://token.actions.githubusercontent.com', maxExpiration: 1h}}
settings: {membersCanCreateTeams: true}
";

/// The live organization as the manifest above says, on the base branch and here.
fn settled() -> Stage {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", MANIFEST);
    stage.write("base/bylaws.yaml", MANIFEST);
    stage.run(&["apply", "--yes"]).ended(0);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
    // What this program did itself is long ago.
    stage.service().change(|state| state.audit.iter_mut().for_each(|it| it.timestamp -= 90 * 24 * 60 * 60));
    stage
}

/// The webhook `ops` under another name for people.
fn hook() -> Value {
    json!({"organizationName": "acme", "name": "ops", "displayName": "Other", "payloadUrl": "https://hooks.example/ops",
        "active": true, "format": "raw", "groups": ["stacks", "deployments"], "filters": []})
}

/// Somebody changes the organization behind the program's back.
fn clicks(stage: &Stage, token: &str, method: &str, path: &str, body: Value) {
    let path: Vec<String> = path.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let status = stage.ask_with(token, method, &path, &body);
    assert!((200..300).contains(&status), "{method} {path:?}: {status}");
}

fn drift(stage: &Stage, more: &[&str]) -> Value {
    let arguments = [&["plan", "--base", "./base", "--format", "json", "--attribute"], more].concat();
    let run = stage.run(&arguments);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// `by EVENT at TIME` of a change in the plan; `unattributed`, or nothing where nothing is said.
fn cause(plan: &Value, id: &str) -> Option<String> {
    let all = ["changes", "drift"].iter().flat_map(|it| plan[it].as_array().unwrap());
    let change = all.into_iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id} in {plan:#}"));
    let found = change.get("attribution")?;
    let Some(event) = found["event"].as_str() else { return Some("unattributed".to_owned()) };
    let who = [&found["by"], &found["token"]].map(|it| it.as_str().unwrap_or("-").to_owned()).join("/");
    Some(format!("{who} {event} {}", found["at"].as_str().unwrap()))
}

/// How often the audit log was asked for.
fn readings(stage: &Stage) -> usize {
    stage.requests().iter().filter(|it| it.contains("auditlogs")).count()
}

#[test]
fn each_kind_of_drift_has_its_author_and_its_moment() {
    let stage = settled();
    let state = stage.service().state();
    let token = state.tokens.values().find(|it| it.name == "ci-deploy").unwrap().id.clone();
    let issuer = state.issuers.values().next().unwrap().clone();
    let role = json!({"name": "stack-auditor", "description": "Other.", "details": {
        "__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]}});
    let table = [
        (
            "member/carol",
            "PATCH",
            "members/carol".to_owned(),
            json!({"role": "billing-manager"}),
            "member-role-changed",
        ),
        ("role/stack-auditor", "PATCH", "roles/r-5".to_owned(), role, "custom-role-updated"),
        (
            "team/platform",
            "PATCH",
            "teams/platform".to_owned(),
            json!({"newDisplayName": "Platform", "newDescription": "x"}),
            "team-updated",
        ),
        ("team/data-eng", "DELETE", "teams/data-eng".to_owned(), Value::Null, "team-deleted"),
        (
            "service/storefront",
            "PATCH",
            "services/team/web/storefront".to_owned(),
            json!({"description": "x"}),
            "service-updated",
        ),
        ("token/ci-deploy", "DELETE", format!("tokens/{token}"), Value::Null, "organization-token-deleted"),
        (
            "oidc-issuer/actions",
            "PATCH",
            format!("oidc/issuers/{}", issuer.id),
            json!({"name": issuer.name, "maxExpiration": 7200}),
            "oidc-issuer-updated",
        ),
        (
            "settings",
            "PATCH",
            String::new(),
            json!({"setMembersCanCreateTeams": false}),
            "organization-settings-changed",
        ),
        ("webhook/ops", "PATCH", "hooks/ops".to_owned(), hook(), ""),
    ];
    let before = stage.service().state().audit.len();
    for (_, method, path, body, _) in &table {
        clicks(&stage, "pul-bob", method, path, body.clone());
    }
    // One after another, a minute apart.
    stage.service().change(|state| {
        let (events, last) = (&mut state.audit, crate::support::NOW_SECONDS - 3600);
        events[before..].iter_mut().zip(0..).for_each(|(it, minute)| it.timestamp = last + 60 * minute);
    });
    let plan = drift(&stage, &[]);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan:#}");
    assert_eq!(plan["drift"].as_array().unwrap().len(), table.len(), "{plan:#}");
    for (minute, (id, _, _, _, event)) in table.iter().enumerate() {
        let expected = match *event {
            "" => "unattributed".to_owned(),
            event => format!("bob/- {event} 2026-11-22T11:{minute:02}:00Z"),
        };
        assert_eq!(cause(&plan, id), Some(expected), "{id}");
    }
    assert_eq!(readings(&stage), 1, "one reading for all of them");
    // A set of policies is named by its id alone, and counts for its issuer.
    let policies = json!({"policies": [{"decision": "deny", "tokenType": "organization", "authorizedPermissions": [], "rules": {}}]});
    clicks(&stage, "pul-bob", "PATCH", &format!("auth/policies/{}", issuer.policies), policies);
    assert!(cause(&drift(&stage, &[]), "oidc-issuer/actions").unwrap().contains("authorization-policy-updated"));
}

#[test]
fn people_read_who_it_was_and_the_plan_stays_the_same() {
    let stage = settled();
    clicks(&stage, "pul-bob", "PATCH", "members/carol", json!({"role": "billing-manager"}));
    clicks(&stage, "pul-bob", "PATCH", "hooks/ops", hook());
    let plain = stage.run(&["plan", "--base", "./base", "--format", "json", "--write", "json=plain.json"]).ended(0);
    assert_eq!(readings(&stage), 0, "nobody asked who it was");
    let plain: Value = serde_json::from_str(&plain.stdout).unwrap();
    assert!(!plain.to_string().contains("attribution"), "{plain:#}");
    let arguments =
        ["plan", "--base", "./base", "--attribute", "--write", "json=plan.json", "--write", "markdown=plan.md"];
    let run = stage.run(&arguments).ended(0);
    let told = "by bob, 2026-11-22T12:00:00Z (audit log: member-role-changed)";
    let kept = |name: &str| std::fs::read_to_string(stage.folder.path().join(name)).unwrap();
    for text in [run.stdout.as_str(), &kept("plan.md")] {
        assert!(text.contains(told) && text.contains("unattributed"), "{text}");
    }
    assert!(stage.run(&["show", "plan.json"]).ended(0).stdout.contains(told));
    let mut attributed: Value = serde_json::from_str(&kept("plan.json")).unwrap();
    assert_eq!(attributed["checksum"], plain["checksum"]);
    for change in attributed["drift"].as_array_mut().unwrap() {
        assert!(change.as_object_mut().unwrap().remove("attribution").is_some(), "{change:#}");
    }
    assert_eq!(attributed, plain, "nothing else is different");
    assert!(stage.run(&["drift", "--attribute"]).ended(0).stdout.contains(told));
    // A plan that says who it was can be applied like any other.
    stage.run(&["apply", "--plan", "plan.json", "--yes"]).ended(0);
    stage.run(&["plan", "--base", "./base", "--expect-no-changes"]).ended(0);
    let before = readings(&stage);
    stage.run(&["plan", "--base", "./base", "--attribute"]).ended(0);
    assert_eq!(readings(&stage), before, "there is nothing to attribute");
}

#[test]
fn a_log_that_is_not_told_is_a_note() {
    for what in [Some("403"), Some("404"), Some("html"), Some("body={}"), None] {
        let stage = settled();
        clicks(&stage, "pul-bob", "PATCH", "members/carol", json!({"role": "billing-manager"}));
        clicks(&stage, "pul-bob", "PATCH", "hooks/ops", hook());
        match what {
            Some(what) => {
                stage.service().inject(format!("GET /api/orgs/acme/auditlogs/v2={what}").parse().unwrap());
            }
            None => stage.service().change(|state| {
                state.organization.features.insert("auditLogsEnabled".to_owned(), false);
            }),
        }
        let plain = stage.run(&["plan", "--base", "./base"]);
        let run = stage.run(&["plan", "--base", "./base", "--attribute"]).ended(plain.code);
        let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("who changed it could not be read: "), "{what:?}: {}", run.stdout);
        if what == Some("403") {
            assert!(text.contains("`audit_logs:read`"), "{text}");
        }
        let plan = drift(&stage, &[]);
        assert_eq!(
            (cause(&plan, "member/carol"), plan["status"]["complete"].as_bool()),
            (None, Some(true)),
            "{what:?}"
        );
        // Of this kind the log has nothing to tell, whether it is read or not.
        assert_eq!(cause(&plan, "webhook/ops").as_deref(), Some("unattributed"));
        assert_eq!(
            plan["diagnostics"].as_array().unwrap().iter().filter(|it| it["code"] == "not-attributed").count(),
            1
        );
        if what.is_none() {
            assert_eq!(readings(&stage), 0);
        }
    }
}

#[test]
fn machines_are_named_by_their_token_and_nobody_by_an_address() {
    let stage = settled();
    clicks(&stage, "pul-bob", "PATCH", "members/carol", json!({"role": "billing-manager"}));
    let actors = [
        ("bob", Some("laptop"), "by bob with token laptop, 2026"),
        ("acme", Some("legacy-deploy"), "by token legacy-deploy, 2026"),
        ("zoe@example.invalid", Some("ci"), "by token ci, 2026"),
        ("zoe@example.invalid", Some("zoe@example.invalid"), "by somebody whose login is not told, 2026"),
        ("bob\u{1b}[2J\u{202e}", None, "by \"bob\\u{1b}[2J\\u{202e}\", 2026"),
    ];
    for (login, token, told) in actors {
        stage.service().change(|state| {
            let event = state.audit.last_mut().unwrap();
            event.login = login.to_owned();
            event.token_name = token.map(str::to_owned);
        });
        let run = stage.run(&["plan", "--base", "./base", "--attribute", "--write", "json=plan.json"]).ended(0);
        assert!(run.stdout.contains(told), "{told} in {}", run.stdout);
        let kept = std::fs::read_to_string(stage.folder.path().join("plan.json")).unwrap();
        assert!(![run.stdout, run.stderr, kept].concat().contains('@'), "{login}");
    }
}

#[test]
fn the_newest_event_that_fits_counts_within_the_days_and_pages_that_are_read() {
    let stage = Stage::with(Config { page_size: Some(2), ..Config::default() });
    stage.write("bylaws.yaml", MANIFEST);
    stage.write("base/bylaws.yaml", MANIFEST);
    stage.run(&["apply", "--yes"]).ended(0);
    clicks(&stage, "pul-bob", "PATCH", "members/carol", json!({"role": "admin"}));
    clicks(&stage, "pul-alice", "PATCH", "members/carol", json!({"role": "billing-manager"}));
    let own = stage.service().state().audit.last().unwrap().clone();
    let others = |state: &mut bylaws::sandbox::State, count: usize| {
        state.audit.truncate(state.audit.iter().rposition(|it| *it == own).unwrap() + 1);
        // About another thing, and about others with the same words in them.
        let descriptions = ["Changed the role of \"carola\" to \"Member\"", "carol did it"];
        let events = ["member-role-changed", "team-updated"];
        state.audit.extend((0..count).map(|it| bylaws::sandbox::state::Event {
            description: descriptions[it % 2].to_owned(),
            event: events[it % 2].to_owned(),
            ..own.clone()
        }));
    };
    let found = |stage: &Stage| cause(&drift(stage, &[]), "member/carol").unwrap();
    stage.service().change(|state| others(state, 5));
    let before = readings(&stage);
    assert!(found(&stage).starts_with("alice/- member-role-changed"));
    assert_eq!(readings(&stage) - before, 3, "no further back than it must");
    // Twenty pages of two events, and the one that is looked for is after them.
    stage.service().change(|state| others(state, 41));
    let before = readings(&stage);
    let plan = drift(&stage, &[]);
    assert_eq!(cause(&plan, "member/carol").as_deref(), Some("unattributed"));
    assert_eq!(readings(&stage) - before, 20);
    assert!(plan["diagnostics"].to_string().contains("more than 20 pages"), "{plan:#}");
    // What is older than thirty days is not asked for.
    stage.service().change(|state| {
        others(state, 0);
        state.audit.iter_mut().for_each(|it| it.timestamp -= 31 * 24 * 60 * 60);
    });
    assert_eq!(found(&stage), "unattributed");
}

#[test]
fn without_a_base_only_what_somebody_may_have_changed_is_attributed() {
    let stage = settled();
    let manifest = format!("{}removed: {{teams: [payments]}}\nprune: {{webhooks: true}}\n", MANIFEST)
        .replace("data-eng: {}}", "data-eng: {}, brand-new: {}}")
        .replace("membersCanCreateTeams: true", "membersCanCreateTeams: false");
    stage.write("bylaws.yaml", &manifest);
    clicks(&stage, "pul-bob", "DELETE", "teams/data-eng", Value::Null);
    clicks(&stage, "pul-bob", "PATCH", "members/carol", json!({"role": "billing-manager"}));
    let run = stage.run(&["plan", "--format", "json", "--attribute"]);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let cause = |id: &str| cause(&plan, id);
    assert!(cause("team/data-eng").unwrap().starts_with("bob/- team-deleted"));
    assert!(cause("member/carol").unwrap().starts_with("bob/- member-role-changed"));
    assert_eq!(cause("team/brand-new"), None, "nobody deleted it: it is new");
    assert_eq!(cause("team/payments"), None, "the manifest asks for it by name");
    assert_eq!(cause("settings").as_deref(), Some("unattributed"));
    assert_eq!(cause("webhook/chat").as_deref(), Some("unattributed"));
}

/// What is declared and deleted by somebody, and what is to be gone and made by somebody.
const COMING_AND_GOING: &str = "organization: acme
members: {ken: {role: member}}
roles: {watcher: {permissions: ['stack:read']}}
services: {alerting: {owner: team/sre}}
tokens: {platform-bot: {scope: team/platform}}
oidcIssuers: {github-actions: {url: 'https://token.actions.githubusercontent.com'}}
removed:
  {members: [mia], roles: [back], teams: [back], services: [back], tokens: [back, crew], oidcIssuers: [back]}
";

#[test]
fn what_somebody_made_or_deleted_is_attributed_too() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", COMING_AND_GOING);
    stage.write("base/bylaws.yaml", COMING_AND_GOING);
    stage.run(&["apply", "--yes"]).ended(0);
    let state = stage.service().state();
    let role = &state.roles.values().find(|it| it.name == "watcher").unwrap().id;
    let token = &state.tokens.values().find(|it| it.name == "platform-bot").unwrap().id;
    let issuer = state.issuers.keys().next().unwrap();
    let allow = json!({"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]});
    let service = json!({"ownerType": "team", "ownerName": "web", "name": "back", "description": "", "items": [],
        "properties": []});
    let table = [
        ("member/ken", "DELETE", "members/ken".to_owned(), Value::Null, "member-removed"),
        ("role/watcher", "DELETE", format!("roles/{role}"), Value::Null, "custom-role-deleted"),
        ("service/alerting", "DELETE", "services/team/sre/alerting".to_owned(), Value::Null, "service-deleted"),
        ("token/platform-bot", "DELETE", format!("teams/platform/tokens/{token}"), Value::Null, "team-token-deleted"),
        ("oidc-issuer/github-actions", "DELETE", format!("oidc/issuers/{issuer}"), Value::Null, "oidc-issuer-deleted"),
        ("member/mia", "POST", "members/mia".to_owned(), json!({"role": "member"}), "member-added"),
        (
            "role/back",
            "POST",
            "roles".to_owned(),
            json!({"name": "back", "description": "", "resourceType": "global", "uxPurpose": "role", "details": allow}),
            "custom-role-created",
        ),
        (
            "team/back",
            "POST",
            "teams/pulumi".to_owned(),
            json!({"name": "back", "displayName": "Back", "description": ""}),
            "team-created",
        ),
        ("service/back", "POST", "services".to_owned(), service, "service-created"),
        // A token's live name is that of its entry, with its rotation and a nonce.
        (
            "token/back",
            "POST",
            "tokens".to_owned(),
            json!({"name": "back.2-x7k2pq", "description": "", "expires": 0, "admin": false}),
            "organization-token-created",
        ),
        (
            "token/crew",
            "POST",
            "teams/web/tokens".to_owned(),
            json!({"name": "crew", "description": "", "expires": 0}),
            "team-token-created",
        ),
        (
            "oidc-issuer/back",
            "POST",
            "oidc/issuers".to_owned(),
            json!({"name": "back", "url": "https://back.example", "maxExpiration": 3600}),
            "oidc-issuer-registered",
        ),
    ];
    for (_, method, path, body, _) in &table {
        clicks(&stage, "pul-bob", method, path, body.clone());
    }
    let plan = drift(&stage, &[]);
    for (id, method, _, _, event) in &table {
        let verb = if *method == "DELETE" { "create" } else { "delete" };
        let drift = plan["drift"].as_array().unwrap().iter().find(|it| it["id"] == *id);
        assert_eq!(drift.unwrap_or_else(|| panic!("{id} in {plan:#}"))["action"], verb, "{id}");
        assert_eq!(cause(&plan, id), Some(format!("bob/- {event} 2026-11-22T12:00:00Z")), "{id}");
    }
}
