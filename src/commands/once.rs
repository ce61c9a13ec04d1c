//! `once`: polls every target once, and writes the metrics to standard output or to a file.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::Error;
use crate::app::assemble;
use crate::cli;
use crate::metrics::{Exposition, encode};

/// Polls every target once; exits with 1 if a target failed.
///
/// # Errors
/// The configuration is invalid, a client cannot be created, or the output cannot be written.
pub(super) fn run(arguments: &cli::OnceArguments) -> Result<ExitCode, Error> {
    let config = super::load(&arguments.configuration.sources(), &arguments.log)?;
    let telemetry = assemble::telemetry();
    telemetry.config_loaded(true, Timestamp::now());
    let polling = assemble::polling(&config, &telemetry)?;
    super::polling_runtime()?
        .block_on(join_all(polling.runners.iter().map(|runner| runner.poll_once(Timestamp::now))));

    let snapshot = Arc::clone(&polling.store.subscribe().borrow());
    let all_up = snapshot.targets.iter().all(|target| target.up == Some(true));
    let exposition = Exposition::new(snapshot, Arc::new(config.render.clone()));
    telemetry.snapshot_rendered(exposition.series(), exposition.dropped());

    // The node exporter, which reads the file, exports process_* metrics of its own.
    let mut own = telemetry.gather().families;
    own.retain(|family| !family.name.starts_with("process_"));
    let mut text = exposition.text().to_vec();
    text.extend(encode::text::encode(&own));
    match &arguments.output {
        Some(path) => write_atomically(path, &text)
            .map_err(|source| Error::Output { what: path.display().to_string(), source })?,
        None => super::print(&text)?,
    }
    Ok(if all_up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Replaces the file as a whole: a reader sees the old contents or the new ones, never a part.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // The ending is not `.prom`: a textfile collector must not read an unfinished file.
    let mut builder = tempfile::Builder::new();
    builder.prefix(path.file_name().unwrap_or_default()).suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(READABLE_BY_COLLECTORS));
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A textfile collector may run as another user, which must be able to read the file. The umask
/// applies, as for any new file.
#[cfg(unix)]
const READABLE_BY_COLLECTORS: u32 = 0o666;
