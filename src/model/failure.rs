//! Why a look failed: a closed list, each reason either evidence of an outage or a living server's refusal.

use std::fmt;

use serde::Serialize;

/// The closed list of reasons for which a look can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody listens at the address.
    Refused,
    /// No answer within the time limit.
    TimedOut,
    /// The host name has no address.
    Unresolved,
    /// The connection broke while it was in use.
    Reset,
    /// The network says that the host cannot be reached.
    Unreachable,
    /// Error 1047: a Galera node outside its primary component.
    NotPrimary,
    /// Error 9001: ProxySQL has no backend that answers.
    NoBackend,
    /// The server refuses the user name or password.
    Login,
    /// The TLS handshake failed: certificate, name or protocol.
    Tls,
    /// Error 1040 or 1203: the server has no connection left for us.
    TooManyConnections,
    /// Error 1129 or 1130: the server does not talk to this host.
    HostBlocked,
    /// The account may not run the look's statement.
    Privilege,
    /// A web server answers 5xx: what is behind it does not work.
    ServerError,
    /// A Keystone does not take a token that it or another Keystone has issued.
    Token,
    /// Any other answer that is not the one expected; the server lives.
    Unexpected,
}

impl Reason {
    /// Every reason, in the order of the table in the README.
    pub const ALL: [Reason; 15] = [
        Reason::Refused,
        Reason::TimedOut,
        Reason::Unresolved,
        Reason::Reset,
        Reason::Unreachable,
        Reason::NotPrimary,
        Reason::NoBackend,
        Reason::Login,
        Reason::Tls,
        Reason::TooManyConnections,
        Reason::HostBlocked,
        Reason::Privilege,
        Reason::ServerError,
        Reason::Token,
        Reason::Unexpected,
    ];

    /// Whether the reason speaks for an outage; otherwise a living server refused us.
    pub fn is_evidence(self) -> bool {
        matches!(
            self,
            Reason::Refused
                | Reason::TimedOut
                | Reason::Unresolved
                | Reason::Reset
                | Reason::Unreachable
                | Reason::NotPrimary
                | Reason::NoBackend
                | Reason::ServerError
        )
    }

    /// The name used in metrics and JSON.
    pub fn code(self) -> &'static str {
        match self {
            Reason::Refused => "refused",
            Reason::TimedOut => "timed_out",
            Reason::Unresolved => "unresolved",
            Reason::Reset => "reset",
            Reason::Unreachable => "unreachable",
            Reason::NotPrimary => "not_primary",
            Reason::NoBackend => "no_backend",
            Reason::Login => "login",
            Reason::Tls => "tls",
            Reason::TooManyConnections => "too_many_connections",
            Reason::HostBlocked => "host_blocked",
            Reason::Privilege => "privilege",
            Reason::ServerError => "server_error",
            Reason::Token => "token",
            Reason::Unexpected => "unexpected",
        }
    }

    /// The reason in a few words for a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Refused => "connection refused",
            Reason::TimedOut => "no answer in time",
            Reason::Unresolved => "host name not found",
            Reason::Reset => "connection broken",
            Reason::Unreachable => "host unreachable",
            Reason::NotPrimary => "Galera node is not in the primary component",
            Reason::NoBackend => "the proxy has no server behind it",
            Reason::Login => "login refused",
            Reason::Tls => "TLS handshake failed",
            Reason::TooManyConnections => "too many connections",
            Reason::HostBlocked => "this host is not let in",
            Reason::Privilege => "privilege missing",
            Reason::ServerError => "answered with an error of its own",
            Reason::Token => "token refused",
            Reason::Unexpected => "unexpected answer",
        }
    }
}

/// A look that failed: the reason decides, the detail is for people and never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which of the closed list it was.
    pub reason: Reason,
    /// What the server or the system said, on one line.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.reason.words();
        match self.reason {
            // the system's own words say no more
            Reason::Refused => f.write_str(words),
            Reason::TimedOut if !self.detail.is_empty() => f.write_str(&self.detail),
            _ if self.detail.is_empty() => f.write_str(words),
            _ => write!(f, "{words} ({})", self.detail),
        }
    }
}

impl std::error::Error for Failure {}
