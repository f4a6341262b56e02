//! Files and YAML: what is read, what is refused, and where.

use std::time::Instant;

use crate::manifest::testing::{at, codes, errors, load, only};
use crate::model::{Data, Desired, Node, ResourceId};

fn entry(desired: &Desired, kind: &str, name: &str) -> Node {
    desired.entries[&ResourceId::new(kind, name)].node.clone()
}

#[test]
fn empty_files_are_refused() {
    for text in ["", "\n\n", "# only a remark\n", "---\n", "---\n# x\n", "\u{feff}"] {
        assert_eq!(codes(&[text]), ["E0102"], "{text:?}");
    }
    assert_eq!(codes(&["organization: acme\n", "# nothing\n"]), ["E0102"]);
    assert_eq!(codes(&[]), ["E0116"]);
}

#[test]
fn the_top_is_a_mapping() {
    for text in ["~\n", "null\n", "acme\n", "[a]\n", "- a\n", "42\n", "\"\"\n"] {
        let found = codes(&[text]);
        assert!(found[0] == "E0302" || found[0] == "E0305" || found[0] == "E0307", "{text:?}: {found:?}");
    }
}

#[test]
fn cut_flows_and_other_syntax_errors_have_a_place() {
    for (yaml, code, line, column) in [
        ("members: {alice: {role: admin\n", "E0101", 2, 18),
        ("teams: [a,\n", "E0101", 2, 8),
        ("teams: ]\n", "E0101", 2, 8),
        ("members: 'x\n", "E0101", 2, 10),
        ("members: @x\n", "E0101", 2, 10),
        ("note: a: b\n", "E0101", 2, 8),
        ("members:\n    a: {}\n  b: {}\n", "E0101", 4, 3),
        ("members: - a\n", "E0101", 2, 10),
        ("x-a: \"\\q\"\n", "E0101", 2, 6),
        ("x-a: &\n", "E0101", 2, 6),
        ("members:\n\talice: {}\n", "E0107", 3, 2),
        ("x-a: |\n x\n\ty\n", "E0107", 4, 2),
    ] {
        let found = only(yaml);
        let place = found.place.as_ref().unwrap();
        assert_eq!((found.code.as_str(), place.line, place.column), (code, line, column), "{yaml:?}: {found:#?}");
    }
}

#[test]
fn syntax_errors_of_all_files_come_at_once() {
    let found = errors(&["a: [\n", "organization: acme\nteem: {}\n", "b: '\n"]);
    let found: Vec<_> = found.iter().map(|it| (it.code.as_str(), it.place.as_ref().unwrap().file.as_str())).collect();
    assert_eq!(found, [("E0101", "0.yaml"), ("E0301", "1.yaml"), ("E0101", "2.yaml")]);
}

#[test]
fn conflict_markers_are_called_by_name() {
    let found = only("<<<<<<< HEAD\nmembers: {}\n=======\nteams: {}\n>>>>>>> topic\n");
    assert_eq!(at(&found), ("E0105", 2, 1, 13));
}

#[test]
fn a_key_twice_shows_both_places() {
    let found = only("teams:\n  a: {}\n  b: {}\n  a: {}\n");
    assert_eq!(at(&found), ("E0108", 5, 3, 4));
    assert_eq!(found.related[0].place.as_ref().unwrap().line, 3);
    assert_eq!(codes(&["organization: acme\norganization: acme\n"]), ["E0108"]);
    let many: String = (0..40).map(|it| format!("  t{it}: {{}}\n")).collect();
    assert_eq!(only(&format!("teams:\n{many}  t3: {{}}\n")).code, "E0108");
}

#[test]
fn tags_are_refused() {
    for value in ["!!str a", "!!python/object:os.system x", "!include /etc/passwd", "!!binary aGk=", "!!set {a}"] {
        let found = only(&format!("x-a: {value}\n"));
        let (code, line, column, _) = at(&found);
        assert_eq!((code, line, column), ("E0109", 2, 6), "{value}");
    }
}

#[test]
fn aliases_repeat_and_stand_where_they_stand() {
    let desired = load(&["organization: acme\nx-a: &a [alice, bob]\nteams:\n  t: {members: *a}\n"]).unwrap();
    let team = entry(&desired, "team", "t");
    let members = team.get("members").unwrap();
    assert_eq!((members.span.line, members.span.column, members.items().len()), (4, 16, 2));
    assert_eq!(members.items()[0].span.line, 2);
}

#[test]
fn an_anchor_name_can_be_used_again() {
    let desired = load(&[
        "organization: acme\nx-a: &l one\nx-b: &l two\nx-c: &m three\nteams: {t: {description: *l}, u: {description: *m}}\n",
    ])
    .unwrap();
    assert_eq!(entry(&desired, "team", "t").get("description").and_then(Node::text), Some("two"));
    assert_eq!(entry(&desired, "team", "u").get("description").and_then(Node::text), Some("three"));
}

