//! URLs of web servers.

use hyper::Uri;

use crate::model::secret::Secret;
use crate::model::{Address, WebUrl};

/// The URL that stands in for one that could not be read.
pub fn nowhere() -> WebUrl {
    let server = Address { host: String::new(), port: 0 };
    WebUrl { https: true, server, authority: String::new(), path: Secret::from("/") }
}

/// Reads a URL. What is said about it never quotes it, because it may hold a token; `instead` says what to do instead of
/// writing a user name or password into it.
///
/// # Errors
/// What is wrong with it, to be said behind its key.
pub fn parse(text: &str, instead: &str) -> Result<WebUrl, String> {
    let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(format!("must not hold a user name or password; {instead}"));
    }
    parts(text).map_err(str::to_owned)
}

fn parts(text: &str) -> Result<WebUrl, &'static str> {
    const FORM: &str = "is not a URL like https://hooks.example.net/keyward";
    let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
    let https = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("must begin with https:// or http://"),
    };
    if rest.contains('#') {
        return Err("must not hold a fragment, the part after `#`: no server ever sees it");
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must hold only ASCII characters and no spaces; write others as %XX, hosts as xn--");
    }
    let uri: Uri = text.parse().map_err(|_| FORM)?;
    let authority = uri.authority().ok_or(FORM)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let given = authority.as_str().strip_prefix(authority.host()).ok_or(FORM)?;
    let port = match (given.strip_prefix(':'), authority.port_u16()) {
        (None, _) if given.is_empty() => {
            if https {
                443
            } else {
                80
            }
        }
        (Some(_), Some(port)) if port != 0 => port,
        _ => return Err("must name a port from 1 to 65535, or none"),
    };
    if host.is_empty() {
        return Err(FORM);
    }
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    // a query may follow the host directly, but a request begins with a slash
    let slash = if asked.starts_with('/') { "" } else { "/" };
    let path = Secret::from(format!("{slash}{asked}").as_str());
    Ok(WebUrl { https, server: Address { host, port }, authority: authority.to_string(), path })
}
