//! Plans made by hand, for the tests of every rendering.

use serde_json::{Value, json};

use crate::model::impact::{Direction, Effect, RightChange};
use crate::model::plan::{self, Source, Tool, Unmanaged};
use crate::model::report::{self, StepReport};
use crate::model::{
    Action, Call, Change, Diagnostic, FieldChange, Impact, Origin, Outcome, Phase, Place, Plan, Report, ResourceId,
    Severity, Status, Summary, Verb, Verification,
};

/// A plan that does nothing.
pub fn empty() -> Plan {
    Plan {
        format: plan::FORMAT.to_owned(),
        format_version: plan::FORMAT_VERSION.to_owned(),
        tool: Tool { name: "bylaws".to_owned(), version: "0.1.0".to_owned() },
        organization: "acme".to_owned(),
        backend: "https://api.pulumi.com".to_owned(),
        source: Source { paths: vec!["org".to_owned()], files: 2, base: None, ..Source::default() },
        checksum: format!("sha256:9b1f0c62d1e4{}", "0".repeat(52)),
        status: Status { applyable: true, complete: true, errored: false, converges: Some(true) },
        summary: Summary { unchanged: 20, ..Summary::default() },
        changes: Vec::new(),
        drift: Vec::new(),
        unmanaged: Vec::new(),
        impact: Impact::default(),
        drift_impact: Impact::default(),
        diagnostics: Vec::new(),
    }
}

/// A change with nothing but its verb and id.
pub fn change(verb: Verb, id: &str) -> Change {
    let id: ResourceId = id.parse().unwrap();
    Change {
        kind: id.kind.clone(),
        name: id.name.clone(),
        id,
        verb,
        origin: Origin::Manifest,
        reason: "declared".to_owned(),
        renamed_from: None,
        source: None,
        removal: None,
        attribution: None,
        before: Value::Null,
        after: Value::Null,
        declared: Value::Null,
        relies_on: std::collections::BTreeMap::new(),
        accepted: std::collections::BTreeSet::new(),
        fields: Vec::new(),
        drifted: Vec::new(),
        unknown: Vec::new(),
        remarks: Vec::new(),
        destructive: verb == Verb::Delete,
        diagnostics: Vec::new(),
        steps: Vec::new(),
    }
}

/// Where something was written.
pub fn at(file: &str, line: u32) -> Option<Place> {
    Some(Place { file: file.to_owned(), line, column: 3, ..Place::default() })
}

/// A field whose value changes.
pub fn field(path: &str, before: Value, after: Value) -> FieldChange {
    FieldChange { path: path.to_owned(), before, after, added: Vec::new(), removed: Vec::new(), changed: Vec::new() }
}

/// A field of which parts come, go and change.
pub fn parts(mut field: FieldChange, added: &[&str], removed: &[&str], changed: &[&str]) -> FieldChange {
    let list = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
    (field.added, field.removed, field.changed) = (list(added), list(removed), list(changed));
    field
}

/// One more step of a change.
pub fn step(change: &mut Change, step: usize, phase: Phase, what: &str, calls: Vec<Call>) {
    change.steps.push(Action { step, ..Action::new(phase, what, calls) });
}

/// A finding about a change.
pub fn finding(code: &str, change: &str, message: &str, blocking: bool) -> Diagnostic {
    let mut it = Diagnostic::new(Severity::Warning, code, message);
    (it.blocking, it.change) = (blocking, change.parse().ok());
    it
}

/// What an apply did.
pub fn report<const N: usize>(steps: [(&str, &str, Outcome); N], verification: Verification) -> Report {
    let step = |(index, (id, what, outcome)): (usize, (&str, &str, Outcome))| StepReport {
        step: index + 1,
        id: id.parse().unwrap(),
        what: what.to_owned(),
        outcome,
    };
    Report {
        format: report::FORMAT.to_owned(),
        format_version: report::FORMAT_VERSION.to_owned(),
        organization: "acme".to_owned(),
        checksum: empty().checksum,
        steps: steps.into_iter().enumerate().map(step).collect(),
        verification,
    }
}

/// A pull request that does a little of everything.
pub fn plan() -> Plan {
    let mut made = empty();
    made.summary = Summary {
        create: 3,
        update: 1,
        rename: 1,
        replace: 1,
        delete: 1,
        unchanged: 14,
        destructive: true,
        blocked: 2,
        writes: 12,
        reads: 35,
    };
    made.status.applyable = false;
    made.changes = vec![token(), service(), data_eng(), web(), bob(), erin(), auditor()];
    let mut drift = change(Verb::Update, "team/platform");
    drift.origin = Origin::Drift;
    drift.source = at("org/org.yaml", 30);
    drift.fields = vec![parts(field("/members", json!(["alice", "zoe"]), json!(["alice"])), &[], &["zoe"], &[])];
    made.drift = vec![drift];
    made.unmanaged = vec![
        Unmanaged { kind: "team".to_owned(), names: vec!["ml".to_owned(), "web-old".to_owned()] },
        Unmanaged { kind: "member".to_owned(), names: (0..40).map(|it| format!("user-{it}")).collect() },
    ];
    made.impact = impact();
    made.diagnostics = vec![
        finding(
            "delete-team",
            "team/data-eng",
            "3 people lose team access; nothing restores its stack permissions",
            true,
        ),
        finding("few-admins", "member/bob", "`alice` becomes the only administrator of `acme`", true),
        finding("token-outlives-member", "token/legacy", "`bob` made `legacy`, which keeps its rights", false),
        finding("unmanaged", "", "42 objects are in no manifest", false),
    ];
    made
}

