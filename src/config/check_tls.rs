//! Whether the settings about TLS fit together, and whether the files that keyward itself uses hold what they should.
//! Files on the replicas' hosts are not looked at.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
    certificates("http.tls_cert_file", http.tls_cert_file.as_deref(), notes);
    private_key("http.tls_key_file", http.tls_key_file.as_deref(), notes);
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
    certificates(&format!("{at}.cert_file"), tls.cert_file.as_deref(), notes);
    private_key(&format!("{at}.key_file"), tls.key_file.as_deref(), notes);
}

fn certificates(key: &str, path: Option<&Path>, notes: &Notes) {
    let Some(path) = path else { return };
    let sentence = match contents(path) {
        Err(sentence) => sentence,
        Ok(bytes) => match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
            Ok(found) if !found.is_empty() => return,
            _ => format!("{} does not hold a certificate in PEM form", path.display()),
        },
    };
    notes.problem(key, sentence);
}

fn private_key(key: &str, path: Option<&Path>, notes: &Notes) {
    let Some(path) = path else { return };
    let sentence = match contents(path) {
        Err(sentence) => sentence,
        Ok(bytes) if PrivateKeyDer::from_pem_slice(&bytes).is_ok() => return,
        Ok(_) => format!("{} does not hold a private key in PEM form without a passphrase", path.display()),
    };
    notes.problem(key, sentence);
}
