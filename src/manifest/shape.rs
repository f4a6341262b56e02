//! The manifest's JSON Schema in a typed form, compiled once.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;
use serde_json::{Map, Value};

/// All shapes of the schema.
#[derive(Debug)]
pub(super) struct Shapes {
    all: Vec<Shape>,
    /// The shape of a file.
    pub root: ShapeId,
}

/// Where a shape stands in [`Shapes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShapeId(usize);

/// What one value may be.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The types it may have. Null is never one: the schema's nulls are those of optional fields.
    pub types: Types,
    /// The only texts it may be, if there is such a list.
    pub choices: Vec<String>,
    /// It must have one of these shapes, if there are any.
    pub alternatives: Vec<ShapeId>,
    /// For texts.
    pub text: TextRule,
    /// For numbers.
    pub minimum: Option<f64>,
    /// For numbers.
    pub maximum: Option<f64>,
    /// For lists: what each item is.
    pub item: Option<ShapeId>,
    /// For lists: no item twice.
    pub unique: bool,
    /// For lists and mappings: the least number of items or keys.
    pub least: usize,
    /// For mappings: keys with a shape of their own, in the schema's order.
    pub fields: Vec<(String, ShapeId)>,
    /// For mappings: keys of a form.
    pub patterns: Vec<(Form, ShapeId)>,
    /// For mappings: all other keys.
    pub rest: Rest,
    /// For mappings: what each key must look like.
    pub key: TextRule,
    /// For mappings: keys that must be there.
    pub required: Vec<String>,
}

/// What a mapping makes of keys it does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    /// They may be there.
    #[default]
    Anything,
    /// They may not.
    Refused,
    /// They hold this.
    Shape(ShapeId),
}

/// What a text must look like.
#[derive(Debug, Default)]
pub(super) struct TextRule {
    /// The least number of characters.
    pub least: usize,
    /// The largest number of characters.
    pub most: Option<usize>,
    /// Its form.
    pub form: Option<Form>,
}

/// A pattern, and what to say when it is not met.
#[derive(Debug)]
pub(super) struct Form {
    pattern: String,
    compiled: OnceLock<Option<Regex>>,
    /// What to write instead.
    pub message: Option<String>,
}

impl Form {
    fn new(pattern: &str, message: Option<&Value>) -> Self {
        let message = message.and_then(Value::as_str).map(str::to_owned);
        Self { pattern: pattern.to_owned(), compiled: OnceLock::new(), message }
    }

