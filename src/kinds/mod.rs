//! One file per kind of resource: what a person writes, what the service answers, and the calls that close the gap.
//!
//! [`Kind`] is all the machinery knows of a kind, and [`ALL`] is the only list of them. A kind is pure:
//! it describes requests as data and never sends one. To add a kind: copy a file, add its line to
//! [`ALL`], give the sandbox its routes, add a scenario.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::access::{Grants, Part};
use crate::model::{
    Action, Call, Change, Desired, FieldChange, FieldRule, Instant, LiveObject, Method, Organization, Problem,
    Reference, ResourceId, Scope, Verb,
};

mod budget;
mod draft;
pub mod member;
pub mod oidc_issuer;
mod reader;
pub mod rights;
pub mod role;
pub mod scim_group;
pub mod scim_user;
pub mod service;
pub mod settings;
pub mod team;
pub mod things;
pub mod token;
pub mod webhook;
pub mod words;
mod world;

pub use budget::Budget;
pub use draft::Draft;
pub use reader::{Finished, Reader};
pub use rights::Right;
pub use world::{NO_RENAMES, World};

/// Every kind, in the order in which plans show them and in which they depend on each other.
pub static ALL: &[&dyn Kind] = &[
    &role::Role,
    &member::Member,
    &team::Team,
    &service::Service,
    &token::Token,
    &oidc_issuer::OidcIssuer,
    &webhook::Webhook,
    &settings::Settings,
    &scim_user::ScimUser,
    &scim_group::ScimGroup,
];

/// What a kind's section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Entries by name.
    Map,
    /// One entry without a name, which always exists: it is never made, deleted, pruned or managed elsewhere.
    One,
}

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
    /// What its section holds.
    pub shape: Shape,
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

/// Whoever is given something by a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// People, tokens, and whatever else stands for those who have it.
    pub known: Vec<ResourceId>,
    /// Whether one of them stands for people of whom nobody knows how many they are.
    pub open: bool,
}

impl Recipients {
    /// Only this one.
    pub fn one(id: ResourceId) -> Self {
        Self { known: vec![id], open: false }
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

    /// What neither the schema nor the entry alone can say: what other entries of the manifest make of it.
    /// Default: nothing.
    fn check_beside(&self, _name: &str, _spec: &Value, _desired: &Desired) -> Vec<Problem> {
        Vec::new()
    }

    /// Every name in the entry that must be something.
    fn references(&self, name: &str, spec: &Value) -> Vec<Reference>;

    /// The stacks and environments that a spec names and that may be gone, each by its word and its name. Those
    /// that it cannot name without their ids are not among them. Default: none.
    fn things(&self, _spec: &Value) -> Vec<(&'static str, String)> {
        Vec::new()
    }

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
        match call.method {
            Method::Get => return Ok(live),
            Method::Delete => return Ok(None),
            Method::Post | Method::Patch => {}
        }
        let live = live.unwrap_or_default();
        Ok(Some(LiveObject { name: change.name.clone(), spec: change.after.clone(), ..live }))
    }

    /// What an import writes for a live object: what somebody would have written, without what goes without saying.
    /// Default: all that was read and is not empty.
    ///
    /// # Errors
    /// Why it cannot be written, such as `it is managed elsewhere`.
    fn imported(&self, live: &LiveObject) -> Result<Value, String> {
        Ok(without_empty(live, &[]))
    }

