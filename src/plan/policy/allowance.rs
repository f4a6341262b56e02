//! What `--allow` accepts: a danger of one change, or a danger in an exact number.

use std::collections::BTreeSet;

use crate::kinds::matching_id;
use crate::model::{Diagnostic, ResourceId};
use crate::plan::policy::{Acceptance, danger};

/// One accepted danger, as it is given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// `CODE:ID`, such as `delete-team:team/data-eng`.
    Change {
        /// The danger's code.
        code: String,
        /// The change that brings it.
        of: ResourceId,
    },
    /// `budget:KIND=COUNT` or `new-admins=COUNT`.
    Count {
        /// The danger's code.
        code: String,
        /// What is counted, where the code counts several things.
        what: Option<String>,
        /// How many are accepted: no more and no fewer.
        count: usize,
    },
}

impl Allowance {
    /// Reads what was given after `--allow`.
    ///
    /// # Errors
    /// What is wrong with it, and how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`--allow {text}` is not CODE:ID; write it as the plan prints it, such as delete-team:team/data-eng or \
                 budget:team=7"
            )
        };
        let (code, of) = match (text.split_once(':'), text.split_once('=')) {
            (Some((code, of)), _) => (code, Some(of)),
            (None, Some((code, _))) => (code, None),
            (None, None) => return Err(wrong()),
        };
        let danger = danger(code).ok_or_else(wrong)?;
        if danger.acceptance == Acceptance::Never {
            return Err(format!("`{}` cannot be allowed: {}", danger.code, danger.help));
        }
        if danger.acceptance != Acceptance::Counted {
            let of = of.and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
            return Ok(Allowance::Change { code: code.to_owned(), of });
        }
        let counted = |text: &str| text.parse::<usize>().ok().filter(|it| *it > 0).ok_or_else(wrong);
        let (what, count) = match of {
            Some(of) => {
                let (what, count) = of.split_once('=').ok_or_else(wrong)?;
                (Some(what.to_owned()), counted(count)?)
            }
            None => (None, counted(text.split_once('=').map(|it| it.1).unwrap_or_default())?),
        };
        Ok(Allowance::Count { code: code.to_owned(), what, count })
    }

    /// Whether one of these findings is what it accepts.
    pub fn speaks_of(&self, findings: &[Diagnostic]) -> bool {
        findings.iter().any(|it| match self {
            Allowance::Change { code, of } => {
                it.code == *code && it.change.as_ref().map(matching_id) == Some(matching_id(of))
            }
            Allowance::Count { code, .. } => it.code == *code,
        })
    }
}

/// Whether a counted danger is accepted in exactly this number.
pub(super) fn counted(allowed: &BTreeSet<String>, code: &str, what: Option<&str>, count: usize) -> bool {
    let wanted = Allowance::Count { code: code.to_owned(), what: what.map(str::to_owned), count };
    allowed.iter().any(|it| Allowance::parse(it).as_ref() == Ok(&wanted))
}

/// The codes that are accepted for one resource.
pub(super) fn of(allowed: &BTreeSet<String>, id: &ResourceId) -> BTreeSet<String> {
    let own = matching_id(id);
    let parsed = allowed.iter().filter_map(|it| Allowance::parse(it).ok());
    parsed
        .filter_map(|it| match it {
            Allowance::Change { code, of } if matching_id(&of) == own => Some(code),
            Allowance::Change { .. } | Allowance::Count { .. } => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Allowance;

    #[test]
    fn an_allowance_is_of_a_change_or_of_a_number() {
        for sound in ["delete-team:team/x", "emptied:team", "budget:team=7", "new-admins=3", "few-admins:member/bob"] {
            assert!(Allowance::parse(sound).is_ok(), "{sound}");
        }
        for wrong in [
            "delete-team",
            "delete-team:",
            "budget:team",
            "budget:team=0",
            "budget=7",
            "new-admins:member/x=3x",
            "nonsense:x/y",
            "last-admin:member/bob",
            "delete-team=3",
        ] {
            let parsed = Allowance::parse(wrong);
            let counted_without_kind = wrong == "budget=7";
            assert!(parsed.is_err() || counted_without_kind, "{wrong}: {parsed:?}");
        }
    }
}
