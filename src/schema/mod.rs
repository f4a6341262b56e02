//! JSON Schemas out of the kinds.

use serde_json::{Map, Value, json};

use crate::kinds;
use crate::model::desired::COMMON_FIELDS;

/// The JSON Schema of a manifest.
pub fn manifest() -> Value {
    let mut generator = schemars::SchemaGenerator::default();
    let mut properties = Map::new();
    properties.insert("$schema".into(), json!({"type": "string"}));
    properties.insert(
        "organization".into(),
        json!({"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_-]{1,38}[a-zA-Z0-9]$", "patternErrorMessage": "Write the organization's name as in addresses."}),
    );
    let names = json!({"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true});
    let (mut prune, mut lists, mut safety) = (Map::new(), Map::new(), Map::new());
    for kind in kinds::ALL {
        let facts = kind.facts();
        let entry = kind.schema(&mut generator);
        properties.insert(facts.section.into(), json!({"type": "object", "additionalProperties": entry}));
        if facts.prunable {
            prune.insert(facts.section.into(), json!({"type": "boolean"}));
        }
        lists.insert(facts.section.into(), names.clone());
        if let Some((list, _)) = facts.protected_list {
            safety.insert(list.into(), names.clone());
        }
    }
    let text = json!({"type": "string"});
    safety.insert("minimumAdmins".into(), json!({"type": "integer", "minimum": 1, "maximum": 1000}));
    let acknowledgement = json!({"type": "object", "additionalProperties": false, "required": ["danger", "of"],
        "properties": {"danger": text, "of": text, "until": text, "reason": text}});
    safety.insert("acknowledge".into(), json!({"type": "array", "items": acknowledgement}));
    for (name, fields) in [("prune", prune), ("removed", lists.clone()), ("external", lists), ("safety", safety)] {
        let section = json!({"type": "object", "additionalProperties": false, "properties": fields});
        properties.insert(name.into(), section);
    }
    let mut definitions = serde_json::to_value(generator.take_definitions(true)).unwrap_or_default();
    for kind in kinds::ALL {
        let name = format!("{}Spec", kind.facts().word[..1].to_uppercase() + &kind.facts().word[1..]);
        for field in COMMON_FIELDS {
            let schema = if field == "protect" { json!({"type": "boolean"}) } else { text.clone() };
            if field != "renamedFrom" || kind.facts().renamable {
                definitions[&name]["properties"][field] = schema;
            }
        }
    }
    json!({
        "$defs": definitions, "type": "object", "additionalProperties": false,
        "properties": properties, "patternProperties": {"^x-": true},
    })
}
