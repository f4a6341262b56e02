//! Connections that can be cut, and bodies that stop half way.

use bytes::Bytes;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::SizeHint;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Cuts a connection, from wherever it is held.
#[derive(Clone, Debug, Default)]
pub struct Scissors(Arc<AtomicBool>);

impl Scissors {
    pub fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn closed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A TCP connection. Once cut it reads and writes nothing more, and closes with a reset.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    scissors: Scissors,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Wire {
        Wire { stream, scissors: Scissors::default() }
    }

    pub fn scissors(&self) -> Scissors {
        self.scissors.clone()
    }

    fn check(&self) -> io::Result<()> {
        if self.scissors.closed() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.scissors.closed() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context, buffer: &mut ReadBuf) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Why a connection ended without an answer.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("the connection was cut")
    }
}

impl std::error::Error for Cut {}

/// A body: whole, in slow pieces, or ending too early.
#[derive(Debug)]
pub struct Outgoing {
    pieces: VecDeque<Bytes>,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Fails after the last piece instead of ending.
    fails: bool,
}

impl Outgoing {
    pub fn whole(bytes: Bytes) -> Outgoing {
        let pieces = if bytes.is_empty() { VecDeque::new() } else { [bytes].into() };
        Outgoing { pieces, pause: Duration::ZERO, sleep: None, fails: false }
    }

    /// The first half, then a failure.
    pub fn half(bytes: &Bytes) -> Outgoing {
        // The pause lets the half reach the other side before the connection ends.
        let (pieces, pause) = ([bytes.slice(..bytes.len() / 2)].into(), Duration::from_millis(10));
        Outgoing { pieces, pause, sleep: None, fails: true }
    }

    /// A byte at a time.
    pub fn slow(bytes: &Bytes, pause: Duration) -> Outgoing {
        let pieces = (0..bytes.len()).map(|it| bytes.slice(it..=it)).collect();
        Outgoing { pieces, pause, sleep: None, fails: false }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let body = self.get_mut();
        if let Some(sleep) = &mut body.sleep {
            ready!(sleep.as_mut().poll(context));
            body.sleep = None;
        }
        match body.pieces.pop_front() {
            Some(piece) => {
                if !body.pause.is_zero() {
                    body.sleep = Some(Box::pin(tokio::time::sleep(body.pause)));
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None if body.fails => Poll::Ready(Some(Err(Cut))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.fails
    }

    fn size_hint(&self) -> SizeHint {
        if self.fails {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.pieces.iter().map(|it| it.len() as u64).sum())
    }
}
