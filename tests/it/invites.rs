//! People given by e-mail: invited once, waited for, and their invitation cancelled when they go.

use bylaws::sandbox::state::Invite;
use bylaws::sandbox::{Config, State, demo};
use serde_json::Value;

use crate::support::{NOW_SECONDS, Run, Stage};

const ADDRESS: &str = "Erin.Ek@example.com";

fn stage(text: &str, change: impl FnOnce(&mut State)) -> Stage {
    let mut seed = demo(NOW_SECONDS);
    change(&mut seed);
    let stage = Stage::with(Config { seed: Some(seed), ..Config::default() });
    stage.write("bylaws.yaml", &format!("organization: acme\n{text}"));
    stage
}

fn invited(state: &mut State, id: &str, email: &str, role: &str, status: &str) {
    let invite = Invite {
        id: id.to_owned(),
        email: email.to_owned(),
        role: role.to_owned(),
        status: status.to_owned(),
        sent_at: NOW_SECONDS,
        sent_by: "alice".to_owned(),
        ..Invite::default()
    };
    state.invites.insert(id.to_owned(), invite);
}

fn plan(stage: &Stage, arguments: &[&str]) -> Value {
    let run = discreet(stage.run(&[&["plan", "--format", "json"], arguments].concat()));
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}\n{}", run.stdout, run.stderr))
}

/// Neither an address nor the way in stands in what is printed.
#[track_caller]
fn discreet(run: Run) -> Run {
    for text in [&run.stdout, &run.stderr] {
        let text = text.to_lowercase();
        assert!(!text.contains("example.com") && !text.contains("/join/"), "{text}");
    }
    run
}

