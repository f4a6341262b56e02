//! What a kind needs that not everybody has: permissions of the caller, and features of the organization.

use serde_json::Value;

use crate::kinds::{ALL, Kind};
use crate::model::{Call, Organization, Read, Segment};

/// Requests and the permissions they need (CONTRACT 2).
#[derive(Debug)]
pub struct Right {
    /// `METHOD /PATH`, where `*` stands for one segment of the path.
    pub request: &'static str,
    /// Only when the body has this field; empty for any body.
    pub field: &'static str,
    /// The permissions, as roles name them; none where everybody in the organization may do it.
    pub permissions: &'static [&'static str],
}

impl Right {
    /// Every request of this address.
    pub const fn new(request: &'static str, permissions: &'static [&'static str]) -> Self {
        Self { request, field: "", permissions }
    }

    /// Requests of this address whose body has a field.
    pub const fn with(request: &'static str, field: &'static str, permissions: &'static [&'static str]) -> Self {
        Self { request, field, permissions }
    }

    fn is_about(&self, method: &str, path: &[Option<&str>], body: Option<&Value>) -> bool {
        let Some((own, pattern)) = self.request.split_once(" /") else { return false };
        let mut parts = pattern.split('/');
        own == method
            && path.iter().all(|it| parts.next().is_some_and(|part| part == "*" || *it == Some(part)))
            && parts.next().is_none()
            && (self.field.is_empty() || body.is_some_and(|it| it.get(self.field).is_some()))
    }
}

/// Permissions of one request; nothing when no table speaks of it.
fn permissions(
    kind: &dyn Kind,
    method: &str,
    path: &[Option<&str>],
    body: Option<&Value>,
) -> Option<Vec<&'static str>> {
    let mut rows = kind.rights().iter().filter(|it| it.is_about(method, path, body)).peekable();
    rows.peek()?;
    Some(rows.flat_map(|it| it.permissions).copied().collect())
}

/// The permissions that a reading request of a kind needs; nothing when no table speaks of it.
///
/// A reader may ask for what belongs to another kind, so that every table is looked at.
pub fn of_read(read: &Read) -> Option<Vec<&'static str>> {
    let path: Vec<Option<&str>> = read.path.iter().map(|it| Some(it.as_str())).collect();
    ALL.iter().find_map(|it| permissions(*it, "GET", &path, None))
}

/// The permissions that a writing request of a kind needs; nothing when its table does not speak of it.
pub fn of_call(kind: &dyn Kind, call: &Call) -> Option<Vec<&'static str>> {
    let path: Vec<Option<&str>> = call
        .path
        .iter()
        .map(|it| match it {
            Segment::Text(text) => Some(text.as_str()),
            Segment::Hole(_) => None,
        })
        .collect();
    permissions(kind, &call.method.to_string(), &path, call.body.as_ref())
}

/// A sentence where the metadata says that a feature is off; one that it does not mention is not off.
pub(crate) fn switched_off(organization: &Organization, switch: &str, what: &str) -> Option<String> {
    let off = organization.features.get(switch) == Some(&false);
    off.then(|| format!("{what} are not in the organization's subscription (`{switch}` is off)"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Right, of_call};
    use crate::kinds::by_word;
    use crate::model::{Call, Hole, Method, Read, ResourceId, Segment};

    #[test]
    fn a_request_needs_what_every_row_that_speaks_of_it_says() {
        let team = by_word("team").expect("the kind");
        let of = |call: &Call| of_call(team, call);
        let patch = |body| Call::new(Method::Patch, ["api", "orgs", "acme", "teams", "web"]).body(body);
        assert_eq!(of(&patch(json!({"memberAction": "add"}))), Some(vec!["team:update"]));
        let grant = patch(json!({"addStackPermission": {}}));
        assert_eq!(of(&grant), Some(vec!["team:update", "stack_access:update"]));
        let mut path: Vec<Segment> =
            ["api", "orgs", "acme", "teams", "web", "roles"].into_iter().map(Into::into).collect();
        path.push(Hole::Kept { of: ResourceId::new("role", "r"), what: "id".to_owned() }.into());
        assert_eq!(of(&Call::new(Method::Post, path)), Some(vec!["role:update", "team:update"]));
        assert_eq!(of(&Call::new(Method::Post, ["api", "elsewhere"])), None);
    }

    #[test]
    fn a_read_is_found_in_whichever_table_it_stands() {
        let read = |rest: &[&str]| super::of_read(&Read::whole("x", [&["api", "orgs", "acme"], rest].concat()));
        assert_eq!(read(&["teams"]), Some(vec!["team:list"]));
        assert_eq!(read(&["teams", "tokens"]), Some(vec!["team:read"]));
        assert_eq!(read(&["teams", "web", "tokens"]), Some(vec!["team:list_tokens"]));
        assert_eq!(read(&["nothing"]), None);
    }

    #[test]
    fn rows_are_addresses() {
        for row in crate::kinds::ALL.iter().flat_map(|it| it.rights()) {
            let Right { request, permissions, .. } = row;
            assert!(request.split_once(" /api/").is_some_and(|it| !it.0.contains(' ')), "{request}");
            assert!(permissions.iter().all(|it| it.split_once(':').is_some()), "{request}: {permissions:?}");
        }
    }
}
