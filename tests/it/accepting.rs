//! Drift accepted into a manifest full of comments and anchors: the plan is empty then, or it is said why not.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use bylaws::manifest;
use serde_json::{Value, json};

use crate::imports::{Request, below, mutation, text};
use crate::support::Stage;
use crate::support::trials::tried;

const PEOPLE: &str = "# People.
organization: acme

members:
  # Founders.
  alice: &root
    role: admin   # break-glass
  bob: *root
  # Everybody else.
  carol: {role: member}   # in braces
  frank: {role: \"member\"}
  grace:
    note: |
      # no comment, but a note
      of two lines
    role: member
  mallory:   # on probation
    # Since May.
    role: member
  zoe:
    role: member
  # The last line of people.

roles:
  stack-auditor:
    description: \"Reads every stack.\"   # in quotes
    permissions:
      # Just this.
      - stack:read
  deployer:
    # What it deploys.
    grants:
      - permissions: [stack:read, stack:write]
        stacks: [shop/prod, shop/staging]   # both
";

const THINGS: &str = "# Things.
x-grants: &grants
  # Shared by teams.
  shop/prod: write
x-text: &text
  description: Runs the shared clusters.

teams:
  platform:
    <<: *text
    members: [alice, bob,   # founders
              zoe]
    admins: [alice]
    stacks:
      <<: *grants
    environments:
      # With a limit.
      shop/prod: {permission: open, maxOpenDuration: 60m}
  payments: {description: Takes the money., members: [bob, carol], stacks: {}}
  data-eng:
    displayName: >-
      Data
      Engineering
    members:
      - bob
      # The newcomer.
      - carol   # since June
      - &frank frank
    admins: []
    stacks: {etl/prod: write}
  # The last line of teams.
services:
  payments-checkout:
    owner: team/payments
    description: 'Card payments.'
    properties:
      # How much it matters.
      - key: tier
        value: \"1\"
      - {key: runbook, value: https://wiki.example/checkout, type: url}   # the wiki
    items:
      stacks: [checkout-web/prod]
      environments:
        - checkout/prod
  storefront: {owner: team/web, items: {stacks: [shop/prod, shop/staging]}}
  playground:
    owner: user/carol   # who else
tokens:
  ci-deploy: {scope: organization, role: deployer}   # the pipeline
  platform-bot:
    # Rotated by hand.
    scope: team/platform
# The end.";

/// The manifest in another style: other line ends, another indentation.
fn styled(text: &str, style: u8) -> String {
    let wide = |line: &str| {
        let blank = line.len() - line.trim_start().len();
        let line = format!("{}{line}", &line[..blank]);
        if line.trim_start().starts_with("- ") { line.replacen("- ", "-   ", 1) } else { line }
    };
    match style {
        0 => text.to_owned(),
        1 => format!("\u{feff}{}", text.replace('\n', "\r\n")),
        _ => text.lines().map(wide).collect::<Vec<_>>().join("\n") + "\n",
    }
}

fn comments(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().map(|it| it.trim().to_owned()).filter(|it| it.starts_with('#')).collect()
}

fn said(files: &[(&str, String)]) -> BTreeMap<String, Value> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes())).collect();
    let desired = manifest::load(files).unwrap_or_else(|it| panic!("{:#?}", it.diagnostics));
    desired.entries.values().map(|it| (it.id.to_string(), it.node.to_value())).collect()
}