fn codes(plan: &Value) -> Vec<&str> {
    plan["diagnostics"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

fn erin(role: &str) -> String {
    format!("members: {{erin: {{role: {role}, invite: {ADDRESS}}}}}\n")
}

#[test]
fn somebody_is_invited_once_and_is_in_no_team_before_they_accept() {
    let team = "teams: {platform: {members: [alice, bob, erin]}}\n";
    let stage = stage(&format!("{}{team}", erin("stack-auditor")), |_| ());
    for format in ["human", "json", "calls", "markdown", "gitlab"] {
        discreet(stage.run(&["plan", "--format", format]));
    }
    let shown = discreet(stage.run(&["plan"]));
    assert!(shown.stdout.contains("by e-mail"), "{}", shown.stdout);
    discreet(stage.run(&["apply", "--yes", "-v"])).ended(0);
    let writes = stage.writes();
    assert_eq!(writes.iter().filter(|it| it.contains("invites")).count(), 1, "{writes:?}");
    assert!(!writes.iter().any(|it| it.contains("members/erin")), "{writes:?}");
    let state = stage.service().state();
    let sent: Vec<_> = state.invites.values().filter(|it| it.email == ADDRESS).collect();
    let auditor = state.roles.values().find(|it| it.name == "stack-auditor").unwrap();
    assert_eq!((sent.len(), sent[0].role_id.as_deref()), (1, Some(auditor.id.as_str())));
    assert!(!state.teams["platform"].members.contains_key("erin"));
    let again = plan(&stage, &[]);
    assert!(again["changes"].as_array().unwrap().is_empty(), "{:#}", again["changes"]);
    assert_eq!(codes(&again).iter().filter(|it| **it == "pending-invite").count(), 2, "{:#}", again["diagnostics"]);
    discreet(stage.run(&["plan", "--expect-no-changes"])).ended(0);
}

#[test]
fn an_invitation_that_was_not_sent_is_a_failure() {
    let stage = stage(&erin("member"), |state| state.organization.max_members = Some(1));
    let run = discreet(stage.run(&["apply", "--yes"]).ended(4));
    assert!(run.stdout.contains("it was not done"), "{}", run.stdout);
}

#[test]
fn an_open_invitation_with_another_role_is_cancelled_before_another_is_sent() {
    let stage = stage(&erin("member"), |state| invited(state, "i-9", &ADDRESS.to_lowercase(), "admin", "pending"));
    discreet(stage.run(&["apply", "--yes"]).ended(0));
    assert_eq!(stage.writes(), ["DELETE /api/orgs/acme/invites/i-9", "POST /api/orgs/acme/invites/unverified/batch"]);
    discreet(stage.run(&["plan", "--expect-no-changes"])).ended(0);
}

#[test]
fn an_address_that_was_wrong_can_no_longer_be_used_to_join() {
    let stage = stage(&erin("member"), |state| invited(state, "i-9", "eric@example.com", "member", "pending"));
    stage.write("base/bylaws.yaml", "organization: acme\nmembers: {erin: {role: member, invite: eric@example.com}}\n");
    discreet(stage.run(&["apply", "--yes", "--base", "./base"]).ended(0));
    assert_eq!(stage.writes(), ["DELETE /api/orgs/acme/invites/i-9", "POST /api/orgs/acme/invites/unverified/batch"]);
}

#[test]
fn whoever_accepted_under_another_login_is_not_invited_again() {
    let stage = stage(&erin("member"), |state| invited(state, "i-9", ADDRESS, "member", "accepted"));
    let plan = plan(&stage, &[]);
    assert!(plan["changes"].as_array().unwrap().is_empty());
    assert_eq!(codes(&plan), ["pending-invite"]);
}

#[test]
fn an_invitation_goes_with_whoever_goes() {
    let base = "organization: acme\nmembers: {zoe: {invite: zoe@example.com}, erin: {invite: Erin.Ek@example.com}}\n";
    let stage = stage("removed: {members: [zoe]}\n", |state| {
        invited(state, "i-8", "Zoe@example.com", "member", "pending");
        invited(state, "i-9", ADDRESS, "admin", "pending");
        invited(state, "i-7", "somebody@example.com", "member", "pending");
    });
    stage.write("base/bylaws.yaml", base);
    let plan = plan(&stage, &["--base", "./base"]);
    let ids: Vec<_> = plan["changes"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["member/erin", "member/zoe"]);
    let steps = plan["changes"][1]["steps"].as_array().unwrap();
    assert_eq!(
        steps.iter().map(|it| it["what"].as_str().unwrap()).collect::<Vec<_>>(),
        ["cancel the invitation", "remove"]
    );
    discreet(stage.run(&["apply", "--yes", "--base", "./base"]).ended(0));
    let mut writes = stage.writes();
    writes.sort();
    assert_eq!(
        writes,
        ["DELETE /api/orgs/acme/invites/i-8", "DELETE /api/orgs/acme/invites/i-9", "DELETE /api/orgs/acme/members/zoe"]
    );
    discreet(stage.run(&["plan", "--base", "./base", "--expect-no-changes"])).ended(0);
}

#[test]
fn whoever_was_only_invited_administers_nothing() {
    let text = format!("removed: {{members: [bob]}}\n{}", erin("admin"));
    let stage = stage(&text, |_| ());
    let plan = plan(&stage, &[]);
    assert!(codes(&plan).contains(&"few-admins"), "{:#}", plan["diagnostics"]);
}

#[test]
fn nothing_belongs_to_whoever_was_only_invited() {
    let text = format!("{}services: {{playground: {{owner: user/erin}}}}\n", erin("member"));
    let plan = plan(&stage(&text, |_| ()), &[]);
    assert!(codes(&plan).contains(&"unresolved"), "{:#}", plan["diagnostics"]);
}

#[test]
fn invitations_are_read_only_where_somebody_is_invited_or_goes() {
    let asks = |text: &str| {
        let stage = stage(text, |_| ());
        stage.run(&["plan"]);
        stage.requests().iter().any(|it| it.contains("/invites"))
    };
    assert!(!asks("members: {zoe: {role: member}}\n"));
    assert!(asks("removed: {members: [zoe]}\n"));
    assert!(asks(&erin("member")));
}
