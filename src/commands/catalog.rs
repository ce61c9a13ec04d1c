//! `catalog`: prints the catalogue of metrics.

use std::process::ExitCode;

use super::{Error, print};
use crate::cli::{CatalogArguments, CatalogFormat};
use crate::metrics::catalogue;

/// Prints the catalogue in the requested format.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn run(arguments: &CatalogArguments) -> Result<ExitCode, Error> {
    let text = match arguments.format {
        CatalogFormat::Markdown => catalogue::markdown(),
        CatalogFormat::Json => catalogue::json(),
    };
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
