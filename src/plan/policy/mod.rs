//! The dangers of a plan: one table, and who may say that a danger is accepted.
//!
//! What each of them looks for stands in a file of its own; [`judge`] is the way in.

use std::collections::BTreeSet;

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{Diagnostic, Instant, ResourceId, Severity};
use crate::plan::Options;

mod administrators;
mod allowance;
mod budget;
mod emptied;
mod expiring;
mod going;
mod held;
mod lookalike;
mod newcomers;
mod outliving;
pub(super) use outliving::leaves;
mod reliance;
mod spelling;

pub use allowance::Allowance;
pub(super) use spelling::differing_by_case;

/// Who can accept a danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Nobody: the manifest has to change.
    Never,
    /// Reviewed text (`safety.acknowledge`) or `--allow CODE:ID`.
    Allowed,
    /// The same, or a tombstone.
    Tombstone,
    /// `--allow CODE:KIND=COUNT`, with the exact count.
    Counted,
}

/// One danger: its code, who can accept it, and what to do about it.
#[derive(Debug)]
pub struct Danger {
    /// The code, stable.
    pub code: &'static str,
    /// Who can accept it.
    pub acceptance: Acceptance,
    /// What to do, for people.
    pub help: &'static str,
    /// Its page: when it speaks, and why.
    pub page: &'static str,
}

/// A live object's fixed field changes without a successor.
pub(super) const IMMUTABLE: &str = "token-immutable";
/// Somebody is not there yet, and was asked.
pub(super) const PENDING: &str = "pending-invite";
/// Something managed names a stack or an environment that is not there any more.
pub const DANGLING: &str = "dangling-reference";
/// The identity provider's directory is not as the manifest says, and is left as it is.
pub const DIFFERS: &str = "directory-differs";
/// Steps that wait for each other.
pub(super) const NO_ORDER: &str = "no-order";
/// Nothing in the manifest brings it, and nothing there can mend it.
pub const LOCKED: &str = "locked";
/// More goes than a plan may take away without being asked to.
const BUDGET: &str = "budget";
/// What is full today becomes empty.
const EMPTIED: &str = "emptied";
/// More administrators come than a reviewer would expect.
const NEW_ADMINS: &str = "new-admins";
/// A deletion and a creation look like a rename.
const SUSPECTED_RENAME: &str = "suspected-rename";

