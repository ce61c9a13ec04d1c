//! Connections through proxies, and connections that the service closes.

use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

/// TLS of a server called `localhost`, and of a client that trusts it.
fn tls() -> (TlsAcceptor, ClientConfig) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(server)), client)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, format!("localhost:{port}"))
}

/// The lines of a message's head.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Vec<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().trim_end().lines().map(str::to_owned).collect()
}

fn transport(url: &str, proxy: Option<&str>, tls: ClientConfig) -> Transport {
    let options = ClientOptions {
        proxy: proxy.map(str::to_owned),
        ..ClientOptions::new(Endpoint::parse(url).unwrap())
    };
    let proxy = proxy_of(&options, &Environment::default()).unwrap();
    Transport::with_connections(&options, tls, proxy.as_ref()).unwrap()
}

async fn send(transport: &Transport) -> Result<RawResponse, Error> {
    let signed = SignedRequest {
        query: "PageSize=1".to_owned(),
        headers: vec![("authorization", "signature".to_owned())],
        body: String::new(),
    };
    transport.send("ListAppInstances", signed).await
}

#[tokio::test]
async fn a_request_with_tls_reaches_the_service_through_a_tunnel_and_the_password_only_the_proxy() {
    let (acceptor, client_tls) = tls();
    let (service, service_address) = listen().await;
    let (proxy, proxy_address) = listen().await;
    let target = service_address.clone();
    let tunnel = tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let request = head(&mut client).await;
        let mut service = TcpStream::connect(&target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        tokio::spawn(async move { copy_bidirectional(&mut client, &mut service).await });
        request
    });
    let received = tokio::spawn(async move {
        let (stream, _) = service.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let request = head(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        request
    });
    let proxy = format!("http://user:p%40ss@{proxy_address}");
    let transport = transport(&format!("https://{service_address}"), Some(&proxy), client_tls);
    let response = send(&transport).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"fine"[..]));
    let tunnel = tunnel.await.unwrap();
    assert_eq!(tunnel[0], format!("CONNECT {service_address} HTTP/1.1"));
    assert!(tunnel.contains(&format!("host: {service_address}")), "{tunnel:?}");
    // The base64 of `user:p@ss`.
    assert!(tunnel.contains(&"proxy-authorization: Basic dXNlcjpwQHNz".to_owned()), "{tunnel:?}");
    let received = received.await.unwrap();
    assert_eq!(received[0], "POST /?PageSize=1 HTTP/1.1");
    assert!(received.contains(&format!("host: {service_address}")), "{received:?}");
    assert!(!received.iter().any(|line| line.starts_with("proxy-authorization")), "{received:?}");
}

#[tokio::test]
async fn a_request_without_tls_names_the_service_to_the_proxy() {
    let (proxy, proxy_address) = listen().await;
    let received = tokio::spawn(async move {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let request = head(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        request
    });
    let proxy = format!("http://user:@{proxy_address}");
    let transport = transport("http://api.example", Some(&proxy), tls().1);
    assert_eq!(send(&transport).await.unwrap().status, 200);
    let received = received.await.unwrap();
    assert_eq!(received[0], "POST http://api.example/?PageSize=1 HTTP/1.1");
    for line in ["host: api.example", "proxy-authorization: Basic dXNlcjo=", "content-length: 0"] {
        assert!(received.contains(&line.to_owned()), "{line}: {received:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_the_cause_of_the_error_which_contains_no_password() {
    let (proxy, proxy_address) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = proxy.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
    });
    let proxy = format!("http://user:hunter2@{proxy_address}");
    let error = send(&transport("https://api.example", Some(&proxy), tls().1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let text = chain(&error);
    assert!(text.contains("the proxy refused the connection: status 407"), "{text}");
    assert!(!format!("{text} {error:?}").contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_the_cause_of_the_error() {
    let (acceptor, _) = tls();
    let (service, address) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = service.accept().await.unwrap();
        let _ = acceptor.accept(stream).await;
    });
    let error = send(&transport(&format!("https://{address}"), None, tls().1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(chain(&error).contains("invalid peer certificate"), "{}", chain(&error));
}

#[tokio::test]
async fn a_connection_that_the_service_has_closed_is_replaced_without_an_error() {
    let (service, address) = listen().await;
    let (close, closing) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut first, _) = service.accept().await.unwrap();
        head(&mut first).await;
        first.write_all(OK).await.unwrap();
        closing.await.unwrap();
        drop(first);
        let (mut second, _) = service.accept().await.unwrap();
        head(&mut second).await;
        second.write_all(OK).await.unwrap();
    });
    let transport = transport(&format!("http://{address}"), None, tls().1);
    send(&transport).await.unwrap();
    let pool = &transport.inner.pool;
    let idle = pool.take().expect("the first connection is idle");
    pool.put(idle);
    close.send(()).unwrap();
    while let Some(idle) = pool.take() {
        pool.put(idle);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(send(&transport).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_body_in_chunks_of_any_size_is_complete_or_an_error() {
    let (service, address) = listen().await;
    tokio::spawn(async move {
        for body in ["4\r\nfine\r\n6\r\n, too \r\n0\r\n\r\n", "4\r\nfine\r\n6\r\n, t"] {
            let (mut stream, _) = service.accept().await.unwrap();
            head(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
            for byte in [head, body].concat().bytes() {
                stream.write_all(&[byte]).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    let transport = transport(&format!("http://{address}"), None, tls().1);
    assert_eq!(&send(&transport).await.unwrap().body[..], b"fine, too ");
    let error = send(&transport).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(chain(&error).contains("the connection broke"), "{}", chain(&error));
}
