//! `bpf(2)` for what aya does not offer: maps whose key and value sizes are known only at run time, batches, inner maps.
//!
//! In: a map's descriptor and bytes. Out: bytes. The caller says the map's sizes by the lengths of its slices, once, in [`Shape`];
//! every call checks its slices against it, because the kernel writes as much as the map says.
//! Structures: `union bpf_attr` in linux/bpf.h.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Commands (`enum bpf_cmd`).
const MAP_CREATE: libc::c_long = 0;
const MAP_LOOKUP_ELEM: libc::c_long = 1;
const MAP_UPDATE_ELEM: libc::c_long = 2;
const MAP_DELETE_ELEM: libc::c_long = 3;
const MAP_LOOKUP_BATCH: libc::c_long = 24;
const MAP_UPDATE_BATCH: libc::c_long = 26;

/// A map to create: the front of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct NewMap {
    /// `enum bpf_map_type`.
    pub kind: u32,
    /// Bytes.
    pub key_size: u32,
    /// Bytes.
    pub value_size: u32,
    /// Entries, or bytes of a ring.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
    /// Descriptor of a map like the inner ones, for a map of maps.
    pub inner: i32,
    /// Always 0: no NUMA node is asked for.
    pub numa_node: u32,
    /// NUL-terminated.
    pub name: [u8; 16],
}

/// The sizes of a map, as user space sees them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Bytes of a key.
    pub key: usize,
    /// Bytes of a value: of a per-CPU map, the value rounded up to 8 times the possible CPUs.
    pub value: usize,
}

#[repr(C)]
struct Element {
    map: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

/// The call. `attr` is the front of a `union bpf_attr`; the kernel takes what is missing as 0.
///
/// # Safety
/// Every address in `attr` points to memory of the size that the command and the map make the kernel read or write.
pub(super) unsafe fn bpf<T>(command: libc::c_long, attr: &mut T) -> io::Result<i32> {
    // SAFETY: `attr` is as large as is said; the caller's promise for what it points to.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result as i32)
    }
}

