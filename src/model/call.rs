//! One request, as data: printed, saved, reviewed, replayed and tested before anybody sends it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::{Duration, ResourceId};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads what only the service knows by then, such as the id of what an earlier call made along with
    /// something else; it changes nothing.
    Get,
    /// Creates.
    Post,
    /// Changes in place.
    Patch,
    /// Deletes.
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        })
    }
}

/// One request of a step, as a rule a writing one. It cannot branch on an answer: where that is needed, it is two actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// Path segments, unencoded, from `api` on: sent with `/` between them, each encoded as one.
    pub path: Vec<Segment>,
    /// Query parameters, as pairs of name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// The JSON body; null wherever `holes` has something to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// JSON pointers into the body, and what apply puts there. Kept beside the body, so that no text
    /// a person wrote can be taken for one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub holes: BTreeMap<String, Hole>,
    /// What is taken out of the answer: ids for later calls, and secrets for their sinks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// Statuses that mean "it is so already", besides every 2xx (and 404 for a deletion).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<u16>,
    /// JSON pointer into the answer: what is there only if it was done, where the status alone does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Sent instead where the service has no such route (404 or 405 without JSON): an older server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<Call>>,
    /// Sent instead where the service answers 409: the thing is there already, and is changed rather than made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_conflict: Option<Box<Call>>,
    /// JSON pointer to a list in the body that may be sent in parts: it is halved where the service answers
    /// 400 or 413 (or goes to `apart`), and no part that was taken is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<String>,
    /// Sent after this one, with that list, where the service answers 400 or 413 to all of it at once: then this
    /// one is sent again with an empty list, because such an answer says that nothing was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<Box<Call>>,
    /// What a refusal of it says of other calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<Common>,
    /// Permissions that the caller needs for it, where that is known; a 403 names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// What may be behind a 403, besides a permission that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<String>,
    /// What to do where the service refuses it (a 4xx other than 401, 403, 408 and 429).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Sent if what this call made could not be delivered: a secret nobody holds must not stay alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Call>>,
}

/// Calls that stand and fall together: a refusal (4xx) of one speaks for all that are still to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// What they do, for people; the same words stand for the same calls: `adding members`.
    pub what: String,
    /// Statuses that speak of this call alone.
    pub alone: Vec<u16>,
}

/// One path segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Segment {
    /// Known now.
    Text(String),
    /// Known when an earlier action of the same apply has been answered.
    Hole(Hole),
}

/// Something a plan cannot know, filled in when the call is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Hole {
    /// A value kept by an earlier call's capture: `what` (such as `id`) of the resource.
    #[serde(rename_all = "camelCase")]
    Kept {
        /// Whose.
        of: ResourceId,
        /// Which.
        what: String,
    },
    /// `STEM-NONCE`, the nonce made up when the call is sent, so that no name is ever sent twice.
    #[serde(rename_all = "camelCase")]
    FreshName {
        /// All before the nonce.
        stem: String,
    },
    /// Unix seconds, this long after the moment of sending.
    #[serde(rename_all = "camelCase")]
    After {
        /// How long.
        duration: Duration,
    },
    /// A secret, looked up in the environment of whoever applies.
    #[serde(rename_all = "camelCase")]
    Environment {
        /// The variable's name.
        variable: String,
    },
    /// A value that the manifest gives and that is nobody else's business: taken from there when the call
    /// is sent, and only if it is still the one that was planned with.
    #[serde(rename_all = "camelCase")]
    Given {
        /// The entry that gives it.
        of: ResourceId,
        /// Where in the entry (JSON pointer).
        pointer: String,
        /// SHA-256 over the entry's id, the pointer and the value.
        digest: String,
    },
}

impl Hole {
    /// The place of a value that only the manifest may hold.
    pub fn given(of: ResourceId, pointer: &str, value: &str) -> Self {
        let digest = digest(&of, pointer, value);
        Hole::Given { of, pointer: pointer.to_owned(), digest }
    }

    /// Whether a value is the one that this place was made for.
    pub fn is_for(&self, value: &str) -> bool {
        matches!(self, Hole::Given { of, pointer, digest: wanted } if digest(of, pointer, value) == *wanted)
    }
}

fn digest(of: &ResourceId, pointer: &str, value: &str) -> String {
    let digest = Sha256::digest(format!("{of}\0{pointer}\0{value}"));
    digest.iter().map(|it| format!("{it:02x}")).collect()
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hole::Kept { of, what } => write!(f, "<{what} of {of}>"),
            Hole::FreshName { stem } => write!(f, "{stem}-<nonce>"),
            Hole::After { duration } => write!(f, "<{duration} from then>"),
            Hole::Environment { variable } => write!(f, "<env:{variable}>"),
            Hole::Given { of, pointer, .. } => write!(f, "<{} of {of}>", pointer.trim_start_matches('/')),
        }
    }
}

/// Something taken out of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capture {
    /// JSON pointer into the answer.
    pub pointer: String,
    /// Where it goes.
    pub into: Into,
}

/// Where a captured value goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Into {
    /// A secret, to the sink of this text, before anything else happens.
    Sink(String),
    /// Kept under this word of the call's resource, for the holes of later calls.
    Keep(String),
    /// Compared with this: where the service says something else, what was made is not what was asked for, and
    /// nothing more is sent for its resource.
    Same(String),
}

