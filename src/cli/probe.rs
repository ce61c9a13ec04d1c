//! Flags of `probe`: asking a running exporter how it is.

use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::document::parse_duration;
use crate::server::ListenAddress;

/// Flags of `probe`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ProbeArguments {
    /// Ask this address instead of the exporter of this machine. A certificate is not verified, as the
    /// kubelet's probes don't
    #[arg(value_name = "URL", value_parser = url)]
    pub url: Option<Url>,
    /// Ask whether every target has been polled (/-/ready), not only whether it serves (/-/healthy)
    #[arg(long, conflicts_with = "url")]
    pub ready: bool,
    /// How long the whole answer may take
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = timeout)]
    pub timeout: Duration,
    // No conflict with the URL: a container's environment says where the exporter listens.
    /// Where the exporter listens, as it was told itself; the first one is asked unless there is a URL
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
        _ => Err("write a whole URL, such as http://127.0.0.1:9877/-/ready".to_owned()),
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
    fn it_asks_the_exporter_of_this_machine_unless_told_whom() {
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
