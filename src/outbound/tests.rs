//! Requests to real hosts on this machine, TLS included.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::header::HeaderMap;
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{resolver::Lookup, *};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

/// Reads a request's head and answers.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await
}

/// A host on `address`; gives its port and how often it was connected to.
async fn host(address: &str, tls: Option<TlsAcceptor>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            // A client that hangs up is no failure of this host's.
            let _ = match &tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => answer(stream).await,
                    Err(error) => Err(error),
                },
                None => answer(stream).await,
            };
        }
    });
    (port, connections)
}

fn settings(networks: &[&str]) -> Settings {
    Settings {
        allow_http: true,
        allowed_networks: networks.iter().map(|net| (*net).to_owned()).collect(),
        ..Settings::default()
    }
}

async fn download(outbound: &Outbound, url: &str) -> Result<Vec<u8>, OutboundError> {
    let url = outbound.check(url)?;
    let mut download = outbound.download(&url).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = download.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A name server that gives the first of its answers once and the second ever after.
fn rebinding(first: &str, then: &str) -> (Arc<Lookup>, Arc<Mutex<Vec<String>>>) {
    let answers: [IpAddr; 2] = [first, then].map(|address| address.parse().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let lookup: Arc<Lookup> = Arc::new(move |host| {
        let mut log = log.lock().unwrap();
        let address = answers[log.len().min(1)];
        log.push(host);
        Box::pin(async move { Ok(vec![SocketAddr::from((address, 0))]) })
    });
    (lookup, asked)
}

#[tokio::test]
async fn a_name_is_resolved_once_and_what_was_looked_at_is_connected_to() {
    let (port, good) = host("127.0.0.1", None).await;
    let (lookup, asked) = rebinding("127.0.0.1", "127.0.0.9");
    let outbound = Outbound::with_lookup(&settings(&["127.0.0.1"]), lookup).unwrap();
    let url = format!("http://rebinding.example:{port}/");
    assert_eq!(download(&outbound, &url).await.unwrap(), b"hello");
    assert_eq!(*asked.lock().unwrap(), ["rebinding.example"]);
    assert_eq!(good.load(Ordering::SeqCst), 1);
    // The next request asks again, and looks again.
    let refused = download(&outbound, &url).await.unwrap_err();
    let host = "rebinding.example".to_owned();
    assert_eq!(refused, OutboundError::Address { host });
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert_eq!(good.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn names_of_this_machine_are_not_public() {
    let (port, connections) = host("127.0.0.1", None).await;
    let outbound = Outbound::new(&settings(&[])).unwrap();
    let url = format!("http://localhost:{port}/");
    let refused = download(&outbound, &url).await.unwrap_err();
    assert_eq!(refused.code(), "url_refused", "{refused}");
    let url = outbound.check(&url).unwrap();
    let limit = Duration::from_secs(5);
    let headers = HeaderMap::new();
    let posted = outbound.post(&url, &headers, Bytes::new(), limit, 2);
    assert_eq!(posted.await.unwrap_err().code(), "url_refused");
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_is_none_is_unreachable() {
    let lookup: Arc<Lookup> =
        Arc::new(|_| Box::pin(async { Err(io::Error::other("no such name")) }));
    let outbound = Outbound::with_lookup(&settings(&[]), lookup).unwrap();
    let failed = download(&outbound, "https://nowhere.example/?token=secret").await;
    let failed = failed.unwrap_err();
    assert_eq!(failed, OutboundError::Connect("no such name".to_owned()));
}

/// An authority of our own in a file, and a host that it vouches for.
async fn tls_host(folder: &std::path::Path) -> (u16, std::path::PathBuf) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let file = folder.join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let (port, _) = host("127.0.0.1", Some(TlsAcceptor::from(Arc::new(config)))).await;
    (port, file)
}

#[tokio::test]
async fn tls_hosts_must_be_vouched_for_by_somebody_we_trust() {
    let folder = tempfile::TempDir::new().unwrap();
    let (port, ca_file) = tls_host(folder.path()).await;
    let url = format!("https://localhost:{port}/");
    let strangers = settings(&["127.0.0.1"]);
    let outbound = Outbound::new(&strangers).unwrap();
    let failed = download(&outbound, &url).await.unwrap_err();
    assert!(matches!(failed, OutboundError::Tls(_)), "{failed:?}");

    let trusting = Settings {
        ca_file: Some(ca_file.clone()),
        allow_http: false,
        ..strangers.clone()
    };
    let outbound = Outbound::new(&trusting).unwrap();
    assert_eq!(download(&outbound, &url).await.unwrap(), b"hello");
    // Its certificate is for a name, not for every address of the host.
    let other = format!("https://127.0.0.1:{port}/");
    let failed = download(&outbound, &other).await.unwrap_err();
    assert!(matches!(failed, OutboundError::Tls(_)), "{failed:?}");

    std::fs::write(&ca_file, "nothing").unwrap();
    let failed = Outbound::new(&trusting).unwrap_err();
    assert!(failed.to_string().contains("authority.pem"), "{failed}");
}
