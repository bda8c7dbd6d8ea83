//! What TLS complains about, in words of our own: rustls speaks to programmers, counts seconds since 1970 and names pages of
//! its manual.

use std::io;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use crate::model::time::stamp;

/// What an error of a connection is about, on one line and without what `Reason` says already. `trusted` names where the
/// CAs come from, like `tls.ca_file`.
pub(super) fn told(error: &io::Error, trusted: &str) -> String {
    let inner = error.get_ref();
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<io::Error>()) {
        return told(inner, trusted);
    }
    match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => refusal(error, trusted),
        // rustls, of an end that TLS did not announce: a server that was killed
        None if inner.is_some() && error.kind() == io::ErrorKind::UnexpectedEof => "the other side is gone".to_owned(),
        None => error.to_string(),
    }
}

/// What rustls says, for people.
pub(super) fn refusal(error: &rustls::Error, trusted: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            let origin = format!("{trusted}; name its CA there");
            format!("the server's certificate {}", distrust(why, &origin, "the settings"))
        }
        rustls::Error::NoCertificatesPresented => "the server has no certificate".to_owned(),
        rustls::Error::AlertReceived(alert) => format!("the server ended it with the TLS alert {alert:?}"),
        other => other.to_string(),
    }
}

/// Why a certificate is not trusted, to be read after `the certificate`. `origin` says where the CAs come from, and
/// `addresses` where the server's name is written.
pub(super) fn distrust(why: &CertificateError, origin: &str, addresses: &str) -> String {
    match why {
        CertificateError::UnknownIssuer => format!("comes from no CA in {origin}"),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            format!("is for another name; write a name that it holds into {addresses}: {}", listed(presented))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("is for another name; write a name that it holds into {addresses}")
        }
        CertificateError::Expired => "has expired; renew it, and check this host's clock".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("has expired{}; renew it, and check this host's clock", day(" on", *not_after))
        }
        CertificateError::NotValidYet => "is not valid yet; check this host's clock".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("is not valid{}; check this host's clock", day(" before", *not_before))
        }
        other => format!("cannot be trusted: {other}"),
    }
}

/// Names as rustls gives them, `DnsName("a")` and `IpAddress(10.0.0.1)`, without the wrapping.
fn listed(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}

fn day(word: &str, at: UnixTime) -> String {
    let at = i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map(|at| format!("{word} {}", stamp(at))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: rustls::Error) -> String {
        told(&io::Error::new(io::ErrorKind::InvalidData, error), "tls.ca_file")
    }

    #[test]
    fn a_certificate_is_refused_with_what_to_do_and_in_words_of_our_own() {
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext { time: at(1_893_456_000), not_after: at(1_826_907_761) };
        let early = CertificateError::NotValidYetContext { time: at(5), not_before: at(1_826_907_761) };
        let name = CertificateError::NotValidForNameContext {
            expected: rustls::pki_types::ServerName::try_from("db.example.org").unwrap(),
            presented: vec!["DnsName(\"one\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()],
        };
        for (why, words) in [
            (CertificateError::UnknownIssuer, "comes from no CA in tls.ca_file; name its CA there"),
            (expired, "has expired on 2027-11-22 18:22:41 UTC; renew it, and check this host's clock"),
            (early, "is not valid before 2027-11-22 18:22:41 UTC; check this host's clock"),
            (name, "is for another name; write a name that it holds into the settings: one, 10.0.0.1"),
        ] {
            assert_eq!(of(rustls::Error::InvalidCertificate(why)), format!("the server's certificate {words}"));
        }
    }

    #[test]
    fn an_end_without_goodbye_names_no_manual() {
        let rustls = io::Error::new(io::ErrorKind::UnexpectedEof, "peer closed: https://docs.rs/rustls/manual");
        assert_eq!(told(&io::Error::other(rustls), "tls.ca_file"), "the other side is gone");
        let system = io::Error::from_raw_os_error(104);
        assert!(told(&system, "tls.ca_file").contains("reset by peer"));
    }
}
