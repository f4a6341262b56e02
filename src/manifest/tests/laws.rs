//! What holds for every input: nothing panics, and how a manifest is cut into files makes no difference.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use serde_json::Value;

use crate::manifest::budget::Budget;
use crate::manifest::{load, unresolved, yaml};
use crate::model::Desired;
use crate::trials::tried;

fn check(bytes: Vec<u8>) {
    let length = bytes.len();
    match load(vec![("a.yaml".to_owned(), bytes)]) {
        Ok(desired) => drop(unresolved(&desired, |_| Some(false))),
        Err(failure) => {
            assert!(!failure.diagnostics.is_empty());
            for place in failure.diagnostics.iter().filter_map(|it| it.place.as_ref()) {
                assert!(place.line >= 1 && place.column >= 1 && place.start_byte <= place.end_byte, "{place:?}");
                assert!(place.end_byte as usize <= failure.files[0].text.len().max(length), "{place:?}");
            }
        }
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    tried(300, 32..=65_536, |input| {
        check(input.arbitrary()?);
        Ok(())
    });
}

#[test]
fn arbitrary_pieces_of_manifests_never_panic() {
    const PIECES: &[&str] = &[
        "organization: acme\n",
        "teams:",
        "members:",
        "services:",
        "tokens:",
        "roles:",
        "removed:",
        "external:",
        "prune:",
        "safety:",
        "acknowledge:",
        "x-a:",
        " &a",
        " *a",
        " <<:",
        "\n",
        "\n  ",
        "\n    ",
        "\n      ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        " alice",
        " t",
        " team/t",
        " user/é",
        " owner:",
        " role:",
        " admin",
        " '",
        "\"",
        " null",
        " yes",
        " true",
        " 1",
        " 2027-01-01",
        " file:../x",
        " saveTo:",
        " grants:",
        " permissions:",
        " stacks:",
        " a/b",
        " |",
        " >",
        " #",
        "\t",
        "\r\n",
        "\u{feff}",
        "\u{202e}",
        "---\n",
        "...",
        "!!str ",
        "%YAML 1.1\n",
        " renamedFrom:",
        " items:",
        " properties:",
        "<<<<<<< HEAD\n",
        "pul-0123456789abcdef",
        "?",
        "\\",
    ];
    tried(300, 32..=65_536, |input| {
        let mut text = String::new();
        for _ in 0..input.int_in_range(0..=60)? {
            text.push_str(input.choose(PIECES)?);
        }
        check(text.into_bytes());
        Ok(())
    });
}

/// A manifest, as the texts of its entries by section.
fn manifest(input: &mut Unstructured) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for index in 0..input.int_in_range(1..=12)? {
        let (section, entry) = match input.int_in_range(0..=4)? {
            0 => ("members", format!("user{index}: {{role: {}}}", input.choose(&["admin", "member", "r1"])?)),
            1 => ("teams", format!("t{index}: {{members: [a, b], description: \"d{index}: é\"}}")),
            2 => ("services", format!("s{index}:\n    owner: team/t{index}\n    items:\n      stacks: [a/b]")),
            3 => ("tokens", format!("k{index}: {{scope: organization, saveTo: 'file:out/{index}'}}")),
            _ => ("roles", format!("r{index}: {{permissions: [stack:read], protect: true}}")),
        };
        sections.entry(section).or_default().push(entry);
    }
    Ok(sections)
}

fn written(sections: &BTreeMap<&str, Vec<String>>) -> String {
    let lines = |entries: &Vec<String>| entries.iter().map(|it| format!("  {it}\n")).collect::<String>();
    sections.iter().map(|(section, entries)| format!("{section}:\n{}", lines(entries))).collect()
}

/// What a manifest says, without places.
fn said(desired: &Desired) -> (String, BTreeMap<String, (Value, bool)>) {
    let entries = desired.entries.values().map(|it| (it.id.to_string(), (it.spec(), it.protect))).collect();
    (desired.organization.clone(), entries)
}

#[test]
fn how_a_manifest_is_cut_into_files_makes_no_difference() {
    tried(300, 32..=65_536, |input| {
        let sections = manifest(input)?;
        let whole = format!("organization: acme\n{}", written(&sections));
        let mut parts = vec![BTreeMap::<&str, Vec<String>>::new(); input.int_in_range(1..=4)?];
        for (section, entries) in &sections {
            for entry in entries {
                let part = input.choose_index(parts.len())?;
                parts[part].entry(section).or_default().push(entry.clone());
            }
        }
        let mut files = vec![("org.yaml".to_owned(), b"organization: acme\n".to_vec())];
        for (index, part) in parts.iter().enumerate().filter(|(_, it)| !it.is_empty()) {
            files.push((format!("{index}.yaml"), written(part).into_bytes()));
        }
        let (one, many) = (load(vec![("a.yaml".to_owned(), whole.into_bytes())]), load(files));
        assert_eq!(said(&one.expect("sound")), said(&many.expect("sound")));
        Ok(())
    });
}

#[test]
fn another_reader_of_yaml_reads_the_same() {
    tried(300, 32..=65_536, |input| {
        let text = written(&manifest(input)?);
        let ours = yaml::read(0, &text, &Budget::default()).root.expect("sound").to_value();
        let theirs: Value = serde_yaml::from_str(&text).expect("sound");
        assert_eq!(ours, theirs);
        Ok(())
    });
}