/// Every blocking danger. Codes made of a prefix and a kind (`delete-team`) stand here by their prefix.
pub static DANGERS: &[Danger] = &[
    Danger {
        code: "last-admin",
        acceptance: Acceptance::Never,
        help: "keep at least one administrator",
        page: "Some step of the plan would leave the organization without any known, human administrator. Nobody could repair that from inside.",
    },
    Danger {
        code: "self-lockout",
        acceptance: Acceptance::Never,
        help: "let another administrator apply this, with a token of their own",
        page: "The plan would take away the caller's own membership, their administration, or the token it is applied with. It would then stop half way, with nobody there to go on.",
    },
    Danger {
        code: "protected",
        acceptance: Acceptance::Never,
        help: "take the protection away first, in a change of its own",
        page: "Something with `protect: true`, a name in a `safety` list, or something the service itself holds on to (a built-in role, the default role, a team of the identity provider) would go.",
    },
    Danger {
        code: "few-admins",
        acceptance: Acceptance::Allowed,
        help: "keep a second administrator",
        page: "The plan leaves fewer administrators than `safety.minimumAdmins` (2, unless the manifest says otherwise). With one administrator, one lost account locks the organization.",
    },
    Danger {
        code: "delete-",
        acceptance: Acceptance::Tombstone,
        help: "list it under `removed`",
        page: "Something that cannot be brought back would be deleted, and no tombstone under `removed` says so in reviewed text.",
    },
    Danger {
        code: "replace-",
        acceptance: Acceptance::Allowed,
        help: "change the field back, or accept that it is deleted and made anew",
        page: "A field changed that the service cannot change on a live object, so that it is deleted and made anew. Tokens, grants and memberships that the manifest does not name are lost with it.",
    },
    Danger {
        code: "service-has-members",
        acceptance: Acceptance::Allowed,
        help: "accept that the others lose it",
        page: "The service has other members than its owner, and the service refuses to delete it without being forced to. Only when this is accepted is `force` sent.",
    },
    Danger {
        code: "token-in-use",
        acceptance: Acceptance::Tombstone,
        help: "move whoever uses it to another token first",
        page: "A token that was used in the last 24 hours would be revoked, other than by rotation. Whatever uses it stops working at once.",
    },
    Danger {
        code: BUDGET,
        acceptance: Acceptance::Counted,
        help: "look whether the manifest lacks a file, or allow exactly this number",
        page: "The plan takes away more of a kind than one change usually does: members, administrators, roles, teams, services, tokens, memberships of teams or their permissions; or more than 25 things of all kinds together (`budget:all=COUNT`), not counting the kinds that exceed their own budget. A file that is missing, cut off or moved looks like this. Tombstones do not count: they were reviewed one by one.",
    },
    Danger {
        code: EMPTIED,
        acceptance: Acceptance::Allowed,
        help: "look whether the manifest lacks something",
        page: "A list that is full today (the members of a team, its permissions, the items of a service), or a kind that is pruned, would be empty afterwards. That is rarely meant, and often a file that went missing. It speaks as well where the service answers that nothing of a kind is there though the base branch's manifest has several: a list that wrongly came back empty would have everything made a second time.",
    },
    Danger {
        code: NEW_ADMINS,
        acceptance: Acceptance::Counted,
        help: "acknowledge each of them under `safety`, or allow exactly this number",
        page: "More than two people, tokens or OIDC issuers would newly administer the organization. Each of them can do everything, so that a reviewer should be asked about each. Whoever gets a custom role with which they could make themselves an administrator counts as well, once, whichever way they get it: directly, through a team, or because a role that they have is to permit it. Such a role permits, anywhere in its tree, one of `org_member:add`, `org_member:update`, `org_member:set_admin`, `invites:create`, `role:update`, `org_token:create`, `auth_policies:update` or `saml:update`. The organization's default role, and a team whose people are not known, stand for an unknown number: they count as one, and always speak. Among the administrators who are left (`last-admin`, `few-admins`), a custom role counts for nobody.",
    },
    Danger {
        code: SUSPECTED_RENAME,
        acceptance: Acceptance::Allowed,
        help: "give the new one `renamedFrom`",
        page: "Something goes and something much like it comes in the same plan. Deleting and creating loses what hangs on the old one; a rename keeps it.",
    },
    Danger {
        code: IMMUTABLE,
        acceptance: Acceptance::Never,
        help: "raise `rotation` by one: a successor is made and delivered, then the old one is revoked",
        page: "A live token cannot be changed, and its name can never be used again. A change of its description, role, expiry or scope needs a successor.",
    },
    Danger {
        code: "token-without-sink",
        acceptance: Acceptance::Never,
        help: "add `saveTo: file:PATH`",
        page: "A token's value is in the answer to its creation and in no later one. Without a place to keep it, it must not be made.",
    },
    Danger {
        code: "token-lifetime",
        acceptance: Acceptance::Never,
        help: "give it another `lifetime` or `expires`",
        page: "The token would have expired already, or would live longer than the organization or the service allows. The service would refuse it.",
    },
    Danger {
        code: "rename-ambiguous",
        acceptance: Acceptance::Never,
        help: "remove `renamedFrom` if it was done before; otherwise rename in two steps",
        page: "Both the new and the old name are live, and nothing tells whether the rename was done before. Guessing could overwrite one with the other.",
    },
    Danger {
        code: "still-held",
        acceptance: Acceptance::Never,
        help: "move or delete what holds on to it in the same change",
        page: "Something would be deleted, or deleted and made anew, that others still hold on to: a role somebody has, the owner of a service, the team of a token. The service refuses it, or leaves them without it. The same holds for what the manifest itself still names: it says both that something goes and that it is needed.",
    },
    Danger {
        code: "cannot-create",
        acceptance: Acceptance::Never,
        help: "create it where it is managed, or take it out of the manifest",
        page: "The manifest declares something that only another system can create.",
    },
    Danger {
        code: "managed-elsewhere",
        acceptance: Acceptance::Never,
        help: "leave it out, and change it there",
        page: "The manifest gives a field of something that an identity provider or GitHub manages. A change here would be refused, or taken back by the next synchronization.",
    },
    Danger {
        code: "switched-off",
        acceptance: Acceptance::Never,
        help: "take it out of the manifest, or change the organization's subscription",
        page: "The organization's own settings say that a feature is not in its subscription, and the change needs it. The service would refuse it half way.",
    },
    Danger {
        code: "webhook-without-events",
        acceptance: Acceptance::Never,
        help: "say `groups: [stacks, deployments, environments]`, or which `filters`",
        page: "A new webhook would be made without saying what it is told of. The service then sends it every event, those of later versions included. `groups: []` together with `filters: []` says that on purpose.",
    },
    Danger {
        code: NO_ORDER,
        acceptance: Acceptance::Never,
        help: "do it in two changes, one merged before the other",
        page: "Some steps wait for each other in a ring, so that no order of them is safe at every step: two services that exchange their names and their owners at once, for example. Rings of names alone are broken by a name in between.",
    },
    Danger {
        code: LOCKED,
        acceptance: Acceptance::Never,
        help: "find out in Pulumi Cloud's console why, and plan again when it is lifted",
        page: "Pulumi Cloud has locked the organization, for example over its subscription. It can be read, and would refuse every change. Nothing in the manifest is the cause.",
    },
    Danger {
        code: "inactive-user",
        acceptance: Acceptance::Never,
        help: "take them out of the group, or say `active: true`",
        page: "The manifest has a user in a group of the identity provider's directory (SCIM) who is not active, or would not be any more. The service refuses every change of a group that gets such a user, and takes whoever becomes inactive out of all groups, so that the two could never both come true.",
    },
    Danger {
        code: "unresolved",
        acceptance: Acceptance::Never,
        help: "correct the name, or make what it names first",
        page: "A name in the manifest has no object behind it that this token can see, and the service works with ids.",
    },
];

