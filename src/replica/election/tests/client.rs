//! The HTTP client of the API server, through loopback sockets.

use std::path::PathBuf;
use std::sync::Arc;

use hyper::{Request, Response, StatusCode};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::aliyun::Secret;
use crate::replica::election::RequestError;
use crate::replica::election::client::client;
use crate::replica::election::cluster::{ClientCertificate, Cluster, Token};

/// What a server does with its connections.
#[derive(Clone)]
struct Server {
    tls: Option<TlsAcceptor>,
    response: String,
}

impl Server {
    /// Serves one connection after the other. Returns the base URL. Each response contains the head
    /// of its request.
    async fn start(self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match &self.tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            self.serve(stream).await;
                        }
                    }
                    None => self.serve(stream).await,
                }
            }
        });
        url
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let response = self.response.replace("{request}", &head).replace("{length}", &head.len().to_string());
        let _ = stream.write_all(response.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// Responds with the head of the request.
const ECHO: &str = "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{request}";

fn cluster(server: String) -> Cluster {
    Cluster { server, authorities: None, token: None, certificate: None, namespace: None }
}

async fn get(cluster: Cluster) -> Result<Response<Vec<u8>>, RequestError> {
    let request = Request::builder().uri("/apis/coordination.k8s.io/v1?a=b").body(Vec::new()).unwrap();
    client(cluster).unwrap().send(request).await
}

fn plain(response: &str) -> Server {
    Server { tls: None, response: response.to_owned() }
}

/// A server with a certificate of its own authority, which requires it of clients as well; and that
/// certificate and its key, in PEM.
fn mutual_tls() -> (Server, [Vec<u8>; 2]) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::Pkcs8(signing_key.serialize_der().into()));
    let tls = TlsAcceptor::from(Arc::new(config.unwrap()));
    let pem = [cert.pem(), signing_key.serialize_pem()].map(String::into_bytes);
    (Server { tls: Some(tls), response: ECHO.to_owned() }, pem)
}

#[tokio::test]
async fn a_request_has_the_path_below_that_of_the_server_and_the_current_token() {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("token");
    let url = plain(ECHO).start().await;
    for token in ["first", "second"] {
        std::fs::write(&path, format!("{token}\n")).unwrap();
        let token_file =
            Cluster { token: Some(Token::File(path.clone())), ..cluster(format!("{url}/prefix/")) };
        let response = get(token_file).await.unwrap();
        let head = String::from_utf8(response.into_body()).unwrap();
        assert!(head.starts_with("GET /prefix/apis/coordination.k8s.io/v1?a=b HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("authorization: Bearer {token}\r\n")), "{head}");
        assert!(head.contains("accept: application/json\r\n"), "{head}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = get(Cluster { token: Some(Token::File(path)), ..cluster(url) }).await.unwrap_err();
    assert!(matches!(error, RequestError::Token(_)), "{error}");
}

#[tokio::test]
async fn only_the_authority_of_the_cluster_is_trusted_and_the_client_shows_its_certificate() {
    let (server, [chain, key]) = mutual_tls();
    let (_, [other, _]) = mutual_tls();
    let url = server.start().await;
    let with = |authority: &[u8], shows: bool| Cluster {
        authorities: Some(Zeroizing::new(authority.to_vec())),
        certificate: shows.then(|| ClientCertificate {
            chain: Zeroizing::new(chain.clone()),
            key: Zeroizing::new(key.clone()),
        }),
        ..cluster(url.clone())
    };
    assert_eq!(get(with(&chain, true)).await.unwrap().status(), StatusCode::OK);
    for untrusted in [with(&other, true), with(&chain, false), cluster(url.clone())] {
        let error = get(untrusted).await.unwrap_err();
        assert!(matches!(error, RequestError::Unreachable(_)), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_because_it_could_send_the_token_elsewhere() {
    let other = plain(ECHO).start().await;
    let url =
        plain(&format!("HTTP/1.1 302 Found\r\nlocation: {other}\r\ncontent-length: 0\r\n\r\n")).start().await;
    let token = Some(Token::Fixed(Secret::new("secret")));
    assert_eq!(get(Cluster { token, ..cluster(url) }).await.unwrap().status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_response_that_is_too_large_is_an_error() {
    let url = plain(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(2 * 1024 * 1024))).start().await;
    let error = get(cluster(url)).await.unwrap_err();
    assert!(error.to_string().contains("larger than 1048576 bytes"), "{error}");
}

#[test]
fn an_address_or_certificate_that_cannot_be_used_is_reported() {
    for server in ["", "10.0.0.1:6443", "ftp://10.0.0.1"] {
        let error = client(cluster(server.to_owned())).err().unwrap();
        assert!(error.to_string().contains("not a URL"), "{error}");
    }
    let garbage = || Zeroizing::new(b"garbage".to_vec());
    let authority = Cluster { authorities: Some(garbage()), ..cluster("https://10.0.0.1".to_owned()) };
    let certificate = Some(ClientCertificate { chain: garbage(), key: garbage() });
    let certificate = Cluster { certificate, ..cluster("https://10.0.0.1".to_owned()) };
    for unusable in [authority, certificate] {
        let error = crate::aliyun::chain(&client(unusable).err().unwrap());
        assert!(error.contains("certificate") && error.contains("PEM"), "{error}");
    }
}
