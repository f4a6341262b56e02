//! Stacks and environments: none of ours, but named by ours, and what one can ask about access.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kinds::role::read;
use crate::kinds::{ALL, by_word};
use crate::model::access::{ORGANIZATION, Part};
use crate::model::{Read, ResourceId, Snapshot, name};

type IdsAndNames = Result<Vec<(String, String)>, String>;

/// What is not managed here and has rights on it: its word, the field that names several, its list, and the names
/// in a page of that.
struct Thing {
    word: &'static str,
    field: &'static str,
    list: fn(&str) -> Read,
    names: fn(&[u8]) -> IdsAndNames,
}

const THINGS: [Thing; 2] = [
    Thing { word: "stack", field: "stacks", list: read::stack_list, names: read::stack_names },
    Thing { word: "environment", field: "environments", list: read::environment_list, names: read::environment_names },
];

/// What somebody typed to ask about: `user/alice`, `team/platform`, `stack/shop/prod`, `organization`.
///
/// # Errors
/// What is wrong with it.
pub fn asked(text: &str) -> Result<ResourceId, String> {
    let mut id: ResourceId = text.parse().map_err(|_| refusal(text))?;
    // A person is a member of the organization, and a user of the service.
    if id.kind == "user" {
        id.kind = "member".to_owned();
    }
    let is_thing = THINGS.iter().any(|it| it.word == id.kind);
    let known = is_thing || by_word(&id.kind).is_some_and(|it| it.part() != Part::None);
    match (id.kind.as_str(), id.name.as_str()) {
        (ORGANIZATION, "") => Ok(id),
        (_, "") => Err(refusal(text)),
        _ if !known => Err(refusal(text)),
        (kind, qualified) if is_thing => match name::qualified_refusal(qualified) {
            Some(why) => Err(format!("`{text}` is no {kind}: {why}; write {kind}/PROJECT/NAME")),
            None => Ok(id),
        },
        _ => Ok(id),
    }
}

fn refusal(text: &str) -> String {
    let kinds: Vec<&str> = ALL.iter().filter(|it| it.part() != Part::None).map(|it| it.facts().word).collect();
    format!(
        "access cannot be told of `{text}`; write user/LOGIN, stack/PROJECT/STACK, environment/PROJECT/NAME, \
         {ORGANIZATION}, or KIND/NAME with one of the kinds {}",
        kinds.join(", ")
    )
}

/// The list in which something that is not managed here stands; nothing for our own resources.
pub fn list(kind: &str, org: &str) -> Option<Read> {
    THINGS.iter().find(|it| it.word == kind).map(|it| (it.list)(org))
}

/// The things that are named in a spec's fields for them, by word and name: in lists, or as keys.
pub(super) fn named(fields: &Value) -> Vec<(&'static str, String)> {
    let mut named = Vec::new();
    for Thing { word, field, .. } in &THINGS {
        let listed = fields[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let keys = fields[field].as_object().into_iter().flatten().map(|it| it.0.clone());
        named.extend(listed.chain(keys).map(|it| (*word, it)));
    }
    named
}

/// The ids by name of what was listed; null where nobody asked.
pub(super) fn by_name(asked: bool, names: BTreeMap<String, String>) -> Value {
    let map = || names.into_iter().map(|(id, name)| (name, Value::String(id))).collect::<Map<_, _>>();
    if asked { map().into() } else { Value::Null }
}

/// Whether a thing of this word and name is not there: its list was read whole, for whichever kind, by
/// somebody who sees all of it. What was not read is not gone; where nothing was, there is nothing to ask.
pub fn gone(live: &Snapshot) -> Option<impl Fn(&str, &str) -> bool> {
    let sees_all = live.organization.user_role.as_deref() == Some("admin");
    let whole = live.kinds.values().filter(move |it| sees_all && it.read && it.incomplete.is_none());
    let lists: Vec<(&str, &Map<String, Value>)> = whole
        .flat_map(|it| THINGS.iter().filter_map(|thing| Some((thing.word, it.facts.get(thing.field)?.as_object()?))))
        .collect();
    let any = !lists.is_empty();
    let is_gone = move |word: &str, name: &str| {
        // What is spelled in another way than PROJECT/NAME is in no list, and says nothing by that.
        let spelled = name.matches('/').count() == 1;
        spelled && lists.iter().find(|it| it.0 == word).is_some_and(|it| !it.1.contains_key(name))
    };
    any.then_some(is_gone)
}

/// The ids and names in a page of that list.
///
/// # Errors
/// When the answer breaks the contract.
pub(super) fn ids_and_names(kind: &str, body: &[u8]) -> IdsAndNames {
    THINGS.iter().find(|it| it.word == kind).map_or(Ok(Vec::new()), |it| (it.names)(body))
}

/// The names in a page of that list.
///
/// # Errors
/// When the answer breaks the contract.
pub fn names(kind: &str, body: &[u8]) -> Result<Vec<String>, String> {
    Ok(ids_and_names(kind, body)?.into_iter().map(|it| it.1).collect())
}

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn people_are_asked_for_as_users_too() {
        for (text, id) in [
            ("user/alice", "member/alice"),
            ("member/alice", "member/alice"),
            ("team/a b", "team/a b"),
            ("stack/shop/prod", "stack/shop/prod"),
            ("environment/shop/prod", "environment/shop/prod"),
            ("organization", "organization"),
        ] {
            assert_eq!(asked(text).map(|it| it.to_string()), Ok(id.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_nothing_is_refused_with_what_can_be_written() {
        for text in ["", "alice", "steak/shop/prod", "organization/x", "team/", "team"] {
            assert!(asked(text).unwrap_err().contains("write user/LOGIN"), "{text}");
        }
        for text in ["stack/shop", "stack/shop/..", "environment/a/b/c"] {
            assert!(asked(text).unwrap_err().contains("/PROJECT/NAME"), "{text}");
        }
    }
}
