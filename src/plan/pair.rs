//! The manifest's entries and the live objects, paired: which resources change, and how.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::kinds::{self, Draft, Kind, Shape, World, matching_id, matching_key};
use crate::model::plan::Unmanaged;
use crate::model::{
    Change, Diagnostic, Entry, FieldChange, FieldRule, KindState, LiveObject, Origin, Place, ResourceId, Severity, Verb,
};
use crate::plan::rename::{self, Renaming};
use crate::plan::{Options, carried, compare, directory, origin, policy, rights};

/// What pairing found.
#[derive(Debug, Default)]
pub(super) struct Paired<'a> {
    pub drafts: Vec<Draft<'a>>,
    /// What is deleted so far, as it is matched. Kinds come after those they refer to.
    pub going: BTreeSet<ResourceId>,
    /// What is declared and is not there after this plan either, as it is matched: somebody has to agree first.
    pub awaited: BTreeSet<ResourceId>,
    pub unmanaged: Vec<Unmanaged>,
    pub unchanged: usize,
    /// Findings that belong to no change.
    pub notes: Vec<Diagnostic>,
    /// What could not be seen, in sentences.
    pub unseen: Vec<String>,
}

/// Pairs every kind.
pub(super) fn all<'a>(world: &World<'a>, options: &Options) -> Paired<'a> {
    let mut paired = Paired { unseen: world.live.unseen.clone(), ..Paired::default() };
    for kind in kinds::ALL {
        let state = world.live.kind(kind.facts().word);
        if kind.is_of_directory() && !state.read {
            paired.notes.extend(directory::unread(*kind, world));
            continue;
        }
        let before = paired.drafts.len();
        let mut pairing = Pairing { kind: *kind, state, world, options, claimed: BTreeSet::new() };
        pairing.declared(&mut paired);
        pairing.tombstones(&mut paired);
        pairing.rest(&mut paired);
        if kind.is_of_directory() && !options.directory_writes {
            let drafts = paired.drafts.split_off(before);
            paired.notes.extend(drafts.iter().map(directory::only_compared));
        }
    }
    paired
}

struct Pairing<'a, 'w> {
    kind: &'static dyn Kind,
    state: &'a KindState,
    world: &'w World<'a>,
    options: &'w Options,
    /// Keys of live objects that an entry or a tombstone speaks of.
    claimed: BTreeSet<String>,
}

