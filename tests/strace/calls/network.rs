//! Sockets.
//!
//! In: a bench. Out: calls on sockets of this process: unix ones, and the loopback device. Never a packet that leaves it.

use super::{NONE, bits};
use crate::bench::{Bench, F, N, P};
use libc::*;

/// `sockaddr_in` on the loopback device.
fn inet(port: u16) -> Vec<u8> {
    let mut bytes = 2u16.to_ne_bytes().to_vec();
    bytes.extend(port.to_be_bytes());
    bytes.extend([127, 0, 0, 1]);
    bytes.extend([0; 8]);
    bytes
}

fn unix(path: &[u8]) -> Vec<u8> {
    let mut bytes = 1u16.to_ne_bytes().to_vec();
    bytes.extend(path);
    bytes
}

fn socket(b: &mut Bench, family: i32, kind: i32, protocol: i32) -> u64 {
    b.once(
        "socket",
        &[N(bits(family)), N(bits(kind)), N(bits(protocol))],
    ) as u64
}

pub fn all(b: &mut Bench) {
    sockets(b);
    addresses(b);
    streams(b);
    messages(b);
    options(b);
}

fn sockets(b: &mut Bench) {
    for (family, kind, protocol) in [
        (AF_INET, SOCK_STREAM, 0),
        (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP),
        (AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP),
        (AF_UNIX, SOCK_SEQPACKET, 0),
        (AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
        (AF_PACKET, SOCK_RAW, 0x300),
        (99, 3, 7),
        (AF_UNIX, 77, 0),
    ] {
        let fd = b.call(
            "socket",
            &[N(bits(family)), N(bits(kind)), N(bits(protocol))],
        );
        if fd >= 0 {
            b.once("close", &[F(fd as u64)]);
        }
    }
    let pair = b.words(&[0, 0]);
    b.call(
        "socketpair",
        &[N(1), N(bits(SOCK_STREAM | SOCK_CLOEXEC)), N(0), P(pair)],
    );
}

fn addresses(b: &mut Bench) {
    let plain = socket(b, AF_UNIX, SOCK_STREAM, 0);
    let mut inet6 = 10u16.to_ne_bytes().to_vec();
    inet6.extend([0, 80, 0, 0, 0, 1]);
    inet6.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    inet6.extend([0; 4]);
    let mut netlink = 16u16.to_ne_bytes().to_vec();
    netlink.extend([0, 0, 7, 0, 0, 0, 5, 0, 0, 0]);
    let mut packet = 17u16.to_ne_bytes().to_vec();
    packet.extend([0, 3, 0, 0, 0, 0, 4, 3, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0]);
    let mut alg = 38u16.to_ne_bytes().to_vec();
    alg.extend(b"hash\0\0\0\0\0\0\0\0\0\0");
    alg.extend([0; 8]);
    alg.extend(b"sha1");
    alg.extend([0; 60]);
    for address in [
        unix(b"/nowhere\0"),
        unix(b"\0abstract\x01"),
        unix(b""),
        inet(80),
        inet6,
        netlink,
        packet,
        alg,
        vec![0, 0, 1, 2, 3, 4, 5, 6],
        vec![99, 0, 1, 2, 3],
        vec![2],
        vec![2, 0, 0, 80],
    ] {
        let at = b.object(&address);
        b.call("connect", &[F(plain), P(at), N(address.len() as u64)]);
    }
    let at = b.object(&inet(80));
    b.call("bind", &[F(999), P(at), N(16)]);
    b.once("close", &[F(plain)]);
}

fn streams(b: &mut Bench) {
    let listener = socket(b, AF_INET, SOCK_STREAM, 0);
    let at = b.object(&inet(0));
    b.once("bind", &[F(listener), P(at), N(16)]);
    b.call("listen", &[F(listener), N(5)]);
    let (room, len) = (b.room(16), b.words(&[16]));
    b.once("getsockname", &[F(listener), P(room), P(len)]);
    let (room, len) = (b.room(64), b.words(&[64]));
    b.call("getsockname", &[F(listener), P(room), P(len)]);
    let client = socket(b, AF_INET, SOCK_STREAM, 0);
    let (room, len) = (b.room(16), b.words(&[16]));
    b.once("getsockname", &[F(listener), P(room), P(len)]);
    let (room, len) = (b.room(16), b.words(&[16]));
    b.call("getpeername", &[F(client), P(room), P(len)]);
    let port = port_of(b, listener);
    let at = b.object(&inet(port));
    b.call("connect", &[F(client), P(at), N(16)]);
    let (room, len) = (b.room(128), b.words(&[128]));
    let server = b.once(
        "accept4",
        &[F(listener), P(room), P(len), N(bits(SOCK_NONBLOCK))],
    ) as u64;
    b.once("fcntl", &[F(listener), N(4), N(0x800)]);
    let (room, len) = (b.room(128), b.words(&[128]));
    b.call("accept", &[F(listener), P(room), P(len)]);
    let (room, len) = (b.room(128), b.words(&[128]));
    b.call("getpeername", &[F(server), P(room), P(len)]);
    let data = b.object(&[b'd'; 100]);
    b.call(
        "sendto",
        &[
            F(client),
            P(data),
            N(100),
            N(bits(MSG_NOSIGNAL | MSG_DONTWAIT)),
            N(0),
            N(0),
        ],
    );
    let (room, from, len) = (b.room(40), b.room(16), b.words(&[16]));
    b.call(
        "recvfrom",
        &[
            F(server),
            P(room),
            N(40),
            N(bits(MSG_PEEK)),
            P(from),
            P(len),
        ],
    );
    b.call("shutdown", &[F(client), N(1)]);
    b.call("shutdown", &[F(client), N(9)]);
    for fd in [listener, client, server] {
        b.once("close", &[F(fd)]);
    }
}

/// The port that a socket was given.
fn port_of(b: &mut Bench, fd: u64) -> u16 {
    let (room, len) = (b.room(16), b.words(&[16]));
    let at = room;
    b.once("getsockname", &[F(fd), P(room), P(len)]);
    let address = b.read(at, 16);
    u16::from_be_bytes([address[2], address[3]])
}

/// `struct msghdr`.
fn message(b: &mut Bench, name: &[u8], vector: &[u64], control: &[u8]) -> u64 {
    let name_at = if name.is_empty() { 0 } else { b.object(name) };
    let vector_at = b.longs(vector);
    let control_at = if control.is_empty() {
        0
    } else {
        b.object(control)
    };
    let (names, vectors) = (name.len() as u64, vector.len() as u64 / 2);
    b.longs(&[
        name_at,
        names,
        vector_at,
        vectors,
        control_at,
        control.len() as u64,
        0,
    ])
}

fn control(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + data.len() as u64).to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn messages(b: &mut Bench) {
    let pair = b.words(&[0, 0]);
    b.once(
        "socketpair",
        &[N(1), N(bits(SOCK_STREAM | SOCK_NONBLOCK)), N(0), P(pair)],
    );
    let ends = b.read(pair, 8);
    let end = |at: usize| u64::from(u32::from_ne_bytes(ends[at..at + 4].try_into().expect("4")));
    let (one, two) = (end(0), end(4));
    let mut rights = control(SOL_SOCKET, SCM_RIGHTS, &[0, 0, 0, 0, 1, 0, 0, 0]);
    for controls in [
        vec![],
        rights.clone(),
        control(SOL_SOCKET, 99, b"abc"),
        control(41, 50, &[1; 20]),
    ] {
        let data = b.object(b"a message");
        let at = message(b, &[], &[data, 9, 0, 0], &controls);
        b.call("sendmsg", &[F(one), P(at), N(bits(MSG_NOSIGNAL))]);
    }
    rights.resize(64, 0);
    for room in [64, 0, 8] {
        let data = b.room(9);
        let at = message(b, &[0; 110], &[data, 9], &vec![0; room]);
        b.call("recvmsg", &[F(two), P(at), N(bits(MSG_DONTWAIT))]);
    }
    let (first, second) = (b.object(b"one"), b.object(b"second"));
    let vectors = (b.longs(&[first, 3]), b.longs(&[second, 6]));
    let at = b.longs(&[
        0, 0, vectors.0, 1, 0, 0, 0, 0, 0, 0, vectors.1, 1, 0, 0, 0, 0,
    ]);
    b.call("sendmmsg", &[F(one), P(at), N(2), N(0)]);
    let (first, second) = (b.room(30), b.room(6));
    let vectors = (b.longs(&[first, 30]), b.longs(&[second, 6]));
    let at = b.longs(&[
        0, 0, vectors.0, 1, 0, 0, 0, 0, 0, 0, vectors.1, 1, 0, 0, 0, 0,
    ]);
    b.call(
        "recvmmsg",
        &[F(two), P(at), N(2), N(bits(MSG_DONTWAIT)), N(0)],
    );
    for fd in [one, two] {
        b.once("close", &[F(fd)]);
    }
}

fn options(b: &mut Bench) {
    let fd = socket(b, AF_INET, SOCK_STREAM, 0);
    for (level, option, value) in [
        (SOL_SOCKET, SO_REUSEADDR, &[1, 0, 0, 0][..]),
        (SOL_SOCKET, SO_LINGER, &[1, 0, 0, 0, 5, 0, 0, 0]),
        (
            SOL_SOCKET,
            SO_RCVTIMEO,
            &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0],
        ),
        (SOL_SOCKET, SO_SNDBUF, &[0, 8, 0, 0]),
        (IPPROTO_TCP, TCP_NODELAY, &[1, 0, 0, 0]),
        (IPPROTO_IP, IP_TTL, &[64, 0, 0, 0]),
        (IPPROTO_IPV6, IPV6_V6ONLY, &[1, 0, 0, 0]),
        (SOL_SOCKET, 9999, &[1, 2, 3, 4]),
        (77, 1, &[1, 2, 3, 4]),
    ] {
        let at = b.object(value);
        let args = [
            F(fd),
            N(bits(level)),
            N(bits(option)),
            P(at),
            N(value.len() as u64),
        ];
        b.call("setsockopt", &args);
        let (room, len) = (b.room(16), b.words(&[16]));
        let args = [F(fd), N(bits(level)), N(bits(option)), P(room), P(len)];
        b.call("getsockopt", &args);
    }
    for option in [SO_ERROR, SO_TYPE, SO_PEERCRED, SO_DOMAIN, SO_ACCEPTCONN] {
        let (room, len) = (b.room(12), b.words(&[12]));
        b.call(
            "getsockopt",
            &[F(fd), N(1), N(bits(option)), P(room), P(len)],
        );
    }
    b.call("sendto", &[F(fd), N(0), N(0), N(0), N(0), N(NONE)]);
    b.once("close", &[F(fd)]);
}
