//! The TLS handshake, through loopback sockets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::super::handshake::accept_tls;
use super::super::stream::ClientStream;
use super::assert_elapsed;

const LIMIT: Duration = Duration::from_secs(10);

/// The client's end and the server's end of a TCP connection.
async fn connected() -> (TcpStream, ClientStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    #[cfg(unix)]
    let stream = ClientStream::Left(stream);
    (client, stream)
}

/// A server configuration for `localhost`, and its self-signed certificate.
fn server_config() -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (Arc::new(config), certificate)
}

#[tokio::test]
async fn a_tls_client_is_accepted() {
    let (config, certificate) = server_config();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client_config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (client, stream) = connected().await;
    let connector = TlsConnector::from(Arc::new(client_config));
    let name = ServerName::try_from("localhost").unwrap();
    let (client, server) = tokio::join!(connector.connect(name, client), accept_tls(config, stream, LIMIT));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    server.write_all(b"hello").await.unwrap();
    server.flush().await.unwrap();
    let mut received = [0; 5];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
}

#[tokio::test]
async fn a_client_that_sends_plain_http_gets_status_400() {
    let (mut client, stream) = connected().await;
    let exchange = async move {
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        response
    };
    let (response, result) = tokio::join!(exchange, accept_tls(server_config().0, stream, LIMIT));
    assert!(response.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{response}");
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "this port speaks HTTPS\n");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_is_disconnected_at_the_limit() {
    let (_client, stream) = connected().await;
    let started = Instant::now();
    let error = accept_tls(server_config().0, stream, LIMIT).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (io::ErrorKind::TimedOut, "timed out after 10s".to_owned())
    );
    assert_elapsed(started.elapsed(), LIMIT);
}
