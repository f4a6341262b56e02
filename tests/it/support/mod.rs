//! A service and a folder of its own for each test, and the program run as people run it.

pub mod engine;
pub mod published;
pub mod trials;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use bylaws::sandbox::{self, Config, Running};
use published::Side;

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
    on_purpose: RefCell<Vec<&'static str>>,
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
        Self {
            folder: tempfile::tempdir().unwrap(),
            running: Some(starting.recv().unwrap()),
            on_purpose: RefCell::default(),
            _end: end,
        }
    }

    /// The service is told to break the published contract in the way that this part of a problem names.
    pub fn breaks_on_purpose(&self, what: &'static str) {
        self.on_purpose.borrow_mut().push(what);
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
        if matches!(arguments.first(), Some(&("plan" | "apply" | "import" | "drift" | "access"))) {
            all.extend(["--backend", &url, "--now", NOW]);
        }
        let secret = ("AUDIT_HOOK_SECRET", engine::ENVIRONMENT_SECRET);
        run(self.folder.path(), &all, &[&[("PULUMI_ACCESS_TOKEN", "pul-sandbox"), secret], more].concat())
    }

    /// Sends a request below the organization with a token of one's own, `pul-bob` for bob's; its status.
    pub fn ask_with(&self, token: &str, method: &str, path: &[String], body: &serde_json::Value) -> u16 {
        let whole: Vec<String> = ["api", "orgs", "acme"].map(str::to_owned).into_iter().chain(path.to_vec()).collect();
        self.send_as(&format!("token {token}"), method, &whole, body)
    }

    /// Sends a request as the administrator in the console, or as the identity provider; its status.
    pub fn send(&self, method: &str, path: &[String], body: &serde_json::Value) -> u16 {
        let provider = path.first().is_some_and(|it| it == "scim");
        self.send_as(if provider { "Bearer scim-sandbox" } else { "token pul-sandbox" }, method, path, body)
    }

    fn send_as(&self, authorization: &str, method: &str, path: &[String], body: &serde_json::Value) -> u16 {
        let mut url: reqwest::Url = self.service().url().parse().unwrap();
        url.path_segments_mut().unwrap().clear().extend(path);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client
                .request(method.parse().unwrap(), url)
                .header("Authorization", authorization)
                .header("Accept", "application/vnd.pulumi+8");
            let request = if body.is_null() { request } else { request.json(body) };
            request.send().await.unwrap().status().as_u16()
        })
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

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            published::hold_but(&self.service().requests(), Side::Both, &self.on_purpose.borrow());
        }
    }
}

/// Runs `bylaws` in a folder, in an environment that holds nothing but what is given. What it asks of a service that
/// it starts itself is judged as well.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bylaws"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("BYLAWS_SANDBOX_LOG", log.path())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    judge(log.path());
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// git in a folder, always at the same moment: the same history has the same hashes. What it says.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let name = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.args(name).args(arguments).current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    let moment = "2026-11-20T10:00:00Z";
    command.env("GIT_AUTHOR_DATE", moment).env("GIT_COMMITTER_DATE", moment);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Holds the exchanges that a service wrote down against the published contract.
#[track_caller]
pub fn judge(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap();
    let exchanges: Vec<_> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    published::hold(&exchanges, Side::Both);
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
