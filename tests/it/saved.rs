//! Saved plans: applied as they were reviewed, and only while nothing they touch has moved.

use bylaws::sandbox::state::State;
use serde_json::{Value, json};

use crate::support::{Run, Stage};

const MANIFEST: &str = "
organization: acme
members: {bob: {role: member}}
roles: {stack-auditor: {description: Reads., permissions: [stack:read]}}
teams:
  platform: {description: Runs the shared clusters., role: stack-auditor}
  fresh: {members: [alice], stacks: {checkout-web/prod: read}}
services:
  checkout: {owner: team/payments, description: Cards., renamedFrom: payments-checkout}
tokens:
  ci-new: {scope: organization, description: New., lifetime: 90d, saveTo: file:secrets/ci-new}
removed: {teams: [data-eng]}
safety: {minimumAdmins: 1}
";

/// A plan of this manifest, which is gone by the time it is applied.
fn saved(manifest: &str) -> Stage {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", manifest);
    let run = stage.run(&["plan", "--write", "json=plan.json"]);
    assert!(matches!(run.code, 0 | 5), "{run:?}");
    std::fs::remove_file(stage.folder.path().join("bylaws.yaml")).unwrap();
    stage.service().clear_requests();
    stage
}

fn plan(stage: &Stage) -> Value {
    serde_json::from_str(&std::fs::read_to_string(stage.folder.path().join("plan.json")).unwrap()).unwrap()
}

fn apply(stage: &Stage, more: &[&str]) -> Run {
    stage.run(&[&["apply", "--plan", "plan.json", "--yes"], more].concat())
}

/// What was sent, with everything that is made up anew each time left out.
fn sent(stage: &Stage) -> Vec<(String, Option<Value>)> {
    let nonce = regex::Regex::new(r"-[a-z2-7]{6}$").unwrap();
    let requests = stage.service().requests().into_iter().filter(|it| !matches!(&*it.method, "GET" | "HEAD"));
    let mut all: Vec<_> = requests
        .map(|it| {
            let mut body = it.body;
            if let Some(name) = body.as_mut().and_then(|it| it.get_mut("name")) {
                *name = json!(nonce.replace(name.as_str().unwrap(), "-NONCE"));
            }
            (format!("{} {}?{}", it.method, it.path, it.query), body)
        })
        .collect();
    // Independent steps are sent at once.
    all.sort_by_key(|it| (it.0.clone(), it.1.as_ref().map(Value::to_string)));
    all
}

#[test]
fn a_saved_plan_is_applied_without_its_manifest() {
    let stage = saved(MANIFEST);
    let dry = stage.run(&["apply", "--plan", "plan.json", "--dry-run"]).ended(0);
    assert!(stage.writes().is_empty());
    assert!(dry.stdout.contains("/api/orgs/acme/teams/data-eng"), "{}", dry.stdout);
    let run = apply(&stage, &[]).ended(0);
    assert!(run.stdout.contains("Applied, and verified: no changes left"), "{}", run.stdout);
    assert!(!run.stdout.contains("Apply exactly"), "{}", run.stdout);
    assert!(stage.folder.path().join("secrets/ci-new").exists());
    assert_eq!(plan(&stage)["summary"]["writes"], stage.writes().len());

    // Once applied, it is not applied again: what it relied on has moved, by its own doing.
    let before = stage.writes().len();
    let again = apply(&stage, &[]).ended(5);
    assert!(again.stderr.contains("team/data-eng is no longer what it was"), "{}", again.stderr);
    assert_eq!(stage.writes().len(), before);
}

#[test]
fn a_saved_plan_sends_what_a_fresh_one_sends() {
    let later = saved(MANIFEST);
    apply(&later, &[]).ended(0);
    let fresh = Stage::demo();
    fresh.write("bylaws.yaml", MANIFEST);
    fresh.run(&["apply", "--yes"]).ended(0);
    assert_eq!(sent(&later), sent(&fresh));
    assert!(sent(&fresh).len() > 8);
}

