//! A service over TLS with an authority of its own, and over HTTP/2 with its ways of hanging up.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::{CANARY, client, ms, path, post, quick, writer};
use crate::api::{ApiError, Failure, Options, Timeouts};

/// An authority, and whoever it vouches for on this machine.
struct Authority {
    pem: Vec<u8>,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        Self { pem: issuer.pem().into_bytes(), issuer }
    }

    /// What a service on this machine proves itself with, speaking one protocol.
    fn acceptor(&self, protocol: &[u8]) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = key.serialize_der().try_into().expect("a key");
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(vec![certificate.der().clone()], key).expect("a configuration");
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Handshakes take their time on a busy machine.
fn trusting(pem: Option<&[u8]>) -> Options {
    let timeouts = Timeouts { connect: ms(5000), first_byte: ms(5000), attempt: ms(6000), ..quick().timeouts };
    Options { extra_ca: pem.map(<[u8]>::to_vec), timeouts, ..quick() }
}

#[tokio::test(flavor = "current_thread")]
async fn an_authority_of_ones_own_is_trusted_only_where_it_is_given() {
    let (own, other) = (Authority::new(), Authority::new());
    let (listener, address) = listen().await;
    let acceptor = own.acceptor(b"http/1.1");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let connections = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counts.fetch_add(1, Ordering::SeqCst);
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = vec![0; 4096];
            let count = stream.read(&mut bytes).await.unwrap_or(0);
            hears.lock().expect("the list").extend_from_slice(&bytes[..count]);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").await);
            drop(stream.shutdown().await);
        }
    });
    let address = format!("https://{address}");
    for pem in [None, Some(other.pem.as_slice())] {
        let before = connections.load(Ordering::SeqCst);
        let error = client(&address, trusting(pem)).get(&path("api/user"), &[]).await.expect_err("a stranger");
        assert!(matches!(error.failure, Failure::Connection { maybe_applied: false, .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("certificate") && text.contains("--ca-file"), "{text}");
        // Asking again would change nothing.
        assert_eq!(connections.load(Ordering::SeqCst), before + 1);
        assert!(heard.lock().expect("the list").is_empty());
    }
    let both = [other.pem.clone(), own.pem.clone()].concat();
    for pem in [&own.pem, &both] {
        client(&address, trusting(Some(pem))).get(&path("api/user"), &[]).await.expect("an answer");
    }
    assert!(String::from_utf8_lossy(&heard.lock().expect("the list")).contains(CANARY));
    for junk in [&b""[..], b"not PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let made = crate::api::ReadClient::new(super::connection(&address), trusting(Some(junk)));
        let refusal = match made {
            Err(error) => error.to_string(),
            Ok(reads) => reads.get(&path("api/user"), &[]).await.expect_err("no authority").to_string(),
        };
        assert!(refusal.contains("certificate"), "{refusal}");
    }
}

/// How a service over HTTP/2 leaves its first requests without an answer.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// REFUSED_STREAM: nothing was done.
    Refused,
    /// RST_STREAM with INTERNAL_ERROR: nobody knows.
    Reset,
    /// GOAWAY with NO_ERROR, and the connection ends.
    GoesAway,
    /// GOAWAY with an error.
    Breaks,
    /// The connection ends without a word.
    HangsUp,
}

/// Answers all but the first `lost` requests.
async fn serve(stream: TlsStream<TcpStream>, leaves: Leaves, seen: Arc<AtomicUsize>, lost: usize) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        assert!(request.headers().contains_key("authorization"));
        let mut respond: SendResponse<Bytes> = respond;
        if seen.fetch_add(1, Ordering::SeqCst) >= lost {
            let response = hyper::http::Response::builder().status(200).body(()).expect("a response");
            let mut body = respond.send_response(response, false).expect("a stream");
            body.send_data(Bytes::from_static(b"{}"), true).expect("a stream");
            continue;
        }
        match leaves {
            Leaves::Refused => respond.send_reset(Reason::REFUSED_STREAM),
            Leaves::Reset => respond.send_reset(Reason::INTERNAL_ERROR),
            Leaves::GoesAway => connection.abrupt_shutdown(Reason::NO_ERROR),
            Leaves::Breaks => connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM),
            Leaves::HangsUp => return,
        }
    }
}

async fn http2(leaves: Leaves, lost: usize) -> (String, Vec<u8>, Arc<AtomicUsize>) {
    let authority = Authority::new();
    let (listener, address) = listen().await;
    let acceptor = authority.acceptor(b"h2");
    let seen = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&counts));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, leaves, seen, lost).await;
                }
            });
        }
    });
    (format!("https://{address}"), authority.pem, seen)
}

const WAYS: [Leaves; 5] = [Leaves::Refused, Leaves::Reset, Leaves::GoesAway, Leaves::Breaks, Leaves::HangsUp];

#[tokio::test(flavor = "current_thread")]
async fn a_read_outlives_every_way_of_hanging_up() {
    for leaves in WAYS {
        let (address, pem, seen) = http2(leaves, 2).await;
        let answer = client(&address, trusting(Some(&pem))).get(&path("api/user"), &[]).await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("{leaves:?}: {error}")).body, "{}", "{leaves:?}");
        assert_eq!(seen.load(Ordering::SeqCst), 3, "{leaves:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_is_sent_once_however_the_service_hangs_up() {
    for leaves in WAYS {
        for fresh in [false, true] {
            let (address, pem, seen) = http2(leaves, 2).await;
            let writes = writer(&client(&address, trusting(Some(&pem))));
            let request = post("api/orgs/acme/tokens");
            let sent = if fresh { writes.send_once_fresh(&request).await } else { writes.send(&request).await };
            let error: ApiError = sent.expect_err("a lost answer");
            assert!(matches!(error.failure, Failure::Connection { .. }), "{leaves:?}: {error}");
            // Also where the service said that it did nothing: then reading finds nothing, which costs one request.
            assert!(error.maybe_applied(), "{leaves:?}: {error}");
            assert_eq!(seen.load(Ordering::SeqCst), 1, "{leaves:?}");
            assert!(!error.to_string().contains("c4n4ry"), "{error}");
        }
    }
}
