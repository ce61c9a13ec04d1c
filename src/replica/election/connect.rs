//! The connection to the Kubernetes API server: from a service account, or from a kubeconfig.

use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt;
use kube::config::{Config, Kubeconfig};
use kube::{Client, Error};
use tower::{BoxError, ServiceBuilder};

use super::error::{ElectionError, describe};

/// The file with the namespace of the pod's service account.
const SERVICE_ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// A client of the API server, and the namespace of the Lease: the given one, else that of the
/// service account, else that of the kubeconfig's context.
pub(super) async fn connect(namespace: Option<String>) -> Result<(Client, String), ElectionError> {
    let config = Config::infer().await.map_err(ElectionError::NoCluster)?;
    if Kubeconfig::read().is_ok_and(|kubeconfig| names_proxy(&kubeconfig)) && config.proxy_url.is_some() {
        return Err(ElectionError::Proxy);
    }
    let of_service_account = std::fs::read_to_string(SERVICE_ACCOUNT_NAMESPACE).ok();
    let namespace = choose_namespace([namespace, of_service_account], &config.default_namespace);
    let client = client(&config).map_err(|error| ElectionError::Credentials(describe(&error)))?;
    Ok((client, namespace))
}

/// A client without the layers of [`Client::try_from`] that retry requests, which would delay the
/// election, and that log every failure, which would fill the log. It connects directly: a proxy
/// of the environment is for requests that leave the cluster.
pub(super) fn client(config: &Config) -> Result<Client, Error> {
    let http = legacy::Client::builder(TokioExecutor::new()).build(config.rustls_https_connector()?);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}

fn names_proxy(kubeconfig: &Kubeconfig) -> bool {
    let clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    clusters.filter_map(|cluster| cluster.proxy_url.as_deref()).any(|url| !url.is_empty())
}

fn choose_namespace(preferred: [Option<String>; 2], default: &str) -> String {
    let names = preferred.iter().flatten().map(|name| name.trim());
    names.filter(|name| !name.is_empty()).chain([default]).next().unwrap_or(default).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_the_configured_one_or_that_of_the_service_account_or_of_the_context() {
        let choose = |configured: Option<&str>, of_service_account: Option<&str>| {
            choose_namespace([configured, of_service_account].map(|name| name.map(str::to_owned)), "default")
        };
        assert_eq!(choose(Some("monitoring"), Some("other")), "monitoring");
        assert_eq!(choose(None, Some("other\n")), "other");
        assert_eq!(choose(Some(""), None), "default");
    }
}
