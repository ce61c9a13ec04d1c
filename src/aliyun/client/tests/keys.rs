//! Keys: what becomes of those that are refused, and that nothing shows them.

use super::*;

/// Hands out the next key each time one is refused.
struct Rotating {
    refused: AtomicUsize,
    keys: Vec<&'static str>,
}

impl Source for Rotating {
    fn name(&self) -> &'static str {
        "rotating"
    }

    fn current(&self) -> Pending<'_> {
        let refused = self.refused.load(Ordering::Relaxed);
        let id = self.keys.get(refused).copied();
        Box::pin(async move {
            let id = id.ok_or_else(|| credentials::Error::new("rotating", "no key left"))?;
            Ok(Arc::new(Credentials::new(id, Secret::new(SECRET), Some(Secret::new(TOKEN)))))
        })
    }

    fn refused(&self, _credentials: &Credentials) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn refused_keys_are_replaced_and_the_request_is_signed_with_the_new_ones() {
    for code in ["InvalidSecurityToken.Expired", "InvalidAccessKeyId.NotFound"] {
        let server = Server::start([error(code), ok("{}")]).await;
        let source = Rotating { refused: AtomicUsize::new(0), keys: vec!["STS.first-key", "STS.second-key"] };
        let client = hasty(server.options(), Arc::new(source), Arc::new(Unobserved));
        client.call(&request(), text).await.unwrap();
        let requests = server.requests();
        let ids: Vec<_> =
            requests.iter().map(|request| request.header("x-acs-accesskey-id").unwrap()).collect();
        assert_eq!(ids, ["STS.first-key", "STS.second-key"]);
    }
}

#[tokio::test]
async fn an_expired_token_is_tried_once_more_and_wrong_keys_are_not() {
    let server = Server::start(std::iter::repeat_n(error("InvalidSecurityToken.Expired"), 5)).await;
    client(&server).0.call(&request(), text).await.unwrap_err();
    assert_eq!(server.requests().len(), 2);
    let server = Server::start(std::iter::repeat_n(error("SignatureDoesNotMatch"), 5)).await;
    client(&server).0.call(&request(), text).await.unwrap_err();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::start([ok("{}")]).await;
    let source = Rotating { refused: AtomicUsize::new(0), keys: Vec::new() };
    let client = hasty(server.options(), Arc::new(source), Arc::new(Unobserved));
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Credentials, "credentials"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn no_secret_is_shown_by_anything_that_can_be_formatted() {
    let page = format!("<html>secret {SECRET} token CAIS%2Btoken%2Fvalue%3D%3D id {ID}");
    let message = format!(r#"{{"Code":"SignatureDoesNotMatch","Message":"{SECRET} {TOKEN} {ID}"}}"#);
    let server = Server::start([answer("400 Bad", page), answer("400 Bad", message)]).await;
    let mut options = Options { max_retries: 0, ..server.options() };
    let client = hasty(options.clone(), keys(), Arc::new(Unobserved));
    options.proxy = Some("http://user:hunter2@127.0.0.1:3128".to_owned());
    let mut shown = format!("{options:?} {client:?}");
    for _ in 0..2 {
        let error = client.call(&request(), text).await.unwrap_err();
        shown += &format!("{error} {error:?} {error:#?} {} {}", error.message(), error.code());
    }
    options.proxy = Some("http://user:hunter2@[bad".to_owned());
    let error = Client::new(options, keys(), Arc::new(Unobserved)).unwrap_err();
    shown += &format!("{error} {error:?}");
    for hidden in ["hunter2", "CAIS", "LTAI"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("…AbCd"), "{shown}");
}
