//! What the manifest's schema must be for editors to complete, explain and check a file by it.
//!
//! Each rule was found by trying: the other way, a YAML language server leaves out colons, offers `null`,
//! shows escaped text, or fails. Every breach names the part of the schema.

mod documents;
mod snippets;
mod walk;

use bylaws::kinds;
use bylaws::schema;
use serde_json::{Value, json};
use walk::{Site, Standing, target};

/// What the loader checks; it knows no other keyword that refuses anything.
const CHECKED: [&str; 19] = [
    "$ref",
    "additionalProperties",
    "anyOf",
    "enum",
    "items",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "patternErrorMessage",
    "patternProperties",
    "properties",
    "propertyNames",
    "required",
    "type",
    "uniqueItems",
];

/// What only tells.
const TOLD: [&str; 10] = [
    "$schema",
    "defaultSnippets",
    "definitions",
    "description",
    "doNotSuggest",
    "enumDescriptions",
    "markdownDescription",
    "markdownEnumDescriptions",
    "patternErrorMessage",
    "title",
];

/// Where a choice between schemas is worth its price: known values are offered, and others are allowed.
const UNIONS: [&str; 2] = ["#/definitions/MemberRole", "#/definitions/WebhookGroup"];

/// Fails with every place where `rule` finds something wrong.
#[track_caller]
fn everywhere(rule: impl Fn(&Site) -> Option<String>) {
    let schema = schema::manifest();
    let sites = walk::sites(&schema);
    let breaches: Vec<_> = sites.iter().filter_map(|it| Some(format!("{}: {}", it.path, rule(it)?))).collect();
    assert!(breaches.is_empty(), "\n  {}\n", breaches.join("\n  "));
}

#[test]
fn it_is_a_schema_of_draft_07() {
    let schema = schema::manifest();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    if let Err(error) = jsonschema::draft7::meta::validate(&schema) {
        panic!("{}: {error}", error.instance_path());
    }
}

#[test]
fn it_uses_only_keywords_that_the_loader_and_old_editors_know() {
    everywhere(|site| {
        let unknown = site.map().keys().find(|it| !CHECKED.contains(&it.as_str()) && !TOLD.contains(&it.as_str()))?;
        Some(match unknown.as_str() {
            "default" => "a `default` is written into files; say it in the description".to_owned(),
            "format" => "a `format` is not checked by the loader; use a `pattern`".to_owned(),
            "oneOf" | "allOf" => format!("`{unknown}` breaks completion; use `enum` with `enumDescriptions`"),
            _ => format!("`{unknown}` is not among the keywords that the loader knows"),
        })
    });
}

#[test]
fn a_choice_between_schemas_is_on_the_list() {
    everywhere(|site| {
        let listed = UNIONS.contains(&site.path.as_str());
        (site.schema.get("anyOf").is_some() && !listed)
            .then(|| "an `anyOf` that is not on the list of unions".to_owned())
    });
    let schema = schema::manifest();
    for path in UNIONS {
        assert!(target(&schema, path).is_some_and(|it| it.get("anyOf").is_some()), "{path} is no union any more");
    }
}

#[test]
fn a_value_has_one_type_and_is_never_null() {
    everywhere(|site| match site.schema.get("type") {
        None if site.schema.get("properties").is_some() => Some("has properties and no `type`".to_owned()),
        None => None,
        Some(Value::String(kind)) if kind != "null" => None,
        Some(other) => Some(format!("its type is {other}")),
    });
    everywhere(|site| site.schema.get("enum")?.as_array()?.contains(&Value::Null).then(|| "offers null".to_owned()));
}

#[test]
fn everything_has_a_title() {
    everywhere(|site| {
        let must = !matches!(site.standing, Standing::Inner);
        (must && site.text("title").is_none()).then(|| "has no `title`, so editors show an address instead".to_owned())
    });
}

#[test]
fn everything_is_described_twice() {
    everywhere(|site| {
        let (plain, markdown) = (site.text("description"), site.text("markdownDescription"));
        if plain != markdown {
            return Some("`description` and `markdownDescription` differ".to_owned());
        }
        let excused = site.schema.get("$ref").is_some() && site.standing == Standing::Inner;
        (plain.is_none() && !excused && !site.is_branch()).then(|| "has no `description`".to_owned())
    });
}

