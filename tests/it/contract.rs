//! What is sent and what the sandbox answers, held against the OpenAPI document that the service publishes: a broad
//! use of the program, beside what every other test sends (`support::published`).

use std::collections::BTreeSet;

use bylaws::kinds::{self, rights};
use bylaws::model::{Call, Method, Read};
use bylaws::sandbox::{Config, LoggedRequest, TokenKind};
use serde_json::json;

use crate::support::published::{self, Side, VARIABLE};
use crate::support::{self, Stage};

/// What grows, changes and goes, of every kind, beside what the examples do.
const CHANGES: &[&str] = &[
    "organization: acme
members: {carol: {role: admin}, bob: {role: member}, erin: {}, mia: {invite: mia@example.com}}
removed: {members: [mallory], teams: [data-eng], tokens: [legacy-deploy, platform-bot], roles: [deployer]}
tokens: {ci-deploy: {scope: organization, role: stack-auditor, rotation: 2, overlap: 0d, saveTo: 'file:ci'}}
teams: {payments: {members: [carol], stacks: {}, role: none}}
safety: {acknowledge: [{danger: token-in-use, of: token/legacy-deploy}, {danger: emptied, of: team/payments}]}
",
    "organization: acme
roles: {watcher: {description: Looks., permissions: ['stack:read']}, deployer: {description: New words.}}
teams:
  platform: {members: [carol, zoe], admins: [zoe], stacks: {etl/prod: read}, environments: {}, role: watcher}
  mobile: {kind: github, githubTeamId: 4242}
services:
  window: {renamedFrom: storefront, owner: team/web, items: {stacks: [shop/prod], environments: []}}
  playground: {owner: user/bob}
removed: {services: [alerting]}
safety:
  acknowledge:
    - {danger: replace-service, of: service/playground}
    - {danger: emptied, of: team/platform}
",
    "organization: acme
oidcIssuers:
  moved: {url: 'https://token.actions.githubusercontent.com', maxExpiration: 1h, thumbprints: ['AA:01']}
  new: {url: 'https://new.example', policies: [{decision: deny, tokenType: organization}]}
",
    "organization: acme
removed: {oidcIssuers: [github-actions]}
",
];

fn services() -> Vec<Config> {
    vec![
        Config::default(),
        Config { page_size: Some(2), org_prefix_items: true, ..Config::default() },
        Config { old_server: true, member_role_by_name: false, ..Config::default() },
    ]
}

/// Everything that a broad use of the program sends, and what comes back.
fn exchanges() -> Vec<LoggedRequest> {
    let mut seen = Vec::new();
    for config in services() {
        for example in crate::examples::manifests() {
            let stage = Stage::with(config.clone());
            support::copy(&example, &stage.folder.path().join("manifest"));
            stage.run(&["apply", "--yes", "manifest"]).ended(0);
            stage.run(&["plan", "manifest"]).ended(0);
            seen.extend(stage.service().requests());
        }
        for text in CHANGES {
            let stage = Stage::with(config.clone());
            stage.write("bylaws.yaml", text);
            stage.run(&["apply", "--yes"]).ended(0);
            seen.extend(stage.service().requests());
        }
    }
    let stage = Stage::with(Config { token_kind: TokenKind::Organization, ..Config::default() });
    stage.write("bylaws.yaml", CHANGES[1]);
    stage.run(&["plan"]);
    seen.extend(stage.service().requests());
    seen
}

/// Says why a test has not judged anything; not by a macro, whose words nobody sees of a test that passes.
fn say(what: &str) {
    let sentence = format!("the contract test {what}: {VARIABLE} names no OpenAPI document\n");
    std::io::Write::write_all(&mut std::io::stderr(), sentence.as_bytes()).unwrap();
}

#[test]
fn requests_and_answers_are_what_the_published_contract_says() {
    if std::env::var_os(VARIABLE).is_none() {
        say("did not run, and no exchange of any other test was judged");
        return;
    }
    let used = published::hold(&exchanges(), Side::Both);
    let writes: Vec<&String> = used.iter().filter(|it| !it.starts_with("GET ")).collect();
    assert!(writes.len() >= 20, "{writes:#?}");
}

#[test]
fn every_request_stands_in_a_table_of_permissions() {
    let mut unknown = BTreeSet::new();
    for exchange in exchanges() {
        let path: Vec<&str> = exchange.path.split('/').skip(1).collect();
        // Whoever belongs to the organization may ask this; the directory has a token of its own.
        if path == ["api", "user"] || path.last() == Some(&"metadata") || path.first() == Some(&"scim") {
            continue;
        }
        let known = match exchange.method.as_str() {
            "GET" => rights::of_read(&Read::whole("", path)).is_some(),
            method => {
                let method = serde_json::from_value::<Method>(json!(method)).unwrap();
                let call = Call { body: exchange.body.clone(), ..Call::new(method, path) };
                kinds::ALL.iter().any(|it| rights::of_call(*it, &call).is_some())
            }
        };
        if !known {
            unknown.insert(format!("{} {}", exchange.method, exchange.path));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// One exchange that is not allowed must fail whatever test it happens in.
#[test]
fn an_exchange_that_the_contract_forbids_fails() {
    if std::env::var_os(VARIABLE).is_none() {
        say("did not run");
        return;
    }
    let stage = Stage::demo();
    stage.write("bylaws.yaml", CHANGES[0]);
    stage.run(&["apply", "--yes"]);
    let sound = stage.service().requests();
    published::hold(&sound, Side::Both);
    let find = |method: &str, path: &str| {
        let found = sound.iter().find(|it| it.method == method && it.path.ends_with(path) && it.status < 300);
        found.unwrap_or_else(|| panic!("no {method} {path}")).clone()
    };
    type Spoil = fn(&mut LoggedRequest);
    let spoiled: [(&str, LoggedRequest, Spoil); 7] = [
        ("no operation", find("GET", "/teams"), |it| it.path.push_str("/a/b/c")),
        ("no query parameter `owner`", find("GET", "/teams"), |it| it.query = "owner=me".to_owned()),
        ("nobody knows the field `colour`", find("POST", "/members/erin"), |it| {
            it.body.as_mut().unwrap()["colour"] = json!("red");
        }),
        ("/role", find("POST", "/members/erin"), |it| it.body = Some(json!({"role": 7}))),
        ("takes no body", find("DELETE", "/teams/data-eng"), |it| it.body = Some(json!({"force": true}))),
        ("which is not declared", find("GET", "/teams"), |it| it.status = 206),
        ("/teams", find("GET", "/teams"), |it| it.answer = Some(json!({"teams": {}}))),
    ];
    for (says, mut exchange, spoil) in spoiled {
        spoil(&mut exchange);
        let told = std::panic::catch_unwind(|| published::hold(&[exchange.clone()], Side::Both)).expect_err(says);
        let told = told.downcast_ref::<String>().unwrap();
        assert!(told.contains(says), "{says}: {told}");
        // The answer that a fault was asked for says nothing about the sandbox.
        let of_the_answer = says == "/teams" || says == "which is not declared";
        let struck = LoggedRequest { fault: Some("Empty".to_owned()), ..exchange };
        let judged = std::panic::catch_unwind(|| published::hold(&[struck], Side::Both));
        assert_eq!(judged.is_ok(), of_the_answer, "{says}");
    }
}
