//! The sandbox: a faithful Pulumi Cloud of one organization, in the process, over real HTTP.
//!
//! A second, independent reading of the API: it shares no code with the client. In reading order: `state` is what
//! there is to know, `demo` and `generate` make one, `store` keeps it in a file, which
//! `hold` gives to one server at a time; `caller`, `ask`, `body`, `page`,
//! `view` and `routes` are the service; `router` joins them, `serve` adds faults and the log, `wire` is the
//! connection. The way in is [`start`].

pub mod ask;
pub mod body;
pub mod caller;
pub mod clock;
pub mod demo;
pub mod fault;
pub mod generate;
pub mod hold;
pub mod log;
pub mod page;
pub mod rate;
pub mod router;
pub mod routes;
pub mod scopes;
pub mod seed;
pub mod serve;
pub mod spoil;
pub mod state;
pub mod store;
pub mod view;
pub mod wire;

#[cfg(test)]
mod tests;

pub use crate::sandbox::caller::TokenKind;
pub use crate::sandbox::demo::demo;
pub use crate::sandbox::fault::FAULTS;
pub use crate::sandbox::fault::Fault;
pub use crate::sandbox::fault::What;
pub use crate::sandbox::generate::Size;
pub use crate::sandbox::generate::generated;
pub use crate::sandbox::log::LoggedRequest;
pub use crate::sandbox::rate::Rate;
pub use crate::sandbox::state::State;
pub use crate::sandbox::store::read as kept;

use crate::sandbox::ask::Rules;
use crate::sandbox::log::Log;
use crate::sandbox::rate::Bucket;
use crate::sandbox::router::Desk;
use crate::sandbox::serve::Shared;
use crate::sandbox::store::Store;
use crate::sandbox::wire::Wire;
use anyhow::Context;
use anyhow::Result;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::task::JoinSet;

/// How to serve, and what.
#[derive(Clone, Debug)]
pub struct Config {
    /// Keeps the organization, for one server at a time. Without it, everything is forgotten in the end.
    pub file: Option<PathBuf>,
    /// Fills the file anew, whatever it holds.
    pub anew: bool,
    /// 0 lets the system choose.
    pub port: u16,
    /// What a missing file is filled with, and where there is no file what is served; the demo by default.
    pub seed: Option<State>,
    pub faults: Vec<Fault>,
    /// Every answer takes this much longer.
    pub latency: Duration,
    /// The most entries of a page, whatever the request asks for.
    pub page_size: Option<usize>,
    pub rate: Option<Rate>,
    /// What tokens stand for that nobody issued.
    pub token_kind: TokenKind,
    /// Serves the first version of the routes for service items, and not the second.
    pub old_server: bool,
    /// Item names are shown with the organization in front.
    pub org_prefix_items: bool,
    /// Items are removed only by names with the organization in front, however they are shown.
    pub org_prefix_removals: bool,
    /// Items are removed only by paths with the slashes of their names as they are, not encoded.
    pub bare_slash_removals: bool,
    /// A member's role can be changed by the name of a built-in role too; otherwise that is a 404.
    pub member_role_by_name: bool,
    /// One JSON line a request.
    pub log: Option<PathBuf>,
    /// A fixed clock, in Unix seconds.
    pub now: Option<i64>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            file: None,
            anew: false,
            port: 0,
            seed: None,
            faults: Vec::new(),
            latency: Duration::ZERO,
            page_size: None,
            rate: None,
            token_kind: TokenKind::Personal,
            old_server: false,
            org_prefix_items: false,
            org_prefix_removals: false,
            bare_slash_removals: false,
            member_role_by_name: true,
            log: None,
            now: None,
        }
    }
}

/// A server under way. It ends when it is stopped or dropped; only `stop` waits for the file.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts a server on a loopback port, on the current runtime. Waits a moment for another one with the same file.
pub async fn start(config: Config) -> Result<Running> {
    let now = config.now.unwrap_or_else(clock::system);
    let seed = config.seed;
    let hold = match &config.file {
        Some(file) => Some(hold::take(file, hold::PATIENCE).await?),
        None => None,
    };
    let store = Store::open(config.file, config.anew, || seed.unwrap_or_else(|| demo(now)))?;
    let store = Arc::new(store);
    let rules = Rules {
        page_size: config.page_size,
        old_server: config.old_server,
        org_prefix_items: config.org_prefix_items,
        org_prefix_removals: config.org_prefix_removals,
        bare_slash_removals: config.bare_slash_removals,
        member_role_by_name: config.member_role_by_name,
    };
    let desk = Desk { store: store.clone(), rules: Arc::new(rules) };
    let shared = Arc::new(Shared {
        store: store.clone(),
        hold: Mutex::new(hold),
        router: router::build(&desk),
        log: Log::open(config.log.as_deref())?,
        faults: Mutex::default(),
        bucket: config.rate.map(|it| Mutex::new(Bucket::new(it))),
        latency: config.latency,
        token_kind: config.token_kind,
        now: config.now,
        requests: AtomicU64::new(0),
    });
    config.faults.into_iter().for_each(|it| shared.inject(it));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))
        .await
        .with_context(|| format!("failed to listen on port {}", config.port))?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(accept(listener, shared.clone()));
    let writing = tokio::spawn(store.keep_writing());
    Ok(Running { shared, address, tasks: vec![accepting, writing] })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                number += 1;
                connections.spawn(converse(stream, number, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection, HTTP/1.1 or HTTP/2 as the other side begins it.
async fn converse(stream: TcpStream, number: u64, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let wire = Wire::new(stream);
    let scissors = wire.scissors();
    let service =
        hyper::service::service_fn(move |request| serve::handle(shared.clone(), scissors.clone(), number, request));
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A connection that breaks is the client's business.
    let _ = server.serve_connection(TokioIo::new(wire), service).await;
}

impl Running {
    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A copy of the organization as it is now.
    pub fn state(&self) -> State {
        self.shared.store.with(|it| (it.clone(), false)).0
    }

    /// Changes the organization behind the API's back.
    pub fn change(&self, work: impl FnOnce(&mut State)) {
        self.shared.store.with(|it| (work(it), true));
    }

    /// Asks for one more fault.
    pub fn inject(&self, fault: Fault) {
        self.shared.inject(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What was asked so far, in the order in which it was answered.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log.all()
    }

    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Closes the port and all connections, and writes what is not on disk yet.
    pub async fn stop(mut self) -> Result<()> {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            let _ = task.await;
        }
        let kept = self.shared.store.flush().await;
        // Somebody may keep a connection for a while yet.
        drop(self.shared.hold.lock().unwrap_or_else(PoisonError::into_inner).take());
        kept
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(test)]
        if !std::thread::panicking() {
            crate::published::hold(&self.requests(), crate::published::Side::Answers);
        }
        for task in &self.tasks {
            task.abort();
        }
    }
}