#[test]
fn texts_are_for_people_who_write_manifests() {
    everywhere(|site| {
        let text = site.text("description")?;
        let last = text.trim_end_matches([')', '`']).chars().last();
        if text.replace("\n\n", " ").contains('\n') {
            Some("its description has a broken line".to_owned())
        } else if text.contains("[`") || text.contains("::") {
            Some("its description speaks of the program's inside".to_owned())
        } else if !matches!(last, Some('.' | '?')) {
            Some(format!("its description is no sentence: {text}"))
        } else if text.matches('`').count() % 2 == 1 {
            Some("its description has a single backtick".to_owned())
        } else {
            None
        }
    });
}

#[test]
fn every_choice_has_its_text() {
    everywhere(|site| {
        let values = site.schema.get("enum")?.as_array()?;
        for keyword in ["enumDescriptions", "markdownEnumDescriptions"] {
            let texts = site.schema.get(keyword).and_then(Value::as_array);
            let told =
                texts.map_or(0, |it| it.iter().filter(|it| it.as_str().is_some_and(|it| !it.is_empty())).count());
            if told != values.len() {
                return Some(format!("{told} of {} values have a text in `{keyword}`", values.len()));
            }
        }
        None
    });
}

#[test]
fn every_object_says_what_else_it_may_hold() {
    everywhere(|site| {
        if site.schema.get("type") != Some(&json!("object")) {
            return None;
        }
        match site.schema.get("additionalProperties") {
            None => Some("is an object without `additionalProperties`".to_owned()),
            Some(Value::Object(_)) if site.schema.get("propertyNames").is_none() => {
                Some("is a mapping without `propertyNames`".to_owned())
            }
            _ => None,
        }
    });
    everywhere(|site| {
        let patterns = site.schema.get("patternProperties")?.as_object()?;
        let foreign = patterns.keys().find(|it| *it != "^x-")?;
        Some(format!(
            "`patternProperties` {foreign} says nothing about wrong keys; give the key's type a pattern with a message"
        ))
    });
}

#[test]
fn every_pattern_works_everywhere_and_says_what_it_wants() {
    everywhere(|site| {
        let pattern = site.text("pattern")?;
        let foreign = ["(?", r"\p", r"\d", r"\w", r"\b", r"\A", r"\z", r"\u", r"\x{", "&&", "--", "[["];
        if site.text("patternErrorMessage").is_none_or(str::is_empty) {
            Some("has a `pattern` without a `patternErrorMessage`".to_owned())
        } else if let Err(error) = regex::Regex::new(pattern) {
            Some(format!("its pattern is none to the loader: {error}"))
        } else if let Some(part) = foreign.iter().find(|it| pattern.contains(**it)) {
            Some(format!("its pattern uses `{part}`, which means other things elsewhere: {pattern}"))
        } else if !pattern.starts_with('^') || !pattern.ends_with('$') {
            Some(format!("its pattern is not anchored: {pattern}"))
        } else {
            None
        }
    });
}

#[test]
fn every_reference_leads_somewhere_and_every_definition_is_used() {
    let schema = schema::manifest();
    everywhere(|site| {
        let to = site.text("$ref")?;
        let checked = site.map().keys().find(|it| *it != "$ref" && CHECKED.contains(&it.as_str()));
        match (target(&schema, to), checked) {
            (None, _) => Some(format!("refers to {to}, which is not there")),
            (_, Some(keyword)) => Some(format!("`{keyword}` beside a reference is ignored")),
            _ => None,
        }
    });
    let sites = walk::sites(&schema);
    for name in schema["definitions"].as_object().unwrap().keys() {
        let to = format!("#/definitions/{name}");
        assert!(sites.iter().any(|it| it.text("$ref") == Some(&to)), "{to} is used nowhere");
    }
}

/// Where a section stands in the schema.
fn place(section: &str) -> String {
    format!("/properties/{}", section.replace('.', "/properties/"))
}

#[test]
fn the_fields_of_an_entry_are_those_that_are_compared() {
    let schema = schema::manifest();
    for facts in kinds::ALL.iter().map(|it| it.facts()) {
        let section = schema.pointer(&place(facts.section)).unwrap();
        let one = facts.shape == kinds::Shape::One;
        let values = if one { section } else { &section["additionalProperties"] };
        let entry = values["$ref"].as_str().map_or(Some(values), |it| target(&schema, it)).unwrap();
        let mut shown: Vec<_> = entry["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let common = ["note", "protect", "renamedFrom"]
            .into_iter()
            .filter(|it| (*it != "renamedFrom" || facts.renamable) && (*it != "protect" || !one));
        let mut known: Vec<_> = facts.fields.iter().map(|(name, _)| *name).chain(common).collect();
        shown.sort_unstable();
        known.sort_unstable();
        assert_eq!(shown, known, "the schema and the `Facts::fields` of {} differ", facts.section);
    }
}
