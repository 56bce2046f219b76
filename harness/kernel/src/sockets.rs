//! The sockets of a process's network namespace, from the tables under `/proc/PID/net`.
//!
//! A table is a file of text with a line for each socket of the namespace. Its inode is that of the
//! descriptor's link. The tables show another network namespace without any permission, which
//! `NETLINK_SOCK_DIAG` does not.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::ReadError;
use super::fields;
use super::process::Process;

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its own address and that of its peer, of TCP and UDP.
    pub addresses: Option<Addresses>,
    /// Its path, of unix sockets. An abstract one begins with `@`.
    pub path: Option<String>,
    /// Its state in the kernel's words: `CLOSE_WAIT`, `LISTEN`, `UNCONNECTED`.
    pub state: &'static str,
    /// Bytes that wait to be read; of a listening TCP socket, connections that wait to be accepted.
    pub to_read: u64,
    /// Bytes that were sent and are not acknowledged.
    pub to_send: u64,
}

/// The addresses of a TCP or UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Its own.
    pub local: SocketAddr,
    /// Its peer's; `None` if it is not connected.
    pub peer: Option<SocketAddr>,
    /// Another socket of the namespace listens at its own port, so this one was accepted there.
    pub is_accepted: bool,
}

leakbench_model::names! {
    /// The protocol of a socket.
    Protocol ("protocol") {
        /// TCP over IPv4 or IPv6.
        Tcp = "TCP",
        /// UDP over IPv4 or IPv6.
        Udp = "UDP",
        /// Unix.
        Unix = "unix",
        /// Netlink.
        Netlink = "netlink",
        /// Packets of a network interface.
        Packet = "packet",
    }
}

/// The tables, each with the protocol of its sockets.
const TABLES: [(&CStr, Protocol); 7] = [
    (c"net/tcp", Protocol::Tcp),
    (c"net/tcp6", Protocol::Tcp),
    (c"net/udp", Protocol::Udp),
    (c"net/udp6", Protocol::Udp),
    (c"net/unix", Protocol::Unix),
    (c"net/netlink", Protocol::Netlink),
    (c"net/packet", Protocol::Packet),
];

/// States of TCP, from 1. UDP has the first if it is connected.
const STATES: [&str; 13] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
    "BOUND",
];
const LISTEN: &str = STATES[9];

impl Process {
    /// Reads the sockets of its network namespace whose inodes are `wanted` into `found`. A socket
    /// that is neither bound nor connected is in no table.
    ///
    /// The cost grows with the sockets of the namespace.
    ///
    /// # Errors
    /// See [`ReadError`]. A table that this kernel does not have is empty.
    pub fn sockets(
        &self,
        wanted: &BTreeSet<u64>,
        found: &mut BTreeMap<u64, Socket>,
    ) -> Result<(), ReadError> {
        let mut text = Vec::new();
        let mut listening = BTreeSet::new();
        let mut own = BTreeMap::new();
        for (name, protocol) in TABLES {
            match self.read_all(name, "net", &mut text) {
                Err(ReadError::Absent { .. }) => continue,
                other => other?,
            }
            for line in text.split(|&byte| byte == b'\n').skip(1) {
                let Some((inode, socket)) = parse(protocol, line, wanted) else { continue };
                if let (Some(addresses), LISTEN) = (socket.addresses, socket.state) {
                    listening.insert(addresses.local.port());
                }
                if wanted.contains(&inode) {
                    own.insert(inode, socket);
                }
            }
        }
        for socket in own.values_mut() {
            let may_be = socket.protocol == Protocol::Tcp && socket.state != LISTEN;
            if let (Some(addresses), true) = (&mut socket.addresses, may_be) {
                addresses.is_accepted = listening.contains(&addresses.local.port());
            }
        }
        found.append(&mut own);
        Ok(())
    }
}

