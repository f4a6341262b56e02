//! The map is a test: who may import whom, where the few dangerous things live, and how long a file may be.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::root;

/// Which modules of ours each module may import. To change the layout, change this table.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("kinds", &["model"]),
    ("schema", &["model", "kinds"]),
    // The loader checks what was written against the very schema that editors get.
    ("manifest", &["model", "kinds", "schema"]),
    ("plan", &["model", "kinds"]),
    // Plans are shown kind by kind, in the kinds' own order.
    ("render", &["model", "kinds", "plan"]),
    ("api", &["model"]),
    ("snapshot", &["model", "kinds", "api"]),
    ("apply", &["model", "plan", "api", "snapshot"]),
    ("sandbox", &[]),
    ("cli", &["model", "kinds", "schema", "manifest", "plan", "render", "api", "snapshot", "apply", "sandbox"]),
];

/// Texts that may stand only in these places.
const HOMES: &[(&str, &[&str])] = &[
    ("reqwest", &["api/"]),
    ("granit_parser", &["manifest/"]),
    ("println!", &[]),
    ("print!(", &[]),
    ("std::env", &["cli/"]),
    ("process::exit", &["main.rs"]),
    (".expose()", &["api/", "apply/"]),
    ("SystemTime", &["api/"]),
    ("Timestamp::now", &["cli/"]),
    // Whoever plans is given a client that cannot write.
    ("WriteClient", &["api/", "apply/"]),
    ("write_client", &["api/", "cli/commands/apply.rs"]),
];

/// Modules without tasks, clocks and files.
const PURE: &[&str] = &["model", "kinds", "manifest", "schema", "plan", "render"];

/// The program's files; those that are compiled only for tests are left out.
pub fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(&root().join("src"), "", &mut found);
    let mut for_tests = Vec::new();
    for (path, text) in &found {
        let folder =
            path.strip_suffix("mod.rs").map(str::to_owned).unwrap_or(format!("{}/", path.trim_end_matches(".rs")));
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2).filter(|it| it[0].trim() == "#[cfg(test)]") {
            if let Some(name) = pair[1]
                .trim_start_matches("pub")
                .trim_start_matches("(super)")
                .trim_start_matches("(crate)")
                .trim_start()
                .strip_prefix("mod ")
                .and_then(|it| it.strip_suffix(';'))
            {
                for_tests.extend([format!("{folder}{name}.rs"), format!("{folder}{name}/")]);
            }
        }
    }
    found.retain(|path, _| {
        !for_tests.iter().any(|it| path == it || (it.ends_with('/') && path.starts_with(it.as_str())))
    });
    found
}

fn collect(folder: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".rs") {
            found.insert(name, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn module(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The part of a file before its tests, without comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let text = text.split("#[cfg(all(test, unix))]").next().unwrap();
    text.lines().filter(|it| !it.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_import_only_what_the_map_says() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = module(&path);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|it| it.0 == own) else { continue };
        for part in code(&text).split("crate::").skip(1) {
            let other: String = part.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
            if MAY_IMPORT.iter().any(|it| it.0 == other) && other != own && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{path} imports {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_is_on_the_map() {
    let unknown: Vec<String> = sources()
        .into_keys()
        .filter(|it| !matches!(it.as_str(), "lib.rs" | "main.rs"))
        .filter(|it| !MAY_IMPORT.iter().any(|row| row.0 == module(it)))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn dangerous_things_stay_in_their_homes() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code = code(&text);
        for (what, homes) in HOMES {
            // The sandbox is a program of its own kind, with its own clock; it is held to no table but the imports.
            let home =
                homes.iter().any(|it| path.starts_with(it)) || (path.starts_with("sandbox/") && *what != "println!");
            if code.contains(what) && !home {
                wrong.push(format!("{path}: {what}"));
            }
        }
        if PURE.contains(&module(&path)) {
            for what in ["async fn", "tokio", "std::fs", "std::net", "Instant::now"] {
                if code.contains(what) {
                    wrong.push(format!("{path} is pure, and says {what}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_kind_is_named_outside_kinds_and_sandbox() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if matches!(module(&path), "kinds" | "sandbox") {
            continue;
        }
        let code = code(&text);
        for kind in bylaws::kinds::ALL {
            let facts = kind.facts();
            for name in [facts.word, facts.section] {
                for quoted in [format!("\"{name}\""), format!("\"/{name}\""), format!("kinds::{name}::")] {
                    if code.contains(&quoted) {
                        wrong.push(format!("{path}: {quoted}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_say_what_they_are_for_and_stay_short() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{path} does not begin with a //! line"));
        }
        let lines = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines().count();
        if lines > 500 {
            wrong.push(format!("{path} has {lines} lines before its tests"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_crate_that_is_known_to_be_unsafe_or_foreign_is_locked() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in ["serde_yml", "libyml", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name} is in Cargo.lock");
    }
}
