//! One connection to one server, and what a driver's error means.
//!
//! There is no pool here: a pool hands out connections that have died, and a connection whose answer was not waited
//! for answers the next question with it. After any time-out the caller drops the connection.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{ClientIdentity, Conn, Opts, OptsBuilder, SslOpts, TlsError};
use rustix::io::Errno;
use secrecy::ExposeSecret;

use super::distrust::{refusal, told};
use crate::config::Settings;
use crate::config::schema::{Account, Tls, TlsMode};
use crate::model::{Address, Failure, Reason};

/// The longest row of an answer, in bytes. One that needs a second packet is refused by the driver at once: of such a row
/// it may overlook that all of it has come, and then waits for ever (mysql_common 0.37, `PlainPacketCodec`).
const MOST_ROW: usize = 16 * 1024 * 1024 - 2;

/// What a server says to a login that it does not accept.
const ACCESS_DENIED: u16 = 1045;

/// Where and as whom to connect.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub place: Place,
    /// The login.
    pub account: Account,
    /// How the connection is protected; a unix socket needs nothing.
    pub tls: Tls,
    /// Limit of making the connection.
    pub connect_timeout: Duration,
}

impl Target {
    /// Keyward's own login at a server of the settings, for work that may wait a little.
    pub fn of(settings: &Settings, address: &Address, tls: &Tls) -> Self {
        Self {
            place: Place::Tcp(address.clone()),
            account: settings.account.clone(),
            tls: tls.clone(),
            connect_timeout: settings.connect_timeout.max(Duration::from_secs(1)),
        }
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// TCP.
    Tcp(Address),
    /// A unix socket on this host.
    Socket(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Tcp(address) => address.fmt(f),
            Place::Socket(path) => path.display().fmt(f),
        }
    }
}

/// Opens a connection within the target's limit; `first` is run on it before it is handed out.
///
/// A refused login is tried once more: where the challenge of `ed25519` or `parsec` happens to end in a zero, one of 256,
/// the driver cuts that off (mysql_common 0.37, `AuthSwitchRequest::plugin_data`) and answers another challenge.
///
/// # Errors
/// Why there is no connection. The password is not part of it.
pub async fn connect(target: &Target, first: &[String]) -> Result<Conn, Failure> {
    let opts = options(target, first);
    within(target.connect_timeout, async {
        match Conn::new(opts.clone()).await {
            Err(mysql_async::Error::Server(refused)) if refused.code == ACCESS_DENIED => Conn::new(opts).await,
            done => done,
        }
    })
    .await
}

/// Waits for a driver's future, at most for `limit`.
///
/// # Errors
/// What the driver's error means, or `TimedOut`. The caller must drop the connection unless the server answered.
pub async fn within<T>(limit: Duration, work: impl Future<Output = mysql_async::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(meaning(&error)),
        Err(_) => Err(Failure {
            reason: Reason::TimedOut,
            detail: format!("no answer within {}", crate::model::time::friendly(limit)),
        }),
    }
}

fn options(target: &Target, first: &[String]) -> Opts {
    let mut builder = OptsBuilder::default()
        .user(Some(&target.account.user))
        .pass(Some(target.account.password.expose_secret()))
        // true would leave TLS, or even the host, behind by itself
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_secs(10)))
        .stmt_cache_size(0)
        // given here so that connecting costs no further round trip
        .max_allowed_packet(Some(MOST_ROW))
        .wait_timeout(Some(28_800))
        // the driver runs them from the last to the first
        .init(first.iter().rev().cloned().collect::<Vec<_>>());
    match &target.place {
        Place::Tcp(address) => {
            builder = builder.ip_or_hostname(&address.host).tcp_port(address.port).ssl_opts(tls_options(&target.tls));
        }
        Place::Socket(path) => builder = builder.socket(Some(path.display().to_string())),
    }
    builder.into()
}

fn tls_options(tls: &Tls) -> Option<SslOpts> {
    let mut options = SslOpts::default();
    match tls.mode {
        TlsMode::Disabled => return None,
        TlsMode::Required => options = options.with_danger_accept_invalid_certs(true),
        // the settings allow `verify-ca` for links only; this driver could not do it
        TlsMode::VerifyCa | TlsMode::VerifyIdentity => {
            if let Some(file) = &tls.ca_file {
                options = options.with_root_certs(vec![file.clone().into()]).with_disable_built_in_roots(true);
            }
        }
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        options = options.with_client_identity(Some(ClientIdentity::new(cert.clone().into(), key.clone().into())));
    }
    Some(options)
}

