//! A secret in a file of its own: 0600, below the working directory, whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::apply::git;
use crate::model::Secret;

/// A file that was found fit to take a secret.
#[derive(Debug)]
pub(super) struct FileSink {
    /// The real path of the directory that all sinks are below.
    base: PathBuf,
    /// The names below it.
    relative: PathBuf,
}

impl FileSink {
    /// Looks at every name on the way, makes the directories that are missing, and writes and removes a trial file.
    ///
    /// # Errors
    /// When a secret could not be kept there, or could be read or exchanged by somebody else.
    pub(super) fn open(base: &Path, path: &str) -> Result<Self, String> {
        let relative = below(path)?;
        let base = base.canonicalize().map_err(|error| format!("`{}` cannot be used: {error}", base.display()))?;
        let sink = Self { base, relative };
        sink.look()?;
        git::unseen(&sink.target())?;
        sink.make_directories()?;
        let owner = sink.probe().map_err(|error| format!("`{}` cannot be written: {error}", sink.shown_parent()))?;
        match sink.target().symlink_metadata() {
            Ok(there) if self::owner(&there) != owner => Err("somebody else's file is in its place".to_owned()),
            _ => Ok(sink),
        }
    }

    /// The path below the base, for people.
    pub(super) fn relative(&self) -> &Path {
        &self.relative
    }

    /// Replaces the file by one that holds exactly the value, without a line end, and reads it back.
    ///
    /// # Errors
    /// When the value is not safely on disk. A file that was there may be gone then.
    pub(super) fn deliver(&self, secret: &Secret) -> Result<(), String> {
        // The trial was before the first call; since then, somebody may have put a link on the way.
        self.look()?;
        let failed = |what: &str, error: std::io::Error| format!("failed to {what} `{}`: {error}", self.shown());
        let mut file = self.temporary().map_err(|error| failed("write", error))?;
        file.write_all(secret.expose().as_bytes()).map_err(|error| failed("write", error))?;
        file.as_file().sync_all().map_err(|error| failed("sync", error))?;
        file.persist(self.target()).map_err(|error| failed("write", error.error))?;
        File::open(self.parent()).and_then(|it| it.sync_all()).map_err(|error| failed("sync", error))?;
        self.look()?;
        let found = fs::read(self.target()).map(Zeroizing::new).map_err(|error| failed("read back", error))?;
        if *found != secret.expose().as_bytes() {
            return Err(format!("`{}` does not hold what was written to it", self.shown()));
        }
        Ok(())
    }

    fn target(&self) -> PathBuf {
        self.base.join(&self.relative)
    }

    fn parent(&self) -> PathBuf {
        self.base.join(self.relative.parent().unwrap_or(Path::new("")))
    }

    fn shown(&self) -> impl std::fmt::Display + '_ {
        self.relative.display()
    }

    fn shown_parent(&self) -> String {
        shown_directory(self.relative.parent().unwrap_or(Path::new("")))
    }

    /// The directories from the base down to the file's own, as paths below the base.
    fn directories(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = self.relative.ancestors().skip(1).map(Path::to_path_buf).collect();
        found.reverse();
        found
    }

    /// Whether everything that is there is what it should be: real directories that nobody else can
    /// change, and a regular file or nothing at the end.
    fn look(&self) -> Result<(), String> {
        for directory in self.directories() {
            let shown = shown_directory(&directory);
            let Some(there) = look_at(&self.base.join(&directory))? else { return Ok(()) };
            if there.is_symlink() {
                return Err(format!("`{shown}` is a link"));
            }
            if !there.is_dir() {
                return Err(format!("`{shown}` is not a directory"));
            }
            if writable_by_others(&there) {
                return Err(format!("others may write to `{shown}`; run `chmod go-w` on it"));
            }
        }
        match look_at(&self.target())? {
            None => Ok(()),
            Some(there) if there.is_symlink() => Err("a link is in its place".to_owned()),
            Some(there) if there.is_dir() => Err("a directory is in its place".to_owned()),
            Some(there) if !there.is_file() => Err("something that is not a regular file is in its place".to_owned()),
            Some(_) => Ok(()),
        }
    }

    fn make_directories(&self) -> Result<(), String> {
        for directory in self.directories() {
            let path = self.base.join(&directory);
            if look_at(&path)?.is_none() {
                make_private(&path)
                    .map_err(|error| format!("failed to make `{}`: {error}", shown_directory(&directory)))?;
            }
        }
        // Whoever made one of them at the same moment may have made something else.
        self.look()
    }

    /// Writes, syncs and removes a file beside the target. Tells who owns what this process writes.
    fn probe(&self) -> std::io::Result<Option<u32>> {
        let mut file = self.temporary()?;
        file.write_all(b"bylaws tries whether it can write here; this file can be removed\n")?;
        file.as_file().sync_all()?;
        let owner = owner(&file.as_file().metadata()?);
        file.close()?;
        Ok(owner)
    }

    fn temporary(&self) -> std::io::Result<NamedTempFile> {
        let file = tempfile::Builder::new().prefix(".bylaws-").tempfile_in(self.parent())?;
        set_private(file.as_file())?;
        Ok(file)
    }
}

