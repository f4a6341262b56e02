//! One server a file: whoever comes second waits a moment, and is then told who is there.

use anyhow::Context;
use anyhow::Result;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// How long another server is waited for: as long as a few plans take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long until it is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// A file of the sandbox's, held until this is dropped, however the process ends.
#[derive(Debug)]
pub struct Hold {
    /// The file beside it that is locked: the file itself is replaced with every write. It stays behind, because
    /// whoever removed it could remove it from under somebody else.
    _lock: Option<File>,
}

/// Takes a file for one server.
pub async fn take(path: &Path, patience: Duration) -> Result<Hold> {
    let begun = Instant::now();
    let beside = beside(path);
    let mut lock = match open(&beside) {
        Ok(lock) => lock,
        // Where no file can be made, none is written either.
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            return Ok(Hold { _lock: None });
        }
        Err(error) => return Err(error).with_context(|| format!("failed to make `{}`", beside.display())),
    };
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "`{}` is in use by {}, and still was after {} s; wait for it to end, or use another file: what that \
                 one writes this one would overwrite (a server has an address, which any number of programs may use)",
                path.display(),
                holder(&mut lock),
                patience.as_secs()
            ),
            // A file system without locks.
            Err(TryLockError::Error(_)) => return Ok(Hold { _lock: None }),
        }
    }
    // For whoever comes second; nothing depends on it.
    let _ = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
    Ok(Hold { _lock: Some(lock) })
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// `acme.json.lock`
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.read_to_string(&mut text));
    match text.trim().parse::<u32>() {
        Ok(number) if read.is_ok() => format!("process {number}"),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_is_told_of_it_when_that_takes_too_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/acme.json");
        let first = take(&path, Duration::ZERO).await.expect("the first");
        let refusal = take(&path, Duration::from_millis(30)).await.expect_err("the second");
        let told = format!("{refusal:#}");
        assert!(told.contains(&format!("process {}", std::process::id())) && told.contains("acme.json"), "{told}");
        let (second, ()) = tokio::join!(take(&path, PATIENCE), async {
            tokio::time::sleep(PAUSE * 2).await;
            drop(first);
        });
        drop(second.expect("its turn"));
        take(&path, Duration::ZERO).await.expect("nobody is there");
        take(&folder.path().join("other.json"), Duration::ZERO).await.expect("another file");
    }
}
