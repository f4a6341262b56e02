//! The schema of a manifest file: one section for every kind, and what belongs to none.

use schemars::{SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::kinds::{self, Facts, Kind, Shape};
use crate::schema::{common, shape};

/// The schema. Nothing is required: a manifest may be many files, and the loader sees them all.
pub(super) fn schema() -> Value {
    let mut generator = SchemaGenerator::new(shape::settings());
    let mut properties = common::head();
    for kind in kinds::ALL {
        let facts = kind.facts();
        let entry = entry(*kind, &mut generator);
        let section = section(facts, entry);
        match facts.section.split_once('.') {
            None => drop(properties.insert(facts.section.to_owned(), section)),
            Some((name, within)) => {
                let group = properties.entry(name).or_insert_with(|| group(name));
                group["properties"][within] = section;
            }
        }
    }
    properties.extend(common::tail(&mut generator));
    let mut definitions = generator.take_definitions(false);
    definitions.extend(common::definitions());
    let mut root = json_schema!({
        "$schema": shape::DRAFT,
        "title": "bylaws manifest",
        "description": "The bylaws of a Pulumi Cloud organization: who and what belongs to it, kept in Git.\n\n\
            A manifest may be split into files; all have this shape, and together they are one. \
            What is left out is not managed, and what is empty is made empty.",
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": common::anchors()},
        "additionalProperties": false,
        "definitions": definitions,
    });
    shape::for_editors(&mut root);
    root.to_value()
}

/// What holds several sections.
fn group(name: &str) -> Value {
    let about = kinds::GROUPS.iter().find(|it| it.0 == name).map_or("", |it| it.1);
    json!({"type": "object", "description": about, "properties": {}, "additionalProperties": false})
}

/// A section: entries by name, or one entry.
fn section(facts: &Facts, mut entry: Value) -> Value {
    let snippets = json!([{
        "label": format!("new {}", facts.word),
        "description": facts.about,
        "markdownDescription": facts.about,
        "body": (facts.snippet)(),
    }]);
    if facts.shape == Shape::One {
        entry["description"] = facts.about.into();
        entry["defaultSnippets"] = snippets;
        return entry;
    }
    let (pattern, message) = facts.name_pattern.unwrap_or(common::NAME);
    json!({
        "type": "object",
        "description": format!("{}\n\nKey: {}", facts.about, facts.key_about),
        "propertyNames": {
            "description": facts.key_about,
            "pattern": pattern,
            "patternErrorMessage": message,
            "maxLength": common::NAME_LENGTH,
        },
        "additionalProperties": entry,
        "defaultSnippets": snippets,
    })
}

/// The schema of one entry: what its kind says, and the fields that every entry may have.
fn entry(kind: &dyn Kind, generator: &mut SchemaGenerator) -> Value {
    let mut schema = kind.schema(generator).to_value();
    let name = schema["$ref"].as_str().and_then(|it| it.strip_prefix("#/definitions/")).map(str::to_owned);
    let object = match name {
        Some(name) => generator.definitions_mut().get_mut(&name),
        None => Some(&mut schema),
    };
    if let Some(Value::Object(object)) = object
        && let Value::Object(properties) = object.entry("properties").or_insert_with(|| Map::new().into())
    {
        properties.extend(common::fields(kind.facts()));
    }
    schema
}
