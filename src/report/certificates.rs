//! Until when the certificates in keyward's own files are valid.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::config::Settings;

/// The end of every certificate file's use in seconds since 1970, by the label `certificate`; of several files of one
/// kind that of the first to end. Files that cannot be read are left out.
pub fn of_files(settings: &Settings) -> BTreeMap<&'static str, f64> {
    let http = &settings.http;
    let mut found = BTreeMap::new();
    let mut note = |label, end: anyhow::Result<f64>| match end {
        Ok(end) => {
            let first = found.entry(label).or_insert(end);
            *first = end.min(*first);
        }
        Err(error) => tracing::debug!("until when a certificate is valid is not known: {error:#}"),
    };
    if let Some(file) = &http.tls_cert_file {
        note("http", chain(file));
    }
    if let Some(file) = &http.client_ca_file {
        note("http_client_ca", authority(file));
    }
    let replicas = settings.regions.iter().flat_map(|region| &region.replicas);
    for tls in std::iter::once(&settings.tls).chain(replicas.map(|replica| &replica.tls)) {
        if let Some(file) = &tls.cert_file {
            note("client", chain(file));
        }
        if let Some(file) = &tls.ca_file {
            note("ca", authority(file));
        }
    }
    found
}

/// A chain ends with its first certificate that does.
fn chain(file: &Path) -> anyhow::Result<f64> {
    ends(file)?.into_iter().reduce(f64::min).context("no certificate")
}

/// A bundle of authorities ends with the last one: while a CA is replaced, the old one stands beside the new one.
fn authority(file: &Path) -> anyhow::Result<f64> {
    ends(file)?.into_iter().reduce(f64::max).context("no certificate")
}

fn ends(file: &Path) -> anyhow::Result<Vec<f64>> {
    let certs = CertificateDer::pem_file_iter(file).with_context(|| format!("read {}", file.display()))?;
    let end = |cert: Result<CertificateDer<'static>, _>| -> anyhow::Result<f64> {
        let cert = Certificate::from_der(&cert?).map_err(|error| anyhow!("{error}"))?;
        Ok(cert.tbs_certificate.validity.not_after.to_unix_duration().as_secs_f64())
    };
    certs.map(|cert| end(cert).with_context(|| format!("read {}", file.display()))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::report::fixtures;

    fn certificate(file: &Path, until: &str) -> String {
        let key = file.with_extension("key");
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-subj", "/CN=x", "-days", until, "-keyout"]).arg(key).arg("-out").arg(file);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::read_to_string(file).unwrap()
    }

    /// What openssl reads in the first certificate of a file.
    fn end(file: &Path) -> f64 {
        let output = Command::new("openssl").args(["x509", "-enddate", "-noout", "-in"]).arg(file).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.trim().strip_prefix("notAfter=").unwrap().strip_suffix(" GMT").unwrap();
        let at = jiff::civil::DateTime::strptime("%b %d %H:%M:%S %Y", text).unwrap();
        jiff::tz::Offset::UTC.to_timestamp(at).unwrap().as_second() as f64
    }

    #[test]
    fn a_chain_ends_with_its_first_and_a_bundle_of_authorities_with_its_last() {
        let folder = tempfile::tempdir().unwrap();
        let (soon, late, both) =
            (folder.path().join("soon.pem"), folder.path().join("late.pem"), folder.path().join("both.pem"));
        // past 2049 the time is written in another form
        fs::write(&both, certificate(&late, "36500") + &certificate(&soon, "3")).unwrap();
        let (first, last) = (end(&soon), end(&late));
        assert!(first < last);
        let mut settings = fixtures::settings();
        assert!(of_files(&settings).is_empty(), "no files, nothing known");
        settings.http.tls_cert_file = Some(both.clone());
        settings.http.client_ca_file = Some(both.clone());
        settings.tls.ca_file = Some(late.clone());
        settings.tls.cert_file = Some(folder.path().join("nowhere.pem"));
        let found = of_files(&settings);
        assert_eq!(found, BTreeMap::from([("ca", last), ("http", first), ("http_client_ca", last)]));
        settings.regions[0].replicas = vec![crate::config::schema::Replica {
            name: crate::model::ReplicaName("r2-db1".into()),
            address: "10.13.131.137:3307".parse().unwrap(),
            tls: crate::config::schema::Tls {
                ca_file: Some(soon.clone()),
                cert_file: Some(late),
                ..settings.tls.clone()
            },
            replication_tls: settings.tls.clone(),
        }];
        let found = of_files(&settings);
        assert_eq!((found["ca"], found["client"]), (first, last), "a replica has its own");
        fs::write(&soon, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(of_files(&settings)["ca"], last, "what cannot be read is left out");
    }
}
