//! Laws of every rendering, over names that try to be something else.

use crate::trials::tried;
use arbtest::arbitrary::{Result, Unstructured};
use comrak::nodes::NodeValue;
use comrak::{Arena, parse_document};
use serde_json::{Value, json};

use crate::model::access::{Access, Answer, HeldRight, Listing, State};
use crate::model::call::Into;
use crate::model::impact::{Direction, Effect, RightChange};
use crate::model::name::is_invisible;
use crate::model::{
    Attribution, Call, Diagnostic, Guard, Hole, Impact, Method, Outcome, Phase, Place, Plan, ResourceId, Verb,
    Verification,
};
use crate::render::{calls, json as json_text, markdown, sample, text};

const FRAGMENTS: [&str; 68] = [
    "a",
    "b c",
    " ",
    "  ",
    "`",
    "``",
    "```",
    "````",
    "~~~",
    "```diff",
    "<!--",
    "-->",
    "<!-- bylaws:plan org=acme -->",
    "<!-- bylaws:meta checksum=0 -->",
    "</details>",
    "</code>",
    "<img src=x>",
    "<script>",
    "[x](javascript:y)",
    "![](https://evil.example/x)",
    "[^1]",
    "[^1]: x",
    "|",
    "\\|",
    "\\",
    "|---|",
    "@org/everyone",
    "@alice",
    "#1",
    "closes #1",
    "GH-1",
    "0123456789abcdef0123456789abcdef01234567",
    ":tada:",
    "https://evil.example",
    "www.evil.example",
    "mail@evil.example",
    "> [!CAUTION]",
    "# x",
    "- x",
    "+ x",
    "* x",
    "1. x",
    "---",
    "===",
    "$x$",
    "$`x`$",
    "**",
    "__",
    "~~",
    "&lt;",
    "&#64;",
    "\n",
    "\r\n",
    "\t",
    "\u{1b}[2J",
    "\u{9b}2J",
    "\u{7}",
    "\u{202e}",
    "\u{200b}",
    "\u{2028}",
    "\u{e0041}",
    "::add-mask::x",
    "::stop-commands::t",
    "##[group]",
    "##vso[task.complete]",
    "--allow x",
    "%0A",
    "漢字",
];

/// A name out of pieces that mean something to somebody.
fn hostile(u: &mut Unstructured) -> Result<String> {
    let mut name = String::new();
    for _ in 0..u.int_in_range(0..=5)? {
        match u.ratio(1, 8)? {
            true => name.push(u.arbitrary()?),
            false => name.push_str(u.choose(&FRAGMENTS)?),
        }
    }
    Ok(name)
}

/// Tries a law with enough at hand for every name of a plan.
fn attack(law: impl FnMut(&mut Unstructured) -> Result<()>) {
    tried(100, 8_192..=65_536, law);
}

/// A plan in which every text that can come from elsewhere is `text`'s.
fn plan_of(mut text: impl FnMut() -> String) -> Plan {
    let mut made = sample::empty();
    made.organization = text();
    made.source.paths = vec![text()];
    made.checksum = format!("sha256:{}", text());
    made.status.applyable = false;
    made.status.complete = false;
    made.summary.delete = 1;
    let place = |file: String| Some(Place { file, line: 1, column: 1, ..Place::default() });
    for (verb, kind) in [
        (Verb::Create, "member"),
        (Verb::Update, "team"),
        (Verb::Rename, "service"),
        (Verb::Replace, "service"),
        (Verb::Replace, "token"),
        (Verb::Delete, "role"),
    ] {
        // Sorting must not depend on what is tried: the names differ from their first character.
        let name = format!("{verb:?}{}", text());
        let mut it = sample::change(verb, "member/x");
        it.id = ResourceId::new(kind, name.clone());
        (it.kind, it.name) = (kind.to_owned(), name);
        it.reason = if kind == "token" { "rotation".to_owned() } else { text() };
        it.source = place(text());
        it.renamed_from = (verb == Verb::Rename).then(&mut text);
        it.remarks = vec![text(), text()];
        let spec = whole(&mut text);
        match verb {
            Verb::Create => it.after = spec,
            Verb::Delete => it.before = spec,
            _ => it.fields = fields(&mut text),
        }
        let call = Call::new(Method::Post, [text(), text()])
            .body(json!({"k": text(), "hole": null}))
            .hole("/hole", Hole::FreshName { stem: text() })
            .hole("/nowhere", Hole::Kept { of: ResourceId::new("role", text()), what: text() })
            .capture(text(), Into::Sink(text()))
            .capture(text(), Into::Keep(text()))
            .capture(text(), Into::Same(text()));
        sample::step(&mut it, 1, Phase::Grow, &text(), vec![call]);
        let guard = Guard::new(vec![text()]).query("k", &text()).still(&text(), &text(), &text());
        it.steps[0].guard = Some(guard.within(&text(), &text(), &[&text()], [text(), text()]));
        made.changes.push(it);
    }
    let mut drift = sample::change(Verb::Update, "team/x");
    (drift.id.name, drift.name) = ("x".to_owned() + &text(), "x".to_owned() + &text());
    drift.fields = fields(&mut text);
    let mut told = || Some(text());
    drift.attribution = Some(Attribution { by: told(), token: told(), at: told(), event: told() });
    made.drift = vec![drift];
    made.unmanaged = vec![crate::model::plan::Unmanaged { kind: "team".to_owned(), names: vec![text(), text()] }];
    made.impact = impact(&mut text);
    made.drift_impact = impact(&mut text);
    // What is said of the whole plan is not said again.
    made.drift_impact.unknown = vec![format!("Drift {}", text())];
    for (code, blocking, help) in
        [("", true, true), ("", true, false), ("", false, true), ("not-visible", false, false)]
    {
        let mut it = sample::finding(
            &format!("{code}{}", if code.is_empty() { text() } else { String::new() }),
            "",
            &text(),
            blocking,
        );
        it.change = Some(ResourceId::new("team", text()));
        it.help = help.then(&mut text);
        made.diagnostics.push(it);
    }
    made
}

