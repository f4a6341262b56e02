//! Every request that a test sends and every answer that the sandbox gives, held against the published contract.
//!
//! As much of OpenAPI 3.0 as that takes. The document is named by a variable; without one nothing is judged, and the
//! test in `contract` says so. It is read once for each process, and a schema is compiled when it is first needed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, OnceLock, PoisonError};

use bylaws::sandbox::LoggedRequest;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Names the document: `spec.json` of the service's provider. See CONTRIBUTING.
pub const VARIABLE: &str = "BYLAWS_OPENAPI";

/// Refusals that the document declares almost nowhere, and the service gives everywhere (CONTRACT 1.3).
const UNDECLARED: &[u16] = &[400, 401, 403, 404, 409, 412, 429];

/// What of an exchange is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The program's requests, and the sandbox's answers.
    Both,
    /// Only the answers: the requests are a test's own, and may be wrong on purpose.
    Answers,
}

/// The operations that the exchanges were about; an exchange that the document forbids fails the test.
///
/// An answer that a fault was asked for is none of the sandbox's, and is not judged; its request is.
#[track_caller]
pub fn hold(exchanges: &[LoggedRequest], side: Side) -> BTreeSet<String> {
    hold_but(exchanges, side, &[])
}

/// The same, but for what a test breaks on purpose: every text must be part of a problem that was found.
#[track_caller]
pub fn hold_but(exchanges: &[LoggedRequest], side: Side, on_purpose: &[&str]) -> BTreeSet<String> {
    static DOCUMENT: OnceLock<Option<Mutex<Document>>> = OnceLock::new();
    let read = || std::env::var_os(VARIABLE).map(|path| Mutex::new(Document::read(&path)));
    let Some(document) = DOCUMENT.get_or_init(read) else { return BTreeSet::new() };
    let (mut wrong, mut operations) = (BTreeSet::<String>::new(), BTreeSet::new());
    {
        let mut document = document.lock().unwrap_or_else(PoisonError::into_inner);
        for exchange in exchanges.iter().filter(|it| !OTHERS.iter().any(|(path, _)| it.path.starts_with(path))) {
            match document.judge(exchange, side) {
                Ok(operation) => operations.extend(operation),
                Err(problems) => wrong.extend(problems),
            }
        }
    }
    let unbroken: Vec<_> = on_purpose.iter().filter(|it| !wrong.iter().any(|problem| problem.contains(**it))).collect();
    assert!(unbroken.is_empty(), "nothing of this was broken: {unbroken:?}");
    wrong.retain(|it| !on_purpose.iter().any(|text| it.contains(text)));
    assert!(
        wrong.is_empty(),
        "the published contract says otherwise, {} times:\n{}",
        wrong.len(),
        wrong.iter().cloned().collect::<Vec<_>>().join("\n")
    );
    operations
}

/// What the document does not speak of at all, and who does.
const OTHERS: &[(&str, &str)] = &[("/scim/v2/", "the identity provider's directory: RFC 7643 and RFC 7644")];

/// Where the document itself is wrong: the place of a value that it forbids, and why the value is right.
const FLAWS: &[(&str, &str, &str)] = &[
    ("auth/policies", "/rules", "D38: free-form maps are declared as maps of objects; they hold texts and numbers"),
    ("/api/oauth/token", "", "D38: the same, for the body of a token exchange"),
    ("tokens: 200", "/role", "a token's custom role has no built-in identity, and no value is declared that says so"),
    ("/tags", "/name", "D39: a stack tag may have any name, not only a built-in one"),
];

/// A document and the validators made of it so far.
struct Document {
    paths: Map<String, Value>,
    schemas: Value,
    validators: BTreeMap<String, Validator>,
    /// What was found sound, so that the same again costs nothing.
    sound: HashSet<u64>,
}

impl Document {
    fn read(path: &OsStr) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let mut schemas = document["components"]["schemas"].take();
        as_json_schema(&mut schemas);
        let Value::Object(paths) = document["paths"].take() else { panic!("the document has no paths") };
        Self { paths, schemas, validators: BTreeMap::new(), sound: HashSet::new() }
    }

    /// The operation where there is one, or everything that the document forbids about the request and its answer.
    fn judge(&mut self, request: &LoggedRequest, side: Side) -> Result<Option<String>, Vec<String>> {
        let (template, operation) = match self.operation(request) {
            Ok(found) => found,
            // What the router does not know it says so of, in plain text.
            Err(_) if side == Side::Answers && matches!(request.status, 404 | 405) => return Ok(None),
            Err(what) => return Err(vec![what]),
        };
        let name = format!("{} {template}", request.method);
        let LoggedRequest { method, path, query, body, status, answer, fault, authorization_ok: _, connection: _ } =
            request;
        let mut hasher = DefaultHasher::new();
        let (body, answer) = (body.as_ref().map(Value::to_string), answer.as_ref().map(Value::to_string));
        (method, path, query, body, status, answer, fault, side == Side::Both).hash(&mut hasher);
        if self.sound.contains(&hasher.finish()) {
            return Ok(Some(name));
        }
        let mut wrong = Vec::new();
        if side == Side::Both {
            wrong.extend(self.request(&name, &operation, request));
        }
        if fault.is_none() {
            wrong.extend(self.answer(&name, &operation, request));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        self.sound.insert(hasher.finish());
        Ok(Some(name))
    }

    fn request(&mut self, name: &str, operation: &Value, request: &LoggedRequest) -> Vec<String> {
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
                wrong.extend(self.strangers(name, sent, body));
            }
            // An empty object is how nothing is said in JSON.
            (Some(body), true) if *body != json!({}) => wrong.push(format!("{name}: takes no body")),
            _ => {}
        }
        wrong
    }

    fn answer(&mut self, name: &str, operation: &Value, request: &LoggedRequest) -> Vec<String> {
        let mut wrong = Vec::new();
        let answer = &operation["responses"][request.status.to_string()];
        if answer.is_null() && !UNDECLARED.contains(&request.status) {
            wrong.push(format!("{name}: answers {}, which is not declared", request.status));
        }
        let told = &answer["content"]["application/json"]["schema"];
        if let (Some(body), false) = (&request.answer, told.is_null()) {
            wrong.extend(self.check(&format!("{name}: {}", request.status), told, body));
        }
        wrong
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
