//! Questions to git: which commit, where a branch left another, and which files a commit holds.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cli::files::{self, Files, LARGEST};

/// What is none of git's business.
const SECRETS: [&str; 2] = ["PULUMI_ACCESS_TOKEN", "BYLAWS_SCIM_TOKEN"];

/// git, in a folder.
pub struct Git {
    folder: PathBuf,
}

/// A file of a commit: its path below the working directory, and the name of its contents.
pub type Blob = (String, String);

/// A commit and those before it.
pub struct Lineage {
    /// The commit.
    pub commit: String,
    /// Its parents: of a merge more than one, of the first commit none.
    pub parents: Vec<String>,
}

/// A folder as people see it.
pub fn shown(folder: &Path) -> String {
    files::shown(folder).trim_end_matches('/').to_owned()
}

impl Git {
    /// In the working directory.
    pub fn here() -> Self {
        Self { folder: PathBuf::from(".") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        // A repository's own settings may name programs to run; none is wanted here.
        command.args(["--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotepath=off"]);
        command.arg("-C").arg(&self.folder).args(arguments).stdin(Stdio::null());
        for name in SECRETS {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, String> {
        let output = self.command(arguments).output();
        output.map_err(|error| format!("`--base` needs git, and git does not run: {error}"))
    }

    /// What git answers, or nothing where it answers with `no`.
    fn ask(&self, arguments: &[&str], no: &[i32]) -> Result<Option<String>, String> {
        let output = self.run(arguments)?;
        match output.status.code() {
            Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())),
            Some(code) if no.contains(&code) => Ok(None),
            _ => Err(failed(arguments, &output)),
        }
    }

    /// The commit of a revision; nothing where git knows none.
    ///
    /// # Errors
    /// When this is no repository, or git does not run.
    pub fn commit(&self, revision: &str) -> Result<Option<String>, String> {
        let wanted = format!("{revision}^{{commit}}");
        self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted], &[1, 128])
    }

    /// Whether history was cut off when this repository was cloned.
    ///
    /// # Errors
    /// When this is no repository, or git does not run.
    pub fn is_shallow(&self) -> Result<bool, String> {
        Ok(self.ask(&["rev-parse", "--is-shallow-repository"], &[])?.as_deref() == Some("true"))
    }

    /// Where the current commit's history left that of another.
    ///
    /// # Errors
    /// When git does not run.
    pub fn merge_base(&self, commit: &str) -> Result<Option<String>, String> {
        self.ask(&["merge-base", "HEAD", commit], &[1])
    }

    /// The commits from one to the current one that changed something at these paths, each with its parents:
    /// children before parents, and what changed nothing left out. At most so many.
    ///
    /// # Errors
    /// When a path is outside the repository, or git does not run.
    pub fn commits_since(&self, commit: &str, paths: &[PathBuf], most: usize) -> Result<Vec<Lineage>, String> {
        let (most, range) = (format!("--max-count={most}"), format!("{commit}..HEAD"));
        let mut arguments = vec!["--literal-pathspecs", "rev-list", "--topo-order", "--parents", &most, &range, "--"];
        let paths: Vec<String> = paths.iter().map(|it| files::shown(it)).collect();
        arguments.extend(paths.iter().map(String::as_str));
        let told = self.ask(&arguments, &[])?.unwrap_or_default();
        let lineage = |line: &str| {
            let mut hashes = line.split(' ').map(str::to_owned);
            Some(Lineage { commit: hashes.next()?, parents: hashes.collect() })
        };
        Ok(told.lines().filter_map(lineage).collect())
    }

    /// The manifest's files that a commit holds at a path below the working directory: the file itself,
    /// or those of a folder, as they would be found on disk.
    ///
    /// # Errors
    /// When the path is outside the repository.
    pub fn files(&self, commit: &str, path: &Path) -> Result<Vec<Blob>, String> {
        let wanted = files::shown(path);
        let wanted = wanted.trim_end_matches('/');
        let output = self.run(&["ls-tree", "-r", "-z", commit, "--", wanted])?;
        if !output.status.success() {
            return Err(failed(&["ls-tree", wanted], &output));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let mut found = Vec::new();
        for line in text.split('\0').filter(|it| !it.is_empty()) {
            let Some((facts, name)) = line.split_once('\t') else { continue };
            let mut facts = facts.split(' ');
            // A link may lead anywhere, and another repository is not this one.
            let regular = facts.next().is_some_and(|it| it.starts_with("100"));
            let Some(blob) = facts.nth(1).filter(|_| regular) else { continue };
            let belongs = match Path::new(name).strip_prefix(wanted) {
                Ok(below) if below.as_os_str().is_empty() => true,
                Ok(below) => files::belongs(below),
                Err(_) => wanted == "." && files::belongs(Path::new(name)),
            };
            if belongs {
                found.push((name.to_owned(), blob.to_owned()));
            }
        }
        Ok(found)
    }

    /// The contents of these files.
    ///
    /// # Errors
    /// When git cannot give one of them, as in a clone without all contents.
    pub fn contents(&self, blobs: Vec<Blob>) -> Result<Files, String> {
        let mut command = self.command(&["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            command.spawn().map_err(|error| format!("`--base` needs git, and git does not run: {error}"))?;
        let names: String = blobs.iter().map(|(_, blob)| format!("{blob}\n")).collect();
        let stdin = child.stdin.take();
        // Asked for from another thread: git answers while it is still being asked.
        let asking = std::thread::spawn(move || stdin.map(|mut it| it.write_all(names.as_bytes())));
        let mut answer = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            let most = LARGEST.saturating_mul(blobs.len() as u64 + 1);
            let read = stdout.by_ref().take(most).read_to_end(&mut answer);
            read.map_err(|error| format!("git cannot be read from: {error}"))?;
        }
        let _ = asking.join();
        let _ = child.wait();
        let mut rest = &answer[..];
        let mut files = Vec::new();
        for (path, blob) in blobs {
            let one =
                take(&mut rest).ok_or_else(|| format!("git does not give `{path}` ({blob}) of the base branch"))?;
            files.push((path, one.to_vec()));
        }
        Ok(files)
    }
}

/// One answer of `cat-file --batch`: a line with the length, then the bytes and a line feed.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|it| *it == b'\n')?;
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    let size: usize = line.split(' ').nth(2)?.parse().ok()?;
    let body = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 2 + size..)?;
    Some(body)
}

fn failed(arguments: &[&str], output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it gives no reason");
    format!("`--base`: `git {}` fails: {said}", arguments.first().unwrap_or(&""))
}
