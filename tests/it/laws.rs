//! What holds for every kind, whatever the organization and the manifest.

use arbitrary::Unstructured;
use bylaws::kinds;
use bylaws::render;
use bylaws::sandbox::{self, Size};

use crate::support::engine::{self, Engine};
use crate::support::trials::tried;
use crate::support::{self, NOW_SECONDS, Stage};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_is_live_said_in_a_manifest_plans_empty() {
    let small = Size { members: 30, teams: 8, services: 12, items_per_service: 5, tokens: 9 };
    // Made organizations have no identity provider.
    for (seed, has_directory) in [(sandbox::demo(NOW_SECONDS), true), (sandbox::generated(&small, NOW_SECONDS), false)]
    {
        let stage = Stage::with(sandbox::Config { seed: Some(seed), ..sandbox::Config::default() });
        runtime().block_on(async {
            let engine = Engine::new(stage.service());
            let desired = engine::as_it_is(&engine.read_everything().await);
            for kind in kinds::ALL {
                let word = kind.facts().word;
                let rare = kind.is_of_directory() && !has_directory;
                assert!(
                    rare || desired.entries.keys().any(|it| it.kind == word),
                    "there is no {word} to hold this for"
                );
            }
            let plan = engine.plan(&desired).await;
            assert!(plan.is_empty(), "{}", render::json::plan(&plan));
            assert!(plan.status.complete, "{:#?}", plan.diagnostics);
            assert_eq!(plan.summary.unchanged, desired.entries.len());
        });
        assert!(stage.writes().is_empty());
    }
}

#[test]
fn an_applied_manifest_plans_empty() {
    tried(60, 64..=4_096, |u| {
        let text = manifest(u)?;
        let stage = Stage::demo();
        runtime().block_on(async {
            let engine = Engine::new(stage.service());
            let desired = engine::desired(&text);
            let plan = engine.plan_allowing(&desired).await;
            assert!(plan.status.applyable, "{text}\n{}", render::json::plan(&plan));
            let report = engine.apply(&plan).await;
            assert!(engine::failures(&report).is_empty(), "{text}\n{:#?}", engine::failures(&report));
            let again = engine.plan(&desired).await;
            assert!(again.is_empty(), "{text}\n{}", render::json::plan(&again));
        });
        Ok(())
    });
}

/// The same manifest over the same organization gives the same bytes, from whichever reading.
#[test]
fn the_same_input_gives_the_same_bytes() {
    let stage = Stage::demo();
    support::copy(&support::root().join("examples/acme"), stage.folder.path());
    let first = stage.run(&["plan", "--format", "json", "."]).ended(0);
    let second = stage.run(&["plan", "--format", "json", "."]).ended(0);
    assert_eq!(first.stdout, second.stdout);
    // Nor does it matter in which order the files are named.
    let one = stage.run(&["plan", "tokens.yaml", "payments.yaml", "organization.yaml"]).ended(0);
    let other = stage.run(&["plan", "organization.yaml", "payments.yaml", "tokens.yaml"]).ended(0);
    // All but the last lines, which say how to apply it and so repeat the paths.
    let plan = |run: &support::Run| run.stdout.split("Apply exactly").next().unwrap().to_owned();
    assert_eq!(plan(&one), plan(&other));
    let checksum = |run: &support::Run| run.stdout.split("--expect ").nth(1).unwrap().to_owned();
    assert_eq!(checksum(&one), checksum(&other));
}

#[test]
fn a_dry_run_of_another_plan_than_was_reviewed_is_refused() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", "organization: acme\nteams: {fresh: {}}\n");
    let plan: serde_json::Value =
        serde_json::from_str(&stage.run(&["plan", "--format", "json"]).ended(0).stdout).unwrap();
    let checksum = plan["checksum"].as_str().unwrap().to_owned();
    stage.run(&["apply", "--dry-run", "--expect", &checksum]).ended(0);
    let run = stage.run(&["apply", "--dry-run", "--expect", "000000000000"]).ended(5);
    assert!(run.stderr.contains("not the one that was reviewed"), "{run:?}");
}

#[test]
fn a_plan_and_a_dry_run_send_nothing_but_reads() {
    let stage = Stage::demo();
    support::copy(&support::root().join("examples/full"), stage.folder.path());
    stage.run(&["plan", "."]).ended(0);
    stage.run(&["apply", "--dry-run", "."]).ended(0);
    assert!(!stage.requests().is_empty());
    assert!(stage.writes().is_empty(), "{:#?}", stage.writes());
}

