//! The manifest's files: which they are, and their bytes.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read.
pub const LARGEST: u64 = 64 << 20;

/// A manifest's files as they were found, in the order of their paths.
pub type Files = Vec<(String, Vec<u8>)>;

/// Reads the given paths, or the default ones: `bylaws.yaml`, or all of `bylaws/`.
///
/// # Errors
/// Every path that matches nothing, cannot be read, or is no regular file; all of them at once.
pub fn read(paths: &[PathBuf]) -> Result<Files, Vec<String>> {
    let mut problems = Vec::new();
    let mut found: Vec<PathBuf> = Vec::new();
    if paths.is_empty() {
        match default_path() {
            Some(path) => collect(&path, &mut found, &mut problems),
            None => problems.push(
                "there is no manifest here: neither `bylaws.yaml` nor a folder `bylaws`; name the files or folders to read"
                    .to_owned(),
            ),
        }
    }
    for path in paths {
        collect(path, &mut found, &mut problems);
    }
    found.sort();
    found.dedup();
    let mut files = Vec::new();
    for path in found {
        match bytes(&path) {
            Ok(bytes) => files.push((shown(&path), bytes)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// Where a manifest is looked for when no path is given.
pub const DEFAULT_PATHS: [&str; 2] = ["bylaws.yaml", "bylaws"];

fn default_path() -> Option<PathBuf> {
    DEFAULT_PATHS.into_iter().map(PathBuf::from).find(|it| it.exists())
}

/// Whether there is a manifest where one is looked for.
pub fn has_default() -> bool {
    default_path().is_some()
}

/// Whether a file below a folder belongs to the manifest, by its path below that folder.
pub fn belongs(below: &Path) -> bool {
    let hidden = below.components().any(|it| it.as_os_str().to_string_lossy().starts_with('.'));
    !hidden && below.extension().is_some_and(|it| it == "yaml" || it == "yml")
}

/// A path as people and plans see it: `/` between its parts on every system.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}

fn collect(path: &Path, found: &mut Vec<PathBuf>, problems: &mut Vec<String>) {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            problems.push(format!("`{}` matches no file", shown(path)));
            return;
        }
        Err(error) => {
            problems.push(format!("failed to read `{}`: {error}", shown(path)));
            return;
        }
    };
    if !metadata.is_dir() {
        found.push(path.to_owned());
        return;
    }
    let before = found.len();
    if let Err(error) = walk(path, found) {
        problems.push(format!("failed to read the folder `{}`: {error}", shown(path)));
    } else if found.len() == before {
        problems.push(format!("the folder `{}` holds no *.yaml or *.yml file", shown(path)));
    }
}

/// Whether a folder holds any file that [`read`] would read.
pub fn any(folder: &Path) -> bool {
    let mut found = Vec::new();
    walk(folder, &mut found).is_ok() && !found.is_empty()
}

/// All YAML files below a folder; hidden files and folders, and links to folders, are passed over.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&path, found)?;
        } else if belongs(Path::new(&entry.file_name())) {
            found.push(path);
        }
    }
    Ok(())
}

/// The bytes of a regular file that holds still while it is read.
///
/// # Errors
/// When it is none, is larger than [`LARGEST`], or cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("failed to read `{}`: {error}", shown(path));
    // Asked before opening: opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("`{}` is no regular file", shown(path)));
    }
    let file = File::open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    if !before.is_file() {
        return Err(format!("`{}` is no regular file", shown(path)));
    }
    if before.len() > LARGEST {
        return Err(format!("`{}` is larger than {} MiB", shown(path), LARGEST >> 20));
    }
    let mut bytes = Vec::with_capacity(before.len() as usize);
    (&file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    let after = file.metadata().map_err(failed)?;
    if bytes.len() as u64 != before.len()
        || after.len() != before.len()
        || after.modified().ok() != before.modified().ok()
    {
        return Err(format!("`{}` changed while it was read; try again", shown(path)));
    }
    Ok(bytes)
}
