//! A few lines of HTTP server, so that a test decides about every byte that comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a test lets the server do with a request.
pub enum Does {
    /// A whole answer: status, further header lines, body.
    Answers(u16, &'static str, Vec<u8>),
    /// The same after a while.
    Waits(Duration, Box<Does>),
    /// Exactly these bytes, then the end of the connection.
    Sends(Vec<u8>),
    /// These bytes, and then nothing more.
    Stalls(Vec<u8>),
    /// The end of the connection.
    HangsUp,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method, path and query.
    pub line: String,
    /// The whole head.
    pub head: String,
    /// The body.
    pub body: String,
}

/// A server on a port that the system picked.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    /// Every request.
    pub seen: Arc<Mutex<Vec<Seen>>>,
    /// How many connections were opened.
    pub connections: Arc<AtomicUsize>,
    /// The most requests that were under way at once.
    pub most: Arc<AtomicUsize>,
}

/// What is done with the n-th request, counted from 0.
type Script = Arc<dyn Fn(usize, &Seen) -> Does + Send + Sync>;

impl Does {
    /// A JSON answer.
    pub fn json(body: impl Into<String>) -> Self {
        Does::Answers(200, "Content-Type: application/json\r\n", body.into().into_bytes())
    }
}

impl Server {
    pub async fn start(script: impl Fn(usize, &Seen) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (seen, connections, most) = (Arc::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let server =
            Self { address, seen: Arc::clone(&seen), connections: Arc::clone(&connections), most: Arc::clone(&most) };
        let script: Script = Arc::new(script);
        let under_way = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, seen, under_way, most) =
                    (script.clone(), Arc::clone(&seen), under_way.clone(), most.clone());
                tokio::spawn(async move { serve(stream, &script, &seen, &under_way, &most).await });
            }
        });
        server
    }

    /// `METHOD path` of every request.
    pub fn lines(&self) -> Vec<String> {
        self.seen.lock().expect("the log").iter().map(|it| it.line.clone()).collect()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().expect("the log").len()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &Script,
    seen: &Mutex<Vec<Seen>>,
    under_way: &AtomicUsize,
    most: &AtomicUsize,
) -> Option<()> {
    loop {
        let request = read(&mut stream).await?;
        let number = {
            let mut seen = seen.lock().expect("the log");
            seen.push(request.clone());
            seen.len() - 1
        };
        most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let mut does = script(number, &request);
        if let Does::Waits(time, then) = does {
            tokio::time::sleep(time).await;
            does = *then;
        }
        under_way.fetch_sub(1, Ordering::SeqCst);
        match does {
            Does::Answers(status, headers, body) => {
                let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
                stream.write_all(&[head.into_bytes(), body].concat()).await.ok()?;
            }
            Does::Sends(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                return None;
            }
            Does::Stalls(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                std::future::pending::<()>().await;
            }
            Does::HangsUp | Does::Waits(..) => return None,
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    while bytes.len() < end + length.unwrap_or_default() {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let line = head.lines().next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    Some(Seen { line, head, body: String::from_utf8_lossy(&bytes[end..]).into_owned() })
}
