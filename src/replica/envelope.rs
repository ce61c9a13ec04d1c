//! The bytes of a state: a header with a checksum, then the state in MessagePack, compressed with
//! zstd.
//!
//! MessagePack contains the names of fields, so a reader skips fields that it does not know. A
//! reader bounds the size before and after decompression, and the depth of nested values.
//! `docs/decisions/0010-state.md` has the reasons.

use std::borrow::Cow;
use std::error::Error;
use std::io::{BufWriter, Read, Write};

use jiff::Timestamp;
use rmp_serde::{Deserializer, Serializer};
use serde::{Deserialize, Serialize};

pub use super::error::StateError;
use crate::fleet::InstanceDetails;
use crate::metrics::options::UserLabel;
use crate::poller::SavedState;
use crate::telemetry::VERSION;

/// Maximum size of a state, in bytes: four times that of a fleet of a million instances with all
/// details.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Maximum size of a state after decompression, in bytes.
const MAX_PLAIN_BYTES: u64 = 1024 * 1024 * 1024;
/// Maximum depth of nested values. The deepest one, a period of a node pool's schedule, has 20.
const MAX_DEPTH: usize = 32;
/// The fastest regular level. Most of a large state are hashes, which no level makes smaller.
const LEVEL: i32 = 1;

/// The first bytes of a state of every version.
const MAGIC: [u8; 8] = *b"ASE-STAT";
/// The form of the state. A reader refuses another major version.
const MAJOR: u16 = 1;
/// Grows with changes that a reader of the same major version can skip.
const MINOR: u16 = 0;
/// Bytes of the exporter's version in the header, filled up with zeros.
const VERSION_BYTES: usize = 32;
/// Bytes of the header: magic, major and minor version, exporter's version, time in milliseconds,
/// length of the payload, and the checksum of everything else. Numbers are little endian. Other
/// major versions have the same fields up to the exporter's version.
const HEADER_BYTES: usize = MAGIC.len() + 2 + 2 + VERSION_BYTES + 8 + 8 + 4;

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
    let write = |writer: &mut dyn Write| Ok(state.serialize(&mut Serializer::new(writer).with_struct_map())?);
    pack(state.saved_at, write)
        .expect("writing to memory never fails, and MessagePack has every type of a state")
}

/// An envelope around any MessagePack, for tests of reading it.
pub fn seal(payload: &[u8]) -> Vec<u8> {
    let write = |writer: &mut dyn Write| Ok(writer.write_all(payload)?);
    pack(Timestamp::UNIX_EPOCH, write).expect("writing to memory never fails")
}

/// The MessagePack in an envelope, for tests of reading it.
///
/// # Errors
/// As for [`decode`].
pub fn contents(bytes: &[u8]) -> Result<Vec<u8>, StateError> {
    zstd::decode_all(payload(bytes)?).map_err(StateError::contents)
}

/// The state with these bytes.
///
/// # Errors
/// The bytes are not a state, are damaged or too large, or have another major version.
pub fn decode(bytes: &[u8]) -> Result<SavedState, StateError> {
    let payload = payload(bytes)?;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(payload).map_err(StateError::contents)?;
    // An attacker's frame cannot request a larger window than this program's frames need.
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(StateError::contents)?;
    let mut plain = decoder.take(MAX_PLAIN_BYTES);
    let mut deserializer = Deserializer::new(&mut plain);
    deserializer.set_max_depth(MAX_DEPTH);
    match SavedState::deserialize(&mut deserializer) {
        Ok(state) => Ok(state),
        Err(_) if plain.limit() == 0 => Err(StateError::TooLarge { limit: MAX_PLAIN_BYTES }),
        Err(error) => Err(StateError::contents(error)),
    }
}

/// The window of a frame: 1 MiB, in which names of fields and labels repeat.
const WINDOW_LOG: u32 = 20;
/// The largest window that is read: 8 MiB, so that a later version can use a larger one.
const MAX_WINDOW_LOG: u32 = 23;

/// An envelope of the time `at` around the payload that `write` writes.
fn pack(
    at: Timestamp,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Box<dyn Error>>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = zstd::stream::write::Encoder::new(vec![0; HEADER_BYTES], LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    // MessagePack writes a few bytes at a time.
    let mut buffer = BufWriter::new(encoder);
    write(&mut buffer)?;
    let encoder = buffer.into_inner().map_err(|error| error.into_error())?;
    let mut bytes = encoder.finish()?;

    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    let mut version = [0; VERSION_BYTES];
    version.iter_mut().zip(VERSION.bytes()).for_each(|(slot, byte)| *slot = byte);
    let fields: [&[u8]; 6] = [
        &MAGIC,
        &MAJOR.to_le_bytes(),
        &MINOR.to_le_bytes(),
        &version,
        &at.as_millisecond().to_le_bytes(),
        &(payload.len() as u64).to_le_bytes(),
    ];
    let fields = fields.concat();
    let checksum = checksum(&fields, payload).to_le_bytes();
    header.copy_from_slice(&[&fields[..], &checksum].concat());
    Ok(bytes)
}

/// The payload, if the envelope is complete and has the version that is read.
fn payload(bytes: &[u8]) -> Result<&[u8], StateError> {
    if bytes.len() > MAX_BYTES {
        return Err(StateError::TooLarge { limit: MAX_BYTES as u64 });
    }
    let rest = bytes.strip_prefix(&MAGIC).ok_or(StateError::damaged("it is not a state of this exporter"))?;
    const TRUNCATED: StateError = StateError::damaged("its length is wrong");
    let (major, rest) = rest.split_first_chunk().ok_or(TRUNCATED)?;
    let major = u16::from_le_bytes(*major);
    if major != MAJOR {
        let version = rest.get(2..2 + VERSION_BYTES).unwrap_or_default();
        return Err(StateError::Version { found: major, supported: MAJOR, writer: version_text(version) });
    }
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(TRUNCATED)?;
    let (header, found) = header.split_last_chunk().ok_or(TRUNCATED)?;
    let (_, length) = header.split_last_chunk().ok_or(TRUNCATED)?;
    if u64::from_le_bytes(*length) != payload.len() as u64 {
        return Err(TRUNCATED);
    }
    match checksum(header, payload) == u32::from_le_bytes(*found) {
        true => Ok(payload),
        false => Err(StateError::damaged("its checksum is wrong")),
    }
}

/// The printable part of an exporter's version.
fn version_text(bytes: &[u8]) -> String {
    bytes.iter().take_while(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}

/// The checksum of both parts.
fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(header);
    checksum.update(payload);
    checksum.finalize()
}

#[cfg(test)]
mod tests;
