//! The parts of a manifest that belong to no kind: its head, its rails, and the fields of every entry.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::kinds::words::Date;
use crate::kinds::{self, Facts, Shape};
use crate::model::FieldRule;

/// What any name must look like, without look-around: not `.` or `..`, no white space at either end, and no slash,
/// backslash or control character anywhere. The loader refuses invisible characters as well.
pub(super) const NAME: (&str, &str) = (
    r"^([^./\\\x00-\x20\x7f-\xa0]([^/\\\x00-\x1f\x7f-\x9f]*[^/\\\x00-\x20\x7f-\xa0])?|\.([^./\\\x00-\x20\x7f-\xa0]|[^/\\\x00-\x1f\x7f-\x9f]+[^/\\\x00-\x20\x7f-\xa0]))$",
    r"Write a name without / or \, without a space at either end, and other than . or ..",
);

/// The longest name.
pub(super) const NAME_LENGTH: usize = 255;

/// What stands before the sections.
pub(super) fn head() -> Map<String, Value> {
    map(json!({
        "$schema": {
            "type": "string",
            "description": "The schema that editors check this file with. bylaws itself does not look at it.",
            "doNotSuggest": true,
        },
        "organization": {
            "type": "string",
            "description": "The organization, by its name in addresses: `acme` for `https://app.pulumi.com/acme`. \
                Exactly one file of a manifest says it.",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$",
            "patternErrorMessage":
                "Write the organization's name in addresses: letters, digits, hyphens and underscores.",
        },
    }))
}

/// What stands after the sections.
pub(super) fn tail(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let prunable = sections(
        |it| it.prunable,
        |it| {
            json!({
                "type": "boolean",
                "description": format!(
                    "Whether plans delete what is live and would belong to `{}`, but is in no manifest. Left out: `false`.",
                    it.section
                ),
            })
        },
    );
    let removed = sections(
        |it| it.shape == Shape::Map && !of_directory(it),
        |it| names(format!("Names from `{}` that shall not exist: plans delete them if they are live.", it.section)),
    );
    let external = sections(
        |it| it.shape == Shape::Map && !of_directory(it),
        |it| {
            names(format!(
                "Names that others may refer to as if they stood in `{}`, and that plans never touch.",
                it.section
            ))
        },
    );
    map(json!({
        "prune": object(
            "For which sections \"in no manifest\" means \"delete\". Without it, what is live and in no manifest is \
                counted and left alone.",
            prunable,
        ),
        "removed": object(
            "Tombstones: what shall be deleted, by section. A reviewed tombstone also acknowledges the deletion. \
                It can be taken out once the deletion is applied.",
            removed,
        ),
        "external": object("What is managed elsewhere, by section: it may be referred to, and is never touched.", external),
        "safety": safety(generator),
    }))
}

/// What `x-` keys hold.
pub(super) fn anchors() -> Value {
    json!({
        "title": "x-*",
        "description": "Anything, for anchors (`&name`) that other places take up by alias (`*name`). \
            It says nothing by itself.",
    })
}

/// The types that only the common parts use.
pub(super) fn definitions() -> Map<String, Value> {
    map(json!({
        "Name": {
            "type": "string",
            "description": "The name of a resource, as the service spells it.",
            "pattern": NAME.0,
            "patternErrorMessage": NAME.1,
            "maxLength": NAME_LENGTH,
        },
    }))
}

/// The fields that every entry of a kind may have, whatever the kind.
pub(super) fn fields(facts: &Facts) -> Map<String, Value> {
    let mut fields = map(json!({
        "note": {
            "type": "string",
            "description": "A remark for whoever reads the manifest. It is never sent anywhere.",
        },
        "protect": {
            "type": "boolean",
            "description": "Whether every plan that would delete or replace it is refused. \
                To delete it all the same, take this line away first, in a change of its own. Left out: `false`.",
        },
    }));
    // What always exists never goes, and so needs no protection.
    if facts.shape == Shape::One {
        fields.remove("protect");
    }
    if facts.renamable {
        let renamed = json!({
            "$ref": "#/definitions/Name",
            "description": "Its name before. The live object is then renamed in place, instead of deleted and made anew. \
                The line can be taken out once the new name is live.",
        });
        fields.insert("renamedFrom".to_owned(), renamed);
    }
    fields
}

