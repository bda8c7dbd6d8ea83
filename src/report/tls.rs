//! HTTPS: the certificate that the HTTP server shows, and the one that it may ask of its clients.
//!
//! The files are read once, when the server starts.

use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use crate::config::schema::Http;

/// HTTPS as `[http]` wants it; none without a certificate.
///
/// # Errors
/// One sentence with the key and the file that cannot be used.
pub fn acceptor(http: &Http) -> anyhow::Result<Option<TlsAcceptor>> {
    let (cert_file, key_file) = match (&http.tls_cert_file, &http.tls_key_file) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) if http.client_ca_file.is_none() => return Ok(None),
        _ => bail!("http.tls_cert_file and http.tls_key_file belong together, and http.client_ca_file needs both"),
    };
    let certs = certificates("http.tls_cert_file", cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| {
        anyhow!("http.tls_key_file: {} holds no private key that can be read: {error}", key_file.display())
    })?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &http.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for cert in certificates("http.client_ca_file", file)? {
                roots
                    .add(cert)
                    .map_err(|error| anyhow!("http.client_ca_file: {} holds a bad CA: {error}", file.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| anyhow!("http.client_ca_file: {} cannot be used: {error}", file.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(certs, key).map_err(|error| {
        anyhow!(
            "http.tls_cert_file: {} and {} cannot be used together: {error}",
            cert_file.display(),
            key_file.display()
        )
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn certificates(key: &str, file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certs: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| anyhow!("{key}: {} cannot be read as PEM: {error}", file.display()))?;
    if certs.is_empty() {
        bail!("{key}: {} holds no certificate", file.display());
    }
    Ok(certs)
}
