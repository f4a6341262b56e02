//! Names, references and rules of kinds, through the whole loader.

use crate::manifest::testing::{at, codes, load, only};
use crate::manifest::unresolved;
use crate::model::{Desired, Diagnostic, Severity};

fn offline(yaml: &str) -> Vec<Diagnostic> {
    unresolved(&loaded(yaml), |_| None)
}

fn loaded(yaml: &str) -> Desired {
    load(&[&format!("organization: acme\n{yaml}")]).unwrap_or_else(|failure| panic!("{:#?}", failure.diagnostics))
}

#[test]
fn names_that_would_change_an_address_are_refused() {
    for name in ["..", ".", "a/b", "a\\\\b", "", " ", " a", "a ", "a\\u202eb", "a\\u200bb", "a\\u0000b", "a\\U000E0041"]
    {
        let found = only(&format!("teams: {{\"{name}\": {{}}}}\n"));
        assert_eq!(found.code, "E0201", "{name:?}");
        assert!(!found.message.contains(['\u{202e}', '\u{200b}', '\0']), "{name:?}");
    }
    for name in ["tokens", "github", "roles", "v2", "a?x=1", "a#f", "%2e%2e", "-x", "café"] {
        loaded(&format!("teams: {{\"{name}\": {{}}}}\n"));
    }
}

#[test]
fn names_in_lists_and_references_are_held_to_the_same() {
    for yaml in [
        "removed: {teams: ['..']}\n",
        "external: {teams: [\"a\\u200b\"]}\n",
        "roles: {r: {renamedFrom: \"a\\u202e\"}}\n",
        "services: {s: {owner: team/..}}\n",
        "tokens: {t: {scope: \"team/a\\u200b\"}}\n",
        "services: {s: {owner: team/t, items: {stacks: [../b]}}}\n",
        "teams: {t: {stacks: {a/..: read}}}\n",
        "members: {a: {role: \"x\\u001b[2J\"}}\n",
    ] {
        assert_eq!(only(yaml).code, "E0201", "{yaml}");
    }
}

#[test]
fn what_is_declared_is_neither_removed_nor_external() {
    let found = only("members: {alice: {}}\nremoved: {members: [Alice]}\n");
    assert_eq!((at(&found), found.related.len()), (("E0207", 3, 21, 26), 1));
    assert_eq!(only("teams: {t: {}}\nexternal: {teams: [t]}\n").code, "E0208");
    assert_eq!(only("removed: {teams: [t]}\nexternal: {teams: [t]}\n").code, "E0209");
}

#[test]
fn chains_and_swaps_of_names_are_fine() {
    loaded("roles: {a: {renamedFrom: b}, b: {renamedFrom: a}}\n");
    loaded("roles: {a: {renamedFrom: b}, b: {renamedFrom: c}}\n");
}

#[test]
fn old_names_must_be_free_and_have_one_heir() {
    let found = only("roles:\n  a: {renamedFrom: b}\n  b: {}\n");
    assert_eq!((at(&found), found.related[0].place.as_ref().unwrap().line), (("E0210", 3, 20, 21), 4));
    assert_eq!(only("roles: {a: {renamedFrom: a}}\n").code, "E0210");
    assert_eq!(at(&only("roles: {b: {renamedFrom: c}, a: {renamedFrom: c}}\n")), ("E0211", 2, 47, 48));
    assert_eq!(only("roles: {a: {renamedFrom: b}}\nremoved: {roles: [b]}\n").code, "E0214");
}

#[test]
fn what_goes_is_not_referred_to() {
    let found = only("teams: {t: {members: [mallory]}}\nremoved: {members: [Mallory]}\n");
    assert_eq!(at(&found), ("E0212", 2, 23, 30));
    let found = only("roles: {new: {renamedFrom: old}}\nmembers: {a: {role: old}}\n");
    assert_eq!((at(&found), found.replace_with.as_deref()), (("E0213", 3, 21, 24), Some("new")));
    loaded("roles: {a: {renamedFrom: b}, b: {renamedFrom: a}}\nmembers: {m: {role: b}}\n");
}

#[test]
fn references_to_the_manifest_and_to_external_are_settled() {
    let yaml = "members: {Alice: {role: admin}, bob: {role: auditor}}
roles: {auditor: {}}
teams: {t: {members: [alice], admins: [ALICE], role: none}}
services: {s: {owner: team/sec}, u: {owner: user/BOB}}
tokens: {t: {scope: team/t}, o: {scope: organization, role: admin}}
external: {teams: [sec]}
";
    assert_eq!(offline(yaml), []);
}

#[test]
fn an_unknown_owner_is_the_example_of_the_manual() {
    let yaml = "teams:\n  payments: {}\nservices:\n  checkout:\n    owner: team/paymets\n";
    let desired = loaded(yaml);
    let [found] = &unresolved(&desired, |_| Some(false))[..] else { panic!() };
    assert_eq!(at(found), ("E0203", 6, 17, 24));
    assert_eq!(found.severity, Severity::Error);
    assert_eq!(found.message, "service `checkout` is owned by a team that is not defined: `paymets`");
    assert_eq!(found.label.as_deref(), Some("no team `paymets` in the manifest"));
    assert_eq!(found.help.as_deref(), Some("a team with a similar name exists"));
    assert_eq!(found.replace_with.as_deref(), Some("payments"));
    assert_eq!(found.related[0].message, "`payments` is defined");
    assert_eq!(found.related[0].place.as_ref().unwrap().line, 3);
    assert_eq!(found.related[1].message, "for a team managed elsewhere, list it under `external: {teams: [paymets]}`");
    assert_eq!(unresolved(&desired, |_| Some(true)), []);
    assert_eq!(unresolved(&desired, |_| None)[0].severity, Severity::Warning);
}