#[test]
fn merge_keys_give_way_to_what_is_written() {
    let desired = load(&["organization: acme
x-a: &a {description: A, displayName: A}
x-b: &b {description: B, role: none}
teams:
  t: {<<: *a, description: own}
  u:
    <<: [*a, *b]
  v: {description: own, <<: {<<: *b, role: r}}
"])
    .unwrap();
    let text =
        |team: &str, field: &str| entry(&desired, "team", team).get(field).and_then(Node::text).map(str::to_owned);
    assert_eq!(text("t", "description").as_deref(), Some("own"));
    assert_eq!(text("t", "displayName").as_deref(), Some("A"));
    assert_eq!(text("u", "description").as_deref(), Some("A"));
    assert_eq!(text("u", "role").as_deref(), Some("none"));
    assert_eq!(text("v", "description").as_deref(), Some("own"));
    assert_eq!(text("v", "role").as_deref(), Some("r"));
}

#[test]
fn merges_of_anything_else_are_refused() {
    assert_eq!(at(&only("teams: {t: {<<: a}}\n")), ("E0111", 2, 17, 18));
    assert_eq!(only("teams: {t: {<<: [a]}}\n").code, "E0111");
    assert_eq!(only("x-a: &a {}\nteams: {t: {<<: *a, <<: *a}}\n").code, "E0108");
    assert_eq!(only("teams: {t: {\"<<\": {}}}\n").code, "E0301");
}

#[test]
fn aliases_that_lead_nowhere_are_refused() {
    assert_eq!(at(&only("x-a: *b\n")), ("E0110", 2, 6, 8));
    assert_eq!(only("x-a: &a [*a]\n").code, "E0110");
    assert_eq!(only("x-a: &a {b: *a}\n").code, "E0110");
    assert_eq!(only("teams: {t: {<<: *b}}\n").code, "E0110");
    assert_eq!(only("x-a: {*b : c}\n").code, "E0110");
}

#[test]
fn keys_are_texts() {
    for yaml in ["x-a: {[b]: c}\n", "x-a:\n  ? {b: c}\n  : d\n", "x-a: {: c}\n", "x-a: {~: c}\n"] {
        assert_eq!(only(yaml).code, "E0112", "{yaml:?}");
    }
    let desired = load(&["organization: acme\nteams: {123: {}, true: {}, 0123: {}}\n"]).unwrap();
    let names: Vec<&str> = desired.entries.keys().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["0123", "123", "true"]);
}

#[test]
fn bombs_are_refused_quickly() {
    let mut bomb = "organization: acme\nx-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
    }
    let wide = format!("organization: acme\nx-a: &a x\nx-b: [{}]\n", "*a, ".repeat(10_001));
    let deep = format!("organization: acme\nx-a: {}", "[".repeat(100_000));
    let levels: String = (0..500).map(|it| format!("{}x-a:\n", " ".repeat(it))).collect();
    let lifted = format!(
        "organization: acme\nx-a: &a {}1{}\nx-b: {}*a{}\n",
        "[".repeat(20),
        "]".repeat(20),
        "[".repeat(20),
        "]".repeat(20)
    );
    for (name, text) in [("bomb", bomb), ("wide", wide), ("deep", deep), ("levels", levels), ("lifted", lifted)] {
        let start = Instant::now();
        assert_eq!(codes(&[&text]), ["E0113"], "{name}");
        assert!(start.elapsed().as_secs() < 5, "{name}");
    }
}

#[test]
fn too_many_values_are_refused_wherever_they_stand() {
    let row = "1,".repeat(1000);
    let filling = format!("x-a: &a [{row}]\nx-b: [{}]\n# {}\n", "*a,".repeat(1040), " ".repeat(64 * 1024));
    let failure = load(&["organization: acme\n", &filling, &filling]).unwrap_err();
    let [found] = &failure.diagnostics[..] else { panic!("{:?}", failure.diagnostics) };
    let place = found.place.as_ref().unwrap();
    assert_eq!((found.code.as_str(), place.file.as_str(), place.line), ("E0113", "2.yaml", 2));
}

#[test]
fn nesting_up_to_the_limit_is_read() {
    let nested = |levels: usize| format!("organization: acme\nx-a: {}{}\n", "[".repeat(levels), "]".repeat(levels));
    assert!(load(&[&nested(31)]).is_ok());
    assert_eq!(codes(&[&nested(32)]), ["E0113"]);
}

#[test]
fn one_document_a_file() {
    assert!(load(&["---\norganization: acme\n...\n"]).is_ok());
    assert_eq!(at(&errors(&["organization: acme\n---\nteams: {}\n"])[0]), ("E0106", 2, 1, 4));
    assert_eq!(codes(&["organization: acme\n...\njunk\n"]), ["E0106"]);
}

#[test]
fn yaml_is_1_2() {
    assert_eq!(codes(&["%YAML 1.1\n---\norganization: acme\n"]), ["E0117"]);
    assert!(load(&["%YAML 1.2\n---\norganization: acme\n"]).is_ok());
}

