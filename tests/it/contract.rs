//! What is sent and what the sandbox answers, held against the OpenAPI document that the service publishes.

mod document;

use std::collections::BTreeSet;

use bylaws::sandbox::{Config, LoggedRequest, TokenKind};

use crate::support::{self, Stage, root};
use document::Document;

/// Names the document: `spec.json` of the service's provider. See CONTRIBUTING.
const VARIABLE: &str = "BYLAWS_OPENAPI";

/// Refusals that the document declares almost nowhere, and the service gives everywhere (CONTRACT 1.3).
const UNDECLARED: &[u16] = &[400, 401, 403, 404, 409, 412, 429];

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
safety: {acknowledge: [{danger: replace-service, of: service/playground}, {danger: emptied, of: team/platform}]}
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
        for entry in std::fs::read_dir(root().join("examples")).unwrap() {
            let stage = Stage::with(config.clone());
            support::copy(&entry.unwrap().path(), &stage.folder.path().join("manifest"));
            stage.run(&["apply", "--yes", "manifest"]);
            stage.run(&["plan", "manifest"]);
            seen.extend(stage.service().requests());
        }
        for text in CHANGES {
            let stage = Stage::with(config.clone());
            stage.write("bylaws.yaml", text);
            stage.run(&["apply", "--yes"]);
            seen.extend(stage.service().requests());
        }
    }
    let stage = Stage::with(Config { token_kind: TokenKind::Organization, ..Config::default() });
    stage.write("bylaws.yaml", CHANGES[1]);
    stage.run(&["plan"]);
    seen.extend(stage.service().requests());
    seen
}

#[test]
fn requests_and_answers_are_what_the_published_contract_says() {
    let Some(path) = std::env::var_os(VARIABLE) else {
        println!("did not run: {VARIABLE} names no OpenAPI document");
        return;
    };
    let mut document = Document::read(&path);
    let (mut wrong, mut used) = (BTreeSet::new(), BTreeSet::new());
    for request in exchanges() {
        match document.judge(&request, UNDECLARED) {
            Ok(operation) => drop(used.insert(operation)),
            Err(problems) => wrong.extend(problems),
        }
    }
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
    let writes: Vec<&String> = used.iter().filter(|it| !it.starts_with("GET ")).collect();
    assert!(writes.len() >= 20, "{writes:#?}");
}
