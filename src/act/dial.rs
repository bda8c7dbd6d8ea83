//! Opens one connection to a web server: name, TCP, TLS. No pool, no retry, and the limit is the caller's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::procs::off_thread;
use crate::model::Address;
use crate::model::hook::HookUrl;

/// Where systems keep the CAs that they trust: Debian and its kin, Red Hat's, SUSE's.
const SYSTEM_CAS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// How many addresses of one name are tried.
const MOST_ADDRESSES: usize = 8;

/// A connection that HTTP can be spoken on.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects to the server of `url`. `step` tells at any time what is waited for; `until` parts the time among the
/// addresses of a name, so that the last of them is tried too.
///
/// # Errors
/// One sentence: what failed, with which server, and what to do.
pub async fn dial(
    url: &HookUrl,
    ca_file: Option<&Path>,
    until: Instant,
    step: &mut &'static str,
) -> Result<Box<dyn Stream>, String> {
    let tcp = tcp(&url.server, until, step).await?;
    if !url.https {
        return Ok(Box::new(tcp));
    }
    *step = "for the TLS handshake";
    let server = &url.server;
    let (roots, origin) = roots(ca_file).await?;
    let name = ServerName::try_from(server.host.clone())
        .map_err(|_| format!("{:?} is no name that a certificate can have; correct the hook's url", server.host))?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be prepared: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_refusal(&error, server, &origin)),
    }
}

async fn tcp(server: &Address, until: Instant, step: &mut &'static str) -> Result<TcpStream, String> {
    *step = "for the address of its host";
    let named = |error: &io::Error| {
        format!("the host {} has no address: {error}; check the hook's url and this host's DNS", server.host)
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
    Err(format!("cannot connect to {server}: {last}; check that it runs and that this host may reach it"))
}

/// The CAs to trust, and where they come from.
async fn roots(ca_file: Option<&Path>) -> Result<(RootCertStore, PathBuf), String> {
    let given = ca_file.map(Path::to_path_buf);
    let read = off_thread(move || {
        let system = || SYSTEM_CAS.iter().map(PathBuf::from).find(|path| path.exists());
        let Some(path) = given.or_else(system) else {
            return Ok(Err(
                "this host has no list of CAs; install ca-certificates or name the CA in ca_file".to_owned()
            ));
        };
        let mut roots = RootCertStore::empty();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
        match certificates {
            Ok(found) => {
                // a system's list may hold one that rustls cannot use
                let (usable, _) = roots.add_parsable_certificates(found);
                let none = format!("{} holds no certificate of a CA; correct the hook's ca_file", path.display());
                Ok(if usable == 0 { Err(none) } else { Ok((roots, path)) })
            }
            Err(error) => Ok(Err(format!("the CAs in {} cannot be read: {error}", path.display()))),
        }
    });
    read.await.map_err(|error| format!("the CAs cannot be read: {error}"))?
}

fn tls_refusal(error: &io::Error, server: &Address, origin: &Path) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = inner else {
        return format!("the TLS handshake with {server} failed: {error}; check that it speaks HTTPS there");
    };
    match why {
        CertificateError::UnknownIssuer => {
            let origin = origin.display();
            format!("the certificate of {server} comes from no CA in {origin}; name its CA in ca_file")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of {server} is for another name; write a name that it holds into the hook's url")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {server} has expired; renew it, and check this host's clock")
        }
        other => format!("the certificate of {server} cannot be trusted: {other}"),
    }
}
