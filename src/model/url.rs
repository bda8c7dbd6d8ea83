//! Where a web server is found.

use std::fmt;

use super::names::Address;
use super::secret::Secret;

/// A text in which every byte but the `plain` ones stands as `%XX`.
pub fn percent_encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Where keyward speaks HTTP to. Displayed without path and query, which may hold tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl {
    /// `https`, not `http`.
    pub https: bool,
    /// Host and port.
    pub server: Address,
    /// The authority as it was written, for the header `Host`.
    pub authority: String,
    /// Path and query.
    pub path: Secret,
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}