/// One change of what the manifest declares.
fn nudge(input: &mut Unstructured) -> Result<Request> {
    let path = below;
    let login = |input: &mut Unstructured| -> Result<&str> {
        Ok(*input.choose(&["carol", "frank", "grace", "mallory", "zoe", "ken"])?)
    };
    let team = *input.choose(&["platform", "payments", "data-eng"])?;
    let (owner, service) = *input.choose(&[
        (["team", "payments"], "payments-checkout"),
        (["team", "web"], "storefront"),
        (["user", "carol"], "playground"),
    ])?;
    let of_service = path(&["services", owner[0], owner[1], service]);
    Ok(match input.int_in_range(0..=9)? {
        0 => {
            let role = *input.choose(&["member", "admin", "billing-manager"])?;
            ("PATCH", path(&["members", login(input)?]), json!({"role": role}))
        }
        1 | 2 => {
            let action = *input.choose(&["add", "add", "remove", "promote", "demote"])?;
            ("PATCH", path(&["teams", team]), json!({"memberAction": action, "member": login(input)?}))
        }
        3 => ("PATCH", path(&["teams", team]), json!({"newDescription": text(input)?})),
        4 => ("PATCH", path(&["teams", team]), json!({"newDisplayName": text(input)?})),
        5 => {
            let action = *input.choose(&["addStackPermission", "editStackPermission", "removeStack"])?;
            let (project, stack) = *input.choose(&[("shop", "prod"), ("etl", "prod"), ("shop", "staging")])?;
            let mut part = json!({"projectName": project, "stackName": stack});
            if action != "removeStack" {
                part["permission"] = json!(input.int_in_range(101..=103)?);
            }
            ("PATCH", path(&["teams", team]), json!({action: part}))
        }
        6 => ("PATCH", of_service, json!({"description": text(input)?})),
        7 => {
            let mut properties = Vec::new();
            for (order, key) in ["tier", "runbook", "pager"].into_iter().enumerate() {
                if input.arbitrary()? {
                    let value = if input.arbitrary()? { "1".to_owned() } else { text(input)? };
                    properties.push(json!({"key": key, "value": value, "type": "string", "order": order}));
                }
            }
            ("PATCH", of_service, json!({"properties": properties}))
        }
        8 => {
            let (kind, item) = *input.choose(&[
                ("stack", "shop/staging"),
                ("stack", "shop/prod"),
                ("environment", "checkout/prod"),
            ])?;
            ("DELETE", [of_service, path(&["v2", "items", kind, item])].concat(), Value::Null)
        }
        _ => match input.int_in_range(0..=2)? {
            0 => ("DELETE", of_service, Value::Null),
            _ => {
                let all = ["stack:read", "stack:delete", "stack:write"];
                let some = all[..input.int_in_range(0..=3)?].to_vec();
                let details = json!({"__type": "PermissionDescriptorAllow", "permissions": some});
                let (id, name) = *input.choose(&[("r-4", "deployer"), ("r-5", "stack-auditor")])?;
                ("PATCH", path(&["roles", id]), json!({"name": name, "description": text(input)?, "details": details}))
            }
        },
    })
}

