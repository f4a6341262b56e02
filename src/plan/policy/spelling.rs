//! Names that only their case tells apart: two things here, perhaps one to the service or to a reader.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{self, World};
use crate::model::{Diagnostic, ResourceId, Severity};

/// The code of the warning.
const DIFFER: &str = "names-differ-by-case";

/// A warning for every name that is declared, and has a double in the manifest or among what is live.
pub(in crate::plan) fn differing_by_case(world: &World) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for kind in kinds::ALL.iter().filter(|it| !it.facts().ignores_case) {
        let word = kind.facts().word;
        let declared = world.desired.entries.keys().filter(|it| it.kind == word).map(|it| it.name.as_str());
        let declared: BTreeSet<&str> = declared.collect();
        // What goes, or gets another name, is not there any more when this is done.
        let goes = |name: &str| {
            let desired = world.desired;
            desired.removed.contains_key(&ResourceId::new(word, name))
                || desired.entries.values().any(|it| it.id.kind == word && it.renamed_from.as_deref() == Some(name))
        };
        let live = world.live.kind(word).objects.values().map(|it| it.name.as_str());
        let mut spellings: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for name in declared.iter().copied().chain(live) {
            spellings.entry(name.to_lowercase()).or_default().insert(name);
        }
        for names in spellings.values_mut().filter(|it| it.len() > 1) {
            names.retain(|it| declared.contains(it) || !goes(it));
            if names.len() < 2 || names.is_disjoint(&declared) {
                continue;
            }
            let names: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
            let message = format!(
                "these are different names of the kind {word}, and differ by upper and lower case only: {}",
                names.join(", ")
            );
            let help = "if they are to be one, spell it as the service does";
            let warning = Diagnostic::new(Severity::Warning, DIFFER, message);
            found.push(Diagnostic { help: Some(help.to_owned()), ..warning });
        }
    }
    found
}
