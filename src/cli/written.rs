//! Writes the manifest's files: each whole or not at all, none through a link, none that has changed meanwhile.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use tempfile::NamedTempFile;

use crate::manifest::write::FileText;

/// Writes all files. Every one is made ready and synced before the first takes its place.
///
/// # Errors
/// The first file that cannot be written. Unless the message says otherwise, nothing was.
pub fn write(files: &[FileText]) -> Result<(), String> {
    let mut ready = Vec::new();
    for file in files {
        ready.push((Path::new(&file.path), file.before.is_some(), prepared(file)?));
    }
    let mut done: Vec<&Path> = Vec::new();
    for (path, replaces, temporary) in ready {
        let put = match replaces {
            true => temporary.persist(path),
            false => temporary.persist_noclobber(path),
        };
        if let Err(error) = put {
            let already: Vec<String> = done.iter().map(|it| format!("`{}`", it.display())).collect();
            let already = if already.is_empty() { "nothing".to_owned() } else { already.join(", ") };
            return Err(format!("failed to write `{}`: {}; written so far: {already}", path.display(), error.error));
        }
        done.push(path);
        // The new name is on disk only when its folder is.
        let _ = File::open(parent(path)).and_then(|it| it.sync_all());
    }
    Ok(())
}

/// A file beside its place, complete and on disk.
fn prepared(file: &FileText) -> Result<NamedTempFile, String> {
    let path = Path::new(&file.path);
    let failed = |error: std::io::Error| format!("failed to write `{}`: {error}", path.display());
    refuse_links(path)?;
    let permissions = match &file.before {
        Some(before) => {
            let now = fs::read(path).map_err(failed)?;
            if now != before.as_bytes() {
                return Err(format!("`{}` has changed since it was read; nothing was written", path.display()));
            }
            Some(fs::metadata(path).map_err(failed)?.permissions())
        }
        None => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(format!("`{}` exists, and nothing is overwritten", path.display()));
            }
            fs::create_dir_all(parent(path)).map_err(failed)?;
            None
        }
    };
    let mut temporary = tempfile::Builder::new().prefix(".bylaws-").tempfile_in(parent(path)).map_err(failed)?;
    temporary.write_all(file.text.as_bytes()).map_err(failed)?;
    #[cfg(unix)]
    let permissions = permissions.or_else(|| Some(std::os::unix::fs::PermissionsExt::from_mode(0o644)));
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions).map_err(failed)?;
    }
    temporary.as_file().sync_all().map_err(failed)?;
    Ok(temporary)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// No part of the path that was named may lead somewhere else.
fn refuse_links(path: &Path) -> Result<(), String> {
    let mut so_far = PathBuf::new();
    let named = path.components().count();
    for (index, part) in path.components().enumerate() {
        so_far.push(part);
        // What leads to an absolute path is the system's; the file and its folder are ours.
        if !matches!(part, Component::Normal(_)) || (path.is_absolute() && index + 2 < named) {
            continue;
        }
        match fs::symlink_metadata(&so_far) {
            Ok(found) if found.file_type().is_symlink() => {
                let message = format!("`{}` is a link, and nothing is written through links", so_far.display());
                return Err(message);
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("failed to look at `{}`: {error}", so_far.display())),
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::write;
    use crate::manifest::write::FileText;

    fn file(path: &std::path::Path, before: Option<&str>, text: &str) -> FileText {
        FileText { path: path.display().to_string(), before: before.map(Into::into), text: text.to_owned() }
    }

    #[test]
    fn nothing_is_overwritten_that_was_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        write(&[file(&path, None, "one")]).unwrap();
        assert!(write(&[file(&path, None, "two")]).unwrap_err().contains("nothing is overwritten"));
        assert!(write(&[file(&path, Some("other"), "two")]).unwrap_err().contains("has changed"));
        write(&[file(&path, Some("one"), "two")]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_is_written_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let (outside, inside) = (folder.path().join("outside"), folder.path().join("inside"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("a.yaml"), "a").unwrap();
        std::os::unix::fs::symlink(&outside, &inside).unwrap();
        assert!(write(&[file(&inside.join("b.yaml"), None, "b")]).unwrap_err().contains("is a link"));
        std::os::unix::fs::symlink(outside.join("a.yaml"), folder.path().join("a.yaml")).unwrap();
        assert!(write(&[file(&folder.path().join("a.yaml"), Some("a"), "b")]).unwrap_err().contains("is a link"));
        assert_eq!(fs::read_to_string(outside.join("a.yaml")).unwrap(), "a");
    }

    #[test]
    fn one_that_cannot_be_written_leaves_all_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a.yaml"), folder.path().join("b.yaml"));
        fs::write(&first, "a").unwrap();
        fs::write(&second, "b").unwrap();
        write(&[file(&first, Some("a"), "x"), file(&second, Some("moved"), "x")]).unwrap_err();
        assert_eq!(fs::read_to_string(&first).unwrap(), "a");
    }
}
