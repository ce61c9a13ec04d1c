//! The bytes of a state: a header with a checksum, then the state in MessagePack, compressed with
//! zstd.
//!
//! MessagePack contains the names of fields, so a reader skips fields that it does not know. The
//! header is followed by exactly the announced number of bytes. A reader bounds the size before and
//! after decompression, and the depth. `docs/decisions/0010-state.md` has the reasons.

use std::borrow::Cow;
use std::io::{Read, Write};

use jiff::Timestamp;
use rmp_serde::{Deserializer, Serializer};
use serde::{Deserialize, Serialize};

use super::error::StateError;
use crate::fleet::InstanceDetails;
use crate::metrics::options::UserLabel;
use crate::poller::SavedState;
use crate::telemetry::VERSION;

/// The first bytes of every state of any version.
const MAGIC: [u8; 8] = *b"ASE-STAT";
/// The form of the state. A reader refuses another major version.
const MAJOR: u16 = 1;
/// Changes that a reader of the same major version can skip.
const MINOR: u16 = 0;
/// Bytes of the header: magic, major and minor version, exporter version, time, length, checksum.
const HEADER_BYTES: usize = 8 + 2 + 2 + VERSION_BYTES + 8 + 8 + 4;
/// Bytes of the exporter's version in the header, filled up with zeros.
const VERSION_BYTES: usize = 32;
/// Maximum size of a state before decompression, in bytes: a fleet of a million instances with all
/// details needs about a third.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Maximum size of a state after decompression, in bytes.
const MAX_PLAIN_BYTES: u64 = 1024 * 1024 * 1024;
/// Maximum depth of nested values. The deepest one, a period of a node pool's schedule, has 20.
const MAX_DEPTH: usize = 32;
/// The fastest regular level. Most of a large state are hashes, which no level makes smaller.
const LEVEL: i32 = 1;

/// The bytes of `state`, in which `users` decides what stands for the names of users: nothing,
/// their pseudonyms, or the names if those are exported, too.
pub fn encode(mut state: SavedState, users: &UserLabel) -> Vec<u8> {
    match users {
        UserLabel::Plain => {}
        UserLabel::Off => state.map_details(InstanceDetails::without_users),
        UserLabel::Hash(_) => state.map_details(|details| {
            details.with_user_labels(|name| users.value(Some(name)).map(Cow::into_owned))
        }),
    }
    let payload = pack(&state).expect("writing to memory never fails, and a state has no other types");
    seal(&payload, state.saved_at)
}

/// The state with these bytes.
///
/// # Errors
/// The bytes are not a state, are damaged or too large, or have another major version.
pub fn decode(bytes: &[u8]) -> Result<SavedState, StateError> {
    let payload = open(bytes)?;
    let decoder = zstd::stream::read::Decoder::with_buffer(payload).map_err(StateError::damaged)?;
    let mut plain = decoder.take(MAX_PLAIN_BYTES);
    let mut deserializer = Deserializer::new(&mut plain);
    deserializer.set_max_depth(MAX_DEPTH);
    let state = SavedState::deserialize(&mut deserializer);
    match state {
        Ok(state) => Ok(state),
        Err(_) if plain.limit() == 0 => Err(StateError::TooLarge { limit: MAX_PLAIN_BYTES }),
        Err(error) => Err(StateError::damaged(error)),
    }
}

/// The header of `payload`, followed by the payload.
pub fn seal(payload: &[u8], at: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    let mut version = [0; VERSION_BYTES];
    for (slot, byte) in version.iter_mut().zip(VERSION.bytes()) {
        *slot = byte;
    }
    bytes.extend(MAGIC);
    bytes.extend(MAJOR.to_le_bytes());
    bytes.extend(MINOR.to_le_bytes());
    bytes.extend(version);
    bytes.extend(at.as_millisecond().to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    let checksum = checksum(&bytes, payload);
    bytes.extend(checksum.to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// The payload that follows the header, whose checksum is correct.
fn open(bytes: &[u8]) -> Result<&[u8], StateError> {
    if bytes.len() > MAX_BYTES {
        return Err(StateError::TooLarge { limit: MAX_BYTES as u64 });
    }
    let (magic, rest) = bytes.split_first_chunk().ok_or(StateError::NOT_A_STATE)?;
    if *magic != MAGIC {
        return Err(StateError::NOT_A_STATE);
    }
    // Magic and version are at the same place in every version.
    let (major, _) = rest.split_first_chunk().ok_or(StateError::TRUNCATED)?;
    let major = u16::from_le_bytes(*major);
    if major != MAJOR {
        return Err(StateError::Version { found: major, supported: MAJOR });
    }
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(StateError::TRUNCATED)?;
    let (header, found) = header.split_last_chunk().ok_or(StateError::TRUNCATED)?;
    let (_, length) = header.split_last_chunk().ok_or(StateError::TRUNCATED)?;
    if u64::from_le_bytes(*length) != payload.len() as u64 {
        return Err(StateError::TRUNCATED);
    }
    match checksum(header, payload) == u32::from_le_bytes(*found) {
        true => Ok(payload),
        false => Err(StateError::CHECKSUM),
    }
}

/// The checksum of both parts.
fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(header);
    checksum.update(payload);
    checksum.finalize()
}

fn pack(state: &SavedState) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
    let mut buffered = std::io::BufWriter::new(&mut encoder);
    state.serialize(&mut Serializer::new(&mut buffered).with_struct_map())?;
    buffered.flush()?;
    drop(buffered);
    Ok(encoder.finish()?)
}
