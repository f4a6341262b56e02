//! Manifests that the schema must let through, and such that it must refuse, with the place it points at.

use bylaws::kinds;
use bylaws::model::name;
use bylaws::schema;
use serde_json::{Value, json};

/// A bit of everything, as the manual shows it.
const EXAMPLE: &str = r#"
# yaml-language-server: $schema=../../schemas/manifest.schema.json
organization: acme
$schema: ../../schemas/manifest.schema.json

x-oncall: &oncall [alice, bob]

members:
  alice:
    role: admin
    note: Founder, break-glass.
  carol:
    role: member
  dana: {role: billing-manager}
  erin: {role: stack-auditor}
  frank: {}

roles:
  stack-auditor:
    description: Reads every stack.
    permissions: [stack:read]
  shop-deployer:
    renamedFrom: deployer
    grants:
      - permissions: [stack:read, stack:write]
        stacks: [shop/prod, shop/staging]
      - permissions: [environment:open]
        environments: [shop/prod]
  verbatim:
    details: {__type: PermissionDescriptorAllow, permissions: [stack:read]}

teams:
  platform:
    displayName: Platform
    description: Runs the shared clusters.
    members: *oncall
    admins: [alice]
    role: stack-auditor
    stacks:
      shop/prod: write
    environments:
      shop/prod:
        permission: open
        maxOpenDuration: 1h
  web:
    kind: github
    githubTeamId: 4242
  The empty one:
    description: ""
    members: []
    stacks: {}

services:
  checkout:
    renamedFrom: payments-checkout
    owner: team/platform
    description: Card payments.
    properties:
      - key: tier
        value: "1"
      - key: runbook
        value: https://wiki.example/checkout
        type: url
    items:
      stacks: [shop/prod, shop/staging]
      environments: [shop/prod]
    protect: true

tokens:
  ci-deploy:
    scope: organization
    description: Deploys from CI.
    role: shop-deployer
    lifetime: 90d
    renewBefore: 14d
    rotation: 1
    saveTo: file:secrets/ci-deploy
  platform-bot:
    scope: team/platform
    expires: 2027-05-01
    overlap: 0d
    saveTo: environment:ci/tokens#platform.bot

webhooks:
  audit:
    displayName: Audit feed
    url: https://hooks.example/pulumi
    format: raw
    groups: [stacks, deployments, environments]
    filters: []
    active: true
    secret: env:AUDIT_HOOK_SECRET

oidcIssuers:
  github-actions:
    url: https://token.actions.githubusercontent.com
    maxExpiration: 2h
    policies:
      - decision: allow
        tokenType: organization
        role: shop-deployer
        rules: {sub: "repo:acme/shop:environment:prod"}

settings:
  defaultRole: stack-auditor
  membersCanCreateTeams: false
  defaultStackPermission: none
  maxTokenLifetime: 365d

scim:
  users:
    erin@example.com: {givenName: Erin, familyName: Ek, active: true}
  groups:
    Platform: {members: [erin@example.com]}

prune: {teams: true}
removed:
  members: [mallory]
  teams: [data-eng]
external:
  members: [idp-sync-bot]
  teams: [security]
safety:
  minimumAdmins: 2
  protectedMembers: [alice]
  acknowledge:
    - {danger: token-in-use, of: token/legacy-deploy, until: 2026-12-31, reason: replaced by ci-deploy}
    - {danger: emptied, of: team}
"#;

/// Sections of the example that are left out as long as there is no kind for them.
const LATER: [&str; 4] = ["webhooks", "oidcIssuers", "settings", "scim"];

