//! Invitations by e-mail and by link.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::body::Body;
use crate::sandbox::caller::hash;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::signed;
use crate::sandbox::state::Invite;
use crate::sandbox::state::Member;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    inside("GET", "/api/orgs/{org}/invites", list),
    inside("POST", "/api/orgs/{org}/invites/batch", batch),
    inside("POST", "/api/orgs/{org}/invites/unverified/batch", batch),
    inside("POST", "/api/orgs/{org}/invites/link", link),
    inside("POST", "/api/orgs/{org}/invites/{invite}/resend", resend),
    inside("DELETE", "/api/orgs/{org}/invites/{invite}", cancel),
    // Whoever is invited does not belong to the organization yet.
    signed("GET", "/api/orgs/{org}/invites/{invite}", read),
    signed("PATCH", "/api/orgs/{org}/invites/{invite}", accept),
];

/// Whoever knows this address can join.
fn address(ask: &Ask, id: &str) -> String {
    let slug = &ask.state.organization.slug;
    let secret = hash(&format!("{slug} {id} {}", ask.state.organization.created));
    format!("https://app.example.com/{slug}/join/{}", &secret[..32])
}

fn list(ask: &mut Ask) -> Outcome {
    ask.need("invites:read")?;
    let invites = ask.state.invites.values().map(|it| {
        let mut invite = json!({
            "id": it.id,
            "email": it.email,
            "role": it.role,
            "status": it.status,
            "sentAt": it.sent_at,
            "sentBy": view::user(ask.state, &it.sent_by),
            "acceptInviteUrl": address(ask, &it.id),
        });
        if let Some(role) = &it.role_id {
            invite["roleId"] = json!(role);
        }
        invite
    });
    let invites: Vec<Value> = invites.collect();
    Answer::ok(json!({"invites": invites}))
}

fn wanted(ask: &Ask, part: &Body) -> Result<Invite, Refusal> {
    let role = part.text("role")?;
    if !matches!(role.as_str(), "member" | "admin" | "billing-manager") {
        return Err(Refusal::bad_request(format!("Invalid organization role '{role}'.")));
    }
    Ok(Invite {
        email: part.maybe_text("email")?.unwrap_or_default(),
        role,
        role_id: part.maybe_text("roleId")?.filter(|it| !it.is_empty()),
        status: "pending".to_owned(),
        sent_at: ask.now,
        sent_by: ask.caller.login.clone(),
        ..Invite::default()
    })
}

fn keep(ask: &mut Ask, mut invite: Invite) -> Value {
    invite.id = ask.state.next_id("i");
    let whom = if invite.email.is_empty() { "a link" } else { invite.email.as_str() };
    ask.audit("organization-invite-sent", format!("Sent an invitation to \"{whom}\""));
    let answer = json!({"id": invite.id, "acceptInviteUrl": address(ask, &invite.id)});
    ask.state.invites.insert(invite.id.clone(), invite);
    answer
}

/// Succeeds even where single invitations fail: an unknown role, no seat left.
fn batch(ask: &mut Ask) -> Outcome {
    ask.need("invites:create")?;
    let mut wishes = Vec::new();
    for part in ask.body()?.objects("invites")? {
        let invite = wanted(ask, &part)?;
        let named = invite.email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        if !named {
            return Err(Refusal::bad_request("Invalid email address."));
        }
        wishes.push(invite);
    }
    let (mut sent, mut failed) = (Vec::new(), Vec::new());
    for invite in wishes {
        let known = invite.role_id.as_ref().is_none_or(|it| ask.state.roles.contains_key(it));
        let pending = ask.state.invites.values().filter(|it| it.status == "pending").count();
        let taken = (ask.state.member_count() + pending) as i64;
        let seat = ask.state.organization.max_members.is_none_or(|it| taken < it);
        if known && seat {
            sent.push(keep(ask, invite));
        } else {
            failed.push(json!({"email": invite.email, "role": invite.role}));
        }
    }
    Answer::ok(json!({"sentInvites": sent, "failedInvites": failed}))
}

fn link(ask: &mut Ask) -> Outcome {
    ask.need("invites:create")?;
    let invite = wanted(ask, &ask.body()?)?;
    if invite.role_id.as_ref().is_some_and(|it| !ask.state.roles.contains_key(it)) {
        return Err(Refusal::bad_request("Invalid parameter 'roleID'."));
    }
    let answer = keep(ask, Invite { email: String::new(), ..invite });
    Answer::ok(answer)
}

/// The pending invitation the path names.
fn pending<'s>(ask: &'s mut Ask) -> Result<&'s mut Invite, Refusal> {
    let (slug, id) = (ask.part("org"), ask.part("invite"));
    let here = slug == ask.state.organization.slug;
    let found = ask.state.invites.get_mut(&id).filter(|it| here && it.status == "pending");
    found.ok_or_else(|| Refusal::not_found("Invite", &id))
}

fn resend(ask: &mut Ask) -> Outcome {
    ask.need("invites:create")?;
    let now = ask.now;
    pending(ask)?.sent_at = now;
    Answer::nothing()
}

fn cancel(ask: &mut Ask) -> Outcome {
    ask.need("invites:create")?;
    let invite = pending(ask)?;
    invite.status = "canceled".to_owned();
    let email = invite.email.clone();
    ask.audit("organization-invite-canceled", format!("Canceled the invitation to \"{email}\""));
    Answer::nothing()
}

fn read(ask: &mut Ask) -> Outcome {
    let role = pending(ask)?.role.clone();
    let organization = &ask.state.organization;
    Answer::ok(json!({
        "githubLogin": organization.slug,
        "name": organization.name,
        "avatarUrl": "",
        "role": role,
    }))
}

fn accept(ask: &mut Ask) -> Outcome {
    let key = ask.caller.login.to_lowercase();
    if ask.state.joined(&key).is_some() || ask.caller.machine.is_some() {
        return Err(Refusal::conflict("User is already an organization member."));
    }
    let invite = pending(ask)?;
    invite.status = "accepted".to_owned();
    let (role, custom) = (invite.role.clone(), invite.role_id.clone());
    let built_in = ask.state.role_by_identifier(&role).map(|it| it.id.clone());
    let role = custom.filter(|it| ask.state.roles.contains_key(it)).or(built_in).unwrap_or_default();
    let member = Member {
        login: ask.caller.login.clone(),
        explicit: role != ask.state.organization.default_role,
        role,
        created: Some(ask.now),
        frontend: true,
        backend: true,
        known: true,
        virtual_admin: false,
    };
    ask.audit("organization-invite-accepted", format!("\"{}\" accepted an invitation", member.login));
    ask.state.members.insert(key, member);
    Answer::nothing()
}