/// Creates a map.
///
/// # Errors
/// As `BPF_MAP_CREATE`: EPERM without privilege, E2BIG, EINVAL, ENOMEM.
pub fn create(mut map: NewMap) -> io::Result<OwnedFd> {
    map.name[15] = 0;
    // SAFETY: the structure holds no address.
    let fd = unsafe { bpf(MAP_CREATE, &mut map) }?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn element(map: BorrowedFd<'_>, key: &[u8], value: u64) -> Element {
    Element {
        map: map.as_raw_fd() as u32,
        pad: 0,
        key: key.as_ptr() as u64,
        value,
        flags: 0,
    }
}

/// Reads a value; `false` when the key is not there.
///
/// # Errors
/// As `BPF_MAP_LOOKUP_ELEM`, except ENOENT.
///
/// # Panics
/// When a slice has not the shape's size.
pub fn lookup(map: BorrowedFd<'_>, shape: Shape, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
    assert_eq!((key.len(), value.len()), (shape.key, shape.value));
    let mut attr = element(map, key, value.as_mut_ptr() as u64);
    // SAFETY: key and value have the map's sizes.
    present(unsafe { bpf(MAP_LOOKUP_ELEM, &mut attr) })
}

/// Writes a value, whether the key was there or not. Of an array of maps: returns when no program that runs
/// uses the map that stood there before (`maybe_wait_bpf_programs` in kernel/bpf/syscall.c).
///
/// # Errors
/// As `BPF_MAP_UPDATE_ELEM`: E2BIG when the map is full, ENOMEM.
///
/// # Panics
/// When a slice has not the shape's size.
pub fn update(map: BorrowedFd<'_>, shape: Shape, key: &[u8], value: &[u8]) -> io::Result<()> {
    assert_eq!((key.len(), value.len()), (shape.key, shape.value));
    let mut attr = element(map, key, value.as_ptr() as u64);
    // SAFETY: key and value have the map's sizes; the kernel only reads them.
    unsafe { bpf(MAP_UPDATE_ELEM, &mut attr) }.map(|_| ())
}

/// Deletes a key; `false` when it was not there.
///
/// # Errors
/// As `BPF_MAP_DELETE_ELEM`, except ENOENT.
///
/// # Panics
/// When the key has not the shape's size.
pub fn delete(map: BorrowedFd<'_>, shape: Shape, key: &[u8]) -> io::Result<bool> {
    assert_eq!(key.len(), shape.key);
    let mut attr = element(map, key, 0);
    // SAFETY: the key has the map's size.
    present(unsafe { bpf(MAP_DELETE_ELEM, &mut attr) })
}

fn present(result: io::Result<i32>) -> io::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads all entries of a hash map: keys one behind the other, and their values in the same order.
///
/// Every entry that is there during the whole call is read, and none twice: the kernel hands over whole buckets, each
/// under its lock, and an entry never changes its bucket (`__htab_map_lookup_and_delete_batch` in kernel/bpf/hashtab.c).
///
/// # Errors
/// As `BPF_MAP_LOOKUP_BATCH`.
pub fn read_hash(map: BorrowedFd<'_>, shape: Shape) -> io::Result<(Vec<u8>, Vec<u8>)> {
    /// Bytes that one call may hand over.
    const CHUNK: usize = 256 << 10;
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    let mut room = (CHUNK / (shape.key + shape.value)).max(16);
    let mut at: Option<[u8; 8]> = None;
    loop {
        let (old_keys, old_values) = (keys.len(), values.len());
        keys.resize(old_keys + room * shape.key, 0);
        values.resize(old_values + room * shape.value, 0);
        let mut next = [0_u8; 8];
        let mut attr = Batch {
            in_batch: at.as_ref().map_or(0, |at| at.as_ptr() as u64),
            out_batch: next.as_mut_ptr() as u64,
            keys: keys[old_keys..].as_mut_ptr() as u64,
            values: values[old_values..].as_mut_ptr() as u64,
            count: room as u32,
            map: map.as_raw_fd() as u32,
            element_flags: 0,
            flags: 0,
        };
        // SAFETY: there is room for `room` keys and values; a hash map's position is a u32, and 8 bytes are given.
        let result = unsafe { bpf(MAP_LOOKUP_BATCH, &mut attr) };
        let error = result.err().and_then(|error| error.raw_os_error());
        let taken = match error {
            None | Some(libc::ENOENT) => attr.count as usize,
            _ => 0,
        };
        keys.truncate(old_keys + taken * shape.key);
        values.truncate(old_values + taken * shape.value);
        match error {
            None => at = Some(next),
            Some(libc::ENOENT) => return Ok((keys, values)),
            // One bucket is larger than the room: nothing was handed over.
            Some(libc::ENOSPC) => room *= 2,
            Some(other) => return Err(io::Error::from_raw_os_error(other)),
        }
    }
}

/// Writes many entries in one call.
///
/// # Errors
/// As `BPF_MAP_UPDATE_BATCH`; then some may have been written.
///
/// # Panics
/// When the slices do not hold equally many keys and values of the shape.
pub fn update_many(
    map: BorrowedFd<'_>,
    shape: Shape,
    keys: &[u8],
    values: &[u8],
) -> io::Result<()> {
    let count = keys.len() / shape.key;
    assert_eq!(
        (keys.len(), values.len()),
        (count * shape.key, count * shape.value)
    );
    if count == 0 {
        return Ok(());
    }
    let mut attr = Batch {
        in_batch: 0,
        out_batch: 0,
        keys: keys.as_ptr() as u64,
        values: values.as_ptr() as u64,
        count: count as u32,
        map: map.as_raw_fd() as u32,
        element_flags: 0,
        flags: 0,
    };
    // SAFETY: there are `count` keys and values; the kernel only reads them.
    unsafe { bpf(MAP_UPDATE_BATCH, &mut attr) }.map(|_| ())
}
