//! Who has a role while it changes: nobody is without access on the way, and nothing goes that somebody has.

use serde_json::Value;

use crate::support::Stage;

/// The numbers of the steps of a change, in the plan for this manifest.
fn steps(stage: &Stage, text: &str, ids: [&str; 2]) -> [Vec<u64>; 2] {
    stage.write("bylaws.yaml", text);
    let plan: Value = serde_json::from_str(&stage.run(&["plan", "--format", "json"]).ended(0).stdout).unwrap();
    ids.map(|id| {
        let change = plan["changes"].as_array().unwrap().iter().find(|it| it["id"] == id);
        let change = change.unwrap_or_else(|| panic!("no change of {id} in {:#}", plan["changes"]));
        change["steps"].as_array().unwrap().iter().map(|it| it["step"].as_u64().unwrap()).collect()
    })
}

fn applied(stage: &Stage, text: &str) {
    stage.write("bylaws.yaml", text);
    stage.run(&["apply", "--yes"]).ended(0);
    stage.run(&["plan", "--expect-no-changes"]).ended(0);
}

const SHOP: &str = "organization: acme
members: {carol: {role: shipper}}
roles:
  shipper: {permissions: ['stack:read', 'stack:write']}
  writer: {permissions: ['stack:read', 'stack:write']}
teams: {payments: {role: shipper}}
";

#[test]
fn whoever_leaves_a_role_has_left_before_it_permits_less() {
    let stage = Stage::demo();
    applied(&stage, SHOP);
    let text = "organization: acme
members: {carol: {role: writer}}
roles:
  shipper: {permissions: ['stack:read']}
  writer: {permissions: ['stack:read', 'stack:write', 'stack:export']}
teams: {payments: {role: writer}}
";
    let [role, carol] = steps(&stage, text, ["role/shipper", "member/carol"]);
    assert!(carol.iter().max() < role.iter().min(), "{carol:?} {role:?}");
    let [role, team] = steps(&stage, text, ["role/shipper", "team/payments"]);
    assert!(team.iter().max() < role.iter().min(), "{team:?} {role:?}");
    // What permits more comes first, for whoever moves there.
    let [writer, carol] = steps(&stage, text, ["role/writer", "member/carol"]);
    assert!(writer.iter().max() < carol.iter().min(), "{writer:?} {carol:?}");
    applied(&stage, text);
}

#[test]
fn a_role_that_is_renamed_permits_less_only_after_whoever_leaves_it() {
    let stage = Stage::demo();
    applied(&stage, SHOP);
    let text = "organization: acme
members: {carol: {role: writer}}
roles:
  looker: {renamedFrom: shipper, permissions: ['stack:read']}
  writer: {permissions: ['stack:read', 'stack:write']}
teams: {payments: {role: looker}}
";
    let [role, carol] = steps(&stage, text, ["role/looker", "member/carol"]);
    assert_eq!(role.len(), 2);
    assert!(carol.iter().max() < role.iter().max(), "{carol:?} {role:?}");
    applied(&stage, text);
}

#[test]
fn a_role_goes_after_everybody_has_let_go_of_it() {
    let stage = Stage::demo();
    let first = "organization: acme
members: {carol: {role: shipper}}
roles: {shipper: {permissions: ['stack:read']}}
teams: {payments: {role: shipper}}
tokens: {bot: {scope: organization, role: shipper, saveTo: 'file:bot'}}
oidcIssuers:
  ci:
    url: https://ci.example
    policies: [{decision: allow, tokenType: organization, role: shipper, rules: {sub: x}}]
";
    applied(&stage, first);
    let text = "organization: acme
members: {carol: {role: member}}
teams: {payments: {role: none}}
tokens: {bot: {scope: organization, rotation: 2, overlap: 0d, role: stack-auditor, saveTo: 'file:bot'}}
oidcIssuers:
  ci:
    url: https://ci.example
    policies: [{decision: deny, tokenType: organization}]
removed: {roles: [shipper]}
";
    for holder in ["member/carol", "team/payments", "token/bot", "oidc-issuer/ci"] {
        let [role, holder] = steps(&stage, text, ["role/shipper", holder]);
        assert!(holder.iter().max() < role.iter().min(), "{holder:?} {role:?}");
    }
    applied(&stage, text);
}

#[test]
fn a_grant_for_tags_comes_back_as_it_was_written() {
    let stage = Stage::demo();
    let text = "organization: acme
roles:
  tagged:
    grants:
      - {permissions: ['stack:read', 'stack:write'], stackTags: {owner: [web], env: [staging, prod]}}
      - {permissions: ['environment:open'], environmentTags: {env: [prod]}}
      - {permissions: ['stack:read'], stacks: [shop/prod, etl/prod, shop/staging]}
";
    applied(&stage, text);
    applied(&stage, &text.replace("[staging, prod]", "[prod]"));
}
