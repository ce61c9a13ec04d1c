//! `GET /-/state`, as another replica sees it.

use super::*;
use crate::aliyun::Secret;
use crate::replica::publication::Publication;
use crate::replica::token::SharedToken;

const TOKEN: (&str, &str) = ("Authorization", "Bearer 0123456789abcdef");

fn sharing() -> (Running, Arc<Publication>) {
    let token = SharedToken::new(Secret::new("0123456789abcdef"), None);
    let publication = Arc::new(Publication::new(token, 7, Arc::new(|| b"the state".to_vec())));
    let content = Shown { publication: Some(Arc::clone(&publication)), ..polled() };
    (Running::start(content), publication)
}

fn ask(server: &Running, headers: &[(&str, &str)]) -> Reply {
    server.connect().ask_with("/-/state", headers)
}

#[test]
fn without_replicas_there_is_no_state() {
    assert_eq!(ask(&Running::start(polled()), &[TOKEN]).status, 404);
}

#[test]
fn without_the_token_a_request_is_refused_with_an_empty_body() {
    let (server, _) = sharing();
    for header in [
        ("Accept", "*/*"),
        ("Authorization", "Bearer 0123456789abcdeF"),
        ("Authorization", "Bearer"),
        ("Authorization", "Basic MDEyMzQ1Njc4OWFiY2RlZg=="),
    ] {
        let reply = ask(&server, &[header]);
        assert_eq!((reply.status, reply.text()), (401, ""), "{header:?}");
        assert_eq!(reply.header("etag"), None);
    }
}

#[test]
fn a_state_is_sent_once_and_never_stored_by_a_cache() {
    let (server, publication) = sharing();
    let first = ask(&server, &[TOKEN]);
    assert_eq!((first.status, first.text()), (200, "the state"));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(first.header("replica-role"), Some("standby"));
    let tag = first.header("etag").expect("a tag");

    let mut client = server.connect();
    client.send(&format!(
        "GET /-/state HTTP/1.1\r\nHost: exporter\r\n{}: {}\r\nIf-None-Match: {tag}\r\n\r\n",
        TOKEN.0, TOKEN.1
    ));
    let unchanged = client.reply(true).expect("a reply");
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some(tag)));

    publication.advance();
    let second = ask(&server, &[TOKEN, ("If-None-Match", tag), ("Prefer", "wait=20")]);
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), Some(tag));
}
