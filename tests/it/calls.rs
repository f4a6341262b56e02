//! The exact requests of a change: smallest manifest in, every call out, for each kind.

use serde_json::Value;

use crate::support::Stage;

/// What is written (below `organization: acme`), and what would be sent, in this order.
const CHANGES: &[(&str, &str, &[&str])] = &[
    (
        "a newcomer is added, and gets a custom role by a second call",
        "members: {erin: {role: stack-auditor}}",
        &[r#"POST members/erin {"role":"member"}"#, r#"PATCH members/erin {"fgaRoleId":"r-5"}"#],
    ),
    ("a newcomer without a role is a member", "members: {mia: {}}", &[r#"POST members/mia {"role":"member"}"#]),
    (
        "a built-in role is set by its id",
        "members: {carol: {role: billing-manager}}",
        &[r#"PATCH members/carol {"fgaRoleId":"r-3"}"#],
    ),
    ("somebody who leaves is one call", "removed: {members: [KEN]}", &["DELETE members/ken"]),
    (
        "a role that is made in the same plan has no id yet",
        "roles: {x: {permissions: [stack:read]}}\nmembers: {ken: {role: x}}",
        &[
            r#"POST roles {"name":"x","description":"","resourceType":"global","uxPurpose":"role","details":{"__type":"PermissionDescriptorAllow","permissions":["stack:read"]}}"#,
            r#"PATCH members/ken {"fgaRoleId":null}"#,
        ],
    ),
    (
        "a role's change sends all three parts",
        "roles: {stack-auditor: {description: New.}}",
        &[
            r#"PATCH roles/r-5 {"name":"stack-auditor","description":"New.","details":{"__type":"PermissionDescriptorAllow","permissions":["stack:read"]}}"#,
        ],
    ),
    (
        "a renamed role keeps its holders",
        "roles: {shipper: {renamedFrom: deployer}}\ntokens: {ci-deploy: {scope: organization, role: shipper}}",
        &[r#"PATCH roles/r-4 {"name":"shipper","description":"Deploys the shop.","details":…"#],
    ),
    (
        "a team's maker is in it, and leaves if nobody wants them there",
        "teams: {x: {members: [bob], admins: [bob], stacks: {shop/prod: read}}}",
        &[
            r#"POST teams/pulumi {"name":"x","displayName":"x","description":""}"#,
            r#"PATCH teams/x {"memberAction":"add","member":"bob"}"#,
            r#"PATCH teams/x {"memberAction":"promote","member":"bob"}"#,
            r#"PATCH teams/x {"addStackPermission":{"projectName":"shop","stackName":"prod","permission":101}}"#,
            r#"PATCH teams/x {"memberAction":"remove","member":"alice"}"#,
        ],
    ),
    (
        "a GitHub team is connected by its number",
        "teams: {mobile: {kind: github, githubTeamId: 4242}}",
        &[r#"POST teams/github {"githubTeamID":4242}"#],
    ),
    (
        "what is given goes before what is taken",
        "teams: {platform: {members: [alice, carol], stacks: {etl/prod: admin}, environments: {shop/prod: {permission: open, maxOpenDuration: 90m}}}}",
        &[
            r#"PATCH teams/platform {"memberAction":"add","member":"carol"}"#,
            r#"PATCH teams/platform {"addStackPermission":{"projectName":"etl","stackName":"prod","permission":103}}"#,
            r#"PATCH teams/platform {"editEnvironmentPermission":{"projectName":"shop","envName":"prod","permission":"open","maxOpenDuration":"1h30m0s"}}"#,
            r#"PATCH teams/platform {"memberAction":"remove","member":"bob"}"#,
            r#"PATCH teams/platform {"memberAction":"remove","member":"zoe"}"#,
            r#"PATCH teams/platform {"removeStack":{"projectName":"shop","stackName":"prod"}}"#,
        ],
    ),
    (
        "who moves is in the new team before they leave the old one",
        "teams: {payments: {members: [bob, carol, zoe]}, platform: {members: [alice, bob]}}",
        &[
            r#"PATCH teams/payments {"memberAction":"add","member":"zoe"}"#,
            r#"PATCH teams/platform {"memberAction":"remove","member":"zoe"}"#,
        ],
    ),
    (
        "both texts go each time",
        "teams: {platform: {description: New.}}",
        &[r#"PATCH teams/platform {"newDisplayName":"Platform","newDescription":"New."}"#],
    ),
    (
        "a team's role is an upsert, and none takes it",
        "teams: {platform: {role: deployer}}",
        &["POST teams/platform/roles/r-4"],
    ),
    (
        "a service is made with everything in it",
        "services: {x: {owner: user/bob, properties: [{key: a, value: b}], items: {stacks: [shop/prod]}}}",
        &[
            r#"POST services {"ownerType":"user","ownerName":"bob","name":"x","description":"","items":[{"type":"stack","name":"shop/prod"}],"properties":[{"key":"a","value":"b","type":"string","order":0}]}"#,
        ],
    ),
    (
        "items come in one call and go one by one",
        "services: {storefront: {owner: team/web, items: {stacks: [etl/prod, infra/network]}}}",
        &[
            r#"POST services/team/web/storefront/v2/items {"items":[{"type":"stack","name":"etl/prod"},{"type":"stack","name":"infra/network"}]}"#,
            "DELETE services/team/web/storefront/v2/items/stack/shop/prod",
            "DELETE services/team/web/storefront/v2/items/stack/shop/staging",
        ],
    ),
    (
        "a service is renamed where it is, then changed under its new name",
        "services: {checkout: {renamedFrom: payments-checkout, owner: team/payments, description: New.}}",
        &[
            r#"PATCH services/team/payments/payments-checkout {"name":"checkout"}"#,
            r#"PATCH services/team/payments/checkout {"description":"New."}"#,
        ],
    ),
    (
        "a token's name and expiry are made up when it is sent",
        "tokens: {x: {scope: team/payments, lifetime: 30d, saveTo: file:x}}",
        &[r#"POST teams/payments/tokens {"name":null,"description":"","expires":null}"#],
    ),
    (
        "an administrator's token has no role",
        "tokens: {x: {scope: organization, role: admin, expires: 2027-05-01, saveTo: file:x}}",
        &[r#"POST tokens {"name":null,"description":"","expires":1809129600,"admin":true}"#],
    ),
    (
        "a tombstone revokes a token wherever it is",
        "removed: {tokens: [payments-ci]}",
        &["DELETE teams/payments/tokens/t-5"],
    ),
    (
        "a webhook is made whole, its secret looked up when it is sent",
        "webhooks: {x: {url: 'https://x.example/y', groups: [stacks], secret: env:KEY}}",
        &[
            r#"POST hooks {"organizationName":"acme","name":"x","displayName":"x","payloadUrl":"https://x.example/y","active":true,"format":"raw","filters":[],"groups":["stacks"],"secret":null}"#,
        ],
    ),
    (
        "a webhook's change sends all of it, and no secret that is not declared",
        "webhooks: {ops: {url: 'https://hooks.example/ops', active: false}}",
        &[
            r#"PATCH hooks/ops {"organizationName":"acme","name":"ops","displayName":"Operations","payloadUrl":"https://hooks.example/ops","active":false,"format":"raw","filters":["policy_violation_mandatory"],"groups":["deployments","stacks"]}"#,
        ],
    ),
    (
        "a secret is sent to a webhook that has none",
        "webhooks: {chat: {url: 'https://chat.example/hooks/acme', secret: env:KEY}}",
        &[
            r#"PATCH hooks/chat {"organizationName":"acme","name":"chat","displayName":"Chat","payloadUrl":"https://chat.example/hooks/acme","active":false,"format":"slack","filters":[],"groups":["environments"],"secret":null}"#,
        ],
    ),
    ("a webhook goes by tombstone", "removed: {webhooks: [chat]}", &["DELETE hooks/chat"]),
    (
        "settings loosen first, and restrain last",
        "roles: {newcomer: {permissions: [stack:read]}}\nsettings: {defaultRole: newcomer, defaultStackPermission: read, membersCanCreateTeams: false, maxTokenLifetime: 365d}",
        &[
            r#"POST roles {"name":"newcomer","description":"","resourceType":"global","uxPurpose":"role","details":{"__type":"PermissionDescriptorAllow","permissions":["stack:read"]}}"#,
            r#"PATCH  {"setDefaultStackPermission":101}"#,
            "PATCH roles/<hole>/default",
            r#"PATCH  {"setMaxAccessTokenExpiryDays":365}"#,
        ],
    ),
    (
        "a secret that is there already is no difference",
        "webhooks: {ops: {url: 'https://hooks.example/ops', secret: env:KEY}}",
        &[],
    ),
];

#[test]
fn every_change_sends_exactly_these_calls() {
    for (what, manifest, expected) in CHANGES {
        let stage = Stage::demo();
        stage.write("bylaws.yaml", &format!("organization: acme\n{manifest}\n"));
        let run = stage.run(&["plan", "--format", "json"]).ended(0);
        let plan: Value = serde_json::from_str(&run.stdout).unwrap();
        let calls = calls(&plan);
        assert_eq!(calls.len(), expected.len(), "{what}\n{calls:#?}");
        for (call, expected) in calls.iter().zip(*expected) {
            let same = match expected.strip_suffix('…') {
                Some(beginning) => call.starts_with(beginning),
                None => call == expected,
            };
            assert!(same, "{what}\n{call}\n{expected}");
        }
    }
}

/// `METHOD path {body}` of every call in the plan's order, the path below the organization.
fn calls(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap();
    let mut steps: Vec<&Value> = changes.iter().flat_map(|it| it["steps"].as_array().unwrap()).collect();
    steps.sort_by_key(|it| it["step"].as_u64());
    let mut calls = Vec::new();
    for call in steps.into_iter().flat_map(|it| it["calls"].as_array().unwrap()) {
        let path: Vec<&str> =
            call["path"].as_array().unwrap().iter().map(|it| it.as_str().unwrap_or("<hole>")).collect();
        assert_eq!(path[..3], ["api", "orgs", "acme"]);
        let body = call.get("body").map(|it| format!(" {it}")).unwrap_or_default();
        calls.push(format!("{} {}{body}", call["method"].as_str().unwrap(), path[3..].join("/")));
    }
    calls
}