/// A line of a table, with the inode; `None` if it is neither `wanted` nor listening, or no line of a
/// table.
fn parse(protocol: Protocol, line: &[u8], wanted: &BTreeSet<u64>) -> Option<(u64, Socket)> {
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match protocol {
        Protocol::Tcp | Protocol::Udp => of_internet(protocol, words, wanted),
        Protocol::Unix => of_unix(words, wanted),
        Protocol::Netlink => of_other(protocol, words, wanted, 9),
        Protocol::Packet => of_other(protocol, words, wanted, 8),
    }
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1587 …`
fn of_internet<'a>(
    protocol: Protocol,
    mut words: impl Iterator<Item = &'a [u8]>,
    wanted: &BTreeSet<u64>,
) -> Option<(u64, Socket)> {
    let local = words.nth(1)?;
    let peer = words.next()?;
    let number = usize::try_from(fields::hex(words.next()?)?).ok()?;
    let queues = words.next()?;
    let inode = fields::number(words.nth(4)?)?;
    let state = match (protocol, number) {
        (Protocol::Udp, 7) => "UNCONNECTED",
        _ => STATES.get(number.checked_sub(1)?).copied()?,
    };
    if state != LISTEN && !wanted.contains(&inode) {
        return None;
    }
    let (to_send, to_read) = halves(queues)?;
    let peer = address(peer)?;
    let is_connected = peer.port() != 0;
    let addresses = Addresses {
        local: address(local)?,
        peer: is_connected.then_some(peer),
        is_accepted: false,
    };
    let (to_send, to_read) = (fields::hex(to_send)?, fields::hex(to_read)?);
    let addresses = Some(addresses);
    Some((inode, Socket { protocol, addresses, path: None, state, to_read, to_send }))
}

/// `0000000000000000: 00000002 00000000 00010000 0001 01 21023 /run/x`
fn of_unix<'a>(
    mut words: impl Iterator<Item = &'a [u8]>,
    wanted: &BTreeSet<u64>,
) -> Option<(u64, Socket)> {
    /// `__SO_ACCEPTCON` of the kernel's `include/uapi/linux/net.h`.
    const LISTENS: u64 = 1 << 16;
    let flags = fields::hex(words.nth(3)?)?;
    let state = words.nth(1)?;
    let inode = fields::number(words.next()?)?;
    if !wanted.contains(&inode) {
        return None;
    }
    let state = match (flags & LISTENS != 0, state) {
        (true, _) => LISTEN,
        (false, b"03") => STATES[0],
        (false, _) => "UNCONNECTED",
    };
    // A path with spaces is several words.
    let path: Vec<_> = words.map(String::from_utf8_lossy).collect();
    let path = (!path.is_empty()).then(|| path.join(" "));
    let protocol = Protocol::Unix;
    Some((inode, Socket { protocol, addresses: None, path, state, to_read: 0, to_send: 0 }))
}

/// A line whose word number `inode_at` is the inode.
fn of_other<'a>(
    protocol: Protocol,
    mut words: impl Iterator<Item = &'a [u8]>,
    wanted: &BTreeSet<u64>,
    inode_at: usize,
) -> Option<(u64, Socket)> {
    let inode = fields::number(words.nth(inode_at)?)?;
    let state = "open";
    let socket = Socket { protocol, addresses: None, path: None, state, to_read: 0, to_send: 0 };
    wanted.contains(&inode).then_some((inode, socket))
}

/// `0100007F:1F90`: the words of the address as this machine stores them, and the port.
fn address(text: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = halves(text)?;
    let port = u16::try_from(fields::hex(port)?).ok()?;
    let mut bytes = [0; 16];
    let words = ip.chunks(8).zip(bytes.chunks_mut(4));
    for (word, bytes) in words {
        let word = u32::try_from(fields::hex(word)?).ok()?;
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    let ip = match (ip.len(), bytes) {
        (8, [a, b, c, d, ..]) => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        // IPv4 over a socket of IPv6 is shown as IPv4.
        (32, bytes) => Ipv6Addr::from(bytes).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The parts before and after the colon.
fn halves(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

impl Socket {
    /// What equal sockets have in common: `CLOSE_WAIT to 10.0.0.7:443`,
    /// `CLOSE_WAIT at 10.0.0.2:80 from 10.0.0.9`, `LISTEN at 0.0.0.0:80`, `UDP at 127.0.0.1`.
    ///
    /// A port that the kernel chose is left out.
    pub fn kind(&self) -> String {
        let Some(Addresses { local, peer, is_accepted }) = self.addresses else {
            let path = self.path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
            return format!("{} socket{path}, {}", self.protocol, self.state);
        };
        let state = match self.protocol {
            Protocol::Tcp => self.state.to_owned(),
            _ => format!("{} {}", self.protocol, self.state),
        };
        match peer {
            Some(peer) if is_accepted => format!("{state} at {local} from {}", peer.ip()),
            Some(peer) => format!("{state} to {peer}"),
            None if self.state == LISTEN => format!("{state} at {local}"),
            None => format!("{state} at {}", local.ip()),
        }
    }
}

/// The rest of its addresses, and its queues: `from 10.0.0.2:51234, 1 B to read`.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.addresses {
            Some(Addresses { peer: Some(peer), is_accepted: true, .. }) => {
                parts.push(format!("from {peer}"));
            }
            Some(Addresses { local, .. }) if self.state != LISTEN => {
                parts.push(format!("from {local}"));
            }
            _ => {}
        }
        let unit = if self.state == LISTEN { "connections to accept" } else { "B to read" };
        if self.to_read > 0 {
            parts.push(format!("{} {unit}", self.to_read));
        }
        if self.to_send > 0 {
            parts.push(format!("{} B to send", self.to_send));
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(protocol: Protocol, line: &str) -> Option<Socket> {
        let wanted = BTreeSet::from([4711]);
        parse(protocol, line.as_bytes(), &wanted).map(|(_, socket)| socket)
    }

    #[test]
    fn addresses_states_and_queues_are_read() {
        let line = "  12: 0100007F:C822 0700000A:01BB 08 00000000:00000001 00:00000000 00000000  \
                    1000        0 4711 1 0000000072ceacec 20 4 30 10 -1";
        let socket = parsed(Protocol::Tcp, line).unwrap();
        let shown = if cfg!(target_endian = "little") { "10.0.0.7" } else { "7.0.0.10" };
        assert_eq!(socket.kind(), format!("CLOSE_WAIT to {shown}:443"));
        assert!(socket.to_string().ends_with(":51234, 1 B to read"), "{socket}");
        assert_eq!(parsed(Protocol::Tcp, &line.replace("4711", "4712")), None);
        // A listening socket is read even if it is not wanted, for the ones that it accepted.
        let listening = line.replace(" 08 ", " 0A ").replace("4711", "9");
        assert!(parsed(Protocol::Tcp, &listening).is_some());
        let six = "   0: 00000000000000000000000000000000:1F90 \
                   00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 \
                   00000000     0        0 4711 2 0000000072ceacec 0";
        let socket = parsed(Protocol::Udp, six).unwrap();
        assert_eq!(socket.kind(), "UDP UNCONNECTED at ::");
        for bad in ["", "  sl  local_address rem_address   st", "0: x:y 0:0 01", &six[..40]] {
            assert_eq!(parsed(Protocol::Tcp, bad), None, "{bad}");
        }
    }

    #[test]
    fn unix_and_netlink_sockets_are_read() {
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01  4711 /run/a socket";
        let socket = parsed(Protocol::Unix, line).unwrap();
        assert_eq!(socket.kind(), "unix socket /run/a socket, LISTEN");
        let line = "0000000000000000: 00000003 00000000 00000000 0001 03  4711";
        assert_eq!(parsed(Protocol::Unix, line).unwrap().kind(), "unix socket, ESTABLISHED");
        let line = "00000000672d3b59 16  4711 00000000 0 0 0 2 0 4711";
        assert_eq!(parsed(Protocol::Netlink, line).unwrap().kind(), "netlink socket, open");
    }
}
