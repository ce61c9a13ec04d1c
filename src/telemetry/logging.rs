//! The log: one line per event on stderr, as logfmt or JSON, with times in UTC.
//!
//! The other modules emit events with `tracing`. This module filters and formats them. Secrets
//! cannot reach the log: their type cannot be printed.

use std::io::{self, Write};
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// Crates that log every connection. Only their warnings are shown, unless a directive names them.
const NOISY: [&str; 8] = ["h2", "hyper", "hyper_util", "mio", "reqwest", "rustls", "tokio_util", "tower"];

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `ts=... level=info message="..." key=value`
    #[default]
    Logfmt,
    /// One JSON object per line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a level nor a list of directives.
    #[error(
        "log level `{0}` is not one of off, error, warn, info, debug, trace, and not a list of directives such as \
         `info,appstreaming_exporter::server=debug`"
    )]
    Level(String),
    /// One of the directives is malformed.
    #[error("log level `{level}` is not valid")]
    Directive {
        /// The configured level.
        level: String,
        /// The cause.
        source: ParseError,
    },
    /// The process has a log already.
    #[error("logging is set up already")]
    Twice(#[source] TryInitError),
}

/// An unknown log format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log format `{0}` is neither logfmt nor json")]
pub struct UnknownFormat(String);

/// Starts logging to stderr. `level` is a level, or a list of `tracing` directives by module.
///
/// # Errors
/// `level` is not valid, or the process has a log already.
pub fn init(level: &str, format: Format) -> Result<(), Error> {
    subscriber(level, format, || IgnoreErrors(io::stderr()))?.try_init().map_err(Error::Twice)
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Format, UnknownFormat> {
        match text {
            "logfmt" => Ok(Format::Logfmt),
            "json" => Ok(Format::Json),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

fn subscriber<W>(level: &str, format: Format, writer: W) -> Result<impl Subscriber + Send + Sync, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter(level)?;
    // By default, an error while writing a line is reported on stderr, which panics if stderr is
    // broken. Such an error cannot be reported anywhere else, so it is ignored.
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Logfmt => {
            let layer = tracing_logfmt::builder().with_span_path(false).with_target(false).layer();
            layer.log_internal_errors(false).with_writer(writer).boxed()
        }
        Format::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_target(false);
            layer.log_internal_errors(false).with_writer(writer).boxed()
        }
    };
    Ok(Registry::default().with(layer.with_filter(filter)))
}

fn filter(level: &str) -> Result<Targets, Error> {
    let level = level.trim();
    let directives: Vec<&str> = level.split(',').map(str::trim).collect();
    // `tracing` parses a single unknown word as a module: `inof` would disable all logging
    // silently.
    if let [word] = directives[..]
        && !word.contains(['=', '[', ':'])
        && (word.is_empty() || word.parse::<LevelFilter>().is_err())
    {
        return Err(Error::Level(level.to_owned()));
    }
    // Brackets filter by spans and fields, which is not supported here: `Targets` would parse them
    // as part of a module's name, which would disable all logging, too.
    if level.contains(['[', '{']) {
        return Err(Error::Level(level.to_owned()));
    }
    let mut filter: Targets =
        level.parse().map_err(|source| Error::Directive { level: level.to_owned(), source })?;

    let default_level = directives.iter().rev().find_map(|word| word.parse::<LevelFilter>().ok());
    if default_level.is_some_and(|level| level > LevelFilter::WARN) {
        let is_named = |name: &str| directives.iter().any(|directive| is_for(directive, name));
        for noisy in NOISY.iter().filter(|noisy| !is_named(noisy)) {
            filter = filter.with_target(*noisy, LevelFilter::WARN);
        }
    }
    Ok(filter)
}

/// Whether a directive is for the crate, or for a module of it.
fn is_for(directive: &str, name: &str) -> bool {
    directive.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ':']))
}

/// Ignores errors: a closed stderr must not stop a poll or a scrape.
struct IgnoreErrors<W>(W);

impl<W: Write> Write for IgnoreErrors<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn logged(level: &str, format: Format, events: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(level, format, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, events);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn event() {
        tracing::info!(account = "main", note = "a \"b\" = c\nd", "poll ended");
    }

    /// The value of `ts` is a time in UTC.
    fn assert_utc(time: &str) {
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }

    #[test]
    fn logfmt_writes_one_line_per_event_and_quotes_values() {
        let lines = logged("info", Format::Logfmt, event);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let (time, rest) = line.strip_prefix("ts=").unwrap().split_once(' ').unwrap();
        assert_utc(time);
        assert!(rest.starts_with("level=info "));
        assert!(rest.contains(" msg=\"poll ended\"") || rest.contains("message=\"poll ended\""), "{rest}");
        assert!(rest.contains(" account=main ") || rest.ends_with(" account=main"), "{rest}");
        assert!(rest.contains(r#"note="a \"b\" = c\nd""#), "{rest}");
    }

    #[test]
    fn json_writes_one_object_per_line() {
        let lines = logged("info", Format::Json, event);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_utc(object["timestamp"].as_str().unwrap());
        assert_eq!(object["level"], "INFO");
        assert_eq!((&object["message"], &object["account"]), (&"poll ended".into(), &"main".into()));
        assert_eq!(object["note"], "a \"b\" = c\nd");
    }

    #[test]
    fn noisy_crates_are_hidden_unless_a_directive_names_them() {
        let shown = |level: &str| {
            logged(level, Format::Logfmt, || {
                tracing::error!(target: "hyper::proto", "e");
                tracing::warn!(target: "hyper::proto", "w");
                tracing::debug!(target: "hyper::proto", "d");
                tracing::debug!(target: "appstreaming_exporter::server", "ours");
            })
            .len()
        };
        assert_eq!(shown("off"), 0);
        assert_eq!(shown("error"), 1);
        assert_eq!(shown("info"), 2);
        assert_eq!(shown("debug"), 3);
        assert_eq!(shown("DEBUG"), 3);
        assert_eq!(shown("debug,hyper=debug"), 4);
        assert_eq!(shown("info,hyper::proto=debug"), 3);
        assert_eq!(shown("error,appstreaming_exporter=debug"), 2);
    }

    #[test]
    fn an_invalid_level_is_named_in_the_error() {
        for level in ["inof", "", "verbose", "[poll]=debug", "info,hyper[{id}]=debug"] {
            let error = filter(level).unwrap_err().to_string();
            assert!(error.starts_with(&format!("log level `{level}` is not one of")), "{error}");
        }
        assert!(matches!(filter("info,hyper=loud"), Err(Error::Directive { .. })));
        assert!("text".parse::<Format>().unwrap_err().to_string().contains("`text`"));
    }

    #[test]
    fn logging_to_a_closed_stderr_does_not_panic() {
        for format in [Format::Logfmt, Format::Json] {
            let subscriber = subscriber("info", format, || IgnoreErrors(Broken)).unwrap();
            tracing::subscriber::with_default(subscriber, event);
        }
    }
}
