//! What one can ask about access: resources, and the stacks and environments that are none of ours.

use crate::kinds::role::read;
use crate::kinds::{ALL, by_word};
use crate::model::access::{ORGANIZATION, Part};
use crate::model::{Read, ResourceId, name};

type IdsAndNames = Result<Vec<(String, String)>, String>;

/// What is not managed here and has rights on it: its word, its list, and the names in a page of that.
struct Thing {
    word: &'static str,
    list: fn(&str) -> Read,
    names: fn(&[u8]) -> IdsAndNames,
}

const THINGS: [Thing; 2] = [
    Thing { word: "stack", list: read::stack_list, names: read::stack_names },
    Thing { word: "environment", list: read::environment_list, names: read::environment_names },
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

/// The names in a page of that list.
///
/// # Errors
/// When the answer breaks the contract.
pub fn names(kind: &str, body: &[u8]) -> Result<Vec<String>, String> {
    let Some(thing) = THINGS.iter().find(|it| it.word == kind) else { return Ok(Vec::new()) };
    Ok((thing.names)(body)?.into_iter().map(|it| it.1).collect())
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