/// A wrong manifest, and where an editor must point.
const WRONG: [(&str, &str); 52] = [
    ("[members]", ""),
    ("member: {}", ""),
    ("x: {}", ""),
    ("organization: 7", "/organization"),
    ("organization: acme/prod", "/organization"),
    ("organization: null", "/organization"),
    ("members: null", "/members"),
    ("members: [alice]", "/members"),
    ("members: {alice: null}", "/members/alice"),
    ("members: {alice: admin}", "/members/alice"),
    ("members: {alice: {rol: admin}}", "/members/alice"),
    ("members: {alice: {role: null}}", "/members/alice/role"),
    ("members: {alice: {role: [admin]}}", "/members/alice/role"),
    ("members: {alice: {role: a/b}}", "/members/alice/role"),
    ("members: {alice: {renamedFrom: al}}", "/members/alice"),
    ("members: {user/alice: {}}", "/members"),
    ("members: {'alice ': {}}", "/members"),
    ("roles: {a: {permissions: [read]}}", "/roles/a/permissions/0"),
    ("roles: {a: {permissions: ['stack:read', 'stack:read']}}", "/roles/a/permissions"),
    ("roles: {a: {grants: [{stacks: [shop/prod]}]}}", "/roles/a/grants/0"),
    ("roles: {a: {grants: [{permissions: ['stack:read'], stacks: [shop]}]}}", "/roles/a/grants/0/stacks/0"),
    ("roles: {a: {details: text}}", "/roles/a/details"),
    ("roles: {'..': {}}", "/roles"),
    ("teams: {a: {kind: gitlab}}", "/teams/a/kind"),
    ("teams: {a: {githubTeamId: '4242'}}", "/teams/a/githubTeamId"),
    ("teams: {a: {members: [bob, bob]}}", "/teams/a/members"),
    ("teams: {a: {members: bob}}", "/teams/a/members"),
    ("teams: {a: {members: [null]}}", "/teams/a/members/0"),
    ("teams: {a: {stacks: {shop: write}}}", "/teams/a/stacks"),
    ("teams: {a: {stacks: {shop/prod: creator}}}", "/teams/a/stacks/shop~1prod"),
    ("teams: {a: {environments: {shop/prod: open}}}", "/teams/a/environments/shop~1prod"),
    ("teams: {a: {environments: {shop/prod: {maxOpenDuration: 1h}}}}", "/teams/a/environments/shop~1prod"),
    ("teams: {a: {renamedFrom: b}}", "/teams/a"),
    ("services: {a: {}}", "/services/a"),
    ("services: {a: {owner: platform}}", "/services/a/owner"),
    ("services: {a: {owner: team/x, protect: 'true'}}", "/services/a/protect"),
    ("services: {a: {owner: team/x, renamedFrom: b/c}}", "/services/a/renamedFrom"),
    ("services: {a: {owner: team/x, properties: [{key: tier, value: 1}]}}", "/services/a/properties/0/value"),
    ("services: {a: {owner: team/x, items: {stack: [shop/prod]}}}", "/services/a/items"),
    ("tokens: {abcdefghijklmnopqrstuvwxyz123: {scope: organization}}", "/tokens"),
    ("tokens: {a: {scope: personal}}", "/tokens/a/scope"),
    ("tokens: {a: {scope: organization, lifetime: 90}}", "/tokens/a/lifetime"),
    ("tokens: {a: {scope: organization, lifetime: 90 days}}", "/tokens/a/lifetime"),
    ("tokens: {a: {scope: organization, rotation: 0}}", "/tokens/a/rotation"),
    ("tokens: {a: {scope: organization, expires: 01.05.2027}}", "/tokens/a/expires"),
    ("tokens: {a: {scope: organization, saveTo: secrets/a}}", "/tokens/a/saveTo"),
    ("prune: {tokens: true}", "/prune"),
    ("removed: {team: [a]}", "/removed"),
    ("external: {teams: [a/b]}", "/external/teams/0"),
    ("safety: {minimumAdmins: 0}", "/safety/minimumAdmins"),
    ("safety: {acknowledge: [{danger: emptied}]}", "/safety/acknowledge/0"),
    ("safety: {acknowledge: [{danger: emptied, of: platform}]}", "/safety/acknowledge/0/of"),
];

/// A document as data.
fn document(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn the_example_is_right() {
    let mut example = document(EXAMPLE);
    for section in LATER.into_iter().filter(|it| !is_known(it)) {
        example.as_object_mut().unwrap().shift_remove(section);
    }
    if let Err(error) = jsonschema::validate(&schema::manifest(), &example) {
        panic!("{}: {error}", error.instance_path());
    }
}

#[test]
fn a_file_may_hold_any_part() {
    let validator = jsonschema::validator_for(&schema::manifest()).unwrap();
    for text in ["{}", "organization: acme", "teams: {platform: {}}", "x-people: [1, null]", "removed: {tokens: [a b]}"]
    {
        assert!(validator.is_valid(&document(text)), "{text}");
    }
}

#[test]
fn what_is_wrong_is_refused_where_it_stands() {
    let validator = jsonschema::validator_for(&schema::manifest()).unwrap();
    for (text, place) in WRONG {
        let document = document(text);
        let places: Vec<_> = validator.iter_errors(&document).map(|it| it.instance_path().to_string()).collect();
        assert_eq!(places, [place], "{text}");
    }
}

#[test]
fn a_name_is_refused_by_its_pattern_where_it_is_refused_anyhow() {
    let validator = jsonschema::validator_for(&schema::manifest()).unwrap();
    let names = [
        "a", "ab", "a b", "a.b", ".a", "..a", "...", "-x", "%2e%2e", "café", "Ünal", "日本", "a..", "😀", "a😀b", "",
        ".", "..", "a/b", "/", "a\\b", "\\", " a", "a ", " ", ". ", ".\t", "a\nb", "a\0b", "a\u{7f}b", "a\u{9b}b",
    ];
    for text in names {
        let named = |it: &&kinds::Facts| it.name_pattern.is_none() && it.shape == kinds::Shape::Map;
        let external = kinds::ALL.iter().filter(|it| !it.is_of_directory()).map(|it| it.facts());
        for facts in external.filter(named) {
            let allowed = validator.is_valid(&json!({"external": {facts.section: [text]}}));
            assert_eq!(allowed, name::refusal(text).is_none(), "{text:?} among {}", facts.section);
        }
        let allowed = validator.is_valid(&json!({"tokens": {text: {"scope": "organization"}}}));
        assert_eq!(allowed, name::refusal(text).is_none(), "{text:?} as a token");
    }
}

/// Whether there is a section of this name, or a group of sections.
fn is_known(name: &str) -> bool {
    kinds::ALL.iter().any(|it| it.facts().section.split('.').next() == Some(name))
}