/// Both directions, one and several people, and every part that can hold a name.
fn impact(text: &mut impl FnMut() -> String) -> Impact {
    let mut effect = |direction: Direction, count: usize| {
        let mut id = |kind: &str| ResourceId::new(kind, format!("1{}", text()));
        let who = (0..count).map(|_| id("member")).collect();
        let through = vec![vec![id("team"), id("role")], vec![id("role")]];
        let (on, other, still) = (id("stack"), id("organization"), vec![vec![id("team")]]);
        let rights = vec![
            RightChange { on, before: Some(text()), after: Some(text()) },
            RightChange { on: other, before: None, after: Some(text()) },
        ];
        Effect { effect: direction, who, rights, through, still }
    };
    let effects = vec![effect(Direction::Loss, 1), effect(Direction::Gain, 3)];
    Impact { gaining: 3, losing: 1, effects, unknown: vec![format!("of {}", text()), format!("{} more", text())] }
}

fn whole(text: &mut impl FnMut() -> String) -> Value {
    json!({
        "scalar": format!("1{}", text()),
        "set": [text(), text()],
        "map": {format!("1{}", text()): text(), format!("2{}", text()): {"open": text()}},
        "groups": {format!("3{}", text()): [text()]},
        "list": [{"key": format!("4{}", text()), "value": text(), "type": text()}],
    })
}

fn fields(text: &mut impl FnMut() -> String) -> Vec<crate::model::FieldChange> {
    let (one, two, three) = (format!("1{}", text()), format!("2{}", text()), format!("3{}", text()));
    let pair = |value: String| json!({&one: {"a": value}});
    let keyed = |value: String| json!([{"key": "k", "value": value}]);
    let mut listed = sample::parts(sample::field("/set", json!([]), json!([])), &[&two], &[&three], &[]);
    listed.path = format!("/{}", text());
    vec![
        sample::field(&format!("/x{}", text()), json!(format!("1{}", text())), json!(format!("2{}", text()))),
        listed,
        sample::parts(
            sample::field("/map", pair(format!("1{}", text())), pair(format!("2{}", text()))),
            &[],
            &[],
            &[&one],
        ),
        sample::field("/list", keyed(format!("1{}", text())), keyed(format!("2{}", text()))),
    ]
}

/// The same plan with words nobody minds.
fn harmless() -> Plan {
    let mut count = 0;
    plan_of(|| {
        count += 1;
        format!("word{count}")
    })
}

fn attacked(u: &mut Unstructured) -> Result<Plan> {
    let mut failure = Ok(());
    let made = plan_of(|| {
        hostile(u).unwrap_or_else(|error| {
            failure = Err(error);
            String::new()
        })
    });
    failure.map(|()| made)
}