/// Codes that inform and never block.
pub static NOTES: &[(&str, &str)] = &[
    (
        "no-convergence",
        "Every plan is carried out on a copy of what was read, call by call, before it is shown. This one leaves something to do, or is unsafe on the way: a mistake of bylaws. It is never applied; please report it.",
    ),
    ("unmanaged", "Live objects that no manifest speaks of. They are counted and never touched."),
    (
        "externally-managed",
        "Somebody else manages it: an identity provider, GitHub, or the service itself. It is recognized and left alone.",
    ),
    (
        "not-visible",
        "Something could not be read. What could not be read is unknown, never empty: nothing is created, demoted or deleted on the strength of it.",
    ),
    (
        "targeted",
        "Only some resources were asked for (`--target`). What they cannot go without comes along; everything else is left for another plan. A plan in parts is for emergencies: the whole plan is what was reviewed.",
    ),
    (
        "rails-changed",
        "This change loosens a safety rule: fewer administrators, something no longer protected, a kind that is pruned from now on. The base branch's rules hold for this plan; who reviews should know.",
    ),
    (
        "base-unknown",
        "The base branch's manifest could not be read, so that the plan cannot tell this change from drift, and deletes nothing on the ground that it is no longer declared.",
    ),
    (
        "not-attributed",
        "Who made the drift was asked for (`--attribute`), and the audit log did not tell all of it: the caller may not read it (`audit_logs:read`), the organization has none, or it goes on further back than is read. Nothing else in the plan depends on it.",
    ),
    (
        "missing-permission",
        "The caller is no administrator, and a step of the plan needs a permission that none of the caller's roles is known to give. The service would refuse that step, and whatever waits for it. Or the token in use may be of a sort that is refused one thing whatever its role: an administrator's token of the organization, made before roles had scopes, makes and revokes no tokens of the organization. Nothing is deleted for a caller who is no administrator, because the service shows them only a part, unless `--allow-partial-view` says otherwise.",
    ),
    (
        "partial-view",
        "Nothing is deleted or withdrawn for a caller who is not known to administer the organization, because the service shows them only a part. `--allow-partial-view` says that this caller sees enough: a machine token with a role that may read everything, for example. A deletion then rests on what it was shown.",
    ),
    (
        "names-differ-by-case",
        "Two names of one kind are the same but for upper and lower case. Names are compared exactly, so that they are two things to this program; the service, or a reader, may take them for one.",
    ),
    (
        "token-expires-soon",
        "A token of the manifest ends within 14 days, and this plan does not renew it: it has no `renewBefore`, or a shorter one, or a fixed `expires` that a successor would share. Whatever uses it stops working then.",
    ),
    (
        "token-outlives-member",
        "Tokens of the organization and of teams outlive whoever made them, and whoever made them may have kept their values. This plan removes such a person, or makes them no administrator any more. Rotate what is still needed, and revoke the rest: until then, nobody is really gone. Tokens that the same plan rotates or revokes are not listed.",
    ),
    (
        PENDING,
        "Somebody was invited by e-mail and has not accepted yet. No second invitation is sent, and nothing else is planned for them: an invitation does not tell under which login they will join, so that they are in no team before. An invitation can be cancelled by a tombstone, or by leaving the manifest with `--base`.",
    ),
    (
        DIFFERS,
        "The manifest says otherwise than the identity provider's directory (SCIM). It is the identity provider's to change: with `--scim-writes`, a plan makes and deactivates users and changes who is in its groups. Nobody and nothing is ever deleted there.",
    ),
    (
        DANGLING,
        "Something that is managed names a stack or an environment that is not there any more: an item of a service, or a permission of a team. It is left as it is, neither added again nor taken away, until the manifest no longer has it. No request is sent to find this out: it is told where the list of stacks or environments was read anyway, and by every `import`, to a caller who administers the organization.",
    ),
    ("tombstone-done", "The object that a line under `removed` names is gone already."),
];

