//! Opens one connection to a web server: name, TCP, TLS. No pool, no retry, and the limit is the caller's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::blocking::off_thread;
use super::connect::io_reason;
use super::distrust::{distrust, told};
use crate::model::{Reason, WebUrl};

/// Where systems keep the CAs that they trust: Debian and its kin, Red Hat's, SUSE's.
const SYSTEM_CAS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// How many addresses of one name are tried.
const MOST_ADDRESSES: usize = 8;

/// A connection that HTTP can be spoken on.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where to connect to, and what sentences call the settings that say so.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The URL.
    pub url: &'a WebUrl,
    /// CA certificates (PEM) that the server's must come from; without it those of this host.
    pub ca_file: Option<&'a Path>,
    /// The setting with the URL, for example `the hook's url`.
    pub url_setting: &'a str,
    /// The setting with the file, for example `the hook's ca_file`.
    pub ca_setting: &'a str,
}

/// No connection, or no answer on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Which of the closed list it was.
    pub reason: Reason,
    /// What failed, with which server, and what to do.
    pub sentence: String,
}

impl NoAnswer {
    /// With its reason and its sentence.
    pub fn new(reason: Reason, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into() }
    }
}

/// Connects to a server. `step` tells at any time what is waited for; `until` parts the time among the addresses of a
/// name, so that the last of them is tried too.
///
/// # Errors
/// What failed, and what it means.
pub async fn dial(server: Server<'_>, until: Instant, step: &mut &'static str) -> Result<Box<dyn Stream>, NoAnswer> {
    let tcp = tcp(server, until, step).await?;
    if !server.url.https {
        return Ok(Box::new(tcp));
    }
    *step = "for the TLS handshake";
    let host = &server.url.server.host;
    let unprepared = |sentence: String| NoAnswer::new(Reason::Tls, sentence);
    let (roots, origin) = roots(server).await.map_err(unprepared)?;
    let name = ServerName::try_from(host.clone()).map_err(|_| {
        unprepared(format!("{host:?} is no name that a certificate can have; correct {}", server.url_setting))
    })?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unprepared(format!("TLS cannot be prepared: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(NoAnswer::new(io_reason(&error), tls_refusal(&error, server, &origin))),
    }
}

async fn tcp(place: Server<'_>, until: Instant, step: &mut &'static str) -> Result<TcpStream, NoAnswer> {
    *step = "for the address of its host";
    let server = &place.url.server;
    let named = |error: &io::Error| {
        let setting = place.url_setting;
        let sentence = format!("the host {} has no address: {error}; check {setting} and this host's DNS", server.host);
        NoAnswer::new(Reason::Unresolved, sentence)
    };
    let found = lookup_host((server.host.as_str(), server.port)).await.map_err(|error| named(&error))?;
    let found: Vec<_> = found.take(MOST_ADDRESSES).collect();
    *step = "for the connection";
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (index, address) in found.iter().enumerate() {
        let others = u32::try_from(found.len() - index - 1).unwrap_or(u32::MAX);
        let connecting = TcpStream::connect(address);
        let connected = match others {
            0 => connecting.await,
            others => {
                let share = until.saturating_duration_since(Instant::now()) / (others + 1);
                timeout(share, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            }
        };
        match connected {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    let sentence = format!("cannot connect to {server}: {last}; check that it runs and that this host may reach it");
    Err(NoAnswer::new(io_reason(&last), sentence))
}

/// The CAs to trust, and where they come from.
async fn roots(server: Server<'_>) -> Result<(RootCertStore, PathBuf), String> {
    let given = server.ca_file.map(Path::to_path_buf);
    let setting = server.ca_setting.to_owned();
    let read = off_thread(move || {
        let system = || SYSTEM_CAS.iter().map(PathBuf::from).find(|path| path.exists());
        let Some(path) = given.or_else(system) else {
            return Ok(Err(format!(
                "this host has no list of CAs; install ca-certificates or name the CA in {setting}"
            )));
        };
        let mut roots = RootCertStore::empty();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
        match certificates {
            Ok(found) => {
                // a system's list may hold one that rustls cannot use
                let (usable, _) = roots.add_parsable_certificates(found);
                let none = format!("{} holds no certificate of a CA; correct {setting}", path.display());
                Ok(if usable == 0 { Err(none) } else { Ok((roots, path)) })
            }
            Err(error) => Ok(Err(format!("the CAs in {} cannot be read: {error}", path.display()))),
        }
    });
    read.await.map_err(|error| format!("the CAs cannot be read: {error}"))?
}

fn tls_refusal(error: &io::Error, place: Server<'_>, origin: &Path) -> String {
    let server = &place.url.server;
    let origin = format!("{}; name its CA in {}", origin.display(), place.ca_setting);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => {
            format!("the certificate of {server} {}", distrust(why, &origin, place.url_setting))
        }
        _ => {
            let said = told(error, &origin);
            format!("the TLS handshake with {server} failed: {said}; check that it speaks HTTPS there")
        }
    }
}
