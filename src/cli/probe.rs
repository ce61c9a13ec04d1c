//! Flags of `probe`, which checks the health of a running exporter.

use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::document::parse_duration;
use crate::server::ListenAddress;

/// Flags of `probe`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ProbeArguments {
    /// URL to request instead of the exporter on this machine; its certificate is not verified, as
    /// in the kubelet's probes
    #[arg(value_name = "URL", value_parser = url)]
    pub url: Option<Url>,
    /// Check readiness (/-/ready: every target has been polled) instead of health (/-/healthy)
    #[arg(long, conflicts_with = "url")]
    pub ready: bool,
    /// Limit for the complete response, above 0
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = timeout)]
    pub timeout: Duration,
    // No conflict with the URL: a container's environment sets this flag for the exporter.
    /// Addresses of the exporter, as in its own flag; the first is requested unless a URL is given
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":9877",
        value_delimiter = ',',
        env = "APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS",
        hide_env = true
    )]
    pub listen_address: Vec<ListenAddress>,
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("write a complete URL, such as http://127.0.0.1:9877/-/ready".to_owned()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| "write a duration such as 3s or 500ms".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::cli::{Command, try_parse};

    #[test]
    fn the_exporter_of_this_machine_is_probed_unless_a_url_is_given() {
        let parsed = |line: &str| try_parse(line.split(' '));
        let Ok(Command::Probe(probe)) = parsed("x probe --ready --web.listen-address [::1]:1") else {
            panic!("not a probe");
        };
        assert!(probe.ready && probe.url.is_none());
        assert_eq!(probe.listen_address, ["[::1]:1".parse().unwrap()]);

        let Ok(Command::Probe(probe)) = parsed("x probe https://user@localhost:1/-/ready --timeout 1s")
        else {
            panic!("not a probe");
        };
        assert_eq!(probe.url.unwrap().as_str(), "https://user@localhost:1/-/ready");

        for line in [
            "x probe localhost:9877",
            "x probe /-/ready",
            "x probe --timeout 0s",
            "x probe http://localhost --ready",
        ] {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
