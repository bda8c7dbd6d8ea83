//! Certificates that change while the server runs.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::fs;

use super::*;

/// Trusts whatever comes and keeps it; it is looked at afterwards.
#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that the server shows.
async fn shown(lab: &Lab) -> CertificateDer<'static> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(lab.address).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Waits until the server shows this one.
async fn wait_for(lab: &Lab, folder: &Path) {
    let wanted = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let seen = timeout(3 * SOON, async {
        while shown(lab).await != wanted {
            sleep(Duration::from_millis(100)).await;
        }
    });
    seen.await.expect("the new certificate is shown");
}

/// Longer than a changed file goes unnoticed.
async fn pause() {
    sleep(Duration::from_millis(1_200)).await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(folder.path());
    certificates(other.path());
    let mut http = fixtures::http();
    http.tls_cert_file = Some(folder.path().join("server.pem"));
    http.tls_key_file = Some(folder.path().join("server.key"));
    let lab = lab(&http, fixtures::good_day()).await;
    let first = CertificateDer::from_pem_file(folder.path().join("server.pem")).unwrap();
    assert_eq!(shown(&lab).await, first);

    // half of a renewal: the certificate fits no key
    fs::copy(other.path().join("server.pem"), folder.path().join("server.pem")).unwrap();
    pause().await;
    assert_eq!(shown(&lab).await, first, "what does not fit changes nothing");
    fs::rename(other.path().join("server.key"), folder.path().join("server.key")).unwrap();
    wait_for(&lab, folder.path()).await;

    let second = shown(&lab).await;
    assert_ne!(second, first);
    for rubbish in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(folder.path().join("server.pem"), rubbish).unwrap();
        pause().await;
        assert_eq!(shown(&lab).await, second, "{rubbish:?}");
    }
    fs::remove_file(folder.path().join("server.pem")).unwrap();
    pause().await;
    assert_eq!(shown(&lab).await, second, "a file that is gone");
    certificates(folder.path());
    wait_for(&lab, folder.path()).await;
}

#[tokio::test]
async fn clients_of_a_new_ca_come_in_and_those_of_the_old_one_do_not() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(folder.path());
    certificates(other.path());
    let clients = folder.path().join("clients.pem");
    fs::copy(folder.path().join("ca.pem"), &clients).unwrap();
    let mut http = fixtures::http();
    http.tls_cert_file = Some(folder.path().join("server.pem"));
    http.tls_key_file = Some(folder.path().join("server.key"));
    http.client_ca_file = Some(clients.clone());
    let lab = lab(&http, fixtures::good_day()).await;
    assert_eq!(ask_tls(&lab, folder.path(), true, "").await.unwrap().status, 200);

    fs::copy(other.path().join("ca.pem"), &clients).unwrap();
    let refused = timeout(3 * SOON, async {
        while ask_tls(&lab, folder.path(), true, "").await.is_ok_and(|answer| answer.status == 200) {
            sleep(Duration::from_millis(100)).await;
        }
    });
    refused.await.expect("the old CA's client is refused");
    // a client of the new one, which knows the server by its own
    fs::copy(folder.path().join("ca.pem"), other.path().join("ca.pem")).unwrap();
    assert_eq!(ask_tls(&lab, other.path(), true, "").await.unwrap().status, 200);
}
