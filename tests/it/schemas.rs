//! The committed schemas are those of this code, and a plan is what its schema says.

use std::path::Path;

use bylaws::model::access::{self, Access, Answer, HeldRight, Listing, State};
use bylaws::model::diagnostic::Diagnostic;
use bylaws::model::impact::{Direction, Effect, RightChange};
use bylaws::model::plan::{FORMAT, FORMAT_VERSION, Source, Tool, Unmanaged};
use bylaws::model::{
    Action, Attribution, Call, Change, Check, Expected, FieldChange, Hole, Impact, Into, Method, Origin, Phase, Place,
    Plan, Removal, ResourceId, Status, Summary, Verb,
};
use bylaws::schema;
use serde_json::{Value, json};

#[test]
fn the_committed_schemas_are_current() {
    for (name, schema) in [("manifest", schema::manifest()), ("plan", schema::plan()), ("access", schema::access())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{name}.schema.json"));
        let current = schema::render(&schema);
        if std::env::var_os("SNAPSHOTS").is_some_and(|it| it == "overwrite") {
            std::fs::write(&path, &current).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == current,
            "schemas/{name}.schema.json is not what the code says; `SNAPSHOTS=overwrite cargo test` writes it"
        );
    }
}

/// A plan with something in every place.
fn plan() -> Plan {
    let id = ResourceId::new("team", "platform");
    let place =
        Place { file: "bylaws.yaml".to_owned(), line: 3, column: 5, end_line: 3, end_column: 13, ..Place::default() };
    let mut call = Call::new(Method::Post, ["api", "orgs", "acme"]).body(json!({"name": null})).already(409);
    call.path.push(Hole::Kept { of: id.clone(), what: "id".to_owned() }.into());
    call.query.push(("force".to_owned(), "true".to_owned()));
    call.undo = Some(Box::new(Call::new(Method::Delete, ["api", "orgs"])));
    let mut call = call
        .hole("/name", Hole::FreshName { stem: "ci.1".to_owned() })
        .hole("/expires", Hole::After { duration: "90d".parse().unwrap() })
        .capture("/id", Into::Keep("id".to_owned()))
        .capture("/tokenValue", Into::Sink("file:secrets/ci".to_owned()))
        .otherwise(Call::new(Method::Delete, ["api"]))
        .on_conflict(Call::new(Method::Patch, ["api"]))
        .apart("/items", Call::new(Method::Post, ["api"]))
        .common("adding members", &[404]);
    call.permissions.push("team:update".to_owned());
    call.forbidden = Some("the token is of another time".to_owned());
    call.refused = Some("take it out first".to_owned());
    let mut check = Check::new(vec!["api".to_owned()]).query("maxResults", "1000");
    check.shows.push(Expected {
        what: "stack shop/prod".to_owned(),
        list: "/items".to_owned(),
        any_of: vec![json!({"name": "shop/prod"})],
        there: false,
        retries: vec![Call::new(Method::Delete, ["api"])],
    });
    let mut action = Action::new(Phase::Grow, "add bob", vec![call]);
    action.check = Some(check);
    let change = Change {
        id: id.clone(),
        kind: "team".to_owned(),
        name: "platform".to_owned(),
        verb: Verb::Update,
        origin: Origin::PullRequest,
        reason: "declared".to_owned(),
        renamed_from: Some("infra".to_owned()),
        source: Some(place.clone()),
        removal: Some(Removal {
            file: "bylaws/teams.yaml".to_owned(),
            line: 12,
            base: "main@77d01be".to_owned(),
            commit: Some("3f2a91c".to_owned()),
            uncommitted: true,
        }),
        attribution: Some(Attribution { by: Some("zoe".to_owned()), ..Attribution::default() }),
        before: json!({"members": []}),
        after: Value::Null,
        declared: json!({"members": ["bob"]}),
        relies_on: [(id.clone(), Some(format!("sha256:{}", "1".repeat(64)))), ("member/bob".parse().unwrap(), None)]
            .into(),
        accepted: ["few-admins".to_owned()].into(),
        fields: vec![FieldChange {
            path: "/members".to_owned(),
            before: Value::Null,
            after: json!(["bob"]),
            added: vec!["bob".to_owned()],
            removed: Vec::new(),
            changed: Vec::new(),
        }],
        drifted: vec![FieldChange::value("/description", json!("a"), json!("b"))],
        unknown: vec!["/id".to_owned()],
        remarks: vec!["its tokens go with it".to_owned()],
        destructive: false,
        diagnostics: vec!["few-admins".to_owned()],
        steps: vec![action],
    };
    let mut danger = Diagnostic::error("few-admins", "one administrator is left");
    danger.place = Some(place);
    danger.help = Some("add another one".to_owned());
    danger.change = Some(id);
    let effect = Effect {
        effect: Direction::Gain,
        who: vec!["member/bob".parse().unwrap()],
        rights: vec![RightChange {
            on: "organization".parse().unwrap(),
            before: None,
            after: Some("admin".to_owned()),
        }],
        through: vec![vec!["role/admin".parse().unwrap()]],
        still: Vec::new(),
    };
    Plan {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION.to_owned(),
        tool: Tool { name: "bylaws".to_owned(), version: "0.1.0".to_owned() },
        organization: "acme".to_owned(),
        backend: "https://api.pulumi.com".to_owned(),
        source: Source { paths: vec!["bylaws.yaml".to_owned()], files: 1, ..Source::default() },
        checksum: format!("sha256:{}", "0".repeat(64)),
        status: Status { applyable: true, complete: true, errored: false, converges: Some(true) },
        summary: Summary { update: 1, ..Summary::default() },
        drift: vec![Change { source: None, renamed_from: None, ..change.clone() }],
        changes: vec![change],
        impact: Impact {
            gaining: 1,
            losing: 0,
            effects: vec![effect],
            unknown: vec!["teams were not read".to_owned()],
        },
        drift_impact: Impact { losing: 1, ..Impact::default() },
        unmanaged: vec![Unmanaged { kind: "team".to_owned(), names: vec!["web".to_owned()] }],
        diagnostics: vec![danger],
    }
}

