//! The history of the manifest since the base branch: which commit took an entry out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cli::files;
use crate::cli::git::{Blob, Git};
use crate::kinds::matching_id;
use crate::manifest;
use crate::model::{Left, ResourceId};

/// How many commits are looked at before nothing is said.
const MOST_COMMITS: usize = 100;

/// What happened to a manifest since a commit.
pub struct History {
    /// git, where the paths are looked up.
    pub git: Git,
    /// The commit of the base.
    pub since: String,
    /// The paths that were given; none for the default ones.
    pub paths: Vec<PathBuf>,
}

/// The files of the manifest that a commit holds at these paths, or at the default ones.
///
/// # Errors
/// When a path is outside the repository.
pub fn files(git: &Git, commit: &str, paths: &[PathBuf]) -> Result<Vec<Blob>, String> {
    let mut found = Vec::new();
    for path in wanted(paths) {
        found.extend(git.files(commit, &path)?);
        // `bylaws.yaml` comes before the folder, as it does in the working directory.
        if paths.is_empty() && !found.is_empty() {
            break;
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn wanted(paths: &[PathBuf]) -> Vec<PathBuf> {
    match paths {
        [] => files::DEFAULT_PATHS.iter().map(PathBuf::from).collect(),
        given => given.to_vec(),
    }
}

impl History {
    /// How each of these left the manifest. Where that cannot be told, nothing is said: it is good to know,
    /// and no reason to fail.
    pub fn of(&self, ids: &[ResourceId]) -> BTreeMap<ResourceId, Left> {
        let mut found = BTreeMap::new();
        if ids.is_empty() {
            return found;
        }
        let mut known = Manifests { history: self, declared: BTreeMap::new() };
        let Some(head) = known.at("HEAD") else { return found };
        let has = |declared: &BTreeSet<ResourceId>, id: &ResourceId| declared.contains(&matching_id(id));
        let (uncommitted, mut open): (Vec<_>, Vec<_>) = ids.iter().partition(|it| has(&head, it));
        found.extend(uncommitted.into_iter().map(|it| (it.clone(), Left::Uncommitted)));
        if open.is_empty() {
            return found;
        }
        // Children come first, so that the first commit that took it out is the one that counts.
        let Ok(commits) = self.git.commits_since(&self.since, &wanted(&self.paths), MOST_COMMITS) else { return found };
        for it in commits {
            if open.is_empty() {
                break;
            }
            let Some(after) = known.at(&it.commit) else { return found };
            let before: Option<Vec<_>> = it.parents.iter().map(|it| known.at(it)).collect();
            // Without it, nobody can tell whether this commit took it out or an older one.
            let Some(before) = before else { return found };
            open.retain(|id| {
                // A merge takes out only what all that it merges still had.
                let gone = !has(&after, id) && !before.is_empty() && before.iter().all(|it| has(it, id));
                if gone {
                    found.insert((*id).clone(), Left::Commit(it.commit.clone()));
                }
                !gone
            });
        }
        found
    }
}

/// What the manifest declared, by its files: most commits leave most of it alone.
struct Manifests<'a> {
    history: &'a History,
    declared: BTreeMap<Vec<Blob>, Option<BTreeSet<ResourceId>>>,
}

impl Manifests<'_> {
    /// What a commit's manifest declares; nothing where that manifest has mistakes or cannot be read.
    fn at(&mut self, commit: &str) -> Option<BTreeSet<ResourceId>> {
        let History { git, since: _, paths } = self.history;
        let blobs = files(git, commit, paths).ok()?;
        if let Some(known) = self.declared.get(&blobs) {
            return known.clone();
        }
        let declared = if blobs.is_empty() {
            Some(BTreeSet::new())
        } else {
            let desired = git.contents(blobs.clone()).ok().and_then(|it| manifest::load(it).ok());
            desired.map(|it| it.entries.keys().map(matching_id).collect())
        };
        self.declared.insert(blobs, declared.clone());
        declared
    }
}
