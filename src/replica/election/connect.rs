//! The connection to the Kubernetes API server that the environment of this process names.

use super::client::{Client, client};
use super::cluster::Cluster;
use super::error::ClusterError;
use super::kubeconfig;
use crate::aliyun::credentials::Environment;

/// A client of the API server, and the namespace of the Lease: the given one, else that of the
/// service account or of the kubeconfig's context. No request is sent.
///
/// # Errors
/// No cluster was found, or its credentials cannot be used.
pub(super) fn connect(namespace: Option<&str>) -> Result<(Client, String), ClusterError> {
    let cluster = cluster_of(&Environment::of_process())?;
    let namespace = cluster.namespace(namespace);
    Ok((client(cluster)?, namespace))
}

/// The cluster of the kubeconfig that `KUBECONFIG` names, else the one in which this process is a
/// pod, else that of `~/.kube/config`.
fn cluster_of(environment: &Environment) -> Result<Cluster, ClusterError> {
    if let Some(paths) = environment.get("KUBECONFIG") {
        let paths = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
        return kubeconfig::read(&paths.collect::<Vec<_>>());
    }
    if let Some(host) = environment.get("KUBERNETES_SERVICE_HOST") {
        return Cluster::of_pod(host, environment.get("KUBERNETES_SERVICE_PORT").unwrap_or("443"));
    }
    let path = environment.in_home(".kube/config").filter(|path| path.exists());
    kubeconfig::read(&[path.ok_or(ClusterError::Missing)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn without_a_cluster_the_error_names_both_ways() {
        let error = cluster_of(&environment(&[("HOME", "/missing")])).unwrap_err().to_string();
        assert!(error.contains("service account") && error.contains("KUBECONFIG"), "{error}");
        let error = cluster_of(&environment(&[("KUBECONFIG", "/missing/config")])).unwrap_err().to_string();
        assert!(error.contains("/missing/config"), "{error}");
    }
}
