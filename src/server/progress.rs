//! The phase and the progress of one connection, on which its time limits depend.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a connection is doing. Each phase has its own time limit, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was received yet.
    Connected,
    /// A part of a request was received.
    ReadingHead,
    /// The handler is working on a request.
    Handling,
    /// hyper has taken the whole response; the client may not have received it yet.
    Sending,
    /// The response is sent. The client may send another request.
    Idle,
    /// HTTP/2: several requests may be in different phases at the same time.
    Multiplexed,
}

impl Phase {
    const ALL: [Phase; 6] = [
        Phase::Connected,
        Phase::ReadingHead,
        Phase::Handling,
        Phase::Sending,
        Phase::Idle,
        Phase::Multiplexed,
    ];
}

/// The phase of a connection, and the number of bytes that it has written.
///
/// An HTTP/1 connection is read and written by one task, and the phase of an HTTP/2 connection
/// is `Multiplexed` from its first request on, so that relaxed ordering is sufficient.
#[derive(Debug, Default)]
pub(super) struct ConnectionProgress {
    /// An index into [`Phase::ALL`]; 0 is [`Phase::Connected`].
    phase: AtomicU8,
    bytes_written: AtomicU64,
}

impl ConnectionProgress {
    /// The current phase.
    pub(super) fn phase(&self) -> Phase {
        // Only `set_phase` stores a value, and the order of `ALL` is the order of the variants.
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    /// Enters a phase.
    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Bytes that the underlying stream has accepted since the start of the connection.
    pub(super) fn bytes_written(&self) -> u64 {
        self.bytes_written.load(Ordering::Relaxed)
    }

    /// Counts bytes that the underlying stream has accepted.
    pub(super) fn add_written(&self, bytes: usize) {
        self.bytes_written.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_read_back_as_it_was_set() {
        let progress = ConnectionProgress::default();
        assert_eq!(progress.phase(), Phase::Connected);
        for phase in Phase::ALL {
            progress.set_phase(phase);
            assert_eq!(progress.phase(), phase);
        }
    }
}