impl<'a> Pairing<'a, '_> {
    fn word(&self) -> &'static str {
        self.kind.facts().word
    }

    fn id(&self, name: &str) -> ResourceId {
        ResourceId::new(self.word(), name)
    }

    fn declared(&mut self, paired: &mut Paired<'a>) {
        let word = self.word();
        let undecided = rename::undecided(self.kind, self.world.desired, self.state);
        for entry in self.world.desired.entries.values().filter(|it| it.id.kind == word) {
            let spec = self.world.spec(entry);
            let (spec, refused) = self.without_awaited(entry, spec, paired);
            let drafts = paired.drafts.len();
            let key = matching_key(word, &entry.id.name);
            self.claimed.insert(key.clone());
            if let Some(why) = rename::unknown(self.kind, entry, self.state) {
                // Whoever has its old name may still be it, and is in no case what nobody speaks of.
                self.claimed.extend(entry.renamed_from.iter().map(|it| matching_key(word, it)));
                paired.unseen.push(format!("{} could not be read, so that nothing is planned for it: {why}", entry.id));
                continue;
            }
            if let Some(why) = undecided.get(&key) {
                self.claimed.extend(entry.renamed_from.iter().map(|it| matching_key(word, it)));
                let sentence =
                    format!("which one is {} cannot be told, so that nothing is planned for it: {why}", entry.id);
                paired.unseen.push(sentence);
                continue;
            }
            let mut live = self.state.objects.get(&key);
            let mut renamed = false;
            match rename::judge(self.kind, entry, &spec, self.state, self.world.desired) {
                // A name that stays with whoever has it cannot be given to somebody else.
                Some(Renaming::ToDo(_))
                    if live.is_some() && !self.world.renames.contains_key(&matching_id(&entry.id)) =>
                {
                    paired.drafts.push(self.ambiguous(entry, live, &spec));
                    continue;
                }
                Some(Renaming::ToDo(old)) => {
                    live = self.state.objects.get(&old);
                    self.claimed.insert(old);
                    renamed = true;
                }
                Some(Renaming::Ambiguous) => {
                    paired.drafts.push(self.ambiguous(entry, live, &spec));
                    continue;
                }
                // Whoever has the name gives it to another entry, and is that one from now on.
                Some(Renaming::Done) | None if self.world.renames.contains_key(&matching_id(&entry.id)) => live = None,
                Some(Renaming::Done) | None => {}
            }
            match live {
                None if let Some(why) = &self.state.incomplete => {
                    let sentence = format!("whether {} exists is unknown, so that it is not created: {why}", entry.id);
                    paired.unseen.push(sentence);
                }
                None => {
                    if self.kind.only_asks(&spec) {
                        paired.awaited.insert(matching_id(&entry.id));
                    }
                    paired.drafts.push(self.draft(entry, None, None, Verb::Create, Vec::new(), &spec));
                }
                Some(live) => self.existing(entry, live, renamed, &spec, paired),
            }
            for draft in paired.drafts.iter_mut().skip(drafts) {
                refuse_awaited(draft, &refused);
            }
        }
    }

    /// The spec without the entries of lists that refer to what is not there yet, and whatever else of it
    /// refers to that (the field, and to what).
    fn without_awaited(
        &self,
        entry: &Entry,
        mut spec: Value,
        paired: &mut Paired,
    ) -> (Value, Vec<(String, ResourceId)>) {
        if paired.awaited.is_empty() {
            return (spec, Vec::new());
        }
        let (mut refused, mut later) = (Vec::new(), BTreeSet::new());
        let references = self.kind.references(&entry.id.name, &spec);
        // From the end, so that places stay what they are.
        for reference in references.into_iter().rev().filter(|it| paired.awaited.contains(&matching_id(&it.to))) {
            let (list, place) = reference.pointer.rsplit_once('/').unwrap_or_default();
            match (spec.pointer_mut(list).and_then(Value::as_array_mut), place.parse::<usize>()) {
                (Some(list), Ok(place)) if place < list.len() => {
                    list.remove(place);
                    later.insert(reference.to.name);
                }
                _ => refused.push((reference.pointer, reference.to)),
            }
        }
        if !later.is_empty() {
            let who = later.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("{} gets {who} by a plan made after they have accepted", entry.id);
            let mut note = Diagnostic::new(Severity::Note, policy::PENDING, message);
            note.place = Some(self.world.desired.place(entry.key.span));
            paired.notes.push(note);
        }
        (spec, refused)
    }

    fn existing(&self, entry: &'a Entry, live: &'a LiveObject, renamed: bool, spec: &Value, paired: &mut Paired<'a>) {
        if let Some(by) = &live.managed_by {
            let message = format!("`{}` is managed by {by}, so that nothing is planned for it", entry.id);
            let mut note = Diagnostic::new(Severity::Note, "externally-managed", message);
            note.place = Some(self.world.desired.place(entry.key.span));
            paired.notes.push(note);
            return;
        }
        if let Some(why) = &live.awaited {
            paired.awaited.insert(matching_id(&entry.id));
            let mut note = Diagnostic::new(Severity::Note, policy::PENDING, format!("{} {why}", entry.id));
            note.place = Some(self.world.desired.place(entry.key.span));
            paired.notes.push(note);
        }
        for field in compare::unread(spec, live) {
            paired.unseen.push(format!("{} of {} could not be read, so that it is left alone", &field[1..], entry.id));
        }
        let rules = self.kind.facts().fields;
        let mut spec = rename::spelled_as_live(self.kind, spec, live);
        if !rights::may_take_away(self.world, self.options) {
            let kept = compare::keep(rules, spec.to_mut(), live);
            if !kept.is_empty() {
                paired.unseen.push(format!(
                    "{} of {} is not withdrawn, because `{}` is not known to administer the organization, and may not \
                     see all there is; where it does, give --allow-partial-view",
                    kept.join(", "),
                    entry.id,
                    self.world.live.caller.login
                ));
            }
        }
        let spec = &*spec;
        let renamed_live = rename::with_new_names(self.kind, live, self.world.renames);
        let mut fields = compare::fields(rules, spec, renamed_live.as_ref().unwrap_or(live));
        compare::leave_to_deletions(&mut fields, self.kind.references(&live.name, &live.spec), &paired.going);
        fields.extend(self.kind.due(spec, live, self.world));
        let has = |rule: FieldRule| fields.iter().any(|it| it.0 == rule);
        let verb = match (renamed, has(FieldRule::Replaces) || has(FieldRule::Renews)) {
            (_, true) => Verb::Replace,
            (true, false) => Verb::Rename,
            (false, false) if fields.is_empty() => {
                paired.unchanged += 1;
                return;
            }
            (false, false) => Verb::Update,
        };
        let reason = fields.iter().find(|it| it.0 == FieldRule::Replaces).map(|it| it.1.path[1..].to_owned());
        if reason.is_some() {
            for field in carried::unread(rules, spec, live) {
                paired.unseen.push(format!(
                    "{field} of {} could not be read, and would be lost by deleting it and making it anew",
                    entry.id
                ));
            }
        }
        let stuck: Vec<String> = fields
            .iter()
            .filter(|it| it.0 == FieldRule::Immutable && !has(FieldRule::Renews))
            .map(|it| format!("`{}`", &it.1.path[1..]))
            .collect();
        let fields: Vec<FieldChange> = fields.into_iter().map(|it| it.1).collect();
        let mut draft = self.draft(entry, reason.as_deref(), Some(live), verb, fields, spec);
        if renamed {
            draft.change.renamed_from = Some(live.name.clone());
        }
        if !stuck.is_empty() {
            let sentence =
                format!("{} of {} cannot change while it is alive; raise `rotation`", stuck.join(" and "), entry.id);
            draft.findings.push((policy::IMMUTABLE.into(), sentence));
        }
        paired.drafts.push(draft);
    }

    fn draft(
        &self,
        entry: &'a Entry,
        reason: Option<&str>,
        live: Option<&'a LiveObject>,
        verb: Verb,
        fields: Vec<FieldChange>,
        spec: &Value,
    ) -> Draft<'a> {
        let rules = self.kind.facts().fields;
        let span = match fields.as_slice() {
            [field] => entry.node.place_of(&field.path),
            _ => entry.key.span,
        };
        let after = match live {
            None => compare::shown(rules, spec),
            Some(live) => {
                let mut after = compare::overlay(rules, &live.spec, spec);
                if verb == Verb::Replace {
                    let instructions = rules.iter().filter(|it| it.1 == FieldRule::Instruction);
                    for (field, value) in instructions.filter_map(|it| Some((it.0, spec.get(it.0)?))) {
                        after[field] = value.clone();
                    }
                }
                after
            }
        };
        let source = Some(self.world.desired.place(span));
        let mut from = origin::of_entry(self.world, entry, &fields);
        let mut drifted = Vec::new();
        if let Some(live) = live.filter(|_| from == Origin::PullRequest) {
            drifted = origin::drifted(self.world, entry, live, &fields);
            // What the pull request asks for is live already, and all else is drift.
            if verb == Verb::Update && drifted == fields {
                (from, drifted) = (Origin::Drift, Vec::new());
            }
        }
        let ground = (from, reason.unwrap_or("declared"), source);
        let mut draft = self.new_draft(&entry.id, verb, ground, (live, Some(entry)), (fields, after));
        draft.change.declared = self.world.spec(entry);
        // What is nobody's business is in no plan; who applies has the manifest.
        if let Some(declared) = draft.change.declared.as_object_mut() {
            declared.retain(|field, _| !rules.iter().any(|it| it.0 == field && matches!(it.1, FieldRule::Private(_))));
        }
        draft.change.drifted = drifted;
        draft
    }

    fn new_draft(
        &self,
        id: &ResourceId,
        verb: Verb,
        (origin, reason, source): (Origin, &str, Option<Place>),
        (live, entry): (Option<&'a LiveObject>, Option<&'a Entry>),
        (fields, after): (Vec<FieldChange>, Value),
    ) -> Draft<'a> {
        let change = Change {
            id: id.clone(),
            kind: id.kind.clone(),
            name: id.name.clone(),
            verb,
            origin,
            reason: reason.to_owned(),
            renamed_from: None,
            source,
            removal: None,
            attribution: None,
            before: live.map_or(Value::Null, |it| it.spec.clone()),
            after,
            declared: Value::Null,
            relies_on: BTreeMap::new(),
            accepted: policy::accepted(id, self.world),
            fields,
            drifted: Vec::new(),
            unknown: Vec::new(),
            remarks: Vec::new(),
            destructive: false,
            diagnostics: Vec::new(),
            steps: Vec::new(),
        };
        let acknowledged = policy::acknowledged(id, reason, self.world, self.options);
        Draft { change, live, entry, acknowledged, findings: Vec::new() }
    }

    fn tombstones(&mut self, paired: &mut Paired<'a>) {
        let word = self.word();
        let base = self.world.desired.base.as_deref();
        let of_base = base.iter().flat_map(|it| it.desired.removed.keys()).filter(|it| it.kind == word);
        let removed_before: BTreeSet<ResourceId> = of_base.map(matching_id).collect();
        for (id, span) in self.world.desired.removed.iter().filter(|it| it.0.kind == word) {
            let key = matching_key(word, &id.name);
            let place = self.world.desired.place(*span);
            match self.state.objects.get(&key) {
                // The same name in another spelling goes once.
                Some(live) if self.claimed.insert(key.clone()) => {
                    let from = origin::of_deletion(self.world.desired, |_| removed_before.contains(&matching_id(id)));
                    self.deletion(live, (from, policy::TOMBSTONE, Some(place)), paired);
                }
                Some(_) => {}
                None if self.state.incomplete.is_some() || self.state.unknown_objects.contains_key(&key) => {
                    let why = self.state.incomplete.iter().chain(self.state.unknown_objects.get(&key)).next();
                    let why = why.map(|it| format!(": {it}")).unwrap_or_default();
                    paired.unseen.push(format!("whether {id} still exists is unknown{why}"));
                }
                None => {
                    let mut note = Diagnostic::new(
                        Severity::Note,
                        "tombstone-done",
                        format!("{id} is gone already; its line under `removed` can go too"),
                    );
                    note.place = Some(place);
                    paired.notes.push(note);
                }
            }
        }
    }

    /// Live objects that no entry and no tombstone speaks of.
    fn rest(&mut self, paired: &mut Paired<'a>) {
        let facts = self.kind.facts();
        let pruned = self.world.desired.prune.get(facts.section).copied();
        let external: BTreeSet<String> = self
            .world
            .desired
            .external
            .iter()
            .filter(|it| it.kind == facts.word)
            .map(|it| matching_key(&it.kind, &it.name))
            .collect();
        let left: BTreeSet<String> = origin::left(self.world.desired)
            .into_iter()
            .filter(|it| it.id.kind == facts.word && !self.kind.is_of_directory())
            .map(|it| matching_key(facts.word, &it.id.name))
            .collect();
        let mut names = Vec::new();
        for (key, live) in &self.state.objects {
            if self.claimed.contains(key) || external.contains(key) || live.managed_by.is_some() {
                continue;
            }
            if self.kind.goes_with(live).is_some_and(|it| paired.going.contains(&matching_id(&it))) {
                continue;
            }
            match pruned {
                Some(_) if live.protected.is_some() || !self.kind.is_prunable(live) => names.push(live.name.clone()),
                Some(span) => {
                    let id = self.id(&live.name);
                    let from = origin::of_deletion(self.world.desired, |it| {
                        it.prune.contains_key(facts.section) && origin::base_entry(self.world.desired, &id).is_none()
                    });
                    self.deletion(live, (from, "prune", Some(self.world.desired.place(span))), paired);
                }
                None if left.contains(key) => self.left(live, paired, &mut names),
                None => names.push(live.name.clone()),
            }
        }
        let answered_for = self.world.desired.entries.keys().any(|it| it.kind == facts.word) || pruned.is_some();
        if answered_for && !names.is_empty() && facts.shape == Shape::Map {
            paired.unmanaged.push(Unmanaged { kind: facts.word.to_owned(), names });
        }
    }

    /// What the base branch declares and this change does not any more: it goes.
    fn left(&self, live: &'a LiveObject, paired: &mut Paired<'a>, unmanaged: &mut Vec<String>) {
        let id = self.id(&live.name);
        if !self.kind.is_prunable(live) {
            let message = format!(
                "{id} is no longer declared and stays, because its people come from elsewhere; a line under `removed` would delete it"
            );
            paired.notes.push(Diagnostic::new(Severity::Note, "externally-managed", message));
            unmanaged.push(live.name.clone());
            return;
        }
        let before = paired.drafts.len();
        self.deletion(live, (Origin::PullRequest, "not-declared", None), paired);
        if let (Some(draft), Some((base, entry))) =
            (paired.drafts.get_mut(before), origin::base_entry(self.world.desired, &id))
        {
            let (removal, remark) = origin::removal(base, entry);
            draft.change.removal = Some(removal);
            draft.change.remarks.push(remark);
        }
    }

    fn deletion(&self, live: &'a LiveObject, ground: (Origin, &str, Option<Place>), paired: &mut Paired<'a>) {
        let id = self.id(&live.name);
        if let Some(why) = &self.state.incomplete {
            paired.unseen.push(format!("{id} is not deleted, because the list may be incomplete: {why}"));
            return;
        }
        if !rights::may_take_away(self.world, self.options) || live.outline {
            let caller = &self.world.live.caller.login;
            paired.unseen.push(format!(
                "{id} is not deleted, because `{caller}` is not known to administer the organization, and may not see \
                 all that hangs on it; where it does, give --allow-partial-view"
            ));
            return;
        }
        paired.going.insert(matching_id(&id));
        paired.drafts.push(self.new_draft(&id, Verb::Delete, ground, (Some(live), None), (Vec::new(), Value::Null)));
    }

    /// Nothing tells which live object an entry is, so that nothing may be done about it.
    fn ambiguous(&mut self, entry: &'a Entry, live: Option<&'a LiveObject>, spec: &Value) -> Draft<'a> {
        let old = entry.renamed_from.as_deref().unwrap_or_default();
        self.claimed.insert(matching_key(self.word(), old));
        let new = &entry.id.name;
        let is_live = |name: &str| self.state.objects.contains_key(&matching_key(self.word(), name));
        let sentence = match is_live(old) && is_live(new) {
            true => format!("both `{old}` and `{new}` exist, and nothing tells whether the one was the other"),
            false => format!(
                "`{old}` is declared as well as `{new}`: once both exist, nothing tells whether the one was the other"
            ),
        };
        let mut draft = self.draft(entry, None, live, Verb::Rename, Vec::new(), spec);
        draft.change.renamed_from = Some(old.to_owned());
        draft.change.after = json!(draft.change.before);
        draft.findings.push(("rename-ambiguous".into(), sentence));
        draft
    }
}

/// Nothing can be made to refer to what is not there yet.
fn refuse_awaited(draft: &mut Draft, refused: &[(String, ResourceId)]) {
    for (pointer, to) in refused {
        let field = pointer.split('/').nth(1).map(|it| format!("/{it}")).unwrap_or_default();
        if draft.verb() == Verb::Create || draft.field(&field).is_some() {
            let sentence = format!("{} refers to {to}, who has not accepted the invitation yet", draft.change.id);
            draft.findings.push(("unresolved".into(), sentence));
        }
    }
}
