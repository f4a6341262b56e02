//! What has to be read to tell who may do what.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kinds::{self, Kind};
use crate::model::access::Part;
use crate::model::{ResourceId, Scope};

/// How much of a kind an answer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// Only those that are asked about.
    Asked,
    All,
}

/// How much of a kind has to be read for these questions.
pub(super) fn need(kind: &dyn Kind, asked: &[ResourceId]) -> Need {
    let part = |id: &ResourceId| kinds::by_word(&id.kind).map(|it| it.part());
    let any = |wanted: Option<Part>| asked.iter().any(|it| part(it) == wanted);
    let own = |id: &ResourceId| id.kind == kind.facts().word;
    // About everybody, or about something on which anybody may have rights.
    let open = asked.is_empty() || any(None) || any(Some(Part::Owned));
    match kind.part() {
        Part::None => Need::Nothing,
        Part::Owned if asked.iter().all(|it| part(it).is_none()) && !asked.is_empty() => Need::Nothing,
        Part::Owned => Need::All,
        Part::Acts if open || any(Some(Part::Gives)) || asked.iter().any(own) => Need::All,
        Part::Acts => Need::Nothing,
        Part::Gives if !asked.is_empty() && asked.iter().all(own) => Need::Asked,
        Part::Gives => Need::All,
    }
}

/// The same scopes, and what these questions need besides.
pub fn scopes_for(asked: &[ResourceId], mut scopes: BTreeMap<&'static str, Scope>) -> BTreeMap<&'static str, Scope> {
    for kind in kinds::ALL {
        let Some(scope) = scopes.get_mut(kind.facts().word) else { continue };
        match need(*kind, asked) {
            Need::Nothing => {}
            Need::All => kind.access_scope(scope),
            Need::Asked => {
                for id in asked {
                    scope.declared.entry(id.name.clone()).or_insert(Value::Null);
                }
            }
        }
    }
    for kind in kinds::ALL {
        if scopes.get(kind.facts().word).is_none_or(Scope::is_empty) {
            continue;
        }
        for word in kind.facts().leans_on {
            if let Some(scope) = scopes.get_mut(word) {
                scope.listed = true;
            }
        }
    }
    scopes
}