/// The ids that a plan would change; nothing where the manifest refers to what is gone.
fn changes(stage: &Stage) -> Option<BTreeSet<String>> {
    let run = stage.run(&["plan", "m", "--format", "json", "--quiet"]);
    if run.code == 2 {
        assert!(run.stderr.contains("E0203"), "{}", run.stderr);
        return None;
    }
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let ids = plan["changes"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
    Some(ids.collect())
}

#[test]
fn what_is_accepted_is_in_the_plan_no_more_and_the_comments_stay() {
    let (accepted, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    tried(15, 1 << 8..=1 << 12, |input| {
        let stage = Stage::demo();
        let style = input.int_in_range(0..=2)?;
        let before = [("m/people.yaml", styled(PEOPLE, style)), ("m/things.yaml", styled(THINGS, style))];
        before.iter().for_each(|(path, text)| stage.write(path, text));
        assert_eq!(changes(&stage), Some(BTreeSet::new()));
        for _ in 0..input.int_in_range(1..=12)? {
            let (method, path, body) = match input.ratio(1, 8)? {
                true => mutation(input, &stage.service().state())?,
                false => nudge(input)?,
            };
            stage.send(method, &path, &body);
        }
        stage.service().clear_requests();
        let drifted = changes(&stage);
        let run = stage.run(&["drift", "m", "--write"]);
        assert!(matches!(run.code, 0 | 2 | 4 | 5), "{}\n{}", run.stdout, run.stderr);
        let after: Vec<(&str, String)> = before
            .iter()
            .map(|(path, _)| (*path, std::fs::read_to_string(stage.folder.path().join(path)).unwrap()))
            .collect();
        for ((path, before), (_, after)) in before.iter().zip(&after) {
            assert_eq!(comments(before), comments(after), "{path}\n{after}\n{}", run.stdout);
            assert_eq!(before.contains("\r\n"), after.contains("\r\n"));
            assert_eq!(after.matches('\n').count(), after.lines().count() - usize::from(!after.ends_with('\n')));
        }
        assert!(stage.writes().is_empty());
        let listed = run.stdout.split("Not accepted, and as it was:").nth(1).unwrap_or_default();
        let left = changes(&stage);
        assert_eq!(run.code == 2, left.is_none(), "{}\n{}", run.stdout, run.stderr);
        let (Some(drifted), Some(left)) = (drifted, left) else { return Ok(()) };
        for id in &left {
            assert!(listed.contains(&format!("\n  {id}: ")), "{id} is left, and nobody said why\n{}", run.stdout);
        }
        assert_eq!(run.code == 5, !left.is_empty() && run.code != 4, "{}", run.stdout);
        // Whatever is not accepted says what it said.
        let (old, new) = (said(&before), said(&after));
        for id in old.keys().chain(new.keys()).filter(|it| !drifted.contains(*it) || left.contains(*it)) {
            assert_eq!(old.get(id), new.get(id), "{id}\n{}", run.stdout);
        }
        accepted.set(accepted.get() + drifted.len() - left.len());
        refused.set(refused.get() + left.len());
        Ok(())
    });
    // How many there were depends on the machine; that there were any does not.
    assert!(accepted.get() + refused.get() > 0, "nothing drifted at all");
}

#[test]
fn an_import_keeps_every_line_that_is_there() {
    for style in 0..=2 {
        let stage = Stage::demo();
        let before = [("m/people.yaml", styled(PEOPLE, style)), ("m/things.yaml", styled(THINGS, style))];
        before.iter().for_each(|(path, text)| stage.write(path, text));
        let run = stage.run(&["import", "--out", "m"]).ended(0);
        for changed in ["~ m/people.yaml\n", "~ m/things.yaml\n"] {
            assert!(run.stdout.contains(changed), "{}", run.stdout);
        }
        assert!(run.stdout.contains("\nNo changes. "), "{}", run.stdout);
        assert_eq!(changes(&stage), Some(BTreeSet::new()));
        for (path, text) in &before {
            let after = std::fs::read_to_string(stage.folder.path().join(path)).unwrap();
            let mut lines = after.split_inclusive('\n');
            for line in text.split_inclusive('\n') {
                // Only the last line may get an end that it did not have.
                assert!(
                    lines.any(|it| it.trim_end_matches(['\r', '\n']) == line.trim_end_matches(['\r', '\n'])),
                    "{line:?} is gone\n{after}"
                );
            }
            assert_eq!(after.matches('\n').count() == after.matches("\r\n").count(), style == 1, "{after}");
        }
    }
}

#[test]
fn a_file_behind_a_link_is_not_written() {
    let stage = Stage::demo();
    stage.write("elsewhere/people.yaml", "organization: acme\nmembers:\n  carol:\n    role: admin\n");
    std::fs::create_dir(stage.folder.path().join("m")).unwrap();
    #[cfg(unix)]
    {
        let (from, to) = (stage.folder.path().join("elsewhere/people.yaml"), stage.folder.path().join("m/people.yaml"));
        std::os::unix::fs::symlink(from, to).unwrap();
        let run = stage.run(&["drift", "m", "--write"]).ended(1);
        assert!(run.stderr.contains("is a link"), "{}", run.stderr);
        let text = std::fs::read_to_string(stage.folder.path().join("elsewhere/people.yaml")).unwrap();
        assert!(text.contains("role: admin"));
    }
}
