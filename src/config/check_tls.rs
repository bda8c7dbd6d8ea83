//! Whether the settings about TLS fit together, and whether the files that keyward itself uses hold what they should.
//! Files on the replicas' hosts are not looked at.

use std::path::Path;

use rustls::Error;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::notes::Notes;
use super::schema::{Settings, Tls, TlsMode};
use super::secret::contents;
use crate::model::hook::HookKind;

/// Notes what can be told without looking at a file.
pub fn settings(settings: &Settings, notes: &Notes) {
    own("tls", &settings.tls, notes);
    link("replication.tls", &settings.replication.tls, notes);
    for (at, own, link_tls) in overrides(settings) {
        // what a replica takes over has been checked where it came from
        if *own != settings.tls {
            self::own(&format!("{at}.tls"), own, notes);
        }
        if *link_tls != settings.replication.tls {
            link(&format!("{at}.replication_tls"), link_tls, notes);
        }
    }
}

/// Notes every file of keyward's own that is missing or does not hold what it should.
pub fn files(settings: &Settings, notes: &Notes) {
    let http = &settings.http;
    let (cert, key) = (http.tls_cert_file.as_deref(), http.tls_key_file.as_deref());
    matching(("http.tls_cert_file", cert), ("http.tls_key_file", key), notes);
    certificates("http.client_ca_file", http.client_ca_file.as_deref(), notes);
    certificates("identity.ca_file", settings.identity.ca_file.as_deref(), notes);
    connection("tls", &settings.tls, notes);
    for (at, own, _) in overrides(settings) {
        if *own != settings.tls {
            connection(&format!("{at}.tls"), own, notes);
        }
    }
    for (r, region) in settings.regions.iter().enumerate() {
        for (h, hook) in region.failover.hooks.iter().enumerate() {
            if let HookKind::Http { ca_file, .. } = &hook.kind {
                certificates(&format!("regions[{r}].failover.hooks[{h}].ca_file"), ca_file.as_deref(), notes);
            }
        }
    }
}

fn overrides(settings: &Settings) -> impl Iterator<Item = (String, &Tls, &Tls)> {
    settings.regions.iter().enumerate().flat_map(|(r, region)| {
        let at = move |s| format!("regions[{r}].replicas[{s}]");
        region.replicas.iter().enumerate().map(move |(s, replica)| (at(s), &replica.tls, &replica.replication_tls))
    })
}

fn own(at: &str, tls: &Tls, notes: &Notes) {
    pair(at, tls, notes);
    if tls.mode == TlsMode::VerifyCa {
        let sentence = "is \"verify-ca\", which only the link between the servers can do: keyward's own connections \
            check a certificate's CA together with its name; use \"verify-identity\"";
        notes.problem(format!("{at}.mode"), sentence);
    }
}

fn link(at: &str, tls: &Tls, notes: &Notes) {
    pair(at, tls, notes);
    // without a CA, a MariaDB 10.11 replica takes any certificate, whatever else it was told
    if matches!(tls.mode, TlsMode::VerifyCa | TlsMode::VerifyIdentity) && tls.ca_file.is_none() {
        let mode = tls.mode.code();
        let sentence = format!("must name the CA's file on the replica's host, because mode is \"{mode}\"");
        notes.problem(format!("{at}.ca_file"), sentence);
    }
}

fn pair(at: &str, tls: &Tls, notes: &Notes) {
    match (&tls.cert_file, &tls.key_file) {
        (Some(_), None) => notes.problem(format!("{at}.key_file"), "is missing: cert_file needs its private key"),
        (None, Some(_)) => notes.problem(format!("{at}.cert_file"), "is missing: key_file needs its certificate"),
        _ => {}
    }
}

fn connection(at: &str, tls: &Tls, notes: &Notes) {
    certificates(&format!("{at}.ca_file"), tls.ca_file.as_deref(), notes);
    let (cert, key) = (format!("{at}.cert_file"), format!("{at}.key_file"));
    matching((&cert, tls.cert_file.as_deref()), (&key, tls.key_file.as_deref()), notes);
}

/// Notes what is wrong with a certificate, with its private key, or with the two together; each is its key and its file.
fn matching(cert: (&str, Option<&Path>), key: (&str, Option<&Path>), notes: &Notes) {
    let found = (certificates(cert.0, cert.1, notes), private_key(key.0, key.1, notes));
    let (Some((chain, chain_file)), Some((private, file))) = found else { return };
    match CertifiedKey::from_der(chain, private, &default_provider()) {
        Ok(_) => {}
        Err(Error::InconsistentKeys(_)) => {
            let sentence = format!("{} is not the private key of {}", file.display(), chain_file.display());
            notes.problem(key.0, sentence);
        }
        Err(error) => notes.problem(cert.0, format!("{} cannot be used: {error}", chain_file.display())),
    }
}

/// The certificates in a file, and the file; none when it is not given, or has been noted as a problem.
fn certificates<'a>(
    key: &str,
    path: Option<&'a Path>,
    notes: &Notes,
) -> Option<(Vec<CertificateDer<'static>>, &'a Path)> {
    let path = path?;
    let sentence = match contents(path) {
        Err(sentence) => sentence,
        Ok(bytes) => match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
            Ok(found) if !found.is_empty() => return Some((found, path)),
            _ => format!("{} does not hold a certificate in PEM form", path.display()),
        },
    };
    notes.problem(key, sentence);
    None
}

fn private_key<'a>(key: &str, path: Option<&'a Path>, notes: &Notes) -> Option<(PrivateKeyDer<'static>, &'a Path)> {
    let path = path?;
    let sentence = match contents(path).map(|bytes| PrivateKeyDer::from_pem_slice(&bytes)) {
        Err(sentence) => sentence,
        Ok(Ok(found)) => return Some((found, path)),
        Ok(Err(_)) => format!("{} does not hold a private key in PEM form without a passphrase", path.display()),
    };
    notes.problem(key, sentence);
    None
}
