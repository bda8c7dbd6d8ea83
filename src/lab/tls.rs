//! Certificates for the lab's servers, made by the `openssl` command.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::program::{find, finish};

const LIMIT: Duration = Duration::from_secs(30);

/// A certificate authority with its private key.
#[derive(Clone, Debug)]
pub struct Authority {
    dir: PathBuf,
    openssl: PathBuf,
}

/// A certificate, its key and the authority that it comes from; files in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The certificate.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes an authority in the folder `dir`.
    ///
    /// # Errors
    /// `openssl` is missing or failed, or the folder cannot be written.
    pub fn make(dir: &Path, name: &str) -> anyhow::Result<Self> {
        let openssl = find("openssl", "openssl")?;
        fs::create_dir_all(dir).with_context(|| format!("make the folder {}", dir.display()))?;
        let authority = Self { dir: dir.to_owned(), openssl };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "365",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ])?;
        Ok(authority)
    }

    /// The authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A certificate for these names, for example `IP:127.0.0.1` and `DNS:localhost`, good for servers and clients.
    ///
    /// # Errors
    /// `openssl` failed.
    pub fn issue(&self, name: &str, alternatives: &[&str]) -> anyhow::Result<Pair> {
        let file = |end: &str| format!("{name}.{end}");
        let extensions = format!(
            "subjectAltName={}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n",
            alternatives.join(",")
        );
        fs::write(self.dir.join(file("ext")), extensions).context("write a certificate's extensions")?;
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &file("key"),
            "-out",
            &file("csr"),
            "-subj",
            &format!("/CN={name}"),
        ])?;
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &file("csr"),
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "365",
            "-extfile",
            &file("ext"),
            "-out",
            &file("pem"),
        ])?;
        Ok(Pair { ca: self.ca_file(), cert: self.dir.join(file("pem")), key: self.dir.join(file("key")) })
    }

    /// A certificate for a server of the lab: `127.0.0.1` and `localhost`.
    ///
    /// # Errors
    /// `openssl` failed.
    pub fn server(&self, name: &str) -> anyhow::Result<Pair> {
        self.issue(name, &["IP:127.0.0.1", "DNS:localhost"])
    }

    fn openssl(&self, arguments: &[&str]) -> anyhow::Result<()> {
        finish(&self.openssl, LIMIT, |command| command.args(arguments).current_dir(&self.dir)).map(drop)
    }
}