    /// The pattern, unless it is none: a mistake in the schema, which a test looks for.
    pub fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&self.pattern).ok()).as_ref()
    }

    /// Whether a text has the form.
    pub fn fits(&self, text: &str) -> bool {
        self.regex().is_none_or(|it| it.is_match(text))
    }
}

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    /// A text.
    pub const TEXT: Types = Types(1);
    /// `true` or `false`.
    pub const BOOL: Types = Types(2);
    /// A whole number.
    pub const INTEGER: Types = Types(4);
    /// Any number.
    pub const NUMBER: Types = Types(8);
    /// A list.
    pub const LIST: Types = Types(16);
    /// A mapping.
    pub const MAP: Types = Types(32);
    const ANY: Types = Types(63);

    /// Whether the two have something in common.
    pub fn meets(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    pub fn with(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    /// In words: `a text or a list`.
    pub fn in_words(self) -> String {
        let words = [
            (Types::TEXT, "a text"),
            (Types::BOOL, "`true` or `false`"),
            (Types::NUMBER, "a number"),
            (if self.meets(Types::NUMBER) { Types(0) } else { Types::INTEGER }, "a whole number"),
            (Types::LIST, "a list"),
            (Types::MAP, "a mapping"),
        ];
        words.into_iter().filter(|(it, _)| self.meets(*it)).map(|(_, word)| word).collect::<Vec<_>>().join(" or ")
    }

    fn named(name: &str) -> Types {
        match name {
            "string" => Types::TEXT,
            "boolean" => Types::BOOL,
            "integer" => Types::INTEGER,
            "number" => Types::NUMBER.with(Types::INTEGER),
            "array" => Types::LIST,
            "object" => Types::MAP,
            _ => Types(0),
        }
    }
}

impl Default for Types {
    fn default() -> Self {
        Types::ANY
    }
}

impl Shapes {
    /// The shapes of manifests. Compiling them takes longer than reading a small manifest, and often there is more
    /// than one to read: the base branch's, or the one that an import wrote.
    pub fn of_manifests() -> &'static Self {
        static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::compile(&crate::schema::manifest()));
        &SHAPES
    }

    /// Compiles a schema. Keywords that only editors read are passed over.
    pub fn compile(schema: &Value) -> Self {
        let mut compiler = Compiler { schema, all: Vec::new(), known: HashMap::new() };
        let root = compiler.shape(schema);
        Self { all: compiler.all, root }
    }

    /// The shape with this id.
    pub fn get(&self, id: ShapeId) -> &Shape {
        &self.all[id.0]
    }

    /// Whether a shape accepts whatever is there.
    pub fn is_anything(&self, id: ShapeId) -> bool {
        let shape = self.get(id);
        shape.types == Types::ANY && shape.choices.is_empty() && shape.alternatives.is_empty()
    }

    /// The types of a shape, those of its alternatives included.
    pub fn types(&self, id: ShapeId) -> Types {
        let shape = self.get(id);
        if shape.alternatives.is_empty() {
            return shape.types;
        }
        shape.alternatives.iter().fold(Types(0), |types, it| types.with(self.types(*it)))
    }

    /// The texts that a shape, or one of its alternatives, lists.
    pub fn choices(&self, id: ShapeId) -> Vec<&str> {
        let shape = self.get(id);
        let below = shape.alternatives.iter().flat_map(|it| self.choices(*it));
        shape.choices.iter().map(String::as_str).chain(below).collect()
    }

    /// The shape of a field of a mapping, if it has one by name.
    pub fn field(&self, id: ShapeId, name: &str) -> Option<ShapeId> {
        self.get(id).fields.iter().find(|(it, _)| it == name).map(|(_, shape)| *shape)
    }

    /// The shape of one entry of a section, or of the only one: `teams`, or `scim.users` where sections
    /// stand in a group.
    pub fn entry(&self, section: &str) -> Option<ShapeId> {
        let own = section.split('.').try_fold(self.root, |id, part| self.field(id, part))?;
        match self.get(own).rest {
            Rest::Shape(id) => Some(id),
            Rest::Refused => Some(own),
            Rest::Anything => None,
        }
    }
}

struct Compiler<'a> {
    schema: &'a Value,
    all: Vec<Shape>,
    known: HashMap<String, ShapeId>,
}

