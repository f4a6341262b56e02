//! Entries that come twice, because a list changed between its pages. They are one, and that it changed is told.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

/// The entries of a list's pages so far.
#[derive(Debug, Default)]
pub struct Repeats {
    seen: HashSet<u64>,
}

impl Repeats {
    /// How many entries of this page were on an earlier one.
    ///
    /// A page that cannot be understood has none; what is wrong with it others find.
    pub fn of(&mut self, page: &[u8]) -> usize {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(page).unwrap_or_default();
        let mut own = HashSet::new();
        for (name, value) in fields.iter().filter(|it| it.1.get().starts_with('[')) {
            let entries: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
            own.extend(entries.iter().map(|it| hash(name, it.get())));
        }
        let repeated = own.intersection(&self.seen).count();
        self.seen.extend(own);
        repeated
    }
}

fn hash(list: &str, entry: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (list, entry).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::Repeats;

    #[test]
    fn only_what_an_earlier_page_of_the_same_list_held_is_repeated() {
        let mut repeats = Repeats::default();
        for (page, count) in [
            (r#"{"teams":[{"name":"a"},{"name":"a"}],"more":"p1"}"#, 0),
            (r#"{"teams":[{"name":"b"},{"name":"a"}],"others":[{"name":"a"}]}"#, 1),
            (r#"{"teams":[]}"#, 0),
            (r#"{"teams":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#, 2),
            ("[1]", 0),
        ] {
            assert_eq!(repeats.of(page.as_bytes()), count, "{page}");
        }
    }
}
