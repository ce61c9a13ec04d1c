//! The log: one line an event on stderr, as logfmt or JSON, with times in UTC.
//!
//! Events are made where things happen, by `tracing`; this module only decides which of them are shown
//! and how. Nothing here knows of secrets: they have a type that cannot be printed.

use std::io::{self, Write};
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// Crates that tell about every connection: only their warnings are shown, unless asked for by name.
const NOISY: [&str; 8] = ["h2", "hyper", "hyper_util", "mio", "reqwest", "rustls", "tokio_util", "tower"];

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `ts=... level=info message="..." key=value`
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a level nor something that filters by module.
    #[error(
        "log level `{0}` is none of off, error, warn, info, debug, trace, nor directives such as \
         `info,appstreaming_exporter::server=debug`"
    )]
    Level(String),
    /// One of the directives is malformed.
    #[error("log level `{level}` can't be read")]
    Directive {
        /// What was said.
        level: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Something else in the process logs already.
    #[error("the log is set up already")]
    Twice(#[source] TryInitError),
}

/// A format that isn't known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log format `{0}` is neither logfmt nor json")]
pub struct UnknownFormat(String);

/// Starts to log to stderr. `level` is a level, or directives by module as `tracing` has them.
///
/// # Errors
/// `level` can't be read, or the process logs already.
pub fn init(level: &str, format: Format) -> Result<(), Error> {
    subscriber(level, format, || Unfailing(io::stderr())).and_then(|s| s.try_init().map_err(Error::Twice))
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
    // A line that can't be written has nobody to tell; by default that would be told on stderr, which
    // panics where stderr is what's broken.
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
    // A bare word is read as a module by `tracing`: `inof` would silence everything, quietly.
    if let [word] = directives[..]
        && !word.contains(['=', '[', ':'])
        && (word.is_empty() || word.parse::<LevelFilter>().is_err())
    {
        return Err(Error::Level(level.to_owned()));
    }
    // What is in brackets is about spans and fields, by which nothing is chosen here: it would be read as a
    // module's name, and silence everything, too.
    if level.contains(['[', '{']) {
        return Err(Error::Level(level.to_owned()));
    }
    let mut filter: Targets =
        level.parse().map_err(|source| Error::Directive { level: level.to_owned(), source })?;

    let everywhere = directives.iter().rev().find_map(|word| word.parse::<LevelFilter>().ok());
    if everywhere.is_some_and(|level| level > LevelFilter::WARN) {
        for noisy in NOISY.iter().filter(|noisy| !directives.iter().any(|d| names(d, noisy))) {
            filter = filter.with_target(*noisy, LevelFilter::WARN);
        }
    }
    Ok(filter)
}

/// Whether a directive is about that crate, or about something in it.
fn names(directive: &str, name: &str) -> bool {
    directive.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ':']))
}

/// Swallows errors: a closed stderr must stop neither a poll nor a scrape.
struct Unfailing<W>(W);

impl<W: Write> Write for Unfailing<W> {
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
    fn logfmt_is_one_line_an_event_with_what_needs_it_in_quotes() {
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
    fn json_is_one_object_a_line() {
        let lines = logged("info", Format::Json, event);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_utc(object["timestamp"].as_str().unwrap());
        assert_eq!(object["level"], "INFO");
        assert_eq!((&object["message"], &object["account"]), (&"poll ended".into(), &"main".into()));
        assert_eq!(object["note"], "a \"b\" = c\nd");
    }

    #[test]
    fn noisy_crates_are_held_back_unless_asked_for() {
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
    fn a_level_that_is_none_is_named() {
        for level in ["inof", "", "verbose", "[poll]=debug", "info,hyper[{id}]=debug"] {
            let error = filter(level).unwrap_err().to_string();
            assert!(error.starts_with(&format!("log level `{level}` is none of")), "{error}");
        }
        assert!(matches!(filter("info,hyper=loud"), Err(Error::Directive { .. })));
        assert!("text".parse::<Format>().unwrap_err().to_string().contains("`text`"));
    }

    #[test]
    fn a_closed_stderr_stops_nothing() {
        for format in [Format::Logfmt, Format::Json] {
            let subscriber = subscriber("info", format, || Unfailing(Broken)).unwrap();
            tracing::subscriber::with_default(subscriber, event);
        }
    }
}
