//! One file per kind of resource: what a person writes, what the service answers, and the calls that close the gap.
//!
//! [`Kind`] is all the machinery knows of a kind, and [`ALL`] is the only list of them. A kind is pure:
//! it describes requests as data and never sends one. To add a kind: copy a file, add its line to
//! [`ALL`], give the sandbox its routes, add a scenario.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{
    Action, Call, Change, Entry, FieldChange, FieldRule, LiveObject, Method, Problem, Read, Reference, ResourceId,
    Scope, Snapshot, Verb,
};

pub mod member;
pub mod role;
pub mod scim_group;
pub mod scim_user;
pub mod service;
pub mod team;
pub mod token;
pub mod words;
mod world;

pub use world::World;

/// Every kind, in the order in which plans show them and in which they depend on each other.
pub static ALL: &[&dyn Kind] = &[
    &role::Role,
    &member::Member,
    &team::Team,
    &service::Service,
    &token::Token,
    &scim_user::ScimUser,
    &scim_group::ScimGroup,
];

/// Sections that stand together under a key of their own (`scim: {users: …}`), and what that key is.
pub static GROUPS: &[(&str, &str)] = &[(
    "scim",
    "The identity provider's directory, over SCIM: read with a token of its own (`BYLAWS_SCIM_TOKEN`), and only \
     compared unless `--scim-writes` is given. Nobody and nothing is ever deleted there.",
)];

/// What never changes about a kind.
#[derive(Debug)]
pub struct Facts {
    /// The singular word, as in ids: `team`.
    pub word: &'static str,
    /// The manifest's section: `teams`.
    pub section: &'static str,
    /// What the section is, for the schema and its readers.
    pub about: &'static str,
    /// What one entry's key is, for the schema and its readers.
    pub key_about: &'static str,
    /// What an entry's key must look like, where that is narrower than for any name: the pattern, and what to say.
    pub name_pattern: Option<(&'static str, &'static str)>,
    /// What a new entry looks like in an editor: the body of a snippet, as JSON.
    pub snippet: fn() -> Value,
    /// Whether names that differ only by case are one.
    pub ignores_case: bool,
    /// How each field of the spec is compared. Every field of the spec stands here; a test holds it.
    pub fields: &'static [(&'static str, FieldRule)],
    /// Whether `renamedFrom` works for it, in place.
    pub renamable: bool,
    /// Whether `prune` may name it.
    pub prunable: bool,
    /// Whether deleting it other than by tombstone is a danger (`delete-WORD`).
    pub deletion_is_dangerous: bool,
    /// Kinds whose lists must be read to understand this one's answers.
    pub leans_on: &'static [&'static str],
    /// Kinds whose resources cannot go while one of this kind holds on to them, so that this one's list
    /// must be read before.
    pub holds_back: &'static [&'static str],
    /// The name of the `safety` list that protects its resources from plans, if there is one.
    pub protected_list: Option<(&'static str, &'static str)>,
}

/// How much of something one plan may take away: a share of what is managed, within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The share, of a hundred.
    pub percent: usize,
    /// So many are always fine.
    pub least: usize,
    /// So many at most, however many there are.
    pub most: usize,
}

impl Budget {
    /// How many of so many.
    pub fn of(self, managed: usize) -> usize {
        (managed * self.percent / 100).clamp(self.least, self.most)
    }
}

/// What the machinery needs of a kind.
pub trait Kind: Sync {
    /// What never changes about it.
    fn facts(&self) -> &'static Facts;

    /// The JSON Schema of one entry of its section; field texts are the user's manual.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;

    /// The entry in its canonical form: equal meanings become equal values. The value fits [`Kind::schema`].
    ///
    /// # Errors
    /// When the value does not decode: the schema and the type disagree, which is a bug.
    fn canonical(&self, spec: Value) -> Result<Value, String>;

    /// What the schema cannot say about an entry.
    fn check(&self, name: &str, spec: &Value) -> Vec<Problem>;

    /// Every name in the entry that must be something.
    fn references(&self, name: &str, spec: &Value) -> Vec<Reference>;

    /// Begins to read the live objects.
    fn reader(&self, scope: Scope) -> Box<dyn Reader>;

