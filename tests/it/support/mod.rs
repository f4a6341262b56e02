//! A service and a folder of its own for each test, and the program run as people run it.

pub mod engine;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use bylaws::sandbox::{self, Config, Running};

/// The moment at which every test plays: fixed, so that the same test prints the same bytes.
pub const NOW: &str = "2026-11-22T12:00:00Z";
/// The same in Unix seconds.
pub const NOW_SECONDS: i64 = 1_795_348_800;

/// How a run of the program ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The same, after checking how it ended; what it printed is in the failure.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// A service under way, spoken to over HTTP, and a folder for the manifest.
pub struct Stage {
    pub folder: tempfile::TempDir,
    running: Option<Running>,
    _end: mpsc::Sender<()>,
}

impl Stage {
    /// The demo organization.
    pub fn demo() -> Self {
        Self::with(Config::default())
    }

    /// A service of one's own making.
    pub fn with(config: Config) -> Self {
        let config = Config { now: config.now.or(Some(NOW_SECONDS)), ..config };
        let (started, starting) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                started.send(sandbox::start(config).await.unwrap()).unwrap();
                // Serves until the stage is dropped, which closes the channel.
                let _ = tokio::task::spawn_blocking(move || ended.recv()).await;
            });
        });
        Self { folder: tempfile::tempdir().unwrap(), running: Some(starting.recv().unwrap()), _end: end }
    }

    /// The service.
    pub fn service(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Writes a file of the manifest.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs `bylaws` here, against this service.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// The same with more in its environment.
    pub fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Run {
        let mut all: Vec<&str> = arguments.to_vec();
        let url = self.service().url();
        if matches!(arguments.first(), Some(&("plan" | "apply"))) {
            all.extend(["--backend", &url, "--now", NOW]);
        }
        run(self.folder.path(), &all, &[&[("PULUMI_ACCESS_TOKEN", "pul-sandbox")], more].concat())
    }

    /// `METHOD path` of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.service().requests().into_iter().map(|it| format!("{} {}", it.method, it.path)).collect()
    }

    /// The requests so far that are not GET or HEAD.
    pub fn writes(&self) -> Vec<String> {
        self.requests().into_iter().filter(|it| !it.starts_with("GET ") && !it.starts_with("HEAD ")).collect()
    }
}

/// Runs `bylaws` in a folder, in an environment that holds nothing but what is given.
pub fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_bylaws"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The project's own folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
