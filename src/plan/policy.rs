//! The dangers of a plan: one table, and who may say that a danger is accepted.

use std::collections::BTreeSet;

use crate::kinds::{self, Draft, World, matching_id};
use crate::model::{Diagnostic, FieldRule, Instant, ResourceId, Safety, Severity, Verb};
use crate::plan::{Options, origin};

/// Who can accept a danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Nobody: the manifest has to change.
    Never,
    /// Reviewed text (`safety.acknowledge`) or `--allow CODE:ID`.
    Allowed,
    /// The same, or a tombstone.
    Tombstone,
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
        page: "Something would be deleted, or deleted and made anew, that others still hold on to: a role somebody has, the owner of a service, the team of a token. The service refuses it, or leaves them without it.",
    },
    Danger {
        code: "cannot-create",
        acceptance: Acceptance::Never,
        help: "create it where it is managed, or list it under `external`",
        page: "The manifest declares something that only another system can create.",
    },
    Danger {
        code: "managed-elsewhere",
        acceptance: Acceptance::Never,
        help: "leave it out, and change it there",
        page: "The manifest gives a field of something that an identity provider or GitHub manages. A change here would be refused, or taken back by the next synchronization.",
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
        "rails-changed",
        "This change loosens a safety rule: fewer administrators, something no longer protected, a kind that is pruned from now on. The base branch's rules hold for this plan; who reviews should know.",
    ),
    (
        "base-unknown",
        "The base branch's manifest could not be read, so that the plan cannot tell this change from drift, and deletes nothing on the ground that it is no longer declared.",
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
    for allowed in &options.allow {
        if let Some((code, of)) = allowed.split_once(':')
            && of.parse::<ResourceId>().is_ok_and(|it| matching_id(&it) == matching_id(id))
            && danger(code).is_some_and(|it| it.acceptance != Acceptance::Never)
        {
            codes.insert(code.to_owned());
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

/// Adds the dangers that every kind has in common to the drafts' findings.
pub(super) fn judge(drafts: &mut [Draft], world: &World) {
    for draft in drafts.iter_mut() {
        deletions_and_replacements(draft, world);
    }
    administrators(drafts, world);
    held(drafts, world);
}

fn deletions_and_replacements(draft: &mut Draft, world: &World) {
    let Some(kind) = kinds::by_word(&draft.change.kind) else { return };
    let facts = kind.facts();
    let id = draft.change.id.clone();
    let replaced = is_made_anew(draft);
    let deleted = draft.change.verb == Verb::Delete;
    if !deleted && !replaced {
        return;
    }
    if deleted && facts.deletion_is_dangerous {
        let sentence = format!("{id} is deleted, and nothing brings it back as it was");
        draft.findings.push((format!("delete-{}", facts.word).into(), sentence));
    }
    if replaced {
        let sentence = format!("{id} is deleted and made anew, because its {} changes", draft.change.reason);
        draft.findings.push((format!("replace-{}", facts.word).into(), sentence));
    }
    if draft.live.is_some_and(|it| kind.carries_caller(it, world)) {
        draft.findings.push(("self-lockout".into(), format!("{id} is what this plan is made and applied with")));
    }
    let by_service = draft.live.and_then(|it| it.protected.clone());
    let live = ResourceId::new(id.kind.clone(), draft.live.map_or(id.name.clone(), |it| it.name.clone()));
    let on_base = origin::base_entry(world.desired, &live).filter(|(_, it)| it.protect);
    let by_manifest = draft
        .entry
        .is_some_and(|it| it.protect)
        .then(|| "it says `protect: true`".to_owned())
        .or_else(|| on_base.map(|(base, _)| format!("it says `protect: true` on {}", base.shown)));
    let by_list = is_listed(&id, world).then(|| "`safety` protects it".to_owned());
    if let Some(why) = by_service.or(by_manifest).or(by_list) {
        draft.findings.push(("protected".into(), format!("{id} cannot go: {why}")));
    }
}

/// Whether the live object is deleted and made anew, rather than followed by a successor.
fn is_made_anew(draft: &Draft) -> bool {
    let rules = kinds::by_word(&draft.change.kind).map_or(&[][..], |it| it.facts().fields);
    let fixed = |path: &str| rules.iter().any(|it| it.1 == FieldRule::Replaces && path == format!("/{}", it.0));
    draft.change.verb == Verb::Replace && draft.change.fields.iter().any(|it| fixed(&it.path))
}

/// The rails that hold: the manifest's own, and those of the base branch until the change is merged.
fn rails<'a>(world: &World<'a>) -> impl Iterator<Item = &'a Safety> {
    let base = world.desired.base.as_deref().map(|it| &it.desired.safety);
    std::iter::once(&world.desired.safety).chain(base)
}

fn is_listed(id: &ResourceId, world: &World) -> bool {
    let own = matching_id(id);
    rails(world).any(|it| it.protected.iter().any(|it| matching_id(it) == own))
}

fn administrators(drafts: &mut [Draft], world: &World) {
    let mut before: BTreeSet<String> = BTreeSet::new();
    for kind in kinds::ALL {
        for live in world.live.kind(kind.facts().word).objects.values() {
            before.extend(kind.administrators(&live.name, &live.spec));
        }
    }
    let of = |draft: &Draft, after: bool| -> BTreeSet<String> {
        let spec = if after { &draft.change.after } else { &draft.change.before };
        let kind = kinds::by_word(&draft.change.kind);
        kind.map(|it| it.administrators(&draft.change.name, spec)).unwrap_or_default().into_iter().collect()
    };
    // Whoever comes is there before anybody goes (the order sees to it), so that no beginning of the
    // plan has fewer administrators than its end.
    let mut left = before.clone();
    for draft in drafts.iter() {
        left.retain(|it| !of(draft, false).contains(it));
    }
    for draft in drafts.iter() {
        left.extend(of(draft, true));
    }
    let minimum = rails(world).map(|it| it.minimum_admins.unwrap_or(2)).max().unwrap_or(2) as usize;
    let caller = world.live.caller.login.to_lowercase();
    for draft in drafts.iter_mut() {
        let lost: BTreeSet<String> = of(draft, false).difference(&left).cloned().collect();
        if lost.is_empty() {
            continue;
        }
        let id = draft.change.id.clone();
        if draft.change.verb != Verb::Delete && is_listed(&id, world) {
            draft
                .findings
                .push(("protected".into(), format!("{id} would no longer be an administrator: `safety` protects it")));
        }
        if lost.contains(&caller) && !draft.findings.iter().any(|it| it.0 == "self-lockout") {
            draft
                .findings
                .push(("self-lockout".into(), format!("{id} is the caller, who would no longer be an administrator")));
        }
        if left.is_empty() {
            draft
                .findings
                .push(("last-admin".into(), "nobody would be left who administers the organization".to_owned()));
        } else if left.len() < minimum && left.len() < before.len() {
            let who = left.iter().cloned().collect::<Vec<_>>().join(", ");
            let left = if left.len() == 1 {
                format!("{who} would be the only administrator left")
            } else {
                format!("only {who} would be left as administrators")
            };
            draft.findings.push(("few-admins".into(), format!("{left} ({minimum} are wanted)")));
        }
    }
}

/// What goes must not be held by anything that stays.
fn held(drafts: &mut [Draft], world: &World) {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let goes = |it: &Draft| it.change.verb == Verb::Delete || is_made_anew(it);
    for (index, draft) in drafts.iter().enumerate().filter(|it| goes(it.1)) {
        let live = draft.live.map_or(&draft.change.name, |it| &it.name);
        let going = matching_id(&ResourceId::new(draft.change.kind.clone(), live.clone()));
        let mut holders: BTreeSet<ResourceId> = BTreeSet::new();
        for kind in kinds::ALL {
            for live in world.live.kind(kind.facts().word).objects.values() {
                let falls =
                    !is_made_anew(draft) && kind.goes_with(live).as_ref().map(matching_id) == Some(going.clone());
                if !falls && kind.holds(&live.name, &live.spec).iter().any(|it| matching_id(it) == going) {
                    holders.insert(ResourceId::new(kind.facts().word, live.name.clone()));
                }
            }
        }
        if let (Some(kind), Some(live)) = (kinds::by_word(&draft.change.kind), draft.live) {
            holders.extend(kind.holders(live));
        }
        let stays = |holder: &&ResourceId| {
            let own = matching_id(holder);
            let change = drafts.iter().map(|it| &it.change).find(|it| {
                let name = it.renamed_from.as_deref().unwrap_or(&it.name);
                matching_id(&ResourceId::new(it.kind.clone(), name)) == own
            });
            match (change, kinds::by_word(&holder.kind)) {
                (Some(change), Some(kind)) if change.verb != Verb::Delete => !kind.lets_go(change, &going),
                (Some(_), _) => false,
                (None, _) => true,
            }
        };
        let stay: Vec<String> = holders.iter().filter(stays).map(ToString::to_string).collect();
        if !stay.is_empty() {
            found.push((index, stay));
        }
    }
    for (index, holders) in found {
        let id = drafts[index].change.id.clone();
        drafts[index].findings.push(("still-held".into(), format!("{id} is still held by {}", holders.join(", "))));
    }
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
        Acceptance::Never => it.help.to_owned(),
        Acceptance::Allowed | Acceptance::Tombstone => {
            format!("{}, or allow it with --allow {code}:{}", it.help, draft.change.id)
        }
    });
    diagnostic
}