#[test]
fn no_output_holds_the_value_of_a_token_or_a_secret() {
    let stage = Stage::demo();
    support::copy(&support::root().join("examples/full"), stage.folder.path());
    let mut printed = Vec::new();
    let commands: [&[&str]; 4] = [
        &["plan", "-v", ".", "--write", "json=plan.json", "--write", "markdown=plan.md"],
        &["apply", "--dry-run", "-v", "."],
        &["apply", "--yes", "-v", ".", "--write", "report=report.json"],
        &["plan", "-v", ".", "--format", "json"],
    ];
    for command in commands {
        let run = stage.run(command).ended(0);
        printed.extend([run.stdout, run.stderr]);
    }
    for name in ["plan.json", "plan.md", "report.json"] {
        printed.push(std::fs::read_to_string(stage.folder.path().join(name)).unwrap());
    }
    let mut values = vec!["pul-sandbox".to_owned(), engine::ENVIRONMENT_SECRET.to_owned()];
    for name in ["secrets/shop-deploy", "secrets/release-bot"] {
        let value = std::fs::read_to_string(stage.folder.path().join(name)).unwrap();
        assert!(value.starts_with("pul-") && value.len() > 16, "the sink holds no token");
        values.push(value);
    }
    for value in values {
        // Neither all of it nor a telling part.
        let part = &value[..value.len().min(16)];
        assert!(!printed.iter().any(|it| it.contains(part)), "a token's value was printed");
    }
}

