//! What an editor writes for people must itself be right.

use bylaws::kinds;
use bylaws::schema;
use serde_json::{Map, Value, json};

use super::everywhere;

/// A text of a snippet as an editor leaves it when nobody types: placeholders become what they stand for.
fn expanded(text: &str) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        result.push_str(&rest[..start]);
        let stop = rest[start..].find('}').ok_or_else(|| format!("`{text}` has a `$` that is no placeholder"))? + start;
        let inner = rest[start..stop].strip_prefix("${").unwrap_or_default();
        match inner.split_once(':') {
            Some((number, default)) if number.parse::<u8>().is_ok() && !default.is_empty() => result.push_str(default),
            _ => return Err(format!("`{text}` has a placeholder that stands for nothing")),
        }
        rest = &rest[stop + 1..];
    }
    result.push_str(rest);
    Ok(result)
}

/// A snippet's body as an editor leaves it.
fn expanded_body(body: &Value) -> Result<Value, String> {
    Ok(match body {
        Value::String(text) => expanded(text)?.into(),
        Value::Array(items) => items.iter().map(expanded_body).collect::<Result<_, _>>()?,
        Value::Object(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let name = expanded(key)?;
                if key.contains('$') && name.contains('-') {
                    return Err(format!("the key `{key}` has a `-` in its placeholder: editors indent by it"));
                }
                map.insert(name, expanded_body(value)?);
            }
            map.into()
        }
        plain => plain.clone(),
    })
}

/// Why the snippet is not fit for its place, or nothing if it is.
fn fault(definitions: &Value, schema: &Value, snippet: &Value) -> Option<String> {
    for keyword in ["label", "description", "body"] {
        if snippet.get(keyword).is_none() {
            return Some(format!("a snippet without `{keyword}`"));
        }
    }
    let whole = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": definitions,
        "allOf": [schema],
    });
    match expanded_body(&snippet["body"]) {
        Err(fault) => Some(fault),
        Ok(Value::Array(_)) => Some("a snippet with a list as its body comes out broken".to_owned()),
        Ok(Value::String(_)) if schema["type"] == "object" => Some("a text as a body is not indented".to_owned()),
        Ok(body) => {
            let error = jsonschema::validate(&whole, &body).err()?;
            Some(format!(
                "the snippet {} writes what is wrong: {error} at `{}`",
                snippet["label"],
                error.instance_path()
            ))
        }
    }
}

#[test]
fn every_snippet_writes_what_the_schema_allows() {
    let definitions = schema::manifest()["definitions"].clone();
    everywhere(|site| {
        let snippets = site.schema.get("defaultSnippets")?.as_array()?;
        snippets.iter().find_map(|it| fault(&definitions, site.schema, it))
    });
}

#[test]
fn every_section_offers_a_new_entry() {
    let schema = schema::manifest();
    for facts in kinds::ALL.iter().map(|it| it.facts()) {
        let label = &schema.pointer(&super::place(facts.section)).unwrap()["defaultSnippets"][0]["label"];
        assert_eq!(label, &format!("new {}", facts.word));
    }
}

#[test]
fn placeholders_stand_for_something() {
    assert_eq!(expanded("team/${2:name}").as_deref(), Ok("team/name"));
    assert_eq!(expanded("${3:stack:read}").as_deref(), Ok("stack:read"));
    for text in ["$1", "${1}", "${1:}", "${name}", "a ${1:b"] {
        assert!(expanded(text).is_err(), "{text}");
    }
}
