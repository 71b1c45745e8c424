//! Addresses of sockets, all families.
//!
//! In: bytes of a `struct sockaddr_*`, as many as the program said. Out: events with the members that are there. Never
//! shows a member that lies behind the length: short addresses are the usual errors.

use super::names::named;
use super::number;
use super::sink::{Shape, Sink};
use super::value::ip4_text;
use super::walk::{Num, Place, Walk};
use core::net::Ipv6Addr;
use std::fmt::Write as _;

const AF_UNIX: u64 = 1;
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const AF_NETLINK: u64 = 16;
const AF_PACKET: u64 = 17;
const AF_BLUETOOTH: u64 = 31;
const AF_ALG: u64 = 38;
const AF_VSOCK: u64 = 40;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// An address, with its family first.
    pub fn sockaddr(&mut self, place: Place<'a>) {
        let Some(family) = place.number(0, 2) else {
            return self.sink.string(place.bytes, false);
        };
        self.sink.open(Shape::Struct);
        self.sink.member("sa_family");
        self.named_number("address_family", Num::new(family, 2, false), "AF_");
        if place.bytes.len() > 2 {
            match family {
                AF_UNIX => self.unix(place),
                AF_INET if place.bytes.len() >= 8 => self.inet(place),
                AF_INET6 if place.bytes.len() >= 24 => self.inet6(place),
                AF_NETLINK if place.bytes.len() >= 12 => self.netlink(place),
                AF_PACKET if place.bytes.len() >= 12 => self.packet(place),
                AF_ALG if place.bytes.len() >= 88 => self.alg(place),
                AF_VSOCK if place.bytes.len() >= 12 => self.vsock(place),
                AF_BLUETOOTH => self.bluetooth(place),
                _ => self.sa_data(place),
            }
        }
        self.sink.close(Shape::Struct);
    }

    fn sa_data(&mut self, place: Place<'a>) {
        self.sink.member("sa_data");
        let data = place.part(2, usize::MAX);
        self.data(data, None);
    }

    /// A path, or a name of the abstract name space behind a NUL.
    fn unix(&mut self, place: Place<'a>) {
        let path = &place.bytes[2..];
        self.sink.member("sun_path");
        match path {
            [0, name @ ..] if !name.is_empty() => self.sink.quoted("@", name, ""),
            _ => {
                let end = path.iter().position(|&b| b == 0);
                self.sink.string(&path[..end.unwrap_or(path.len())], false);
            }
        }
    }

    fn inet(&mut self, place: Place<'a>) {
        self.net_port("sin_port", place, 2);
        self.sink.member("sin_addr");
        let mut text = Vec::with_capacity(16);
        ip4_text(&mut text, array::<4>(place, 4).into());
        self.sink.quoted("inet_addr(", &text, ")");
    }

    fn inet6(&mut self, place: Place<'a>) {
        self.net_port("sin6_port", place, 2);
        self.sink.member("sin6_flowinfo");
        self.port(Num::new(place.number(4, 4).unwrap_or(0), 4, false));
        self.sink.member_as("", "sin6_addr");
        self.ip6_named(place.part(8, 16), "&sin6_addr");
        if let Some(scope) = place.number(24, 4) {
            self.sink.member("sin6_scope_id");
            self.sink.unsigned(scope);
        }
    }

    fn net_port(&mut self, name: &str, place: Place<'a>, at: usize) {
        self.sink.member(name);
        self.port(Num::new(place.number(at, 2).unwrap_or(0), 2, false));
    }

    /// 16 bytes of an IPv6 address.
    pub fn ip6(&mut self, place: Place<'a>) {
        let mut text = Text::default();
        // A String takes all.
        let _ = write!(text.0, "{}", Ipv6Addr::from(array::<16>(place, 0)));
        self.sink
            .quoted("inet_pton(AF_INET6, ", text.0.as_bytes(), ")");
    }

    fn ip6_named(&mut self, place: Place<'a>, target: &str) {
        let mut text = Text::default();
        let _ = write!(text.0, "{}", Ipv6Addr::from(array::<16>(place, 0)));
        let after = match target {
            "&sin6_addr" => ", &sin6_addr)",
            _ => ")",
        };
        self.sink
            .quoted("inet_pton(AF_INET6, ", text.0.as_bytes(), after);
    }

    fn netlink(&mut self, place: Place<'a>) {
        let number = |at, width| place.number(at, width).unwrap_or(0);
        if number(2, 2) != 0 {
            self.sink.member("nl_pad");
            self.sink.hex(number(2, 2));
        }
        self.sink.member("nl_pid");
        self.sink.signed(number(4, 4) as i32 as i64);
        self.sink.member("nl_groups");
        let groups = number(8, 4);
        self.sink.expression(groups as i64, |out| {
            let digits = match groups {
                0 => 8,
                _ => {
                    out.extend_from_slice(b"0x");
                    6
                }
            };
            number::digits(out, groups, 16, digits);
        });
    }

    fn packet(&mut self, place: Place<'a>) {
        let number = |at, width| place.number(at, width).unwrap_or(0);
        self.sink.member("sll_protocol");
        let protocol = Num::new(number(2, 2), 2, false);
        match named("eth_protocol", protocol.raw) {
            Some(name) => self.sink.symbol(protocol.value(), name),
            None => self.port(protocol),
        }
        self.sink.member("sll_ifindex");
        self.sink.signed(number(4, 4) as i32 as i64);
        self.sink.member("sll_hatype");
        self.named_number("arp_hardware", Num::new(number(8, 2), 2, false), "ARPHRD_");
        self.sink.member("sll_pkttype");
        self.named_number("packet_type", Num::new(number(10, 1), 1, false), "PACKET_");
        self.sink.member("sll_halen");
        let len = number(11, 1);
        self.sink.unsigned(len);
        let address = place.part(12, len.min(8) as usize);
        if !address.bytes.is_empty() {
            self.sink.member("sll_addr");
            self.sink.open(Shape::Array);
            for &byte in address.bytes {
                self.sink.item(Shape::Array);
                self.sink.hex(u64::from(byte));
            }
            self.sink.close(Shape::Array);
        }
    }

    fn alg(&mut self, place: Place<'a>) {
        self.sink.member("salg_type");
        self.chars(place.part(2, 14));
        for (name, at) in [("salg_feat", 16), ("salg_mask", 20)] {
            self.sink.member(name);
            self.sink.hex(place.number(at, 4).unwrap_or(0));
        }
        self.sink.member("salg_name");
        self.chars(place.part(24, 64));
    }

    fn vsock(&mut self, place: Place<'a>) {
        let number = |at, width| place.number(at, width).unwrap_or(0);
        self.sink.member("svm_cid");
        match number(8, 4) as u32 {
            u32::MAX => self.sink.symbol(-1, "VMADDR_CID_ANY"),
            0 => self.sink.symbol(0, "VMADDR_CID_HYPERVISOR"),
            1 => self.sink.symbol(1, "VMADDR_CID_LOCAL"),
            2 => self.sink.symbol(2, "VMADDR_CID_HOST"),
            cid => self.sink.unsigned(u64::from(cid)),
        }
        self.sink.member("svm_port");
        match number(4, 4) as u32 {
            u32::MAX => self.sink.symbol(-1, "VMADDR_PORT_ANY"),
            port => self.sink.unsigned(u64::from(port)),
        }
    }

    /// By length: HCI, SCO, RFCOMM and L2CAP share the family.
    fn bluetooth(&mut self, place: Place<'a>) {
        let bytes = place.bytes;
        match bytes.len() {
            6 => {
                self.sink.member("hci_dev");
                self.little("htobs(", place.number(2, 2).unwrap_or(0));
                self.sink.member("hci_channel");
                let channel = Num::new(place.number(4, 2).unwrap_or(0), 2, false);
                self.named_number("hci_channel", channel, "HCI_CHANNEL_");
            }
            8 => {
                self.sink.member("sco_bdaddr");
                self.bdaddr(place.part(2, 6));
            }
            9 | 10 => {
                self.sink.member("rc_bdaddr");
                self.bdaddr(place.part(2, 6));
                self.sink.member("rc_channel");
                self.sink.unsigned(u64::from(bytes[8]));
            }
            13 | 14 => {
                self.sink.member("l2_psm");
                self.little("htobs(", place.number(2, 2).unwrap_or(0));
                self.sink.member("l2_bdaddr");
                self.bdaddr(place.part(4, 6));
                self.sink.member("l2_cid");
                self.little("htobs(", place.number(10, 2).unwrap_or(0));
                self.sink.member("l2_bdaddr_type");
                self.sink.unsigned(u64::from(bytes[12]));
            }
            _ => self.sa_data(place),
        }
    }

    fn little(&mut self, name: &str, value: u64) {
        self.sink.expression(value as i64, |out| {
            out.extend_from_slice(name.as_bytes());
            number::decimal(out, value);
            out.push(b')');
        });
    }

    fn bdaddr(&mut self, place: Place<'a>) {
        let raw = place.number(0, 6).unwrap_or(0);
        self.sink.expression(raw as i64, |out| {
            for (i, byte) in place.bytes.iter().rev().enumerate() {
                if i > 0 {
                    out.push(b':');
                }
                number::digits(out, u64::from(*byte), 16, 2);
            }
        });
    }
}

#[derive(Default)]
struct Text(String);

/// Bytes at an offset, which the caller checked to be there.
fn array<const N: usize>(place: Place<'_>, at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    let there = place.part(at, N).bytes;
    bytes[..there.len()].copy_from_slice(there);
    bytes
}

/// `127.0.0.1:80`, `[::1]:80`.
pub(super) fn endpoint(out: &mut Vec<u8>, address: &[u8]) {
    let place = Place {
        bytes: address,
        ..Place::NONE
    };
    let port = u64::from(u16::from_be_bytes(array(place, 2)));
    if place.number(0, 2) == Some(AF_INET) {
        ip4_text(out, array::<4>(place, 4).into());
    } else {
        let text = Ipv6Addr::from(array::<16>(place, 8)).to_string();
        out.push(b'[');
        out.extend_from_slice(text.as_bytes());
        out.push(b']');
    }
    out.push(b':');
    number::decimal(out, port);
}