/// A manifest over the demo organization: any people, teams, grants, services, tokens, issuers, webhooks and settings, nothing dangerous.
fn manifest(u: &mut Unstructured) -> arbitrary::Result<String> {
    let people = ["carol", "frank", "grace", "ken", "zoe", "erin", "mia"];
    let stacks = ["shop/prod", "shop/staging", "etl/prod", "infra/network"];
    let environments = ["shop/prod", "default/base", "ci/tokens"];
    let mut text = String::from("organization: acme\nmembers:\n");
    for login in people {
        let role = *u.choose(&["member", "stack-auditor", "billing-manager", "reader", "admin"])?;
        text.push_str(&format!("  {login}: {{role: {role}}}\n"));
    }
    let permission = *u.choose(&["stack:read", "stack:write", "stack:export"])?;
    text.push_str(&format!("roles:\n  stack-auditor: {{permissions: [{permission}]}}\n"));
    let description: String = text_of(u)?;
    let scoped = some(u, &stacks)?;
    text.push_str(&format!("  reader:\n    description: {description}\n"));
    if scoped.is_empty() {
        text.push_str("    permissions: [stack:read]\n");
    } else {
        let tags = u.choose(&["", ", {permissions: [stack:read], stackTags: {env: [prod, dev], owner: [web]}}"])?;
        let stacks = scoped.join(", ");
        text.push_str(&format!("    grants: [{{permissions: [stack:read], stacks: [{stacks}]}}{tags}]\n"));
    }
    text.push_str("teams:\n");
    for team in ["platform", "payments", "guild", "crew"] {
        text.push_str(&format!("  {team}:\n    description: {}\n", text_of(u)?));
        let members = some(u, &["alice", "bob", "carol", "frank", "erin", "mia"])?;
        // What is full today and becomes empty is another law's business.
        if u.arbitrary()? && !members.is_empty() {
            text.push_str(&format!("    members: [{}]\n", members.join(", ")));
            let admins = some(u, &members)?;
            if u.arbitrary()? {
                text.push_str(&format!("    admins: [{}]\n", admins.join(", ")));
            }
        }
        if u.arbitrary()? {
            text.push_str(&format!("    role: {}\n", u.choose(&["none", "reader", "stack-auditor"])?));
        }
        text.push_str("    stacks: {");
        for stack in some(u, &stacks)? {
            text.push_str(&format!("{stack}: {}, ", u.choose(&["read", "write", "admin"])?));
        }
        text.push_str("}\n    environments: {");
        for environment in some(u, &environments)? {
            let permission = u.choose(&["read", "open", "write", "admin"])?;
            let longest = u.choose(&["", ", maxOpenDuration: 1h", ", maxOpenDuration: 90m"])?;
            text.push_str(&format!("{environment}: {{permission: {permission}{longest}}}, "));
        }
        text.push_str("}\n");
    }
    text.push_str("services:\n");
    let renamed = u.choose(&["", "\n    renamedFrom: payments-checkout"])?;
    text.push_str(&format!("  checkout:{renamed}\n    owner: team/payments\n"));
    for (service, owner) in
        [("data-pipeline", "team/platform"), ("catalog", "team/guild"), ("playground", "user/carol")]
    {
        text.push_str(&format!("  {service}:\n    owner: {owner}\n    description: {}\n", text_of(u)?));
        let values = some(u, &["tier", "runbook", "pager"])?;
        let properties: Vec<String> = values.iter().map(|it| format!("{{key: {it}, value: \"x\"}}")).collect();
        text.push_str(&format!("    properties: [{}]\n", properties.join(", ")));
        let items = format!(
            "stacks: [{}], environments: [{}]",
            some(u, &stacks)?.join(", "),
            some(u, &environments)?.join(", ")
        );
        text.push_str(&format!("    items: {{{items}}}\n"));
    }
    let policies = [
        "{decision: allow, tokenType: organization, role: reader, rules: {sub: a}}",
        "{decision: allow, tokenType: organization, role: stack-auditor, rules: {sub: a}}",
        "{decision: allow, tokenType: team, team: crew, rules: {sub: b}}",
        "{decision: allow, tokenType: personal, user: Carol, rules: {sub: c}}",
        "{decision: deny, tokenType: runner, runner: r-1}",
        "{decision: deny, tokenType: organization}",
    ];
    text.push_str("oidcIssuers:\n");
    let addresses = ["https://token.actions.githubusercontent.com", "https://gitlab.example"];
    for (issuer, url) in [u.choose(&["github", "github-actions"])?, "gitlab"].into_iter().zip(addresses) {
        let longest = u.choose(&["", ", maxExpiration: 1h", ", thumbprints: ['AA:01']"])?;
        let policies = some(u, &policies)?.join(", ");
        let policies = if policies.is_empty() { String::new() } else { format!(", policies: [{policies}]") };
        text.push_str(&format!("  {issuer}: {{url: '{url}'{longest}{policies}}}\n"));
    }
    let rotation = u.int_in_range(1..=3)?;
    let overlap = u.choose(&["0d", "1d"])?;
    text.push_str(&format!(
        "tokens:\n  ci-deploy: {{scope: organization, lifetime: 90d, rotation: {rotation}, overlap: {overlap}, saveTo: file:ci}}\n  \
         crew-bot: {{scope: team/crew, lifetime: 30d, saveTo: file:crew}}\n"
    ));
    text.push_str("webhooks:\n");
    for (name, url) in
        [("ops", "https://hooks.example/ops"), ("chat", "https://chat.example/x"), ("new", "https://n.example")]
    {
        let groups = some(u, &["stacks", "deployments", "environments"])?.join(", ");
        let filters = some(u, &["stack_deleted", "update_failed"])?.join(", ");
        let (format, active) = (u.choose(&["raw", "slack", "ms_teams"])?, u.arbitrary::<bool>()?);
        let secret = u.choose(&["", ", secret: env:HOOK_SECRET"])?;
        text.push_str(&format!(
            "  {name}: {{url: '{url}', format: {format}, active: {active}, groups: [{groups}], filters: [{filters}]{secret}}}\n"
        ));
    }
    text.push_str("settings:\n");
    let settings = [
        ("defaultRole", *u.choose(&["member", "reader", "deployer"])?),
        ("defaultStackPermission", *u.choose(&["none", "read", "write", "admin"])?),
        ("membersCanCreateTeams", *u.choose(&["true", "false"])?),
        ("maxTokenLifetime", *u.choose(&["0d", "365d", "17520h"])?),
    ];
    for (name, value) in settings {
        if u.arbitrary()? {
            text.push_str(&format!("  {name}: {value}\n"));
        }
    }
    text.push_str("  note: any\n");
    Ok(text)
}

fn some<'a>(u: &mut Unstructured, of: &[&'a str]) -> arbitrary::Result<Vec<&'a str>> {
    let mut chosen = Vec::new();
    for it in of {
        if u.arbitrary()? {
            chosen.push(*it);
        }
    }
    Ok(chosen)
}

fn text_of(u: &mut Unstructured) -> arbitrary::Result<String> {
    Ok(u.choose(&["\"\"", "Plain words.", "\"Quotes \\\" and: colons\"", "Zażółć gęślą jaźń"])?.to_string())
}
