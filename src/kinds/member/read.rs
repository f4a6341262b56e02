//! Members as the service answers them: two rosters that each may miss people (CONTRACT 3.2).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use crate::kinds::member::invite::{self, Invite, Invites, Reading};
use crate::kinds::{self, Finished, Reader};
use crate::model::{LiveObject, Read, Scope, Snapshot};

/// Reads both rosters and merges them.
pub(super) struct MemberReader {
    scope: Scope,
    /// By login in lower case.
    frontend: BTreeMap<String, Record>,
    backend: BTreeMap<String, Record>,
    /// Logins in lower case of whoever administers the single sign-on: exactly one person (CONTRACT 3.11).
    saml_admins: BTreeSet<String>,
    invites: Vec<Invite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SamlAdmins {
    saml_admins: Vec<User>,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Record>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(default)]
    role: Option<String>,
    user: User,
    #[serde(default)]
    known_to_pulumi: Option<bool>,
    #[serde(default)]
    virtual_admin: Option<bool>,
    #[serde(default)]
    fga_role: Option<FgaRole>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    github_login: String,
    // Usually withheld.
    #[serde(default)]
    email: Option<String>,
}

#[derive(Clone, Deserialize)]
struct FgaRole {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

impl MemberReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            frontend: BTreeMap::new(),
            backend: BTreeMap::new(),
            saml_admins: BTreeSet::new(),
            invites: Vec::new(),
        }
    }
}

impl Reader for MemberReader {
    fn start(&mut self) -> Vec<Read> {
        let org = &self.scope.organization.name;
        let roster = |tag: &str| Read::whole(tag, kinds::org_path(org, ["members"])).paged().query("type", tag);
        let mut reads = vec![roster("frontend"), roster("backend")];
        // Asked only where somebody may go.
        let goes = self.scope.everything || !self.scope.doomed.is_empty();
        if goes && self.scope.organization.kind.as_deref() == Some("saml") {
            reads.push(Read::whole("saml", kinds::org_path(org, ["saml", "admins"])));
        }
        if invite::are_wanted(&self.scope) {
            reads.push(Read::whole("invites", kinds::org_path(org, ["invites"])));
        }
        reads
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        if read.tag == "saml" {
            let admins = kinds::page::<SamlAdmins>(body)?.saml_admins;
            self.saml_admins.extend(admins.into_iter().map(|it| it.github_login.to_lowercase()));
            return Ok(Vec::new());
        }
        if read.tag == "invites" {
            self.invites.extend(kinds::page::<Invites>(body)?.invites);
            return Ok(Vec::new());
        }
        let roster = if read.tag == "frontend" { &mut self.frontend } else { &mut self.backend };
        for record in kinds::page::<Members>(body)?.members {
            roster.insert(record.user.github_login.to_lowercase(), record);
        }
        Ok(Vec::new())
    }

    fn absent(&mut self, read: &Read) -> Result<Vec<Read>, String> {
        // An older service has no invitations; whether somebody was invited matters only to who is to be.
        let invites = self.scope.declared.values().any(|it| it["invite"].is_string());
        match read.tag.as_str() {
            "invites" if !invites => Ok(Vec::new()),
            _ => Err(format!("/{} answered 404", read.path.join("/"))),
        }
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let Self { scope, mut frontend, backend, saml_admins, invites } = *self;
        // The frontend's record wins for the role; the backend adds people whom Pulumi knows (CONTRACT D8).
        for (key, record) in backend {
            if record.known_to_pulumi == Some(true) {
                frontend.entry(key).or_insert(record);
            }
        }
        // Some organizations list themselves.
        frontend.remove(&scope.organization.name.to_lowercase());
        let mut objects = Vec::new();
        let mut counted = 0;
        let mut emails = BTreeMap::new();
        for record in frontend.into_values() {
            let projected = record.role.as_deref().unwrap_or("member");
            if !matches!(projected, "admin" | "member" | "billing-manager") {
                continue;
            }
            if projected != "billing-manager" {
                counted += 1;
            }
            if let Some(email) = record.user.email.clone().filter(|it| !it.is_empty()) {
                emails.insert(record.user.github_login.to_lowercase(), email);
            }
            objects.push(LiveObject {
                spec: json!({"role": role_of(&record, before).unwrap_or_else(|| projected.to_owned())}),
                facts: json!({"virtualAdmin": record.virtual_admin}),
                protected: saml_admins
                    .contains(&record.user.github_login.to_lowercase())
                    .then(|| "they administer the organization's single sign-on".to_owned()),
                name: record.user.github_login,
                ..LiveObject::default()
            });
        }
        invite::add(&mut objects, &emails, &invites, &Reading { scope: &scope, before });
        let incomplete =
            scope.organization.member_count.filter(|count| *count > counted).map(|count| {
                format!("the service says that the organization has {count} members, and lists {counted}")
            });
        Finished { objects, incomplete, ..Finished::default() }
    }
}

/// The name of a person's role: by id in the list of roles, else by its name (CONTRACT D35).
fn role_of(record: &Record, before: &Snapshot) -> Option<String> {
    let role = record.fga_role.as_ref().filter(|it| !it.id.is_empty() || !it.name.is_empty())?;
    let roles = &before.kind("role").objects;
    let by = |field: &str, wanted: &str| roles.values().find(|it| it.facts[field] == wanted && !wanted.is_empty());
    let found = by("id", &role.id).or_else(|| by("name", &role.name));
    found.map(|it| it.name.clone()).or_else(|| Some(role.name.clone()).filter(|it| !it.is_empty()))
}
