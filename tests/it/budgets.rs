//! How much one change may take away: faulty files, lists that came back empty, renames nobody spelled out.

use bylaws::sandbox::{self, Config, Size};
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
