//! What a step reads immediately before its first call, as data: whether what it is about to take away is still what
//! was planned with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One reading, and what has to hold for the step to begin. What is gone by then needs no guarding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guard {
    /// Path segments of the GET, unencoded, from `api` on. An answer that goes on is read to its end.
    pub path: Vec<String>,
    /// Query parameters, as pairs of name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// What has to hold, of every page.
    pub holds: Vec<Condition>,
}

/// Something that has to hold of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// One value is still this.
    Still {
        /// What it is, for people: `the address`.
        what: String,
        /// JSON pointer into the answer.
        pointer: String,
        /// The text that stands there.
        is: String,
    },
    /// Nothing has come into a list: every entry is one of these.
    Within {
        /// What an entry is, for people: `member`.
        what: String,
        /// JSON pointer to the list in the answer; one that is left out or null is empty.
        pointer: String,
        /// JSON pointers into an entry; their texts, with `/` between them, are its name. Upper and lower case
        /// are one.
        name: Vec<String>,
        /// The names that were planned with, sorted.
        names: Vec<String>,
    },
}

impl Guard {
    /// A reading of which nothing has to hold yet.
    pub fn new(path: Vec<String>) -> Self {
        Self { path, query: Vec::new(), holds: Vec::new() }
    }

    /// The same with a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, with a value that has to be what it was.
    pub fn still(mut self, what: &str, pointer: &str, is: &str) -> Self {
        let [what, pointer, is] = [what, pointer, is].map(str::to_owned);
        self.holds.push(Condition::Still { what, pointer, is });
        self
    }

    /// The same, with a list into which nothing may have come.
    pub fn within(mut self, what: &str, pointer: &str, name: &[&str], names: impl IntoIterator<Item = String>) -> Self {
        let name = name.iter().map(|it| (*it).to_owned()).collect();
        let mut names: Vec<String> = names.into_iter().collect();
        // In which order the service lists them means nothing.
        names.sort();
        self.holds.push(Condition::Within { what: what.to_owned(), pointer: pointer.to_owned(), name, names });
        self
    }
}

impl Condition {
    /// What no longer holds, in a few words; nothing where it does.
    ///
    /// # Errors
    /// When the answer does not tell.
    pub fn broken(&self, answer: &Value) -> Result<Option<String>, String> {
        match self {
            Condition::Still { what, pointer, is } => {
                let found = answer.pointer(pointer).and_then(Value::as_str);
                let found = found.ok_or_else(|| format!("there is no text at `{pointer}`"))?;
                Ok((found != is).then(|| format!("{what} is `{found}`, and was `{is}`")))
            }
            Condition::Within { what, pointer, name, names } => {
                let list = match answer.pointer(pointer) {
                    None | Some(Value::Null) => return Ok(None),
                    Some(found) => found.as_array().ok_or_else(|| format!("there is no list at `{pointer}`"))?,
                };
                for entry in list {
                    let parts: Option<Vec<&str>> =
                        name.iter().map(|it| entry.pointer(it).and_then(Value::as_str)).collect();
                    let found = parts.ok_or_else(|| format!("an entry of `{pointer}` has no name"))?.join("/");
                    if !names.iter().any(|it| it.to_lowercase() == found.to_lowercase()) {
                        return Ok(Some(format!("the {what} `{found}` has come since")));
                    }
                }
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Guard;

    #[test]
    fn what_has_changed_or_come_since_is_named_and_what_is_not_told_is_an_error() {
        let guard = Guard::new(Vec::new()).still("the kind", "/kind", "pulumi").within(
            "member",
            "/members",
            &["/type", "/login"],
            ["user/Bob".to_owned()],
        );
        let judged = |answer| guard.holds.iter().map(|it| it.broken(&answer)).collect::<Vec<_>>();
        assert_eq!(judged(json!({"kind": "pulumi"})), [Ok(None), Ok(None)]);
        let members = json!({"kind": "pulumi", "members": [{"type": "user", "login": "bob"}]});
        assert_eq!(judged(members), [Ok(None), Ok(None)]);
        let found = judged(json!({"kind": "scim", "members": [{"type": "user", "login": "eve"}]}));
        let told: Vec<String> = found.into_iter().map(|it| it.unwrap().unwrap()).collect();
        assert_eq!(told, ["the kind is `scim`, and was `pulumi`", "the member `user/eve` has come since"]);
        assert!(judged(json!({"members": null}))[0].is_err());
        assert!(judged(json!({"kind": "pulumi", "members": "none"}))[1].is_err());
        assert!(judged(json!({"kind": "pulumi", "members": [{"login": "bob"}]}))[1].is_err());
    }
}
