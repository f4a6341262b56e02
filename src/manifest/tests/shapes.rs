//! The shape of manifests: keys, types, choices and forms, and what is said about them.

use crate::manifest::testing::{at, errors, load, only};

#[test]
fn unknown_keys_come_with_the_nearest_right_one() {
    for (yaml, message, help, columns) in [
        ("team: {}\n", "the manifest has no section `team`", "did you mean `teams`?", (1, 5)),
        (
            "teams: {t: {descripton: x}}\n",
            "team `t` has no field `descripton`",
            "did you mean `description`?",
            (13, 23),
        ),
        ("members: {a: {Role: admin}}\n", "member `a` has no field `Role`", "did you mean `role`?", (15, 19)),
        (
            "services: {s: {owner: team/t, items: {stack: []}}}\n",
            "`items` of service `s` has no field `stack`",
            "did you mean `stacks`?",
            (39, 44),
        ),
    ] {
        let found = only(yaml);
        let (code, _, start, end) = at(&found);
        assert_eq!((code, found.message.as_str(), (start, end)), ("E0301", message, columns), "{yaml}");
        assert_eq!(found.help.as_deref(), Some(help));
    }
    assert_eq!(only("team: {}\n").replace_with.as_deref(), Some("teams"));
}

#[test]
fn keys_that_belong_elsewhere_are_sent_there() {
    let help = |yaml: &str| only(yaml).help.unwrap_or_default();
    assert_eq!(help("members: {a: {teams: {}}}\n"), "`teams` is a section of its own: write it without indentation");
    assert_eq!(help("teams: {t: {owner: user/a}}\n"), "`owner` is a field of what stands in `services`");
    for entry in ["teams: {t: {renamedFrom: u}}", "scim: {users: {t: {renamedFrom: u}}}", "settings: {renamedFrom: u}"]
    {
        assert_eq!(help(&format!("{entry}\n")), "`renamedFrom` works only in `roles` and `services`");
    }
    // A list of sections is no place where a section went by mistake.
    for list in ["removed: {settings: [x]}", "removed: {scim: {users: [x]}}", "prune: {tokens: true}"] {
        assert!(help(&format!("{list}\n")).starts_with("it can have `roles`, `members`, `teams`, "), "{list}");
    }
    assert_eq!(help("members: {a: {zzzzz: 1}}\n"), "it can have `role`, `invite`, `note` and `protect`");
}

#[test]
fn anchors_hold_anything() {
    assert!(load(&["organization: acme\nx-a: {b: ~, c: [1, {d: .5}]}\nx-: 1\n$schema: x\n"]).is_ok());
}

#[test]
fn null_is_never_empty() {
    let found = only("teams:\n");
    assert_eq!(at(&found), ("E0305", 2, 1, 6));
    assert_eq!(found.help.as_deref(), Some("null is not an empty mapping; write `teams: {}`, or leave it out"));
    let found = only("teams: {t: {members: ~}}\n");
    assert_eq!(at(&found), ("E0305", 2, 22, 23));
    assert_eq!(found.help.as_deref(), Some("null is not an empty list; write `members: []`, or leave it out"));
    assert_eq!(only("teams: {t: {members: [a, ~]}}\n").help.unwrap(), "write a value, or take the item out");
    let found = only("members:\n  alice:\n  # remark\n");
    assert_eq!((at(&found), found.message.as_str()), (("E0305", 3, 3, 8), "member `alice` is null"));
    assert_eq!(
        only("teams: {t: {description: null}}\n").help.unwrap(),
        "null is not an empty text; write `description: \"\"`, or leave it out"
    );
}

#[test]
fn only_true_and_false_are_booleans() {
    for (value, right) in [("yes", "true"), ("'true'", "true"), ("on", "true"), ("no", "false"), ("\"False\"", "false")]
    {
        let found = only(&format!("teams: {{t: {{protect: {value}}}}}\n"));
        assert_eq!((found.code.as_str(), found.replace_with.as_deref()), ("E0306", Some(right)), "{value}");
    }
    assert_eq!(
        only("teams: {t: {protect: 1}}\n").message,
        "`protect` of team `t` must be `true` or `false`, not a number"
    );
}

#[test]
fn numbers_are_no_texts() {
    for value in ["1", "1.10", "0123", "1e3", "-0", "9223372036854775808"] {
        let found = only(&format!("services: {{s: {{owner: team/t, properties: [{{key: a, value: {value}}}]}}}}\n"));
        assert_eq!(found.code, "E0307", "{value}");
        assert_eq!(found.replace_with, Some(format!("\"{value}\"")), "{value}");
    }
    assert_eq!(only("teams: {t: {description: true}}\n").code, "E0302");
    assert_eq!(only("tokens: {t: {scope: organization, expires: 20270101}}\n").code, "E0307");
}

