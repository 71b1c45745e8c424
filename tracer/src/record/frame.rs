//! Messages of an Arrow IPC stream, each with a checksum.
//!
//! In: encoded messages, or the bytes of a file. Out: bytes, or messages whose checksum fits. The checksum stands in the padding
//! behind a message's metadata, which every reader of Arrow skips. Never looks into a message whose checksum does not fit.

use super::error::What;
use arrow_buffer::Buffer;
use std::io::{ErrorKind, Read};

/// What each message begins with.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];
/// The last words of a stream.
pub(super) const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
/// Before the checksum.
const MARK: [u8; 4] = *b"TRC\x01";
/// Mark and checksum.
const TAIL: usize = 8;
/// A message's metadata is never longer, a header's included.
const MAX_META: usize = 4 << 20;
/// Nor is a batch.
const MAX_BODY: u64 = 256 << 20;

/// Appends a message.
pub(super) fn write(meta: &[u8], body: &[u8], out: &mut Vec<u8>) {
    let padded = meta.len().next_multiple_of(8);
    out.extend_from_slice(&CONTINUATION);
    out.extend_from_slice(&((padded + TAIL) as u32).to_le_bytes());
    let start = out.len();
    out.extend_from_slice(meta);
    out.resize(start + padded, 0);
    out.extend_from_slice(&MARK);
    let sum = checksum(&out[start..], body);
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(body);
}

fn checksum(meta: &[u8], body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(meta);
    sum.update(body);
    sum.finalize()
}

/// A message: its metadata and its body.
#[derive(Debug)]
pub(super) struct Frame {
    pub meta: Vec<u8>,
    pub body: Buffer,
}

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Next {
    /// A message.
    Frame(Frame),
    /// The stream's own end.
    End,
    /// The file ends, between two messages or within one.
    Cut,
    /// Something else.
    Wrong(&'static str),
}

/// The next message.
pub(super) fn read(from: &mut dyn Read) -> Result<Next, What> {
    let (front, there) = front(from)?;
    match there < front.len() {
        true => Ok(Next::Cut),
        false => rest(front, from),
    }
}

/// What a message begins with, and how many bytes of it there are.
pub(super) fn front(from: &mut dyn Read) -> Result<([u8; 8], usize), What> {
    let mut front = [0; 8];
    let there = fill(from, &mut front)?;
    Ok((front, there))
}

/// The message that begins so.
pub(super) fn rest(front: [u8; 8], from: &mut dyn Read) -> Result<Next, What> {
    if front == END {
        return Ok(Next::End);
    }
    let len = u32::from_le_bytes([front[4], front[5], front[6], front[7]]) as usize;
    if front[..4] != CONTINUATION || !(TAIL..=MAX_META).contains(&len) || !len.is_multiple_of(8) {
        return Ok(Next::Wrong("no message begins there"));
    }
    let Some(mut meta) = take(from, len as u64)? else {
        return Ok(Next::Cut);
    };
    let sum = meta.split_off(len - 4);
    if !meta.ends_with(&MARK) {
        return Ok(Next::Wrong("a message has no checksum"));
    }
    let body = match body_length(&meta) {
        Some(len) if len <= MAX_BODY => take(from, len)?,
        _ => return Ok(Next::Wrong("a message has no readable length")),
    };
    let Some(body) = body else {
        return Ok(Next::Cut);
    };
    if checksum(&meta, &body).to_le_bytes() != sum[..] {
        return Ok(Next::Wrong("its checksum does not fit"));
    }
    let body = Buffer::from_vec(body);
    Ok(Next::Frame(Frame { meta, body }))
}

/// Bytes of the body that belongs to some metadata.
fn body_length(meta: &[u8]) -> Option<u64> {
    let message = arrow_ipc::root_as_message(meta).ok()?;
    u64::try_from(message.bodyLength()).ok()
}

/// As many bytes as there are.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, What> {
    let mut at = 0;
    while at < buffer.len() {
        match from.read(&mut buffer[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(at)
}

/// So many bytes; `None` when there are fewer. Takes no more memory than there are bytes.
fn take(from: &mut dyn Read, len: u64) -> Result<Option<Vec<u8>>, What> {
    let mut bytes = Vec::new();
    if len <= 64 << 10 {
        bytes.reserve_exact(len as usize);
    }
    let read = from.take(len).read_to_end(&mut bytes)?;
    Ok((read as u64 == len).then_some(bytes))
}
