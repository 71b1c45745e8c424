//! Connections within this machine.
//!
//! In: nothing. Out: one TCP connection from this process to itself over the loopback device, with data, opened and closed
//! by both ends; or a datum through a pair of UNIX sockets.

use crate::{Facts, release};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

/// `tcp`: says the listener's port.
pub fn tcp(_: &[String], facts: &mut Facts) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen on the loopback device");
    let address = listener.local_addr().expect("an address");
    release();
    let mut here = TcpStream::connect(address).expect("connect to ourselves");
    let (mut there, _) = listener.accept().expect("accept ourselves");
    here.write_all(b"tools").expect("send");
    there.read_exact(&mut [0; 5]).expect("receive");
    drop(here);
    drop(there);
    facts.say("port", address.port());
}

/// `unix`: `tools` through a pair of sockets.
pub fn unix(_: &[String], _: &mut Facts) {
    let (mut here, mut there) = UnixStream::pair().expect("a pair of sockets");
    release();
    here.write_all(b"tools").expect("send");
    there.read_exact(&mut [0; 5]).expect("receive");
}