#[test]
fn only_what_a_plan_touches_can_invalidate_it() {
    type Move = (&'static str, fn(&mut State), Option<&'static str>);
    let moves: &[Move] = &[
        ("nothing", |_| {}, None),
        ("another team", |it| it.teams.get_mut("web").unwrap().description = "Other.".to_owned(), None),
        ("another member", |it| drop(it.members.remove("zoe")), None),
        ("a token is used", |it| it.tokens.values_mut().for_each(|it| it.last_used = 1_795_348_000), None),
        (
            "the team that changes",
            |it| it.teams.get_mut("platform").unwrap().display_name = "Other".to_owned(),
            Some("team/platform"),
        ),
        ("the team that goes", |it| drop(it.teams.remove("data-eng")), Some("team/data-eng")),
        (
            "its people",
            |it| {
                let person = it.teams["platform"].members.iter().next().unwrap();
                let person = (person.0.clone(), person.1.clone());
                it.teams.get_mut("data-eng").unwrap().members.extend([("zoe".to_owned(), person.1)]);
            },
            Some("team/data-eng"),
        ),
        (
            "the role that changes",
            |it| it.roles.values_mut().find(|it| it.name == "stack-auditor").unwrap().description = "X".to_owned(),
            Some("role/stack-auditor"),
        ),
        (
            "the service that is renamed",
            |it| it.services.get_mut("payments-checkout").unwrap().description = "X".to_owned(),
            Some("service/payments-checkout"),
        ),
        ("who stays an administrator", |it| drop(it.members.remove("alice")), Some("member/alice")),
    ];
    for (what, change, moved) in moves {
        // Somebody has to be left who may apply it.
        let stage = saved(MANIFEST);
        stage.service().change(change);
        match moved {
            None => drop(apply(&stage, &[]).ended(0)),
            Some("member/alice") => {
                assert_ne!(apply(&stage, &[]).code, 0, "{what}");
                assert!(stage.writes().is_empty(), "{what}");
            }
            Some(id) => {
                let run = apply(&stage, &[]).ended(5);
                assert!(run.stderr.contains(&format!("  {id} is no longer what it was\n")), "{what}: {}", run.stderr);
                assert!(run.stderr.contains("Plan again with"), "{}", run.stderr);
                assert_eq!(run.stderr.matches("is no longer").count(), 1, "{what}: {}", run.stderr);
                assert!(stage.writes().is_empty(), "{what}");
            }
        }
    }
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(key, it)| places(it, &format!("{at}/{key}"), found)),
        Value::Object(map) => map.iter().for_each(|(key, it)| {
            places(it, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn a_plan_that_was_edited_is_refused_before_anything_is_asked() {
    let stage = saved(MANIFEST);
    let text = std::fs::read_to_string(stage.folder.path().join("plan.json")).unwrap();
    let original: Value = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    for section in ["changes", "summary", "organization", "backend", "checksum"] {
        places(&original[section], &format!("/{section}"), &mut all);
    }
    // What is only for people, or is found anew when it is applied.
    let free = |it: &str| {
        let part = it.split('/').nth(3).unwrap_or_default();
        matches!(part, "source" | "diagnostics" | "remarks") || matches!(it, "/summary/unchanged" | "/summary/reads")
    };
    let mut refused = 0;
    for place in all.iter().filter(|it| !free(it)) {
        let mut edited = original.clone();
        let it = edited.pointer_mut(place).unwrap();
        *it = match &*it {
            Value::Bool(it) => json!(!it),
            Value::Number(it) => json!(it.as_u64().unwrap_or_default() + 1),
            Value::String(it) => json!(format!("{it}x")),
            _ => json!("x"),
        };
        let plan = bylaws::render::json::parse(&edited.to_string());
        assert!(plan.is_err() || plan.is_ok_and(|it| bylaws::plan::saved::check(&it).is_err()), "{place}");
        refused += 1;
    }
    assert!(refused > 100, "{refused}");
    let mut edited = original.clone();
    *edited.pointer_mut("/changes/0/steps/0/calls/0/path/3").unwrap() = json!("members");
    stage.write("plan.json", &edited.to_string());
    let run = apply(&stage, &[]).ended(5);
    assert!(run.stderr.contains("this plan is not what was saved: its checksum does not fit"), "{}", run.stderr);
    assert!(stage.requests().is_empty());
}

/// The plan with something in it changed, and a checksum that fits.
fn forged(stage: &Stage, change: impl FnOnce(&mut Value)) {
    let mut value = plan(stage);
    change(&mut value);
    let mut forged = bylaws::render::json::parse(&value.to_string()).unwrap();
    forged.checksum = bylaws::plan::checksum(&forged);
    forged.summary.writes = forged.all_changes().flat_map(|it| &it.steps).map(|it| it.calls.len()).sum();
    stage.write("plan.json", &bylaws::render::json::plan(&forged));
}

#[test]
fn a_forged_plan_cannot_send_what_would_not_be_planned() {
    let at = |plan: &Value, id: &str| plan["changes"].as_array().unwrap().iter().position(|it| it["id"] == id).unwrap();
    type Forgery = (&'static str, fn(&mut Value));
    let forgeries: &[(&str, Forgery)] = &[
        ("team/platform", ("other requests", |it| it["steps"][0]["calls"][0]["path"][4] = json!("web"))),
        ("team/platform", ("other requests", |it| it["steps"][0]["calls"][0]["path"] = json!(["api", "orgs", "acme"]))),
        ("team/data-eng", ("other requests", |it| it["steps"][0]["calls"][0]["path"][4] = json!(".."))),
        ("team/fresh", ("other requests", |it| it["steps"][0]["calls"][0]["body"]["name"] = json!("x"))),
        ("team/platform", ("otherwise", |it| it["fields"] = json!([]))),
        ("team/platform", ("otherwise", |it| it["after"]["description"] = json!("x"))),
        ("team/platform", ("changed", |it| it["declared"]["description"] = json!("x"))),
        ("team/data-eng", ("no longer what it was", |it| it["reliesOn"] = json!({"team/data-eng": null}))),
        ("token/ci-new", ("no manifest may hold", |it| it["declared"]["saveTo"] = json!("file:../../x"))),
        (
            "team/fresh",
            ("no manifest may hold", |it| {
                it["id"] = json!("team/..");
                it["name"] = json!("..");
            }),
        ),
        (
            "team/fresh",
            ("knows no kind", |it| {
                it["id"] = json!("planet/fresh");
                it["kind"] = json!("planet");
            }),
        ),
        ("team/fresh", ("says that it is of", |it| it["name"] = json!("web"))),
        ("member/bob", ("otherwise", |it| it["before"]["role"] = json!("member"))),
    ];
    for (id, (says, forge)) in forgeries {
        let stage = saved(MANIFEST);
        let index = at(&plan(&stage), id);
        forged(&stage, |it| forge(&mut it["changes"][index]));
        let run = apply(&stage, &[]).ended(5);
        assert!(run.stderr.contains(says), "{id} {says}: {}", run.stderr);
        assert!(stage.writes().is_empty(), "{id} {says}");
    }
}

#[test]
fn rails_speak_again_when_a_saved_plan_is_applied() {
    // The last administrator stays, whatever a file says was accepted.
    let stage = saved("organization: acme\nmembers: {bob: {role: member}, alice: {role: member}}\n");
    forged(&stage, |it| {
        it["diagnostics"] = json!([]);
        it["summary"]["blocked"] = json!(0);
        it["status"]["applyable"] = json!(true);
    });
    let run = apply(&stage, &[]).ended(5);
    assert!(run.stdout.contains("last-admin"), "{}", run.stdout);
    assert!(stage.writes().is_empty());

    // A danger that was blocking when the plan was made is accepted where it is applied.
    let stage = saved("organization: acme\nprune: {teams: true}\nteams: {platform: {}, web: {}, payments: {}}\n");
    let run = apply(&stage, &[]).ended(5);
    assert!(run.stdout.contains("bylaws apply --plan plan.json --expect "), "{}", run.stdout);
    assert!(run.stdout.contains(" --allow delete-team:team/data-eng"), "{}", run.stdout);
    assert!(stage.writes().is_empty());
    let run = apply(&stage, &["--allow", "delete-team:team/data-eng"]).ended(0);
    assert!(run.stdout.contains("Applied, and verified"), "{}", run.stdout);
}

#[test]
fn hostile_files_are_refused() {
    let stage = saved(MANIFEST);
    let original = plan(&stage);
    let with = |pointer: &str, to: Value| {
        let mut value = original.clone();
        *value.pointer_mut(pointer).unwrap() = to;
        value.to_string()
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, says) in [
        (String::new(), "this is no plan"),
        (deep, "this is no plan"),
        ("[1]".to_owned(), "this is no plan"),
        (with("/formatVersion", json!("2.0")), "format version `2.0`"),
        (with("/format", json!("bylaws.report")), "this is no plan"),
        (with("/changes", json!("x\u{1b}[2J")), "damaged"),
    ] {
        stage.write("plan.json", &text);
        let run = apply(&stage, &[]).ended(2);
        assert!(run.stderr.contains(says) && !run.stderr.contains('\u{1b}'), "{says}: {}", run.stderr);
    }
    let file = std::fs::File::create(stage.folder.path().join("plan.json")).unwrap();
    file.set_len(65 << 20).unwrap();
    assert!(apply(&stage, &[]).ended(2).stderr.contains("is larger than 64 MiB"));
    assert!(stage.requests().is_empty());

    // Of another service: not even asked who the caller is.
    stage.write("plan.json", &original.to_string());
    let other = Stage::demo();
    let (path, file) = (stage.folder.path().join("plan.json"), "plan.json");
    std::fs::copy(path, other.folder.path().join(file)).unwrap();
    let run = apply(&other, &[]).ended(5);
    assert!(run.stderr.contains("the plan was made for http://127.0.0.1:"), "{}", run.stderr);
    assert!(other.requests().is_empty());
}

#[test]
fn only_the_reviewed_plan_is_applied() {
    let stage = saved(MANIFEST);
    let checksum = plan(&stage)["checksum"].as_str().unwrap()[7..19].to_owned();
    let run = stage.run(&["apply", "--plan", "plan.json", "--expect", "000000000000"]).ended(5);
    assert!(run.stderr.contains("the saved plan is "), "{}", run.stderr);
    assert!(stage.writes().is_empty());
    stage.run(&["apply", "--plan", "plan.json", "--expect", &checksum]).ended(0);
    let clash = stage.run(&["apply", "--plan", "plan.json", "other.yaml"]).ended(2);
    assert!(clash.stderr.contains("cannot be used with"), "{}", clash.stderr);
}

#[test]
fn a_saved_plan_is_shown_and_says_if_it_was_edited() {
    let stage = saved(MANIFEST);
    let shown = stage.run(&["show", "plan.json"]).ended(0);
    assert!(shown.stdout.contains("bylaws apply --plan plan.json --expect "), "{}", shown.stdout);
    assert_eq!(shown.stderr, "");
    let mut value = plan(&stage);
    value["changes"][0]["destructive"] = json!(true);
    stage.write("plan.json", &value.to_string());
    let shown = stage.run(&["show", "plan.json"]).ended(0);
    assert!(shown.stderr.contains("note: this plan was edited"), "{}", shown.stderr);
}

#[test]
fn every_example_can_be_saved_and_applied() {
    for example in ["acme", "full", "small"] {
        let stage = Stage::demo();
        crate::support::copy(&crate::support::root().join("examples").join(example), stage.folder.path());
        stage.run(&["plan", ".", "--write", "json=plan.json"]).ended(0);
        if example == "full" {
            // An address is in no plan, so that an invitation needs the manifest.
            let refused = apply(&stage, &[]).ended(5);
            assert!(
                refused.stderr.contains("`invite` of member/nina, which only the manifest holds"),
                "{}",
                refused.stderr
            );
            let checksum = plan(&stage)["checksum"].as_str().unwrap()[7..19].to_owned();
            stage.run(&["apply", ".", "--expect", &checksum]).ended(0);
            continue;
        }
        let run = apply(&stage, &[]).ended(0);
        assert!(run.stdout.contains("Applied, and verified"), "{example}: {}", run.stdout);
        stage.run(&["plan", ".", "--expect-no-changes"]).ended(0);
    }
}

#[test]
fn what_the_base_branch_tells_is_in_the_saved_plan() {
    // Names that are swapped, something that is no longer declared, and drift.
    let base = "organization: acme\nservices: {playground: {owner: user/carol}, data-pipeline: {owner: user/carol}}\n\
                teams: {data-eng: {}, web: {description: W.}}\n";
    let head = "organization: acme\nservices:\n  playground: {owner: user/carol, renamedFrom: data-pipeline}\n  \
                data-pipeline: {owner: user/carol, renamedFrom: playground}\nteams: {web: {description: W.}}\n";
    let stage = Stage::demo();
    stage.service().change(|state| {
        let owner = state.services["playground"].owner.clone();
        state.services.get_mut("data-pipeline").unwrap().owner = owner;
    });
    stage.write("base/bylaws.yaml", base);
    stage.write("bylaws.yaml", head);
    let run = stage.run(&["plan", "--base", "./base", "--write", "json=plan.json"]);
    assert!(run.stdout.contains("bylaws apply --base ./base bylaws.yaml"), "{}", run.stdout);
    let made = plan(&stage);
    assert_eq!((&made["drift"][0]["id"], made["summary"]["rename"].as_u64()), (&json!("team/web"), Some(2)));
    let run = apply(&stage, &["--allow", "delete-team:team/data-eng"]).ended(0);
    assert!(run.stdout.contains("Applied, and verified"), "{}", run.stdout);
    assert!(!stage.service().state().teams.contains_key("data-eng"));
}

/// A plan by which seven teams go, because the kind is pruned: made with this.
fn seven_teams(allow: &[&str]) -> Stage {
    let stage = Stage::demo();
    stage.service().change(|state| {
        for index in 0..7 {
            let name = format!("old-{index}");
            let mut team = state.teams["platform"].clone();
            team.name.clone_from(&name);
            (team.members, team.roles) = Default::default();
            state.teams.insert(name, team);
        }
    });
    let kept: String = ["data-eng", "payments", "platform", "web"].iter().map(|it| format!("{it}: {{}}, ")).collect();
    stage.write("bylaws.yaml", &format!("organization: acme\nprune: {{teams: true}}\nteams: {{{kept}}}\n"));
    let named: Vec<String> = (0..7).map(|it| format!("delete-team:team/old-{it}")).collect();
    let named = named.iter().flat_map(|it| ["--allow", it]);
    let all: Vec<&str> =
        ["plan", "--write", "json=plan.json"].into_iter().chain(named).chain(allow.iter().copied()).collect();
    stage.run(&all).ended(if allow.is_empty() { 5 } else { 0 });
    stage.service().clear_requests();
    stage
}

#[test]
fn what_a_plan_was_allowed_with_is_given_again_in_the_same_number() {
    let named: Vec<String> = (0..7).map(|it| format!("--allow=delete-team:team/old-{it}")).collect();
    let with = |stage: &Stage, more: &[&str]| -> Run {
        apply(stage, &[&named.iter().map(String::as_str).collect::<Vec<_>>()[..], more].concat())
    };
    for planned in [&["--allow", "budget:team=7"][..], &[]] {
        let stage = seven_teams(planned);
        // Neither without it, nor in another number, nor of another kind: what `plan` was given is no record.
        for wrong in
            [&[][..], &["--allow", "budget:team=6"], &["--allow", "budget:team=8"], &["--allow", "budget:role=7"]]
        {
            let run = with(&stage, wrong).ended(5);
            assert!(run.stdout.contains("--allow budget:team=7"), "{wrong:?}: {}", run.stdout);
            assert!(stage.writes().is_empty(), "{wrong:?}");
        }
        let run = with(&stage, &["--allow", "budget:team=7"]).ended(0);
        assert!(run.stdout.contains("Applied, and verified"), "{}", run.stdout);
        assert!(!run.stderr.contains("allows nothing"), "{}", run.stderr);
        assert!(!stage.service().state().teams.keys().any(|it| it.starts_with("old-")));
    }
}

#[test]
fn new_administrators_are_counted_in_a_saved_plan_too() {
    let three = "organization: acme\nmembers: {carol: {role: admin}, frank: {role: admin}, grace: {role: admin}}\n";
    let stage = saved(three);
    for wrong in [&[][..], &["--allow", "new-admins=2"], &["--allow", "new-admins=4"]] {
        let run = apply(&stage, wrong).ended(5);
        assert!(run.stdout.contains("--allow new-admins=3"), "{wrong:?}: {}", run.stdout);
    }
    assert!(stage.writes().is_empty());
    apply(&stage, &["--allow", "new-admins=3"]).ended(0);

    // What reviewed text accepts stands in the plan.
    let lines: String =
        ["carol", "frank", "grace"].iter().map(|it| format!("{{danger: new-admins, of: member/{it}}}, ")).collect();
    let stage = saved(&format!("{three}safety: {{acknowledge: [{lines}]}}\n"));
    apply(&stage, &[]).ended(0);
}

#[test]
fn a_pruned_kind_that_becomes_empty_is_accepted_in_a_saved_plan_too() {
    let text = "organization: acme\nprune: {webhooks: true}\n";
    let each = |stage: &Stage| -> Vec<String> {
        let changes = plan(stage)["changes"].as_array().unwrap().clone();
        let named = changes.iter().map(|it| format!("--allow=delete-webhook:{}", it["id"].as_str().unwrap()));
        named.chain([format!("--allow=budget:webhook={}", changes.len())]).collect()
    };
    let stage = saved(text);
    let named = each(&stage);
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let run = apply(&stage, &named).ended(5);
    assert!(run.stdout.contains("--allow emptied:webhook"), "{}", run.stdout);
    apply(&stage, &[&named[..], &["--allow", "emptied:webhook"]].concat()).ended(0);

    let stage = saved(&format!("{text}safety: {{acknowledge: [{{danger: emptied, of: webhook}}]}}\n"));
    apply(&stage, &named).ended(0);
}
