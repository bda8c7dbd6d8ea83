//! HTTPS: the certificate that the HTTP server shows, and the one that it may ask of its clients.
//!
//! The files are read when the server starts, and again when they have changed: who connects looks, once a second at
//! most. While what is found cannot be used, the last that could stays in force.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::config::schema::Http;

/// How often the files are looked at, and how long whoever looks waits for a slow disk.
const LOOK: Duration = Duration::from_secs(1);

/// HTTPS as `[http]` wants it, with what its files last held.
#[derive(Debug)]
pub struct Door {
    files: Files,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    config: Arc<ServerConfig>,
    /// The files that `config` was made from.
    from: Stamps,
    /// The files that could not be used; said once.
    refused: Option<Stamps>,
    looked: Instant,
    /// Somebody looks just now, on a slow disk maybe.
    looking: bool,
}

#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// Which file each path leads to, and when that was changed; none for one that is missing. Not when it was written:
/// a copy may bring an old time with it.
type Stamps = Vec<Option<(u64, u64, i64, i64)>>;

impl Door {
    /// HTTPS as `http` wants it; none without a certificate.
    ///
    /// # Errors
    /// One sentence with the key and the file that cannot be used.
    pub fn new(http: &Http) -> anyhow::Result<Option<Arc<Self>>> {
        let (cert, key) = match (&http.tls_cert_file, &http.tls_key_file) {
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (None, None) if http.client_ca_file.is_none() => return Ok(None),
            _ => bail!("http.tls_cert_file and http.tls_key_file belong together, and http.client_ca_file needs both"),
        };
        let files = Files { cert, key, client_ca: http.client_ca_file.clone() };
        // before they are read, so that a change meanwhile is seen later
        let from = files.stamps();
        let config = files.load()?;
        let held = Mutex::new(Held { config, from, refused: None, looked: Instant::now(), looking: false });
        Ok(Some(Arc::new(Self { files, held })))
    }

    /// What the next connection gets.
    pub async fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        if self.is_due() {
            let door = Arc::clone(self);
            // a disk that hangs delays this one connection
            let _ = timeout(LOOK, tokio::task::spawn_blocking(move || door.look())).await;
        }
        TlsAcceptor::from(Arc::clone(&self.held().config))
    }

    /// Whether it is time to look; who is told so must look, as nobody else is told.
    fn is_due(&self) -> bool {
        let mut held = self.held();
        let due = !held.looking && held.looked.elapsed() >= LOOK;
        if due {
            (held.looked, held.looking) = (Instant::now(), true);
        }
        due
    }

    fn look(&self) {
        self.read_again();
        self.held().looking = false;
    }

    fn read_again(&self) {
        let found = self.files.stamps();
        if self.held().from == found {
            return;
        }
        let loaded = self.files.load();
        let mut held = self.held();
        match loaded {
            Ok(config) => {
                tracing::info!("the certificates of [http] were read again");
                (held.config, held.from, held.refused) = (config, found, None);
            }
            Err(error) if held.refused.as_ref() != Some(&found) => {
                tracing::warn!("the changed certificates of [http] cannot be used, the earlier ones stay: {error}");
                held.refused = Some(found);
            }
            Err(_) => {}
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn stamps(&self) -> Stamps {
        let stamp = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some((found.dev(), found.ino(), found.ctime(), found.ctime_nsec()))
        };
        [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(stamp).collect()
    }

    fn load(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let certs = certificates("http.tls_cert_file", &self.cert)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| {
            anyhow!("http.tls_key_file: {} holds no private key that can be read: {error}", self.key.display())
        })?;
        let provider = Arc::new(default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = match &self.client_ca {
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
                self.cert.display(),
                self.key.display()
            )
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::report::fixtures;

    fn run(folder: &Path, program: &str, arguments: &str) {
        let done = Command::new(program).args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_to_its_end_occupies_one_thread() {
        let folder = tempfile::tempdir().unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem";
        run(folder.path(), "openssl", &format!("req -x509 {key} -out cert.pem -subj /CN=x"));
        let mut http = fixtures::http();
        let cert = folder.path().join("cert.pem");
        (http.tls_cert_file, http.tls_key_file) = (Some(cert.clone()), Some(folder.path().join("key.pem")));
        let door = Door::new(&http).unwrap().unwrap();
        fs::remove_file(&cert).unwrap();
        // nobody writes into it
        run(folder.path(), "mkfifo", "cert.pem");
        let wait_for_turn = || std::thread::sleep(LOOK);
        wait_for_turn();
        let before = Arc::as_ptr(door.acceptor().await.config());
        wait_for_turn();
        let another = door.is_due();
        drop(fs::File::options().read(true).write(true).open(&cert).unwrap());
        assert!(!another, "the first look has not ended");
        while door.held().looking {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(Arc::as_ptr(&door.held().config), before, "an empty file changes nothing");
        wait_for_turn();
        assert!(door.is_due(), "it is looked at again");
    }
}