    /// Every resource that an object with this spec holds on to: it must let go before the other can be deleted.
    fn holds(&self, _name: &str, _spec: &Value) -> Vec<ResourceId> {
        Vec::new()
    }

    /// Whether an object that this change leaves alive no longer holds on to a resource afterwards.
    fn lets_go(&self, change: &Change, of: &ResourceId) -> bool {
        !self.holds(&change.name, &change.after).iter().any(|it| matching_id(it) == matching_id(of))
    }

    /// Who holds on to this live object, as far as reading it has told.
    fn holders(&self, _live: &LiveObject) -> Vec<ResourceId> {
        Vec::new()
    }

    /// What this live object goes with: when the service deletes that, it deletes this too. Default: nothing.
    fn goes_with(&self, _live: &LiveObject) -> Option<ResourceId> {
        None
    }

    /// What the fields alone do not tell: a successor that is due, a predecessor that can go. Default: nothing.
    fn due(&self, _spec: &Value, _live: &LiveObject, _world: &World) -> Vec<(FieldRule, FieldChange)> {
        Vec::new()
    }

    /// The steps of a change, from its verb, its fields, and its specs before and after.
    ///
    /// May add remarks, pointers to what only apply will know, and findings of its own to the draft.
    fn steps(&self, change: &mut Draft, world: &World) -> Vec<Action>;

    /// What one call of a change comes to, as far as the kind's own fields go: the rehearsal of a plan.
    ///
    /// `name` is what the object is called, `live` is as it was before the call, nothing where there is
    /// none; what is returned is as it is afterwards. `world` is the organization as it is by then.
    /// Default: a creation and a change bring about what the change says.
    ///
    /// # Errors
    /// When the call makes no sense on what is there: a bug of the kind.
    fn rehearse(
        &self,
        call: &Call,
        change: &Change,
        live: Option<LiveObject>,
        _world: &World,
    ) -> Result<Option<LiveObject>, String> {
        if call.method == Method::Delete {
            return Ok(None);
        }
        let live = live.unwrap_or_default();
        Ok(Some(LiveObject { name: change.name.clone(), spec: change.after.clone(), ..live }))
    }

    /// Whether `prune` may delete this live object; a tombstone may all the same. Default: yes.
    fn is_prunable(&self, _live: &LiveObject) -> bool {
        true
    }

    /// Kinds whose resources leave something of this kind behind when they go: it is all read then. Default: none.
    fn reports_on(&self) -> &'static [&'static str] {
        &[]
    }

    /// What this live object is a trace of, and what to say of it, without times that age. Default: nothing.
    fn traces(&self, _live: &LiveObject, _world: &World) -> Vec<(ResourceId, String)> {
        Vec::new()
    }

    /// Whether making an object with this spec only asks for it: it is there when somebody outside agrees.
    /// Default: no.
    fn only_asks(&self, _spec: &Value) -> bool {
        false
    }

    /// Whether it is of the identity provider's directory: read with a token of its own, written only where
    /// that was asked for, and never deleted. Default: no.
    fn is_of_directory(&self) -> bool {
        false
    }

    /// The people who administer the organization by this resource, with this spec. Default: nobody.
    fn administrators(&self, _name: &str, _spec: &Value) -> Vec<String> {
        Vec::new()
    }

    /// Whether an object with this spec administers the organization by itself. Default: no.
    fn administers(&self, _spec: &Value) -> bool {
        false
    }

    /// Fields of the spec that must not quietly become empty: lists of people, permissions, parts.
    fn guarded_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// How many of its objects one plan may delete without being asked to (RELIABILITY's rails).
    fn budget(&self) -> Budget {
        Budget { percent: 20, least: 1, most: 10 }
    }

    /// Whether the caller depends on this live object: it is them, their token, or what it belongs to.
    fn carries_caller(&self, _live: &LiveObject, _world: &World) -> bool {
        false
    }
}

