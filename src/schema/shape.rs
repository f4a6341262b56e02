//! Turns what `schemars` generates into what editors understand: draft-07, no nulls, no unions, every text twice.
//!
//! Each step is about one thing that a YAML language server gets wrong otherwise: it leaves out the colon after
//! a key whose value is a `oneOf`, offers `null` where that is a type, fails over defaults that are null, and
//! names what has no `title` after the schema's address.

use std::collections::BTreeMap;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use serde_json::{Map, Value, json};

/// The draft that every editor knows.
pub(super) const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Draft-07 by its keywords, but with texts beside references, which its generator would wrap into an `allOf`.
pub(super) fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|it| {
        it.definitions_path = "/definitions".into();
        it.meta_schema = Some(DRAFT.into());
    })
}

/// The shape of a schema that people read.
pub(super) fn for_readers(root: &mut Schema) {
    for step in [flow_text, list_choices, drop_formats, add_titles, sort_keywords] {
        everywhere(root, &mut |schema| step(schema));
    }
}

/// The shape of a schema that editors work with.
pub(super) fn for_editors(root: &mut Schema) {
    for step in [drop_nulls, drop_defaults] {
        everywhere(root, &mut |schema| step(schema));
    }
    let texts = shaped_texts(root);
    everywhere(root, &mut |schema| name_keys(schema, &texts));
    for step in [flow_text, list_choices, drop_formats, add_titles, add_markdown, sort_keywords] {
        everywhere(root, &mut |schema| step(schema));
    }
}

/// Does `step` to a schema and to every schema in it, but not to values such as the bodies of snippets.
pub(super) fn everywhere(schema: &mut Schema, step: &mut dyn FnMut(&mut Schema)) {
    step(schema);
    transform_subschemas(&mut |inner: &mut Schema| everywhere(inner, step), schema);
}

/// An optional field is one that may be left out, never one that may be null.
pub(super) fn drop_nulls(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
        branches.retain(|it| it["type"] != "null");
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            map.remove("anyOf");
            for (keyword, value) in only {
                map.entry(keyword).or_insert(value);
            }
        }
    }
}

/// A default is said in words: editors would write it into the file.
fn drop_defaults(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    let Some(default) = map.remove("default") else { return };
    if !(default.is_null() || default.is_array() || default.is_object()) {
        let text = map.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{text} Left out: `{default}`.").trim_start().to_owned();
        map.insert("description".to_owned(), text.into());
    }
}

/// By its pattern, what the schema says about every text that has one.
fn shaped_texts(root: &mut Schema) -> BTreeMap<String, Value> {
    let mut texts = BTreeMap::new();
    everywhere(root, &mut |schema| {
        if let (Some(Value::String(pattern)), Some(message)) =
            (schema.get("pattern"), schema.get("patternErrorMessage"))
        {
            let about = schema.get("description").cloned().unwrap_or_default();
            let text = json!({"description": about, "pattern": pattern, "patternErrorMessage": message});
            texts.entry(pattern.clone()).or_insert(text);
        }
    });
    texts
}

/// A mapping whose keys must fit one pattern says why a key does not, instead of "not allowed".
fn name_keys(schema: &mut Schema, texts: &BTreeMap<String, Value>) {
    let Some(map) = schema.as_object_mut() else { return };
    if map.contains_key("properties") {
        return;
    }
    let Some(Value::Object(patterns)) = map.get("patternProperties") else { return };
    let mut patterns = patterns.iter();
    let (Some((pattern, values)), None) = (patterns.next(), patterns.next()) else { return };
    let (Some(names), values) = (texts.get(pattern), values.clone()) else { return };
    map.remove("patternProperties");
    map.insert("propertyNames".to_owned(), names.clone());
    map.insert("additionalProperties".to_owned(), values);
}

/// Lines that were broken for the source flow again; paragraphs stay.
fn flow_text(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::String(text)) = map.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// A choice of texts is an `enum` with a description of each, not a union of constants.
fn list_choices(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    let Some(Value::Array(branches)) = map.get("oneOf") else { return };
    let mut choices: Vec<(Value, Value)> = Vec::new();
    for branch in branches {
        let text = branch.get("description").cloned().unwrap_or_else(|| "".into());
        match (&branch["type"], &branch["const"], &branch["enum"]) {
            (Value::String(kind), Value::String(value), _) if kind == "string" => {
                choices.push((value.clone().into(), text));
            }
            (Value::String(kind), _, Value::Array(values)) if kind == "string" => {
                choices.extend(values.iter().map(|it| (it.clone(), text.clone())));
            }
            _ => return,
        }
    }
    let (values, texts): (Vec<_>, Vec<_>) = choices.into_iter().unzip();
    map.remove("oneOf");
    map.insert("type".to_owned(), "string".into());
    map.insert("enum".to_owned(), values.into());
    map.insert("enumDescriptions".to_owned(), texts.clone().into());
    map.insert("markdownEnumDescriptions".to_owned(), texts.into());
}

