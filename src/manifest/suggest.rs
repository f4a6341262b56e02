//! "Did you mean": the nearest of the right names.

/// Names to choose from, prepared once and asked often.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    names: Vec<Candidate<'a>>,
}

#[derive(Debug)]
struct Candidate<'a> {
    name: &'a str,
    folded: String,
    length: usize,
    letters: u32,
}

impl<'a> Names<'a> {
    /// Prepares names.
    pub fn new(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { names: names.into_iter().map(Candidate::new).collect() }
    }

    /// The name nearest to `wrong`, if one is near: by the number of letters that were changed, left out,
    /// added or swapped with their neighbour, at most a third of the length; upper and lower case are one.
    pub fn nearest(&self, wrong: &str) -> Option<&'a str> {
        let wrong = Candidate::new(wrong);
        let mut best: Option<(usize, &str)> = None;
        for candidate in &self.names {
            let limit = wrong.length.max(candidate.length) / 3;
            // Two cheap bounds spare most of the comparisons: a change of one letter changes the
            // length by at most one, and at most two of the sets of letters.
            let differing = (wrong.letters ^ candidate.letters).count_ones() as usize;
            if wrong.length.abs_diff(candidate.length) > limit || differing > 2 * limit {
                continue;
            }
            let distance = strsim::osa_distance(&wrong.folded, &candidate.folded);
            if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate.name));
            }
        }
        best.map(|(_, name)| name)
    }
}

impl<'a> Candidate<'a> {
    fn new(name: &'a str) -> Self {
        let folded = name.to_lowercase();
        let letters = folded.chars().fold(0, |set, it| set | 1 << (it as u32 % 32));
        Self { name, length: folded.chars().count(), letters, folded }
    }
}

/// The nearest of a few names.
pub(super) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    Names::new(names).nearest(wrong)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found() {
        let names = ["teams", "members", "description", "role", "payments"];
        for (wrong, right) in [
            ("team", "teams"),
            ("Members", "members"),
            ("memebrs", "members"),
            ("descripton", "description"),
            ("rol", "role"),
            ("paymets", "payments"),
        ] {
            assert_eq!(nearest(wrong, names), Some(right), "{wrong}");
        }
        for wrong in ["x", "stacks", "", "owner", "re"] {
            assert_eq!(nearest(wrong, names), None, "{wrong}");
        }
    }

    #[test]
    fn the_nearest_wins_and_the_first_of_equals() {
        assert_eq!(nearest("admi", ["admix", "admin"]), Some("admix"));
        assert_eq!(nearest("admin1", ["admin22", "admin"]), Some("admin"));
    }
}
