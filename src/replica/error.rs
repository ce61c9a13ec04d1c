//! Why a state cannot be read or written.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why a state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The bytes are not a state, or are not all of it.
    #[error("the state is damaged: {what}")]
    Damaged {
        /// What is damaged.
        what: &'static str,
        /// Where reading it failed.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The state has a form that this version cannot read.
    #[error(
        "the state has version {found}, this exporter reads version {supported}: use the version that wrote it"
    )]
    Version {
        /// The major version of the state.
        found: u16,
        /// The major version that is read.
        supported: u16,
    },
    /// The state is larger than any real one.
    #[error("the state is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A file or its folder cannot be read or written.
    #[error("cannot {doing} the state {}: check that the folder exists and can be written", path.display())]
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
    /// The bytes begin like no state.
    pub(super) const NOT_A_STATE: Self =
        Self::Damaged { what: "it is not a state of this exporter", source: None };
    /// There are fewer or more bytes than the state has.
    pub(super) const TRUNCATED: Self = Self::Damaged { what: "its length is wrong", source: None };
    /// At least one byte is not the one that was written.
    pub(super) const CHECKSUM: Self = Self::Damaged { what: "its checksum is wrong", source: None };

    /// The contents cannot be read.
    pub(super) fn damaged(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged { what: "its contents are not valid", source: Some(source.into()) }
    }

    /// The value of the metric label `result` for a state that was not restored for this reason.
    pub fn result(&self) -> &'static str {
        match self {
            Self::Version { .. } => "version",
            Self::Damaged { .. } | Self::TooLarge { .. } | Self::Io { .. } => "damaged",
        }
    }
}
