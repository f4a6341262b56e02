//! Findings as SARIF 2.1.0, for services that keep findings of many tools.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Diagnostic, Place, Severity};
use crate::render::escape;

/// GitHub refuses a file with more results than this.
const MOST: usize = 25_000;

/// The findings as one SARIF log. `title` says what a code means in a few words, where that is known.
///
/// Files are given relative to the root of the repository (`%SRCROOT%`), as they are in a manifest's places.
pub fn log(diagnostics: &[Diagnostic], title: &dyn Fn(&str) -> Option<String>) -> String {
    let mut codes: BTreeMap<&str, usize> = diagnostics.iter().map(|it| (it.code.as_str(), 0)).collect();
    for (index, (_, number)) in codes.iter_mut().enumerate() {
        *number = index;
    }
    let rules: Vec<Value> = codes
        .keys()
        .map(|code| {
            let text = title(code).unwrap_or_else(|| format!("`bylaws explain {code}` says what it means"));
            json!({"id": code, "shortDescription": {"text": escape::terminal(&text)}})
        })
        .collect();
    let results: Vec<Value> = diagnostics.iter().take(MOST).map(|it| result(it, codes[it.code.as_str()])).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "bylaws",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // Nothing in it can fail to be written: every key is a text.
    escape::json(&serde_json::to_string_pretty(&log).unwrap_or_default()) + "\n"
}

fn result(diagnostic: &Diagnostic, rule: usize) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("; {help}"));
    }
    // A bracket in a message begins a link to a place, unless it is escaped.
    let text = escape::terminal(&message).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": text},
    });
    if let Some(place) = &diagnostic.place {
        result["locations"] = json!([{"physicalLocation": location(place)}]);
    }
    result
}

fn location(place: &Place) -> Value {
    // One address for one file: every part is encoded, the slashes between them are not.
    let uri = place.file.split('/').map(escape::percent).collect::<Vec<_>>().join("/");
    json!({
        "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
        "region": {
            "startLine": place.line.max(1),
            "startColumn": place.column.max(1),
            "endLine": place.end_line.max(place.line).max(1),
            "endColumn": place.end_column.max(1),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::log;
    use crate::model::{Diagnostic, Place, Severity};

    fn parsed(diagnostics: &[Diagnostic]) -> Value {
        serde_json::from_str(&log(diagnostics, &|code| (code == "E0301").then(|| "unknown key".to_owned()))).unwrap()
    }

    /// What the schema of SARIF 2.1.0 asks of the parts that are used here.
    fn schema() -> Value {
        let objects = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties});
        let text = objects(&["text"], json!({"text": {"type": "string", "minLength": 1}}));
        let (word, positive) = (json!({"type": "string", "minLength": 1}), json!({"type": "integer", "minimum": 1}));
        let rule = objects(&["id"], json!({"id": word, "shortDescription": text}));
        let rules = json!({"type": "array", "uniqueItems": true, "items": rule});
        let driver = objects(&["name"], json!({"name": word, "semanticVersion": word, "rules": rules}));
        let uri = json!({"type": "string", "pattern": "^[A-Za-z0-9._~%/-]+$"});
        let artifact = objects(&["uri"], json!({"uri": uri, "uriBaseId": word}));
        let region = objects(
            &["startLine"],
            json!({"startLine": positive, "startColumn": positive, "endLine": positive, "endColumn": positive}),
        );
        let physical = objects(&["artifactLocation"], json!({"artifactLocation": artifact, "region": region}));
        let location = objects(&[], json!({"physicalLocation": physical}));
        let result = objects(
            &["message"],
            json!({
                "ruleId": word, "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": text, "locations": {"type": "array", "items": location},
            }),
        );
        let run = objects(
            &["tool"],
            json!({
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "tool": objects(&["driver"], json!({"driver": driver})),
                "results": {"type": "array", "items": result},
            }),
        );
        objects(
            &["version", "runs"],
            json!({"$schema": word, "version": {"enum": ["2.1.0"]}, "runs": {"type": "array", "items": run}}),
        )
    }

    fn finding(code: &str, message: &str, file: &str) -> Diagnostic {
        let place = Place { file: file.to_owned(), line: 2, column: 7, end_line: 2, end_column: 9, ..Place::default() };
        Diagnostic { place: Some(place), ..Diagnostic::error(code, message) }
    }

    #[test]
    fn a_log_keeps_the_rules_of_the_format() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let hostile = finding("E0302", "[x](https://evil.example) \u{1b}[2J\u{202e}", "a b/../c%.yaml");
        let nowhere = Diagnostic::new(Severity::Note, "base-unknown", "no base");
        for found in [vec![], vec![finding("E0301", "no", "org/a.yaml"), hostile, nowhere]] {
            let log = parsed(&found);
            if let Err(error) = validator.validate(&log) {
                panic!("{}: {error}", error.instance_path());
            }
            assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), found.len());
        }
    }

    #[test]
    fn every_result_names_its_rule_and_its_place() {
        let log = parsed(&[finding("E0302", "[x]", "org/a b.yaml"), finding("E0301", "no", "b.yaml")]);
        let run = &log["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        assert_eq!(run["tool"]["driver"]["rules"][0]["shortDescription"]["text"], "unknown key");
        assert_eq!(run["results"][0]["message"]["text"], "\\[x\\]");
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "org/a%20b.yaml");
        assert_eq!(place["region"], json!({"startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 9}));
    }

    #[test]
    fn more_than_is_taken_is_not_written() {
        let many = vec![Diagnostic::error("E0301", "x"); 25_001];
        assert_eq!(parsed(&many)["runs"][0]["results"].as_array().unwrap().len(), 25_000);
    }
}