/// No control sequence, nothing invisible, and no line a runner of pipelines would obey.
fn assert_inert(text: &str) {
    for line in text.split('\n') {
        assert!(!line.chars().any(is_invisible), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{line:?}");
    }
}

/// How many lines begin with each sign; continuation lines are not counted.
fn signs(text: &str) -> Vec<(char, usize)> {
    let first = |line: &str| line.chars().next().map(|it| if it.is_alphabetic() { 'a' } else { it });
    let mut signs: Vec<char> = text.lines().filter_map(first).filter(|it| *it != ' ').collect();
    signs.sort_unstable();
    signs.chunk_by(|a, b| a == b).map(|it| (it[0], it.len())).collect()
}

#[test]
fn no_name_steers_a_terminal_or_adds_a_line() {
    let options = text::Options::default();
    let expected = signs(&text::plan(&harmless(), options));
    attack(|u| {
        let made = attacked(u)?;
        for width in [40, 100, 200] {
            let shown = text::plan(&made, text::Options { width, ..options });
            assert_inert(&shown);
            if !shown.chars().any(|it| crate::render::value::is_right_to_left(&it.to_string())) {
                assert_eq!(signs(&shown), expected, "{shown}");
            }
        }
        Ok(())
    });
}

#[test]
fn no_name_steers_whoever_reads_calls_or_json() {
    attack(|u| {
        let made = attacked(u)?;
        let shown = calls::plan(&made);
        assert_inert(&shown);
        assert_eq!(shown.lines().count(), calls::plan(&harmless()).lines().count(), "{shown}");
        let kept = json_text::plan(&made);
        assert_inert(&kept);
        assert_eq!(json_text::parse(&kept).map(|it| json_text::plan(&it)), Ok(kept));
        Ok(())
    });
}

#[test]
fn no_name_steers_a_report() {
    attack(|u| {
        let outcomes = [
            Outcome::Done { remark: Some(hostile(u)?) },
            Outcome::Failed { message: hostile(u)?, uncertain: true },
            Outcome::Skipped { because: hostile(u)? },
        ];
        for outcome in outcomes {
            let (what, message) = (hostile(u)?, hostile(u)?);
            let mut made = sample::report([("team/x", &what, outcome)], Verification::Unread { message });
            made.steps[0].id.name = hostile(u)?;
            assert_inert(&text::report(&made, text::Options::default()));
            assert_inert(&json_text::report(&made));
        }
        Ok(())
    });
}

#[test]
fn no_name_steers_who_may_do_what() {
    attack(|u| {
        let mut id = |kind: &str| -> Result<ResourceId> { Ok(ResourceId::new(kind, format!("1{}", hostile(u)?))) };
        let through = vec![vec![id("team")?, id("role")?]];
        let (of, who, on) = (id("stack")?, vec![id("member")?, id("member")?], id("stack")?);
        let access = Access { who, rights: vec![HeldRight { on, may: hostile(u)? }], through };
        let listing = Listing {
            format: "bylaws.access".to_owned(),
            format_version: "1.0".to_owned(),
            organization: hostile(u)?,
            backend: hostile(u)?,
            state: State::Live,
            answers: vec![Answer { of: Some(of), access: vec![access] }],
            unknown: vec![hostile(u)?],
        };
        let shown = text::access(&listing, text::Options { width: 1_000_000, ..text::Options::default() });
        assert_inert(&shown);
        assert_eq!(shown.lines().count(), 8, "{shown}");
        assert_inert(&json_text::access(&listing));
        Ok(())
    });
}

/// Every node of a comment as GitHub reads it, but for plain words and code; sorted, because names sort.
fn shape(comment: &str) -> Vec<String> {
    let mut options = comrak::Options::default();
    let it = &mut options.extension;
    (it.table, it.autolink, it.strikethrough, it.tasklist, it.footnotes) = (true, true, true, true, true);
    (it.alerts, it.math_dollars, it.math_code) = (true, true, true);
    let arena = Arena::new();
    let mut shape = Vec::new();
    for node in parse_document(&arena, comment, &options).descendants() {
        let value = &node.data.borrow().value;
        match value {
            NodeValue::Text(words) => {
                let plain = |it: char| it.is_ascii_alphanumeric() || " .,;:'\"()/%?-·".contains(it);
                assert!(words.chars().all(plain), "{words:?} in\n{comment}");
            }
            NodeValue::Code(_) | NodeValue::SoftBreak => {}
            NodeValue::HtmlBlock(it) => {
                shape.push(format!("html {}", it.literal.split_whitespace().next().unwrap_or("")))
            }
            other => {
                let name = format!("{other:?}");
                shape.push(name.split(|it: char| !it.is_alphanumeric()).next().unwrap_or("").to_owned());
            }
        }
    }
    shape.sort();
    shape
}

#[test]
fn no_name_becomes_markup() {
    let expected = shape(&markdown::plan(&harmless(), markdown::Options::default()));
    assert!(expected.iter().any(|it| it == "CodeBlock") && expected.iter().any(|it| it == "Alert"), "{expected:?}");
    attack(|u| {
        let comment = markdown::plan(&attacked(u)?, markdown::Options::default());
        assert_inert(&comment);
        assert_eq!(comment.matches("<!--").count(), 2, "{comment}");
        assert!(comment.lines().filter(|it| it.starts_with("```")).all(is_fence), "{comment}");
        assert_eq!(shape(&comment), expected, "{comment}");
        Ok(())
    });
}

/// Only our own fences begin a line with backticks: alone, or before one of our languages.
fn is_fence(line: &str) -> bool {
    matches!(line.trim_start_matches('`'), "" | "diff" | "text")
}

#[test]
fn no_name_makes_a_comment_too_long_or_hides_a_danger() {
    attack(|u| {
        let mut made = attacked(u)?;
        let names = u.int_in_range(1..=50)?;
        for _ in 0..names {
            let mut it = sample::change(Verb::Create, "member/x");
            it.id.name = hostile(u)?;
            it.name.clone_from(&it.id.name);
            it.remarks = vec![hostile(u)?.repeat(20)];
            made.changes.push(it);
        }
        let danger = Diagnostic { blocking: true, ..Diagnostic::error("delete-team", "a danger that is seen") };
        made.diagnostics.push(danger);
        for max_bytes in [100_000, 10_000, 0] {
            let comment = markdown::plan(&made, markdown::Options { max_bytes, ..markdown::Options::default() });
            assert!(comment.len() <= max_bytes || max_bytes == 0, "{} in {max_bytes}", comment.len());
            assert!(
                comment.contains("> **delete-team**: a danger that is seen (cannot be acknowledged).\n"),
                "{comment}"
            );
            assert!(comment.contains("> **Deletes** `"), "{comment}");
            assert_inert(&comment);
        }
        Ok(())
    });
}

#[test]
fn the_same_plan_gives_the_same_bytes_in_any_order() {
    let (made, mut other) = (sample::plan(), sample::plan());
    other.changes.reverse();
    other.unmanaged.reverse();
    let options = text::Options::default();
    assert_eq!(text::plan(&made, options), text::plan(&other, options));
    assert_eq!(
        markdown::plan(&made, markdown::Options::default()),
        markdown::plan(&other, markdown::Options::default())
    );
    assert_eq!(calls::plan(&made), calls::plan(&other));
}

#[test]
fn ten_thousand_hostile_names_become_no_markup() {
    let expected = shape(&markdown::plan(&harmless(), markdown::Options::default()));
    // Names are drawn from numbers of our own, so that every run tries the same ones.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(4096);
    let mut tried = 0;
    while tried < 10_000 {
        bytes.clear();
        for _ in 0..512 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        let mut names = 0;
        let mut source = Unstructured::new(&bytes);
        let made = plan_of(|| {
            names += 1;
            hostile(&mut source).unwrap_or_default()
        });
        tried += names;
        let comment = markdown::plan(&made, markdown::Options::default());
        assert_inert(&comment);
        assert_eq!(comment.matches("<!--").count(), 2, "{comment}");
        assert_eq!(shape(&comment), expected, "{comment}");
    }
}

#[test]
fn a_multitude_fits_a_comment_and_is_counted_above_the_fold() {
    const LIMIT: usize = 65_536;
    let one = regex::Regex::new("-[0-9]{5} ?`").unwrap();
    let more = regex::Regex::new(" and ([0-9]+) more (services|teams)").unwrap();
    let hostile = "`@org/everyone` <!-- ![](https://evil.example) -->";
    for (verb, code, words) in [(Verb::Delete, "delete-team", hostile), (Verb::Create, "", "plain")] {
        let mut made = sample::empty();
        for number in 0..20_000 {
            let kind = if number % 2 == 0 { "team" } else { "service" };
            let mut change = sample::change(verb, "team/x");
            (change.kind, change.name) = (kind.to_owned(), format!("{words}-{number:05}"));
            change.id = ResourceId::new(kind, change.name.clone());
            change.remarks = vec![words.repeat(10)];
            if !code.is_empty() {
                let mut danger = sample::finding(code, "team/x", &format!("`{}` goes", change.name), true);
                danger.change = Some(change.id.clone());
                made.diagnostics.push(danger);
            }
            made.changes.push(change);
        }
        let options = markdown::Options { link: Some("https://ci.example/plan.json"), ..Default::default() };
        let comment = markdown::plan(&made, options);
        assert!(comment.len() < LIMIT, "{}", comment.len());
        assert_inert(&comment);
        assert!(comment.contains("20000 changes and 0 notes are not shown here: [full plan](https:"), "{comment}");
        let above = comment.split("<details>").next().unwrap();
        if verb == Verb::Delete {
            // Every one of them is named, or counted with its kind.
            let named = above.lines().find(|it| it.starts_with("> **Deletes**")).unwrap();
            let counted: usize = more.captures_iter(named).map(|it| it[1].parse::<usize>().unwrap()).sum();
            let shown = one.find_iter(named).count();
            assert!(counted > 0 && shown > 100, "{named}");
            assert_eq!(counted + shown, 20_000, "{shown} named, {counted} counted");
        }
        if !code.is_empty() {
            assert!(above.contains(&format!("> **{code}**: ")) && above.contains("The same of 19999 more."));
            assert!(above.contains("> 20000 dangers block this plan."));
        }
    }
}
