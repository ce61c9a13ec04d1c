//! `once`: one poll of every target, the exposition on standard output or in a file.

use std::{fs, io::Write as _, path::Path, process::ExitCode, sync::Arc};

use futures_util::future::join_all;
use jiff::Timestamp;

use super::Error;
use crate::app::assemble;
use crate::{
    cli,
    metrics::{Exposition, encode},
};

pub(super) fn run(arguments: &cli::Once) -> Result<ExitCode, Error> {
    let config = super::load(&arguments.configuration.sources(), &arguments.log)?;
    let telemetry = assemble::telemetry();
    telemetry.config_loaded(true, Timestamp::now());
    let polling = assemble::polling(&config, &telemetry)?;
    super::runtime()?
        .block_on(join_all(polling.runners.iter().map(|runner| runner.poll_once(Timestamp::now))));

    let snapshot = Arc::clone(&polling.store.subscribe().borrow());
    let all_up = snapshot.targets.iter().all(|target| target.up == Some(true));
    let exposition = Exposition::new(snapshot, Arc::new(assemble::render_options(&config)));
    telemetry.snapshot_rendered(exposition.series(), exposition.dropped());

    // A textfile collector has the process' own metrics of another process already.
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

/// Readers see the old file or the new one, never a part: written beside it, then renamed.
fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    // Ends unlike `.prom`, so that a collector never reads the unfinished one.
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        // Whatever went wrong is told; what is left over of it is not worth a second error.
        let _ = fs::remove_file(&temporary);
    }
    written
}