impl Compiler<'_> {
    fn shape(&mut self, schema: &Value) -> ShapeId {
        let Value::Object(keywords) = schema else { return self.add(Shape::default()) };
        if let Some(pointer) = keywords.get("$ref").and_then(Value::as_str) {
            return self.reference(pointer);
        }
        let mut alternatives = self.alternatives(keywords);
        if let ([only], false) = (&alternatives[..], keywords.contains_key("type")) {
            return *only;
        }
        let mut choices = strings(keywords.get("enum"));
        choices.extend(keywords.get("const").and_then(Value::as_str).map(str::to_owned));
        if alternatives.iter().all(|it| !self.all[it.0].choices.is_empty()) {
            choices.extend(alternatives.drain(..).flat_map(|it| self.all[it.0].choices.clone()));
        }
        let number = |name: &str| keywords.get(name).and_then(Value::as_f64);
        let least = keywords.get("minItems").or_else(|| keywords.get("minProperties")).and_then(Value::as_u64);
        let shape = Shape {
            types: types(keywords, !choices.is_empty()),
            choices,
            alternatives,
            text: text_rule(keywords),
            minimum: number("minimum"),
            maximum: number("maximum"),
            item: keywords.get("items").map(|it| self.shape(it)),
            unique: keywords.get("uniqueItems") == Some(&Value::Bool(true)),
            least: least.unwrap_or(0) as usize,
            fields: self.shapes(keywords.get("properties")),
            patterns: self.patterns(keywords.get("patternProperties")),
            rest: match keywords.get("additionalProperties") {
                None | Some(Value::Bool(true)) => Rest::Anything,
                Some(Value::Bool(false)) => Rest::Refused,
                Some(schema) => Rest::Shape(self.shape(schema)),
            },
            key: keywords.get("propertyNames").and_then(Value::as_object).map(text_rule).unwrap_or_default(),
            required: strings(keywords.get("required")),
        };
        self.add(shape)
    }

    fn add(&mut self, shape: Shape) -> ShapeId {
        self.all.push(shape);
        ShapeId(self.all.len() - 1)
    }

    /// What `#/definitions/X` points to, compiled once. Texts beside a `$ref` are for editors.
    fn reference(&mut self, pointer: &str) -> ShapeId {
        if let Some(known) = self.known.get(pointer) {
            return *known;
        }
        let target = pointer.strip_prefix('#').and_then(|it| self.schema.pointer(it)).unwrap_or(&Value::Null);
        let id = self.shape(target);
        self.known.insert(pointer.to_owned(), id);
        id
    }

    /// `anyOf` and `oneOf`, without the nulls of optional fields.
    fn alternatives(&mut self, keywords: &Map<String, Value>) -> Vec<ShapeId> {
        let listed = ["anyOf", "oneOf"].into_iter().filter_map(|it| keywords.get(it)?.as_array());
        let is_null = |it: &&Value| it.get("type").and_then(Value::as_str) == Some("null");
        let schemas: Vec<&Value> = listed.flatten().filter(|it| !is_null(it)).collect();
        schemas.into_iter().map(|it| self.shape(it)).collect()
    }

    fn shapes(&mut self, schemas: Option<&Value>) -> Vec<(String, ShapeId)> {
        let schemas = schemas.and_then(Value::as_object);
        schemas.into_iter().flatten().map(|(name, schema)| (name.clone(), self.shape(schema))).collect()
    }

    fn patterns(&mut self, schemas: Option<&Value>) -> Vec<(Form, ShapeId)> {
        self.shapes(schemas).into_iter().map(|(pattern, id)| (Form::new(&pattern, None), id)).collect()
    }
}

fn types(keywords: &Map<String, Value>, has_choices: bool) -> Types {
    match keywords.get("type") {
        Some(Value::String(name)) => Types::named(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).fold(Types(0), |types, it| types.with(Types::named(it)))
        }
        _ if has_choices => Types::TEXT,
        _ => Types::ANY,
    }
}

fn text_rule(keywords: &Map<String, Value>) -> TextRule {
    let count = |name: &str| keywords.get(name).and_then(Value::as_u64).map(|it| it as usize);
    let pattern = keywords.get("pattern").and_then(Value::as_str);
    TextRule {
        least: count("minLength").unwrap_or(0),
        most: count("maxLength"),
        form: pattern.map(|it| Form::new(it, keywords.get("patternErrorMessage"))),
    }
}

fn strings(values: Option<&Value>) -> Vec<String> {
    let values = values.and_then(Value::as_array);
    values.into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Shapes, Types};

    #[test]
    fn every_pattern_of_the_schema_is_one() {
        let shapes = Shapes::compile(&crate::schema::manifest());
        for shape in &shapes.all {
            let forms = [&shape.text.form, &shape.key.form];
            for form in forms.into_iter().flatten().chain(shape.patterns.iter().map(|(it, _)| it)) {
                assert!(form.regex().is_some(), "{form:?}");
            }
        }
    }

    #[test]
    fn optional_fields_are_no_choice() {
        let shapes = Shapes::compile(&json!({"anyOf": [{"$ref": "#/definitions/A"}, {"type": "null"}],
            "definitions": {"A": {"oneOf": [{"const": "a"}, {"const": "b"}]}}}));
        let root = shapes.get(shapes.root);
        assert_eq!(root.choices, ["a", "b"]);
        assert_eq!(root.types, Types::TEXT);
        assert!(root.alternatives.is_empty());
    }

    #[test]
    fn types_are_told_in_words() {
        assert_eq!(Types::TEXT.with(Types::LIST).in_words(), "a text or a list");
        assert_eq!(Types::INTEGER.in_words(), "a whole number");
        assert_eq!(Types::named("number").in_words(), "a number");
    }

    #[test]
    fn entries_of_sections_are_found() {
        let shapes = Shapes::compile(&crate::schema::manifest());
        let member = shapes.entry("members").unwrap();
        let role = shapes.field(member, "role").unwrap();
        assert_eq!(shapes.choices(role), ["admin", "member", "billing-manager"]);
    }
}
