//! Why a state cannot be read or written.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use crate::telemetry::RestoreResult;

/// Why a state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The bytes are not a state, or are not exactly those that were written.
    #[error("the state is damaged and cannot be used: {what}")]
    Damaged {
        /// What is damaged.
        what: &'static str,
        /// Where reading it failed.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The state has a form that this version cannot read.
    #[error(
        "the state has format {found} of exporter version {writer:?}, but this version reads format {supported}: \
         to continue from it, run that version"
    )]
    Version {
        /// The format of the state.
        found: u16,
        /// The format that is read.
        supported: u16,
        /// The version of the exporter that wrote the state.
        writer: String,
    },
    /// The state is larger than any real one.
    #[error("the state is larger than {limit} bytes and cannot be used")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file or its folder cannot be read or written.
    #[error("cannot {doing} the state {}: check the folder, its permissions and its free space", path.display())]
    Io {
        /// What failed.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StateError {
    pub(super) const fn damaged(what: &'static str) -> Self {
        Self::Damaged { what, source: None }
    }

    /// The envelope is undamaged, but its contents are not a state.
    pub(super) fn contents(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged { what: "its contents are not valid", source: Some(source.into()) }
    }

    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    /// How the restore of a state ended that cannot be read for this reason.
    pub fn result(&self) -> RestoreResult {
        match self {
            Self::Version { .. } => RestoreResult::Version,
            Self::Damaged { .. } | Self::TooLarge { .. } | Self::Io { .. } => RestoreResult::Damaged,
        }
    }
}