/// Dangers that weigh a change against the whole manifest: a part of it would be weighed wrongly, so that a
/// saved plan holds what was found of them.
pub(super) const WEIGHED: [&str; 5] = ["few-admins", "budget", "emptied", "new-admins", "suspected-rename"];

/// The ground of a deletion that the manifest asks for by name, under `removed`.
pub const TOMBSTONE: &str = "tombstone";

/// The danger a code stands for.
pub fn danger(code: &str) -> Option<&'static Danger> {
    let of_a_kind = |it: &Danger| {
        let word = code.strip_prefix(it.code).filter(|_| it.code.ends_with('-'));
        word.is_some_and(|it| kinds::by_word(it).is_some())
    };
    DANGERS.iter().find(|it| it.code == code || of_a_kind(it))
}

/// The codes that are accepted for a change: by its tombstone, in reviewed text, or on the command line.
pub(super) fn acknowledged(id: &ResourceId, reason: &str, world: &World, options: &Options) -> BTreeSet<String> {
    let mut codes = accepted(id, world);
    for code in allowance::of(&options.allow, id) {
        if danger(&code).is_some_and(|it| it.acceptance != Acceptance::Never) {
            codes.insert(code);
        }
    }
    if reason == TOMBSTONE {
        let by_tombstone = DANGERS.iter().filter(|it| it.acceptance == Acceptance::Tombstone);
        codes.extend(
            by_tombstone
                .map(|it| if it.code.ends_with('-') { format!("{}{}", it.code, id.kind) } else { it.code.to_owned() }),
        );
    }
    codes
}

/// The codes that are accepted for a change in reviewed text.
pub(super) fn accepted(id: &ResourceId, world: &World) -> BTreeSet<String> {
    let own = matching_id(id);
    let in_force = world.desired.safety.acknowledged.iter().filter(|it| {
        !it.until.as_deref().is_some_and(|it| has_ended(it, world.now()))
            && it.of.parse::<ResourceId>().is_ok_and(|it| matching_id(&it) == own)
            && danger(&it.danger).is_some_and(|it| it.acceptance != Acceptance::Never)
    });
    in_force.map(|it| it.danger.clone()).collect()
}

/// A day holds to its end, a moment to itself.
fn has_ended(until: &str, now: Instant) -> bool {
    let end = Instant::parse(until).map(|it| if until.len() == 10 { it.0 + 86_400 } else { it.0 });
    end.is_ok_and(|it| now.0 >= it)
}

/// Adds what speaks against each change to its findings; what speaks against the plan as a whole is returned.
pub(super) fn judge(drafts: &mut [Draft], world: &World, options: &Options) -> Vec<Diagnostic> {
    for draft in drafts.iter_mut() {
        going::judge(draft, world);
    }
    administrators::judge(drafts, world);
    reliance::judge(drafts, world);
    held::judge(drafts, world);
    emptied::lists(drafts);
    lookalike::judge(drafts);
    outliving::judge(drafts, world);
    let mut whole = budget::exceeded(drafts, world, options);
    whole.extend(newcomers::judge(drafts, world, options));
    whole.extend(emptied::kinds(drafts, world, options));
    whole.extend(expiring::judge(drafts, world));
    whole
}

/// The findings of all drafts as diagnostics, in the order of the changes.
pub(super) fn diagnostics(drafts: &mut [Draft]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for draft in drafts {
        let findings = std::mem::take(&mut draft.findings);
        for (code, message) in findings {
            let open = !draft.acknowledged.contains(&*code);
            diagnostics.push(diagnostic(draft, &code, message, open));
            draft.change.diagnostics.push(code.into_owned());
        }
        draft.change.diagnostics.dedup();
    }
    diagnostics
}

fn diagnostic(draft: &Draft, code: &str, message: String, open: bool) -> Diagnostic {
    let danger = danger(code);
    let mut diagnostic = Diagnostic::new(Severity::Warning, code, message);
    diagnostic.blocking = open && danger.is_some();
    diagnostic.change = Some(draft.change.id.clone());
    diagnostic.place = draft.change.source.clone();
    diagnostic.help = danger.filter(|_| open).map(|it| match it.acceptance {
        Acceptance::Never | Acceptance::Counted => it.help.to_owned(),
        Acceptance::Allowed | Acceptance::Tombstone => {
            format!("{}, or allow it with --allow {code}:{}", it.help, draft.change.id)
        }
    });
    diagnostic
}