#[test]
fn types_are_told_in_plain_words() {
    for (yaml, message) in [
        ("teams: [a]\n", "`teams` must be a mapping, not a list"),
        ("teams: {t: a}\n", "team `t` must be a mapping, not a text"),
        ("teams: {t: {members: {a: b}}}\n", "`members` of team `t` must be a list, not a mapping"),
        ("teams: {t: {members: [[a]]}}\n", "an item of `members` of team `t` must be a text, not a list"),
        (
            "tokens: {t: {scope: organization, rotation: '3'}}\n",
            "`rotation` of token `t` must be a whole number, not a text",
        ),
        (
            "tokens: {t: {scope: organization, rotation: 1.5}}\n",
            "`rotation` of token `t` must be a whole number, not a fraction",
        ),
        ("members: {a: {role: [admin]}}\n", "`role` of member `a` must be a text, not a list"),
        (
            "safety: {acknowledge: [{danger: {}, of: team/b}]}\n",
            "`safety.acknowledge[0].danger` must be a text, not a mapping",
        ),
    ] {
        let found = only(yaml);
        assert_eq!((found.code.as_str(), found.message.as_str()), ("E0302", message), "{yaml}");
    }
    assert_eq!(only("teams: {t: {members: alice}}\n").replace_with.as_deref(), Some("[alice]"));
}

#[test]
fn choices_are_listed() {
    let found = only("teams: {t: {stacks: {a/b: writ}}}\n");
    assert_eq!(found.message, "`stacks.a/b` of team `t` must be `read`, `write` or `admin`, not `writ`");
    assert_eq!((at(&found), found.replace_with.as_deref()), (("E0303", 2, 27, 31), Some("write")));
    assert_eq!(only("teams: {t: {kind: ldap}}\n").replace_with, None);
}

#[test]
fn forms_are_explained() {
    for yaml in [
        "services: {s: {owner: platform}}\n",
        "services: {s: {owner: group/x}}\n",
        "teams: {t: {members: ['a b']}}\n",
        "tokens: {t: {scope: organization, lifetime: 1w}}\n",
        "tokens: {t: {scope: organization, lifetime: ''}}\n",
        "tokens: {t: {scope: organization, expires: tomorrow}}\n",
        "tokens: {t: {scope: organization, saveTo: secret.txt}}\n",
        "roles: {r: {permissions: [read]}}\n",
        "services: {s: {owner: team/t, items: {stacks: [prod]}}}\n",
        "members: {a: {role: a/b}}\n",
    ] {
        let found = only(yaml);
        assert_eq!(found.code, "E0308", "{yaml}: {found:?}");
    }
    let found = only("services: {s: {owner: platform}}\n");
    assert_eq!(found.help.as_deref(), Some("write team/NAME or user/LOGIN, such as team/platform"));
    assert_eq!(only(&format!("teams: {{t: {{displayName: {}}}}}\n", "x".repeat(101))).code, "E0308");
}

#[test]
fn keys_of_a_form_are_names() {
    let found = only("teams: {t: {stacks: {prod: read}}}\n");
    assert_eq!((at(&found), found.message.contains("`prod`")), (("E0201", 2, 22, 26), true));
}

#[test]
fn missing_fields_are_shown_at_the_entry() {
    let found = only("services:\n  shop: {description: x}\n");
    assert_eq!((at(&found), found.message.as_str()), (("E0304", 3, 3, 7), "service `shop` lacks `owner`"));
    assert_eq!(
        only("safety: {acknowledge: [{}]}\n").message,
        "an item of `safety.acknowledge` lacks `danger` and `of`"
    );
}

#[test]
fn sets_hold_nothing_twice() {
    let found = only("teams:\n  t:\n    members:\n      - alice\n      - bob\n      - alice\n");
    assert_eq!(at(&found), ("E0309", 7, 9, 14));
    assert_eq!(found.related[0].place.as_ref().unwrap().line, 5);
    assert_eq!(only("services: {s: {owner: team/t, items: {stacks: [a/b, a/b]}}}\n").code, "E0309");
}

#[test]
fn numbers_and_lists_stay_in_bounds() {
    assert_eq!(only("tokens: {t: {scope: organization, rotation: 0}}\n").code, "E0311");
    assert_eq!(only("tokens: {t: {scope: organization, rotation: -0}}\n").code, "E0311");
    assert_eq!(only("safety: {minimumAdmins: 0}\n").code, "E0311");
    assert_eq!(only("roles: {r: {grants: [{permissions: [], stacks: [a/b]}]}}\n").code, "E0310");
}

#[test]
fn every_mistake_is_reported_in_the_order_of_places() {
    let first = "organization: acme\nmembers:\n  bob: {role: }\n  alice: {rol: admin}\ntems: {}\n";
    let second = "teams:\n  t: {protect: yes, members: [a, a], kind: gitlab}\nservices:\n  s: {}\n";
    let found: Vec<_> = errors(&[first, second])
        .into_iter()
        .map(|it| it.place.map(|at| format!("{}:{}:{} {}", at.file, at.line, at.column, it.code)).unwrap_or_default())
        .collect();
    assert_eq!(
        found,
        [
            "0.yaml:3:9 E0305",
            "0.yaml:4:11 E0301",
            "0.yaml:5:1 E0301",
            "1.yaml:2:16 E0306",
            "1.yaml:2:34 E0309",
            "1.yaml:2:44 E0303",
            "1.yaml:4:3 E0304",
        ]
    );
}

#[test]
fn a_mistake_in_an_anchor_is_said_once() {
    let found = only("x-a: &a [[b]]\nteams: {t: {members: *a}, u: {members: *a}}\n");
    assert_eq!(at(&found), ("E0302", 2, 10, 13));
}
