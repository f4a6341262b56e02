//! As much of OpenAPI 3.0 as it takes to judge one request and its answer.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use bylaws::sandbox::LoggedRequest;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Where the document itself is wrong: the place of a value that it forbids, and why the value is right.
const FLAWS: &[(&str, &str, &str)] = &[
    ("auth/policies", "/rules", "D38: free-form maps are declared as maps of objects; they hold texts and numbers"),
    ("/api/oauth/token", "", "D38: the same, for the body of a token exchange"),
    ("tokens: 200", "/role", "a token's custom role has no built-in identity, and no value is declared that says so"),
    ("/tags", "/name", "D39: a stack tag may have any name, not only a built-in one"),
];

/// A document and the validators made of it so far.
pub struct Document {
    paths: Map<String, Value>,
    schemas: Value,
    validators: BTreeMap<String, Validator>,
}

impl Document {
    pub fn read(path: &OsStr) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let mut schemas = document["components"]["schemas"].take();
        as_json_schema(&mut schemas);
        let Value::Object(paths) = document["paths"].take() else { panic!("the document has no paths") };
        Self { paths, schemas, validators: BTreeMap::new() }
    }

    /// The operation, or everything that the document forbids about the request and its answer.
    pub fn judge(&mut self, request: &LoggedRequest, undeclared: &[u16]) -> Result<String, Vec<String>> {
        let (template, operation) = self.operation(request).map_err(|what| vec![what])?;
        let name = format!("{} {template}", request.method);
        let mut wrong = Vec::new();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for pair in request.query.split('&').filter(|it| !it.is_empty()) {
            let key = pair.split('=').next().unwrap_or_default();
            if !parameters.iter().any(|it| it["in"] == "query" && it["name"] == key) {
                wrong.push(format!("{name}: no query parameter `{key}`"));
            }
        }
        let sent = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (&request.body, sent.is_null()) {
            (Some(body), false) => {
                wrong.extend(self.check(&format!("{name}: request"), sent, body));
                wrong.extend(self.strangers(&name, sent, body));
            }
            // An empty object is how nothing is said in JSON.
            (Some(body), true) if *body != json!({}) => wrong.push(format!("{name}: takes no body")),
            _ => {}
        }
        let answer = &operation["responses"][request.status.to_string()];
        if answer.is_null() && !undeclared.contains(&request.status) {
            wrong.push(format!("{name}: answers {}, which is not declared", request.status));
        }
        let told = &answer["content"]["application/json"]["schema"];
        if let (Some(body), false) = (&request.answer, told.is_null()) {
            wrong.extend(self.check(&format!("{name}: {}", request.status), told, body));
        }
        if wrong.is_empty() { Ok(name) } else { Err(wrong) }
    }

    /// The operation whose path fits with the most words of its own: `/teams/pulumi` before `/teams/{teamName}`.
    fn operation(&self, request: &LoggedRequest) -> Result<(String, Value), String> {
        let sent: Vec<&str> = request.path.split('/').collect();
        let is_open = |it: &str| it.starts_with('{');
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == sent.len() && parts.iter().zip(&sent).all(|(part, it)| is_open(part) || part == it)
        };
        let method = request.method.to_lowercase();
        let found = self.paths.iter().filter(|it| fits(it.0) && it.1.get(&method).is_some());
        let found = found.min_by_key(|it| it.0.split('/').filter(|part| is_open(part)).count());
        let (template, path) = found.ok_or_else(|| format!("no operation {} {}", request.method, request.path))?;
        Ok((template.clone(), path[&method].clone()))
    }

    fn check(&mut self, what: &str, schema: &Value, value: &Value) -> Vec<String> {
        let schemas = &self.schemas;
        let validator = self.validators.entry(what.to_owned()).or_insert_with(|| {
            let mut schema = schema.clone();
            as_json_schema(&mut schema);
            let draft = "http://json-schema.org/draft-07/schema#";
            let whole = json!({"$schema": draft, "allOf": [schema], "components": {"schemas": schemas}});
            jsonschema::validator_for(&whole).unwrap()
        });
        let is_flaw = |place: &str| FLAWS.iter().any(|(path, at, _)| what.contains(path) && place.contains(at));
        let errors = validator.iter_errors(value).map(|it| (it.instance_path().to_string(), it.to_string()));
        let errors = errors.filter(|it| !is_flaw(&it.0));
        errors.map(|(place, error)| format!("{what}{place}: {}", error.chars().take(200).collect::<String>())).collect()
    }

    /// Fields of a request that nobody declared: the service takes them for nothing, and says yes.
    fn strangers(&self, name: &str, schema: &Value, body: &Value) -> Vec<String> {
        let mut known = Vec::new();
        let open = self.fields(schema, &mut known);
        let sent = body.as_object().into_iter().flat_map(Map::keys);
        let strange = sent.filter(|it| !open && !known.contains(it));
        strange.map(|it| format!("{name}: request: nobody knows the field `{it}`")).collect()
    }

    /// Collects the fields of an object; whether it may have any others.
    fn fields(&self, schema: &Value, known: &mut Vec<String>) -> bool {
        if let Some(target) = schema["$ref"].as_str() {
            return self.fields(&self.schemas[target.rsplit('/').next().unwrap_or_default()], known);
        }
        known.extend(schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned());
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let open = parts.map(|it| self.fields(it, known)).fold(false, |open, it| open | it);
        open || schema.get("additionalProperties").is_some_and(|it| *it != json!(false))
    }
}

/// What OpenAPI 3.0 says in words of its own: `nullable`, and a `discriminator` that adds nothing.
fn as_json_schema(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.remove("nullable") == Some(json!(true))
                && let Some(kind) = fields.get("type").cloned()
            {
                fields.insert("type".to_owned(), json!([kind, "null"]));
            }
            fields.remove("discriminator");
            fields.values_mut().for_each(as_json_schema);
        }
        Value::Array(list) => list.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}
