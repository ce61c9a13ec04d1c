//! Credentials: rejected ones are replaced, and no text contains them.

use super::*;

/// Returns the next key after each rejection.
struct Rotating {
    rejected: AtomicUsize,
    keys: Vec<&'static str>,
}

impl CredentialsSource for Rotating {
    fn name(&self) -> &'static str {
        "rotating"
    }

    fn current(&self) -> CredentialsFuture<'_> {
        let rejected = self.rejected.load(Ordering::Relaxed);
        let id = self.keys.get(rejected).copied();
        Box::pin(async move {
            let id = id.ok_or_else(|| credentials::Error::new("rotating", "no key left"))?;
            Ok(Arc::new(Credentials::new(id, Secret::new(SECRET), Some(Secret::new(TOKEN)))))
        })
    }

    fn invalidate(&self, _credentials: &Credentials) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn rejected_keys_are_replaced_and_the_request_is_signed_with_the_new_ones() {
    for code in ["InvalidSecurityToken.Expired", "InvalidAccessKeyId.NotFound"] {
        let server = Server::start([error(code), ok("{}")]).await;
        let source =
            Rotating { rejected: AtomicUsize::new(0), keys: vec!["STS.first-key", "STS.second-key"] };
        let client = fast_client(server.options(), Arc::new(source), Arc::new(()));
        client.call(&request(), parse_text).await.unwrap();
        let requests = server.requests();
        let ids: Vec<_> =
            requests.iter().map(|request| request.header("x-acs-accesskey-id").unwrap()).collect();
        assert_eq!(ids, ["STS.first-key", "STS.second-key"]);
    }
}

#[tokio::test]
async fn a_request_with_an_expired_token_is_retried_once_and_one_with_a_wrong_key_is_not() {
    let server = Server::start(std::iter::repeat_n(error("InvalidSecurityToken.Expired"), 5)).await;
    client(&server).0.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(server.requests().len(), 2);
    let server = Server::start(std::iter::repeat_n(error("SignatureDoesNotMatch"), 5)).await;
    client(&server).0.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::start([ok("{}")]).await;
    let source = Rotating { rejected: AtomicUsize::new(0), keys: Vec::new() };
    let client = fast_client(server.options(), Arc::new(source), Arc::new(()));
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Credentials, "credentials"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn no_formatted_value_contains_a_secret() {
    let page = format!("<html>secret {SECRET} token CAIS%2Btoken%2Fvalue%3D%3D id {ID}");
    let message = format!(r#"{{"Code":"SignatureDoesNotMatch","Message":"{SECRET} {TOKEN} {ID}"}}"#);
    let server = Server::start([respond("400 Bad", page), respond("400 Bad", message)]).await;
    let mut options = ClientOptions { max_retries: 0, ..server.options() };
    let client = fast_client(options.clone(), fixed_key(), Arc::new(()));
    options.proxy = Some("http://user:hunter2@127.0.0.1:3128".to_owned());
    let mut shown = format!("{options:?} {client:?}");
    for _ in 0..2 {
        let error = client.call(&request(), parse_text).await.unwrap_err();
        shown += &format!("{error} {error:?} {error:#?} {} {}", error.message(), error.code());
    }
    options.proxy = Some("http://user:hunter2@[bad".to_owned());
    let error = Client::new(options, fixed_key(), Arc::new(())).unwrap_err();
    shown += &format!("{error} {error:?}");
    for hidden in ["hunter2", "CAIS", "LTAI"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("…AbCd"), "{shown}");
}