impl Call {
    /// A call without query, body or captures.
    pub fn new<S: std::convert::Into<Segment>>(method: Method, path: impl IntoIterator<Item = S>) -> Self {
        Self {
            method,
            path: path.into_iter().map(std::convert::Into::into).collect(),
            query: Vec::new(),
            body: None,
            holes: BTreeMap::new(),
            captures: Vec::new(),
            already: Vec::new(),
            proof: None,
            otherwise: None,
            on_conflict: None,
            splits: None,
            apart: None,
            common: None,
            permissions: Vec::new(),
            forbidden: None,
            refused: None,
            undo: None,
        }
    }

    /// The same with a body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with a hole at `pointer` of the body, where a null must stand.
    pub fn hole(mut self, pointer: impl std::convert::Into<String>, hole: Hole) -> Self {
        self.holes.insert(pointer.into(), hole);
        self
    }

    /// The same with something taken out of the answer.
    pub fn capture(mut self, pointer: impl std::convert::Into<String>, into: Into) -> Self {
        self.captures.push(Capture { pointer: pointer.into(), into });
        self
    }

    /// The same, taking `status` for "it is so already".
    pub fn already(mut self, status: u16) -> Self {
        self.already.push(status);
        self
    }

    /// The same, with what to send to a server that has no such route.
    pub fn otherwise(mut self, call: Call) -> Self {
        self.otherwise = Some(Box::new(call));
        self
    }

    /// The same, with what to send where the thing is there already.
    pub fn on_conflict(mut self, call: Call) -> Self {
        self.on_conflict = Some(Box::new(call));
        self
    }

    /// The same, with a list in the body that may be sent in parts.
    pub fn splits(mut self, pointer: impl std::convert::Into<String>) -> Self {
        self.splits = Some(pointer.into());
        self
    }

    /// The same, with what takes the list in the body where the service refuses this call for it: sent after
    /// this one, with the list at the same place, and in parts if it may be.
    pub fn apart(mut self, pointer: impl std::convert::Into<String>, call: Call) -> Self {
        self.splits = Some(pointer.into());
        self.apart = Some(Box::new(call));
        self
    }

    /// The same, standing and falling with all other calls that do `what`, unless these statuses answer it.
    pub fn common(mut self, what: impl std::convert::Into<String>, alone: &[u16]) -> Self {
        self.common = Some(Common { what: what.into(), alone: alone.to_vec() });
        self
    }

    /// The same, with what to do where the service refuses it.
    pub fn refused(mut self, advice: impl std::convert::Into<String>) -> Self {
        self.refused = Some(advice.into());
        self
    }

    /// The calls that may be sent in this one's stead or after it.
    pub fn others_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        let others = [&mut self.otherwise, &mut self.on_conflict, &mut self.apart, &mut self.undo];
        others.into_iter().flatten().map(|it| &mut **it)
    }

    /// The text at a pointer of the body; empty where there is none.
    pub fn text(&self, pointer: &str) -> String {
        let value = self.body.as_ref().and_then(|it| it.pointer(pointer));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// What stands, or will stand, at a pointer of the body.
    pub fn segment(&self, pointer: &str) -> Option<Segment> {
        if let Some(hole) = self.holes.get(pointer) {
            return Some(Segment::Hole(hole.clone()));
        }
        let value = self.body.as_ref()?.pointer(pointer)?.as_str()?;
        Some(Segment::Text(value.to_owned()))
    }

    /// The segments of the path that are known; what is not is empty.
    pub fn path_texts(&self) -> Vec<&str> {
        let mut texts = Vec::with_capacity(self.path.len());
        for segment in &self.path {
            texts.push(match segment {
                Segment::Text(text) => text.as_str(),
                Segment::Hole(_) => "",
            });
        }
        texts
    }

    /// The environment variables whose values it sends, those of the calls that may follow it included.
    pub fn variables(&self) -> Vec<&str> {
        let own = self.holes.values().chain(self.path.iter().filter_map(|it| match it {
            Segment::Hole(hole) => Some(hole),
            Segment::Text(_) => None,
        }));
        let own = own.filter_map(|it| match it {
            Hole::Environment { variable } => Some(variable.as_str()),
            Hole::Kept { .. } | Hole::FreshName { .. } | Hole::After { .. } | Hole::Given { .. } => None,
        });
        let others = [self.otherwise.as_deref(), self.apart.as_deref(), self.undo.as_deref()].into_iter().flatten();
        own.chain(others.flat_map(Call::variables)).collect()
    }

    /// The path for people: unencoded, holes in angle brackets. Never sent.
    pub fn display_path(&self) -> String {
        self.path.iter().map(|it| format!("/{it}")).collect()
    }
}

impl From<&str> for Segment {
    fn from(text: &str) -> Self {
        Segment::Text(text.to_owned())
    }
}

impl From<String> for Segment {
    fn from(text: String) -> Self {
        Segment::Text(text)
    }
}

impl From<&String> for Segment {
    fn from(text: &String) -> Self {
        Segment::Text(text.clone())
    }
}

impl From<Hole> for Segment {
    fn from(hole: Hole) -> Self {
        Segment::Hole(hole)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Text(text) => f.write_str(text),
            Segment::Hole(hole) => write!(f, "{hole}"),
        }
    }
}