fn auditor() -> Change {
    let mut it = change(Verb::Create, "role/stack-auditor");
    it.source = at("org/org.yaml", 3);
    it.after = json!({
        "description": "Reads every stack of every project there is, and nothing else at all, ever.",
        "grants": [{"permissions": ["stack:read"], "stacks": ["shop/prod", "shop/staging"]}],
    });
    it
}

fn erin() -> Change {
    let mut it = change(Verb::Create, "member/erin");
    it.source = at("org/org.yaml", 14);
    it.after = json!({"role": "member"});
    it
}

fn bob() -> Change {
    let mut it = change(Verb::Update, "member/bob");
    it.source = at("org/org.yaml", 9);
    it.fields = vec![field("/role", json!("admin"), json!("member"))];
    it
}

fn web() -> Change {
    let mut it = change(Verb::Create, "team/web");
    it.source = at("org/teams/web.yaml", 2);
    it.after = json!({
        "kind": "pulumi",
        "displayName": "The Web",
        "members": ["alice", "bob"],
        "admins": [],
        "stacks": {"shop/prod": "write"},
        "environments": {"shop/prod": {"permission": "open", "maxOpenDuration": "1h"}},
    });
    it
}

fn data_eng() -> Change {
    let mut it = change(Verb::Delete, "team/data-eng");
    it.reason = "not-declared".to_owned();
    it.before = json!({"members": ["bob", "carol", "frank"], "stacks": {"etl/prod": "write"}});
    it.remarks = vec!["its token etl goes with it, last used 3 days ago".to_owned()];
    it
}

fn service() -> Change {
    let mut it = change(Verb::Rename, "service/checkout");
    it.renamed_from = Some("payments-checkout".to_owned());
    it.source = at("org/services.yaml", 4);
    let items = |list: Value| json!({"stacks": list});
    let properties = |tier: &str, rest: Value| json!([{"key": "tier", "value": tier}, rest]);
    let runbook = json!({"key": "runbook", "value": "https://wiki.example/checkout", "type": "url"});
    let book = json!({"key": "book", "value": "x"});
    it.fields = vec![
        field("/description", json!("Cards."), json!("Card payments.")),
        parts(
            field("/items", items(json!(["a/old"])), items(json!(["checkout-web/prod"]))),
            &["stacks/checkout-web/prod"],
            &["stacks/a/old"],
            &[],
        ),
        field("/properties", properties("2", book), properties("1", runbook)),
    ];
    it
}

fn token() -> Change {
    let mut it = change(Verb::Replace, "token/ci-deploy");
    it.reason = "rotation".to_owned();
    it.source = at("org/services.yaml", 18);
    it.fields = vec![field("/rotation", json!(2), json!(3))];
    it.remarks = vec!["ci-deploy.2 was used 2 hours ago, and stops working a day after this is applied".to_owned()];
    step(&mut it, 1, Phase::Issue, "create ci-deploy.3-…", Vec::new());
    step(&mut it, 2, Phase::Issue, "value to file:secrets/ci", Vec::new());
    step(&mut it, 3, Phase::Delete, "revoke ci-deploy.2", Vec::new());
    it
}

/// Who gains and loses by the pull request.
fn impact() -> Impact {
    let loss = |who: &[&str], on: &str, before: &str, after: Option<&str>, through: &str| {
        effect(Direction::Loss, who, &[right(on, Some(before), after)], &[&[through]])
    };
    let admin = loss(&["member/bob"], "organization", "admin", Some("member"), "role/admin");
    Impact {
        gaining: 2,
        losing: 4,
        effects: vec![
            effect(
                Direction::Gain,
                &["member/alice", "member/bob"],
                &[
                    right("environment/shop/prod", None, Some("open")),
                    right("stack/shop/prod", Some("read"), Some("write")),
                ],
                &[&["team/web"], &["team/platform", "role/deployer"]],
            ),
            Effect { still: vec![path(&["role/member"]), path(&["team/platform"])], ..admin },
            loss(&["member/bob", "member/carol", "member/frank"], "stack/etl/prod", "write", None, "team/data-eng"),
            loss(&["token/etl"], "stack/etl/prod", "write", None, "team/data-eng"),
        ],
        unknown: vec!["of some teams only the names were read (`ml`, `web-old`): they may give the same".to_owned()],
    }
}

/// What some gain or lose.
pub fn effect(effect: Direction, who: &[&str], rights: &[RightChange], through: &[&[&str]]) -> Effect {
    let through = through.iter().map(|it| path(it)).collect();
    Effect { effect, who: path(who), rights: rights.to_vec(), through, still: Vec::new() }
}

/// One right, before and after.
pub fn right(on: &str, before: Option<&str>, after: Option<&str>) -> RightChange {
    RightChange { on: on.parse().unwrap(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
}

fn path(ids: &[&str]) -> Vec<ResourceId> {
    ids.iter().map(|it| it.parse().unwrap()).collect()
}