    /// Fields of which one at most is given, because each says all that the others could. Default: none.
    fn alternatives(&self) -> &'static [&'static str] {
        &[]
    }

    /// What an import cannot know of any of them, for whoever reads what it wrote.
    fn import_remark(&self) -> Option<&'static str> {
        None
    }

    /// Whether one of them is enough for a file of its own, where every file is to be small. Default: no.
    fn fills_a_file(&self) -> bool {
        false
    }

    /// Whether `prune` may delete this live object; a tombstone may all the same. Default: yes.
    fn is_prunable(&self, _live: &LiveObject) -> bool {
        true
    }

    /// The field by which the service knows it, where that is not its name: no two entries can share its value.
    /// Default: none.
    fn identity(&self) -> Option<&'static str> {
        None
    }

    /// Kinds whose resources leave something of this kind behind when they go: it is all read then. Default: none.
    fn reports_on(&self) -> &'static [&'static str] {
        &[]
    }

    /// When this live object stops working by itself. Default: never.
    fn ends(&self, _live: &LiveObject) -> Option<Instant> {
        None
    }

    /// What this live object is a trace of, and what to say of it, without times that age. Default: nothing.
    fn traces(&self, _live: &LiveObject, _world: &World) -> Vec<(ResourceId, String)> {
        Vec::new()
    }

    /// The ids of the audit log's events that can be what this change undoes: of a creation, those of a deletion.
    /// None where the log is not known to tell of it; nothing where nobody brings it about, as what falls due.
    /// Default: none.
    fn events(&self, _verb: Verb) -> Option<&'static [&'static str]> {
        Some(&[])
    }

    /// Whether an event that names this is about the resource of a change. Default: it is its name, or the one before.
    fn is_called(&self, name: &str, change: &Change, _live: Option<&LiveObject>) -> bool {
        let own = matching_key(&change.kind, name);
        let mut names = std::iter::once(&change.name).chain(&change.renamed_from);
        names.any(|it| matching_key(&change.kind, it) == own)
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

    /// Whether whoever has this object, with this spec, can make themselves an administrator by it; nothing where
    /// that cannot be told. Default: nobody can.
    fn empowers(&self, _name: &str, _spec: &Value, _world: &World) -> Option<bool> {
        Some(false)
    }

    /// What an object with this spec gives of what can empower somebody. Default: all that it holds on to.
    fn endows(&self, name: &str, spec: &Value) -> Vec<ResourceId> {
        self.holds(name, spec)
    }

    /// Whom it gives that to. `live` is the object as it is, where it is there already. Default: itself.
    fn recipients(&self, name: &str, _spec: &Value, _live: Option<&LiveObject>) -> Recipients {
        Recipients::one(ResourceId::new(self.facts().word, name))
    }

    /// Whether one value of a field, or of an entry of a mapping, gives people or tokens less than another: a
    /// lower permission, a role that permits less. Null gives nothing. What cannot be told is no. Default: no.
    fn gives_less(&self, _field: &str, _before: &Value, _after: &Value, _world: &World) -> bool {
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

    /// What of a live object's facts stays as it is while nobody changes the object: a saved plan relies on
    /// it. Default: all.
    fn lasting(&self, live: &LiveObject) -> Value {
        live.facts.clone()
    }

    /// What part its resources have in who may do what. Default: none.
    fn part(&self) -> Part {
        Part::None
    }

    /// Who holds what by a resource with this spec. `live` is the object as it is, where it is there already
    /// and stays.
    fn access<'a>(&self, _name: &'a str, _spec: &'a Value, _live: Option<&'a LiveObject>) -> Grants<'a> {
        Grants::default()
    }

    /// Who holds what of this kind in every organization, whether it was read or not.
    fn built_in_access<'a>(&self, _organization: &'a Organization) -> Grants<'a> {
        Grants::default()
    }

    /// Whether reading this live object has told all of [`Kind::access`]. Default: yes.
    fn tells_access(&self, _live: &LiveObject) -> bool {
        true
    }

    /// What has to be read for all of [`Kind::access`]. Default: the list.
    fn access_scope(&self, scope: &mut Scope) {
        scope.listed = true;
    }

    /// Whether the caller depends on this live object: it is them, their token, or what it belongs to.
    fn carries_caller(&self, _live: &LiveObject, _world: &World) -> bool {
        false
    }

    /// Whether something of this name is the caller, their token, or what they belong to; nothing where that is not
    /// known because it was not read. Default: it is none of them.
    fn is_of_caller(&self, _name: &str, _world: &World) -> Option<bool> {
        Some(false)
    }

    /// The permissions that its requests need. Default: none that anybody could name.
    fn rights(&self) -> &'static [Right] {
        &[]
    }

    /// What may be behind a 403 to this call, besides a permission that is missing. Default: nothing.
    fn forbidden(&self, _call: &Call) -> Option<String> {
        None
    }

    /// Why the service may refuse this call to the caller in particular, though they have the permissions. Default:
    /// nobody knows of a reason.
    fn out_of_reach(&self, _call: &Call, _world: &World) -> Option<String> {
        None
    }

    /// Why fields that were written with success may not be kept by the service. Default: nobody knows.
    fn unsettled(&self, _fields: &[FieldChange], _organization: &Organization) -> Option<String> {
        None
    }

    /// Whether the service lists only what the caller has to do with, to whoever does not administer the organization.
    /// Default: it lists all of them.
    fn is_listed_by_caller(&self) -> bool {
        false
    }

    /// What the caller may do because of this live object: they are it, or belong to it. Nothing when that is unknown.
    fn permissions_of_caller(&self, _live: &LiveObject, _world: &World) -> Option<BTreeSet<String>> {
        None
    }

    /// Why the organization cannot have fields like these, as its metadata tells; of `null`, why it can have
    /// nothing of the kind. What the metadata does not tell is not missing. Default: it can.
    fn unavailable(&self, _spec: &Value, _organization: &Organization) -> Option<String> {
        None
    }
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

/// The spec of a live object without fields that could not be read, and without those that are empty,
/// but for the ones where empty says something.
pub(crate) fn without_empty(live: &LiveObject, telling: &[&str]) -> Value {
    let empty = |it: &Value| match it {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let mut spec = live.spec.clone();
    if let Some(map) = spec.as_object_mut() {
        map.retain(|field, value| {
            !live.unknown.contains(&format!("/{field}")) && (!empty(value) || telling.contains(&field.as_str()))
        });
    }
    spec
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
