//! What the pairs were like: a law that meets nothing to judge says nothing.

use std::collections::BTreeMap;

use bylaws::model::{Phase, Plan, Verb};

use super::laws;
use super::pair::Pair;

/// How often each thing happened.
#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<String, usize>,
}

/// How many of each a share has at least.
const LEAST: [(&str, usize); 40] = [
    ("nothing to do", 20),
    ("applyable", 400),
    ("blocked", 400),
    ("rehearsed", 600),
    ("carried out", 350),
    ("imported", 30),
    ("planned in another order", 40),
    ("planned in doubt", 500),
    ("with a base branch", 300),
    ("with drift", 150),
    ("by a machine", 100),
    ("with something allowed", 200),
    ("prune", 400),
    ("removed", 200),
    ("external", 100),
    ("because of tombstone", 150),
    ("because of prune", 150),
    ("because of not-declared", 150),
    ("because of rotation", 5),
    ("Create", 600),
    ("Update", 600),
    ("Rename", 150),
    ("Replace", 150),
    ("Delete", 400),
    ("names in a ring", 2),
    ("a secret is made", 100),
    ("changes a role", 300),
    ("changes a member", 400),
    ("changes a team", 400),
    ("changes a service", 400),
    ("changes a token", 200),
    ("changes a oidc-issuer", 200),
    ("changes a webhook", 200),
    ("changes a settings", 80),
    ("changes a scim-user", 60),
    ("changes a scim-group", 8),
    ("told: protected", 20),
    ("told: rename-ambiguous", 40),
    ("told: still-held", 15),
    ("told: self-lockout", 30),
];

impl Tally {
    pub fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// How many pairs there were so far.
    pub fn pairs(&self) -> usize {
        self.counts.get("pairs").copied().unwrap_or(0)
    }

    pub fn pair(&mut self, pair: &Pair, plan: &Plan) {
        self.count("pairs");
        let mut when = |holds: bool, what: &str| {
            if holds {
                self.count(what);
            }
        };
        when(plan.is_empty(), "nothing to do");
        when(plan.status.applyable && !plan.is_empty(), "applyable");
        when(plan.summary.blocked > 0, "blocked");
        when(plan.status.converges.is_some(), "rehearsed");
        when(pair.base.is_some(), "with a base branch");
        when(!plan.drift.is_empty(), "with drift");
        when(pair.caller.is_none(), "by a machine");
        when(!pair.options.allow.is_empty(), "with something allowed");
        for key in ["prune", "removed", "external"] {
            when(pair.head.get(key).is_some(), key);
        }
        let reasons: Vec<&str> = plan.all_changes().map(|it| it.reason.as_str()).collect();
        for reason in ["tombstone", "prune", "not-declared", "rotation"] {
            when(reasons.contains(&reason), &format!("because of {reason}"));
        }
        for verb in [Verb::Create, Verb::Update, Verb::Rename, Verb::Replace, Verb::Delete] {
            when(plan.all_changes().any(|it| it.verb == verb), &format!("{verb:?}"));
        }
        let aside = plan.all_changes().any(|it| it.steps.iter().filter(|it| it.phase == Phase::Rename).count() > 1);
        when(aside, "names in a ring");
        when(laws::has(plan, Phase::Issue), "a secret is made");
        for kind in bylaws::kinds::ALL {
            let word = kind.facts().word;
            when(plan.all_changes().any(|it| it.kind == word), &format!("changes a {word}"));
        }
        for finding in &plan.diagnostics {
            self.count(&format!("told: {}", finding.code));
        }
    }

    /// Nothing that is worth judging was missed.
    pub fn is_telling(&self) {
        for (what, least) in LEAST {
            let count = self.counts.get(what).copied().unwrap_or(0);
            assert!(count >= least, "only {count} pairs, not {least}: {what}\n{:#?}", self.counts);
        }
    }
}