#[test]
fn texts_that_look_like_something_else_stay_texts() {
    let yaml = "organization: acme
teams: {t: {members: [no, on]}}
tokens: {t: {scope: organization, expires: 2027-01-01}}
services: {s: {owner: team/t, description: 1:30}}
";
    let desired = load(&[yaml]).unwrap();
    let team = entry(&desired, "team", "t");
    assert_eq!(team.get("members").unwrap().items()[0].text(), Some("no"));
    assert_eq!(entry(&desired, "token", "t").get("expires").and_then(Node::text), Some("2027-01-01"));
    let warned: Vec<_> =
        desired.warnings.iter().map(|it| (it.code.as_str(), it.place.as_ref().unwrap().column)).collect();
    assert_eq!(warned, [("E0114", 23), ("E0114", 27), ("E0114", 44)]);
    assert_eq!(desired.warnings[0].replace_with.as_deref(), Some("\"no\""));
    assert!(load(&["organization: acme\nteams: {t: {members: ['no', \"on\"]}}\n"]).unwrap().warnings.is_empty());
}

#[test]
fn numbers_without_an_end_are_refused() {
    for value in [".inf", "-.inf", ".NaN", "1e999"] {
        assert_eq!(only(&format!("safety: {{minimumAdmins: {value}}}\n")).code, "E0312", "{value}");
    }
}

#[test]
fn byte_order_mark_and_crlf_change_no_place() {
    let text = "\u{feff}organization: acme\r\nteams:\r\n  t: {memebrs: []}\r\n";
    let found = &errors(&[text])[0];
    assert_eq!(at(found), ("E0301", 3, 7, 14));
    let place = found.place.as_ref().unwrap();
    assert_eq!(&text[place.start_byte as usize..place.end_byte as usize], "memebrs");
    assert_eq!(at(&errors(&["\u{feff}organisation: acme\n"])[0]), ("E0301", 1, 1, 13));
}

#[test]
fn columns_count_characters_and_bytes_count_bytes() {
    let text = "organization: acme\nteams: {ünal-äö: {description: \"ß😀\", memebrs: []}}\n";
    let found = &errors(&[text])[0];
    assert_eq!(at(found), ("E0301", 2, 38, 45));
    let place = found.place.as_ref().unwrap();
    assert_eq!(&text[place.start_byte as usize..place.end_byte as usize], "memebrs");
}

#[test]
fn a_collection_ends_where_its_last_part_ends() {
    let yaml = "organization: acme\nteams:\n  t:\n    members:\n      - alice\n\n    # remark\n    role: none\n";
    let desired = load(&[yaml]).unwrap();
    let members = entry(&desired, "team", "t").get("members").unwrap().span;
    assert_eq!(&yaml[members.start as usize..members.end as usize], "- alice");
    let flow = load(&["organization: acme\nteams: {t: {members: [ a ] }}\n"]).unwrap();
    let node = entry(&flow, "team", "t");
    assert_eq!(node.get("members").map(|it| it.span.end - it.span.start), Some(5));
}

#[test]
fn nul_and_broken_text_are_refused() {
    assert_eq!(only("teams: {\"a\\0b\": {}}\n").code, "E0201");
    assert_eq!(only("teams: {a\0b: {}}\n").code, "E0104");
    let files = vec![("a.yaml".to_owned(), b"organization: ac\xffme\n".to_vec())];
    let failure = crate::manifest::load(files).unwrap_err();
    assert_eq!(failure.diagnostics[0].message, "byte 16 of the file is not UTF-8");
    assert_eq!(only("teams: {\"\\uD800\": {}}\n").code, "E0101");
}

#[test]
fn secrets_are_found_anywhere_and_shown_nowhere() {
    let token = "pul-0123456789abcdef0123456789abcdef01234567";
    for yaml in [
        format!("# {token}\n"),
        format!("teams: {{t: {{description: {token}}}}}\n"),
        format!("teams: {{t: {{displayName: \"x {token}\"}}}}\n"),
        format!("x-{token}: 1\n"),
        format!("teams: {{t: {{{token}: 1}}}}\n"),
    ] {
        let failure = load(&[&format!("organization: acme\n{yaml}")]).unwrap_err();
        assert!(failure.diagnostics.iter().any(|it| it.code == "E0401"), "{yaml}");
        assert!(!format!("{failure:?}").contains("0123456789"), "{yaml}");
    }
}

#[test]
fn values_have_the_types_of_the_core_schema() {
    let desired =
        load(&["organization: acme\nteams: {t: {kind: github, githubTeamId: 0x10, protect: true}}\n"]).unwrap();
    let team = entry(&desired, "team", "t");
    assert_eq!(team.get("githubTeamId").unwrap().to_value(), 16);
    assert_eq!(team.get("protect").unwrap().data, Data::Bool(true));
    assert!(desired.entries[&ResourceId::new("team", "t")].protect);
}