/// Where the CAs of a database's certificate come from, for sentences.
const TRUSTED: &str = "tls.ca_file";

/// What a driver's error means to keyward.
pub fn meaning(error: &mysql_async::Error) -> Failure {
    use mysql_async::{Error, IoError};
    let reason = match error {
        Error::Server(server) => server_reason(server.code),
        Error::Io(IoError::Tls(_)) => Reason::Tls,
        Error::Io(IoError::Io(error)) => io_reason(error),
        Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer) => Reason::Tls,
        Error::Driver(mysql_async::DriverError::ConnectionClosed) => Reason::Reset,
        // MySQL names some plugin, it may be any, to whom it has no account for
        Error::Driver(mysql_async::DriverError::UnknownAuthPlugin { .. }) => Reason::Login,
        _ => Reason::Unexpected,
    };
    let detail = match error {
        Error::Server(server) => format!("{} {}", server.code, server.message),
        Error::Io(IoError::Io(error)) => told(error, TRUSTED),
        Error::Io(IoError::Tls(TlsError::Tls(error))) => refusal(error, TRUSTED),
        Error::Driver(mysql_async::DriverError::UnknownAuthPlugin { name }) => {
            format!("there is no such account, or it logs in by {name}, which keyward does not speak")
        }
        other => other.to_string(),
    };
    Failure { reason, detail: detail.replace(['\n', '\r'], " ") }
}

fn server_reason(code: u16) -> Reason {
    match code {
        1047 => Reason::NotPrimary,
        9001 => Reason::NoBackend,
        1040 | 1203 | 1226 => Reason::TooManyConnections,
        1129 | 1130 => Reason::HostBlocked,
        ACCESS_DENIED | 1698 | 1820 | 1862 | 4151 => Reason::Login,
        1044 | 1142 | 1143 | 1227 | 1370 => Reason::Privilege,
        1053 | 1927 => Reason::Reset,
        // ended by the limit that keyward set itself
        1969 | 3024 => Reason::TimedOut,
        _ => Reason::Unexpected,
    }
}

/// What an error of the system means to keyward.
pub(super) fn io_reason(error: &io::Error) -> Reason {
    use io::ErrorKind as Kind;
    if let Some(inner) = error.get_ref() {
        if inner.is::<rustls::Error>() {
            return Reason::Tls;
        }
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return io_reason(inner);
        }
        if let Some(inner) = inner.downcast_ref::<mysql_async::Error>() {
            return meaning(inner).reason;
        }
    }
    match error.kind() {
        Kind::ConnectionRefused => Reason::Refused,
        Kind::TimedOut => Reason::TimedOut,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
            Reason::Unreachable
        }
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::NotConnected
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => Reason::Reset,
        Kind::NotFound if error.raw_os_error().is_some() => Reason::Refused,
        Kind::InvalidData => Reason::Tls,
        // the standard library has no name for these two
        _ if [Errno::HOSTDOWN, Errno::NONET].iter().any(|no| error.raw_os_error() == Some(no.raw_os_error())) => {
            Reason::Unreachable
        }
        _ if error.to_string().contains("failed to lookup address") => Reason::Unresolved,
        _ => Reason::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_says_is_evidence_and_what_a_server_says_is_not() {
        let io = |error: io::Error| meaning(&mysql_async::Error::Io(mysql_async::IoError::Io(error))).reason;
        let system = |errno: Errno| io(io::Error::from_raw_os_error(errno.raw_os_error()));
        for errno in [Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::NETDOWN, Errno::HOSTDOWN, Errno::NONET] {
            assert_eq!(system(errno), Reason::Unreachable, "{errno:?}");
        }
        for errno in [Errno::CONNRESET, Errno::CONNABORTED, Errno::PIPE, Errno::NOTCONN] {
            assert_eq!(system(errno), Reason::Reset, "{errno:?}");
        }
        assert_eq!(system(Errno::CONNREFUSED), Reason::Refused);
        assert_eq!(system(Errno::TIMEDOUT), Reason::TimedOut);
        // out of file descriptors: that is us, not the master
        assert!(!system(Errno::MFILE).is_evidence());
        let wrapped = io::Error::other(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(io(wrapped), Reason::Reset);
        for (code, reason) in [
            (1045, Reason::Login),
            (1040, Reason::TooManyConnections),
            (1130, Reason::HostBlocked),
            (1227, Reason::Privilege),
            (1047, Reason::NotPrimary),
            (9001, Reason::NoBackend),
            (1969, Reason::TimedOut),
            (1064, Reason::Unexpected),
        ] {
            assert_eq!(server_reason(code), reason, "{code}");
        }
    }
}