/// The names of a path that stays below the directory it starts from.
fn below(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.chars().any(char::is_control) {
        return Err("write `file:PATH`, such as `file:secrets/ci-deploy`".to_owned());
    }
    if path.ends_with(['/', '\\']) {
        return Err("it names a directory; name a file in it".to_owned());
    }
    let mut relative = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) if name.eq_ignore_ascii_case(".git") => {
                return Err("it is inside a git repository's own directory".to_owned());
            }
            Component::Normal(name) => relative.push(name),
            Component::ParentDir => return Err("`..` leaves the working directory; name a path below it".to_owned()),
            Component::RootDir | Component::Prefix(_) => {
                return Err("it is absolute; name a path below the working directory".to_owned());
            }
        }
    }
    if relative.as_os_str().is_empty() {
        Err("it names a directory; name a file in it".to_owned())
    } else {
        Ok(relative)
    }
}

fn shown_directory(relative: &Path) -> String {
    if relative.as_os_str().is_empty() { ".".to_owned() } else { relative.display().to_string() }
}

fn look_at(path: &Path) -> Result<Option<Metadata>, String> {
    match path.symlink_metadata() {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether anybody but its owner can put something else in a file's place there.
///
/// A person's group with the person's own number is theirs alone: systems that set such groups up leave
/// every directory writable by it.
#[cfg(unix)]
fn writable_by_others(directory: &Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = directory.permissions().mode();
    let own_group = directory.gid() == directory.uid() && directory.uid() != 0;
    mode & 0o002 != 0 || (mode & 0o020 != 0 && !own_group)
}

#[cfg(unix)]
fn owner(there: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(there.uid())
}

#[cfg(unix)]
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().mode(0o700).create(directory)?;
    // The umask may have taken away what the owner needs.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

#[cfg(unix)]
fn set_private(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn writable_by_others(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn owner(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> std::io::Result<()> {
    fs::create_dir(directory)
}

#[cfg(not(unix))]
fn set_private(_: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
pub(super) mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;
    use std::process::Command;

    use tempfile::TempDir;

    use super::FileSink;
    use crate::model::Secret;

    const VALUE: &str = "pul-0123456789abcdef";

    fn mode(path: &Path) -> u32 {
        path.symlink_metadata().unwrap().permissions().mode() & 0o777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn run(program: &str, arguments: &[&str], place: &Path) {
        assert!(Command::new(program).args(arguments).current_dir(place).status().unwrap().success(), "{program}");
    }

    /// A directory of our own, whatever the umask of whoever runs the tests.
    pub(crate) fn private_directory() -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        chmod(directory.path(), 0o700);
        directory
    }

    /// The same with another one in it.
    fn base() -> TempDir {
        let base = private_directory();
        fs::create_dir(base.path().join("dir")).unwrap();
        chmod(&base.path().join("dir"), 0o700);
        base
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What is prepared below a base, the path of the sink, and what is said about it.
    type Case = (&'static str, fn(&Path), &'static str, &'static str);

    const REFUSED: &[Case] = &[
        ("absolute", |_| {}, "/tmp/ci", "is absolute"),
        ("up and out", |_| {}, "dir/../../ci", "`..` leaves"),
        ("empty", |_| {}, "", "write `file:PATH`"),
        ("a line end", |_| {}, "dir/ci\n", "write `file:PATH`"),
        ("ends as a directory", |_| {}, "dir/", "names a directory"),
        ("only here", |_| {}, ".", "names a directory"),
        ("git's own", |_| {}, ".Git/hooks/ci", "git repository's own"),
        ("link on the way", |it| symlink("dir", it.join("link")).unwrap(), "link/ci", "`link` is a link"),
        ("link to nothing on the way", |it| symlink("none", it.join("link")).unwrap(), "link/ci", "`link` is a link"),
        ("file on the way", |it| fs::write(it.join("file"), "").unwrap(), "file/ci", "`file` is not a directory"),
        (
            "link in its place",
            |it| symlink("/etc/passwd", it.join("dir/ci")).unwrap(),
            "dir/ci",
            "a link is in its place",
        ),
        ("directory in its place", |_| {}, "dir", "a directory is in its place"),
        ("pipe in its place", |it| run("mkfifo", &["dir/ci"], it), "dir/ci", "not a regular file"),
        ("group may write", |it| chmod(&it.join("dir"), 0o720), "dir/ci", "others may write to `dir`"),
        ("world may write", |it| chmod(&it.join("dir"), 0o702), "dir/deep/ci", "others may write to `dir`"),
        ("world may write to the base", |it| chmod(it, 0o1777), "dir/ci", "others may write to `.`"),
        ("git would see it", |it| run("git", &["init", "-q"], it), "dir/ci", "not ignored"),
        (
            "git tracks it, though ignored",
            |it| {
                run("git", &["init", "-q"], it);
                fs::write(it.join("dir/ci"), "old").unwrap();
                run("git", &["add", "dir/ci"], it);
                fs::write(it.join(".gitignore"), "dir/\n").unwrap();
            },
            "dir/ci",
            "not ignored",
        ),
        ("git cannot tell", |it| fs::write(it.join(".git"), "gitdir: /none\n").unwrap(), "dir/ci", "git cannot tell"),
    ];

    const TAKEN: &[Case] = &[
        ("new", |_| {}, "ci", ""),
        ("directories to make", |_| {}, "./dir/deep/deeper/ci", ""),
        (
            "an older file of ours",
            |it| fs::write(it.join("dir/ci"), "older and longer than the value").unwrap(),
            "dir/ci",
            "",
        ),
        (
            "ignored by git before it is there",
            |it| {
                run("git", &["init", "-q"], it);
                fs::write(it.join(".gitignore"), "secrets/\n").unwrap();
            },
            "secrets/ci",
            "",
        ),
    ];

    #[test]
    fn unsafe_places_are_refused_and_left_as_they_are() {
        for (case, prepare, path, said) in REFUSED {
            let base = base();
            prepare(base.path());
            if case == &"group may write" && !super::writable_by_others(&fs::metadata(base.path().join("dir")).unwrap())
            {
                // Run by a person with a group of their own, which nobody else is in.
                continue;
            }
            let before = names(base.path());
            let problem = FileSink::open(base.path(), path).expect_err(case);
            assert!(problem.contains(said), "{case}: {problem}");
            assert_eq!(names(base.path()), before, "{case}");
        }
    }

    #[test]
    fn safe_places_take_exactly_the_value_and_show_it_to_nobody_else() {
        for (case, prepare, path, _) in TAKEN {
            let base = base();
            prepare(base.path());
            let sink = FileSink::open(base.path(), path).expect(case);
            let target = base.path().join(path);
            let parent = target.parent().unwrap();
            let before = names(parent);
            assert!(before.iter().all(|it| !it.starts_with(".bylaws")), "{case}: {before:?}");
            sink.deliver(&Secret::new(VALUE.to_owned())).expect(case);
            assert_eq!(fs::read_to_string(&target).unwrap(), VALUE, "{case}");
            assert_eq!(mode(&target), 0o600, "{case}");
            assert_eq!(mode(parent), 0o700, "{case}");
            assert!(names(parent).iter().all(|it| !it.starts_with(".bylaws")), "{case}");
        }
    }

    #[test]
    fn somebody_elses_file_is_refused() {
        let base = base();
        let file = base.path().join("dir/ci");
        fs::write(&file, "").unwrap();
        // Only root can give a file away.
        if base.path().metadata().unwrap().uid() == 0 {
            std::os::unix::fs::chown(&file, Some(12_345), None).unwrap();
            assert!(FileSink::open(base.path(), "dir/ci").unwrap_err().contains("somebody else's"));
        }
    }

    #[test]
    fn a_link_that_appears_after_the_trial_gets_nothing() {
        let base = base();
        let sink = FileSink::open(base.path(), "dir/deep/ci").unwrap();
        fs::create_dir(base.path().join("elsewhere")).unwrap();
        fs::remove_dir(base.path().join("dir/deep")).unwrap();
        symlink("../elsewhere", base.path().join("dir/deep")).unwrap();
        assert_eq!(sink.deliver(&Secret::new(VALUE.to_owned())).unwrap_err(), "`dir/deep` is a link");
        assert!(names(&base.path().join("elsewhere")).is_empty());
    }

    #[test]
    #[ignore = "run without a PATH by `the_same_under_any_umask`"]
    fn without_git_a_work_tree_is_refused() {
        let base = base();
        fs::create_dir(base.path().join(".git")).unwrap();
        assert!(FileSink::open(base.path(), "dir/ci").unwrap_err().contains("git cannot be asked"));
    }

    /// The umask belongs to the process, so that each needs one of its own.
    #[test]
    fn the_same_under_any_umask() {
        let again = |script: &str, test: &str| {
            let this = std::env::current_exe().unwrap();
            let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
            let output = Command::new("sh")
                .args(["-c", script])
                .arg(this)
                .args(["--exact", &name, "--include-ignored"])
                .output();
            let output = output.unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && said.contains("1 passed"), "{script} {test}: {said}");
        };
        for umask in ["000", "022", "077"] {
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            again(&script, "unsafe_places_are_refused_and_left_as_they_are");
            again(&script, "safe_places_take_exactly_the_value_and_show_it_to_nobody_else");
        }
        again("PATH=/none; export PATH; exec \"$0\" \"$@\"", "without_git_a_work_tree_is_refused");
    }
}
