//! The schemas of what programs read: what they can count on, open to what later versions add.

use schemars::transform::ReplacePrefixItems;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::schema::shape;

/// The schema of one document.
pub(super) fn of<T: JsonSchema>(title: &str) -> Value {
    let settings = shape::settings().for_serialize().with_transform(ReplacePrefixItems::default());
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.insert("title".to_owned(), json!(title));
    for step in [open, omit_rather_than_null, describe_tags] {
        shape::everywhere(&mut schema, &mut |it| step(it));
    }
    shape::for_readers(&mut schema);
    schema.to_value()
}

/// Readers ignore names they do not know, so every object may have them.
fn open(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    let is_object = map.get("type") == Some(&json!("object"));
    if is_object && !map.get("additionalProperties").is_some_and(Value::is_object) {
        map.insert("additionalProperties".to_owned(), json!(true));
    }
}

/// What need not be there is left out when there is nothing to say, and so is never null.
fn omit_rather_than_null(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|it| it.iter().any(|it| it == name));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        if let Ok(property) = property.try_into() {
            shape::drop_nulls(property);
        }
    }
}

/// The one property that tells which branch of a choice this is means what the branch means.
fn describe_tags(schema: &mut Schema) {
    let Some(text) = schema.get("description").cloned() else { return };
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    if properties.len() == 1
        && let Some(Value::Object(tag)) = properties.values_mut().next()
    {
        tag.entry("description").or_insert(text);
    }
}