/// The rails, with the lists of what kinds let a manifest protect by name.
fn safety(generator: &mut SchemaGenerator) -> Value {
    let mut properties = map(json!({
        "minimumAdmins": {
            "type": "integer",
            "description": "How many administrators must be left. A plan that leaves fewer needs an acknowledgement. \
                Left out: `2`.",
            "minimum": 1,
            "maximum": 1000,
        },
    }));
    for (list, about) in kinds::ALL.iter().filter_map(|it| it.facts().protected_list) {
        properties.insert(list.to_owned(), names(about.to_owned()));
    }
    let acknowledgements = json!({
        "type": "array",
        "description": "Dangers that are accepted, each for one change. Whoever approves the change to this list approves them.",
        "items": acknowledgement(generator),
    });
    properties.insert("acknowledge".to_owned(), acknowledgements);
    object(
        "Rails: how many administrators must be left, what plans leave alone, and which dangers are accepted.",
        properties,
    )
}

/// One acknowledged danger.
fn acknowledgement(generator: &mut SchemaGenerator) -> Value {
    let words: Vec<_> = kinds::ALL.iter().map(|it| it.facts().word).collect();
    let mut until = generator.subschema_for::<Date>();
    until.insert("description".to_owned(), "The last day on which it is accepted. Left out: for ever.".into());
    let properties = json!({
        "danger": {
            "type": "string",
            "description": "The danger's code, as the plan prints it. `bylaws explain CODE` tells more.",
            "pattern": "^[a-z]+(-[a-z]+)*$",
            "patternErrorMessage": "Write the danger's code as the plan prints it, such as few-admins.",
            "defaultSnippets": dangers(),
        },
        "of": {
            "type": "string",
            "description": "The change that brings the danger, as the plan prints it: `KIND/NAME`.",
            "pattern": format!(r"^({})(/[^/\\]+)?$", words.join("|")),
            "patternErrorMessage": format!("Write KIND/NAME as the plan prints it; KIND is one of {}.", words.join(", ")),
        },
        "until": until,
        "reason": {"type": "string", "description": "Why, for whoever reads it later."},
    });
    let mut schema = object("A danger that is accepted for one change.", map(properties));
    schema["title"] = "Acknowledgement".into();
    schema["required"] = json!(["danger", "of"]);
    schema
}

/// What an editor offers as a danger: the codes that follow from what is known of all kinds.
fn dangers() -> Vec<Value> {
    let mut codes: Vec<(String, String)> = [
        ("few-admins", "Fewer administrators than `minimumAdmins` are left."),
        ("emptied", "A list or a pruned section that is full today becomes empty."),
        ("new-admins", "More than two new administrators, or a default role that makes them."),
        ("suspected-rename", "A deletion and a creation look like one rename."),
    ]
    .map(|(code, about)| (code.to_owned(), about.to_owned()))
    .to_vec();
    for facts in kinds::ALL.iter().map(|it| it.facts()) {
        if facts.deletion_is_dangerous {
            codes.push((format!("delete-{}", facts.word), "It is deleted without a tombstone.".to_owned()));
        }
        let replacing = facts.fields.iter().filter(|(_, rule)| *rule == FieldRule::Replaces);
        let fields: Vec<_> = replacing.map(|(name, _)| format!("`{name}`")).collect();
        if !fields.is_empty() {
            let about = format!("It is deleted and made anew, because of its {}.", fields.join(" or "));
            codes.push((format!("replace-{}", facts.word), about));
        }
    }
    codes.into_iter().map(|(code, about)| json!({"label": code, "description": about, "body": code})).collect()
}

/// One property for each section whose kind is wanted.
/// Whether a kind is of the identity provider's directory, where nothing is ever deleted.
fn of_directory(facts: &Facts) -> bool {
    kinds::by_word(facts.word).is_some_and(|it| it.is_of_directory())
}

fn sections(wanted: fn(&Facts) -> bool, property: fn(&Facts) -> Value) -> Map<String, Value> {
    let facts = kinds::ALL.iter().map(|it| it.facts()).filter(|it| wanted(it));
    facts.map(|it| (it.section.to_owned(), property(it))).collect()
}

/// A list of names.
fn names(about: String) -> Value {
    json!({"type": "array", "description": about, "items": {"$ref": "#/definitions/Name"}, "uniqueItems": true})
}

/// A closed object.
fn object(about: &str, properties: Map<String, Value>) -> Value {
    json!({"type": "object", "description": about, "properties": properties, "additionalProperties": false})
}

/// The entries of an object that is written as JSON.
fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