/// A change while it is being planned: what the machinery knows, and what the kind adds.
#[derive(Debug)]
pub struct Draft<'a> {
    /// What is known so far; its steps are still empty.
    pub change: Change,
    /// The live object, for anything but a creation.
    pub live: Option<&'a LiveObject>,
    /// The manifest's entry, for anything but a deletion.
    pub entry: Option<&'a Entry>,
    /// Codes of dangers that are acknowledged for this change: a kind may send what it otherwise would not.
    pub acknowledged: BTreeSet<String>,
    /// Findings of the kind itself (code, sentence). The policy's table says which of them block.
    pub findings: Vec<(Cow<'static, str>, String)>,
}

impl Draft<'_> {
    /// What happens.
    pub fn verb(&self) -> Verb {
        self.change.verb
    }

    /// The change of a field, if it differs: `/members`.
    pub fn field(&self, pointer: &str) -> Option<&FieldChange> {
        self.change.fields.iter().find(|it| it.path == pointer)
    }
}

/// Reads one kind: says what to ask for, takes the answers, and turns them into live objects.
pub trait Reader: Send {
    /// The first requests.
    fn start(&mut self) -> Vec<Read>;

    /// One page of an answer; what it makes necessary is returned.
    ///
    /// # Errors
    /// When the answer breaks the contract: then the kind is unknown, never empty.
    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String>;

    /// A request answered 404. What that means is the kind's to say: by default it is a failure like
    /// any other, because a 404 for something that was listed is not "gone".
    ///
    /// # Errors
    /// When the thing is unknown rather than absent.
    fn absent(&mut self, read: &Read) -> Result<Vec<Read>, String> {
        Err(format!("/{} answered 404", read.path.join("/")))
    }

    /// What was read, with the kinds before this one in [`ALL`] already in `before`.
    fn finish(self: Box<Self>, before: &Snapshot) -> Finished;
}

/// What a reader has made of all answers.
#[derive(Debug, Default)]
pub struct Finished {
    /// The live objects.
    pub objects: Vec<LiveObject>,
    /// Why something may be missing, though every request was answered.
    pub incomplete: Option<String>,
    /// Names of objects that are there but were not told wholly, and why: nothing is planned for them.
    pub unknown: BTreeMap<String, String>,
    /// What the kind needs to know beside its objects: [`crate::model::KindState::facts`].
    pub facts: Value,
}

/// The kind with this word.
pub fn by_word(word: &str) -> Option<&'static dyn Kind> {
    ALL.iter().copied().find(|it| it.facts().word == word)
}

/// The kind with this section.
pub fn by_section(section: &str) -> Option<&'static dyn Kind> {
    ALL.iter().copied().find(|it| it.facts().section == section)
}

/// Where a kind stands among the others: plans are sorted by it, unknown words last.
pub fn rank(word: &str) -> usize {
    ALL.iter().position(|it| it.facts().word == word).unwrap_or(ALL.len())
}

/// What a name is matched by: itself, in lower case where the kind ignores case.
pub fn matching_key(word: &str, name: &str) -> String {
    match by_word(word) {
        Some(kind) if kind.facts().ignores_case => name.to_lowercase(),
        _ => name.to_owned(),
    }
}

/// A resource's id with its name as it is matched.
pub fn matching_id(id: &ResourceId) -> ResourceId {
    ResourceId::new(id.kind.clone(), matching_key(&id.kind, &id.name))
}

/// A spec as its type. The value was checked against the schema that the type itself gives.
pub(crate) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

/// A spec, decoded and encoded again: the canonical form for kinds whose types normalise.
pub(crate) fn canonical<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(value).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// One page of a list as its type.
pub(crate) fn page<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("an answer that breaks the contract: {error}"))
}

/// A text that may be left out, and where an empty one says the same.
pub(crate) fn told<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = serde::Deserialize::deserialize(source)?;
    Ok(text.filter(|it| !it.is_empty()))
}

/// The path of something below the organization: `api/orgs/ORG/…`.
pub(crate) fn org_path<S: AsRef<str>>(org: &str, rest: impl IntoIterator<Item = S>) -> Vec<String> {
    let mut path = vec!["api".to_owned(), "orgs".to_owned(), org.to_owned()];
    path.extend(rest.into_iter().map(|it| it.as_ref().to_owned()));
    path
}
