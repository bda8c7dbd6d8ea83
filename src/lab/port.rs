//! A TCP port on loopback that stays ours while its server is down.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

/// Below the range that the kernel hands out to clients: a client that connects again and again to a dead server
/// within that range sooner or later connects to itself.
const RANGE: std::ops::Range<u16> = 10_000..32_000;
const ATTEMPTS: usize = 200;

/// A port that nobody else can bind. A server that sets `SO_REUSEADDR`, as MariaDB does, can listen on it; while none
/// does, clients are refused.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: OwnedFd,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Errors
    /// No free port was found, or the system gives no sockets.
    pub fn take() -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            match Self::hold(fastrand::u16(RANGE)) {
                Ok(port) => return Ok(port),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn hold(number: u16) -> io::Result<Self> {
        let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // without the option, so that a port in anybody's use is refused; then with it, so that the server can share
        bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, number))?;
        sockopt::set_socket_reuseaddr(&held, true)?;
        Ok(Self { number, _held: held })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_taken_port_is_refused_to_others_but_a_server_can_listen_on_it_again_and_again() {
        let port = Port::take().unwrap();
        assert_eq!(Port::hold(port.number()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        for _ in 0..2 {
            let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port.number())).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            // the standard library's listener sets SO_REUSEADDR, as MariaDB does
            let server = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
            TcpStream::connect(server.local_addr().unwrap()).unwrap();
        }
    }
}
