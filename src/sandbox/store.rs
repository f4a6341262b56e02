//! The state and its file: read at the start, written after changes, many changes a write.

use crate::sandbox::state::State;
use anyhow::Context;
use anyhow::Result;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::Instant;

/// The state in memory, and how far the file has followed it.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    file: Option<PathBuf>,
    changed: Notify,
    written: watch::Sender<Written>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Counts changes.
    revision: u64,
    /// Past states with the instant from which each held, oldest first; none unless somebody asked.
    past: Option<Vec<(Instant, State)>>,
}

#[derive(Clone, Debug, Default)]
struct Written {
    revision: u64,
    failure: Option<String>,
}

/// The latest this many past states are remembered.
const PAST: usize = 64;

/// Reads a state file.
pub fn read(path: &Path) -> Result<State> {
    let bytes =
        std::fs::read(path).with_context(|| format!("failed to read the sandbox's state from `{}`", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("`{}` is not a state of the sandbox", path.display()))
}

/// Writes a state file: to a new file of mode 0600 beside it, synced, renamed over it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let attempt = || -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The rename is on disk only when the folder is.
        std::fs::File::open(folder)?.sync_all()?;
        Ok(())
    };
    attempt().with_context(|| format!("failed to write `{}`", path.display()))
}

fn text(state: &State) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(state)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Store {
    /// Takes the state of the file, or where there is none yet `seed`, which becomes the file, as it does `anew`.
    pub fn open(file: Option<PathBuf>, anew: bool, seed: impl FnOnce() -> State) -> Result<Store> {
        let state = match &file {
            Some(path) if path.exists() && !anew => read(path)?,
            Some(path) => {
                let state = seed();
                write(path, &text(&state)?)?;
                state
            }
            None => seed(),
        };
        Ok(Store {
            inner: Mutex::new(Inner { state, revision: 0, past: None }),
            file,
            changed: Notify::new(),
            written: watch::Sender::new(Written::default()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state. When `work` says that it changed something, the answer is a revision to wait for.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> (T, bool)) -> (T, Option<u64>) {
        let mut inner = self.lock();
        let (answer, changed) = work(&mut inner.state);
        if !changed {
            return (answer, None);
        }
        inner.revision += 1;
        let Inner { state, past, .. } = &mut *inner;
        if let Some(past) = past {
            past.push((Instant::now(), state.clone()));
            // Enough for any lag worth testing.
            past.drain(..past.len().saturating_sub(PAST));
        }
        let revision = inner.revision;
        drop(inner);
        self.changed.notify_one();
        (answer, Some(revision))
    }

    /// Remembers states from here on, for `as_of`.
    pub fn remember(&self) {
        let mut inner = self.lock();
        if inner.past.is_none() {
            inner.past = Some(vec![(Instant::now(), inner.state.clone())]);
        }
    }

    /// The state that held at an instant, as far as it is remembered.
    pub fn as_of(&self, instant: Instant) -> State {
        let inner = self.lock();
        let past = inner.past.as_deref().unwrap_or_default();
        let held = past.iter().rev().find(|(since, _)| *since <= instant).or_else(|| past.first());
        held.map_or_else(|| inner.state.clone(), |(_, state)| state.clone())
    }

    /// Waits until a revision is on disk. Without a file there is nothing to wait for.
    pub async fn settled(&self, revision: u64) -> Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let mut written = self.written.subscribe();
        let seen = written.wait_for(|it| it.revision >= revision).await?;
        match &seen.failure {
            Some(failure) => anyhow::bail!("{failure}"),
            None => Ok(()),
        }
    }

    /// Writes the state whenever it changed. All changes made during one write share the next.
    pub async fn keep_writing(self: Arc<Store>) {
        loop {
            self.changed.notified().await;
            let _ = self.flush().await;
        }
    }

    /// Writes the state if the file is behind.
    pub async fn flush(&self) -> Result<()> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        let (bytes, revision) = {
            let inner = self.lock();
            let written = self.written.borrow();
            if written.revision == inner.revision && written.failure.is_none() {
                return Ok(());
            }
            (text(&inner.state), inner.revision)
        };
        let outcome = match bytes {
            Ok(bytes) => tokio::task::spawn_blocking(move || write(&path, &bytes)).await?,
            Err(error) => Err(error),
        };
        let failure = outcome.as_ref().err().map(|it| format!("{it:#}"));
        // A later write may have overtaken this one.
        self.written.send_if_modified(|it| {
            let news = revision >= it.revision;
            if news {
                *it = Written { revision, failure };
            }
            news
        });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::demo::demo;

    #[test]
    fn a_missing_file_is_made_and_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/state.json");
        let made = Store::open(Some(path.clone()), false, || demo(1_787_306_400)).expect("a new file");
        let found = Store::open(Some(path.clone()), false, State::default).expect("the same file");
        assert_eq!(made.lock().state, found.lock().state);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_bad_file_is_a_clear_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        std::fs::write(&path, "{\"organization\": 1}").expect("a file");
        let error = Store::open(Some(path.clone()), false, State::default).expect_err("not a state");
        assert!(format!("{error:#}").contains("is not a state of the sandbox"), "{error:#}");
        Store::open(Some(path.clone()), true, State::default).expect("a new state");
        assert_eq!(read(&path).expect("the new state"), State::default());
    }

    #[tokio::test]
    async fn changes_made_together_share_a_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        let store = Store::open(Some(path.clone()), false, || demo(0)).expect("a store");
        let store = Arc::new(store);
        for number in 1..=100 {
            let (_, revision) = store.with(|it| (it.next_id("x"), true));
            assert_eq!(revision, Some(number));
        }
        let task = tokio::spawn(store.clone().keep_writing());
        store.settled(100).await.expect("on disk");
        let seen = store.written.borrow().revision;
        task.abort();
        assert_eq!(seen, 100);
        assert_eq!(read(&path).expect("a state").counters["x"], 100);
    }
}