/// `uint32` and the like are no formats of draft-07.
fn drop_formats(schema: &mut Schema) {
    schema.remove("format");
}

/// A definition is called after its type, a property after itself.
fn add_titles(schema: &mut Schema) {
    for group in ["definitions", "properties"] {
        let Some(Value::Object(members)) = schema.get_mut(group) else { continue };
        for (name, member) in members {
            if let Value::Object(member) = member {
                member.entry("title").or_insert_with(|| name.as_str().into());
            }
        }
    }
}

/// Editors that know Markdown show this text; the plain one they would escape.
fn add_markdown(schema: &mut Schema) {
    if let Some(text) = schema.get("description").cloned() {
        schema.insert("markdownDescription".to_owned(), text);
    }
}

/// The keywords in which a schema is read, in that order; those that are not listed come where the empty one stands.
const ORDER: [&str; 19] = [
    "$schema",
    "title",
    "description",
    "markdownDescription",
    "type",
    "$ref",
    "enum",
    "enumDescriptions",
    "markdownEnumDescriptions",
    "pattern",
    "patternErrorMessage",
    "anyOf",
    "",
    "required",
    "properties",
    "propertyNames",
    "patternProperties",
    "additionalProperties",
    "definitions",
];

/// What a thing is called stands before what it is made of.
fn sort_keywords(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    let rank = |keyword: &str| ORDER.iter().position(|it| *it == keyword);
    let others = rank("");
    let mut keywords: Vec<_> = std::mem::take(map).into_iter().collect();
    keywords.sort_by_key(|(keyword, _)| rank(keyword).or(others));
    *map = Map::from_iter(keywords);
}

#[cfg(test)]
mod tests {
    use schemars::json_schema;
    use serde_json::json;

    use super::for_editors;

    #[test]
    fn a_default_is_said_in_words() {
        let mut schema = json_schema!({
            "properties": {
                "rotation": {"type": ["integer", "null"], "format": "uint32", "description": "Raise it.", "default": 1},
                "note": {"type": "string", "default": null},
            },
        });
        for_editors(&mut schema);
        let rotation = json!({
            "title": "rotation",
            "description": "Raise it. Left out: `1`.",
            "markdownDescription": "Raise it. Left out: `1`.",
            "type": "integer",
        });
        assert_eq!(
            schema.as_value()["properties"],
            json!({"rotation": rotation, "note": {"title": "note", "type": "string"}})
        );
    }

    #[test]
    fn an_optional_reference_keeps_the_text_beside_it() {
        let mut schema = json_schema!({
            "description": "Its\nowner.",
            "anyOf": [{"$ref": "#/definitions/Owner", "description": "Any owner."}, {"type": "null"}],
        });
        for_editors(&mut schema);
        let expected = json!({
            "description": "Its owner.", "markdownDescription": "Its owner.", "$ref": "#/definitions/Owner",
        });
        assert_eq!(schema.as_value(), &expected);
    }

    #[test]
    fn a_choice_with_and_without_texts_is_one_list() {
        let mut schema = json_schema!({
            "oneOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "string", "const": "c", "description": "The last."}],
        });
        for_editors(&mut schema);
        let texts = json!(["", "", "The last."]);
        let expected = json!({
            "type": "string", "enum": ["a", "b", "c"], "enumDescriptions": texts, "markdownEnumDescriptions": texts,
        });
        assert_eq!(schema.as_value(), &expected);
    }

    #[test]
    fn the_body_of_a_snippet_is_left_alone() {
        let body = json!({"properties": {"a": {"default": 1, "description": "x\ny"}}});
        let mut schema = json_schema!({"defaultSnippets": [{"label": "new", "body": body}]});
        let before = schema.clone();
        for_editors(&mut schema);
        assert_eq!(schema, before);
    }
}
