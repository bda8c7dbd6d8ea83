//! What ends by itself one day: certificates and passwords.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::gauges::Families;
use crate::model::view::{ExpiryView, Snapshot};

/// The certificates of keyward's own files, and those of the servers that the regions see.
pub(super) fn certificates(out: &mut Families, snapshot: &Snapshot, files: &BTreeMap<&'static str, f64>) {
    for (&file, &end) in files {
        certificate(out, &[("certificate", file)], Some(end));
    }
    for region in &snapshot.regions {
        let labels = [("certificate", "master"), ("region", region.name.as_str())];
        certificate(out, &labels, region.master_certificate_until.map(seconds));
        for replica in &region.replicas {
            let labels = [("certificate", "replica"), labels[1], ("replica", replica.name.as_str())];
            certificate(out, &labels, replica.certificate_until.map(seconds));
        }
    }
}

fn certificate(out: &mut Families, labels: &[(&str, &str)], end: Option<f64>) {
    out.gauge(
        "keyward_certificate_expiry_timestamp_seconds",
        "When the certificate stops being valid: of a file of keyward's own, or of a server as last connected to.",
        labels,
        end,
    );
}

/// The passwords that keyward logs in with: its own account's on the servers, and its users' at the Keystones.
pub(super) fn passwords(out: &mut Families, snapshot: &Snapshot) {
    for known in snapshot.doctor.iter().flat_map(|doctor| &doctor.passwords) {
        let mut labels = vec![("password", if known.replica.is_some() { "replica" } else { "master" })];
        labels.extend(known.region.as_deref().map(|region| ("region", region)));
        labels.extend(known.replica.as_deref().map(|replica| ("replica", replica)));
        password(out, &labels, known.expiry);
    }
    for region in &snapshot.regions {
        for (name, keystone) in [("identity", &region.identity), ("local_identity", &region.local_identity)] {
            let labels = [("password", name), ("region", region.name.as_str())];
            password(out, &labels, keystone.as_ref().and_then(|keystone| keystone.password));
        }
    }
}

fn password(out: &mut Families, labels: &[(&str, &str)], expiry: Option<ExpiryView>) {
    let end = |expiry: ExpiryView| match expiry.at {
        Some(at) => seconds(at),
        None if expiry.limited => f64::NAN,
        None => f64::INFINITY,
    };
    out.gauge(
        "keyward_password_expiry_timestamp_seconds",
        "When a password that keyward logs in with expires, as last told; +Inf for never, NaN where nobody tells when.",
        labels,
        expiry.map(end),
    );
}

fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