#[test]
fn a_plan_is_what_its_schema_says_and_may_hold_more() {
    let schema = schema::plan();
    if let Err(error) = jsonschema::draft7::meta::validate(&schema) {
        panic!("{}: {error}", error.instance_path());
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut plan = serde_json::to_value(plan()).unwrap();
    if let Err(error) = validator.validate(&plan) {
        panic!("{}: {error}", error.instance_path());
    }
    for pointer in [
        "",
        "/status",
        "/changes/0",
        "/changes/0/steps/0/calls/0/holes/~1name",
        "/diagnostics/0/place",
        "/impact/effects/0",
    ] {
        let object = plan.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap();
        object.insert("ofALaterVersion".to_owned(), json!({"any": 1}));
    }
    assert!(validator.is_valid(&plan));
    for (pointer, wrong) in [
        ("/format", json!("terraform.plan")),
        ("/formatVersion", json!("2.0")),
        ("/checksum", json!("9b1f0c62d1e4")),
        ("/changes/0/action", json!("destroy")),
        ("/changes/0/id", json!("Team platform")),
        ("/changes/0/steps", Value::Null),
        ("/impact/effects/0/effect", json!("more")),
        ("/changes/0/renamedFrom", Value::Null),
        ("/changes/0/steps/0/calls/0/method", json!("PUT")),
        ("/status/applyable", json!("yes")),
    ] {
        let mut changed = plan.clone();
        *changed.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&changed), "{pointer}");
    }
}

#[test]
fn an_answer_about_access_is_what_its_schema_says() {
    let held = Access {
        who: vec!["member/bob".parse().unwrap()],
        rights: vec![HeldRight { on: "stack/*".parse().unwrap(), may: "read".to_owned() }],
        through: vec![vec!["role/member".parse().unwrap()], Vec::new()],
    };
    let listing = Listing {
        format: access::FORMAT.to_owned(),
        format_version: access::FORMAT_VERSION.to_owned(),
        organization: "acme".to_owned(),
        backend: "https://api.pulumi.com".to_owned(),
        state: State::Live,
        answers: vec![Answer { of: None, access: vec![held] }],
        unknown: Vec::new(),
    };
    let validator = jsonschema::validator_for(&schema::access()).unwrap();
    let mut listing = serde_json::to_value(listing).unwrap();
    if let Err(error) = validator.validate(&listing) {
        panic!("{}: {error}", error.instance_path());
    }
    listing["answers"][0]["ofALaterVersion"] = json!(1);
    assert!(validator.is_valid(&listing));
    listing["state"] = json!("past");
    assert!(!validator.is_valid(&listing));
}

#[test]
fn every_property_of_what_programs_read_is_described() {
    fn check(path: &str, schema: &Value) {
        for group in ["definitions", "properties"] {
            for (name, member) in schema[group].as_object().into_iter().flatten() {
                let path = format!("{path}/{group}/{name}");
                let text = member["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{path} has no description");
                assert!(!text.contains("[`") && !text.contains("::"), "{path} speaks of the program's inside: {text}");
                check(&path, member);
            }
        }
        for (index, branch) in schema["oneOf"].as_array().into_iter().flatten().enumerate() {
            check(&format!("{path}/oneOf/{index}"), branch);
        }
        let open = schema["type"] != "object" || schema["additionalProperties"] != json!(false);
        assert!(open, "{path} is closed to what later versions add");
    }
    check("#", &schema::plan());
    check("#", &schema::access());
}