#[test]
fn suggestions_come_from_other_kinds_and_from_the_schema() {
    let found = offline("roles: {x: {}}\nmembers: {a: {role: admn}}\n").remove(0);
    assert_eq!((found.replace_with.as_deref(), found.help.as_deref()), (Some("admin"), Some("did you mean `admin`?")));
    let found = offline("members: {alice: {}}\nteams: {t: {}}\nservices: {s: {owner: team/alice}}\n").remove(0);
    assert_eq!(found.help.as_deref(), Some("`alice` is a member, not a team"));
    let found = offline("external: {teams: [payments]}\nservices: {s: {owner: team/paymets}}\n").remove(0);
    assert_eq!(found.replace_with.as_deref(), Some("payments"));
}

#[test]
fn parts_of_quoted_texts_are_pointed_at() {
    let found = offline("teams: {t: {}}\nservices: {s: {owner: \"team/ünäl\"}}\n").remove(0);
    assert_eq!(at(&found), ("E0203", 3, 29, 33));
    let found = offline("teams: {t: {}}\nservices: {s: {owner: \"team\\u002fx\"}}\n").remove(0);
    assert_eq!(at(&found), ("E0203", 3, 23, 36));
}

#[test]
fn one_warning_stands_for_a_kind_that_is_nowhere_declared() {
    let yaml = "teams: {t: {members: [a, b, c], role: r}}\n";
    let found = offline(yaml);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].related.iter().any(|it| it.message == "2 more references to a member cannot be told either"));
    assert_eq!(unresolved(&loaded(yaml), |_| Some(false)).len(), 4);
}

#[test]
fn undefined_names_are_told_along_with_errors() {
    let failure = load(&["organization: acme\nmembers: {a: {}}\nteams: {t: {members: [b]}, u: {x: 1}}\n"]).unwrap_err();
    let found: Vec<_> = failure.diagnostics.iter().map(|it| (it.code.as_str(), it.severity)).collect();
    assert_eq!(found, [("E0203", Severity::Warning), ("E0301", Severity::Error)]);
    let failure = load(&["organization: acme\nmembers: {a: {}}\nteams: {t: {members: [b], x: 1}}\n"]).unwrap_err();
    assert_eq!(failure.diagnostics.len(), 2);
    let failure = load(&["organization: acme\nmembers: {a: {}}\nteams: {t: {members: ['b c']}}\n"]).unwrap_err();
    assert_eq!(failure.diagnostics.len(), 1);
    let failure = load(&["organization: acme\nmembers: {a: {}}\nteams: {t: {members: [b]}}\n", "x: [\n"]).unwrap_err();
    assert_eq!(failure.diagnostics.len(), 1);
}

#[test]
fn rules_of_kinds_have_places() {
    for (yaml, code, columns) in [
        ("teams: {web: {kind: github, githubTeamId: 1, members: []}}\n", "E0402", (46, 53)),
        ("teams: {t: {members: [a], admins: [b]}}\n", "E0403", (36, 37)),
        ("teams: {t: {githubTeamId: 1}}\n", "E0404", (13, 25)),
        ("teams: {t: {members: [a, A]}}\n", "E0405", (26, 27)),
        ("roles: {r: {permissions: [a:b], details: {}}}\n", "E0406", (33, 40)),
        ("roles: {r: {grants: [{permissions: [a:b]}]}}\n", "E0407", (22, 42)),
        ("roles: {Admin: {}}\n", "E0408", (9, 14)),
        ("members: {a: {role: billingManager}}\n", "E0409", (21, 35)),
        ("services: {s: {owner: user/a, properties: [{key: k, value: v}, {key: k, value: v}]}}\n", "E0410", (70, 71)),
        ("tokens: {t: {scope: organization, lifetime: 1d, expires: 2027-01-01}}\n", "E0411", (49, 56)),
        ("tokens: {t: {scope: team/x, role: r}}\n", "E0412", (29, 33)),
        ("tokens: {t: {scope: organization, expires: 2027-02-30}}\n", "E0413", (44, 54)),
        ("tokens: {t: {scope: organization, saveTo: 'file:../x'}}\n", "E0414", (43, 54)),
        ("oidcIssuers: {i: {url: 'https://x', policies: [{decision: deny, tokenType: team}]}}\n", "E0431", (48, 81)),
        ("oidcIssuers: {i: {url: 'https://x'}, j: {url: 'https://x'}}\n", "E0433", (47, 58)),
        ("safety: {acknowledge: [{danger: budget, of: team/x, until: 2027-02-30}]}\n", "E0413", (24, 71)),
    ] {
        let found = only(yaml);
        assert_eq!(at(&found), (code, 2, columns.0, columns.1), "{yaml}: {found:#?}");
    }
}

#[test]
fn one_sink_for_one_secret() {
    let yaml = "tokens:
  a: {scope: organization, saveTo: 'file:out/./a'}
  b: {scope: organization, saveTo: 'file:out//a'}
  c: {scope: organization, saveTo: 'file:out/c'}
";
    let found = only(yaml);
    assert_eq!((at(&found), found.related[0].place.as_ref().unwrap().line), (("E0415", 4, 36, 49), 3));
}

#[test]
fn rules_are_not_asked_about_entries_of_another_shape() {
    assert_eq!(codes(&["organization: acme\nteams: {t: {kind: github, members: {}}}\n"]), ["E0302"]);
}

#[test]
fn values_that_no_type_can_hold_are_refused() {
    let long = "9".repeat(19);
    let found = codes(&[&format!("organization: acme\nteams: {{t: {{kind: github, githubTeamId: {long}}}}}\n")]);
    assert!(found == ["E0416"] || found == ["E0311"], "{found:?}");
}
