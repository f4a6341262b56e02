//! Where new secrets go: every sink of a plan is tried before the first call, and takes its value once.

use std::collections::BTreeMap;
use std::path::Path;

use crate::apply::file_sink::FileSink;
use crate::model::{Call, Into, Plan, Secret};

/// The shortest value that can be a secret of the service; anything shorter is a broken answer.
const SHORTEST: usize = 16;

/// The sinks of a plan, all tried.
#[derive(Debug, Default)]
pub struct Sinks {
    by_address: BTreeMap<String, Sink>,
}

#[derive(Debug)]
enum Sink {
    File(FileSink),
}

/// The sinks a plan needs, once for every call that has a value for one.
pub fn addresses(plan: &Plan) -> Vec<&str> {
    let calls = plan.all_changes().flat_map(|it| &it.steps).flat_map(|it| &it.calls);
    calls.flat_map(of_call).collect()
}

/// The sinks of one call; the older route it may fall back to has a value for the same ones.
pub(super) fn of_call(call: &Call) -> Vec<&str> {
    let mut found: Vec<&str> = std::iter::successors(Some(call), |it| it.otherwise.as_deref())
        .flat_map(|it| &it.captures)
        .filter_map(|it| match &it.into {
            Into::Sink(address) => Some(address.as_str()),
            Into::Keep(_) | Into::Same(_) => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl Sinks {
    /// Opens and tries every sink: a value that cannot be kept must not be created. Paths are below `base`.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, a sentence each.
    pub fn open<'a>(base: &Path, addresses: impl Iterator<Item = &'a str>) -> Result<Self, Vec<String>> {
        let mut by_address = BTreeMap::new();
        let mut problems = Vec::new();
        for address in addresses {
            match Sink::open(base, address) {
                Ok(sink) => {
                    if by_address.insert(address.to_owned(), sink).is_some() {
                        problems.push(format!("`{address}`: two values would go there; give each a place of its own"));
                    }
                }
                Err(problem) => problems.push(format!("`{address}`: {problem}")),
            }
        }
        problems.extend(collisions(&by_address));
        problems.sort();
        problems.dedup();
        if problems.is_empty() { Ok(Self { by_address }) } else { Err(problems) }
    }

    /// Whether this sink was opened.
    pub fn has(&self, address: &str) -> bool {
        self.by_address.contains_key(address)
    }

    /// Hands a value over. When this returns, the value is kept safely, or it is not.
    ///
    /// # Errors
    /// When the value is not one, or could not be kept. The message does not hold it.
    pub fn deliver(&self, address: &str, secret: &Secret) -> Result<(), String> {
        let Some(sink) = self.by_address.get(address) else {
            return Err(format!("`{address}` was not opened"));
        };
        let length = secret.expose().trim().chars().count();
        if length < SHORTEST {
            return Err(format!("the answer holds no usable value: {length} characters"));
        }
        match sink {
            Sink::File(file) => file.deliver(secret),
        }
    }
}

impl Sink {
    fn open(base: &Path, address: &str) -> Result<Self, String> {
        match address.split_once(':') {
            Some(("file", path)) => FileSink::open(base, path).map(Sink::File),
            Some((scheme @ ("command" | "environment"), _)) => {
                Err(format!("sinks of the scheme `{scheme}:` are not supported yet; use `file:PATH`"))
            }
            _ => Err("it is no sink; use `file:PATH`".to_owned()),
        }
    }
}

/// Two addresses for one file, and a file in the place of another's directory.
fn collisions(by_address: &BTreeMap<String, Sink>) -> Vec<String> {
    let mut files: Vec<(&Path, &str)> =
        by_address.iter().map(|(address, Sink::File(file))| (file.relative(), address.as_str())).collect();
    files.sort_unstable();
    let mut problems = Vec::new();
    for (index, (path, address)) in files.iter().enumerate() {
        for (_, other) in files[index + 1..].iter().take_while(|(it, _)| it.starts_with(path)) {
            problems.push(format!("`{other}`: `{address}` is in its way; give each a place of its own"));
        }
    }
    problems
}

#[cfg(all(test, unix))]
mod tests {
    use super::Sinks;
    use crate::apply::file_sink::tests::private_directory;
    use crate::model::Secret;

    fn problems(addresses: &[&str]) -> Vec<String> {
        let base = private_directory();
        Sinks::open(base.path(), addresses.iter().copied()).unwrap_err()
    }

    #[test]
    fn all_problems_are_told_at_once() {
        assert_eq!(
            problems(&["file:fine", "command:gh", "file:/etc/x", "environment:a/b#c", "plain"]),
            [
                "`command:gh`: sinks of the scheme `command:` are not supported yet; use `file:PATH`",
                "`environment:a/b#c`: sinks of the scheme `environment:` are not supported yet; use `file:PATH`",
                "`file:/etc/x`: it is absolute; name a path below the working directory",
                "`plain`: it is no sink; use `file:PATH`",
            ]
        );
    }

    #[test]
    fn two_values_never_share_a_place() {
        assert!(problems(&["file:ci", "file:ci"])[0].contains("two values would go there"));
        assert!(problems(&["file:ci", "file:./ci"])[0].contains("in its way"));
        // The probe of the second makes the directory `ci`, or finds it in its place.
        assert!(!problems(&["file:ci", "file:ci/a"]).is_empty());
        assert!(!problems(&["file:ci/a", "file:ci"]).is_empty());
    }

    #[test]
    fn what_is_no_value_is_not_kept() {
        let base = private_directory();
        let sinks = Sinks::open(base.path(), ["file:ci"].into_iter()).unwrap();
        for value in ["", "                        ", "fifteen-letters", "   short           "] {
            let problem = sinks.deliver("file:ci", &Secret::new(value.to_owned())).unwrap_err();
            assert!(problem.contains("no usable value"), "{problem}");
        }
        assert!(!base.path().join("ci").exists());
        assert!(sinks.deliver("file:other", &Secret::new("a-long-enough-value".to_owned())).is_err());
        sinks.deliver("file:ci", &Secret::new("a-long-enough-value".to_owned())).unwrap();
    }
}
